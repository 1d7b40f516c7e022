//! The partitions that `bridge consume` reads: the start offset and the current position of each.
//!
//! Partitions are assigned with a numeric offset: the committed one, or the one of `--start` if the group has committed
//! nothing. An offset out of range is never replaced silently (`auto.offset.reset=error`). If it is before the log
//! start, retention has deleted the records: the program prints which, and continues at the log start. If it is beyond
//! the end, the program ends, because only the user can decide where to continue.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{GapReason, GroupId, GroupStart, TopicName, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::print_message;
use crate::context::{ClientHooks, HookedContext, quiet_client_context};
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native;
use crate::rebalance_answer;
use crate::start_position::{GroupPosition, StartPosition, start_position};
use feed::ends::{Extent, PartitionEnds};
use feed::topic_id::TopicId;

/// How often the program checks for partitions that are not read yet, and serves the events of the metadata client.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The pause before the next attempt to start partitions whose offsets Kafka did not report. Meanwhile the others are
/// read.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The consumer's callbacks; they run on the thread that polls it.
pub struct TerminalContext {
    hooks: ClientHooks,
    assignment: Assignment,
}

/// The partitions of the topic that this member of the group reads.
pub struct Assignment {
    metadata_client: MetadataClient,
    topic: TopicName,
    group: GroupId,
    /// Where reading starts in a partition without a committed offset.
    start: GroupStart,
    state: Mutex<State>,
}

struct State {
    partitions: BTreeMap<i32, PartitionState>,
    /// Positions beyond the end of their partition, which end the program.
    beyond_end: Vec<BeyondEnd>,
    check_at: Instant,
}

#[derive(Default)]
struct PartitionState {
    /// The offset of the next record; `None` before the first start.
    position: Option<GroupPosition>,
    /// Whether librdkafka reads the partition at an offset that is in range.
    has_started: bool,
}

/// A position beyond the high watermark of its partition.
struct BeyondEnd {
    partition: i32,
    offset: i64,
    /// The committed offset of the group, not the position of this consumer.
    is_committed: bool,
    extent: Extent,
}

quiet_client_context!(TerminalContext);

impl HookedContext for TerminalContext {
    fn hooks(&self) -> &ClientHooks {
        &self.hooks
    }
}

impl TerminalContext {
    pub fn new(hooks: ClientHooks, assignment: Assignment) -> Self {
        Self { hooks, assignment }
    }

    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }
}

impl ConsumerContext for TerminalContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assignment.assign(consumer, list),
            _ => self.assignment.revoke(consumer, list),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a rebalance of the group failed");
        }
    }
}

impl Assignment {
    pub fn new(metadata_client: MetadataClient, topic: TopicName, group: GroupId, start: GroupStart) -> Self {
        let state = State { partitions: BTreeMap::new(), beyond_end: Vec::new(), check_at: Instant::now() };
        Self { metadata_client, topic, group, start, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or insertion: a panic elsewhere leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the position behind this record. Returns the metadata to commit with the offset.
    pub fn note_read(&self, partition: i32, offset: i64) -> Option<String> {
        let mut state = self.state();
        let partition = state.partitions.get_mut(&partition)?;
        let topic_id = partition.position.map(|position| position.topic_id).unwrap_or_default();
        let position = GroupPosition { offset: offset.saturating_add(1), topic_id };
        *partition = PartitionState { position: Some(position), has_started: true };
        topic_id.commit_note()
    }

    /// librdkafka has stopped reading a partition whose position is out of range. Its error does not name the
    /// partition, so all are started again.
    pub fn position_is_out_of_range(&self) {
        let mut state = self.state();
        state.partitions.values_mut().for_each(|partition| partition.has_started = false);
        state.check_at = Instant::now();
    }

    /// Starts to read the partitions that are not read yet, every [`CHECK_EVERY`]. Call it between polls.
    pub fn start_if_due(&self, consumer: &BaseConsumer<TerminalContext>) {
        let mut state = self.state();
        let now = Instant::now();
        if now < state.check_at {
            return;
        }
        state.check_at = now + CHECK_EVERY;
        let waiting = state.partitions.iter().filter(|(_, partition)| !partition.has_started);
        let waiting: Vec<i32> = waiting.map(|(partition, _)| *partition).collect();
        drop(state);
        self.metadata_client.serve_events();
        if waiting.is_empty() {
            return;
        }
        let offsets = self.start_offsets(consumer, &waiting);
        let assigned = self.assign_again(consumer, &offsets);
        let mut state = self.state();
        if let Err(error) = assigned {
            tracing::debug!(%error, "cannot assign partitions again; retrying");
            for partition in offsets.keys() {
                if let Some(partition) = state.partitions.get_mut(partition) {
                    partition.has_started = false;
                }
            }
        }
        if state.partitions.values().any(|partition| !partition.has_started) {
            state.check_at = Instant::now() + RETRY_AFTER;
        }
    }

    /// Assigns partitions at other offsets. librdkafka refuses to seek after an error that ended fetching.
    fn assign_again(&self, consumer: &BaseConsumer<TerminalContext>, offsets: &BTreeMap<i32, i64>) -> KafkaResult<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let list = self.list(offsets.iter().map(|(partition, offset)| (*partition, Some(*offset))))?;
        // Fails if librdkafka does not have the partition; then assigning is enough.
        if let Err(error) = consumer.incremental_unassign(&list) {
            tracing::debug!(%error, "cannot unassign partitions");
        }
        consumer.incremental_assign(&list)
    }

    /// The error that ends the program, if any partition has a position beyond its end.
    pub fn failure(&self) -> Option<PositionsBeyondEnd> {
        let beyond = std::mem::take(&mut self.state().beyond_end);
        (!beyond.is_empty()).then(|| PositionsBeyondEnd {
            topic: self.topic.clone(),
            group: self.group.clone(),
            positions: beyond,
        })
    }

    fn assign(&self, consumer: &BaseConsumer<TerminalContext>, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions: Vec<i32> = list.elements().iter().map(|element| element.partition()).collect();
        self.state().partitions.extend(partitions.iter().map(|partition| (*partition, PartitionState::default())));
        let offsets = self.start_offsets(consumer, &partitions);
        let list = if self.state().beyond_end.is_empty() {
            // A partition without a known offset (it has no leader) starts at the committed offset, which librdkafka
            // fetches.
            self.list(partitions.iter().map(|partition| (*partition, offsets.get(partition).copied())))?
        } else {
            // The program is about to end, but librdkafka requires an answer to the rebalance.
            TopicPartitionList::new()
        };
        rebalance_answer::assign(consumer, &list)
    }

    fn revoke(&self, consumer: &BaseConsumer<TerminalContext>, list: &TopicPartitionList) -> KafkaResult<()> {
        let mut state = self.state();
        for element in list.elements() {
            state.partitions.remove(&element.partition());
        }
        drop(state);
        // librdkafka commits the stored offsets of these partitions (`enable.auto.commit`).
        rebalance_answer::revoke(consumer, list)
    }

    /// The offsets at which these partitions start or continue. Left out: partitions whose offsets Kafka does not
    /// report now, and those with a position beyond the end.
    fn start_offsets(&self, consumer: &BaseConsumer<TerminalContext>, numbers: &[i32]) -> BTreeMap<i32, i64> {
        let mut offsets = BTreeMap::new();
        let (with_position, without): (Vec<i32>, Vec<i32>) = {
            let state = self.state();
            let has_position =
                |number: &i32| state.partitions.get(number).is_some_and(|partition| partition.position.is_some());
            numbers.iter().copied().partition(has_position)
        };
        let committed = if without.is_empty() {
            BTreeMap::new()
        } else {
            match self.committed(consumer, &without) {
                Ok(committed) => committed,
                Err(error) => {
                    tracing::debug!(%error, "cannot fetch the committed offsets; retrying");
                    return offsets;
                }
            }
        };
        let named: Vec<TopicPartition> =
            with_position.iter().chain(&without).map(|partition| self.topic_partition(*partition)).collect();
        let ends = match self.metadata_client.ends(&named, TIMEOUT) {
            Ok(ends) => ends,
            Err(failure) => {
                tracing::debug!(?failure, "cannot fetch the ends of the partitions; retrying");
                return offsets;
            }
        };
        let topic = BTreeSet::from([self.topic.as_str()]);
        let topic_id = self.metadata_client.topic_ids(&topic, TIMEOUT).remove(self.topic.as_str()).unwrap_or_default();
        let mut state = self.state();
        let State { partitions, beyond_end, .. } = &mut *state;
        for topic_partition in named {
            let number = topic_partition.partition;
            let (Some(partition), Some(ends)) = (partitions.get_mut(&number), ends.get(&topic_partition)) else {
                continue;
            };
            let position = partition.position.or(committed.get(&number).copied());
            let StartPosition { offset, lost } = start_position(position, ends, topic_id, self.start);
            if let (Some(position), Some(reason)) = (position, lost) {
                if reason == GapReason::OutOfRange {
                    let is_committed = partition.position.is_none();
                    beyond_end.push(BeyondEnd::new(number, position.offset, is_committed, ends));
                    continue;
                }
                print_message(&self.loss(number, position.offset, offset, reason));
            }
            *partition = PartitionState { position: Some(GroupPosition { offset, topic_id }), has_started: true };
            offsets.insert(number, offset);
        }
        offsets
    }

    /// The group's committed offsets; partitions without one are left out.
    fn committed(
        &self,
        consumer: &BaseConsumer<TerminalContext>,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, GroupPosition>, RDKafkaErrorCode> {
        let partitions: Vec<TopicPartition> =
            partitions.iter().map(|partition| self.topic_partition(*partition)).collect();
        let found = native::committed_positions(consumer, &partitions, TIMEOUT)?.into_iter();
        let position = |found: native::CommittedPosition| {
            let topic_id = TopicId::from_commit_note(&found.note).unwrap_or_default();
            Some((found.partition.partition, GroupPosition { offset: found.offset?, topic_id }))
        };
        Ok(found.filter_map(position).collect())
    }

    /// The message on standard error when reading continues at another offset than the group's.
    fn loss(&self, partition: i32, from: i64, to: i64, reason: GapReason) -> String {
        let topic = self.topic.as_str();
        match reason {
            GapReason::Retention if to.saturating_sub(from) == 1 => {
                format!("record {from} of partition {partition} was deleted before it was read")
            }
            GapReason::Retention => {
                let last = to.saturating_sub(1);
                format!("records {from} to {last} of partition {partition} were deleted before they were read")
            }
            _ => format!(
                "the topic {topic:?} was deleted and created again after offset {from} of partition {partition} was committed; \
                 reading continues at its first record, offset {to}"
            ),
        }
    }

    fn topic_partition(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.topic.to_string(), partition }
    }

    /// A partition without an offset starts at the committed one, which librdkafka fetches.
    fn list(&self, partitions: impl Iterator<Item = (i32, Option<i64>)>) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in partitions {
            let mut element = list.add_partition(self.topic.as_str(), partition);
            if let Some(offset) = offset {
                element.set_offset(Offset::Offset(offset))?;
            }
        }
        Ok(list)
    }
}

impl BeyondEnd {
    fn new(partition: i32, offset: i64, is_committed: bool, ends: &PartitionEnds) -> Self {
        let PartitionEnds { start, high, .. } = *ends;
        Self { partition, offset, is_committed, extent: Extent { start, high } }
    }
}

/// The error about positions beyond the end of their partitions; it says how to reset them.
pub struct PositionsBeyondEnd {
    topic: TopicName,
    group: GroupId,
    positions: Vec<BeyondEnd>,
}

impl fmt::Display for PositionsBeyondEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A topic may have thousands of partitions.
        const MAX_NAMED: usize = 5;
        let Self { topic, group, positions } = self;
        let (group_name, topic_name) = (group.as_str(), topic.as_str());
        write!(f, "the group {group_name:?} cannot continue in the topic {topic_name:?}: ")?;
        let named = positions.iter().take(MAX_NAMED);
        for (index, BeyondEnd { partition, offset, is_committed, extent }) in named.enumerate() {
            let whose = if *is_committed { "its committed offset" } else { "this consumer's position" };
            let Extent { start, high } = extent;
            write!(f, "{}{whose} in partition {partition} is {offset}, ", if index > 0 { "; " } else { "" })?;
            write!(f, "but the partition begins at {} and ends at {}", start.0, high.0)?;
        }
        if positions.len() > MAX_NAMED {
            write!(f, "; the same holds for {} more partitions", positions.len() - MAX_NAMED)?;
        }
        if positions.iter().all(|position| position.is_committed) {
            f.write_str(". No offset was committed")?;
        }
        let partitions: Vec<String> = positions.iter().map(|position| position.partition.to_string()).collect();
        write!(
            f,
            ". Reset the group, then start again: bridge groups reset --group {group_name} --topic {topic_name}:{} \
             --to-earliest --execute (or --to-latest, --to-offset N)",
            partitions.join(",")
        )
    }
}
