//! The thread of a search.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use filter::{Matcher, Verdict};
use kafka::scan::{Depth, Scan, ScanRange, ScannedBatch, Scanner};
use protocol::{
    BinaryBatch, ErrorBody, FoundRecord, HeaderView, MAX_BATCH_RECORDS, OffsetRange, Order, PartitionProgress, Record,
    RecordView, SearchDone, SearchEnd, SearchProgress, SearchRecords, ServerMessage,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::merge::{Found, Merge};
use super::plan::{Plan, shown};
use super::{AdmittedSearch, Sent};
use crate::json_size::json_bytes;

/// The interval of `search_progress`, and the one for many partitions.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
const LONG_PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// More partitions than this make `search_progress` a long message.
const FEW_PARTITIONS: usize = 64;

/// The size of the records in one message, as JSON.
const MESSAGE_BYTES: usize = 512 * 1024;

/// Found records that wait for others before them; beyond this, only partitions without a found record are scanned.
const MAX_QUEUED_BYTES: usize = 64 * 1024 * 1024;

/// How many offsets of a partition are scanned at first with a filter, and at most. A search in the order `newest` scans back part by part, since Kafka
/// reads forwards only; what it finds in a part is sent at the end of the part.
const FIRST_PART: i64 = 1000;
const MAX_PART: i64 = 1_000_000;

/// About how long it takes to scan a part.
const PART_TIME: Duration = Duration::from_millis(500);

/// The factor by which parts grow.
const PART_GROWTH: i64 = 4;

/// The fewest offsets of a partition in the first part of a search without a filter.
const MIN_PAGE_PART: i64 = 8;

/// How often a search that waits for the limit of bytes looks whether it was stopped.
const WAIT_STEP: Duration = Duration::from_millis(100);

/// The thread of one search.
pub struct Run<'s> {
    search: u32,
    admitted: &'s AdmittedSearch,
    matcher: Option<Matcher<'s>>,
    merge: Merge,
    stop: &'s CancellationToken,
    sender: &'s mpsc::Sender<Sent>,
    /// How many more records are sent.
    wanted: usize,
    /// How many offsets of each partition the next part has.
    part: i64,
    counts: Counts,
    deleted: Vec<OffsetRange>,
    started: Instant,
    progress_due: Instant,
}

#[derive(Default)]
struct Counts {
    scanned: u64,
    bytes: u64,
    matched: u64,
    failed: u64,
    first_failure: Option<String>,
}

/// Why the search ends before all is scanned.
enum Interrupted {
    /// The client does not listen any more.
    Gone,
    Stopped,
    Failed(ErrorBody),
}

impl From<ErrorBody> for Interrupted {
    fn from(error: ErrorBody) -> Self {
        Self::Failed(error)
    }
}

/// A part of a partition, while it is scanned.
struct Part {
    /// The index of the partition.
    partition: usize,
    from: i64,
    /// Its records that match, the oldest first.
    found: VecDeque<Found>,
    found_bytes: usize,
    /// The timestamp of its first record.
    first_timestamp: Option<i64>,
    /// Found records were dropped: the part must be scanned again up to the oldest one that was kept.
    is_cut: bool,
}

impl<'s> Run<'s> {
    pub fn new(
        search: u32,
        admitted: &'s AdmittedSearch,
        plan: Plan,
        stop: &'s CancellationToken,
        sender: &'s mpsc::Sender<Sent>,
    ) -> Self {
        let AdmittedSearch { request, filter, .. } = admitted;
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        // Without a filter, the client reads page by page.
        let part = match filter.is_empty() {
            // Records of many partitions are wanted together, so not all of the page from each.
            true => {
                let count = i64::from(request.count);
                let share = 4 * count / i64::try_from(plan.ranges.len().max(1)).unwrap_or(i64::MAX);
                share.clamp(MIN_PAGE_PART.min(count), count)
            }
            false => FIRST_PART,
        };
        let now = Instant::now();
        Self {
            search,
            admitted,
            matcher: (!filter.is_empty()).then(|| Matcher::new(filter)),
            merge: Merge::new(request.order, plan.ranges),
            stop,
            sender,
            wanted,
            part,
            counts: Counts::default(),
            deleted: plan.deleted,
            started: now,
            progress_due: now + PROGRESS_EVERY,
        }
    }

    pub fn run(mut self) {
        let ended = match self.scan_all() {
            Ok(()) if self.wanted == 0 => Ok((SearchEnd::Count, None)),
            Ok(()) => Ok((SearchEnd::Complete, None)),
            Err(Interrupted::Stopped) => self.send_found().map(|()| (SearchEnd::Stopped, None)),
            Err(Interrupted::Failed(error)) => {
                let error = self.admitted.source.with_reason(error);
                self.send_found().map(|()| (SearchEnd::Failed, Some(error)))
            }
            Err(Interrupted::Gone) => Err(Interrupted::Gone),
        };
        let Ok((reason, error)) = ended else { return };
        let cursor = self.merge.cursor();
        let reason = if cursor.is_none() && error.is_none() { SearchEnd::Complete } else { reason };
        let done = SearchDone { search: self.search, reason, cursor, error };
        // If the socket is gone, the messages are discarded.
        let _ = self.send_progress().and_then(|()| self.push(done));
    }

    /// Scans and sends until enough is sent or nothing is left.
    fn scan_all(&mut self) -> Result<(), Interrupted> {
        let mut scanner: Option<Scanner> = None;
        let scanned = self.scan_parts(&mut scanner);
        // A consumer that failed is not used again.
        if let (Some(scanner), Ok(()) | Err(Interrupted::Stopped | Interrupted::Gone)) = (scanner, &scanned) {
            self.admitted.source.admin.scanners().give_back(scanner);
        }
        scanned
    }

    fn scan_parts(&mut self, scanner: &mut Option<Scanner>) -> Result<(), Interrupted> {
        loop {
            self.send_ready()?;
            let blocking = self.merge.blocking();
            if self.wanted == 0 || blocking.is_empty() {
                return Ok(());
            }
            self.check_stopped()?;
            let scanner = match scanner {
                Some(scanner) => scanner,
                None => {
                    let depth = if self.matcher.is_none() { Depth::Page } else { Depth::Whole };
                    scanner.insert(self.admitted.source.admin.scanners().take(self.admitted.request.isolation, depth)?)
                }
            };
            let (started, scanned) = (Instant::now(), self.counts.scanned);
            match self.admitted.request.order {
                Order::Newest => self.scan_back(scanner, &blocking)?,
                Order::Oldest => self.scan_on(scanner, &blocking)?,
            }
            self.grow_part(blocking.len(), self.counts.scanned - scanned, started.elapsed());
        }
    }

    /// The next part takes about [`PART_TIME`], as far as that can be said from the last one.
    fn grow_part(&mut self, partitions: usize, scanned: u64, took: Duration) {
        let per_second = scanned as f64 / took.as_secs_f64().max(0.001);
        #[expect(clippy::cast_possible_truncation, reason = "a number of records below the limit")]
        let fitting = (per_second * PART_TIME.as_secs_f64()).min(MAX_PART as f64) as i64;
        let fitting = fitting / i64::try_from(partitions.max(1)).unwrap_or(i64::MAX);
        self.part = fitting.clamp(self.part, self.part * PART_GROWTH).min(MAX_PART);
    }

    /// Scans the last part of each partition, and queues what is found from its end to its start.
    fn scan_back(&mut self, scanner: &Scanner, partitions: &[usize]) -> Result<(), Interrupted> {
        let mut parts: Vec<Part> = Vec::with_capacity(partitions.len());
        let mut ranges = Vec::with_capacity(partitions.len());
        for &partition in partitions {
            let ScanRange { partition: name, from, to } = &self.merge.partitions[partition].rest;
            let from = to.saturating_sub(self.part).max(*from);
            ranges.push(ScanRange { partition: name.clone(), from, to: *to });
            parts.push(Part {
                partition,
                from,
                found: VecDeque::new(),
                found_bytes: 0,
                first_timestamp: None,
                is_cut: false,
            });
        }
        let mut scan = scanner.scan(ranges)?;
        while !scan.is_complete() {
            let step = scan.step()?;
            for batch in step.batches {
                let part = &mut parts[batch.range];
                let timestamp = |index| batch.records.timestamp(index).unwrap_or(i64::MIN);
                part.first_timestamp = part.first_timestamp.or(Some(timestamp(0)));
                for found in self.matching(part.partition, &batch)? {
                    part.keep(found, self.wanted, MAX_QUEUED_BYTES / partitions.len());
                }
            }
            for index in step.complete {
                let part = std::mem::take(&mut parts[index].found);
                self.end_part(&parts[index], part);
            }
            for index in step.lost {
                self.skip_deleted(parts[index].partition, parts[index].from)?;
            }
            self.after_step()?;
        }
        Ok(())
    }

    fn end_part(&mut self, part: &Part, found: VecDeque<Found>) {
        let oldest = found.front().map(|found| (found.record.record.offset.0, found.timestamp));
        let (to, frontier) = match oldest.filter(|_| part.is_cut) {
            Some((offset, timestamp)) => (offset, Some(timestamp)),
            None => (part.from, part.first_timestamp),
        };
        self.merge.partitions[part.partition].rest.to = to;
        if let Some(timestamp) = frontier {
            self.merge.set_frontier(part.partition, timestamp);
        }
        for found in found.into_iter().rev() {
            self.merge.queue(part.partition, found);
        }
    }

    /// Scans the partitions forwards, and sends what is found meanwhile.
    fn scan_on(&mut self, scanner: &Scanner, blocking: &[usize]) -> Result<(), Interrupted> {
        let is_page = self.matcher.is_none();
        let partitions: Vec<usize> = match is_page {
            true => blocking.to_vec(),
            // The others are scanned at the same time, unless much has to wait already.
            false if self.merge.queued_bytes() < MAX_QUEUED_BYTES / 2 => {
                let is_open = |index: &usize| {
                    let partition = &self.merge.partitions[*index];
                    !partition.is_exhausted() && partition.queued() < self.wanted
                };
                (0..self.merge.partitions.len()).filter(is_open).collect()
            }
            false => blocking.to_vec(),
        };
        let ranges = partitions.iter().map(|index| {
            let ScanRange { partition, from, to } = self.merge.partitions[*index].rest.clone();
            let to = if is_page { from.saturating_add(self.part).min(to) } else { to };
            ScanRange { partition, from, to }
        });
        let mut scan = scanner.scan(ranges.collect())?;
        while !scan.is_complete() && self.wanted > 0 {
            let step = scan.step()?;
            for batch in step.batches {
                self.queue_batch(partitions[batch.range], &batch, &mut scan)?;
            }
            for index in step.complete {
                let end = scan.range(index).to;
                let rest = &mut self.merge.partitions[partitions[index]].rest;
                // A partition whose queue is full was skipped earlier.
                rest.from = rest.from.max(end);
            }
            for index in step.lost {
                let from = self.merge.partitions[partitions[index]].rest.from;
                self.skip_deleted(partitions[index], from)?;
            }
            self.send_ready()?;
            self.after_step()?;
        }
        Ok(())
    }

    fn queue_batch(&mut self, partition: usize, batch: &ScannedBatch, scan: &mut Scan<'_>) -> Result<(), Interrupted> {
        // Records that were in the queue of librdkafka when the partition was skipped.
        if batch.next <= self.merge.partitions[partition].rest.from {
            return Ok(());
        }
        for found in self.matching(partition, batch)? {
            self.merge.queue(partition, found);
        }
        self.merge.partitions[partition].rest.from = batch.next;
        if let Some(timestamp) = batch.records.timestamp(batch.records.len() - 1) {
            self.merge.set_frontier(partition, timestamp);
        }
        let queued = self.merge.partitions[partition].queued();
        if queued >= self.wanted || (queued > 0 && self.merge.queued_bytes() > MAX_QUEUED_BYTES) {
            scan.skip(batch.range);
        }
        Ok(())
    }

    /// The records of a batch that match, as the user sees them.
    fn matching(&mut self, partition: usize, batch: &ScannedBatch) -> Result<Vec<Found>, Interrupted> {
        let AdmittedSearch { source, request, mask, .. } = self.admitted;
        let name = self.merge.partitions[partition].name().clone();
        let records = &batch.records;
        let decoded;
        let masked;
        let mut view = records;
        if !request.decode.is_raw() {
            Handle::current().block_on(source.decoder.load_schemas(request.decode, records));
            decoded = source.decoder.decode(&name.topic, request.decode, records);
            view = &decoded;
        }
        if let Some(profile) = mask.as_ref().filter(|profile| profile.covers(&name.topic)) {
            masked = profile.apply(&name.topic, view);
            view = &masked;
        }
        let mut found = Vec::new();
        let mut failed = 0;
        for (index, record) in view.iter().enumerate() {
            let verdict = match &mut self.matcher {
                Some(matcher) => {
                    let record = filter::Record { topic: &name.topic, partition: name.partition, view: record };
                    matcher.matches(&record)
                }
                None => Verdict::Match,
            };
            match verdict {
                Verdict::Match => found.push(found_record(&name.topic, name.partition, view, index, record)),
                Verdict::NoMatch => {}
                Verdict::Error => {
                    failed += 1;
                    if self.counts.first_failure.is_none() {
                        let reason = self.matcher.as_ref().and_then(Matcher::last_error).unwrap_or_default();
                        let place = format!("offset {} of {}, partition {}", record.offset, name.topic, name.partition);
                        self.counts.first_failure = Some(format!("{place}: {reason}"));
                    }
                }
            }
        }
        let (scanned, bytes) = (records.len() as u64, records.payload_bytes(0..records.len()));
        let matched = found.len() as u64;
        self.counts.scanned += scanned;
        self.counts.bytes += bytes;
        self.counts.matched += matched;
        self.counts.failed += failed;
        let progress = &mut self.merge.partitions[partition];
        progress.scanned += scanned;
        progress.matched += matched;
        self.wait_for_rate(bytes)?;
        Ok(found)
    }

    /// Waits until the bytes that were read are due.
    fn wait_for_rate(&mut self, bytes: u64) -> Result<(), Interrupted> {
        let mut left = self.admitted.rate.wait_after(bytes, Instant::now());
        while !left.is_zero() {
            self.check_stopped()?;
            let step = left.min(WAIT_STEP);
            std::thread::sleep(step);
            left -= step;
            self.send_progress_if_due()?;
        }
        Ok(())
    }

    /// Kafka has deleted the records from this offset on: the search continues with the first that exists.
    fn skip_deleted(&mut self, partition: usize, from: i64) -> Result<(), Interrupted> {
        let AdmittedSearch { source, request, .. } = self.admitted;
        let rest = self.merge.partitions[partition].rest.clone();
        let (found, deleted) = source.admin.rest_of(vec![rest], request.isolation)?;
        self.deleted.extend(deleted);
        let rest = &mut self.merge.partitions[partition].rest;
        match found.into_iter().next() {
            Some(found) if found.from > from => *rest = found,
            // The offset exists, but Kafka does not return it: after an unclean leader election the log may be shorter.
            Some(found) => {
                self.deleted.push(shown(&found));
                rest.from = rest.to;
            }
            None => rest.from = rest.to,
        }
        Ok(())
    }

    fn after_step(&mut self) -> Result<(), Interrupted> {
        self.send_progress_if_due()?;
        self.check_stopped()
    }

    fn check_stopped(&self) -> Result<(), Interrupted> {
        match (self.sender.is_closed(), self.stop.is_cancelled()) {
            (true, _) => Err(Interrupted::Gone),
            (false, true) => Err(Interrupted::Stopped),
            (false, false) => Ok(()),
        }
    }

    /// Sends the records whose place in the order is known.
    fn send_ready(&mut self) -> Result<(), Interrupted> {
        self.send_records(Merge::next)
    }

    /// Sends the records that were found before the end, as far as they are wanted.
    fn send_found(&mut self) -> Result<(), Interrupted> {
        self.send_records(Merge::next_found)
    }

    fn send_records(&mut self, next: fn(&mut Merge) -> Option<Found>) -> Result<(), Interrupted> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while self.wanted > 0
            && let Some(Found { record, .. }) = next(&mut self.merge)
        {
            self.wanted -= 1;
            let size = json_bytes(&record);
            // A large record is sent alone, so that only its message is longer than others.
            if records.len() == MAX_BATCH_RECORDS || (bytes > 0 && bytes + size > MESSAGE_BYTES) {
                self.push(SearchRecords { search: self.search, records: std::mem::take(&mut records) })?;
                bytes = 0;
            }
            bytes += size;
            records.push(record);
        }
        match records.is_empty() {
            true => Ok(()),
            false => self.push(SearchRecords { search: self.search, records }),
        }
    }

    fn send_progress_if_due(&mut self) -> Result<(), Interrupted> {
        if Instant::now() < self.progress_due {
            return Ok(());
        }
        self.send_progress()
    }

    fn send_progress(&mut self) -> Result<(), Interrupted> {
        let partitions = &self.merge.partitions;
        let every = if partitions.len() > FEW_PARTITIONS { LONG_PROGRESS_EVERY } else { PROGRESS_EVERY };
        self.progress_due = Instant::now() + every;
        let partitions =
            partitions.iter().filter(|partition| !partition.is_exhausted()).map(|partition| PartitionProgress {
                topic: partition.name().topic.clone(),
                partition: partition.name().partition,
                scanned: partition.scanned,
                matched: partition.matched,
                left: partition.left(),
            });
        let progress = SearchProgress {
            search: self.search,
            scanned: self.counts.scanned,
            scanned_bytes: self.counts.bytes,
            matched: self.counts.matched,
            left: self.merge.left(),
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            failed: self.counts.failed,
            first_failure: self.counts.first_failure.clone(),
            partitions: partitions.collect(),
            deleted: self.deleted.clone(),
        };
        self.push(progress)
    }

    /// Waits while the client is slow.
    fn push(&self, message: impl Into<ServerMessage>) -> Result<(), Interrupted> {
        self.sender.blocking_send(Sent::Push(Box::new(message.into()))).map_err(|_| Interrupted::Gone)
    }
}

impl Part {
    /// Keeps the newest of the found records, up to a count and a size.
    fn keep(&mut self, found: Found, most: usize, most_bytes: usize) {
        self.found_bytes += found.bytes;
        self.found.push_back(found);
        while self.found.len() > most.max(1) || (self.found_bytes > most_bytes && self.found.len() > 1) {
            let dropped = self.found.pop_front();
            self.found_bytes -= dropped.map_or(0, |found| found.bytes);
            self.is_cut = true;
        }
    }
}

fn found_record<'r, H>(
    topic: &str,
    partition: i32,
    records: &BinaryBatch,
    index: usize,
    view: RecordView<'r, H>,
) -> Found
where
    H: Iterator<Item = HeaderView<'r>> + Clone,
{
    /// The fixed part of a record in memory.
    const HEAD_BYTES: usize = 300;
    let notes = records.notes_of(index);
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers: usize = view.headers.clone().map(|(name, value)| name.len() + length(value)).sum();
    let bytes = HEAD_BYTES + topic.len() + length(view.key) + length(view.value) + headers;
    let (key_note, value_note) = (records.notes().get(notes.key), records.notes().get(notes.value));
    let timestamp = view.timestamp.unwrap_or(i64::MIN);
    let record = Record::of(view, key_note.cloned(), value_note.cloned());
    Found { timestamp, bytes, record: FoundRecord { topic: topic.to_owned(), partition, record } }
}
