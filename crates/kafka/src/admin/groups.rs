//! One group: its details (members, positions, lag), and deleting it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use protocol::{
    Broker, ErrorBody, ErrorCode, GroupKind, GroupMember, GroupName, GroupPosition, GroupProtocol, GroupResult, Offset,
    TopicPartition,
};
use rdkafka::error::RDKafkaErrorCode;

use super::{Admin, CHANGE_TIMEOUT, refused};
use crate::error::is_coordinator_not_ready;
use crate::metadata_client::TIMEOUT;
use crate::native::{self, DEAD, DescribedGroup, Failure, OffsetSpec};
use crate::other_groups::{KnownGroup, not_a_consumer_group};
use feed::ends::{HighWatermark, LogStart};

/// The time limit of requests about groups. They need a request for each group, and the first one in the life of a
/// cluster makes Kafka create `__consumer_offsets`.
pub(super) const GROUPS_TIMEOUT: Duration = Duration::from_secs(10);

/// Kafka's state of a group without members.
const EMPTY: &str = "Empty";

/// Kafka's state of a group whose state is not known.
const UNKNOWN: &str = "Unknown";

/// The committed offset of each partition; `None` if a member is assigned the partition and nothing was committed.
pub(super) type Positions = BTreeMap<TopicPartition, Option<i64>>;

impl Admin {
    /// The details of one group.
    ///
    /// # Errors
    /// If the group does not exist, or Kafka refuses or does not answer.
    pub fn group(&self, group: &GroupName) -> Result<GroupResult, ErrorBody> {
        let snapshot = self.group_snapshot(group)?;
        if snapshot.state == DEAD && snapshot.positions.is_empty() {
            let message = format!("the group {group} does not exist; its first member or commit creates it");
            return Err(ErrorBody::new(ErrorCode::GroupMissing, message));
        }
        Ok(snapshot)
    }

    /// The details of one group for a live view. A group that does not exist has the state `Dead` and no members.
    ///
    /// # Errors
    /// If Kafka refuses or does not answer.
    pub fn group_snapshot(&self, group: &GroupName) -> Result<GroupResult, ErrorBody> {
        let described = self.describe_group(group)?;
        if let Some(other) = &described.other {
            return self.other_group_snapshot(other);
        }
        let positions = assigned_and_committed(&described.members, self.committed(group)?);
        let ends = self.ends(positions.iter(), TIMEOUT)?;
        let positions = with_lag(&positions, &ends);
        Ok(GroupResult {
            group: group.as_str().to_owned(),
            state: described.state,
            members: described.members,
            lag: positions.iter().map(|position| position.lag).sum(),
            positions,
            kind: match described.protocol {
                Some(GroupProtocol::Classic) => GroupKind::Classic,
                Some(GroupProtocol::Consumer) => GroupKind::Consumer,
                None => GroupKind::Other,
            },
            not_described: None,
            protocol: described.protocol,
            coordinator: described.coordinator,
            assignor: described.assignor,
        })
    }

    /// A group that is not a consumer group.
    fn other_group_snapshot(&self, group: &KnownGroup) -> Result<GroupResult, ErrorBody> {
        let (members, assignor, positions, not_described) = match group.kind {
            GroupKind::Share => match self.metadata_client.share_group(group) {
                Ok(described) => (described.members, Some(described.assignor), described.starts, None),
                Err(error) => (Vec::new(), None, Vec::new(), Some(error)),
            },
            _ => {
                let committed = match GroupName::parse(&group.name) {
                    Ok(name) => self.committed(&name)?,
                    Err(_) => Vec::new(),
                };
                let positions = committed.into_iter().map(|(partition, offset)| (partition, Some(offset)));
                (Vec::new(), None, positions.collect(), Some(members_not_described(group)))
            }
        };
        let positions: Positions = positions.into_iter().collect();
        let ends = self.ends(positions.iter(), TIMEOUT)?;
        let positions = with_lag(&positions, &ends);
        Ok(GroupResult {
            group: group.name.clone(),
            state: group.state.clone(),
            members,
            lag: positions.iter().map(|position| position.lag).sum(),
            positions,
            kind: group.kind,
            not_described,
            protocol: None,
            coordinator: group.coordinator.clone(),
            assignor: assignor.filter(|assignor| !assignor.is_empty()),
        })
    }

    /// Deletes a group and its committed offsets.
    ///
    /// # Errors
    /// On the demo broker, if the group has members, or if Kafka refuses or does not answer.
    pub fn delete_group(&self, group: &GroupName) -> Result<(), ErrorBody> {
        let action = format!("delete the group {group}");
        self.require_real_kafka(&action)?;
        let described = self.describe_group(group)?;
        require_consumer_group(&described, &action)?;
        // Kafka would delete a share group, too.
        if let Some(error) = described.type_unknown {
            return Err(error);
        }
        require_no_members(&described.members, &action)?;
        let delete = |timeout| native::delete_group(self.client(), group.as_str(), timeout);
        retry_until_coordinator_is_ready(CHANGE_TIMEOUT, delete).map_err(|failure| refused(&failure, &action))
    }

    pub(super) fn describe_group(&self, group: &GroupName) -> Result<Described, ErrorBody> {
        if self.connection.demo {
            // The mock stores committed offsets, but reports no members.
            return Ok(Described::nothing(UNKNOWN));
        }
        // Kafka lets no group of another type have the empty name.
        if group.as_str().is_empty() {
            return Ok(self.describe_consumer_group(group)?.into());
        }
        let describe = || self.describe_consumer_group(group);
        let (described, other) = self.metadata_client.describe_with_type(group.as_str(), describe)?;
        Ok(Described::from(described).with_type(other))
    }

    /// The group as Kafka describes it to consumers: `Dead` if it does not exist or is of another type.
    fn describe_consumer_group(&self, group: &GroupName) -> Result<DescribedGroup, ErrorBody> {
        let action = format!("describe the group {group}");
        let names = [group.as_str().to_owned()];
        let described = retry_until_coordinator_is_ready(GROUPS_TIMEOUT, |timeout| {
            match native::describe_groups(self.client(), &names, timeout)?.into_iter().next() {
                Some(DescribedGroup { error: Some(failure), .. }) => Err(failure),
                described => Ok(described),
            }
        });
        match described {
            Ok(described) => Ok(described.unwrap_or_else(DescribedGroup::dead)),
            Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(DescribedGroup::dead()),
            // Kafka describes the empty name only with requests that librdkafka does not use any more. Such a group has
            // no members, since Kafka lets none join.
            Err(failure) if failure.code == RDKafkaErrorCode::InvalidGroupId && group.as_str().is_empty() => {
                if self.committed(group)?.is_empty() {
                    return Ok(DescribedGroup::dead());
                }
                let (state, protocol) = (EMPTY.to_owned(), Some(GroupProtocol::Classic));
                Ok(DescribedGroup { state, protocol, ..DescribedGroup::dead() })
            }
            Err(failure) => Err(refused(&failure, &action)),
        }
    }

    /// The group's committed offsets.
    pub(super) fn committed(&self, group: &GroupName) -> Result<Vec<(TopicPartition, i64)>, ErrorBody> {
        // The mock does not support the request for all partitions.
        let among = if self.connection.demo { Some(self.all_partitions()?) } else { None };
        let names = [group.as_str().to_owned()];
        let client = self.positions_client()?;
        let committed = retry_until_coordinator_is_ready(GROUPS_TIMEOUT, |timeout| {
            native::committed(client, &names, among.as_deref(), timeout).into_iter().next().transpose()
        });
        match committed {
            Ok(committed) => Ok(committed.unwrap_or_default()),
            Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(Vec::new()),
            Err(failure) => Err(refused(&failure, &format!("report the committed offsets of the group {group}"))),
        }
    }

    /// The high watermark of each partition, and the log start of those without a committed offset. Partitions without
    /// a leader are left out.
    pub(super) fn ends<'p>(
        &self,
        positions: impl Iterator<Item = (&'p TopicPartition, &'p Option<i64>)>,
        timeout: Duration,
    ) -> Result<Ends, ErrorBody> {
        let mut needs_start: HashMap<TopicPartition, bool> = HashMap::new();
        for (partition, committed) in positions {
            *needs_start.entry(partition.clone()).or_default() |= committed.is_none();
        }
        let partitions: Vec<TopicPartition> = needs_start.keys().cloned().collect();
        let failed = |failure: Failure| refused(&failure, "report the ends of the partitions");
        let offsets = |partitions: &[TopicPartition], spec| -> Result<Vec<(TopicPartition, i64)>, ErrorBody> {
            let [found] = self.metadata_client.list_offsets(partitions, [spec], timeout).map_err(failed)?;
            Ok(found.into_iter().filter_map(|(partition, offset)| Some((partition, offset.ok()??))).collect())
        };
        let high = offsets(&partitions, OffsetSpec::HighWatermark)?;
        let uncommitted: Vec<TopicPartition> =
            partitions.into_iter().filter(|partition| needs_start[partition]).collect();
        let start = if uncommitted.is_empty() { Vec::new() } else { offsets(&uncommitted, OffsetSpec::LogStart)? };
        Ok(Ends {
            start: start.into_iter().map(|(partition, offset)| (partition, LogStart(offset))).collect(),
            high: high.into_iter().map(|(partition, offset)| (partition, HighWatermark(offset))).collect(),
        })
    }
}

/// Repeats the request while the group's coordinator is not ready, until `timeout` is over. The coordinator is not
/// ready while Kafka creates `__consumer_offsets`, and after a broker failed, until its groups have moved to others.
pub(super) fn retry_until_coordinator_is_ready<T>(
    timeout: Duration,
    mut request: impl FnMut(Duration) -> Result<T, Failure>,
) -> Result<T, Failure> {
    const PAUSE: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + timeout;
    loop {
        let answer = request(deadline.saturating_duration_since(Instant::now()));
        match &answer {
            Err(failure) if is_coordinator_not_ready(failure.code) && Instant::now() + PAUSE < deadline => {
                std::thread::sleep(PAUSE);
            }
            _ => return answer,
        }
    }
}

/// The log start and high watermark of partitions, as far as they were requested and found.
pub(super) struct Ends {
    start: HashMap<TopicPartition, LogStart>,
    /// Lag counts up to the high watermark, including records of open transactions, as in `kafka-consumer-groups`.
    high: HashMap<TopicPartition, HighWatermark>,
}

/// A group as Kafka describes it.
pub(super) struct Described {
    pub state: String,
    pub protocol: Option<GroupProtocol>,
    pub coordinator: Option<Broker>,
    pub assignor: Option<String>,
    pub members: Vec<GroupMember>,
    /// The group if it is not a consumer group. Its members are then not in `members`.
    pub other: Option<KnownGroup>,
    /// Why it is not known whether a group of another type has this name. Almost every group is a consumer group, so the
    /// group counts as one that does not exist.
    type_unknown: Option<ErrorBody>,
}

impl Described {
    fn nothing(state: &str) -> Self {
        let (protocol, coordinator, assignor, other, type_unknown) = Default::default();
        Self { state: state.to_owned(), protocol, coordinator, assignor, members: Vec::new(), other, type_unknown }
    }

    /// `other`: the group of another type that has this name.
    fn with_type(self, other: Result<Option<KnownGroup>, ErrorBody>) -> Self {
        match other {
            Ok(Some(other)) => Self { state: other.state.clone(), other: Some(other), ..self },
            Ok(None) => self,
            Err(error) => {
                tracing::debug!(reason = error.message, "the type of the group is not known; it counts as missing");
                Self { type_unknown: Some(error), ..self }
            }
        }
    }
}

impl From<DescribedGroup> for Described {
    fn from(DescribedGroup { state, protocol, coordinator, assignor, members, error: _ }: DescribedGroup) -> Self {
        Self { state, protocol, coordinator, assignor, members, other: None, type_unknown: None }
    }
}

fn members_not_described(group: &KnownGroup) -> ErrorBody {
    let message = match group.kind {
        GroupKind::Streams => {
            "the members of a group of Kafka Streams are not shown here; use kafka-streams-groups --describe --members"
        }
        _ => "Kafka does not report the members of this group to consumers",
    };
    ErrorBody::new(ErrorCode::Unsupported, message)
}

/// The partitions with a committed offset, and those assigned to a member without one.
pub(super) fn assigned_and_committed(members: &[GroupMember], committed: Vec<(TopicPartition, i64)>) -> Positions {
    let assigned = members.iter().flat_map(|member| &member.partitions);
    let mut positions: Positions = assigned.map(|partition| (partition.clone(), None)).collect();
    positions.extend(committed.into_iter().map(|(partition, offset)| (partition, Some(offset))));
    positions
}

pub(super) fn with_lag(positions: &Positions, ends: &Ends) -> Vec<GroupPosition> {
    let position = |(partition, committed): (&TopicPartition, &Option<i64>)| {
        // The end of an offline or deleted partition is unknown; it is at least the committed offset.
        let end = ends.high.get(partition).map(|high| high.0).or(*committed).unwrap_or(0);
        let from = committed.or_else(|| ends.start.get(partition).map(|start| start.0)).unwrap_or(end);
        GroupPosition {
            topic: partition.topic.clone(),
            partition: partition.partition,
            offset: committed.map(Offset),
            end: Offset(end),
            lag: u64::try_from(end.saturating_sub(from)).unwrap_or(0),
        }
    };
    positions.iter().map(position).collect()
}

/// Fails if the group is not a consumer group, because its positions are not committed offsets.
pub(super) fn require_consumer_group(group: &Described, action: &str) -> Result<(), ErrorBody> {
    group.other.as_ref().map_or(Ok(()), |other| Err(not_a_consumer_group(other, action)))
}

/// Fails if the group has members. The error names some of them, so that the user can stop them.
pub(super) fn require_no_members(members: &[GroupMember], action: &str) -> Result<(), ErrorBody> {
    const MAX_NAMED: usize = 5;
    if members.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = members
        .iter()
        .take(MAX_NAMED)
        .map(|member| format!("{} (client {} at {})", member.member, member.client, member.host))
        .collect();
    let more = members.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = if members.len() == 1 { "1 member".to_owned() } else { format!("{} members", members.len()) };
    let message = format!(
        "cannot {action} while it has {count}: {}{more}. Stop them first; nothing was changed",
        named.join(", ")
    );
    Err(ErrorBody::new(ErrorCode::GroupActive, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_of_unknown_type_counts_as_missing() {
        let unreachable = ErrorBody::new(ErrorCode::KafkaUnreachable, "no broker answered");
        let described = Described::nothing(DEAD).with_type(Err(unreachable.clone()));
        assert_eq!((described.state.as_str(), &described.other), (DEAD, &None));
        assert_eq!(described.type_unknown.as_ref(), Some(&unreachable), "deleting the group is refused");
        require_consumer_group(&described, "reset the group g").expect("a plan is made");
    }
}
