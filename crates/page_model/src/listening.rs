//! What the page listens to: the user's intent, the subscription for it, and the subscription's credit and positions. The
//! records are in `feed`.

use std::collections::BTreeMap;

use protocol::{
    CommitMode, ErrorBody, Flow, Format, GroupPosition, GroupStart, Mode, Offset, PartitionInfo, Position, RequestId,
    Subscribe, TailStart, TopicPartition, WhenSlow,
};

use super::credit::{Credit, WINDOW};
use super::held_commits::HeldCommits;
use super::intent::{Intent, ReadMode, Start};
use super::masked::MaskedFields;
use super::sort::stable_sort;

/// How often the end offsets of the partitions are requested, for the lag and the number of remaining records.
const ENDS_EVERY_MS: f64 = 2500.0;

/// `Idle` → `Starting` (requested, or waiting for a connection) → `Listening` → `Stopping` → `Idle`. A lost socket leads
/// from `Listening` back to `Starting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Idle,
    Starting,
    Listening,
    Stopping,
}

impl Phase {
    /// The value of `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Listening => "listening",
            Self::Stopping => "stopping",
        }
    }
}

/// The offsets of one assigned partition, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProgress {
    pub topic: String,
    pub partition: i32,
    /// The offset of the next record to receive.
    pub position: Option<i64>,
    pub committed: Option<i64>,
    /// The high watermark: the offset of the next record to be written.
    pub end: Option<i64>,
}

impl PartitionProgress {
    /// Number of records between the committed offset and the end.
    pub fn lag(&self) -> Option<u64> {
        Some(u64::try_from(self.end? - self.committed?).unwrap_or(0))
    }
}

#[derive(Debug, Default)]
pub struct Listening {
    phase: Phase,
    intent: Intent,
    /// The pending request to subscribe or unsubscribe.
    request: Option<RequestId>,
    subscription: Option<u32>,
    /// The assigned partitions, sorted; `None` until the bridge has reported an assignment.
    assigned: Option<Vec<TopicPartition>>,
    /// Number of changes of the assignment after the first one.
    rebalances: u32,
    /// The current error of the subscription.
    error: Option<ErrorBody>,
    /// The offset of the next record to receive. Records from `beginnings` up to this offset have been received.
    positions: BTreeMap<TopicPartition, i64>,
    beginnings: BTreeMap<TopicPartition, i64>,
    committed: BTreeMap<TopicPartition, i64>,
    ends: BTreeMap<TopicPartition, i64>,
    /// The log start offsets.
    lows: BTreeMap<TopicPartition, i64>,
    ends_due_ms: Option<f64>,
    /// The group's committed offsets, from which watching starts, are known.
    committed_is_known: bool,
    held_commits: HeldCommits,
    /// The fields that the bridge hides in the records of the latest subscription.
    masked: MaskedFields,
    credit: Credit,
}

impl Listening {
    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    pub fn error(&self) -> Option<&ErrorBody> {
        self.error.as_ref()
    }

    pub fn subscription(&self) -> Option<u32> {
        self.subscription
    }

    pub fn masked(&self) -> &MaskedFields {
        &self.masked
    }

    pub fn forget_masked(&mut self) {
        self.masked = MaskedFields::default();
    }

    /// Partitions for which no offset is committed until the user confirms.
    pub fn held_commits(&self) -> &HeldCommits {
        &self.held_commits
    }

    /// The assigned partitions, once known. A member of a group may have none.
    pub fn assigned(&self) -> Option<&[TopicPartition]> {
        self.assigned.as_deref()
    }

    pub fn rebalances(&self) -> u32 {
        self.rebalances
    }

    pub fn partition_progress(&self) -> Vec<PartitionProgress> {
        let progress = |topic_partition: &TopicPartition| PartitionProgress {
            topic: topic_partition.topic.clone(),
            partition: topic_partition.partition,
            position: self.positions.get(topic_partition).copied(),
            committed: self.committed.get(topic_partition).copied(),
            end: self.ends.get(topic_partition).copied(),
        };
        self.assigned.iter().flatten().map(progress).collect()
    }

    /// Number of records up to the end offsets that were not received yet; `None` while an end offset is unknown.
    pub fn behind(&self) -> Option<u64> {
        let assigned = self.assigned.as_ref().filter(|assigned| !assigned.is_empty())?;
        let behind = |topic_partition| {
            Some(u64::try_from(self.ends.get(topic_partition)? - self.positions.get(topic_partition)?).unwrap_or(0))
        };
        assigned.iter().map(behind).sum()
    }

    /// Once all records are received: whether the assigned partitions contain records at all. `None` while records remain,
    /// or while this is unknown.
    pub fn has_records_when_caught_up(&self) -> Option<bool> {
        let assigned = self.assigned.as_ref().filter(|_| self.behind() == Some(0))?;
        let is_empty = |topic_partition| Some(self.lows.get(topic_partition)? >= self.ends.get(topic_partition)?);
        let empty = assigned.iter().map(is_empty).collect::<Option<Vec<bool>>>()?;
        Some(empty.contains(&false))
    }

    /// The group's lag, over all partitions that this page reads.
    pub fn lag(&self) -> Option<u64> {
        self.assigned.as_ref().filter(|_| self.intent.mode == ReadMode::Group)?;
        self.partition_progress().iter().map(PartitionProgress::lag).sum()
    }

    /// Subscribed, but Kafka has not assigned the group's partitions yet.
    pub fn is_joining(&self) -> bool {
        self.phase == Phase::Listening
            && self.intent.mode == ReadMode::Group
            && self.assigned.is_none()
            && self.error.is_none()
    }

    /// Whether a record that is sent to this topic now would be received.
    pub fn reads(&self, topic: &str) -> bool {
        self.phase == Phase::Listening && self.intent.topics.iter().any(|read| read == topic) && self.error.is_none()
    }

    /// The user starts listening. Returns whether the list must be cleared, since its rows belong to another intent.
    pub fn start(&mut self, intent: Intent) -> bool {
        // The same group continues where it was; any other intent begins a new list.
        let continues = intent.mode == ReadMode::Group
            && self.intent.mode == ReadMode::Group
            && self.intent.topics == intent.topics
            && self.intent.group == intent.group;
        *self = Self { intent, phase: Phase::Starting, ..Self::default() };
        !continues
    }

    /// The same topics are read in other formats. A group goes on where it was. Without a group, reading goes back to these offsets,
    /// and goes on in the other partitions.
    pub fn start_in_other_formats(&mut self, intent: Intent, from: BTreeMap<TopicPartition, i64>) {
        let mut positions = std::mem::take(&mut self.positions);
        positions.extend(from);
        if intent.mode == ReadMode::Group {
            positions.clear();
        }
        let committed_is_known = self.committed_is_known;
        *self = Self { intent, phase: Phase::Starting, positions, committed_is_known, ..Self::default() };
    }

    /// Whether the topics' partitions or the group's offsets must be requested before subscribing, because the start
    /// depends on them.
    pub fn must_look_up_start(&self) -> bool {
        self.phase == Phase::Starting
            && self.intent.mode == ReadMode::Watch
            && self.positions.is_empty()
            && match self.intent.start {
                Start::Offset { .. } => true,
                Start::Committed => !self.committed_is_known,
                _ => false,
            }
    }

    /// Starts at the group's committed offsets. Partitions without a committed offset are read from the first record.
    pub fn set_committed_start(&mut self, positions: &[GroupPosition]) {
        self.committed_is_known = true;
        let topics = &self.intent.topics;
        let committed = positions.iter().filter(|position| topics.contains(&position.topic));
        self.positions.extend(committed.filter_map(|position| {
            let topic_partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            Some((topic_partition, position.offset?.0))
        }));
    }

    /// The request that opens the subscription, at the start and after every reconnect.
    pub fn subscribe(&mut self, request: RequestId) -> Option<Subscribe> {
        if self.phase != Phase::Starting {
            return None;
        }
        self.request = Some(request);
        self.subscription = None;
        self.credit = Credit::default();
        let topics = self.intent.topics.clone();
        let mode = self.mode();
        // By default the bridge waits for the page, so that no record is skipped.
        let skips = self.intent.skips_ahead && self.intent.mode == ReadMode::Watch;
        let when_slow = Some(if skips { WhenSlow::Skip } else { WhenSlow::Block });
        Some(Subscribe { topics, mode, window: WINDOW, format: Format::Binary, when_slow, decode: self.intent.decode })
    }

    fn mode(&self) -> Mode {
        let Intent { mode, group, start, commits_nothing, .. } = &self.intent;
        if *mode == ReadMode::Group {
            let start = if *start == Start::Latest { GroupStart::Latest } else { GroupStart::Earliest };
            // In this mode only an explicit `ack` commits, and the page sends none.
            let commit = if *commits_nothing { CommitMode::Ack } else { CommitMode::Auto };
            return Mode::Group { id: group.clone(), start, commit };
        }
        let start = match *start {
            // The user has chosen a single partition.
            Start::Offset { partition: Some(_), .. } if !self.positions.is_empty() => {
                TailStart::Offsets(self.all_positions())
            }
            // After a reconnect: from the first record that was not received, so that none is missing or repeated.
            _ if !self.positions.is_empty() => TailStart::Resume(self.all_positions()),
            Start::Earliest | Start::Offset { .. } | Start::Committed => TailStart::Earliest,
            Start::Latest => TailStart::Latest,
            Start::Last(count) => TailStart::Last(count),
            Start::Time(ms) => TailStart::Timestamp(ms),
        };
        Mode::Tail { start }
    }

    fn all_positions(&self) -> Vec<Position> {
        let position = |(topic_partition, &offset): (&TopicPartition, &i64)| Position {
            topic: topic_partition.topic.clone(),
            partition: topic_partition.partition,
            offset: Offset(offset),
        };
        self.positions.iter().map(position).collect()
    }

    /// The user stops listening. Returns the subscription to end, if there is one.
    pub fn stop(&mut self, connected: bool) -> Option<u32> {
        let subscription = self.subscription.filter(|_| connected && self.phase != Phase::Stopping);
        self.phase = match self.phase {
            // The reply to `subscribe` is pending: its subscription is ended when the reply arrives.
            Phase::Starting if connected && self.request.is_some() => Phase::Stopping,
            Phase::Listening if subscription.is_some() => Phase::Stopping,
            Phase::Stopping if connected => Phase::Stopping,
            _ => Phase::Idle,
        };
        subscription
    }

    pub fn awaits(&self, request: Option<RequestId>) -> bool {
        request.is_some() && self.request == request
    }

    /// Sets the `unsubscribe` request whose reply completes the stop.
    pub fn stopping_by(&mut self, request: RequestId) {
        self.request = Some(request);
    }

    /// The bridge has opened the subscription. Returns whether the user has stopped meanwhile, so that it must be ended.
    pub fn subscribed(&mut self, subscription: u32, masked: MaskedFields) -> bool {
        self.subscription = Some(subscription);
        self.masked = masked;
        self.request = None;
        if self.phase == Phase::Starting {
            self.phase = Phase::Listening;
        }
        self.phase == Phase::Stopping
    }

    pub fn ended(&mut self) {
        self.phase = Phase::Idle;
        self.request = None;
        self.subscription = None;
        self.error = None;
        self.assigned = None;
        self.ends_due_ms = None;
        self.held_commits.clear();
    }

    /// The bridge refused to subscribe, or the subscription cannot continue.
    pub fn refused(&mut self, error: ErrorBody) {
        self.ended();
        self.error = Some(error);
    }

    pub fn failed(&mut self, error: ErrorBody) {
        self.error = Some(error);
    }

    /// Kafka is reachable again: removes an error about reaching Kafka.
    pub fn kafka_is_back(&mut self) {
        if self.error.as_ref().is_some_and(ErrorBody::is_about_reaching_kafka) {
            self.error = None;
        }
    }

    pub fn socket_lost(&mut self) {
        self.subscription = None;
        self.request = None;
        self.assigned = None;
        self.error = None;
        self.ends_due_ms = None;
        // The bridge reports these partitions again after the reconnect.
        self.held_commits.clear();
        self.phase = match self.phase {
            Phase::Idle | Phase::Stopping => Phase::Idle,
            Phase::Starting | Phase::Listening => Phase::Starting,
        };
    }

    pub fn assigned_to(&mut self, partitions: &[Position], now_ms: f64) {
        self.error = None;
        if self.assigned.is_some() {
            self.rebalances += 1;
        }
        let assigned = self.assigned.get_or_insert_default();
        for position in partitions {
            let topic_partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            // The position never moves back: after a crash the bridge delivers received records again. It moves forward
            // past records that other members have consumed meanwhile.
            let next = self.positions.entry(topic_partition.clone()).or_insert(position.offset.0);
            *next = (*next).max(position.offset.0);
            let beginning = self.beginnings.entry(topic_partition.clone()).or_insert(position.offset.0);
            if position.offset.0 < *beginning {
                // Another member left before it had consumed these records: the bridge delivers them from here on again.
                *beginning = position.offset.0;
                self.positions.insert(topic_partition.clone(), position.offset.0);
            }
            if self.intent.mode == ReadMode::Group {
                // A group starts at its committed offset, or at the offset that it would commit.
                let committed = self.committed.entry(topic_partition.clone()).or_insert(position.offset.0);
                *committed = (*committed).max(position.offset.0);
            }
            if !assigned.contains(&topic_partition) {
                assigned.push(topic_partition);
            }
        }
        stable_sort(assigned, Ord::cmp);
        self.ends_due_ms = Some(now_ms);
    }

    pub fn revoked(&mut self, partitions: &[TopicPartition]) {
        if let Some(assigned) = &mut self.assigned {
            assigned.retain(|topic_partition| !partitions.contains(topic_partition));
            self.held_commits.release(partitions);
            self.rebalances += 1;
        }
    }

    pub fn committed(&mut self, positions: &[Position]) {
        for position in positions {
            let topic_partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            self.committed.insert(topic_partition, position.offset.0);
        }
    }

    /// When to request the end offsets of the partitions.
    pub fn ends_due_ms(&self) -> Option<f64> {
        self.ends_due_ms
    }

    /// The topics to request, if the request is due.
    pub fn ends_to_request(&mut self, now_ms: f64) -> &[String] {
        match self.ends_due_ms {
            Some(due_ms) if now_ms >= due_ms => {
                self.ends_due_ms = Some(now_ms + ENDS_EVERY_MS);
                &self.intent.topics
            }
            _ => &[],
        }
    }

    /// Stores reported offsets. Partitions without reported offsets keep their previous ones, since they may have records.
    pub fn set_ends(&mut self, topic: &str, partitions: &[PartitionInfo]) {
        for info in partitions.iter().filter(|info| info.records().is_some()) {
            let topic_partition = TopicPartition { topic: topic.to_owned(), partition: info.partition };
            self.lows.insert(topic_partition.clone(), info.low.0);
            self.ends.insert(topic_partition, info.high.0);
        }
    }

    /// Starts at the user's offset in the partitions of a topic, now that the partitions are known.
    pub fn set_start_offsets(&mut self, topic: &str, partitions: &[PartitionInfo]) {
        let Start::Offset { partition, offset } = self.intent.start else { return };
        for info in partitions.iter().filter(|info| partition.is_none_or(|chosen| chosen == info.partition)) {
            let topic_partition = TopicPartition { topic: topic.to_owned(), partition: info.partition };
            // An offset beyond the end is reduced to the end offset, if the end offset is known.
            let end = info.records().map_or(offset, |_| info.high.0);
            self.positions.insert(topic_partition, offset.min(end));
        }
    }

    /// The offset of the next record to receive in a partition; `first` if no record was received yet.
    pub fn next_of(&self, topic: &str, partition: i32, first: i64) -> i64 {
        // A search in the small map saves a copy of the topic's name for each batch.
        let found = self
            .positions
            .iter()
            .find(|(topic_partition, _)| topic_partition.partition == partition && topic_partition.topic == topic);
        found.map_or(first, |(_, &next)| next)
    }

    pub fn advance(&mut self, topic: &str, partition: i32, next: i64) {
        let found = self
            .positions
            .iter_mut()
            .find(|(topic_partition, _)| topic_partition.partition == partition && topic_partition.topic == topic);
        match found {
            Some((_, position)) => *position = next,
            None => drop(self.positions.insert(TopicPartition { topic: topic.to_owned(), partition }, next)),
        }
    }

    /// The committed offset was beyond the partition's end: reading began elsewhere, and the committed offset stays until the
    /// user confirms.
    pub fn out_of_range(&mut self, topic_partition: TopicPartition, committed: i64, begun: i64) {
        if self.intent.mode == ReadMode::Group {
            self.held_commits.hold(topic_partition, committed, begun);
        }
    }

    /// Offsets of these partitions are committed again.
    pub fn commits_resumed(&mut self, partitions: &[TopicPartition]) {
        self.held_commits.release(partitions);
    }

    /// The bridge will not send the records below `to`. In a recreated topic the offsets restart.
    pub fn gap(&mut self, topic: &str, partition: i32, to: i64, recreated: bool) {
        let next = self.next_of(topic, partition, to);
        self.advance(topic, partition, if recreated { to } else { to.max(next) });
        if recreated {
            self.beginnings.insert(TopicPartition { topic: topic.to_owned(), partition }, to);
        }
    }

    /// A batch was handled. Returns the `flow` to send if half of the credit is used.
    pub fn handled(&mut self, through: u64, bytes: u64, now_ms: f64) -> Option<Flow> {
        self.error = None;
        if self.credit.handled(through, bytes, now_ms) { self.flow() } else { None }
    }

    /// When the next `flow` must be sent at the latest.
    pub fn flow_due_ms(&self) -> Option<f64> {
        self.credit.due_ms().filter(|_| self.subscription.is_some())
    }

    pub fn flow_due(&mut self, now_ms: f64) -> Option<Flow> {
        if now_ms >= self.flow_due_ms()? { self.flow() } else { None }
    }

    /// The `flow` for all handled records, if a record was handled since the last `flow`.
    pub fn flow(&mut self) -> Option<Flow> {
        self.credit.take_flow(self.subscription?)
    }
}

#[cfg(test)]
mod tests;
