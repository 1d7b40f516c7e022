//! One group as the page sees it: what each push changed, who reads which partition, how far behind it was.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use protocol::{Broker, GroupChanged, GroupMember, GroupPosition, GroupProtocol, TopicPartition};

use super::lag_history::LagHistory;
use super::sort::{Sort, arrange};

/// Kafka's name for a group that is not there.
const DEAD: &str = "Dead";
/// Its word for what it does not say.
const UNKNOWN: &str = "Unknown";

#[derive(Clone, Debug, Default)]
pub struct GroupLook {
    pub state: String,
    pub protocol: Option<GroupProtocol>,
    pub coordinator: Option<Broker>,
    pub assignor: Option<String>,
    pub lag: u64,
    pub history: LagHistory,
    members: Vec<GroupMember>,
    positions: BTreeMap<TopicPartition, Rc<GroupPosition>>,
    /// Which member has a partition.
    readers: HashMap<TopicPartition, usize>,
    is_known: bool,
    is_beginning: bool,
}

/// A topic of a group, in sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicShare {
    pub topic: String,
    pub partitions: usize,
    pub lag: u64,
}

impl GroupLook {
    /// What is known stays until the next push, which is complete.
    pub fn begin(&mut self) {
        self.is_beginning = true;
    }

    /// Whether something has come yet.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub fn learn(&mut self, changed: GroupChanged) {
        if std::mem::take(&mut self.is_beginning) {
            *self = Self { history: std::mem::take(&mut self.history), ..Self::default() };
        }
        self.is_known = true;
        self.state = changed.state;
        self.protocol = changed.protocol;
        self.coordinator = changed.coordinator;
        self.assignor = changed.assignor;
        self.lag = changed.lag;
        self.history.push(changed.at, changed.lag);
        if let Some(members) = changed.members {
            let places = |(at, member): (usize, &GroupMember)| {
                member.partitions.iter().map(move |place| (place.clone(), at)).collect::<Vec<_>>()
            };
            self.readers = members.iter().enumerate().flat_map(places).collect();
            self.members = members;
        }
        for position in changed.positions {
            let place = TopicPartition { topic: position.topic.clone(), partition: position.partition };
            self.positions.insert(place, Rc::new(position));
        }
        for place in &changed.removed {
            self.positions.remove(place);
        }
    }

    /// There is no such group.
    pub fn is_missing(&self) -> bool {
        self.state == DEAD && self.positions.is_empty()
    }

    /// The demo broker does not tell who reads.
    pub fn tells_members(&self) -> bool {
        self.state != UNKNOWN
    }

    pub fn members(&self) -> &[GroupMember] {
        &self.members
    }

    pub fn partitions(&self) -> usize {
        self.positions.len()
    }

    /// In this order; equals by topic and partition.
    pub fn positions(&self, sort: Sort) -> Vec<Rc<GroupPosition>> {
        let mut positions: Vec<_> = self.positions.values().cloned().collect();
        let client = |position: &GroupPosition| self.reader(position).map(|member| (&member.client, &member.member));
        arrange(&mut positions, |a, b| {
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

    /// Who reads a partition now.
    pub fn reader(&self, position: &GroupPosition) -> Option<&GroupMember> {
        let place = TopicPartition { topic: position.topic.clone(), partition: position.partition };
        self.readers.get(&place).and_then(|&at| self.members.get(at))
    }

    /// By name.
    pub fn topics(&self) -> Vec<TopicShare> {
        let mut topics: Vec<TopicShare> = Vec::new();
        for position in self.positions.values() {
            match topics.last_mut().filter(|share| share.topic == position.topic) {
                Some(share) => {
                    share.partitions += 1;
                    share.lag += position.lag;
                }
                None => {
                    topics.push(TopicShare { topic: position.topic.clone(), partitions: 1, lag: position.lag });
                }
            }
        }
        topics
    }
}

/// What a member reads: the partitions of each topic, in order.
pub fn shares(partitions: &[TopicPartition]) -> Vec<(&str, Vec<i32>)> {
    let mut by_topic: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for place in partitions {
        by_topic.entry(&place.topic).or_default().push(place.partition);
    }
    by_topic.values_mut().for_each(|partitions| arrange(partitions, Ord::cmp));
    by_topic.into_iter().collect()
}

/// `0-3, 7` of numbers in order.
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

    fn place(topic: &str, partition: i32) -> TopicPartition {
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
    fn pushes_add_up_and_say_who_reads_what() {
        let mut look = GroupLook::default();
        let members = vec![member("m-1", vec![place("b", 0)]), member("m-2", vec![place("a", 0), place("a", 1)])];
        let positions = vec![at("a", 0, 4, 10), at("a", 1, 0, 1), at("b", 0, 5, 5)];
        look.learn(changed(1, Some(members), positions));
        look.learn(GroupChanged { removed: vec![place("b", 0)], ..changed(2, None, vec![at("a", 0, 9, 10)]) });
        assert_eq!(look.topics(), [TopicShare { topic: "a".into(), partitions: 2, lag: 2 }]);
        let position = look.position("a", 0).expect("it is there");
        assert_eq!(look.reader(position).map(|member| member.member.as_str()), Some("m-2"));
        assert_eq!((look.members().len(), look.history.looks()), (2, 2), "members that are absent are as before");
    }

    #[test]
    fn partitions_are_sorted_by_what_is_asked_for_and_then_by_name() {
        let mut look = GroupLook::default();
        look.learn(changed(1, None, vec![at("b", 0, 0, 9), at("a", 2, 0, 9), at("a", 1, 0, 3)]));
        let places =
            |sort| look.positions(sort).iter().map(|at| format!("{}-{}", at.topic, at.partition)).collect::<Vec<_>>();
        assert_eq!(places(Sort::by("topic")), ["a-1", "a-2", "b-0"]);
        assert_eq!(places(Sort::by("topic").pressed("lag", true)), ["a-2", "b-0", "a-1"]);
    }

    #[test]
    fn a_new_watch_begins_anew_and_keeps_the_chart() {
        let mut look = GroupLook::default();
        look.learn(changed(1, Some(Vec::new()), vec![at("a", 0, 4, 10)]));
        look.begin();
        look.learn(changed(2, Some(Vec::new()), vec![at("b", 0, 4, 10)]));
        assert_eq!((look.partitions(), look.history.looks()), (1, 2));
    }

    #[test]
    fn a_group_without_a_trace_is_missing() {
        let mut look = GroupLook::default();
        look.learn(GroupChanged { state: "Dead".into(), ..changed(1, Some(Vec::new()), Vec::new()) });
        assert!(look.is_missing());
        look.learn(GroupChanged { state: "Dead".into(), ..changed(2, None, vec![at("a", 0, 4, 10)]) });
        assert!(!look.is_missing(), "a position is a trace");
    }

    #[test]
    fn numbers_in_a_row_are_one_range() {
        for (numbers, text) in [(&[][..], ""), (&[3], "3"), (&[0, 1, 2, 3, 7], "0-3, 7"), (&[1, 3, 4], "1, 3-4")] {
            assert_eq!(ranges(numbers), text);
        }
        let of_member = [place("b", 1), place("a", 2), place("b", 0)];
        assert_eq!(shares(&of_member), [("a", vec![2]), ("b", vec![0, 1])]);
    }
}
