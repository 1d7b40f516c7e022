//! The summary of a batch before it is sent: the number of records, a preview, and the errors by line.

use leptos::prelude::*;
use protocol::WireBytes;

use crate::context::{preferences, store};
use crate::i18n::{Plural, WithN, Words};
use crate::ui::field_text::{FieldText, field_text};
use crate::ui::format;
use crate::ui::json_view::with_signs;
use page_model::{BatchCheck, LineError, ReadState};

const KEY_CHARS: usize = 40;
const VALUE_CHARS: usize = 200;

#[component]
pub fn BatchSummary() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let check =
        Memo::new(move |_| store.read(|state| state.batch().map(|batch| batch.check.clone()).unwrap_or_default()));
    let progress = Memo::new(move |_| {
        store.read(|state| state.batch().filter(|batch| !batch.is_checked()).map(|batch| batch.progress()))
    });
    let is_checking = Memo::new(move |_| progress.get().is_some());
    let summary = move || {
        let (words, language) = (prefs.words(), prefs.language());
        let BatchCheck { valid, invalid, bytes, .. } = check.get();
        let n = |words: Plural<WithN>, n: u64| words.count(n, &format::number(n, language));
        let mut text = n(words.batch_valid_count, valid);
        text.push_str(&format!(" · {}", format::bytes(bytes as usize, language)));
        if invalid > 0 {
            text.push_str(&format!(" · {}", n(words.batch_invalid_count, invalid)));
        }
        text
    };
    let previews = move || {
        let words = prefs.words();
        let line = |(line, record): (u64, protocol::ProduceRecord)| {
            let key = (!record.key.is_null()).then(|| shown(&record.key, KEY_CHARS, words));
            view! {
                <li>
                    <span class="line-number">{line}</span>
                    <span class="mono clip">
                        {key.map(|key| view! { <span class="preview-key">{key} " → "</span> })}
                        {shown(&record.value, VALUE_CHARS, words)}
                    </span>
                </li>
            }
        };
        check.get().preview.into_iter().map(line).collect::<Vec<_>>()
    };
    let errors = move || {
        let (words, language) = (prefs.words(), prefs.language());
        let BatchCheck { errors, invalid, .. } = check.get();
        let more = invalid.saturating_sub(errors.len() as u64);
        let mut lines: Vec<_> = errors
            .into_iter()
            .map(|(line, error)| {
                let line = words.batch_line.with_n(&line.to_string());
                view! {
                    <li data-testid="batch-fault">
                        <b>{line}</b>
                        " "
                        {error_words(&error, words)}
                    </li>
                }
                .into_any()
            })
            .collect();
        if more > 0 {
            let more = words.batch_more_errors.with_n(&format::number(more, language));
            lines.push(view! { <li class="muted">{more}</li> }.into_any());
        }
        lines
    };
    view! {
        <div
            class="batch-check"
            data-testid="batch"
            data-state=move || if is_checking.get() { "checking" } else { "checked" }
            data-good=move || check.with(|check| check.valid)
            data-faulty=move || check.with(|check| check.invalid)
        >
            <Show when=move || is_checking.get()>
                <progress
                    max=move || progress.get().map_or(1, |(_, all)| all).to_string()
                    prop:value=move || progress.get().map_or(0.0, |(done, _)| done as f64)
                    aria-label=prefs.text(|w| w.batch_checking)
                ></progress>
            </Show>
            <p role="status">{summary}</p>
            <Show when=move || check.with(|check| !check.preview.is_empty())>
                <ol class="batch-preview" data-testid="batch-preview">
                    {previews}
                </ol>
            </Show>
            <Show when=move || check.with(|check| check.invalid != 0)>
                <p class="fault">{prefs.text(|w| w.batch_skipped)}</p>
                <ul class="failures" tabindex="0" aria-label=prefs.text(|w| w.batch_errors)>
                    {errors}
                </ul>
            </Show>
        </div>
    }
}

fn shown(bytes: &WireBytes, chars: usize, words: &Words) -> String {
    match field_text(bytes, chars) {
        FieldText::Null => words.tombstone.to_owned(),
        FieldText::Empty => words.empty_value.to_owned(),
        FieldText::Json(text) | FieldText::Text(text) | FieldText::Binary(text) => with_signs(&text),
    }
}

fn error_words(error: &LineError, words: &Words) -> String {
    match error {
        LineError::Json { column } => words.line_json.with_column(&column.to_string()),
        LineError::ArrayEnd => words.line_array_end.to_owned(),
        LineError::NotARecord { column, why } => words.line_not_a_record.with_column_why(&column.to_string(), why),
        LineError::Base64 => words.line_base64.to_owned(),
        LineError::Partition(text) => words.line_partition.with_text(text),
        LineError::Timestamp(text) => words.line_timestamp.with_text(text),
        LineError::Headers => words.line_headers.to_owned(),
        LineError::NoSeparator('\t') => words.line_no_separator.with_separator(words.separator_tab),
        LineError::NoSeparator(separator) => words.line_no_separator.with_separator(&format!("“{separator}”")),
        LineError::Columns { found } => words.line_columns.with_n(&found.to_string()),
        LineError::NotEncodable { is_key, path, message } => {
            let part = if *is_key { words.key } else { words.value };
            let place = if path.is_empty() { part.to_owned() } else { format!("{part} {path}") };
            format!("{place}: {message}")
        }
        LineError::TooLarge(size) => words.line_too_large.with_n(&size.to_string()),
    }
}
