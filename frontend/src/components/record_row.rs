//! One record in one line.

use leptos::prelude::*;

use super::field_text::{FieldText, field_text};
use super::json_view::{Styled, styled_json, styled_text};
use super::{desk, format};
use crate::browser;
use crate::state::{Filter, Language, Row};
use crate::words::{self, Words};

/// More does not fit into the widest screen's row.
const KEY_CHARS: usize = 60;
const VALUE_CHARS: usize = 300;

/// Everything that changes how a row looks, beside the record itself. A row never changes: it is drawn anew for another
/// look, so that the rows of a fast stream cost no signals, effects or listeners.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Look {
    pub filter_revision: u32,
    pub is_selected: bool,
    pub language: Language,
}

/// A plain function, since a component would have to own the record: large ones are not copied for a line of them.
pub fn record_row(row: &Row, look: Look) -> AnyView {
    let Look { is_selected, language, .. } = look;
    let words = words::of(language);
    let filter = desk().peek(|page| page.feed().ring.filter().clone());
    let is_own = row.round_trip_ms.is_some();
    let class = match (is_own, is_selected) {
        (false, false) => "tr",
        (true, false) => "tr own",
        (false, true) => "tr selected",
        (true, true) => "tr own selected",
    };
    let time = row.record.timestamp.map_or_else(|| "–".to_owned(), browser::time_of_day);
    let offset = row.record.offset.to_string();
    let place = format!("{}@{offset}", row.partition);
    view! {
        <div
            id=format!("row-{}", row.index)
            class=class
            role="row"
            aria-selected=if is_selected { "true" } else { "false" }
            data-testid="record"
            data-topic=row.topic.to_string()
            data-partition=row.partition.to_string()
            data-offset=offset
            data-own=if is_own { "true" } else { "false" }
        >
            <span role="gridcell" class="cell-time">{time}</span>
            <span role="gridcell" class="cell-offset">{place}</span>
            <span role="gridcell" class="cell-key clip">
                {field(field_text(&row.record.key, KEY_CHARS), &filter, words, true)}
            </span>
            <span role="gridcell" class="cell-value clip">
                {field(field_text(&row.record.value, VALUE_CHARS), &filter, words, false)}
            </span>
            <span role="gridcell" class="cell-size">{format::bytes(row.size, language)}</span>
        </div>
    }
    .into_any()
}

/// What is not text is said in words, in another colour than data.
fn field(text: FieldText, filter: &Filter, words: &'static Words, is_key: bool) -> AnyView {
    match text {
        FieldText::Null if is_key => view! { <span class="nil">"null"</span> }.into_any(),
        FieldText::Null => view! { <span class="said">{words.tombstone}</span> }.into_any(),
        FieldText::Empty => view! { <span class="said">{words.empty_value}</span> }.into_any(),
        FieldText::Json(text) => view! { <Styled parts=styled_json(&text, filter) /> }.into_any(),
        FieldText::Text(text) => view! { <Styled parts=styled_text(&text, filter) /> }.into_any(),
        FieldText::Binary(text) => view! {
            <span class="label">{words.binary}</span>
            " "
            {text}
        }
        .into_any(),
    }
}
