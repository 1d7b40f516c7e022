//! OpenTelemetry traces of a record: from the socket to Kafka's acknowledgement, and to the sockets that read it.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use protocol::{ProduceRecord, WireBytes};
use tests::bridge::Builder;
use tests::client::{Received, RecordExt, messaggi, text_record};
use tests::collector::{Collector, Exported};
use tests::kafka::unused_address;
use tests::{Bridge, Client, Watch, on_every_kafka, unique};

const TRACEPARENT: &str = "traceparent";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

trait Traced {
    fn traced(self, sample: &str) -> Self;
}

impl Traced for Builder {
    /// Exports spans soon.
    fn traced(self, sample: &str) -> Self {
        self.option("--trace-sample", sample).env("OTEL_BSP_SCHEDULE_DELAY", "50")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The `traceparent` header of a record, if it has one.
fn traceparent(received: &Received) -> Option<String> {
    let header = received.record.headers.iter().find(|header| header.0 == TRACEPARENT)?;
    Some(String::from_utf8(header.1.as_kafka().expect("not null").to_vec()).expect("text"))
}

fn with_traceparent(record: ProduceRecord, flags: &str) -> ProduceRecord {
    record.with_header(TRACEPARENT, WireBytes::text(format!("00-{TRACE_ID}-{PARENT_ID}-{flags}")))
}

/// Writes the records and reads them as a tail.
async fn write_and_read(client: &mut Client, topic: &str, records: Vec<ProduceRecord>) -> Vec<Received> {
    let count = records.len();
    client.write(records).await;
    let watch = client.subscribe(&Watch::tail(topic)).await;
    client.records(watch, count).await
}

#[track_caller]
fn assert_attributes(exported: &Exported, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(exported.attribute(name).as_deref(), Some(*value), "{name} of {exported:?}");
    }
}

on_every_kafka! {
    async fn record_is_traced_to_its_acknowledgement_and_to_its_readers(kafka: Kafka) {
        let (topic, collector) = (kafka.topic("traced").await, Collector::start().await);
        let bridge = Bridge::start().on(&kafka).topic(&topic).option("--otlp-endpoint", &collector.endpoint()).traced("1").await;
        let mut client = bridge.client().await;
        let read = write_and_read(&mut client, &topic, messaggi(&topic, 3)).await;

        let [sent] = collector.spans_named(&format!("send {topic}"), 1).await.try_into().expect("one span");
        assert_eq!((sent.span.kind(), sent.service.as_str()), (SpanKind::Producer, "ponte"));
        assert!(sent.span.parent_span_id.is_empty(), "{sent:?}");
        assert!(sent.span.end_time_unix_nano > sent.span.start_time_unix_nano, "{sent:?}");
        let common = [("messaging.system", "kafka"), ("messaging.destination.name", topic.as_str()), ("messaging.kafka.offset", "0")];
        assert_attributes(&sent, &common);
        assert_attributes(&sent, &[("messaging.operation.type", "send"), ("ponte.cluster", "default"), ("messaging.destination.partition.id", "0")]);

        // The first record of the frame tells its readers which trace it is part of.
        let expected = format!("00-{}-{}-01", hex(&sent.span.trace_id), hex(&sent.span.span_id));
        let headers: Vec<Option<String>> = read.iter().map(traceparent).collect();
        assert_eq!(headers, [Some(expected), None, None]);

        let [seen] = collector.spans_named(&format!("deliver {topic}"), 1).await.try_into().expect("one span");
        assert_eq!(seen.span.kind(), SpanKind::Consumer);
        assert_attributes(&seen, &common);
        let links: Vec<_> = seen.span.links.iter().map(|link| (link.trace_id.clone(), link.span_id.clone())).collect();
        assert_eq!(links, [(sent.span.trace_id.clone(), sent.span.span_id.clone())]);
        assert_ne!(seen.span.trace_id, sent.span.trace_id, "linked, not part of the trace");
        let exported = format!("{:?}", collector.spans());
        assert!(!exported.contains("messaggio"), "a value in {exported}");
    }

    async fn traceparent_of_a_record_continues_its_trace(kafka: Kafka) {
        let (topic, collector) = (kafka.topic("continued").await, Collector::start().await);
        let bridge = Bridge::start().on(&kafka).topic(&topic).option("--otlp-endpoint", &collector.endpoint()).traced("0").await;
        let mut client = bridge.client().await;
        let mut records = messaggi(&topic, 3);
        records.push(with_traceparent(text_record(&topic, "sampled"), "01"));
        records.push(with_traceparent(text_record(&topic, "not sampled"), "00"));
        let read = write_and_read(&mut client, &topic, records).await;
        let unchanged = |flags: &str| Some(format!("00-{TRACE_ID}-{PARENT_ID}-{flags}"));
        let headers: Vec<Option<String>> = read.iter().map(traceparent).collect();
        assert_eq!(headers, [None, None, None, unchanged("01"), unchanged("00")]);

        let [sent] = collector.spans_named(&format!("send {topic}"), 1).await.try_into().expect("one span");
        assert_eq!((hex(&sent.span.trace_id), hex(&sent.span.parent_span_id)), (TRACE_ID.to_owned(), PARENT_ID.to_owned()));
        assert_attributes(&sent, &[("messaging.kafka.offset", "3")]);
        let [seen] = collector.spans_named(&format!("deliver {topic}"), 1).await.try_into().expect("one span");
        let [link] = seen.span.links.as_slice() else { panic!("{seen:?}") };
        assert_eq!((hex(&link.trace_id), hex(&link.span_id)), (TRACE_ID.to_owned(), PARENT_ID.to_owned()));
        assert_attributes(&seen, &[("messaging.kafka.offset", "3")]);
    }
}

#[tokio::test]
async fn span_of_a_failed_record_has_its_error() {
    let (topic, collector) = (unique("failed"), Collector::start().await);
    let bridge =
        Bridge::start().demo().topic(&topic).option("--otlp-endpoint", &collector.endpoint()).traced("1").await;
    let mut client = bridge.client().await;
    let first = client.produce(vec![text_record(&topic, "nowhere").on_partition(77)]).await;
    client.outcome(first).await;
    let [sent] = collector.spans_named(&format!("send {topic}"), 1).await.try_into().expect("one span");
    assert_attributes(&sent, &[("error.type", "unknown_partition")]);
    assert_eq!(sent.span.status.as_ref().expect("a status").code(), StatusCode::Error, "{sent:?}");
}

#[tokio::test]
async fn standard_variables_name_the_collector_and_the_service() {
    let (topic, collector) = (unique("standard"), Collector::start().await);
    let bridge = Bridge::start()
        .demo()
        .topic(&topic)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .env("OTEL_SERVICE_NAME", "ponte-of-a-test")
        .traced("1")
        .await;
    bridge.client().await.write(messaggi(&topic, 1)).await;
    let [sent] = collector.spans_named(&format!("send {topic}"), 1).await.try_into().expect("one span");
    assert_eq!(sent.service, "ponte-of-a-test");
}

#[tokio::test]
async fn spans_that_wait_are_exported_at_shutdown() {
    let (topic, collector) = (unique("last"), Collector::start().await);
    let mut bridge = Bridge::start()
        .demo()
        .topic(&topic)
        .option("--otlp-endpoint", &collector.endpoint())
        .option("--trace-sample", "1")
        .env("OTEL_BSP_SCHEDULE_DELAY", "600000")
        .await;
    bridge.client().await.write(messaggi(&topic, 1)).await;
    assert_eq!(collector.spans().len(), 0, "exported every 10 minutes");
    bridge.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(bridge.exit_code().await, 0, "{}", bridge.output());
    collector.spans_named(&format!("send {topic}"), 1).await;
}

#[tokio::test]
async fn unreachable_collector_loses_only_traces() {
    let topic = unique("unreachable");
    let endpoint = format!("http://{}", unused_address());
    let bridge = Bridge::start().demo().topic(&topic).option("--otlp-endpoint", &endpoint).traced("1").await;
    let mut client = bridge.client().await;
    assert_eq!(write_and_read(&mut client, &topic, messaggi(&topic, 3)).await.len(), 3);
    let line = bridge.logged("traces could not be exported").await;
    assert!(line.contains(&endpoint), "{line}");
}

#[tokio::test]
async fn records_are_unchanged_without_the_option() {
    let topic = unique("untraced");
    let bridge = Bridge::start().demo().topic(&topic).option("--trace-sample", "1").await;
    let read = write_and_read(&mut bridge.client().await, &topic, messaggi(&topic, 3)).await;
    assert!(read.iter().all(|received| received.record.headers.is_empty()), "{read:?}");
}
