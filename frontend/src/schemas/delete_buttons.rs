//! Deletes a subject or one of its versions: first so that it can be restored, then for ever.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, DeleteSubject};

use crate::context::{navigation, preferences, store};
use crate::schemas::blocked::schema_blocked;
use crate::schemas::subject_view::OpenSubject;
use crate::ui::confirm_dialog::{Confirmation, confirmations};
use page_model::{Address, View};

#[component]
pub fn DeleteButtons(subject: OpenSubject) -> impl IntoView {
    let (store, prefs, navigation, confirmations) = (store(), preferences(), navigation(), confirmations());
    let blocked = schema_blocked(Action::Delete, Some(subject.name));
    let is_subject_deleted = Memo::new(move |_| subject.is_deleted());
    let is_version_deleted = Memo::new(move |_| subject.version.get().is_some_and(|at| subject.is_version_deleted(at)));
    let ask = move |version: Option<u32>| {
        let (name, words) = (subject.name(), prefs.words_untracked());
        let permanent = match version {
            Some(_) => is_version_deleted.get_untracked(),
            None => is_subject_deleted.get_untracked(),
        };
        let title = match version {
            Some(version) => words.delete_version_title.with_n_subject(&version.to_string(), &name),
            None => words.delete_subject_title.with_subject(&name),
        };
        confirmations.ask(Confirmation {
            title,
            text: if permanent { words.delete_schema_permanent_text } else { words.delete_schema_text }.to_owned(),
            verb: if permanent { |w| w.delete_permanently } else { |w| w.delete_schema },
            typed: Some(name.clone()),
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                let (subject_name, confirm) = (name.clone(), name.clone());
                let request = DeleteSubject { subject: subject_name, version, permanent, confirm };
                let name = name.clone();
                store.request(request, move |reply| {
                    let is_done = reply.is_ok();
                    confirmations.finish(reply.map(drop));
                    if !is_done {
                        return;
                    }
                    match (permanent, version) {
                        (true, None) => navigation.open(Address::of(View::Schemas)),
                        (true, Some(_)) => {
                            navigation.open(Address::of(View::Subject(name)));
                            subject.loaded.state.again();
                        }
                        (false, _) => subject.loaded.state.again(),
                    }
                });
            }),
        });
    };
    let subject_label = move || match is_subject_deleted.get() {
        true => prefs.words().delete_subject_permanently,
        false => prefs.words().delete_subject,
    };
    let version_label = move || {
        let words = prefs.words();
        let text = if is_version_deleted.get() { words.delete_version_permanently } else { words.delete_version };
        text.with_n(&subject.version.get().unwrap_or_default().to_string())
    };
    view! {
        <button
            type="button"
            class="button"
            data-testid="schema-delete-version"
            data-permanent=move || is_version_deleted.get().to_string()
            disabled=move || blocked().is_some() || subject.version.get().is_none()
            title=blocked
            aria-describedby="cannot-delete"
            on:click=move |_| {
                if let Some(version) = subject.version.get_untracked() {
                    ask(Some(version));
                }
            }
        >
            {version_label}
        </button>
        <button
            type="button"
            class="button"
            data-testid="schema-delete"
            data-permanent=move || is_subject_deleted.get().to_string()
            disabled=move || blocked().is_some()
            title=blocked
            aria-describedby="cannot-delete"
            on:click=move |_| ask(None)
        >
            {subject_label}
        </button>
        <p id="cannot-delete" class="why-not" data-testid="why-not">
            {blocked}
        </p>
    }
}
