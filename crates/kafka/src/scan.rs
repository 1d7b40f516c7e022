//! Scans ranges of offsets of many partitions with one consumer, as fast as librdkafka delivers their records. Blocks: call it on a thread
//! of its own.

mod bounds;
mod timeline;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{
    BinaryBatch, ErrorBody, ErrorCode, Isolation, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, RecordView, TopicPartition,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::admin::admin_error;
use crate::client_config::Connection;
use crate::error::{is_authorization, not_authorised_to_read};
use crate::metadata_client::QuietContext;
use crate::native::{DataQueue, TakenMessage};
use crate::oauth::SignedIn;
use crate::range::Pool;

/// How long one step waits for records, and so the delay with which the caller notices that a search was stopped.
const STEP: Duration = Duration::from_millis(100);

/// A scan fails if Kafka sends nothing for this time, which is long enough for a new leader.
const SILENCE: Duration = Duration::from_secs(30);

/// About how many bytes are taken from librdkafka at a time.
const TAKE_BYTES: usize = 1024 * 1024;

/// Records that are taken at most, since the caller looks at them before it can stop.
const TAKE_RECORDS: usize = 16 * MAX_BATCH_RECORDS;

/// About the largest size of a batch.
const BATCH_BYTES: usize = MAX_BATCH_BYTES / 2;

/// After this time, partitions that are complete are not fetched any more while others are read.
const DROP_COMPLETE_AFTER: Duration = Duration::from_millis(200);

/// A range of offsets to scan: `from` up to `to` (exclusive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanRange {
    pub partition: TopicPartition,
    pub from: i64,
    pub to: i64,
}

/// How much is read of each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Few records of many partitions: a fetch returns little of each, so that most of what is fetched is used.
    Page,
    /// Many records.
    Whole,
}

/// Creates and keeps consumers that scan.
pub struct Scanners {
    pools: [Pool<Scanner>; 4],
}

impl Scanners {
    pub fn new(connection: &Connection) -> Self {
        let pool = |create| Pool::of(connection.clone(), create);
        Self {
            pools: [
                pool(|connection| Scanner::new(connection, Isolation::Committed, Depth::Page)),
                pool(|connection| Scanner::new(connection, Isolation::Committed, Depth::Whole)),
                pool(|connection| Scanner::new(connection, Isolation::Uncommitted, Depth::Page)),
                pool(|connection| Scanner::new(connection, Isolation::Uncommitted, Depth::Whole)),
            ],
        }
    }

    /// A consumer that reads nothing yet.
    ///
    /// # Errors
    /// If librdkafka cannot create it.
    pub fn take(&self, isolation: Isolation, depth: Depth) -> Result<Scanner, ErrorBody> {
        self.pool(isolation, depth).take().map_err(|error| {
            ErrorBody::new(ErrorCode::ConsumeFailed, format!("cannot create a Kafka consumer: {error}"))
        })
    }

    /// For the next search. Drop a consumer that failed instead.
    pub fn give_back(&self, scanner: Scanner) {
        if scanner.stop().is_ok() {
            self.pool(scanner.isolation, scanner.depth).give_back(scanner);
        }
    }

    fn pool(&self, isolation: Isolation, depth: Depth) -> &Pool<Scanner> {
        let [committed_page, committed_whole, uncommitted_page, uncommitted_whole] = &self.pools;
        match (isolation, depth) {
            (Isolation::Committed, Depth::Page) => committed_page,
            (Isolation::Committed, Depth::Whole) => committed_whole,
            (Isolation::Uncommitted, Depth::Page) => uncommitted_page,
            (Isolation::Uncommitted, Depth::Whole) => uncommitted_whole,
        }
    }
}

/// A consumer that scans, and its queue.
pub struct Scanner {
    // Destroyed before the consumer.
    data: DataQueue,
    consumer: Arc<SignedIn<BaseConsumer<QuietContext>>>,
    isolation: Isolation,
    depth: Depth,
}

impl Scanner {
    fn new(connection: &Connection, isolation: Isolation, depth: Depth) -> KafkaResult<Self> {
        let fetch_bytes = match depth {
            Depth::Page => 64 * 1024,
            Depth::Whole => 1024 * 1024,
        };
        let config = connection.scan_config(isolation, fetch_bytes);
        let consumer = Arc::new(connection.consumer(&config, QuietContext(connection.hooks()))?);
        let data = DataQueue::of_consumer(Arc::clone(&consumer) as _);
        Ok(Self { data, consumer, isolation, depth })
    }

    /// Starts to read the ranges. They must be of different partitions, and not empty.
    ///
    /// # Errors
    /// If librdkafka refuses the assignment.
    pub fn scan(&self, ranges: Vec<ScanRange>) -> Result<Scan<'_>, ErrorBody> {
        let failed = |error: KafkaError| admin_error(&error, "the partitions to search");
        self.stop().map_err(failed)?;
        let mut list = TopicPartitionList::with_capacity(ranges.len());
        for ScanRange { partition, from, .. } in &ranges {
            list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*from)).map_err(failed)?;
        }
        self.consumer.assign(&list).map_err(failed)?;
        let index = ranges.iter().enumerate().map(|(index, range)| (range.partition.clone(), index)).collect();
        let now = Instant::now();
        let left = ranges.len();
        let ranges = ranges.into_iter().map(|range| Running { next: range.from, range, is_complete: false }).collect();
        Ok(Scan { scanner: self, ranges, index, left, take_count: MAX_BATCH_RECORDS, started: now, heard: now })
    }

    /// Reads nothing any more, and discards the records that were fetched.
    fn stop(&self) -> KafkaResult<()> {
        self.consumer.assign(&TopicPartitionList::new())?;
        while self.data.take(Duration::ZERO, TAKE_RECORDS).iter().next().is_some() {}
        Ok(())
    }
}

/// A scan of some ranges. Dropping it leaves the consumer assigned; [`Scanners::give_back`] and the next scan end that.
pub struct Scan<'s> {
    scanner: &'s Scanner,
    ranges: Vec<Running>,
    index: HashMap<TopicPartition, usize>,
    /// How many ranges are not complete.
    left: usize,
    /// How many records are taken next time, from the size of the last records.
    take_count: usize,
    started: Instant,
    /// When Kafka sent something last.
    heard: Instant,
}

struct Running {
    range: ScanRange,
    /// The next offset to read.
    next: i64,
    is_complete: bool,
}

/// What one step has read.
#[derive(Debug, Default)]
pub struct Step {
    /// In the order of their offsets for each partition.
    pub batches: Vec<ScannedBatch>,
    /// The indexes of ranges that are complete now: no further record is in them.
    pub complete: Vec<usize>,
    /// Ranges of which Kafka does not have the next offset any more.
    pub lost: Vec<usize>,
}

/// Consecutive records of a range.
#[derive(Debug)]
pub struct ScannedBatch {
    /// The index of the range.
    pub range: usize,
    pub records: BinaryBatch,
    /// The offset after the last record.
    pub next: i64,
}

impl Scan<'_> {
    /// Whether all ranges are complete.
    pub fn is_complete(&self) -> bool {
        self.left == 0
    }

    pub fn range(&self, index: usize) -> &ScanRange {
        &self.ranges[index].range
    }

    /// Reads no more of this range.
    pub fn skip(&mut self, index: usize) {
        let running = &mut self.ranges[index];
        if !running.is_complete {
            running.is_complete = true;
            self.left -= 1;
            self.unassign(&[index]);
        }
    }

    /// Waits up to 100 ms for records.
    ///
    /// # Errors
    /// If Kafka refuses, or has sent nothing for 30 s.
    pub fn step(&mut self) -> Result<Step, ErrorBody> {
        let step = self.take()?;
        if !step.batches.is_empty() || !step.complete.is_empty() || !step.lost.is_empty() {
            self.heard = Instant::now();
        } else if self.heard.elapsed() > SILENCE {
            return Err(self.silence());
        }
        // Otherwise librdkafka would fetch beyond the end of these ranges while it fetches the others.
        if self.left > 0 && !step.complete.is_empty() && self.started.elapsed() > DROP_COMPLETE_AFTER {
            self.unassign(&step.complete);
        }
        Ok(step)
    }

    fn take(&mut self) -> Result<Step, ErrorBody> {
        let scanner = self.scanner;
        let taken = scanner.data.take(STEP, self.take_count);
        let mut step = Step::default();
        let mut headers = Vec::new();
        // The range of the previous message, because most messages have the same.
        let mut last: Option<(TakenMessage<'_>, usize)> = None;
        let (mut records, mut bytes) = (0, 0);
        for message in taken.iter() {
            let index = match &last {
                Some((other, index)) if message.is_of_partition_of(other) => *index,
                _ => {
                    let key = TopicPartition { topic: message.topic().to_owned(), partition: message.partition() };
                    let Some(index) = self.index.get(&key) else { continue };
                    last = Some((message, *index));
                    *index
                }
            };
            let Running { range, next, is_complete } = &mut self.ranges[index];
            if *is_complete {
                continue;
            }
            let offset = message.offset();
            let ended = match message.error() {
                None if offset >= range.to => Some(&mut step.complete),
                None if offset < *next => continue,
                None => None,
                // The rest of the range has no records that can be read: it was compacted, or has transaction markers.
                Some(RDKafkaErrorCode::PartitionEOF) => Some(&mut step.complete),
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => Some(&mut step.lost),
                Some(code) => {
                    if let Some(error) = fatal(code, &range.partition.topic) {
                        return Err(error);
                    }
                    tracing::debug!(%code, "an error while searching");
                    continue;
                }
            };
            if let Some(ended) = ended {
                ended.push(index);
                *is_complete = true;
                self.left -= 1;
                continue;
            }
            *next = offset + 1;
            if *next >= range.to {
                step.complete.push(index);
                *is_complete = true;
                self.left -= 1;
            }
            records += 1;
            bytes += message.stored_bytes();
            headers.clear();
            message.headers_into(&mut headers);
            let (timestamp, timestamp_type) = message.timestamp();
            let fits = step.batches.last().is_some_and(|batch| {
                batch.range == index && batch.records.encoded_bytes() + message.stored_bytes() < BATCH_BYTES
            });
            if !fits {
                let records = BinaryBatch::with_capacity(MAX_BATCH_RECORDS, BATCH_BYTES / 2);
                step.batches.push(ScannedBatch { range: index, records, next: 0 });
            }
            let Some(batch) = step.batches.last_mut() else { continue };
            batch.next = *next;
            batch.records.push(RecordView {
                offset,
                timestamp,
                timestamp_type,
                key: message.key(),
                value: message.value(),
                headers: headers.iter().copied(),
            });
        }
        if let Some(average) = usize::checked_div(bytes, records) {
            self.take_count = (TAKE_BYTES / average.max(1)).clamp(1, TAKE_RECORDS);
        }
        Ok(step)
    }

    fn unassign(&self, indexes: &[usize]) {
        let mut list = TopicPartitionList::with_capacity(indexes.len());
        for index in indexes {
            let TopicPartition { topic, partition } = &self.ranges[*index].range.partition;
            list.add_partition(topic, *partition);
        }
        if let Err(error) = self.scanner.consumer.incremental_unassign(&list) {
            tracing::debug!(%error, "cannot stop to fetch partitions that were searched");
        }
    }

    fn silence(&self) -> ErrorBody {
        let waiting = self.ranges.iter().find(|running| !running.is_complete);
        let from = waiting.map(|running| {
            let TopicPartition { topic, partition } = &running.range.partition;
            format!(" of {topic:?}, partition {partition}, from offset {}", running.next)
        });
        let message = format!(
            "Kafka sent no records{} for {} s; continue the search when its leader is reachable",
            from.unwrap_or_default(),
            SILENCE.as_secs()
        );
        ErrorBody::new(ErrorCode::KafkaUnreachable, message)
    }
}

/// The error of a partition that waiting does not mend.
fn fatal(code: RDKafkaErrorCode, topic: &str) -> Option<ErrorBody> {
    if is_authorization(code) {
        return Some(not_authorised_to_read(topic, code));
    }
    match code {
        RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition => {
            let message = format!("the topic {topic:?} was deleted during the search");
            Some(ErrorBody::new(ErrorCode::TopicMissing, message))
        }
        _ => None,
    }
}
