//! The opened record: its value as JSON, text or bytes, and its other fields. Only the first part of a large value is shown;
//! copying includes the complete value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use leptos::prelude::*;
use protocol::{Decode, TimestampType};

use crate::context::navigation::{group_href, href, link_href, topic_href};
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::decode_note::DecodeNoteLine;
use crate::live::live_view::{Selected, step};
use crate::live::masked_note::MaskedNote;
use crate::live::opened_value::OpenedValue;
use crate::live::original_bytes::OriginalBytes;
use crate::live::replay_actions::ReplayActions;
use crate::live::shown_bytes::{Export, ShownBytes};
use crate::platform::browser;
use crate::ui::field_text::{FieldText, raw_text};
use crate::ui::format;
use crate::ui::fresh::fresh;
use crate::ui::json_view::{spans, styled_text, with_signs};
use crate::ui::lazy::{Lazy, lazy_part};
use crate::ui::uncopied::Uncopied;
use page_model::{
    Address, Entry, FieldPath, Filter, NoticeKind, ReadMode, ReadState, RecordRef, View, ViewLink, json_line,
    narrow_hex_dump,
};

/// Maximum number of characters of a key or of a header's value.
const FIELD_CHARS: usize = 2000;
/// Maximum number of bytes of a key or of a header's value that is not text.
const FIELD_BYTES: usize = 512;

/// The list that the opened record belongs to, if that is not the live list: a context of its components.
#[derive(Clone, Copy)]
pub struct RecordHost {
    /// The formats in which the list was decoded.
    pub decode: StoredValue<Decode>,
    /// What is marked in values.
    pub marks: StoredValue<Filter, LocalStorage>,
    /// Opens the record that is this many rows below the opened one.
    pub step: Callback<i64>,
    /// Uses a field of the value; with its JSON, unless the field is an object or an array.
    pub use_field: Callback<(FieldUse, FieldPath, Option<String>)>,
    /// The date and the time of a timestamp.
    pub time: Callback<i64, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldUse {
    Column,
    Filter,
    CopyPath,
}

#[component]
pub fn Detail(selected: Selected) -> impl IntoView {
    fresh(move || {
        let entry = selected.get().filter(Entry::is_record).map(StoredValue::new_local);
        entry
            .map(|entry| {
                let view = move || opened_record(entry.get_value(), selected);
                view! { <Lazy preload=load_opened_record view=view /> }
            })
            .into_any()
    })
}

lazy_part! {
    /// The opened record.
    record, load_opened_record, pub fn opened_record(entry: Entry, selected: Selected) -> LoadedView {
        Ok(view! { <OpenedRecord entry=entry selected=selected /> }.into_any())
    }
}

#[component]
fn OpenedRecord(entry: Entry, selected: Selected) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let record = entry.record()?;
    let position = format!("{}-{} @ {}", record.topic, record.partition, record.offset);
    let host = use_context::<RecordHost>();
    let decode = match host {
        Some(host) => host.decode.get_value(),
        None => store.untracked(|state| state.listening().intent().decode),
    };
    let address = link_href(&ViewLink::record(record.topic, record.partition, record.offset, decode));
    let group = store.untracked(|state| {
        let intent = state.listening().intent();
        (host.is_none() && intent.mode == ReadMode::Group).then(|| intent.group.clone())
    });
    let masked = entry.masked();
    let is_masked = !masked.is_empty();
    let original = OriginalBytes::new(store, prefs, &record, &masked);
    let shown = ShownBytes { original, entry: StoredValue::new_local(entry.clone()), is_raw: RwSignal::new(false) };
    let facts = facts(&record, host, store.untracked(|state| state.feed().own_after_ms(&record)), group, shown);
    // A text that the browser did not let the page copy.
    let uncopied = RwSignal::new(None::<String>);
    // The copied text is created when the user copies it.
    let copy = move |what: fn(ShownBytes) -> Option<String>| {
        let Some(text) = untrack(|| what(shown)) else { return };
        leptos::task::spawn_local(async move {
            let is_copied = browser::copy(&text).await;
            if is_copied {
                store.notify(NoticeKind::Copied);
            }
            uncopied.try_set((!is_copied).then_some(text));
        });
    };
    let copy_button = move |testid: &'static str,
                            word: fn(&'static Words) -> &'static str,
                            what: fn(ShownBytes) -> Option<String>| {
        view! {
            <button
                type="button"
                class="button small"
                data-testid=testid
                title=move || shown.is_decoded().then(|| prefs.words().copy_decoded_hint)
                on:click=move |_| copy(what)
            >
                {prefs.text(word)}
            </button>
        }
    };
    let icon = move |testid: &'static str,
                     sign: &'static str,
                     word: fn(&'static Words) -> &'static str,
                     steps: Option<i64>| {
        let act = move |_| match (steps, host) {
            (None, _) => selected.set(None),
            (Some(steps), Some(host)) => host.step.run(steps),
            (Some(steps), None) => step(store, selected, steps),
        };
        view! {
            <button
                type="button"
                class="icon"
                data-testid=testid
                aria-label=prefs.text(word)
                title=prefs.text(word)
                on:click=act
            >
                {sign}
            </button>
        }
    };
    let title_position = position.clone();
    let topic = record.topic.to_string();
    Some(view! {
        <section
            class="detail"
            data-testid="detail"
            aria-label=move || prefs.words().detail.with_position(&title_position)
        >
            <div class="detail-head">
                {icon("detail-previous", "↑", |w| w.detail_previous, Some(-1))}
                {icon("detail-next", "↓", |w| w.detail_next, Some(1))} <h3 class="mono clip">{position}</h3>
                <div class="spacer"></div> <div class="detail-actions">
                    <ReplayActions original=original topic=topic masked=masked.paths().to_vec() />
                    {copy_button("copy-value", |w| w.copy_value, |shown| Some(whole_text(shown.value().as_deref())))}
                    {copy_button("copy-key", |w| w.copy_key, |shown| shown.with(|record| whole_text(record.key)))}
                    {copy_button("copy-record", |w| w.copy_record, |shown| shown.with(record_line))}
                    // Opens a new tab, so that a run and the list continue in this one.
                    <a
                        class="button small"
                        data-testid="record-link"
                        href=address
                        target="_blank"
                        rel="noopener"
                        title=prefs.text(|w| w.record_link_hint)
                    >
                        {prefs.text(|w| w.record_link)}
                    </a>
                </div> {icon("detail-close", "×", |w| w.detail_close, None)}
            </div>
            {is_masked.then(|| view! { <MaskedNote masked=masked /> })}
            {fresh(move || uncopied.get().map(|text| view! { <Uncopied text=text uncopied=uncopied /> }).into_any())}
            <div class="detail-body">
                <OpenedValue shown=shown />
                {facts}
            </div>
        </section>
    })
}

/// The fields of the record besides its value. `group`: the consumer group in which the record was received.
fn facts(
    record: &RecordRef<'_>,
    host: Option<RecordHost>,
    own_after_ms: Option<f64>,
    group: Option<String>,
    shown: ShownBytes,
) -> impl IntoView + use<> {
    let prefs = preferences();
    let (timestamp, timestamp_type) = (record.timestamp, record.timestamp_type);
    let has_time = timestamp.is_some();
    let time = move || {
        timestamp.map(|ms| match host {
            Some(host) => host.time.run(ms),
            None => format!("{} {}", browser::date(ms), browser::time_of_day(ms)),
        })
    };
    let time_word = move || {
        let words = prefs.words();
        match timestamp_type {
            _ if !has_time => words.time_none,
            TimestampType::Create => words.time_create,
            TimestampType::LogAppend => words.time_append,
        }
    };
    let bytes = |field: Option<&[u8]>| field.map_or(0, <[u8]>::len);
    let (size, key, value) = (record.size(), bytes(record.key), bytes(record.value));
    let sizes = move || {
        let language = prefs.language();
        let (key, value) = (format::bytes(key, language), format::bytes(value, language));
        format!("{} ({})", format::bytes(size, language), prefs.words().size_parts.with_key_value(&key, &value))
    };
    let headers: Vec<_> = record
        .headers
        .map(|(name, value)| {
            view! {
                <li>
                    <span class="header-name">{spans(styled_text(name, &[], false))}</span>
                    ": "
                    {field_view(value)}
                </li>
            }
        })
        .collect();
    let no_headers = headers.is_empty().then(|| view! { <span class="said">{prefs.text(|w| w.headers_none)}</span> });
    let own = own_after_ms.map(|ms| {
        let text = move || prefs.words().sent_by_page.with_ms(&format::duration(ms, prefs.language()));
        view! {
            <dt>{prefs.text(|w| w.sent_by)}</dt>
            <dd class="own-fact">{text}</dd>
        }
    });
    let key_note = record.key_note.cloned().map(|note| {
        view! { <DecodeNoteLine note=note testid="key-note" label=|w| w.note_key /> }
    });
    let partition = Address::of(View::Topic(record.topic.to_string()))
        .with("tab", "partitions")
        .with("partition", record.partition.to_string());
    let partition_address = href(&partition);
    let group = group.map(|group| {
        let address = group_href(&group);
        view! {
            <dt>{prefs.text(|w| w.group)}</dt>
            <dd>
                <a href=address data-view="" data-testid="detail-group">
                    {with_signs(&group)}
                </a>
            </dd>
        }
    });
    view! {
        <dl class="facts">
            <dt>{prefs.text(|w| w.topic)}</dt>
            <dd>
                <a href=topic_href(record.topic) data-view="" data-testid="detail-topic">
                    {record.topic.to_string()}
                </a>
            </dd>
            <dt>{prefs.text(|w| w.partition)}</dt>
            <dd>
                <a href=partition_address data-view="" data-testid="detail-partition">
                    {record.partition.to_string()}
                </a>
            </dd>
            {group}
            <dt>{prefs.text(|w| w.offset)}</dt>
            <dd>{record.offset.to_string()}</dd>
            <dt>{prefs.text(|w| w.key)}</dt>
            <dd class="fact-key">{fresh(move || shown.with(|record| field_view(record.key)).into_any())} {key_note}</dd>
            <dt>{prefs.text(|w| w.time)}</dt>
            <dd>{time} " " <span class="said">{time_word}</span></dd>
            <dt>{prefs.text(|w| w.size)}</dt>
            <dd>{sizes}</dd>
            <dt>{prefs.text(|w| w.headers)}</dt>
            <dd>{no_headers} <ul class="header-list">{headers}</ul></dd>
            {own}
        </dl>
    }
}

/// A key or a header's value: text as one line, other bytes in hexadecimal digits.
fn field_view(field: Option<&[u8]>) -> AnyView {
    let prefs = preferences();
    match raw_text(field, FIELD_CHARS) {
        FieldText::Null => view! { <span class="nil">"null"</span> }.into_any(),
        FieldText::Empty => view! { <span class="said">{prefs.text(|w| w.empty_value)}</span> }.into_any(),
        FieldText::Binary(_) => {
            let bytes = field.unwrap_or_default();
            let mut dump = narrow_hex_dump(&bytes[..bytes.len().min(FIELD_BYTES)]);
            if bytes.len() > FIELD_BYTES {
                dump.push('…');
            }
            view! {
                <span class="label">{prefs.text(|w| w.binary)}</span>
                // Focusable, so that it can be scrolled sideways with the keyboard.
                <pre class="field-hex" tabindex="0">
                    {dump}
                </pre>
            }
            .into_any()
        }
        FieldText::Json(text) | FieldText::Text(text) => {
            view! { <span class="field-text">{spans(styled_text(&text, &[], false))}</span> }.into_any()
        }
    }
}

fn record_line(record: &Export<'_>) -> String {
    json_line(record)
}

/// The complete field for copying: as text, or in base64 if it is not UTF-8.
fn whole_text(field: Option<&[u8]>) -> String {
    let bytes = field.unwrap_or_default();
    std::str::from_utf8(bytes).map_or_else(|_| BASE64.encode(bytes), str::to_owned)
}
