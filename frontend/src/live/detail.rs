//! The opened record: its value as JSON, text or bytes, and its other fields. Only the first part of a large value is shown;
//! copying includes the complete value.

use leptos::prelude::*;
use protocol::{Header, ProduceRecord, TimestampType, WireBytes};

use crate::context::navigation::{group_href, href, link_href, topic_href};
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::live_view::{Selected, step};
use crate::live::masked_note::MaskedNote;
use crate::live::replay_actions::ReplayActions;
use crate::live::value_view::ValueView;
use crate::platform::browser;
use crate::ui::field_text::{FieldText, raw_text};
use crate::ui::format;
use crate::ui::fresh::fresh;
use crate::ui::lazy::{Lazy, lazy_part};
use page_model::{Address, Entry, ReadMode, ReadState, RecordRef, View, ViewLink, json_line};

/// Maximum number of characters of a key or of a header's value.
const FIELD_CHARS: usize = 2000;

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
    let address = link_href(&ViewLink::record(record.topic, record.partition, record.offset));
    let group = store.untracked(|state| {
        let intent = state.listening().intent();
        (intent.mode == ReadMode::Group).then(|| intent.group.clone())
    });
    let facts = facts(&record, store.untracked(|state| state.feed().own_after_ms(&record)), group);
    let size = record.value.map_or(0, <[u8]>::len);
    let opened = StoredValue::new_local(entry.clone());
    // The copied text is created when the user copies it.
    let copy = move |what: fn(&RecordRef<'_>) -> String| {
        let text = opened.with_value(|entry| entry.record().map(|record| what(&record)));
        if let Some(text) = text {
            store.copy(text);
        }
    };
    let copy_button =
        move |testid: &'static str, word: fn(&'static Words) -> &'static str, what: fn(&RecordRef<'_>) -> String| {
            view! {
                <button type="button" class="button small" data-testid=testid on:click=move |_| copy(what)>
                    {prefs.text(word)}
                </button>
            }
        };
    let icon = move |testid: &'static str,
                     sign: &'static str,
                     word: fn(&'static Words) -> &'static str,
                     act: fn(crate::context::store::Store, Selected)| {
        view! {
            <button
                type="button"
                class="icon"
                data-testid=testid
                aria-label=prefs.text(word)
                title=prefs.text(word)
                on:click=move |_| act(store, selected)
            >
                {sign}
            </button>
        }
    };
    let masked = entry.masked();
    let is_masked = !masked.is_empty();
    let title_position = position.clone();
    let produce_record = ProduceRecord {
        topic: record.topic.to_string(),
        partition: Some(record.partition),
        key: WireBytes::from_kafka(record.key),
        value: WireBytes::from_kafka(record.value),
        headers: record.headers.map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value))).collect(),
        timestamp: None,
    };
    Some(view! {
        <section
            class="detail"
            data-testid="detail"
            aria-label=move || prefs.words().detail.with_position(&title_position)
        >
            <div class="detail-head">
                {icon("detail-previous", "↑", |w| w.detail_previous, |store, selected| step(store, selected, -1))}
                {icon("detail-next", "↓", |w| w.detail_next, |store, selected| step(store, selected, 1))}
                <h3 class="mono clip">{position}</h3> <div class="spacer"></div> <div class="detail-actions">
                    <ReplayActions record=produce_record is_masked=is_masked />
                    {copy_button("copy-value", |w| w.copy_value, |record| whole_text(record.value))}
                    {copy_button("copy-key", |w| w.copy_key, |record| whole_text(record.key))}
                    {copy_button("copy-record", |w| w.copy_record, |record| json_line(&record.export()))}
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
                </div> {icon("detail-close", "×", |w| w.detail_close, |_, selected| selected.set(None))}
            </div>
            {is_masked.then(|| view! { <MaskedNote masked=masked /> })}
            <div class="detail-body">
                <ValueView entry=entry.clone() size=size />
                {facts}
            </div>
        </section>
    })
}

/// The fields of the record besides its value. `group`: the consumer group in which the record was received.
fn facts(record: &RecordRef<'_>, own_after_ms: Option<f64>, group: Option<String>) -> impl IntoView + use<> {
    let prefs = preferences();
    let time = record.timestamp.map(|ms| format!("{} {}", browser::date(ms), browser::time_of_day(ms)));
    let (has_time, timestamp_type) = (time.is_some(), record.timestamp_type);
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
            let name = crate::ui::field_text::with_visible_controls(name).into_owned();
            view! {
                <li>
                    <span class="header-name">{name}</span>
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
    let partition = Address::of(View::Topic(record.topic.to_string())).with("partition", record.partition.to_string());
    let partition_address = href(&partition);
    let group = group.map(|group| {
        let address = group_href(&group);
        view! {
            <dt>{prefs.text(|w| w.group)}</dt>
            <dd>
                <a href=address data-view="" data-testid="detail-group">
                    {group}
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
            <dd class="fact-key">{field_view(record.key)}</dd>
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

/// A key or a header's value as one line of text.
fn field_view(field: Option<&[u8]>) -> AnyView {
    let prefs = preferences();
    match raw_text(field, FIELD_CHARS) {
        FieldText::Null => view! { <span class="nil">"null"</span> }.into_any(),
        FieldText::Empty => view! { <span class="said">{prefs.text(|w| w.empty_value)}</span> }.into_any(),
        FieldText::Binary(text) => view! {
            <span class="label">"base64"</span>
            " "
            {text}
        }
        .into_any(),
        FieldText::Json(text) | FieldText::Text(text) => text.into_any(),
    }
}

/// The complete field for copying: as text, or in base64 if it is not UTF-8.
fn whole_text(field: Option<&[u8]>) -> String {
    crate::ui::field_text::whole_text(&protocol::WireBytes::from_kafka(field))
}
