//! How the text of a batch is read: the format, why it was chosen, and the options of the format. Each is detected until the
//! user chooses.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::ui::explain::Explain;
use page_model::{BatchChoice, BatchReading, CsvColumn, Entries, Format, ReadState, Reason, RecordField, SEPARATORS};

const FORMATS: [(Format, &str); 4] =
    [(Format::Json, "json"), (Format::JsonLines, "jsonl"), (Format::Csv, "csv"), (Format::Lines, "lines")];
type ColumnKind = (&'static str, fn(&Words) -> &'static str);

const COLUMNS: [ColumnKind; 9] = [
    ("ignored", |words| words.column_ignored),
    ("field", |words| words.column_field),
    ("key", |words| words.key),
    ("key-and-field", |words| words.column_key_and_field),
    ("value", |words| words.column_whole_value),
    ("partition", |words| words.partition),
    ("timestamp", |words| words.timestamp),
    ("headers", |words| words.column_headers),
    ("header", |words| words.column_header),
];

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

/// Why the text is read in this format; nothing if the user chose the format.
fn reason_words(reading: &BatchReading, words: &'static Words) -> String {
    let text = match reading.reason {
        Reason::Chosen => "",
        Reason::JsonArray => words.reason_json_array,
        Reason::JsonValues => words.reason_json_values,
        Reason::BrokenJson => words.reason_broken_json,
        Reason::JsonLines => words.reason_json_lines,
        Reason::JsonLinesWithCommas => words.reason_json_commas,
        Reason::MostLinesAreJson { json, lines } => {
            return words.reason_most_lines.with_n_total(&json.to_string(), &lines.to_string());
        }
        Reason::SeparatorLine => words.reason_separator_line,
        Reason::RecordColumns => words.reason_record_columns,
        Reason::ColumnNames => words.reason_column_names,
        Reason::EqualColumns => words.reason_equal_columns,
        Reason::Separator => match reading.separator {
            Some(separator) => return words.reason_separator.with_separator(&separator_words(Some(separator), words)),
            None => words.reason_no_separator,
        },
        Reason::NoSeparator => words.reason_no_separator,
        Reason::NotJson(spot) => {
            return words.reason_not_json.with_column_line(&spot.column.to_string(), &spot.line.to_string());
        }
    };
    text.to_owned()
}

/// `topic`: the topic to which the records will be sent.
#[component]
pub fn BatchOptions(topic: Signal<String>) -> impl IntoView {
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
    let keeps = Memo::new(move |_| topic.with(|topic| store.read(|state| Some(state.batch()?.keeps(topic.trim())))));
    let has_fields = Memo::new(move |_| read(|reading| reading.columns.iter().any(CsvColumn::is_field)));
    let reason = move || {
        reading.with(|reading| reading.as_ref().map(|reading| reason_words(reading, prefs.words()))).unwrap_or_default()
    };
    let keeps_note = move || {
        let has_either = has_partitions.get() || has_timestamps.get();
        let other = keeps.get().filter(|_| has_either).and_then(|keeps| keeps.other_topic);
        other.map(|topic| prefs.words().batch_other_topic.with_name(&topic)).unwrap_or_default()
    };
    let check = move |testid: &'static str, label: Signal<&'static str>, is_on: Signal<bool>, set: Callback<bool>| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=testid
                    prop:checked=is_on
                    on:change=move |event| set.run(event_target_checked(&event))
                />
                {label}
            </label>
        }
        .into_any()
    };
    let words = move |of: fn(&Words) -> &'static str| Signal::derive(move || of(prefs.words()));
    let keep = move |testid: &'static str, label: fn(&Words) -> &'static str, field: RecordField| {
        let is_on = Signal::derive(move || {
            keeps.get().is_some_and(|keeps| match field {
                RecordField::Partitions => keeps.partitions,
                RecordField::Timestamps => keeps.timestamps,
            })
        });
        let set = move |on| store.act(|state, _| state.keep_in_batch(field, on, topic.get_untracked().trim()));
        check(testid, words(label), is_on, Callback::new(set))
    };
    let empty_words = Signal::derive(move || {
        let words = prefs.words();
        if has_fields.get() { words.batch_empty_field_null } else { words.batch_empty_null }
    });
    let is_empty_null = Signal::derive(move || read(|reading| reading.empty_is_null));
    let set_empty_null = Callback::new(move |on| choose(&|choice| choice.empty_is_null = on));
    let has_header = Signal::derive(move || read(|reading| reading.has_header));
    let set_header = Callback::new(move |on| {
        choose(&|choice| {
            choice.has_header = Some(on);
            choice.columns = None;
        });
    });
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
        <p class="muted" data-testid="batch-reason" role="status">
            {reason}
        </p>
        <Show when=move || {
            is_csv.get()
        }>
            {check("batch-has-header", words(|w| w.batch_has_header), has_header, set_header)}
            <Columns reading=reading /> {check("batch-empty-null", empty_words, is_empty_null, set_empty_null)}
        </Show>
        <Show when=move || {
            has_partitions.get()
        }>{keep("batch-keep-partitions", |w| w.batch_keep_partitions, RecordField::Partitions)}</Show>
        <Show when=move || {
            has_timestamps.get()
        }>{keep("batch-keep-timestamps", |w| w.batch_keep_timestamps, RecordField::Timestamps)}</Show>
        <p class="muted" data-testid="batch-keeps-note" role="status">
            {keeps_note}
        </p>
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
        let column = match kind {
            "field" => CsvColumn::Field,
            "key-and-field" => CsvColumn::KeyAndField,
            "key" => CsvColumn::Key,
            "value" => CsvColumn::Value,
            "partition" => CsvColumn::Partition,
            "timestamp" => CsvColumn::Timestamp,
            "headers" => CsvColumn::Headers,
            "header" => CsvColumn::Header(name.to_owned()),
            _ => CsvColumn::Ignored,
        };
        let columns = reading.with_column(at, column);
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
                Some(CsvColumn::KeyAndField) => "key-and-field",
                Some(CsvColumn::Field) => "field",
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
