//! Produces the records that a socket sends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{Action, ErrorBody, ErrorCode, HeaderView, Object, ProduceView, limits};

use super::audit::WriteLog;
use super::content::ContentHash;
use super::gate::Gate;
use super::ledger::{Admission, Ledger};
use super::{READ_ONLY, Shared, requests};
use crate::clusters::Cluster;
use crate::permissions::Permissions;
use crate::traces;
use kafka::admin::require_not_internal;
use kafka::producer::{DeliverySink, ProduceBatch, Run};
use kafka::record_limit::RecordLimit;

/// How long to wait before sending again when librdkafka's queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// The records of one message, in the order of their numbers.
pub struct Numbered<'a, H> {
    /// The number of the first record.
    pub seq: u64,
    /// Runs of consecutive records for the same topic.
    pub by_topic: Vec<(&'a str, Vec<ProduceView<'a, H>>)>,
}

/// Why the records of a message from number `seq` on were not processed. They have used no number.
#[derive(Debug)]
pub struct Unprocessed {
    pub seq: u64,
    pub error: ErrorBody,
}

impl<'a, H> Numbered<'a, H> {
    /// # Errors
    /// When the message has more records than the produce window, or its numbers exceed a u64; no record is produced
    /// then.
    pub fn new(
        seq: u64,
        count: usize,
        records: impl Iterator<Item = (&'a str, ProduceView<'a, H>)>,
    ) -> Result<Self, Unprocessed> {
        if count as u64 > limits::PRODUCE_WINDOW {
            let message =
                format!("more than {} records in one message; send at most that many", limits::PRODUCE_WINDOW);
            return Err(Unprocessed { seq, error: ErrorBody::new(ErrorCode::BatchTooLarge, message) });
        }
        if seq.checked_add(count as u64).is_none() {
            let message = format!("seq {seq} is too large to number the records of this message");
            return Err(Unprocessed { seq, error: ErrorBody::new(ErrorCode::BadRequest, message) });
        }
        let mut by_topic: Vec<(&str, Vec<_>)> = Vec::new();
        for (topic, record) in records {
            match by_topic.last_mut() {
                Some((last, run)) if *last == topic => run.push(record),
                _ => {
                    let mut run = Vec::with_capacity(if by_topic.is_empty() { count } else { 1 });
                    run.push(record);
                    by_topic.push((topic, run));
                }
            }
        }
        Ok(Self { seq, by_topic })
    }
}

/// Produces the records. The socket is not read while this waits for room, which is the back-pressure on the client.
///
/// # Errors
/// When a number cannot be used; its record and those after it are not produced.
pub async fn produce<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    shared: &Shared,
    cluster: &Arc<Cluster>,
    permissions: &Permissions,
    ledger: &Arc<Ledger>,
    log: &mut WriteLog,
    Numbered { mut seq, by_topic }: Numbered<'a, H>,
) -> Result<(), Unprocessed> {
    let received = Instant::now();
    let mut topic_limits = TopicLimits::default();
    for (topic, records) in by_topic {
        // Checked before any record is produced.
        let refusal = may_write(cluster, permissions, topic).err().map(Arc::new);
        let may_create = permissions.may(Action::Create, &Object::Topic(topic));
        let hash = ContentHash::for_topic(topic);
        let contents: Vec<u64> = records.iter().map(|record| hash.of(record)).collect();
        let mut start = 0;
        while start < records.len() {
            let done = match ledger.admit(seq, &contents[start..]) {
                Admission::New(count) => {
                    match &refusal {
                        Some(error) => {
                            log.refused(topic, error);
                            ledger.delivered(vec![Run::failed(seq, count as u64, Arc::clone(error))]);
                        }
                        None => {
                            log.written(topic, count as u64);
                            let to = Target { topic, may_create, limits: &mut topic_limits };
                            send(shared, cluster, ledger, seq, to, &records[start..start + count], received).await;
                        }
                    }
                    count
                }
                Admission::Repeated(count) => count,
                Admission::Full => {
                    ledger.wait_for_room().await;
                    0
                }
                Admission::Reused => {
                    let message = format!(
                        "record {seq}: this number was used for a different record, so nothing was written; send the \
                         record with a new number"
                    );
                    return Err(Unprocessed { seq, error: ErrorBody::new(ErrorCode::SequenceReused, message) });
                }
                Admission::PassedOver => {
                    let message = format!("record {seq}: this number was skipped before; numbers must increase");
                    return Err(Unprocessed { seq, error: ErrorBody::new(ErrorCode::SequenceReused, message) });
                }
                Admission::Expired => {
                    let message = format!(
                        "record {seq}: this number is older than the outcomes that the bridge keeps; nothing was written \
                         now, and the bridge does not know whether it was written before"
                    );
                    return Err(Unprocessed { seq, error: ErrorBody::new(ErrorCode::SequenceExpired, message) });
                }
            };
            start += done;
            seq += done as u64;
        }
    }
    Ok(())
}

/// Checks that records for this topic may be written.
fn may_write(cluster: &Cluster, permissions: &Permissions, topic: &str) -> Result<(), ErrorBody> {
    let name = requests::topic(topic);
    if cluster.read_only {
        let target = name.map_or_else(|_| String::new(), |name| format!(" to {:?}", name.as_str()));
        return Err(ErrorBody::new(ErrorCode::ReadOnly, format!("cannot write{target}: {READ_ONLY}")));
    }
    let name = name?;
    permissions.require(&[(Action::Write, Object::Topic(name.as_str()))])?;
    require_not_internal(&name)
}

/// Where records are written.
struct Target<'t> {
    topic: &'t str,
    /// Whether the topic may be created for them.
    may_create: bool,
    limits: &'t mut TopicLimits,
}

/// The limits of topics that refuse records of one message, each requested once.
#[derive(Default)]
struct TopicLimits {
    known: Vec<(String, Option<u64>)>,
    /// Kafka did not report a limit, so that further requests would probably time out, too.
    has_failed: bool,
}

impl TopicLimits {
    /// A request blocks the socket, so one message makes only so many.
    const MAX_REQUESTS: usize = 4;

    /// `max.message.bytes` of the topic, if Kafka reports it.
    async fn of(&mut self, shared: &Shared, cluster: &Arc<Cluster>, topic: &str) -> Option<u64> {
        if let Some((_, limit)) = self.known.iter().find(|(known, _)| known == topic) {
            return *limit;
        }
        if self.has_failed || self.known.len() >= Self::MAX_REQUESTS {
            return None;
        }
        let name = requests::topic(topic).ok()?;
        let permit = shared.gate.start_producer().await;
        let admin = Arc::clone(&cluster.admin);
        let reported = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            admin.max_message_bytes(&name)
        });
        let limit = reported.await.ok().flatten();
        self.has_failed = limit.is_none();
        self.known.push((topic.to_owned(), limit));
        limit
    }
}

/// Produces records that were admitted. A record that is invalid gets its outcome here.
async fn send<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    shared: &Shared,
    cluster: &Arc<Cluster>,
    ledger: &Arc<Ledger>,
    seq: u64,
    Target { topic, may_create, limits: topic_limits }: Target<'_>,
    records: &[ProduceView<'a, H>],
    received: Instant,
) {
    let mut unsent = Unsent { ledger, next: seq, count: records.len() as u64 };
    let mut traced = traces::trace_send(&cluster.name, topic, seq, records, received);
    if !traced.spans.is_empty() {
        ledger.trace(std::mem::take(&mut traced.spans));
    }
    let shared_topic: Arc<str> = topic.into();
    let limit = cluster.record_limit.bytes;
    let mut start = 0;
    while start < records.len() {
        if let Err(invalid) = check(&records[start], limit) {
            let is_same_error =
                |record: &&ProduceView<'a, H>| check(record, limit).is_err_and(|other| other == invalid);
            let count = 1 + records[start + 1..].iter().take_while(is_same_error).count();
            let error = match invalid {
                Invalid::TooLarge(size) => {
                    too_large(cluster.record_limit, topic_limits.of(shared, cluster, topic).await, topic, size)
                }
                Invalid::Other(error) => error,
            };
            ledger.delivered(vec![Run::failed(seq + start as u64, count as u64, Arc::new(error))]);
            unsent.mark_sent(count as u64);
            start += count;
            continue;
        }
        let valid = records[start..].iter().take_while(|record| check(record, limit).is_ok()).count();
        let end = start + valid;
        while start < end {
            if cluster.producer.must_start() {
                start_producer(&shared.gate, cluster).await;
            }
            let batch = ProduceBatch {
                sink: Arc::clone(ledger) as Arc<dyn DeliverySink>,
                topic: Arc::clone(&shared_topic),
                may_create,
                first_seq: seq + start as u64,
                received,
            };
            let taken = match traced.header.as_deref().filter(|_| start == 0) {
                Some(header) => cluster.producer.send(batch, &[with_traceparent(&records[0], header)]),
                None => cluster.producer.send(batch, &records[start..end]),
            };
            start += taken;
            unsent.mark_sent(taken as u64);
            if start < end {
                tokio::time::sleep(QUEUE_FULL_PAUSE).await;
            }
        }
    }
}

/// The record with a further header, so that its consumers can continue the trace.
fn with_traceparent<'r, 'a: 'r, H: Iterator<Item = HeaderView<'a>> + Clone>(
    record: &ProduceView<'a, H>,
    header: &'r str,
) -> ProduceView<'r, std::vec::IntoIter<HeaderView<'r>>> {
    let own: Vec<HeaderView<'a>> = record.headers.clone().collect();
    let mut headers: Vec<HeaderView<'r>> = own;
    headers.push(("traceparent", Some(header.as_bytes())));
    let &ProduceView { partition, timestamp, key, value, .. } = record;
    ProduceView { partition, timestamp, key, value, headers: headers.into_iter() }
}

/// If this fails, the producer reports the reason as the records' outcome.
async fn start_producer(gate: &Gate, cluster: &Arc<Cluster>) {
    let permit = gate.start_producer().await;
    if !cluster.producer.must_start() {
        return;
    }
    let cluster = Arc::clone(cluster);
    let started = tokio::task::spawn_blocking(move || {
        cluster.producer.start();
        // Held until the thread is free, even if the socket has ended meanwhile.
        drop(permit);
    });
    let _ = started.await;
}

/// Admitted records that the producer has not taken yet. If the socket ends while they wait for the producer's queue,
/// dropping this gives them an outcome. Otherwise they would never get one, and a client that reconnects would wait for
/// it.
struct Unsent<'l> {
    ledger: &'l Ledger,
    next: u64,
    count: u64,
}

impl Unsent<'_> {
    fn mark_sent(&mut self, taken: u64) {
        self.next += taken;
        self.count -= taken;
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        let message = "the socket closed before the record was sent to Kafka, so it was not written; send it again with a new number";
        if self.count > 0 {
            let error = Arc::new(ErrorBody::new(ErrorCode::NotDelivered, message));
            self.ledger.delivered(vec![Run::failed(self.next, self.count, error)]);
        }
    }
}

/// The error of a record that is larger than the bridge's limit. It names the smaller one of the bridge's and the topic's
/// limit, because a record within the other would still be refused.
fn too_large(
    RecordLimit { bytes, setting }: RecordLimit,
    of_topic: Option<u64>,
    topic: &str,
    size: usize,
) -> ErrorBody {
    let (bytes, setting) = match of_topic.filter(|of_topic| *of_topic < bytes as u64) {
        Some(of_topic) => (of_topic, format!("max.message.bytes of the topic {topic:?}")),
        None => (bytes as u64, setting.to_owned()),
    };
    let message = format!("the record has {size} bytes; at most {bytes} are allowed by {setting}");
    ErrorBody::new(ErrorCode::RecordTooLarge, message)
}

/// Why a record cannot be produced.
#[derive(PartialEq)]
enum Invalid {
    /// The record has this many bytes.
    TooLarge(usize),
    Other(ErrorBody),
}

impl From<ErrorBody> for Invalid {
    fn from(error: ErrorBody) -> Self {
        Self::Other(error)
    }
}

/// Rejects records that librdkafka would refuse late, or not at all.
fn check<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    record: &ProduceView<'a, H>,
    limit: usize,
) -> Result<(), Invalid> {
    let size = record.size();
    if size > limit {
        return Err(Invalid::TooLarge(size));
    }
    if let Some(partition) = record.partition.filter(|partition| *partition < 0) {
        let message =
            format!("partition {partition}: use a number from 0, or leave it out to let the partitioner choose");
        return Err(ErrorBody::new(ErrorCode::UnknownPartition, message).into());
    }
    if record.headers.clone().any(|(name, _)| name.contains('\0')) {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "a header name cannot contain a NUL character").into());
    }
    if let Some(ms) = record.timestamp.filter(|ms| *ms < 0) {
        let message = format!("timestamp {ms}: milliseconds since 1970 cannot be negative");
        return Err(ErrorBody::new(ErrorCode::BadRequest, message).into());
    }
    Ok(())
}
