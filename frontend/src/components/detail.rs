//! The opened record: its value in full, and every fact about it.

use leptos::prelude::*;
use protocol::{Header, TimestampType, WireBytes};

use super::field_text::{whole_text, with_visible_controls};
use super::json_view::{Styled, styled_json, styled_text};
use super::live::Selected;
use super::{desk, format, preferences};
use crate::browser;
use crate::state::{Entry, Part, indent};
use crate::words::fill;

/// So much of a value is shown; copying takes it all. More would take the browser longer to lay out than anyone reads.
const SHOWN_BYTES: usize = 256 * 1024;

#[component]
pub fn Detail(selected: Selected) -> impl IntoView {
    move || {
        let entry = selected.get().filter(Entry::is_record)?;
        Some(view! { <OpenedRecord entry=entry selected=selected /> })
    }
}

#[component]
fn OpenedRecord(entry: Entry, selected: Selected) -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let record = entry.record()?;
    let (topic, partition, size) = (record.topic.clone(), record.partition, record.size());
    let round_trip_ms = desk.peek(|page| page.feed().own_after_ms(&record));
    let record = protocol::Record {
        offset: protocol::Offset(record.offset),
        timestamp: record.timestamp,
        timestamp_type: record.timestamp_type,
        key: WireBytes::from_kafka(record.key),
        value: WireBytes::from_kafka(record.value),
        headers: record.headers.map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value))).collect(),
    };
    let place = format!("{topic}-{partition} @ {}", record.offset);
    let title_place = place.clone();
    let (key_bytes, value_bytes) = (record.key.len(), record.value.len());
    let value_text = StoredValue::new(whole_text(&record.value));
    let time = record.timestamp.map(|ms| (browser::date(ms), browser::time_of_day(ms)));
    let has_time = time.is_some();
    let time_text = time.map(|(date, time)| format!("{date} {time}"));
    let timestamp_type = record.timestamp_type;
    let sizes = move || {
        let language = prefs.language();
        let parts = fill(
            prefs.words().size_parts,
            &[("key", &format::bytes(key_bytes, language)), ("value", &format::bytes(value_bytes, language))],
        );
        format!("{} ({parts})", format::bytes(size, language))
    };
    let headers = record.headers.clone();
    let has_headers = !headers.is_empty();
    Some(view! {
        <section
            class="detail"
            data-testid="detail"
            aria-label=move || fill(prefs.words().detail, &[("place", &title_place)])
        >
            <div class="detail-head">
                <h3 class="mono">{place}</h3>
                <div class="spacer"></div>
                <button
                    type="button"
                    class="button small"
                    data-testid="copy-value"
                    on:click=move |_| desk.copy(value_text.get_value())
                >
                    {prefs.text(|w| w.copy_value)}
                </button>
                <button
                    type="button"
                    class="icon"
                    data-testid="detail-close"
                    aria-label=prefs.text(|w| w.detail_close)
                    title=prefs.text(|w| w.detail_close)
                    on:click=move |_| selected.set(None)
                >
                    "×"
                </button>
            </div>
            <div class="detail-body">
                <div class="detail-value" tabindex="0" role="group" aria-label=prefs.text(|w| w.value)>
                    <Whole field=record.value.clone() />
                </div>
                <dl class="facts">
                    <dt>{prefs.text(|w| w.topic)}</dt>
                    <dd>{topic.to_string()}</dd>
                    <dt>{prefs.text(|w| w.partition)}</dt>
                    <dd>{partition}</dd>
                    <dt>{prefs.text(|w| w.offset)}</dt>
                    <dd>{record.offset.to_string()}</dd>
                    <dt>{prefs.text(|w| w.key)}</dt>
                    <dd class="fact-key"><Inline field=record.key.clone() /></dd>
                    <dt>{prefs.text(|w| w.time)}</dt>
                    <dd>
                        {time_text}
                        " "
                        <span class="said">
                            {move || {
                                let words = prefs.words();
                                match timestamp_type {
                                    _ if !has_time => words.time_none,
                                    TimestampType::Create => words.time_create,
                                    TimestampType::LogAppend => words.time_append,
                                }
                            }}
                        </span>
                    </dd>
                    <dt>{prefs.text(|w| w.size)}</dt>
                    <dd>{sizes}</dd>
                    <dt>{prefs.text(|w| w.headers)}</dt>
                    <dd>
                        {(!has_headers).then(|| view! { <span class="said">{prefs.text(|w| w.headers_none)}</span> })}
                        <ul class="header-list">{headers.into_iter().map(header_view).collect::<Vec<_>>()}</ul>
                    </dd>
                    {round_trip_ms
                        .map(|ms| {
                            view! {
                                <dt>{prefs.text(|w| w.sent_by)}</dt>
                                <dd class="own-fact">
                                    {move || {
                                        let ms = format::duration(ms, prefs.language());
                                        fill(prefs.words().sent_by_page, &[("ms", &ms)])
                                    }}
                                </dd>
                            }
                        })}
                </dl>
            </div>
        </section>
    })
}

fn header_view(Header(name, value): Header) -> impl IntoView {
    view! {
        <li>
            <span class="header-name">{name}</span>
            ": "
            <Inline field=value />
        </li>
    }
}

/// A value as it is read best: JSON indented and coloured, text as it stands, bytes in base64.
#[component]
fn Whole(field: WireBytes) -> impl IntoView {
    let prefs = preferences();
    let filter = desk().peek(|page| page.feed().filter().clone());
    let marks = |text: &str| filter.marks_in(Part::Value, text);
    let bytes = field.len();
    let note = (bytes > SHOWN_BYTES).then(|| {
        view! {
            <p class="said">
                {move || {
                    let language = prefs.language();
                    let values = [("shown", &*format::bytes(SHOWN_BYTES, language)), ("size", &format::bytes(bytes, language))];
                    fill(prefs.words().shown_part, &values)
                }}
            </p>
        }
    });
    let text = match &field {
        WireBytes::Null => return view! { <p class="said">{prefs.text(|w| w.tombstone)}</p> }.into_any(),
        field if field.is_empty() => return view! { <p class="said">{prefs.text(|w| w.empty_value)}</p> }.into_any(),
        WireBytes::Json(raw) => {
            let text = indent(first_bytes(raw.get()));
            let text = with_visible_controls(&text);
            styled_json(&text, &marks(&text))
        }
        WireBytes::Text(text) => {
            let text = with_visible_controls(first_bytes(text));
            styled_text(&text, &marks(&text))
        }
        WireBytes::Base64(_) => styled_text(first_bytes(&whole_text(&field)), &[]),
    };
    let label = matches!(field, WireBytes::Base64(_))
        .then(|| view! { <span class="label">{prefs.text(|w| w.binary)} " · base64"</span> });
    view! {
        {note}
        {label}
        <pre data-testid="detail-value"><Styled parts=text /></pre>
    }
    .into_any()
}

/// A key or a header's value, in one run of text.
#[component]
fn Inline(field: WireBytes) -> impl IntoView {
    let prefs = preferences();
    match &field {
        WireBytes::Null => view! { <span class="nil">"null"</span> }.into_any(),
        field if field.is_empty() => view! { <span class="said">{prefs.text(|w| w.empty_value)}</span> }.into_any(),
        WireBytes::Base64(_) => view! {
            <span class="label">"base64"</span>
            " "
            {whole_text(&field)}
        }
        .into_any(),
        _ => with_visible_controls(&whole_text(&field)).into_owned().into_any(),
    }
}

fn first_bytes(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN_BYTES)]
}
