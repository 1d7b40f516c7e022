//! The form of a batch: records that are pasted, dropped or read from a file, in one of several formats. The user sees the
//! parsed records and the errors before sending.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::platform::files;
use crate::send::batch_summary::BatchSummary;
use crate::send::more_button::MoreButton;
use crate::send::record_fields::TopicField;
use crate::send::send_blocked::send_blocked_words;
use crate::send::send_fields::SendFields;
use crate::send::send_form::SendForm;
use crate::send::send_guard::send_guard;
use crate::ui::drop_zone::DropZone;
use crate::ui::explain::Explain;
use crate::ui::file_picker::FilePicker;
use crate::ui::format;
use crate::ui::lazy::lazy_part;
use page_model::{
    BatchChoice, BatchReading, CsvColumn, Entries, Format, NoticeKind, ReadState, Run, SEPARATORS, topic_is_valid,
};

/// A longer text makes a text area slow; a longer paste is handled like a file.
const LARGEST_TYPED: u32 = 100_000;

const FORMATS: [(Format, &str); 4] =
    [(Format::Json, "json"), (Format::JsonLines, "jsonl"), (Format::Csv, "csv"), (Format::Lines, "lines")];
type ColumnKind = (&'static str, fn(&Words) -> &'static str);

const COLUMNS: [ColumnKind; 7] = [
    ("ignored", |words| words.column_ignored),
    ("key", |words| words.key),
    ("value", |words| words.value),
    ("partition", |words| words.partition),
    ("timestamp", |words| words.timestamp),
    ("headers", |words| words.column_headers),
    ("header", |words| words.column_header),
];

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
    // (Valid records, whether the check is complete); `None` without a text.
    let found =
        Memo::new(move |_| store.read(|state| state.batch().map(|batch| (batch.check.valid, batch.is_checked()))));
    let file = Memo::new(move |_| {
        store.read(|state| state.batch().and_then(|batch| Some((batch.name.clone()?, batch.text().len()))))
    });
    let why_not = move || {
        let words = prefs.words();
        let of_batch = || match found.get() {
            None => Some(words.batch_none),
            Some((_, false)) => Some(words.batch_checking),
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
    let cannot_send = Memo::new(move |_| why_not().is_some());
    let send = move || {
        if !cannot_send.get_untracked() {
            let (topic, records) = (fields.topic.get_untracked(), found.get_untracked().map(|(valid, _)| valid));
            guard.send(&topic.clone(), records, move || {
                store.send_batch(&topic);
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
                    <ReadingOptions />
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
                    {move || found.get().is_some().then(|| why_not().map(str::to_owned).or_else(skipped)).flatten()}
                </span>
            </div>
        </SendForm>
    }
}

fn format_words(format: Format, words: &'static Words) -> &'static str {
    match format {
        Format::Json => words.format_json,
        Format::JsonLines => words.format_json_lines,
        Format::Csv => words.format_csv,
        Format::Lines => words.format_lines,
    }
}

fn separator_words(separator: Option<char>, words: &'static Words) -> String {
    match separator {
        None => words.separator_none.to_owned(),
        Some('\t') => words.separator_tab.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// The format of the text and the options of the format. Each is detected until the user chooses.
#[component]
fn ReadingOptions() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let reading = Memo::new(move |_| store.read(|state| state.batch().map(|batch| batch.reading().clone())));
    let read = move |of: fn(&BatchReading) -> bool| reading.with(|reading| reading.as_ref().is_some_and(of));
    let choose = move |change: &dyn Fn(&mut BatchChoice)| {
        if let Some(mut choice) = store.untracked(|state| state.batch().map(|batch| batch.choice().clone())) {
            change(&mut choice);
            store.act(|state, _| state.choose_batch(choice));
        }
    };
    let format = Memo::new(move |_| reading.with(|reading| reading.as_ref().map(|reading| reading.format)));
    let format_name = move || FORMATS.iter().find(|(each, _)| Some(*each) == format.get()).map_or("", |(_, name)| name);
    let separator = Memo::new(move |_| reading.with(|reading| reading.as_ref().and_then(|reading| reading.separator)));
    let separator_name = move || separator.get().map_or("none".to_owned(), |separator| separator.to_string());
    let is_json = Memo::new(move |_| matches!(format.get(), Some(Format::Json | Format::JsonLines)));
    let is_records = Memo::new(move |_| read(|reading| reading.entries == Entries::Records));
    let is_csv = Memo::new(move |_| format.get() == Some(Format::Csv));
    let has = move |of: fn(&page_model::BatchCheck) -> bool| {
        store.read(|state| state.batch().is_some_and(|batch| of(&batch.check)))
    };
    let has_partitions = Memo::new(move |_| has(|check| check.has_partitions));
    let has_timestamps = Memo::new(move |_| has(|check| check.has_timestamps));
    let check = move |testid: &'static str,
                      label: fn(&Words) -> &'static str,
                      is_on: fn(&BatchReading) -> bool,
                      set: fn(&mut BatchChoice, bool)| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=testid
                    prop:checked=move || read(is_on)
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        choose(&|choice| set(choice, on));
                    }
                />
                {move || label(prefs.words())}
            </label>
        }
        .into_any()
    };
    view! {
        <div class="two">
            <div class="field">
                <div class="field-head">
                    <label for="batch-format">{prefs.text(|w| w.batch_format)}</label>
                </div>
                <select
                    id="batch-format"
                    data-testid="batch-format"
                    prop:value=format_name
                    on:change=move |event| {
                        let name = event_target_value(&event);
                        let format = FORMATS.iter().find(|(_, each)| *each == name).map(|(format, _)| *format);
                        choose(&|choice| choice.format = format);
                    }
                >
                    {FORMATS
                        .map(|(each, name)| {
                            view! {
                                <option value=name selected=format.get_untracked() == Some(each)>
                                    {move || format_words(each, prefs.words())}
                                </option>
                            }
                        })}
                </select>
            </div>
            <Show when=move || is_json.get()>
                <div class="field">
                    <div class="field-head">
                        <label for="batch-entries">{prefs.text(|w| w.batch_entries)}</label>
                        <Explain thing=|w| w.batch_entries text=|w| w.explain_entries />
                    </div>
                    <select
                        id="batch-entries"
                        data-testid="batch-entries"
                        prop:value=move || if is_records.get() { "records" } else { "values" }
                        on:change=move |event| {
                            let records = event_target_value(&event) == "records";
                            choose(
                                &|choice| {
                                    choice.entries = Some(if records { Entries::Records } else { Entries::Values });
                                },
                            );
                        }
                    >
                        <option value="values" selected=!is_records.get_untracked()>
                            {prefs.text(|w| w.entries_values)}
                        </option>
                        <option value="records" selected=is_records.get_untracked()>
                            {prefs.text(|w| w.entries_records)}
                        </option>
                    </select>
                </div>
            </Show>
            <Show when=move || format.get() == Some(Format::Lines)>
                <div class="field">
                    <div class="field-head">
                        <label for="batch-separator">{prefs.text(|w| w.batch_separator)}</label>
                    </div>
                    <select
                        id="batch-separator"
                        data-testid="batch-separator"
                        prop:value=separator_name
                        on:change=move |event| {
                            let separator = event_target_value(&event);
                            let separator = if separator == "none" { None } else { separator.chars().next() };
                            choose(&|choice| choice.separator = Some(separator));
                        }
                    >
                        <option value="none" selected=separator.get_untracked().is_none()>
                            {prefs.text(|w| w.separator_none)}
                        </option>
                        {SEPARATORS
                            .map(|each| {
                                view! {
                                    <option value=each.to_string() selected=separator.get_untracked() == Some(each)>
                                        {move || separator_words(Some(each), prefs.words())}
                                    </option>
                                }
                            })}
                    </select>
                </div>
            </Show>
        </div>
        <Show when=move || is_csv.get()>
            <Columns reading=reading />
            {check("batch-empty-null", |w| w.batch_empty_null, |r| r.empty_is_null, |c, on| c.empty_is_null = on)}
        </Show>
        <Show when=move || {
            has_partitions.get()
        }>
            {check(
                "batch-keep-partitions",
                |w| w.batch_keep_partitions,
                |r| !r.drop_partitions,
                |c, on| c.drop_partitions = !on,
            )}
        </Show>
        <Show when=move || {
            has_timestamps.get()
        }>
            {check(
                "batch-keep-timestamps",
                |w| w.batch_keep_timestamps,
                |r| !r.drop_timestamps,
                |c, on| c.drop_timestamps = !on,
            )}
        </Show>
    }
}

/// The content of each CSV column.
#[component]
fn Columns(reading: Memo<Option<BatchReading>>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let columns = Memo::new(move |_| {
        reading.with(|reading| {
            let reading = reading.as_ref()?;
            Some(reading.names.iter().cloned().zip(reading.columns.iter().cloned()).enumerate().collect::<Vec<_>>())
        })
    });
    let choose = move |at: usize, name: &str, kind: &str| {
        let Some(reading) = reading.get_untracked() else { return };
        let mut columns = reading.columns;
        columns[at] = match kind {
            "key" => CsvColumn::Key,
            "value" => CsvColumn::Value,
            "partition" => CsvColumn::Partition,
            "timestamp" => CsvColumn::Timestamp,
            "headers" => CsvColumn::Headers,
            "header" => CsvColumn::Header(name.to_owned()),
            _ => CsvColumn::Ignored,
        };
        if let Some(choice) = store.untracked(|state| state.batch().map(|batch| batch.choice().clone())) {
            store.act(|state, _| state.choose_batch(BatchChoice { columns: Some(columns), ..choice }));
        }
    };
    // The rows are kept when a choice changes, so that the `<select>` keeps the focus.
    let row = move |(at, (name, _)): (usize, (String, CsvColumn))| {
        let kind = move || {
            columns.with(|columns| match columns.as_ref().and_then(|columns| Some(&columns.get(at)?.1.1)) {
                None | Some(CsvColumn::Ignored) => "ignored",
                Some(CsvColumn::Key) => "key",
                Some(CsvColumn::Value) => "value",
                Some(CsvColumn::Partition) => "partition",
                Some(CsvColumn::Timestamp) => "timestamp",
                Some(CsvColumn::Headers) => "headers",
                Some(CsvColumn::Header(_)) => "header",
            })
        };
        let (label, column_name) = (name.clone(), name.clone());
        let options = COLUMNS.map(|(each, words)| view! { <option value=each>{move || words(prefs.words())}</option> });
        view! {
            <li>
                <span class="mono clip">{label.clone()}</span>
                <select
                    data-testid="batch-column"
                    aria-label=move || prefs.words().column_is.with_name(&label)
                    prop:value=kind
                    on:change=move |event| choose(at, &column_name, &event_target_value(&event))
                >
                    {options}
                </select>
            </li>
        }
    };
    view! {
        <div class="field">
            <span class="field-head">{prefs.text(|w| w.batch_columns)}</span>
            <ul class="columns">
                <For
                    each=move || columns.get().unwrap_or_default()
                    key=|(at, (name, _))| (*at, name.clone())
                    children=row
                />
            </ul>
        </div>
    }
}
