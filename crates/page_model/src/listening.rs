//! What the page listens to: the user's intent, the subscription that serves it, its credit and its positions. Records
//! belong to the feed.

use std::collections::BTreeMap;

use protocol::{
    CommitMode, ErrorBody, Flow, Format, GroupPosition, GroupStart, Mode, Offset, PartitionInfo, Position, RequestId,
    Subscribe, TailStart, TopicPartition, WhenSlow,
};

use super::credit::{Credit, WINDOW};
use super::held_commits::HeldCommits;
use super::intent::{Intent, ReadMode, Start};
use super::sort::arrange;

/// How often Kafka is asked where the partitions end, for what is still to come.
const ENDS_EVERY_MS: f64 = 2500.0;

/// `Idle` → `Starting` (asked for, or waiting for a connection) → `Listening` → `Stopping` → `Idle`. A lost socket leads
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

/// One partition that is read, as far as its numbers are known.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProgress {
    pub topic: String,
    pub partition: i32,
    /// The next offset to come.
    pub position: Option<i64>,
    pub committed: Option<i64>,
    /// The next offset to be written.
    pub end: Option<i64>,
}

impl PartitionProgress {
    /// Records that Kafka has and the group has not committed.
    pub fn lag(&self) -> Option<u64> {
        Some(u64::try_from(self.end? - self.committed?).unwrap_or(0))
    }
}

#[derive(Debug, Default)]
pub struct Listening {
    phase: Phase,
    intent: Intent,
    /// The request whose answer is awaited.
    request: Option<RequestId>,
    subscription: Option<u32>,
    /// Partitions this page reads, once the bridge has said it; sorted.
    assigned: Option<Vec<TopicPartition>>,
    /// How often partitions came or went after the first time.
    rebalances: u32,
    /// The current error of the subscription.
    error: Option<ErrorBody>,
    /// The next offset to come. Records below it, from the beginning on, were received already.
    positions: BTreeMap<TopicPartition, i64>,
    beginnings: BTreeMap<TopicPartition, i64>,
    committed: BTreeMap<TopicPartition, i64>,
    ends: BTreeMap<TopicPartition, i64>,
    /// The first offset that is still there.
    lows: BTreeMap<TopicPartition, i64>,
    ends_due_ms: Option<f64>,
    /// The positions of the group to begin at are known.
    knows_committed: bool,
    held_commits: HeldCommits,
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

    /// Partitions whose positions are not committed until the user agrees.
    pub fn held_commits(&self) -> &HeldCommits {
        &self.held_commits
    }

    /// The partitions read, once known. A group's member may have none.
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

    /// How many records Kafka has in the partitions read that have not come yet; nothing while an end is not known.
    pub fn behind(&self) -> Option<u64> {
        let assigned = self.assigned.as_ref().filter(|assigned| !assigned.is_empty())?;
        let behind = |topic_partition| {
            Some(u64::try_from(self.ends.get(topic_partition)? - self.positions.get(topic_partition)?).unwrap_or(0))
        };
        assigned.iter().map(behind).sum()
    }

    /// Where everything was read: whether there is anything at all in the partitions read. Nothing while that is not known,
    /// or while there is more to come.
    pub fn is_all_there_was(&self) -> Option<bool> {
        let assigned = self.assigned.as_ref().filter(|_| self.behind() == Some(0))?;
        let is_empty = |topic_partition| Some(self.lows.get(topic_partition)? >= self.ends.get(topic_partition)?);
        let empty = assigned.iter().map(is_empty).collect::<Option<Vec<bool>>>()?;
        Some(empty.contains(&false))
    }

    /// Records that the group has not committed, over all partitions that this page reads.
    pub fn lag(&self) -> Option<u64> {
        self.assigned.as_ref().filter(|_| self.intent.mode == ReadMode::Group)?;
        self.partition_progress().iter().map(PartitionProgress::lag).sum()
    }

    /// Subscribed, but Kafka has not shared out the group's partitions yet.
    pub fn is_joining(&self) -> bool {
        self.phase == Phase::Listening
            && self.intent.mode == ReadMode::Group
            && self.assigned.is_none()
            && self.error.is_none()
    }

    /// Whether a record of this topic would come back now.
    pub fn reads(&self, topic: &str) -> bool {
        self.phase == Phase::Listening && self.intent.topics.iter().any(|read| read == topic) && self.error.is_none()
    }

    /// The user starts listening. Returns whether the rows on screen belong to something else and must go.
    pub fn start(&mut self, intent: Intent) -> bool {
        // A group goes on where it was; anything else begins a new list.
        let continues = intent.mode == ReadMode::Group
            && self.intent.mode == ReadMode::Group
            && self.intent.topics == intent.topics
            && self.intent.group == intent.group;
        *self = Self { intent, phase: Phase::Starting, ..Self::default() };
        !continues
    }

    /// Whether the topics' partitions or the group's offsets must be requested before subscribing, because the start
    /// depends on them.
    pub fn must_look_up_start(&self) -> bool {
        self.phase == Phase::Starting
            && self.intent.mode == ReadMode::Watch
            && self.positions.is_empty()
            && match self.intent.start {
                Start::Offset { .. } => true,
                Start::Committed => !self.knows_committed,
                _ => false,
            }
    }

    /// The positions to begin at, now that the group's are known: of the topics that are read, where it has committed one. What
    /// it has not is read from the first record.
    pub fn begin_at_committed(&mut self, positions: &[GroupPosition]) {
        self.knows_committed = true;
        let topics = &self.intent.topics;
        let committed = positions.iter().filter(|position| topics.contains(&position.topic));
        self.positions.extend(committed.filter_map(|position| {
            let topic_partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            Some((topic_partition, position.offset?.0))
        }));
    }

    /// The request that opens the subscription: at the start, and again after every reconnect.
    pub fn subscribe(&mut self, request: RequestId) -> Option<Subscribe> {
        if self.phase != Phase::Starting {
            return None;
        }
        self.request = Some(request);
        self.subscription = None;
        self.credit = Credit::default();
        let topics = self.intent.topics.clone();
        let mode = self.mode();
        // Unless the user wants it otherwise the page sets the pace and misses nothing.
        let skips = self.intent.skips_ahead && self.intent.mode == ReadMode::Watch;
        let when_slow = Some(if skips { WhenSlow::Skip } else { WhenSlow::Block });
        Some(Subscribe { topics, mode, window: WINDOW, format: Format::Binary, when_slow })
    }

    fn mode(&self) -> Mode {
        let Intent { mode, group, start, commits_nothing, .. } = &self.intent;
        if *mode == ReadMode::Group {
            let start = if *start == Start::Latest { GroupStart::Latest } else { GroupStart::Earliest };
            // What is never acknowledged is never committed.
            let commit = if *commits_nothing { CommitMode::Ack } else { CommitMode::Auto };
            return Mode::Group { id: group.clone(), start, commit };
        }
        let start = match *start {
            // One partition alone was wanted.
            Start::Offset { partition: Some(_), .. } if !self.positions.is_empty() => {
                TailStart::Offsets(self.all_positions())
            }
            // After a reconnect: exactly behind what was received, so that nothing is missing or doubled.
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

    /// The user stops. Returns which subscription to end, if there is one; without one it has ended.
    pub fn stop(&mut self, connected: bool) -> Option<u32> {
        let subscription = self.subscription.filter(|_| connected && self.phase != Phase::Stopping);
        self.phase = match self.phase {
            // The answer is under way: the subscription it names is ended when it comes.
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

    /// Sets which request's answer ends the stopping.
    pub fn stopping_by(&mut self, request: RequestId) {
        self.request = Some(request);
    }

    /// The bridge serves the intent. Returns whether the user has changed his mind meanwhile.
    pub fn subscribed(&mut self, subscription: u32) -> bool {
        self.subscription = Some(subscription);
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

    /// The bridge refused to subscribe, or the subscription cannot go on.
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
        // The bridge says it again.
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
                // Another page of the group had these and left before it was done; what follows comes once more.
                *beginning = position.offset.0;
                self.positions.insert(topic_partition.clone(), position.offset.0);
            }
            if self.intent.mode == ReadMode::Group {
                // A group begins where it has committed, or where it would.
                let committed = self.committed.entry(topic_partition.clone()).or_insert(position.offset.0);
                *committed = (*committed).max(position.offset.0);
            }
            if !assigned.contains(&topic_partition) {
                assigned.push(topic_partition);
            }
        }
        arrange(assigned, Ord::cmp);
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

    /// When to ask Kafka for the ends of the partitions.
    pub fn ends_due_ms(&self) -> Option<f64> {
        self.ends_due_ms
    }

    /// The topics to ask for, if it is time to.
    pub fn ends_to_request(&mut self, now_ms: f64) -> &[String] {
        match self.ends_due_ms {
            Some(due_ms) if now_ms >= due_ms => {
                self.ends_due_ms = Some(now_ms + ENDS_EVERY_MS);
                &self.intent.topics
            }
            _ => &[],
        }
    }

    /// Partitions that reported no offsets keep what is known of them: they may hold records.
    pub fn ends_are(&mut self, topic: &str, partitions: &[PartitionInfo]) {
        for info in partitions.iter().filter(|info| info.records().is_some()) {
            let topic_partition = TopicPartition { topic: topic.to_owned(), partition: info.partition };
            self.lows.insert(topic_partition.clone(), info.low.0);
            self.ends.insert(topic_partition, info.high.0);
        }
    }

    /// The partitions that the user wants to begin at an offset in, now that they are known.
    pub fn begin_at(&mut self, topic: &str, partitions: &[PartitionInfo]) {
        let Start::Offset { partition, offset } = self.intent.start else { return };
        for info in partitions.iter().filter(|info| partition.is_none_or(|wanted| wanted == info.partition)) {
            let topic_partition = TopicPartition { topic: topic.to_owned(), partition: info.partition };
            // Beyond the end there is nothing to begin at: what comes next is. An end that is not known limits nothing.
            let end = info.records().map_or(offset, |_| info.high.0);
            self.positions.insert(topic_partition, offset.min(end));
        }
    }

    /// The next offset of a partition; `first` if nothing of it came before. Records below it were received already.
    pub fn next_of(&self, topic: &str, partition: i32, first: i64) -> i64 {
        // The map is small; this saves a copy of the name for each batch.
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

    /// The committed position lay beyond the partition's end: reading began elsewhere, and the position stays for now.
    pub fn out_of_range(&mut self, topic_partition: TopicPartition, committed: i64, begun: i64) {
        if self.intent.mode == ReadMode::Group {
            self.held_commits.hold(topic_partition, committed, begun);
        }
    }

    /// What is acknowledged of these partitions is committed again.
    pub fn commits_resumed(&mut self, own_records: &[TopicPartition]) {
        self.held_commits.release(own_records);
    }

    /// Records that will not come; the next one is `to`. After a topic was created again its offsets begin anew.
    pub fn gap(&mut self, topic: &str, partition: i32, to: i64, recreated: bool) {
        let next = self.next_of(topic, partition, to);
        self.advance(topic, partition, if recreated { to } else { to.max(next) });
        if recreated {
            self.beginnings.insert(TopicPartition { topic: topic.to_owned(), partition }, to);
        }
    }

    /// A batch was handled. Returns credit to send when half of it is used.
    pub fn handled(&mut self, through: u64, bytes: u64, now_ms: f64) -> Option<Flow> {
        self.error = None;
        if self.credit.handled(through, bytes, now_ms) { self.flow() } else { None }
    }

    /// When `flow_due` has something to say at the latest.
    pub fn flow_due_ms(&self) -> Option<f64> {
        self.credit.due_ms().filter(|_| self.subscription.is_some())
    }

    pub fn flow_due(&mut self, now_ms: f64) -> Option<Flow> {
        if now_ms >= self.flow_due_ms()? { self.flow() } else { None }
    }

    /// New credit for everything handled, if anything was handled since the last.
    pub fn flow(&mut self) -> Option<Flow> {
        self.credit.take_flow(self.subscription?)
    }
}

#[cfg(test)]
mod tests;
