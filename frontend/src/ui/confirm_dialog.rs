//! The confirmation dialog. Destructive actions require typing the name of the object. Components open it through
//! [`Confirmations`], and report the outcome there.

use std::rc::Rc;

use leptos::prelude::*;

use crate::context::request_error::request_error_text;
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::ui::dialog::Dialog;
use crate::ui::lazy::{Lazy, lazy_part};
use page_model::{ReadState, RequestError};

/// The contents of the dialog. Title and text stay in the language of the moment when the dialog opens.
#[derive(Clone)]
pub struct Confirmation {
    pub title: String,
    /// What the action does, and whether it can be undone.
    pub text: String,
    /// The label of the confirm button.
    pub verb: fn(&'static Words) -> &'static str,
    /// The text that must be typed to confirm.
    pub typed: Option<String>,
    /// The action cannot be confirmed while the page is not connected.
    pub needs_connection: bool,
    /// Runs the action and reports the outcome with [`Confirmations::finish`].
    pub on_confirm: Rc<dyn Fn(Confirmations)>,
}

#[derive(Clone, Default, PartialEq)]
enum Progress {
    #[default]
    Open,
    Waiting,
    Failed(RequestError),
}

/// Provided by `App`, above every component.
#[derive(Clone, Copy)]
pub struct Confirmations {
    store: Store,
    current: StoredValue<Option<Confirmation>, LocalStorage>,
    is_open: RwSignal<bool>,
    progress: RwSignal<Progress>,
    /// Number of dialogs opened so far.
    count: StoredValue<u64>,
    /// The dialog that this handle belongs to, counted from 1.
    number: u64,
}

impl Confirmations {
    pub fn new(store: Store) -> Self {
        let (current, is_open) = (StoredValue::new_local(None), RwSignal::new(false));
        Self { store, current, is_open, progress: RwSignal::new(Progress::Open), count: StoredValue::new(0), number: 0 }
    }

    pub fn ask(self, confirmation: Confirmation) {
        self.current.set_value(Some(confirmation));
        self.count.update_value(|count| *count += 1);
        self.progress.set(Progress::Open);
        self.is_open.set(true);
    }

    /// Closes the dialog, or shows the error: in the dialog, or as a toast if the user has closed the dialog meanwhile.
    pub fn finish(self, outcome: Result<(), RequestError>) {
        let is_current = self.is_open.get_untracked() && self.number == self.count.get_value();
        match outcome {
            Ok(()) if is_current => self.is_open.set(false),
            Err(reason) if is_current => self.progress.set(Progress::Failed(reason)),
            Err(RequestError::Refused(error)) => self.store.notify_error(error),
            _ => {}
        }
    }
}

pub fn confirmations() -> Confirmations {
    expect_context()
}

#[component]
pub fn ConfirmDialog(confirmations: Confirmations) -> impl IntoView {
    let title = move || {
        confirmations.is_open.track();
        confirmations
            .current
            .with_value(|current| current.as_ref().map(|current| current.title.clone()).unwrap_or_default())
    };
    view! {
        <Dialog open=confirmations.is_open testid="confirm-dialog" title=Signal::derive(title)>
            <Lazy preload=load_confirm_form view=move || confirm_form(confirmations) />
        </Dialog>
    }
}

lazy_part! {
    /// The question, the field for the name, and the buttons.
    dialogs, load_confirm_form, pub fn confirm_form(confirmations: Confirmations) -> LoadedView {
        Ok(view! { <ConfirmForm confirmations=confirmations /> }.into_any())
    }
}

#[component]
fn ConfirmForm(confirmations: Confirmations) -> impl IntoView {
    let (prefs, store) = (preferences(), store());
    let confirmations = Confirmations { number: confirmations.count.get_value(), ..confirmations };
    let Confirmation { text, verb, typed: name, needs_connection, on_confirm, .. } =
        confirmations.current.get_value()?;
    let (on_confirm, needs_name) = (StoredValue::new_local(on_confirm), name.is_some());
    let expected = name.clone();
    let typed = RwSignal::new(String::new());
    let is_confirmed =
        Memo::new(move |_| expected.as_ref().is_none_or(|name| typed.with(|typed| typed.trim() == name)));
    let progress = confirmations.progress;
    let is_waiting = move || progress.with(|progress| *progress == Progress::Waiting);
    let error = move || {
        progress.with(|progress| match progress {
            Progress::Failed(reason) => Some(request_error_text(reason, prefs.words())),
            _ => None,
        })
    };
    // The dialog cannot stay pending: a lost connection fails the request.
    let confirm = move || {
        if is_confirmed.get_untracked() && !progress.with_untracked(|progress| *progress == Progress::Waiting) {
            progress.set(Progress::Waiting);
            on_confirm.with_value(|on_confirm| on_confirm(confirmations));
        }
    };
    let name_field = name.map(|name| {
        view! {
            <label class="field">
                <span class="field-head">
                    {prefs.text(|w| w.confirm_type)} <code class="name-to-type">{name}</code>
                </span>
                <input
                    type="text"
                    class="mono"
                    data-testid="confirm-name"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    autofocus
                    prop:value=move || typed.get()
                    on:input=move |event| typed.set(event_target_value(&event))
                />
            </label>
        }
    });
    let is_offline = move || needs_connection && store.read(|state| !state.link().is_open());
    Some(view! {
        <form
            class="dialog-form"
            on:submit=move |event| {
                event.prevent_default();
                confirm();
            }
        >
            <p>{text}</p>
            {name_field}
            <p class="fault" role="alert" data-testid="confirm-fault">
                {error}
            </p>
            <div class="dialog-actions">
                <button
                    type="button"
                    class="button"
                    data-testid="confirm-cancel"
                    autofocus=!needs_name
                    on:click=move |_| confirmations.is_open.set(false)
                >
                    {prefs.text(|w| w.cancel)}
                </button>
                <button
                    type="submit"
                    class="button danger"
                    data-testid="confirm"
                    disabled=move || !is_confirmed.get() || is_waiting() || is_offline()
                >
                    {move || if is_waiting() { prefs.words().in_progress } else { verb(prefs.words()) }}
                </button>
            </div>
        </form>
    })
}
