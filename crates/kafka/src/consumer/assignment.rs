//! The partitions that `bridge consume` reads: where reading begins in each, and where it stands.
//!
//! librdkafka is always told an offset: the committed one, or `--start` where the group has committed nothing. An offset that the
//! partition does not have is never replaced in silence (`auto.offset.reset=error`). Before the first record that is left, retention
//! has deleted what was to be read: a line says so, and reading goes on. Beyond the end only the user can say where reading should
//! continue: the program ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{GapReason, GroupId, GroupStart, TopicName, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::beginning::{Beginning, GroupPosition, beginning};
use crate::context::{ClientHooks, HookedContext, quiet_client_context};
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native;
use crate::rebalance_answer;
use feed::ends::{Extent, PartitionEnds};
use feed::topic_id::TopicId;

/// How often partitions without a beginning are looked for, and the events of the asking client are taken.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How soon Kafka is asked again about partitions of which it did not tell enough. Meanwhile the others are read.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(2);

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
    /// Where a partition without a committed offset begins.
    start: GroupStart,
    state: Mutex<State>,
}

struct State {
    partitions: BTreeMap<i32, Reading>,
    /// Positions beyond the end: they end the program.
    beyond_end: Vec<BeyondEnd>,
    look_at: Instant,
}

/// One partition.
#[derive(Default)]
struct Reading {
    /// The offset of the next record; none before reading began.
    position: Option<GroupPosition>,
    /// Whether librdkafka reads the partition at an offset between its log start and its end.
    has_begun: bool,
}

/// A position that the partition does not have yet, or no longer.
struct BeyondEnd {
    partition: i32,
    offset: i64,
    /// What the group has committed, not where this member stands.
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
            tracing::warn!(%error, "a rebalance of the group could not be followed");
        }
    }
}

impl Assignment {
    pub fn new(metadata_client: MetadataClient, topic: TopicName, group: GroupId, start: GroupStart) -> Self {
        let state = State { partitions: BTreeMap::new(), beyond_end: Vec::new(), look_at: Instant::now() };
        Self { metadata_client, topic, group, start, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or insertion: a panic elsewhere leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record was read. Returns what is to be kept beside the offset when it is committed.
    pub fn has_read(&self, partition: i32, offset: i64) -> Option<String> {
        let mut state = self.state();
        let reading = state.partitions.get_mut(&partition)?;
        let topic_id = reading.position.map(|position| position.topic_id).unwrap_or_default();
        *reading =
            Reading { position: Some(GroupPosition { offset: offset.saturating_add(1), topic_id }), has_begun: true };
        topic_id.commit_note()
    }

    /// librdkafka has stopped reading a partition, since it does not have the position. librdkafka's error does not say which one.
    pub fn position_is_gone(&self) {
        let mut state = self.state();
        state.partitions.values_mut().for_each(|reading| reading.has_begun = false);
        state.look_at = Instant::now();
    }

    /// Begins to read the partitions that have not begun, if that is due. Called between polls.
    pub fn begin_if_due(&self, consumer: &BaseConsumer<TerminalContext>) {
        let mut state = self.state();
        let now = Instant::now();
        if now < state.look_at {
            return;
        }
        state.look_at = now + LOOK_EVERY;
        let waiting = state.partitions.iter().filter(|(_, reading)| !reading.has_begun);
        let waiting: Vec<i32> = waiting.map(|(partition, _)| *partition).collect();
        drop(state);
        self.metadata_client.serve_events();
        if waiting.is_empty() {
            return;
        }
        let begun = self.beginnings(consumer, &waiting);
        let assigned = self.assign_anew(consumer, &begun);
        let mut state = self.state();
        if let Err(error) = assigned {
            tracing::debug!(%error, "partitions could not be assigned anew; trying again");
            for partition in begun.keys() {
                if let Some(reading) = state.partitions.get_mut(partition) {
                    reading.has_begun = false;
                }
            }
        }
        if state.partitions.values().any(|reading| !reading.has_begun) {
            state.look_at = Instant::now() + TRY_AGAIN_AFTER;
        }
    }

    /// Tells librdkafka other offsets for partitions that it has already. Seeking is refused after an error that ended fetching.
    fn assign_anew(&self, consumer: &BaseConsumer<TerminalContext>, begun: &BTreeMap<i32, i64>) -> KafkaResult<()> {
        if begun.is_empty() {
            return Ok(());
        }
        let list = self.list(begun.iter().map(|(partition, offset)| (*partition, Some(*offset))))?;
        // It fails where librdkafka does not have the partition; then assigning it is all that is left to do.
        if let Err(error) = consumer.incremental_unassign(&list) {
            tracing::debug!(%error, "partitions could not be taken back from librdkafka");
        }
        consumer.incremental_assign(&list)
    }

    /// Why reading cannot go on.
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
        self.state().partitions.extend(partitions.iter().map(|partition| (*partition, Reading::default())));
        let begun = self.beginnings(consumer, &partitions);
        let list = if self.state().beyond_end.is_empty() {
            // Where Kafka does not tell the ends now (a partition without a leader), librdkafka goes by the committed offset alone.
            self.list(partitions.iter().map(|partition| (*partition, begun.get(partition).copied())))?
        } else {
            // The program is about to end; librdkafka still waits for an answer to the rebalance.
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
        // librdkafka commits what was stored of them (`enable.auto.commit`).
        rebalance_answer::revoke(consumer, list)
    }

    /// Where reading begins, or goes on, in these partitions. Those of which Kafka does not tell enough now are left out, and those
    /// whose position lies beyond the end.
    fn beginnings(&self, consumer: &BaseConsumer<TerminalContext>, partitions: &[i32]) -> BTreeMap<i32, i64> {
        let mut begun = BTreeMap::new();
        let (read, unread): (Vec<i32>, Vec<i32>) = {
            let state = self.state();
            let is_read = |partition: &i32| state.partitions.get(partition).is_some_and(|of| of.position.is_some());
            partitions.iter().copied().partition(is_read)
        };
        let committed = if unread.is_empty() {
            BTreeMap::new()
        } else {
            match self.committed(consumer, &unread) {
                Ok(committed) => committed,
                Err(error) => {
                    tracing::debug!(%error, "the committed offsets are not known yet");
                    return begun;
                }
            }
        };
        let places: Vec<TopicPartition> = read.iter().chain(&unread).map(|partition| self.place(*partition)).collect();
        let ends = match self.metadata_client.ends(&places, TIMEOUT) {
            Ok(ends) => ends,
            Err(failure) => {
                tracing::debug!(?failure, "where the partitions begin and end is not known yet");
                return begun;
            }
        };
        let topic = BTreeSet::from([self.topic.as_str()]);
        let topic_id = self.metadata_client.topic_ids(&topic, TIMEOUT).remove(self.topic.as_str()).unwrap_or_default();
        let mut state = self.state();
        let State { partitions, beyond_end, .. } = &mut *state;
        for place in places {
            let (Some(reading), Some(ends)) = (partitions.get_mut(&place.partition), ends.get(&place)) else {
                continue;
            };
            let committed = committed.get(&place.partition).copied();
            let position = reading.position.or(committed);
            let Beginning { offset, lost } = beginning(position, ends, topic_id, self.start);
            if let (Some(position), Some(reason)) = (position, lost) {
                if reason == GapReason::OutOfRange {
                    let is_committed = reading.position.is_none();
                    beyond_end.push(BeyondEnd::new(place.partition, position.offset, is_committed, ends));
                    continue;
                }
                eprintln!("{}", self.loss(place.partition, position.offset, offset, reason));
            }
            *reading = Reading { position: Some(GroupPosition { offset, topic_id }), has_begun: true };
            begun.insert(place.partition, offset);
        }
        begun
    }

    /// The group's committed offsets; partitions without one are left out.
    fn committed(
        &self,
        consumer: &BaseConsumer<TerminalContext>,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, GroupPosition>, RDKafkaErrorCode> {
        let places: Vec<TopicPartition> = partitions.iter().map(|partition| self.place(*partition)).collect();
        let found = native::committed_positions(consumer, &places, TIMEOUT)?.into_iter();
        let position = |found: native::CommittedPosition| {
            let topic_id = TopicId::from_commit_note(&found.note).unwrap_or_default();
            Some((found.partition.partition, GroupPosition { offset: found.offset?, topic_id }))
        };
        Ok(found.filter_map(position).collect())
    }

    /// What is said on standard error when reading goes on at another offset than the group's.
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
                 reading begins at its first record, offset {to}"
            ),
        }
    }

    fn place(&self, partition: i32) -> TopicPartition {
        TopicPartition { topic: self.topic.to_string(), partition }
    }

    /// Without an offset librdkafka begins at the committed one.
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

/// The group's positions that the partitions do not have, and what to do about them.
pub struct PositionsBeyondEnd {
    topic: TopicName,
    group: GroupId,
    positions: Vec<BeyondEnd>,
}

impl fmt::Display for PositionsBeyondEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A topic may have thousands of partitions.
        const NAMED: usize = 5;
        let Self { topic, group, positions } = self;
        let (group_name, topic_name) = (group.as_str(), topic.as_str());
        write!(f, "the group {group_name:?} cannot go on in the topic {topic_name:?}: ")?;
        for (index, BeyondEnd { partition, offset, is_committed, extent }) in positions.iter().take(NAMED).enumerate() {
            let whose = if *is_committed { "its committed offset" } else { "this consumer's position" };
            let Extent { start, high } = extent;
            write!(f, "{}{whose} in partition {partition} is {offset}, ", if index > 0 { "; " } else { "" })?;
            write!(f, "but the partition begins at {} and ends at {}", start.0, high.0)?;
        }
        if positions.len() > NAMED {
            write!(f, "; and so in {} more partitions", positions.len() - NAMED)?;
        }
        if positions.iter().all(|position| position.is_committed) {
            f.write_str(". Nothing was committed there")?;
        }
        let partitions: Vec<String> = positions.iter().map(|position| position.partition.to_string()).collect();
        write!(
            f,
            ". Choose where the group goes on, then start again: bridge groups reset --group {group_name} --topic {topic_name}:{} \
             --to-earliest --execute (or --to-latest, --to-offset N)",
            partitions.join(",")
        )
    }
}
