//! The form of a new topic: its name, how it is divided and copied, the settings that most topics are given, each in a
//! line, and any other by its name. What stays empty is the broker's to choose.

use leptos::prelude::*;

use crate::app::request_error::request_error_text;
use crate::app::{navigation, preferences, store};
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
    let is_under_way = RwSignal::new(false);
    // A form that was never sent is not scolded for being empty.
    let was_tried = RwSignal::new(false);
    let failure = RwSignal::new(None::<RequestError>);
    let shown_fault = move |of: fn(NewTopicError) -> bool| {
        move || form.with(NewTopic::fault).filter(|&fault| was_tried.get() && of(fault))
    };
    let create = move || {
        was_tried.set(true);
        let Ok(request) = form.with_untracked(NewTopic::request) else { return };
        if is_under_way.get_untracked() {
            return;
        }
        is_under_way.set(true);
        failure.set(None);
        let name = request.name.clone();
        store.request(request, move |answer| {
            // Cancelled meanwhile: whatever the user does now is not disturbed.
            let is_gone = is_under_way.try_set(false).is_some();
            match answer {
                Err(RequestError::Refused(error)) if is_gone => store.say_refused(error),
                _ if is_gone => {}
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
                             fault: NewTopicError,
                             field: fn(&mut NewTopic) -> &mut String| {
        let is_faulty = move || was_tried.get() && form.with(NewTopic::fault) == Some(fault);
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
                    aria-invalid=move || is_faulty().to_string()
                    on:input=move |event| form.update(|form| *field(form) = event_target_value(&event))
                />
                <span class="field-note" class:fault=is_faulty>
                    {move || if is_faulty() { prefs.words().number_from_one } else { note(prefs.words()) }}
                </span>
            </label>
        }
    };
    let name_fault = shown_fault(|fault| matches!(fault, NewTopicError::Name | NewTopicError::Internal));
    let name_note = move || match name_fault() {
        Some(NewTopicError::Internal) => prefs.words().topic_internal_fault,
        Some(_) => prefs.words().topic_invalid,
        None => "",
    };
    let others_note = move || match shown_fault(|fault| matches!(fault, NewTopicError::Line(_)))() {
        Some(NewTopicError::Line(line)) => prefs.words().others_fault.with_line(&line.to_string()),
        _ => prefs.words().others_note.to_owned(),
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
                    aria-invalid=move || name_fault().is_some().to_string()
                    on:input=move |event| form.update(|form| form.name = event_target_value(&event))
                />
                <span class="field-note fault" role="status">{name_note}</span>
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
                {move || failure.with(|failure| failure.as_ref().map(|reason| request_error_text(reason, prefs.words())))}
            </p>
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| open.set(false)>{prefs.text(|w| w.cancel)}</button>
                <button type="submit" class="button primary" data-testid="create-submit" disabled=move || is_under_way.get()>
                    {move || if is_under_way.get() { prefs.words().under_way } else { prefs.words().create }}
                </button>
            </div>
        </form>
    }
}
