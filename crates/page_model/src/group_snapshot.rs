//! The snapshot of one consumer group: its members, their assignments, the committed offsets and the history of the lag.
//! Updated by pushes of the live view.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use protocol::{Broker, ErrorBody, GroupChanged, GroupKind, GroupMember, GroupPosition, GroupProtocol, TopicPartition};

use super::lag_history::LagHistory;
use super::sort::{Sort, stable_sort};

/// Kafka's state of a group that does not exist.
const DEAD: &str = "Dead";
/// The state that is reported if Kafka gives none.
const UNKNOWN: &str = "Unknown";

#[derive(Clone, Debug, Default)]
pub struct GroupSnapshot {
    pub state: String,
    pub kind: GroupKind,
    /// Why members or offsets are missing.
    pub not_described: Option<ErrorBody>,
    pub protocol: Option<GroupProtocol>,
    pub coordinator: Option<Broker>,
    pub assignor: Option<String>,
    pub lag: u64,
    pub history: LagHistory,
    members: Vec<GroupMember>,
    positions: BTreeMap<TopicPartition, Rc<GroupPosition>>,
    /// The index of the member that each partition is assigned to.
    assigned_to: HashMap<TopicPartition, usize>,
    is_known: bool,
    next_push_is_complete: bool,
}

/// The partitions and the lag of a group in one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicLag {
    pub topic: String,
    pub partitions: usize,
    pub lag: u64,
}

impl GroupSnapshot {
    /// The live view begins again: the snapshot stays until the next push, which is complete.
    pub fn begin(&mut self) {
        self.next_push_is_complete = true;
    }

    /// Whether a push was applied.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub fn apply(&mut self, changed: GroupChanged) {
        if std::mem::take(&mut self.next_push_is_complete) {
            *self = Self { history: std::mem::take(&mut self.history), ..Self::default() };
        }
        self.is_known = true;
        self.state = changed.state;
        self.kind = changed.kind;
        self.not_described = changed.not_described;
        self.protocol = changed.protocol;
        self.coordinator = changed.coordinator;
        self.assignor = changed.assignor;
        self.lag = changed.lag;
        self.history.push(changed.at, changed.lag);
        if let Some(members) = changed.members {
            let assigned = |(at, member): (usize, &GroupMember)| {
                member.partitions.iter().map(move |topic_partition| (topic_partition.clone(), at)).collect::<Vec<_>>()
            };
            self.assigned_to = members.iter().enumerate().flat_map(assigned).collect();
            self.members = members;
        }
        for position in changed.positions {
            let topic_partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            self.positions.insert(topic_partition, Rc::new(position));
        }
        for topic_partition in &changed.removed {
            self.positions.remove(topic_partition);
        }
    }

    /// Whether the group does not exist.
    pub fn is_missing(&self) -> bool {
        self.state == DEAD && self.positions.is_empty()
    }

    /// Whether Kafka reports the members; the demo broker does not.
    pub fn reports_members(&self) -> bool {
        self.state != UNKNOWN && self.not_described.is_none()
    }

    /// Whether the group can be joined, reset and deleted as a consumer group. The type is not known on the demo broker, and
    /// before the group exists.
    pub fn is_consumer_group(&self) -> bool {
        match self.kind {
            GroupKind::Classic | GroupKind::Consumer => true,
            GroupKind::Other => self.not_described.is_none(),
            GroupKind::Share | GroupKind::Streams => false,
        }
    }

    pub fn members(&self) -> &[GroupMember] {
        &self.members
    }

    pub fn partitions(&self) -> usize {
        self.positions.len()
    }

    /// The committed offsets in this order, then by topic and partition.
    pub fn positions(&self, sort: Sort) -> Vec<Rc<GroupPosition>> {
        let mut positions: Vec<_> = self.positions.values().cloned().collect();
        let client =
            |position: &GroupPosition| self.assigned_member(position).map(|member| (&member.client, &member.member));
        stable_sort(&mut positions, |a, b| {
            let by_column = match sort.column {
                "partition" => a.partition.cmp(&b.partition),
                "position" => a.offset.cmp(&b.offset),
                "end" => a.end.cmp(&b.end),
                "lag" => a.lag.cmp(&b.lag),
                "member" => client(a).cmp(&client(b)),
                _ => a.topic.cmp(&b.topic),
            };
            sort.order(by_column, (&a.topic, a.partition).cmp(&(&b.topic, b.partition)))
        });
        positions
    }

    pub fn position(&self, topic: &str, partition: i32) -> Option<&GroupPosition> {
        self.positions.get(&TopicPartition { topic: topic.to_owned(), partition }).map(|position| &**position)
    }

    /// The member that a partition is assigned to.
    pub fn assigned_member(&self, position: &GroupPosition) -> Option<&GroupMember> {
        let topic_partition = TopicPartition { topic: position.topic.clone(), partition: position.partition };
        self.assigned_to.get(&topic_partition).and_then(|&at| self.members.get(at))
    }

    /// By name.
    pub fn topics(&self) -> Vec<TopicLag> {
        let mut topics: Vec<TopicLag> = Vec::new();
        for position in self.positions.values() {
            match topics.last_mut().filter(|topic| topic.topic == position.topic) {
                Some(topic) => {
                    topic.partitions += 1;
                    topic.lag += position.lag;
                }
                None => {
                    topics.push(TopicLag { topic: position.topic.clone(), partitions: 1, lag: position.lag });
                }
            }
        }
        topics
    }
}

/// The assigned partitions by topic, sorted.
pub fn partitions_by_topic(partitions: &[TopicPartition]) -> Vec<(&str, Vec<i32>)> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for topic_partition in partitions {
        by_topic.entry(&topic_partition.topic).or_default().push(topic_partition.partition);
    }
    by_topic.values_mut().for_each(|partitions| stable_sort(partitions, Ord::cmp));
    by_topic.into_iter().collect()
}

/// Formats sorted numbers as ranges: `0-3, 7`.
pub fn ranges(numbers: &[i32]) -> String {
    let mut text = String::new();
    let mut rest = numbers;
    while let Some(&first) = rest.first() {
        let run = rest.iter().zip(first..).take_while(|(number, expected)| *number == expected).count();
        let separator = if text.is_empty() { "" } else { ", " };
        match rest.get(run - 1) {
            Some(&last) if last != first => text.push_str(&format!("{separator}{first}-{last}")),
            _ => text.push_str(&format!("{separator}{first}")),
        }
        rest = rest.get(run..).unwrap_or_default();
    }
    text
}

#[cfg(test)]
pub mod tests {
    use protocol::Offset;

    use super::*;

    fn topic_partition(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.to_owned(), partition }
    }

    pub fn at(topic: &str, partition: i32, offset: i64, end: i64) -> GroupPosition {
        let lag = u64::try_from(end - offset).unwrap_or(0);
        GroupPosition { topic: topic.to_owned(), partition, offset: Some(Offset(offset)), end: Offset(end), lag }
    }

    pub fn member(name: &str, partitions: Vec<TopicPartition>) -> GroupMember {
        let (client, host) = ("client".to_owned(), "/127.0.0.1".to_owned());
        GroupMember { member: name.to_owned(), client, host, partitions, instance: None }
    }

    pub fn changed(at: i64, members: Option<Vec<GroupMember>>, positions: Vec<GroupPosition>) -> GroupChanged {
        GroupChanged {
            watch: 1,
            at,
            state: "Stable".to_owned(),
            kind: GroupKind::Classic,
            not_described: None,
            protocol: None,
            coordinator: None,
            assignor: None,
            lag: positions.iter().map(|position| position.lag).sum(),
            members,
            positions,
            removed: Vec::new(),
        }
    }

    #[test]
    fn pushes_update_positions_and_assignments() {
        let mut group = GroupSnapshot::default();
        let members = vec![
            member("m-1", vec![topic_partition("b", 0)]),
            member("m-2", vec![topic_partition("a", 0), topic_partition("a", 1)]),
        ];
        let positions = vec![at("a", 0, 4, 10), at("a", 1, 0, 1), at("b", 0, 5, 5)];
        group.apply(changed(1, Some(members), positions));
        group.apply(GroupChanged {
            removed: vec![topic_partition("b", 0)],
            ..changed(2, None, vec![at("a", 0, 9, 10)])
        });
        assert_eq!(group.topics(), [TopicLag { topic: "a".into(), partitions: 2, lag: 2 }]);
        let position = group.position("a", 0).expect("it is there");
        assert_eq!(group.assigned_member(position).map(|member| member.member.as_str()), Some("m-2"));
        assert_eq!(
            (group.members().len(), group.history.samples()),
            (2, 2),
            "a push without members keeps the members"
        );
    }

    #[test]
    fn partitions_are_sorted_by_column_then_by_topic() {
        let mut group = GroupSnapshot::default();
        group.apply(changed(1, None, vec![at("b", 0, 0, 9), at("a", 2, 0, 9), at("a", 1, 0, 3)]));
        let assigned =
            |sort| group.positions(sort).iter().map(|at| format!("{}-{}", at.topic, at.partition)).collect::<Vec<_>>();
        assert_eq!(assigned(Sort::by("topic")), ["a-1", "a-2", "b-0"]);
        assert_eq!(assigned(Sort::by("topic").pressed("lag", true)), ["a-2", "b-0", "a-1"]);
    }

    #[test]
    fn reopened_view_replaces_positions_and_keeps_the_lag_history() {
        let mut group = GroupSnapshot::default();
        group.apply(changed(1, Some(Vec::new()), vec![at("a", 0, 4, 10)]));
        group.begin();
        group.apply(changed(2, Some(Vec::new()), vec![at("b", 0, 4, 10)]));
        assert_eq!((group.partitions(), group.history.samples()), (1, 2));
    }

    #[test]
    fn dead_group_without_positions_is_missing() {
        let mut group = GroupSnapshot::default();
        group.apply(GroupChanged { state: "Dead".into(), ..changed(1, Some(Vec::new()), Vec::new()) });
        assert!(group.is_missing());
        group.apply(GroupChanged { state: "Dead".into(), ..changed(2, None, vec![at("a", 0, 4, 10)]) });
        assert!(!group.is_missing(), "the group still has a committed offset");
    }

    #[test]
    fn consecutive_numbers_are_one_range() {
        for (numbers, text) in [(&[][..], ""), (&[3], "3"), (&[0, 1, 2, 3, 7], "0-3, 7"), (&[1, 3, 4], "1, 3-4")] {
            assert_eq!(ranges(numbers), text);
        }
        let of_member = [topic_partition("b", 1), topic_partition("a", 2), topic_partition("b", 0)];
        assert_eq!(partitions_by_topic(&of_member), [("a", vec![2]), ("b", vec![0, 1])]);
    }
}
