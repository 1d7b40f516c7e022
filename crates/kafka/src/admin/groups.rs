//! Consumer groups: the list, the details of one group (members, positions, lag), and deleting one.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use protocol::{
    ErrorBody, ErrorCode, GroupId, GroupPosition, GroupResult, GroupSummary, GroupsResult, Offset, TopicPartition,
};
use rdkafka::error::RDKafkaErrorCode;

use super::{Admin, CHANGE_TIMEOUT, refused};
use crate::error::is_coordinator_not_ready;
use crate::metadata_client::TIMEOUT;
use crate::native::{self, DescribedGroup, Failure, OffsetSpec};
use feed::ends::{HighWatermark, LogStart};

/// The time limit of requests about groups. They need a request for each group, and the first one in the life of a
/// cluster makes Kafka create `__consumer_offsets`.
const GROUPS_TIMEOUT: Duration = Duration::from_secs(10);

/// Kafka's state of a group that does not exist.
pub const DEAD: &str = "Dead";

/// Kafka's state of a group whose state is not known.
const UNKNOWN: &str = "Unknown";

/// The committed offset of each partition; `None` if a member is assigned the partition and nothing was committed.
type Positions = BTreeMap<TopicPartition, Option<i64>>;

/// A group of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedGroup {
    pub summary: GroupSummary,
    /// The lag in each of `summary.topics`, in the same order; their sum is `summary.lag`. Empty if Kafka did not report it.
    pub topic_lags: Vec<u64>,
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
        let (mut listed, failures) = native::list_groups(self.client(), GROUPS_TIMEOUT).map_err(failed)?;
        if let (true, Some(failure)) = (listed.is_empty(), failures.into_iter().next()) {
            return Err(refused(&failure, action));
        }
        listed.sort_by(|a, b| a.group.cmp(&b.group));
        listed.dedup_by(|a, b| a.group == b.group);
        let names: Vec<String> = listed.iter().map(|group| group.group.clone()).collect();
        let described = native::describe_groups(self.client(), &names, GROUPS_TIMEOUT).map_err(failed)?;
        let committed = native::committed(self.positions_client()?, &names, None, GROUPS_TIMEOUT);
        let positions: Vec<Option<Positions>> =
            described.iter().zip(committed).map(|(group, committed)| Some(positions(group, committed.ok()?))).collect();
        let all_positions = positions.iter().flatten().flatten();
        let ends = self.ends(all_positions, GROUPS_TIMEOUT)?;
        let groups = listed.into_iter().zip(described).zip(positions).map(|((listed, described), positions)| {
            let is_known = positions.is_some();
            let mut lags: BTreeMap<String, u64> = BTreeMap::new();
            for position in with_lag(&positions.unwrap_or_default(), &ends) {
                *lags.entry(position.topic).or_default() += position.lag;
            }
            let (topics, topic_lags): (Vec<String>, Vec<u64>) = lags.into_iter().unzip();
            let summary = GroupSummary {
                group: listed.group,
                state: if described.error.is_none() { described.state } else { listed.state },
                members: u32::try_from(described.members.len()).unwrap_or(u32::MAX),
                protocol: described.protocol.or(listed.protocol),
                topics,
                lag: is_known.then(|| topic_lags.iter().sum()),
            };
            ListedGroup { summary, topic_lags }
        });
        Ok(groups.collect())
    }

    /// The details of one group.
    ///
    /// # Errors
    /// If the group does not exist, or Kafka refuses or does not answer.
    pub fn group(&self, group: &GroupId) -> Result<GroupResult, ErrorBody> {
        let snapshot = self.group_snapshot(group)?;
        if snapshot.state == DEAD && snapshot.positions.is_empty() {
            let message =
                format!("the group {:?} does not exist; its first member or commit creates it", group.as_str());
            return Err(ErrorBody::new(ErrorCode::GroupMissing, message));
        }
        Ok(snapshot)
    }

    /// The details of one group for a live view. A group that does not exist has the state `Dead` and no members.
    ///
    /// # Errors
    /// If Kafka refuses or does not answer.
    pub fn group_snapshot(&self, group: &GroupId) -> Result<GroupResult, ErrorBody> {
        let described = self.describe_group(group)?;
        let positions = positions(&described, self.committed(group)?);
        let ends = self.ends(positions.iter(), TIMEOUT)?;
        let positions = with_lag(&positions, &ends);
        Ok(GroupResult {
            group: group.to_string(),
            state: described.state,
            members: described.members,
            lag: positions.iter().map(|position| position.lag).sum(),
            positions,
            protocol: described.protocol,
            coordinator: described.coordinator,
            assignor: described.assignor,
        })
    }

    /// Deletes a group and its committed offsets.
    ///
    /// # Errors
    /// On the demo broker, if the group has members, or if Kafka refuses or does not answer.
    pub fn delete_group(&self, group: &GroupId) -> Result<(), ErrorBody> {
        let action = format!("delete the group {:?}", group.as_str());
        self.require_real_kafka(&action)?;
        let described = self.describe_group(group)?;
        require_no_members(&described, &action)?;
        let delete = |timeout| native::delete_group(self.client(), group.as_str(), timeout);
        retry_until_coordinator_is_ready(CHANGE_TIMEOUT, delete).map_err(|failure| refused(&failure, &action))
    }

    pub(super) fn describe_group(&self, group: &GroupId) -> Result<DescribedGroup, ErrorBody> {
        if self.connection.demo {
            // The mock stores committed offsets, but reports no members.
            return Ok(unknown_group(UNKNOWN));
        }
        let action = format!("describe the group {:?}", group.as_str());
        let names = [group.to_string()];
        let described = retry_until_coordinator_is_ready(GROUPS_TIMEOUT, |timeout| {
            match native::describe_groups(self.client(), &names, timeout)?.into_iter().next() {
                Some(DescribedGroup { error: Some(failure), .. }) => Err(failure),
                described => Ok(described),
            }
        });
        match described {
            Ok(described) => Ok(described.unwrap_or_else(|| unknown_group(DEAD))),
            Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(unknown_group(DEAD)),
            Err(failure) => Err(refused(&failure, &action)),
        }
    }

    /// The group's committed offsets.
    pub(super) fn committed(&self, group: &GroupId) -> Result<Vec<(TopicPartition, i64)>, ErrorBody> {
        // The mock does not support the request for all partitions.
        let among = if self.connection.demo { Some(self.all_partitions()?) } else { None };
        let names = [group.to_string()];
        let client = self.positions_client()?;
        let committed = retry_until_coordinator_is_ready(GROUPS_TIMEOUT, |timeout| {
            native::committed(client, &names, among.as_deref(), timeout).into_iter().next().transpose()
        });
        match committed {
            Ok(committed) => Ok(committed.unwrap_or_default()),
            Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(Vec::new()),
            Err(failure) => {
                Err(refused(&failure, &format!("report the committed offsets of the group {:?}", group.as_str())))
            }
        }
    }

    /// The high watermark of each partition, and the log start of those without a committed offset. Partitions without
    /// a leader are left out.
    fn ends<'p>(
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
struct Ends {
    start: HashMap<TopicPartition, LogStart>,
    /// Lag counts up to the high watermark, including records of open transactions, as in `kafka-consumer-groups`.
    high: HashMap<TopicPartition, HighWatermark>,
}

fn unknown_group(state: &str) -> DescribedGroup {
    DescribedGroup {
        state: state.to_owned(),
        protocol: None,
        coordinator: None,
        assignor: None,
        members: Vec::new(),
        error: None,
    }
}

/// The partitions with a committed offset, and those assigned to a member without one.
fn positions(group: &DescribedGroup, committed: Vec<(TopicPartition, i64)>) -> Positions {
    let assigned = group.members.iter().flat_map(|member| &member.partitions);
    let mut positions: Positions = assigned.map(|partition| (partition.clone(), None)).collect();
    positions.extend(committed.into_iter().map(|(partition, offset)| (partition, Some(offset))));
    positions
}

fn with_lag(positions: &Positions, ends: &Ends) -> Vec<GroupPosition> {
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

/// Fails if the group has members. The error names some of them, so that the user can stop them.
pub(super) fn require_no_members(group: &DescribedGroup, action: &str) -> Result<(), ErrorBody> {
    const MAX_NAMED: usize = 5;
    if group.members.is_empty() {
        return Ok(());
    }
    let members = &group.members;
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
