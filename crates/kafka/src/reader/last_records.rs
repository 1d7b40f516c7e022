//! Finds where the last records of partitions begin. Offsets cannot simply be subtracted: transaction markers, aborted
//! records and compacted records have offsets, too. So the partitions are read back in growing steps until each has enough
//! records.

use std::collections::HashMap;
use std::time::Duration;

use protocol::{ErrorBody, ErrorCode, Offset as Shown, TopicName, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::admin::admin_error;
use crate::metadata_client::{MetadataClient, QuietContext, TIMEOUT};
use crate::native::Failure;
use crate::range::Pool;
use feed::Start;
use feed::ends::PartitionEnds;

/// More records than this, of all partitions together, are not counted, because counting reads them a second time.
const MAX_COUNTED: u64 = 10_000;

/// How far one partition is read back, in offsets.
const MAX_SEARCHED: i64 = 1_000_000;

/// How long the partitions of all topics of a subscription are read back.
pub(super) const SEARCH_TIME: Duration = Duration::from_secs(5);

/// The first step back beyond the requested number, and the factor by which further steps grow.
const FIRST_STEP: i64 = 1_000;
const GROWTH: i64 = 4;

const POLL: Duration = Duration::from_millis(100);

/// Moves each start back to the last `count` records of its partition. Returns an error if a partition was not read back
/// far enough to find them; it is read nevertheless, from the first record that was found. `is_over`: whether the search
/// must stop, after [`SEARCH_TIME`] or because the records are not needed any more.
///
/// # Errors
/// If the ends of the partitions cannot be fetched, or librdkafka cannot create a consumer.
pub(super) fn find(
    pool: &Pool,
    metadata_client: &MetadataClient,
    topic: &TopicName,
    planned: &mut [Start],
    count: u64,
    is_over: impl Fn() -> bool,
) -> Result<Option<ErrorBody>, ErrorBody> {
    let partitions: Vec<TopicPartition> = planned.iter().map(|start| start.partition.clone()).collect();
    if count == 0 || count.saturating_mul(partitions.len() as u64) > MAX_COUNTED {
        return Ok(None);
    }
    let failed = |Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str());
    let ends = metadata_client.ends(&partitions, TIMEOUT).map_err(failed)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut searches: HashMap<i32, Search> = ends
        .iter()
        .map(|(partition, ends)| (partition.partition, Search::new(ends, count)))
        .filter(|(_, search)| search.from < search.to)
        .collect();
    if searches.is_empty() {
        return Ok(None);
    }
    if !is_over() {
        read_back(pool, topic, &mut searches, is_over).map_err(|error| admin_error(&error, topic.as_str()))?;
    }
    let mut short: Vec<(&Start, &Search)> = Vec::new();
    for start in planned.iter_mut() {
        if let Some(search) = searches.get(&start.partition.partition) {
            start.offset = search.start(start.offset);
            if search.is_short() {
                short.push((&*start, search));
            }
        }
    }
    let first = short.iter().min_by_key(|(start, _)| start.partition.partition);
    Ok(first.map(|(start, search)| too_few(start, search, short.len() - 1)))
}

/// Reads the partitions back until each search is finished or the time is over.
fn read_back(
    pool: &Pool,
    topic: &TopicName,
    searches: &mut HashMap<i32, Search>,
    is_over: impl Fn() -> bool,
) -> Result<(), KafkaError> {
    let consumer = pool.take()?;
    while searches.values().any(|search| !search.is_finished()) {
        let was_read = read_step(&consumer, topic, searches, &is_over)?;
        end_read_steps(searches);
        if !was_read {
            break;
        }
    }
    if consumer.assign(&TopicPartitionList::new()).is_ok() {
        pool.give_back(consumer);
    }
    Ok(())
}

/// `start`: where reading starts.
fn too_few(start: &Start, search: &Search, others: usize) -> ErrorBody {
    let TopicPartition { topic, partition } = &start.partition;
    let wanted = format!("the last {} records of partition {partition} of {topic:?}", search.count);
    let others = if others == 0 { String::new() } else { format!(" ({others} other partitions as well)") };
    let (found, offsets) = (search.found.len(), search.stable - search.searched_from);
    let seconds = SEARCH_TIME.as_secs();
    let what = if offsets == 0 {
        format!("the search for {wanted} did not end within {seconds} s{others}, so fewer records may be shown")
    } else if search.is_finished() {
        format!(
            "only {found} of {wanted} were found in {offsets} offsets{others}: the other offsets belong to transactions or to \
             compacted records"
        )
    } else {
        format!(
            "only {found} of {wanted} were found within {seconds} s, in {offsets} offsets{others}: older offsets were not \
             searched"
        )
    };
    let message =
        format!("{what}; reading starts at offset {}. Choose an earlier start to see more", Shown(start.offset));
    ErrorBody::new(ErrorCode::FewerRecords, message)
}

/// The search in one partition. Each step reads the offsets from `from` up to `to`.
struct Search {
    /// How many records are wanted.
    count: usize,
    /// The start of the partition, and the end of what can be read now.
    low: i64,
    stable: i64,
    from: i64,
    to: i64,
    /// The first offset of the steps that were read completely.
    searched_from: i64,
    /// The offsets of the last records that were found, in their order; at most `count`.
    found: Vec<i64>,
    /// The records of the current step.
    in_step: Vec<i64>,
    is_step_read: bool,
}

impl Search {
    fn new(ends: &PartitionEnds, count: usize) -> Self {
        let stable = ends.stable.0;
        Self {
            count,
            low: ends.start.0,
            stable,
            from: ends.last(count as u64),
            to: stable,
            searched_from: stable,
            found: Vec::new(),
            in_step: Vec::new(),
            is_step_read: false,
        }
    }

    fn limit(&self) -> i64 {
        self.low.max(self.stable.saturating_sub(MAX_SEARCHED))
    }

    fn is_finished(&self) -> bool {
        self.found.len() >= self.count || self.searched_from <= self.limit()
    }

    /// Whether older records may exist that were not searched.
    fn is_short(&self) -> bool {
        self.found.len() < self.count && self.searched_from > self.low
    }

    /// The offset of the first record to read. `planned`: if the search was not even able to begin.
    fn start(&self, planned: i64) -> i64 {
        match self.found.first() {
            Some(first) => *first,
            None if self.searched_from < self.stable => self.searched_from,
            None => planned,
        }
    }

    fn note(&mut self, offset: i64) {
        if offset >= self.to {
            self.is_step_read = true;
            return;
        }
        if offset >= self.from {
            self.in_step.push(offset);
            self.is_step_read = offset + 1 >= self.to;
        }
    }

    /// Adds the records of a step that was read completely, and goes back by a larger step.
    fn end_step(&mut self) {
        let missing = self.count - self.found.len();
        let mut found = std::mem::take(&mut self.in_step);
        found.drain(..found.len().saturating_sub(missing));
        found.append(&mut self.found);
        self.found = found;
        let step = GROWTH.saturating_mul(self.to - self.from).max(FIRST_STEP);
        self.searched_from = self.from;
        self.to = self.from;
        self.from = self.from.saturating_sub(step).max(self.limit());
        self.is_step_read = false;
    }
}

/// Reads one step of each partition that is not finished. Returns whether all steps were read completely.
fn read_step(
    consumer: &BaseConsumer<QuietContext>,
    topic: &TopicName,
    searches: &mut HashMap<i32, Search>,
    is_over: impl Fn() -> bool,
) -> Result<bool, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, search) in searches.iter().filter(|(_, search)| !search.is_finished()) {
        list.add_partition_offset(topic.as_str(), *partition, Offset::Offset(search.from))?;
    }
    let mut open = list.count();
    consumer.assign(&list)?;
    while open > 0 {
        if is_over() {
            return Ok(false);
        }
        let partition = match consumer.poll(POLL) {
            Some(Ok(message)) if message.topic() == topic.as_str() => {
                let Some(search) = searches.get_mut(&message.partition()) else { continue };
                if search.is_finished() || search.is_step_read {
                    continue;
                }
                search.note(message.offset());
                if !search.is_step_read {
                    continue;
                }
                message.partition()
            }
            // The rest of the step has no records.
            Some(Err(KafkaError::PartitionEOF(partition))) => match searches.get_mut(&partition) {
                Some(search) if !search.is_finished() && !search.is_step_read => {
                    search.is_step_read = true;
                    partition
                }
                _ => continue,
            },
            Some(Err(error)) => {
                tracing::debug!(%error, "a transient error while searching for the last records");
                continue;
            }
            _ => continue,
        };
        open -= 1;
        let mut read = TopicPartitionList::new();
        read.add_partition(topic.as_str(), partition);
        consumer.incremental_unassign(&read)?;
    }
    Ok(true)
}

/// Ends the steps that were read completely. If the time is over, another partition may have an unfinished step.
fn end_read_steps(searches: &mut HashMap<i32, Search>) {
    for search in searches.values_mut().filter(|search| search.is_step_read) {
        search.end_step();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a search over a partition whose records have these offsets.
    fn search(start: i64, stable: i64, count: usize, records: &[i64]) -> Search {
        let mut search = Search::new(&PartitionEnds::new(start, stable, stable), count);
        while !search.is_finished() {
            for offset in records {
                if *offset >= search.from && !search.is_step_read {
                    search.note(*offset);
                }
            }
            search.end_step();
        }
        search
    }

    #[test]
    fn search_goes_back_past_offsets_without_records() {
        let with_markers: Vec<i64> = (0..100).map(|n| n * 2).collect();
        for (start, stable, count, records, expected) in [
            (0, 200, 1, &with_markers[..], 198),
            (0, 200, 10, &with_markers, 180),
            (0, 200, 500, &with_markers, 0),
            (0, 5_000, 2, &[3, 7, 9], 7),
            (0, 10, 3, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 7),
            (50, 200, 90, &with_markers[25..], 50),
        ] {
            let search = search(start, stable, count, records);
            assert_eq!((search.start(-1), search.is_short()), (expected, false), "last {count} of {start}..{stable}");
        }
    }

    #[test]
    fn search_that_reaches_its_limit_says_so() {
        let stable = 3 * MAX_SEARCHED;
        let search = search(0, stable, 2, &[0, 1, stable - 5]);
        assert_eq!((search.start(-1), search.is_short()), (stable - 5, true));
        let message = too_few(&start(stable - 5), &search, 0).message;
        assert!(message.contains("only 1 of the last 2 records"), "{message}");
        assert!(message.contains("transactions"), "{message}");
    }

    fn start(offset: i64) -> Start {
        Start { partition: TopicPartition { topic: "t".to_owned(), partition: 0 }, offset }
    }

    #[test]
    fn records_of_read_steps_are_kept_when_another_partition_is_slow() {
        let ends = PartitionEnds::new(0, 100, 100);
        let mut searches = HashMap::from([(0, Search::new(&ends, 2)), (1, Search::new(&ends, 2))]);
        for (partition, offsets) in [(0, 98..100), (1, 98..99)] {
            let search = searches.get_mut(&partition).expect("a search");
            offsets.for_each(|offset| search.note(offset));
        }
        end_read_steps(&mut searches);
        assert_eq!((&searches[&0].found[..], searches[&0].is_short()), (&[98, 99][..], false));
        assert_eq!((&searches[&1].found[..], searches[&1].is_short()), (&[][..], true));
    }

    #[test]
    fn error_after_the_time_limit_does_not_blame_transactions() {
        let mut search = Search::new(&PartitionEnds::new(0, 5_000, 5_000), 10);
        let nothing_searched = too_few(&start(4_990), &search, 0).message;
        assert!(nothing_searched.contains("did not end within 5 s"), "{nothing_searched}");
        assert!(nothing_searched.contains("reading starts at offset 4990"), "{nothing_searched}");
        search.note(4_995);
        search.end_step();
        let partly_searched = too_few(&start(4_995), &search, 1).message;
        assert!(partly_searched.contains("only 1 of the last 10 records"), "{partly_searched}");
        assert!(partly_searched.contains("within 5 s, in 10 offsets (1 other partitions"), "{partly_searched}");
        assert!(!partly_searched.contains("transactions"), "{partly_searched}");
    }
}
