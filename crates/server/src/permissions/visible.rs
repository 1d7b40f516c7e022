//! What a user may see of Kafka's data: lists and groups without the topics and groups that the user may not describe.

use std::borrow::Cow;

use kafka::admin::ListedGroup;
use protocol::{Action, ClusterDetails, GroupMember, GroupResult, GroupSummary, Object, Rights, TopicSummary};

use super::Permissions;
use crate::views::ViewData;

impl Permissions {
    /// Whether the user may describe the topic.
    pub fn sees_topic(&self, name: &str) -> bool {
        self.may(Action::Describe, &Object::Topic(name))
    }

    pub fn visible_topics(&self, mut topics: Vec<TopicSummary>) -> Vec<TopicSummary> {
        if self.rights().is_some() {
            topics.retain(|topic| self.sees_topic(&topic.name));
        }
        topics
    }

    pub fn visible_groups(&self, groups: Vec<ListedGroup>) -> Vec<GroupSummary> {
        match self.rights() {
            None => groups.into_iter().map(|group| group.summary).collect(),
            Some(rights) => {
                groups.iter().filter_map(|group| visible_summary(rights, group)).map(|g| g.summary).collect()
            }
        }
    }

    pub fn visible_group(&self, group: GroupResult) -> GroupResult {
        match self.rights() {
            None => group,
            Some(rights) => visible_group(rights, &group),
        }
    }

    pub fn visible_details(&self, mut details: ClusterDetails) -> ClusterDetails {
        if self.rights().is_some() {
            details.troubled.retain(|partition| self.sees_topic(&partition.topic));
        }
        details
    }

    /// The data of a live view, which is shared with other users and copied only if this one may not see all of it.
    pub fn visible<'d>(&self, data: &'d ViewData) -> Cow<'d, ViewData> {
        let Some(rights) = self.rights() else { return Cow::Borrowed(data) };
        Cow::Owned(match data {
            ViewData::Topics(topics) => {
                ViewData::Topics(topics.iter().filter(|topic| self.sees_topic(&topic.name)).cloned().collect())
            }
            ViewData::Groups(groups) => {
                ViewData::Groups(groups.iter().filter_map(|group| visible_summary(rights, group)).collect())
            }
            ViewData::Group(group) => ViewData::Group(visible_group(rights, group)),
            ViewData::Cluster(details) => ViewData::Cluster(self.visible_details(details.clone())),
            // Only who may describe the topic can open its view.
            ViewData::Topic { .. } => return Cow::Borrowed(data),
        })
    }
}

fn sees_topic(rights: &Rights, name: &str) -> bool {
    rights.allows(Action::Describe, &Object::Topic(name))
}

/// `None` if the user may not describe the group.
fn visible_summary(rights: &Rights, group: &ListedGroup) -> Option<ListedGroup> {
    let ListedGroup { summary, topic_lags } = group;
    if !rights.allows(Action::Describe, &Object::Group(&summary.group)) {
        return None;
    }
    let topics: Vec<String> = summary.topics.iter().filter(|topic| sees_topic(rights, topic)).cloned().collect();
    let lags = summary.topics.iter().zip(topic_lags).filter(|(topic, _)| sees_topic(rights, topic));
    let topic_lags: Vec<u64> = lags.map(|(_, lag)| *lag).collect();
    let lag = summary.lag.map(|_| topic_lags.iter().sum());
    Some(ListedGroup { summary: GroupSummary { topics, lag, ..summary.clone() }, topic_lags })
}

fn visible_group(rights: &Rights, group: &GroupResult) -> GroupResult {
    let positions: Vec<_> =
        group.positions.iter().filter(|position| sees_topic(rights, &position.topic)).cloned().collect();
    let member = |member: &GroupMember| {
        let partitions = member.partitions.iter().filter(|partition| sees_topic(rights, &partition.topic));
        GroupMember { partitions: partitions.cloned().collect(), ..member.clone() }
    };
    GroupResult {
        group: group.group.clone(),
        state: group.state.clone(),
        members: group.members.iter().map(member).collect(),
        lag: positions.iter().map(|position| position.lag).sum(),
        positions,
        kind: group.kind,
        not_described: group.not_described.clone(),
        protocol: group.protocol,
        coordinator: group.coordinator.clone(),
        assignor: group.assignor.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use access::{Policy, Principal, Rule};
    use protocol::{ClusterName, GroupKind, GroupPosition, NamePattern, Offset, TopicPartition, UnhealthyPartition};

    use super::*;

    /// The rights of a user who may describe topics that begin with `seen`, and the group `readers`.
    fn restricted() -> Permissions {
        let pattern = |pattern: &str| vec![NamePattern(pattern.to_owned())];
        let allow = vec![Action::Describe];
        let rule = Rule { topics: pattern("seen*"), groups: pattern("readers"), allow, ..Rule::default() };
        of(Policy::new(vec![rule], Vec::new()).expect("no masks"))
    }

    fn of(policy: Policy) -> Permissions {
        Permissions::new(Arc::new(Principal::anyone()), ClusterName::default(), Arc::new(policy))
    }

    fn topic(name: &str) -> TopicSummary {
        TopicSummary {
            name: name.to_owned(),
            partitions: 1,
            replication: 1,
            internal: false,
            records: None,
            rate: None,
            under_replicated: 0,
            offline: 0,
        }
    }

    fn listed(group: &str, lag: Option<u64>) -> ListedGroup {
        let topics = ["hidden", "seen-1", "seen-2"].map(str::to_owned).to_vec();
        let (group, state) = (group.to_owned(), "Stable".to_owned());
        let summary =
            GroupSummary { group, state, members: Some(2), kind: GroupKind::Other, protocol: None, topics, lag };
        ListedGroup { summary, topic_lags: lag.map_or(Vec::new(), |_| vec![100, 20, 3]) }
    }

    #[test]
    fn lists_have_only_what_the_user_may_describe() {
        let names = |topics: Vec<TopicSummary>| topics.into_iter().map(|topic| topic.name).collect::<Vec<_>>();
        let all = || ["hidden", "seen-1"].map(topic).to_vec();
        assert_eq!(names(restricted().visible_topics(all())), ["seen-1"]);
        assert_eq!(names(of(Policy::default()).visible_topics(all())), ["hidden", "seen-1"]);

        let groups = restricted().visible_groups(vec![listed("others", Some(123)), listed("readers", Some(123))]);
        let [readers] = groups.as_slice() else { panic!("one group: {groups:?}") };
        assert_eq!((readers.group.as_str(), readers.lag, readers.members), ("readers", Some(23), Some(2)));
        assert_eq!(readers.topics, ["seen-1", "seen-2"]);
        let unknown = restricted().visible_groups(vec![listed("readers", None)]);
        assert_eq!(unknown[0].lag, None, "Kafka did not report the positions");
        let whole = of(Policy::default()).visible_groups(vec![listed("others", Some(123))]);
        assert_eq!((whole[0].lag, whole[0].topics.len()), (Some(123), 3));

        let troubled = ["hidden", "seen-1"].map(|topic| UnhealthyPartition {
            topic: topic.to_owned(),
            partition: 0,
            leader: None,
            replicas: Vec::new(),
            in_sync: Vec::new(),
        });
        let details = ClusterDetails { offline: 2, troubled: troubled.to_vec(), ..ClusterDetails::default() };
        let details = restricted().visible_details(details);
        assert_eq!((details.offline, details.troubled.len()), (2, 1), "the counts are of the whole cluster");
    }

    #[test]
    fn group_has_only_positions_and_assignments_in_topics_that_the_user_may_describe() {
        let position = |topic: &str, lag| GroupPosition {
            topic: topic.to_owned(),
            partition: 0,
            offset: Some(Offset(0)),
            end: Offset(0),
            lag,
        };
        let assigned = ["hidden", "seen-1"].map(|topic| TopicPartition { topic: topic.to_owned(), partition: 0 });
        let member = GroupMember {
            member: "m".to_owned(),
            client: "c".to_owned(),
            host: "h".to_owned(),
            partitions: assigned.to_vec(),
            instance: None,
        };
        let group = GroupResult {
            group: "readers".to_owned(),
            state: "Stable".to_owned(),
            members: vec![member],
            positions: vec![position("hidden", 100), position("seen-1", 3)],
            kind: GroupKind::Other,
            not_described: None,
            protocol: None,
            coordinator: None,
            assignor: None,
            lag: 103,
        };
        let seen = restricted().visible_group(group.clone());
        assert_eq!(seen.positions, [position("seen-1", 3)]);
        assert_eq!((seen.lag, seen.members[0].partitions.as_slice()), (3, &assigned[1..]));
        let data = ViewData::Group(group.clone());
        assert_eq!(*restricted().visible(&data), ViewData::Group(seen));
        assert!(matches!(of(Policy::default()).visible(&data), Cow::Borrowed(_)), "nothing is copied");
        assert_eq!(of(Policy::default()).visible_group(group.clone()), group);
    }
}
