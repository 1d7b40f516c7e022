//! The spans, with the attributes of OpenTelemetry's semantic conventions for messaging
//! (<https://opentelemetry.io/docs/specs/semconv/messaging/kafka/>). Keys and values of records are no attributes.

use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use feed::Batch;
use kafka::producer::{Acked, Outcome};
use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;
use protocol::{ClusterName, ErrorBody, HeaderView, ProduceView};

use super::exporter::{TRACES, Traces};
use super::{MAX_PER_SECOND, SEARCHED_RECORDS, TracedSend, context};

/// Limits how many spans are made in a second.
#[derive(Default)]
pub struct Budget {
    /// The second (upper half) and how many spans it has (lower half).
    used: AtomicU64,
}

impl Budget {
    /// Whether one more span may be made now.
    fn take(&self) -> bool {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        self.take_at(START.elapsed())
    }

    fn take_at(&self, now: Duration) -> bool {
        let second = now.as_secs() << 32;
        let next = |used: u64| match used & !u64::from(u32::MAX) == second {
            true => (used - second < u64::from(MAX_PER_SECOND)).then_some(used + 1),
            false => Some(second + 1),
        };
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// The span of a produced record, from its arrival at the bridge to its outcome. If it is dropped before, it ends
/// without one.
pub struct SendSpan(Span);

impl SendSpan {
    /// Ends the span with the outcome of its record, which is the record of the run with this index.
    pub fn end(mut self, index: u64, outcome: &Outcome) {
        match outcome {
            Outcome::Acked(Acked { partition, offset, .. }) => {
                self.0.set_attribute(partition_attribute(*partition));
                let offset = offset.saturating_add(i64::try_from(index).unwrap_or(0));
                self.0.set_attribute(KeyValue::new("messaging.kafka.offset", offset));
            }
            Outcome::Failed(error) => {
                let ErrorBody { name, message, .. } = &**error;
                self.0.set_attribute(KeyValue::new("error.type", name.clone()));
                self.0.set_status(Status::error(message.clone()));
            }
        }
        self.0.end();
    }
}

/// Kafka's default of `max.message.bytes` is a little more than 1 MB; the header has less than 100 bytes.
const LARGEST_TRACED_BYTES: usize = 900_000;

/// Starts the spans of produced records, if any is sampled: of records whose `traceparent` header says so, and
/// sometimes of the first one. `seq` is the sequence number of the first record.
pub fn trace_send<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    cluster: &ClusterName,
    topic: &str,
    seq: u64,
    records: &[ProduceView<'a, H>],
    received: Instant,
) -> TracedSend {
    let Some(traces) = TRACES.get() else { return TracedSend::default() };
    let mut traced = TracedSend::default();
    for (index, record) in records.iter().take(SEARCHED_RECORDS).enumerate() {
        let parent = context::of_headers(record.headers.clone());
        let is_sampled = match &parent {
            Some(parent) => parent.is_sampled(),
            None => index == 0 && may_get_header(record) && fastrand::f64() < traces.sample,
        };
        if !is_sampled || !traces.sent.take() {
            continue;
        }
        let span = send_span(traces, cluster, topic, parent.as_ref(), received);
        if parent.is_none() {
            traced.header = Some(context::traceparent(span.span_context()));
        }
        traced.spans.push((seq + index as u64, SendSpan(span)));
    }
    traced
}

/// Whether a `traceparent` header may be added. A header of that name that cannot be read belongs to the user, and a record that is almost as
/// large as Kafka allows must not become too large.
fn may_get_header<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(record: &ProduceView<'a, H>) -> bool {
    let has_header = record.headers.clone().any(|(name, _)| name == context::TRACEPARENT);
    !has_header && record.size() <= LARGEST_TRACED_BYTES
}

fn send_span(
    traces: &Traces,
    cluster: &ClusterName,
    topic: &str,
    parent: Option<&SpanContext>,
    received: Instant,
) -> Span {
    let builder = traces
        .tracer
        .span_builder(format!("send {topic}"))
        .with_kind(SpanKind::Producer)
        .with_start_time(system_time(received))
        .with_attributes([
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", "send"),
            KeyValue::new("messaging.operation.type", "send"),
            KeyValue::new("messaging.destination.name", topic.to_owned()),
            KeyValue::new("messaging.client.id", "ponte"),
            KeyValue::new("ponte.cluster", cluster.as_str().to_owned()),
        ]);
    let parent = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent.clone()));
    builder.start_with_context(&traces.tracer, &parent)
}

/// Makes a span for each of these records that was written to a socket and whose `traceparent` header is sampled. The
/// span begins when the reader read the record, and is linked to the trace of its producer.
pub fn note_delivered(batch: &Batch, range: &Range<usize>) {
    let Some(traces) = TRACES.get() else { return };
    for record in batch.records.iter().skip(range.start).take(range.len().min(SEARCHED_RECORDS)) {
        if record.headers.is_empty() {
            continue;
        }
        let Some(producer) = context::of_headers(record.headers).filter(SpanContext::is_sampled) else { continue };
        if !traces.delivered.take() {
            return;
        }
        let span = traces
            .tracer
            .span_builder(format!("deliver {}", batch.topic))
            .with_kind(SpanKind::Consumer)
            .with_start_time(system_time(batch.read_at))
            .with_links(vec![Link::with_context(producer)])
            .with_attributes([
                KeyValue::new("messaging.system", "kafka"),
                KeyValue::new("messaging.operation.name", "deliver"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.destination.name", batch.topic.to_string()),
                KeyValue::new("messaging.client.id", "ponte"),
                partition_attribute(batch.partition),
                KeyValue::new("messaging.kafka.offset", record.offset),
            ]);
        span.start_with_context(&traces.tracer, &Context::new()).end();
    }
}

fn partition_attribute(partition: i32) -> KeyValue {
    KeyValue::new("messaging.destination.partition.id", partition.to_string())
}

fn system_time(at: Instant) -> SystemTime {
    SystemTime::now().checked_sub(at.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_a_budget_of_its_own() {
        let budget = Budget::default();
        for second in [0, 1, 7] {
            let taken = (0..500).filter(|ms| budget.take_at(Duration::from_millis(second * 1000 + ms))).count();
            assert_eq!(taken, MAX_PER_SECOND as usize, "second {second}");
        }
    }
}
