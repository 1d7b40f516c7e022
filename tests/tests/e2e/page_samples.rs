//! "Load sample data": a demo shows a topic in each format without a registry.

use protocol::{Decode, RecordFormat, WireBytes};
use tests::page::View;
use tests::{Bridge, Browser, Kafka};

use super::typed_records::{records, subscription};
use crate::page_states::photograph;

const RECORDS: usize = 20;

#[tokio::test]
async fn sample_data_of_the_demo_has_a_topic_in_each_format() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().await;
    let page = browser.load(&format!("{}?view=topics", bridge.url()), View::default()).await;
    page.click("load-samples").await;
    let row = |topic: &str| format!("document.querySelector('[data-testid=topic-row][data-name={topic:?}]')");
    let formats = [
        ("sample-avro", Some(RecordFormat::Avro)),
        ("sample-protobuf", Some(RecordFormat::Protobuf)),
        ("sample-json-schema", Some(RecordFormat::JsonSchema)),
        ("sample-messagepack", Some(RecordFormat::MessagePack)),
        ("sample-cbor", Some(RecordFormat::Cbor)),
        // `auto` leaves text as it is.
        ("sample-json", None),
        ("sample-xml", None),
        ("sample-changes", None),
        ("sample-log", None),
    ];
    let mut client = bridge.client().await;
    for (topic, format) in formats {
        page.until(topic, &format!("{}?.dataset.records === '{RECORDS}'", row(topic))).await;
        let auto = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);
        let got = records(&mut client, subscription(topic, auto), RECORDS).await;
        for record in got {
            let note = record.value_note.as_deref();
            assert_eq!(note.and_then(|note| note.format), format, "{topic}: {record:?}");
            let is_text = matches!(record.value, WireBytes::Json(_) | WireBytes::Text(_));
            assert!(is_text && note.is_none_or(protocol::DecodeNote::is_decoded), "{topic}: {record:?}");
        }
    }
    photograph(&page, "sample-topics").await;
    page.is_clean().await;
}

#[tokio::test]
async fn sample_data_is_offered_only_in_a_demo() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let bridge = Bridge::start().on(&kafka).await;
    let page = browser.load(&format!("{}?view=topics", bridge.url()), View::default()).await;
    page.wait("freshness", "data-state", "live").await;
    assert!(page.eval::<bool>("!document.querySelector('[data-testid=load-samples]')").await);
    page.is_clean().await;
}
