//! The button that fills a demo broker with a topic in each format, so that a newcomer sees typed records without a registry.

use leptos::prelude::*;
use protocol::{Encode, EncodeResult, EncodedValue, Encoding, ProduceRecord, RecordFormat, RecordPart, WireBytes};

use crate::context::request_error::{create_blocked, request_error_text};
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::send::send_blocked::send_blocked_text;
use crate::ui::format::number;
use page_model::{ReadState, RequestError, SendBlocked};

/// Records in each topic.
const RECORDS: usize = 20;

/// A topic, the format of its values, and the JSON of the value with this number. The bridge has the schemas of these topics for demo
/// brokers (`bridge/src/samples.rs`).
type Sample = (&'static str, RecordFormat, fn(usize) -> String);

const SAMPLES: &[Sample] = &[
    ("sample-avro", RecordFormat::Avro, avro),
    ("sample-protobuf", RecordFormat::Protobuf, protobuf),
    ("sample-json-schema", RecordFormat::JsonSchema, json_schema),
    ("sample-json", RecordFormat::Json, json_schema),
    ("sample-messagepack", RecordFormat::MessagePack, json_schema),
    ("sample-cbor", RecordFormat::Cbor, json_schema),
    ("sample-xml", RecordFormat::Xml, xml),
    ("sample-changes", RecordFormat::Json, change),
    ("sample-log", RecordFormat::Text, log),
];

#[component]
pub fn LoadSamples() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let is_demo = Memo::new(move |_| store.read(|state| state.cluster().is_some_and(|cluster| cluster.demo)));
    let blocked = create_blocked();
    let send_blocked =
        Memo::new(move |_| store.read(|state| SAMPLES.iter().find_map(|(topic, ..)| state.send_blocked_to(topic))));
    let blocked =
        move || blocked().or_else(|| send_blocked.get().map(|blocked| send_blocked_text(blocked, prefs.words())));
    // Topics whose records are not sent yet.
    let waiting = RwSignal::new(0_usize);
    // How many records were not sent, and the first reason.
    let failure = RwSignal::new(None::<(usize, Unsent)>);
    let load = move |_| {
        failure.set(None);
        waiting.set(SAMPLES.len());
        for sample in SAMPLES {
            send(store, sample, move |unsent| {
                let _ = waiting.try_update(|waiting| *waiting = waiting.saturating_sub(1));
                if let Some((count, why)) = unsent {
                    let _ = failure.try_update(|failure| match failure {
                        Some((sum, _)) => *sum += count,
                        None => *failure = Some((count, why)),
                    });
                }
            });
        }
    };
    let is_disabled = move || blocked().is_some() || waiting.get() > 0;
    let failure_text = move || {
        let words = prefs.words();
        failure.with(|failure| {
            let (count, why) = failure.as_ref()?;
            let count = number(*count as u64, prefs.language());
            Some(words.load_samples_failed.with_n_why(&count, &why.text(words)))
        })
    };
    view! {
        <Show when=move || is_demo.get()>
            <span class="fault" role="alert">
                {failure_text}
            </span>
            <button
                type="button"
                class="button"
                data-testid="load-samples"
                disabled=is_disabled
                title=move || blocked().unwrap_or(prefs.words().load_samples_hint)
                on:click=load
            >
                {prefs.text(|w| w.load_samples)}
            </button>
        </Show>
    }
}

/// Why a record was not sent.
#[derive(Clone, Debug, PartialEq)]
enum Unsent {
    Request(RequestError),
    /// The bridge could not encode it.
    Misfit(String),
    /// `None`: the page is no longer connected to the demo broker.
    Blocked(Option<SendBlocked>),
}

impl Unsent {
    fn text(&self, words: &'static Words) -> String {
        match self {
            Self::Request(error) => request_error_text(error, words),
            Self::Misfit(message) => message.clone(),
            Self::Blocked(Some(blocked)) => send_blocked_text(*blocked, words).to_owned(),
            Self::Blocked(None) => words.typed_other_cluster.to_owned(),
        }
    }
}

/// Encodes the records of a topic and sends them. `done` gets how many were not sent, and the first reason.
fn send(store: Store, sample: &'static Sample, done: impl FnOnce(Option<(usize, Unsent)>) + 'static) {
    let (topic, format, value) = *sample;
    let request = Encode {
        topic: topic.to_owned(),
        part: RecordPart::Value,
        encoding: Encoding { format, subject: None, version: None, message: None, schema: None },
        values: (0..RECORDS).map(value).collect(),
    };
    store.request(request, move |reply: Result<EncodeResult, RequestError>| {
        let encoded = match reply {
            Ok(encoded) => encoded.values,
            Err(error) => return done(Some((RECORDS, Unsent::Request(error)))),
        };
        let mut sent = 0;
        let mut first = None;
        for (number, value) in encoded.into_iter().enumerate() {
            let why = match value {
                EncodedValue::Error(error) => Unsent::Misfit(format!("{topic}: {} {}", error.path, error.message)),
                EncodedValue::Bytes(value) => {
                    let key = WireBytes::text(format!("order-{number}"));
                    let record = ProduceRecord { topic: topic.to_owned(), key, value, ..ProduceRecord::default() };
                    if store.act(|state, now_ms| state.send_record(&record, now_ms)) {
                        sent += 1;
                        continue;
                    }
                    Unsent::Blocked(store.untracked(|state| state.send_blocked_to(topic)))
                }
            };
            first.get_or_insert(why);
        }
        done(first.map(|why| (RECORDS.saturating_sub(sent), why)));
    });
}

const CUSTOMERS: [&str; 4] = ["Ada", "Barbara", "Claudio", "Grace"];
const ARTICLES: [&str; 3] = ["lantern", "rope", "map"];
const STATES: [&str; 3] = ["NEW", "PAID", "SHIPPED"];

fn customer(i: usize) -> &'static str {
    CUSTOMERS[i % CUSTOMERS.len()]
}

fn state(i: usize) -> &'static str {
    STATES[i % STATES.len()]
}

fn lines(i: usize) -> String {
    let article = ARTICLES[i % ARTICLES.len()];
    format!(r#"[{{"article":"{article}","quantity":{}}}]"#, i % 5 + 1)
}

fn placed_at(i: usize) -> String {
    format!("2026-03-{:02}T10:{:02}:00Z", i % 28 + 1, i * 7 % 60)
}

fn avro(i: usize) -> String {
    let note = if i.is_multiple_of(4) { r#""gift""# } else { "null" };
    format!(
        r#"{{"id":{i},"customer":"{}","state":"{}","total":{}.{:02},"placed_at":"{}","lines":{},"note":{note}}}"#,
        customer(i),
        state(i),
        i * 13 + 5,
        i * 37 % 100,
        placed_at(i),
        lines(i)
    )
}

fn protobuf(i: usize) -> String {
    let payment = if i.is_multiple_of(2) { r#""card":"4000""# } else { r#""voucher":"SPRING""# };
    format!(
        r#"{{"id":{i},"customer":"{}","state":"{}","placedAt":"{}","lines":{},{payment}}}"#,
        customer(i),
        state(i),
        placed_at(i),
        lines(i)
    )
}

fn json_schema(i: usize) -> String {
    format!(
        r#"{{"id":{i},"customer":"{}","state":"{}","placed_at":"{}","lines":{}}}"#,
        customer(i),
        state(i),
        placed_at(i),
        lines(i)
    )
}

fn xml(i: usize) -> String {
    let article = ARTICLES[i % ARTICLES.len()];
    format!(
        r#""<order id=\"{i}\"><customer>{}</customer><article quantity=\"1\">{article}</article></order>""#,
        customer(i)
    )
}

/// A change event of Debezium: each order is created, and then changed once.
fn change(i: usize) -> String {
    let id = i / 2;
    let row = |state: &str| format!(r#"{{"id":{id},"customer":"{}","state":"{state}"}}"#, customer(id));
    let (before, operation) = if i.is_multiple_of(2) { ("null".to_owned(), "c") } else { (row("NEW"), "u") };
    let after = if i.is_multiple_of(2) { row("NEW") } else { row("PAID") };
    format!(
        r#"{{"before":{before},"after":{after},"source":{{"connector":"postgresql","db":"shop","table":"orders"}},"op":"{operation}","ts_ms":{}}}"#,
        1_772_000_000_000_u64 + i as u64 * 60_000
    )
}

fn log(i: usize) -> String {
    let level = if i.is_multiple_of(5) { "WARN" } else { "INFO" };
    format!(r#""{} {level} shop.orders: order {i} of {} is {}""#, placed_at(i), customer(i), state(i))
}
