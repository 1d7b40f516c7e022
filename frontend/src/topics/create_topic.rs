//! The form of a new topic: name, partitions, replication factor, a field for each common setting, and a field for other
//! settings. The broker's default applies to empty fields.

use leptos::prelude::*;
use protocol::{Action, Object};

use crate::context::request_error::request_error_text;
use crate::context::{navigation, preferences, store};
use crate::i18n::Words;
use crate::topics::setting_words::{common_setting_note, setting_value};
use crate::ui::dialog::Dialog;
use page_model::{Address, COMMON_SETTINGS, NewTopic, NewTopicError, ReadState, RequestError, View};

#[component]
pub fn CreateTopicDialog(open: RwSignal<bool>) -> impl IntoView {
    let prefs = preferences();
    view! {
        <Dialog open=open testid="create-dialog" title=Signal::derive(move || prefs.words().create_topic.to_owned())>
            <CreateTopicForm open=open />
        </Dialog>
    }
}

#[component]
fn CreateTopicForm(open: RwSignal<bool>) -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let form = RwSignal::new(NewTopic::default());
    let is_demo = store.untracked(|state| state.is_demo());
    let demo_note = move || is_demo.then(|| prefs.words().demo_no_settings);
    let is_waiting = RwSignal::new(false);
    // Errors are shown after the first attempt to submit the form.
    let was_submitted = RwSignal::new(false);
    let failure = RwSignal::new(None::<RequestError>);
    let shown_error = move |of: fn(NewTopicError) -> bool| {
        move || form.with(NewTopic::error).filter(|&error| was_submitted.get() && of(error))
    };
    let create = move || {
        was_submitted.set(true);
        let Ok(request) = form.with_untracked(NewTopic::request) else { return };
        if is_waiting.get_untracked() {
            return;
        }
        is_waiting.set(true);
        failure.set(None);
        let name = request.name.clone();
        store.request(request, move |reply| {
            // The dialog may have been closed meanwhile; the page then does not navigate to the new topic.
            let is_unmounted = is_waiting.try_set(false).is_some();
            match reply {
                Err(RequestError::Refused(error)) if is_unmounted => store.notify_error(error),
                _ if is_unmounted => {}
                Ok(_) => {
                    open.set(false);
                    navigation.open(Address::of(View::Topic(name)));
                }
                Err(reason) => failure.set(Some(reason)),
            }
        });
    };
    let number_field = move |testid: &'static str,
                             label: fn(&'static Words) -> &'static str,
                             note: fn(&'static Words) -> &'static str,
                             is_disabled: bool,
                             error: NewTopicError,
                             field: fn(&mut NewTopic) -> &mut String| {
        let is_invalid = move || was_submitted.get() && form.with(NewTopic::error) == Some(error);
        view! {
            <label class="field">
                <span class="field-head">{prefs.text(label)}</span>
                <input
                    type="number"
                    min="1"
                    data-testid=testid
                    placeholder=prefs.text(|w| w.brokers_default)
                    disabled=is_disabled
                    title=move || if is_disabled { demo_note() } else { None }
                    aria-invalid=move || is_invalid().to_string()
                    on:input=move |event| form.update(|form| *field(form) = event_target_value(&event))
                />
                <span class="field-note" class:fault=is_invalid>
                    {move || if is_invalid() { prefs.words().number_from_one } else { note(prefs.words()) }}
                </span>
            </label>
        }
    };
    let name_error = shown_error(|error| matches!(error, NewTopicError::Name | NewTopicError::Internal));
    let is_forbidden = Memo::new(move |_| {
        let name = form.with(|form| form.name.trim().to_owned());
        !name.is_empty() && store.read(|state| !state.may(Action::Create, &Object::Topic(&name)))
    });
    let name_note = move || match name_error() {
        Some(NewTopicError::Internal) => prefs.words().topic_name_reserved,
        Some(_) => prefs.words().topic_invalid,
        None if is_forbidden.get() => prefs.words().forbidden_create,
        None => "",
    };
    let others_note = move || match shown_error(|error| matches!(error, NewTopicError::Line(_)))() {
        Some(NewTopicError::Line(line)) => prefs.words().invalid_other_settings.with_line(&line.to_string()),
        _ => prefs.words().other_settings_note.to_owned(),
    };
    let common = COMMON_SETTINGS.iter().map(|setting| {
        let options = setting.values.iter().map(|value| {
            view! { <option value=*value>{move || setting_value(setting.name, value, prefs)}</option> }
        });
        view! {
            <label class="setting-line">
                <span class="field-head mono">{setting.name}</span>
                <span class="field-note">{move || common_setting_note(setting.name, prefs.words())}</span>
                <select
                    data-testid=format!("create-{}", setting.name)
                    disabled=is_demo
                    title=demo_note
                    on:change=move |event| {
                        form.update(|form| drop(form.common.insert(setting.name, event_target_value(&event))));
                    }
                >
                    <option value="">{prefs.text(|w| w.brokers_default)}</option>
                    {options.collect::<Vec<_>>()}
                </select>
            </label>
        }
    });
    view! {
        <form
            class="dialog-form create-form"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                create();
            }
        >
            <label class="field">
                <span class="field-head">{prefs.text(|w| w.topic_name)}</span>
                <input
                    type="text"
                    class="mono"
                    data-testid="create-name"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    autofocus
                    aria-invalid=move || (name_error().is_some() || is_forbidden.get()).to_string()
                    on:input=move |event| form.update(|form| form.name = event_target_value(&event))
                />
                <span class="field-note fault" role="status">
                    {name_note}
                </span>
            </label>
            <div class="two">
                {number_field(
                    "create-partitions",
                    |w| w.partitions_word,
                    |w| w.partitions_note,
                    false,
                    NewTopicError::Partitions,
                    |form| &mut form.partitions,
                )}
                {number_field(
                    "create-replication",
                    |w| w.replication_word,
                    |w| w.replication_note,
                    is_demo,
                    NewTopicError::Replication,
                    |form| &mut form.replication,
                )}
            </div>
            <fieldset class="plain">
                <legend>{prefs.text(|w| w.settings_word)}</legend>
                {is_demo.then(|| view! { <p class="field-note warn">{demo_note}</p> })}
                {common.collect::<Vec<_>>()}
                <label class="field">
                    <span class="field-head">{prefs.text(|w| w.other_settings)}</span>
                    <textarea
                        class="mono"
                        rows="3"
                        data-testid="create-others"
                        placeholder="segment.bytes=104857600"
                        spellcheck="false"
                        disabled=is_demo
                        title=demo_note
                        on:input=move |event| form.update(|form| form.others = event_target_value(&event))
                    ></textarea>
                    <span class="field-note">{others_note}</span>
                </label>
            </fieldset>
            <p class="fault" role="alert" data-testid="create-fault">
                {move || {
                    failure.with(|failure| failure.as_ref().map(|reason| request_error_text(reason, prefs.words())))
                }}
            </p>
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    {prefs.text(|w| w.cancel)}
                </button>
                <button
                    type="submit"
                    class="button primary"
                    data-testid="create-submit"
                    disabled=move || is_waiting.get() || is_forbidden.get()
                    title=move || is_forbidden.get().then(|| prefs.words().forbidden_create)
                >
                    {move || if is_waiting.get() { prefs.words().in_progress } else { prefs.words().create }}
                </button>
            </div>
        </form>
    }
}
