//! One record in one line.

use std::sync::Arc;

use leptos::prelude::*;

use super::field_text::{FieldText, field_text};
use super::json_view::{Styled, styled_json, styled_text};
use super::{desk, format, preferences};
use crate::browser;
use crate::state::{Entry, Filter};

/// More does not fit into the widest screen's row.
const KEY_CHARS: usize = 60;
const VALUE_CHARS: usize = 300;

#[component]
pub fn RecordRow(entry: Arc<Entry>, selected: RwSignal<Option<Arc<Entry>>>) -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let row = entry.record()?;
    let index = row.index;
    let filter = desk.peek(|page| page.feed().ring.filter().clone());
    let time = row.record.timestamp.map_or_else(|| "–".to_owned(), browser::time_of_day);
    let offset = row.record.offset.to_string();
    let size = row.size;
    let is_selected = Memo::new(move |_| {
        selected.with(|selected| selected.as_ref().is_some_and(|selected| selected.index() == index))
    });
    let place = format!("{}@{offset}", row.partition);
    let key = field(field_text(&row.record.key, KEY_CHARS), &filter, true);
    let value = field(field_text(&row.record.value, VALUE_CHARS), &filter, false);
    let clicked = Arc::clone(&entry);
    Some(view! {
        <div
            id=format!("row-{index}")
            class="tr"
            role="row"
            class:own=row.round_trip_ms.is_some()
            class:selected=move || is_selected.get()
            aria-selected=move || is_selected.get().to_string()
            data-testid="record"
            data-topic=row.topic.to_string()
            data-partition=row.partition.to_string()
            data-offset=offset
            data-own=row.round_trip_ms.is_some().to_string()
            on:click=move |_| selected.set(Some(Arc::clone(&clicked)))
        >
            <span role="gridcell" class="cell-time">{time}</span>
            <span role="gridcell" class="cell-offset">{place}</span>
            <span role="gridcell" class="cell-key clip">{key}</span>
            <span role="gridcell" class="cell-value clip">{value}</span>
            <span role="gridcell" class="cell-size">{move || format::bytes(size, prefs.language())}</span>
        </div>
    })
}

/// What is not text is said in words, in another colour than data.
fn field(text: FieldText, filter: &Filter, is_key: bool) -> AnyView {
    let prefs = preferences();
    match text {
        FieldText::Null if is_key => view! { <span class="nil">"null"</span> }.into_any(),
        FieldText::Null => view! { <span class="said">{prefs.text(|w| w.tombstone)}</span> }.into_any(),
        FieldText::Empty => view! { <span class="said">{prefs.text(|w| w.empty_value)}</span> }.into_any(),
        FieldText::Json(text) => view! { <Styled parts=styled_json(&text, filter) /> }.into_any(),
        FieldText::Text(text) => view! { <Styled parts=styled_text(&text, filter) /> }.into_any(),
        FieldText::Binary(text) => view! {
            <span class="label">{prefs.text(|w| w.binary)}</span>
            " "
            {text}
        }
        .into_any(),
    }
}
