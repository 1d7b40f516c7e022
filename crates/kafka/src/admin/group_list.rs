//! The list of all groups, of every type and with any name.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{ErrorBody, GroupKind, GroupProtocol, GroupSummary, GroupsResult};

use super::groups::{GROUPS_TIMEOUT, Positions, assigned_and_committed, retry_until_coordinator_is_ready, with_lag};
use super::{Admin, refused};
use crate::broker_connection::share_groups::ShareGroup;
use crate::native::{self, DescribedGroup, Failure};
use crate::other_groups::KnownGroup;

/// A group of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedGroup {
    pub summary: GroupSummary,
    /// The lag in each of `summary.topics`, in the same order; their sum is `summary.lag`. Empty if Kafka did not report it.
    pub topic_lags: Vec<u64>,
}

/// What is known about a group before the ends of its partitions are requested.
struct Entry {
    name: String,
    kind: GroupKind,
    state: String,
    protocol: Option<GroupProtocol>,
    members: Option<usize>,
    positions: Option<Positions>,
}

/// The groups by the requests that describe them; no name occurs twice in a part. While a coordinator moves, two brokers may
/// list the same group, and librdkafka refuses to describe any group if a name occurs twice.
struct ByRequest {
    /// Each with its name, type and state.
    consumers: Vec<(String, GroupKind, String)>,
    shared: Vec<KnownGroup>,
    others: Vec<KnownGroup>,
    /// Names with a NUL character, which librdkafka cannot pass on, are only listed.
    unspeakable: Vec<KnownGroup>,
}

impl ByRequest {
    /// `consumers`: the groups that librdkafka lists; `others`: groups of all types, which may include those.
    fn new(mut consumers: Vec<(String, GroupKind, String)>, mut others: Vec<KnownGroup>) -> Self {
        let known: BTreeSet<&str> = consumers.iter().map(|(name, ..)| name.as_str()).collect();
        others.retain(|group| !known.contains(group.name.as_str()));
        others.sort_by(|a, b| a.name.cmp(&b.name));
        others.dedup_by(|a, b| a.name == b.name);
        let (unspeakable, others): (Vec<KnownGroup>, Vec<KnownGroup>) =
            others.into_iter().partition(|group| group.name.contains('\0'));
        let (shared, others): (Vec<KnownGroup>, Vec<KnownGroup>) =
            others.into_iter().partition(|group| group.kind == GroupKind::Share);
        let (classic, others): (Vec<KnownGroup>, Vec<KnownGroup>) =
            others.into_iter().partition(|group| group.kind == GroupKind::Classic);
        consumers.extend(classic.into_iter().map(|group| (group.name, group.kind, group.state)));
        consumers.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        consumers.dedup_by(|(a, ..), (b, ..)| a == b);
        Self { consumers, shared, others, unspeakable }
    }
}

impl Admin {
    /// All groups with their lag, sorted by name.
    ///
    /// # Errors
    /// On the demo broker, or if no broker lists its groups. The lag of a group whose offsets cannot be fetched is
    /// `None`.
    pub fn groups(&self) -> Result<GroupsResult, ErrorBody> {
        Ok(GroupsResult { groups: self.listed_groups()?.into_iter().map(|listed| listed.summary).collect() })
    }

    /// The same with the lag in each topic, for users who may not see all topics.
    ///
    /// # Errors
    /// Those of [`Admin::groups`].
    pub fn listed_groups(&self) -> Result<Vec<ListedGroup>, ErrorBody> {
        let action = "list the groups";
        self.require_real_kafka(action)?;
        let failed = |failure: Failure| refused(&failure, action);
        let listed = retry_until_coordinator_is_ready(GROUPS_TIMEOUT, |timeout| {
            let (listed, failures) = native::list_groups(self.client(), timeout)?;
            match failures.into_iter().next() {
                Some(failure) if listed.is_empty() => Err(failure),
                _ => Ok(listed),
            }
        });
        let listed = listed.map_err(failed)?;
        let (others, error) = self.metadata_client.groups_of_all_kinds();
        if let Some(error) = error {
            tracing::debug!(
                reason = error.message,
                "the list of groups may lack share groups and groups of other types"
            );
        }
        let listed = listed.into_iter().map(|group| (group.group, group.kind, group.state));
        let ByRequest { consumers, shared, others, unspeakable } = ByRequest::new(listed.collect(), others);
        let mut entries = self.consumer_groups(consumers).map_err(failed)?;
        entries.extend(self.share_groups(shared));
        entries.extend(self.groups_with_offsets_only(others)?);
        entries
            .extend(unspeakable.into_iter().map(|group| Entry::without_details(group.name, group.kind, group.state)));
        entries.sort_by(|a, b| a.name.cmp(&b.name));

        let all_positions = entries.iter().flat_map(|entry| &entry.positions).flatten();
        let ends = self.ends(all_positions, GROUPS_TIMEOUT)?;
        let listed = entries.into_iter().map(|entry| {
            let is_known = entry.positions.is_some();
            let mut lags: BTreeMap<String, u64> = BTreeMap::new();
            for position in with_lag(&entry.positions.unwrap_or_default(), &ends) {
                *lags.entry(position.topic).or_default() += position.lag;
            }
            let (topics, topic_lags): (Vec<String>, Vec<u64>) = lags.into_iter().unzip();
            let summary = GroupSummary {
                group: entry.name,
                state: entry.state,
                members: entry.members.map(|members| u32::try_from(members).unwrap_or(u32::MAX)),
                kind: entry.kind,
                protocol: entry.protocol,
                topics,
                lag: is_known.then(|| topic_lags.iter().sum()),
            };
            ListedGroup { summary, topic_lags }
        });
        Ok(listed.collect())
    }

    fn consumer_groups(&self, groups: Vec<(String, GroupKind, String)>) -> Result<Vec<Entry>, Failure> {
        let names: Vec<String> = groups.iter().map(|(name, ..)| name.clone()).collect();
        let described = native::describe_groups(self.client(), &names, GROUPS_TIMEOUT)?;
        let committed = match self.positions_client() {
            Ok(client) => native::committed(client, &names, None, GROUPS_TIMEOUT),
            Err(_) => Vec::new(),
        };
        let committed = committed.into_iter().map(Result::ok).chain(std::iter::repeat(None));
        let entry = |(((name, kind, listed), described), committed): (((_, _, _), DescribedGroup), Option<_>)| Entry {
            name,
            kind,
            state: if described.error.is_none() { described.state.clone() } else { listed },
            protocol: described.protocol.or(protocol_of(kind)),
            members: Some(described.members.len()),
            positions: committed.map(|committed| assigned_and_committed(&described.members, committed)),
        };
        Ok(groups.into_iter().zip(described).zip(committed).map(entry).collect())
    }

    fn share_groups(&self, groups: Vec<KnownGroup>) -> Vec<Entry> {
        let described = self.metadata_client.share_groups(&groups);
        let entry = |(group, described): (KnownGroup, Result<ShareGroup, ErrorBody>)| match described {
            Ok(described) => Entry {
                name: group.name,
                kind: group.kind,
                state: group.state,
                protocol: None,
                members: Some(described.members.len()),
                positions: Some(described.starts.into_iter().collect()),
            },
            Err(_) => Entry::without_details(group.name, group.kind, group.state),
        };
        groups.into_iter().zip(described).map(entry).collect()
    }

    /// Groups whose members Kafka reports only to clients of their own kind.
    fn groups_with_offsets_only(&self, groups: Vec<KnownGroup>) -> Result<Vec<Entry>, ErrorBody> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
        let committed = native::committed(self.positions_client()?, &names, None, GROUPS_TIMEOUT);
        let entry = |(group, committed): (KnownGroup, Result<Vec<_>, Failure>)| Entry {
            positions: committed.ok().map(|committed| assigned_and_committed(&[], committed)),
            ..Entry::without_details(group.name, group.kind, group.state)
        };
        Ok(groups.into_iter().zip(committed).map(entry).collect())
    }
}

impl Entry {
    fn without_details(name: String, kind: GroupKind, state: String) -> Self {
        Self { name, kind, state, protocol: None, members: None, positions: None }
    }
}

fn protocol_of(kind: GroupKind) -> Option<GroupProtocol> {
    match kind {
        GroupKind::Classic => Some(GroupProtocol::Classic),
        GroupKind::Consumer => Some(GroupProtocol::Consumer),
        GroupKind::Share | GroupKind::Streams | GroupKind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_listed_by_two_brokers_is_described_once() {
        let consumer = |name: &str| (name.to_owned(), GroupKind::Consumer, "Stable".to_owned());
        let group = |name: &str, kind| KnownGroup {
            name: name.to_owned(),
            kind,
            state: "Stable".to_owned(),
            coordinator: None,
        };
        let kinds = [GroupKind::Share, GroupKind::Classic, GroupKind::Streams, GroupKind::Consumer];
        let names = ["share", "classic", "streams", "b"];
        let others = names.into_iter().zip(kinds).chain(names.into_iter().zip(kinds));
        let others = others.chain([("nul\0", GroupKind::Classic); 2]).map(|(name, kind)| group(name, kind)).collect();
        let parts = ByRequest::new(vec![consumer("b"), consumer("a"), consumer("b")], others);
        let names = |groups: &[KnownGroup]| groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>();
        let consumers: Vec<&str> = parts.consumers.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(consumers, ["a", "b", "classic"]);
        assert_eq!(names(&parts.shared), ["share"]);
        assert_eq!(names(&parts.others), ["streams"]);
        assert_eq!(names(&parts.unspeakable), ["nul\0"]);
    }
}
