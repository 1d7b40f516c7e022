//! What a batch holds before it is sent: how many records, the first of them, and what is wrong in which line.

use leptos::prelude::*;
use protocol::WireBytes;

use super::field_text::{FieldText, field_text};
use super::{desk, format, preferences};
use crate::words::{self, Words, fill};
use page_model::{Findings, LineFault};

const KEY_CHARS: usize = 40;
const VALUE_CHARS: usize = 200;

#[component]
pub fn BatchFindings() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let findings =
        Memo::new(move |_| desk.batch(|page| page.batch().map(|batch| batch.findings.clone()).unwrap_or_default()));
    let progress = Memo::new(move |_| {
        desk.batch(|page| page.batch().filter(|batch| !batch.is_checked()).map(|batch| batch.progress()))
    });
    let is_checking = Memo::new(move |_| progress.get().is_some());
    let summary = move || {
        let (words, language) = (prefs.words(), prefs.language());
        let Findings { good, faulty, bytes, .. } = findings.get();
        let n = |one: &str, many: &str, n: u64| words::count(one, many, n, &format::number(n, language));
        let mut text = n(words.batch_good_one, words.batch_good_many, good);
        text.push_str(&format!(" · {}", format::bytes(bytes as usize, language)));
        if faulty > 0 {
            text.push_str(&format!(" · {}", n(words.batch_faulty_one, words.batch_faulty_many, faulty)));
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
        findings.get().preview.into_iter().map(line).collect::<Vec<_>>()
    };
    let faults = move || {
        let (words, language) = (prefs.words(), prefs.language());
        let Findings { faults, faulty, .. } = findings.get();
        let more = faulty.saturating_sub(faults.len() as u64);
        let mut lines: Vec<_> = faults
            .into_iter()
            .map(|(line, fault)| {
                let line = fill(words.batch_line, &[("n", &line.to_string())]);
                view! { <li data-testid="batch-fault"><b>{line}</b> " " {fault_words(&fault, words)}</li> }.into_any()
            })
            .collect();
        if more > 0 {
            let more = fill(words.batch_more_faults, &[("n", &format::number(more, language))]);
            lines.push(view! { <li class="muted">{more}</li> }.into_any());
        }
        lines
    };
    view! {
        <div
            class="findings"
            data-testid="batch"
            data-state=move || if is_checking.get() { "checking" } else { "checked" }
            data-good=move || findings.with(|findings| findings.good)
            data-faulty=move || findings.with(|findings| findings.faulty)
        >
            <Show when=move || is_checking.get()>
                <progress
                    max=move || progress.get().map_or(1, |(_, all)| all).to_string()
                    prop:value=move || progress.get().map_or(0.0, |(done, _)| done as f64)
                    aria-label=prefs.text(|w| w.batch_checking)
                ></progress>
            </Show>
            <p role="status">{summary}</p>
            <Show when=move || findings.with(|findings| !findings.preview.is_empty())>
                <ol class="batch-preview" data-testid="batch-preview">{previews}</ol>
            </Show>
            <Show when=move || findings.with(|findings| findings.faulty != 0)>
                <p class="fault">{prefs.text(|w| w.batch_left_out)}</p>
                <ul class="failures" tabindex="0" aria-label=prefs.text(|w| w.batch_faults)>{faults}</ul>
            </Show>
        </div>
    }
}

fn shown(bytes: &WireBytes, chars: usize, words: &Words) -> String {
    match field_text(bytes, chars) {
        FieldText::Null => words.tombstone.to_owned(),
        FieldText::Empty => words.empty_value.to_owned(),
        FieldText::Json(text) | FieldText::Text(text) | FieldText::Binary(text) => text,
    }
}

fn fault_words(fault: &LineFault, words: &Words) -> String {
    match fault {
        LineFault::Json { column } => fill(words.line_json, &[("column", &column.to_string())]),
        LineFault::ArrayEnd => words.line_array_end.to_owned(),
        LineFault::NotARecord(why) => fill(words.line_not_a_record, &[("why", why)]),
        LineFault::Base64 => words.line_base64.to_owned(),
        LineFault::Partition(text) => fill(words.line_partition, &[("text", text)]),
        LineFault::Timestamp(text) => fill(words.line_timestamp, &[("text", text)]),
        LineFault::Headers => words.line_headers.to_owned(),
        LineFault::NoSeparator('\t') => fill(words.line_no_separator, &[("separator", words.separator_tab)]),
        LineFault::NoSeparator(separator) => fill(words.line_no_separator, &[("separator", &format!("“{separator}”"))]),
        LineFault::Columns { found } => fill(words.line_columns, &[("n", &found.to_string())]),
        LineFault::TooLarge(size) => fill(words.line_too_large, &[("n", &size.to_string())]),
    }
}
