//! What the page listens to: the user's intent, the subscription that serves it, its credit and its positions. Owns no
//! record: those go to the feed.

use std::collections::BTreeMap;

use protocol::{
    CommitMode, ErrorBody, ErrorCode, Flow, Format, GroupStart, Mode, Offset, Position, RequestId, Subscribe,
    TailStart, WhenSlow,
};
use serde::{Deserialize, Serialize};

use super::credit::{Credit, WINDOW};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadMode {
    /// Joins a consumer group; positions are committed.
    #[default]
    Group,
    /// Looks on; nothing is committed.
    Watch,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
}

impl Start {
    pub fn name(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
        }
    }
}

/// What the user asked for. It outlives sockets and bridges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intent {
    pub topic: String,
    pub mode: ReadMode,
    /// Unused when watching.
    pub group: String,
    pub start: Start,
}

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

#[derive(Debug, Default)]
pub struct Listening {
    phase: Phase,
    intent: Intent,
    /// The request whose answer is awaited.
    request: Option<RequestId>,
    subscription: Option<u32>,
    /// Partitions this page reads, once the bridge has said it.
    assigned: Option<Vec<i32>>,
    /// What stands in the way, while it does.
    problem: Option<ErrorBody>,
    /// Partition → the next offset to come. Records below it were received already.
    positions: BTreeMap<i32, i64>,
    credit: Credit,
}

impl Listening {
    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    pub fn problem(&self) -> Option<&ErrorBody> {
        self.problem.as_ref()
    }

    pub fn subscription(&self) -> Option<u32> {
        self.subscription
    }

    /// The partitions read, once known. A group's member may have none.
    pub fn assigned(&self) -> Option<&[i32]> {
        self.assigned.as_deref()
    }

    /// Subscribed, but Kafka has not shared out the group's partitions yet.
    pub fn is_joining(&self) -> bool {
        self.phase == Phase::Listening
            && self.intent.mode == ReadMode::Group
            && self.assigned.is_none()
            && self.problem.is_none()
    }

    /// Whether a record of this topic would come back now.
    pub fn reads(&self, topic: &str) -> bool {
        self.phase == Phase::Listening && self.intent.topic == topic && self.problem.is_none()
    }

    /// The user starts listening. Says whether the rows on screen belong to something else and must go.
    pub fn start(&mut self, intent: Intent) -> bool {
        // A group goes on where it was; anything else begins a new list.
        let continues = intent.mode == ReadMode::Group
            && self.intent.mode == ReadMode::Group
            && self.intent.topic == intent.topic
            && self.intent.group == intent.group;
        *self = Self { intent, phase: Phase::Starting, ..Self::default() };
        !continues
    }

    /// The request that opens the subscription: at the start, and again after every reconnect.
    pub fn subscribe(&mut self, request: RequestId) -> Option<Subscribe> {
        if self.phase != Phase::Starting {
            return None;
        }
        self.request = Some(request);
        self.subscription = None;
        self.credit = Credit::default();
        let topics = vec![self.intent.topic.clone()];
        let mode = self.mode();
        // A tail would skip by default when the page is slow; here the page sets the pace and misses nothing.
        let when_slow = Some(WhenSlow::Block);
        Some(Subscribe { topics, mode, window: WINDOW, format: Format::Json, when_slow })
    }

    fn mode(&self) -> Mode {
        let Intent { mode, group, start, .. } = &self.intent;
        match (mode, start) {
            (ReadMode::Group, Start::Earliest) => group_mode(group, GroupStart::Earliest),
            (ReadMode::Group, Start::Latest) => group_mode(group, GroupStart::Latest),
            // After a reconnect: exactly behind what was received, so that nothing is missing or doubled.
            (ReadMode::Watch, _) if !self.positions.is_empty() => {
                Mode::Tail { start: TailStart::Offsets(self.all_positions()) }
            }
            (ReadMode::Watch, Start::Earliest) => Mode::Tail { start: TailStart::Earliest },
            (ReadMode::Watch, Start::Latest) => Mode::Tail { start: TailStart::Latest },
        }
    }

    fn all_positions(&self) -> Vec<Position> {
        let position = |(&partition, &offset): (&i32, &i64)| Position {
            topic: self.intent.topic.clone(),
            partition,
            offset: Offset(offset),
        };
        self.positions.iter().map(position).collect()
    }

    /// The user stops. Says which subscription to end, if there is one; without one it has ended.
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

    /// The bridge serves the intent. Says whether the user has changed his mind meanwhile.
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
        self.problem = None;
        self.assigned = None;
    }

    /// The bridge refused to subscribe, or the subscription cannot go on.
    pub fn refused(&mut self, error: ErrorBody) {
        self.ended();
        self.problem = Some(error);
    }

    pub fn hindered(&mut self, error: ErrorBody) {
        self.problem = Some(error);
    }

    /// Kafka answers again: what only that hindered goes on.
    pub fn kafka_is_back(&mut self) {
        if self.problem.as_ref().is_some_and(|error| error.code == ErrorCode::KafkaUnreachable.number()) {
            self.problem = None;
        }
    }

    pub fn socket_lost(&mut self) {
        self.subscription = None;
        self.request = None;
        self.assigned = None;
        self.problem = None;
        self.phase = match self.phase {
            Phase::Idle | Phase::Stopping => Phase::Idle,
            Phase::Starting | Phase::Listening => Phase::Starting,
        };
    }

    pub fn assigned_to(&mut self, partitions: &[Position]) {
        self.problem = None;
        let assigned = self.assigned.get_or_insert_default();
        for position in partitions {
            if !assigned.contains(&position.partition) {
                assigned.push(position.partition);
            }
            // Only where nothing was received yet: a crash of the bridge redelivers from further back.
            self.positions.entry(position.partition).or_insert(position.offset.0);
        }
        assigned.sort_unstable();
    }

    pub fn revoked(&mut self, partitions: impl IntoIterator<Item = i32>) {
        if let Some(assigned) = &mut self.assigned {
            for partition in partitions {
                assigned.retain(|&p| p != partition);
            }
        }
    }

    /// Whether a record is new. One that was received before the connection was lost is not.
    pub fn accept(&mut self, partition: i32, offset: i64) -> bool {
        let next = self.positions.entry(partition).or_insert(offset);
        let is_new = offset >= *next;
        if is_new {
            *next = offset + 1;
        }
        is_new
    }

    /// Records that will not come; the next one is `to`. After a topic was created again its offsets begin anew.
    pub fn gap(&mut self, partition: i32, to: i64, recreated: bool) {
        let next = self.positions.entry(partition).or_insert(to);
        *next = if recreated { to } else { to.max(*next) };
    }

    /// A batch was handled. Returns credit to send when half of it is used.
    pub fn handled(&mut self, through: u64, bytes: u64, now_ms: f64) -> Option<Flow> {
        self.problem = None;
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
        self.credit.tell(self.subscription?)
    }
}

fn group_mode(id: &str, start: GroupStart) -> Mode {
    Mode::Group { id: id.to_owned(), start, commit: CommitMode::Auto }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(mode: ReadMode) -> Intent {
        Intent { topic: "t".into(), mode, group: "g".into(), start: Start::Earliest }
    }

    fn listening(mode: ReadMode) -> Listening {
        let mut listening = Listening::default();
        listening.start(intent(mode));
        assert!(listening.subscribe(1).is_some());
        assert!(!listening.subscribed(5));
        listening
    }

    #[test]
    fn after_a_lost_socket_a_group_joins_again_and_what_was_received_is_not_new() {
        let mut listening = listening(ReadMode::Group);
        assert!(listening.accept(0, 7) && listening.accept(0, 8) && listening.accept(1, 3));
        listening.socket_lost();
        assert_eq!(listening.phase(), Phase::Starting);
        let again = listening.subscribe(2).expect("it begins again by itself");
        assert!(matches!(again.mode, Mode::Group { ref id, .. } if id == "g"));
        listening.subscribed(1);
        assert!(!listening.accept(0, 7) && !listening.accept(0, 8));
        assert!(listening.accept(0, 9) && listening.accept(1, 4));
    }

    #[test]
    fn after_a_lost_socket_watching_goes_on_behind_what_was_received() {
        let mut listening = listening(ReadMode::Watch);
        let at = |partition, offset| Position { topic: "t".into(), partition, offset: Offset(offset) };
        listening.assigned_to(&[at(0, 0), at(1, 5)]);
        listening.accept(0, 7);
        listening.socket_lost();
        let again = listening.subscribe(2).expect("it begins again by itself");
        let offsets = TailStart::Offsets(vec![at(0, 8), at(1, 5)]);
        assert_eq!(again.mode, Mode::Tail { start: offsets });
    }

    #[test]
    fn a_new_start_of_the_same_group_keeps_the_rows_and_takes_what_comes() {
        let mut listening = listening(ReadMode::Group);
        listening.accept(0, 7);
        listening.ended();
        assert!(!listening.start(intent(ReadMode::Group)), "the rows stay");
        assert!(listening.accept(0, 3), "somebody may have reset the group");
        assert!(listening.start(intent(ReadMode::Watch)), "another list");
    }

    #[test]
    fn stop_before_the_answer_ends_the_subscription_that_it_names() {
        let mut listening = Listening::default();
        listening.start(intent(ReadMode::Group));
        listening.subscribe(1);
        assert_eq!(listening.stop(true), None);
        assert_eq!(listening.phase(), Phase::Stopping);
        assert!(listening.subscribed(9), "it must be ended now");
        assert_eq!(listening.subscription(), Some(9));
    }

    #[test]
    fn stop_without_a_connection_is_immediate() {
        let mut listening = listening(ReadMode::Group);
        listening.socket_lost();
        assert_eq!(listening.stop(false), None);
        assert_eq!(listening.phase(), Phase::Idle);
        assert!(listening.subscribe(3).is_none(), "nothing comes back by itself");
    }

    #[test]
    fn a_problem_goes_when_records_come() {
        let mut listening = listening(ReadMode::Group);
        listening.hindered(ErrorBody::new(ErrorCode::TopicMissing, "…"));
        assert!(listening.problem().is_some() && listening.phase() == Phase::Listening);
        listening.handled(1, 1, 0.0);
        assert!(listening.problem().is_none());
    }

    #[test]
    fn a_recreated_topic_begins_anew() {
        let mut listening = listening(ReadMode::Watch);
        listening.accept(0, 99);
        listening.gap(0, 0, true);
        assert!(listening.accept(0, 0));
        listening.gap(0, 50, false);
        assert!(!listening.accept(0, 49) && listening.accept(0, 50));
    }
}
