//! The form of a batch: records that are pasted, dropped or read from a file, in one of several formats. The user sees the
//! parsed records and the errors before sending.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::{preferences, store};
use crate::platform::files;
use crate::send::batch_options::BatchOptions;
use crate::send::batch_summary::BatchSummary;
use crate::send::more_button::MoreButton;
use crate::send::record_fields::TopicField;
use crate::send::send_blocked::send_blocked_words;
use crate::send::send_fields::SendFields;
use crate::send::send_form::SendForm;
use crate::send::send_guard::send_guard;
use crate::send::typed_field::{load_typed_batch, typed_batch};
use crate::send::typed_task::{TypedTask, start_typed};
use crate::ui::drop_zone::DropZone;
use crate::ui::explain::Explain;
use crate::ui::file_picker::FilePicker;
use crate::ui::format;
use crate::ui::lazy::{Lazy, lazy_part};
use page_model::{Batch, NoticeKind, ReadState, RecordEncoding, Run, topic_is_valid};

/// A longer text makes a text area slow; a longer paste is handled like a file.
const LARGEST_TYPED: u32 = 100_000;

lazy_part! {
    /// The form for many records.
    batch, load_batch_form, pub fn batch_form(fields: SendFields) -> LoadedView {
        Ok(view! { <BatchForm fields=fields /> }.into_any())
    }
}

#[component]
fn BatchForm(fields: SendFields) -> impl IntoView {
    let (store, prefs, guard) = (store(), preferences(), send_guard());
    let blocked = send_blocked_words(fields.topic.into());
    let topic_error = Memo::new(move |_| fields.topic.with(|topic| !topic_is_valid(topic)));
    let run_is_active = Memo::new(move |_| store.read(|state| state.run().is_some_and(Run::is_active)));
    let has_value =
        Memo::new(move |_| store.read(|state| state.batch().is_none_or(|batch| batch.reading().has_value())));
    // (Valid records, whether the check is complete); `None` without a text.
    // A batch that is checked for another topic or encoding is not complete.
    let found = Memo::new(move |_| {
        let (topic, encoding) = (fields.topic.get(), fields.encoding.get());
        let is_complete = |batch: &Batch| batch.is_checked() && batch.is_encoded_as(&topic, &encoding);
        store.read(|state| state.batch().map(|batch| (batch.check.valid, is_complete(batch))))
    });
    let file = Memo::new(move |_| {
        store.read(|state| state.batch().and_then(|batch| Some((batch.name.clone()?, batch.text().len()))))
    });
    let why_not = move || {
        let words = prefs.words();
        let of_batch = || match found.get() {
            None => Some(words.batch_none),
            // The choice of formats says why.
            Some((_, false)) if fields.batch_error.with(Option::is_some) => Some(words.cannot_send_form),
            Some((_, false)) => Some(words.batch_checking),
            Some((_, true)) if !has_value.get() => Some(words.batch_no_value),
            Some((0, true)) => Some(words.batch_none_valid),
            Some(_) => None,
        };
        blocked()
            .or_else(|| topic_error.get().then_some(words.cannot_send_form))
            .or_else(of_batch)
            .or_else(|| run_is_active.get().then_some(words.run_active))
    };
    // The list of errors above may be scrolled out of sight.
    let skipped = move || {
        let invalid = store.read(|state| state.batch().map_or(0, |batch| batch.check.invalid));
        let (words, shown) = (prefs.words(), format::number(invalid, prefs.language()));
        (invalid > 0).then(|| words.batch_invalid_count.count(invalid, &shown))
    };
    let note = move || why_not().map(str::to_owned).or_else(skipped);
    let cannot_send = Memo::new(move |_| why_not().is_some());
    let send = move || {
        if !cannot_send.get_untracked() {
            let (topic, records) = (fields.topic.get_untracked(), found.get_untracked().map(|(valid, _)| valid));
            let is_text = fields.encoding.with_untracked(RecordEncoding::is_text);
            guard.send(&topic.clone(), records, move || {
                if is_text {
                    store.send_batch(&topic);
                } else {
                    start_typed(fields, TypedTask::Batch(topic.clone()));
                }
            });
        }
    };
    let load_file = move |file: web_sys::File| {
        files::read(file, move |name, bytes| match String::from_utf8(bytes) {
            Ok(text) => store.act(|state, _| state.set_batch(Some(name), text.into())),
            Err(_) => store.notify(NoticeKind::NotUtf8(name)),
        });
    };

    let typed = store
        .untracked(|state| state.batch().filter(|batch| batch.name.is_none()).map(|batch| batch.text().to_owned()));
    let typed = StoredValue::new(typed.unwrap_or_default());
    let paste = move |event: leptos::ev::Event| {
        let event: web_sys::ClipboardEvent = event.unchecked_into();
        let text = event.clipboard_data().and_then(|data| data.get_data("text").ok()).unwrap_or_default();
        if text.len() as u32 > LARGEST_TYPED {
            event.prevent_default();
            store.act(|state, _| state.set_batch(Some(prefs.words_untracked().batch_pasted.to_owned()), text.into()));
        }
    };
    let source = move || match file.get() {
        Some((name, size)) => view! {
            <div class="file-chip" role="group" aria-label=prefs.text(|w| w.batch_text) data-testid="batch-file">
                <span class="clip">{move || format!("{name} · {}", format::bytes(size, prefs.language()))}</span>
                <button
                    type="button"
                    class="icon"
                    data-testid="batch-remove"
                    aria-label=prefs.text(|w| w.file_remove)
                    on:click=move |_| {
                        typed.set_value(String::new());
                        store.act(|state, _| state.set_batch(None, "".into()));
                    }
                >
                    "×"
                </button>
            </div>
        }
        .into_any(),
        None => view! {
            <textarea
                id="batch-text"
                class="mono"
                data-testid="batch-text"
                rows="6"
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.batch_placeholder)
                prop:value=typed.get_value()
                on:input=move |event| {
                    let text = event_target_value(&event);
                    typed.set_value(text.clone());
                    store.act(|state, _| state.set_batch(None, text.into()));
                }
                on:paste=move |event| paste(event.into())
            ></textarea>
        }
        .into_any(),
    };
    view! {
        <SendForm class="composer batch-form" send=send>
            <div class="fields">
                <TopicField fields=fields id="batch-topic".to_owned() />
                <Lazy preload=load_typed_batch view=move || typed_batch(fields) is_small=true />
                <DropZone class="field" testid="batch-drop" on_file=load_file>
                    <div class="field-head">
                        <label for="batch-text">{prefs.text(|w| w.batch_text)}</label>
                        <Explain thing=|w| w.tab_batch text=|w| w.explain_batch />
                        <FilePicker
                            label=|w| w.batch_choose_file
                            testid="batch-choose"
                            picker_testid="batch-picker"
                            class="link file-link"
                            on_file=load_file
                        />
                    </div>
                    {source}
                </DropZone>
                <Show when=move || found.get().is_some()>
                    <BatchOptions topic=fields.topic.into() />
                    <BatchSummary />
                </Show>
            </div>
            <div class="actions">
                <button
                    type="submit"
                    class="button primary"
                    data-testid="batch-send"
                    disabled=move || cannot_send.get()
                    title=why_not
                    aria-describedby="batch-why-not"
                >
                    {move || {
                        let words = prefs.words();
                        match found.get() {
                            Some((valid, true)) if valid > 0 => {
                                let shown = format::number(valid, prefs.language());
                                words.batch_send_count.count(valid, &shown)
                            }
                            _ => words.send.to_owned(),
                        }
                    }}
                </button>
                <MoreButton is_open=fields.is_open />
                <span id="batch-why-not" class="why-not" role="status">
                    {move || found.get().is_some().then(note).flatten()}
                </span>
            </div>
        </SendForm>
    }
}
