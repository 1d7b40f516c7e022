//! Records on their way from a socket to Kafka.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, HeaderView, ProduceView, TopicName};

use super::ledger::{Admission, Ledger};
use super::{LIMITS, MAX_RECORD_BYTES, READ_ONLY, Shared};
use crate::kafka::producer::{DeliverySink, Outcome, Run, Shipment};

/// How long to wait when librdkafka's queue is full before trying again.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// The records of one message, in the order of their numbers, each with its topic.
pub struct Numbered<'a, H> {
    /// The number of the first.
    pub seq: u64,
    pub records: Vec<(&'a str, ProduceView<'a, H>)>,
}

/// Sends the records. While it waits for room the socket is not read: that is the back-pressure.
///
/// # Errors
/// When the message as a whole is wrong; then none of its records was taken.
pub async fn produce<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    shared: &Shared,
    ledger: &Arc<Ledger>,
    Numbered { mut seq, records }: Numbered<'a, H>,
) -> Result<(), ErrorBody> {
    let received = Instant::now();
    let count = records.len() as u64;
    if count > LIMITS.produce_window {
        let message = format!("{count} records at once; send at most {}", LIMITS.produce_window);
        return Err(ErrorBody::new(ErrorCode::BatchTooLarge, message));
    }
    if seq.checked_add(count).is_none() {
        return Err(ErrorBody::new(ErrorCode::BadRequest, format!("seq {seq} leaves no numbers to count up")));
    }
    for (topic, records) in by_topic(records) {
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let done = match ledger.admit(seq, rest.len() as u64) {
                Admission::New(count) => {
                    let (new, _) = rest.split_at(places(count));
                    send(shared, ledger, seq, topic, new, received).await;
                    count
                }
                Admission::Repeated(count) => count,
                Admission::Full => {
                    ledger.wait_for_room().await;
                    0
                }
                Admission::OutOfOrder => {
                    let message = format!("record {seq}: its number was used or passed over before; numbers only rise");
                    return Err(ErrorBody::new(ErrorCode::SequenceReused, message));
                }
            };
            rest = &rest[places(done)..];
            seq += done;
        }
    }
    Ok(())
}

/// A count of records that are in memory.
fn places(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Consecutive records for the same topic.
fn by_topic<'a, H>(records: Vec<(&'a str, ProduceView<'a, H>)>) -> Vec<(&'a str, Vec<ProduceView<'a, H>>)> {
    let mut runs: Vec<(&str, Vec<_>)> = Vec::new();
    let count = records.len();
    for (topic, record) in records {
        match runs.last_mut() {
            Some((last, run)) if *last == topic => run.push(record),
            _ => {
                let mut run = Vec::with_capacity(if runs.is_empty() { count } else { 1 });
                run.push(record);
                runs.push((topic, run));
            }
        }
    }
    runs
}

/// Sends what was admitted. What can never be sent gets its outcome here.
async fn send<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    shared: &Shared,
    ledger: &Arc<Ledger>,
    seq: u64,
    topic: &str,
    records: &[ProduceView<'a, H>],
    received: Instant,
) {
    let topic_error = if shared.read_only {
        Some(ErrorBody::new(ErrorCode::ReadOnly, format!("nothing is written to {topic:?}: {READ_ONLY}")))
    } else {
        TopicName::parse(topic).err().map(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))
    };
    let error_of = |record| topic_error.clone().map_or_else(|| check(record), Err).err();
    let shared_topic: Arc<str> = topic.into();
    let mut start = 0;
    let mut unsent = Unsent { ledger, next: seq, count: records.len() as u64 };
    while start < records.len() {
        if let Some(error) = error_of(&records[start]) {
            ledger.delivered(vec![Run::failed(seq + start as u64, error)]);
            unsent.forget(1);
            start += 1;
            continue;
        }
        let good = records[start..].iter().take_while(|record| error_of(record).is_none()).count();
        let end = start + good;
        while start < end {
            let shipment = Shipment {
                sink: Arc::clone(ledger) as Arc<dyn DeliverySink>,
                topic: Arc::clone(&shared_topic),
                first_seq: seq + start as u64,
                received,
            };
            let taken = shared.producer.send(shipment, &records[start..end]);
            start += taken;
            unsent.forget(taken as u64);
            if start < end {
                tokio::time::sleep(QUEUE_FULL_PAUSE).await;
            }
        }
    }
}

/// Records that have a number and are not with the producer yet. If the socket ends while they wait for its queue, that
/// is their outcome: else they would never get one, and a client that comes back would wait for it.
struct Unsent<'l> {
    ledger: &'l Ledger,
    next: u64,
    count: u64,
}

impl Unsent<'_> {
    fn forget(&mut self, taken: u64) {
        self.next += taken;
        self.count -= taken;
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        let message = "the socket ended before the record left; it was not written. Send it again with a new number";
        let gave_up = || Outcome::Failed(ErrorBody::new(ErrorCode::NotDelivered, message));
        if self.count > 0 {
            self.ledger.delivered(vec![Run { first: self.next, count: self.count, outcome: gave_up() }]);
        }
    }
}

/// What librdkafka would refuse late, or not at all.
fn check<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(record: &ProduceView<'a, H>) -> Result<(), ErrorBody> {
    let size = record.size();
    if size > MAX_RECORD_BYTES {
        let message = format!("the record has {size} bytes; at most {MAX_RECORD_BYTES} are taken");
        return Err(ErrorBody::new(ErrorCode::RecordTooLarge, message));
    }
    if let Some(partition) = record.partition.filter(|partition| *partition < 0) {
        let message = format!("partition {partition}: use a number from 0, or leave it out and Kafka chooses");
        return Err(ErrorBody::new(ErrorCode::UnknownPartition, message));
    }
    if record.headers.clone().any(|(name, _)| name.contains('\0')) {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "a header's name cannot contain a NUL character"));
    }
    if let Some(ms) = record.timestamp.filter(|ms| *ms < 0) {
        let message = format!("timestamp {ms}: milliseconds since 1970 cannot be negative");
        return Err(ErrorBody::new(ErrorCode::BadRequest, message));
    }
    Ok(())
}
