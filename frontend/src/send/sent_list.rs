//! The list of sent records, newest first, each with its state: queued, acknowledged, seen.

use leptos::prelude::*;
use protocol::WireBytes;

use crate::context::error_text::error_text;
use crate::context::{preferences, store};
use crate::i18n::{Plural, WithN};
use crate::ui::field_text::{FieldText, field_text};
use crate::ui::format::{duration, number};
use crate::ui::json_view::with_signs;
use page_model::{LISTED_ROWS, Outcome, ReadState, SentRow};

/// A longer value does not fit into the row.
const PREVIEW_CHARS: usize = 120;

/// The list, below a line with the totals.
#[component]
pub fn SentList() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let rows = move || store.read(|state| state.sends().rows());
    let totals = Memo::new(move |_| store.read(|state| state.sends().totals()));
    let total_words = move || {
        let (words, language, totals) = (prefs.words(), prefs.language(), totals.get());
        let n = |words: Plural<WithN>, n: u64| (n > 0).then(|| words.count(n, &number(n, language)));
        let parts = [
            n(words.run_sent_count, totals.sent),
            n(words.run_failed_count, totals.failed),
            n(words.run_unknown_count, totals.unknown),
        ];
        let mut parts: Vec<String> = parts.into_iter().flatten().collect();
        if totals.sent > LISTED_ROWS as u64 {
            parts.push(words.sent_newest.with_n(&LISTED_ROWS.to_string()));
        }
        parts.join(" · ")
    };
    view! {
        <div class="sent-head">
            <h3>{prefs.text(|w| w.sent_list)}</h3>
            <span
                class="sent-totals clip"
                data-testid="sent-totals"
                data-sent=move || totals.get().sent
                data-acked=move || totals.get().acked
                data-failed=move || totals.get().failed
                data-unknown=move || totals.get().unknown
            >
                {total_words}
            </span>
            <button
                type="button"
                class="link"
                data-testid="clear-sent"
                on:click=move |_| store.act(|state, _| state.clear_sends())
            >
                {prefs.text(|w| w.clear_sent)}
            </button>
        </div>
        <ol aria-label=prefs.text(|w| w.sent_list)>
            <For each=rows key=|row| (row.number, row.outcome.name(), row.seen_after_ms.is_some()) let:row>
                <Sent row=row />
            </For>
        </ol>
    }
}

/// The row of a record. It is created again with each change of state, so that only the language is a signal.
#[component]
fn Sent(row: SentRow) -> impl IntoView {
    let prefs = preferences();
    let SentRow { number, preview, outcome, seen_after_ms, .. } = row;
    let state = outcome.name();
    let is_seen = seen_after_ms.is_some();
    let (partition, offset) = match outcome {
        Outcome::Acked { partition, offset, .. } => (Some(partition), Some(offset)),
        _ => (None, None),
    };
    let preview = shown(preview);
    let reason = match &outcome {
        Outcome::Failed(error) | Outcome::Unknown(Some(error)) => Some(error_text(error, prefs.words_untracked())),
        _ => None,
    };
    let shown_reason = reason.clone();
    let title = move || match state {
        "unknown" => reason.clone().unwrap_or_else(|| prefs.words().unknown_reason.to_owned()),
        _ => reason.clone().unwrap_or_default(),
    };
    let steps_label = move || {
        let words = prefs.words();
        match (state, is_seen) {
            (_, true) => words.state_seen,
            ("acked", _) => words.state_acked,
            ("failed", _) => words.state_failed,
            ("unknown", _) => words.state_unknown,
            _ => words.state_queued,
        }
    };
    let end = move || {
        let (words, language) = (prefs.words(), prefs.language());
        match (&outcome, seen_after_ms) {
            (Outcome::Queued, _) => words.state_queued.to_owned(),
            (Outcome::Failed(_), _) => words.state_failed.to_owned(),
            (Outcome::Unknown(_), _) => words.state_unknown.to_owned(),
            (Outcome::Acked { partition, offset, .. }, Some(ms)) => {
                format!("{partition}@{offset} · {}", duration(ms, language))
            }
            (Outcome::Acked { partition, offset, after_ms, .. }, None) => {
                format!("{partition}@{offset} · {}", duration(*after_ms, language))
            }
        }
    };
    view! {
        <li
            class="sent"
            data-testid="sent-row"
            data-seq=number.to_string()
            data-state=state
            data-seen=is_seen.to_string()
            data-partition=partition.map(|partition| partition.to_string())
            data-offset=offset.map(|offset| offset.to_string())
            title=title
        >
            <span class="steps" role="img" aria-label=steps_label title=steps_label>
                <i></i>
                <u></u>
                <i></i>
                <u></u>
                <i></i>
            </span>
            <span class="sent-value">
                <span class="mono clip">
                    {move || match &preview {
                        FieldText::Null => prefs.words().tombstone.to_owned(),
                        FieldText::Empty => prefs.words().empty_value.to_owned(),
                        FieldText::Json(text) | FieldText::Text(text) | FieldText::Binary(text) => with_signs(text),
                    }}
                </span>
                {shown_reason.map(|reason| view! { <span class="sent-because clip">{reason}</span> })}
            </span>
            <span class="mono sent-end">{end}</span>
        </li>
    }
}

/// The first bytes of a value as text, if they are UTF-8; the last character may be truncated.
fn shown(preview: Option<Vec<u8>>) -> FieldText {
    let Some(mut bytes) = preview else { return FieldText::Null };
    let whole = match std::str::from_utf8(&bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    };
    bytes.truncate(whole);
    let value = match String::from_utf8(bytes) {
        Ok(text) => WireBytes::text(text),
        Err(error) => WireBytes::Base64(error.into_bytes()),
    };
    field_text(&value, PREVIEW_CHARS)
}
