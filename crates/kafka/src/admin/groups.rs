//! Consumer groups: the list, one with its members, positions and lag, and deleting one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
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

/// What questions about groups may take: each group is asked for by itself, and the first question of all makes Kafka create
/// the topic in which it keeps positions.
const GROUPS_WITHIN: Duration = Duration::from_secs(10);

/// Kafka's name for a group that is not there.
pub const DEAD: &str = "Dead";

/// Kafka's word for what it does not say.
const UNKNOWN: &str = "Unknown";

/// Positions by partition; none where a member reads but nothing was committed.
type Positions = BTreeMap<TopicPartition, Option<i64>>;

impl Admin {
    /// All groups with their lag.
    pub fn groups(&self) -> Result<GroupsResult, ErrorBody> {
        let what = "list the groups";
        self.require_real_kafka(what)?;
        let failed = |failure: Failure| refused(&failure, what);
        let (mut listed, failures) = native::list_groups(self.client(), GROUPS_WITHIN).map_err(failed)?;
        if let (true, Some(failure)) = (listed.is_empty(), failures.into_iter().next()) {
            return Err(refused(&failure, what));
        }
        listed.sort_by(|a, b| a.group.cmp(&b.group));
        listed.dedup_by(|a, b| a.group == b.group);
        let names: Vec<String> = listed.iter().map(|group| group.group.clone()).collect();
        let described = native::describe_groups(self.client(), &names, GROUPS_WITHIN).map_err(failed)?;
        let committed = native::committed(self.positions_client()?, &names, None, GROUPS_WITHIN);
        let positions: Vec<Option<Positions>> =
            described.iter().zip(committed).map(|(group, committed)| Some(positions(group, committed.ok()?))).collect();
        let everything = positions.iter().flatten().flatten();
        let ends = self.ends(everything.map(|(place, offset)| (place.clone(), offset.is_none())), GROUPS_WITHIN)?;
        let groups = listed.into_iter().zip(described).zip(positions).map(|((listed, described), positions)| {
            let positions = positions.as_ref();
            let topics: BTreeSet<&str> =
                positions.into_iter().flat_map(Positions::keys).map(|p| p.topic.as_str()).collect();
            GroupSummary {
                group: listed.group,
                state: if described.error.is_none() { described.state } else { listed.state },
                members: u32::try_from(described.members.len()).unwrap_or(u32::MAX),
                protocol: described.protocol.or(listed.protocol),
                topics: topics.into_iter().map(str::to_owned).collect(),
                lag: positions.map(|positions| with_lag(positions, &ends).iter().map(|position| position.lag).sum()),
            }
        });
        Ok(GroupsResult { groups: groups.collect() })
    }

    /// One group; an error when there is no such group.
    pub fn group(&self, group: &GroupId) -> Result<GroupResult, ErrorBody> {
        let seen = self.look_at_group(group)?;
        if seen.state == DEAD && seen.positions.is_empty() {
            let message = format!("there is no group {:?}; it begins with its first member or commit", group.as_str());
            return Err(ErrorBody::new(ErrorCode::GroupMissing, message));
        }
        Ok(seen)
    }

    /// One group as it is; one that is not there is `Dead` and empty.
    pub fn look_at_group(&self, group: &GroupId) -> Result<GroupResult, ErrorBody> {
        let described = self.describe_group(group)?;
        let positions = positions(&described, self.committed(group)?);
        let ends = self.ends(positions.iter().map(|(place, offset)| (place.clone(), offset.is_none())), TIMEOUT)?;
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

    /// Deletes a group that has no members, with its positions.
    pub fn delete_group(&self, group: &GroupId) -> Result<(), ErrorBody> {
        let what = format!("delete the group {:?}", group.as_str());
        self.require_real_kafka(&what)?;
        let described = self.describe_group(group)?;
        require_no_members(&described, &what)?;
        let delete = |timeout| native::delete_group(self.client(), group.as_str(), timeout);
        when_coordinator_is_ready(CHANGE_TIMEOUT, delete).map_err(|failure| refused(&failure, &what))
    }

    pub(super) fn describe_group(&self, group: &GroupId) -> Result<DescribedGroup, ErrorBody> {
        if self.connection.demo {
            // The mock stores committed offsets, but reports no members.
            return Ok(unknown_group(UNKNOWN));
        }
        let what = format!("describe the group {:?}", group.as_str());
        let names = [group.to_string()];
        let described = when_coordinator_is_ready(GROUPS_WITHIN, |timeout| {
            match native::describe_groups(self.client(), &names, timeout)?.into_iter().next() {
                Some(DescribedGroup { error: Some(failure), .. }) => Err(failure),
                described => Ok(described),
            }
        });
        match described {
            Ok(described) => Ok(described.unwrap_or_else(|| unknown_group(DEAD))),
            Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(unknown_group(DEAD)),
            Err(failure) => Err(refused(&failure, &what)),
        }
    }

    /// The group's positions.
    pub(super) fn committed(&self, group: &GroupId) -> Result<Vec<(TopicPartition, i64)>, ErrorBody> {
        // The mock does not support the request for all partitions.
        let among = if self.connection.demo { Some(self.all_partitions()?) } else { None };
        let names = [group.to_string()];
        let client = self.positions_client()?;
        let committed = when_coordinator_is_ready(GROUPS_WITHIN, |timeout| {
            native::committed(client, &names, among.as_deref(), timeout).into_iter().next().transpose()
        });
        match committed {
            Ok(committed) => Ok(committed.unwrap_or_default()),
            Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => Ok(Vec::new()),
            Err(failure) => Err(refused(&failure, &format!("tell the positions of the group {:?}", group.as_str()))),
        }
    }

    /// The next offset of each partition, and the first where it is asked for (`true`). Partitions without a leader are
    /// left out.
    fn ends(
        &self,
        partitions: impl Iterator<Item = (TopicPartition, bool)>,
        timeout: Duration,
    ) -> Result<Ends, ErrorBody> {
        let mut wanted: HashMap<TopicPartition, bool> = HashMap::new();
        for (partition, with_low) in partitions {
            *wanted.entry(partition).or_default() |= with_low;
        }
        let places: Vec<TopicPartition> = wanted.keys().cloned().collect();
        let failed = |failure: Failure| refused(&failure, "tell where the partitions end");
        let ask = |partitions: &[TopicPartition], spec| -> Result<Vec<(TopicPartition, i64)>, ErrorBody> {
            let [told] = self.metadata_client.list_offsets(partitions, [spec], timeout).map_err(failed)?;
            Ok(told.into_iter().filter_map(|(partition, offset)| Some((partition, offset.ok()??))).collect())
        };
        let high = ask(&places, OffsetSpec::HighWatermark)?;
        let without_position: Vec<TopicPartition> = places.into_iter().filter(|place| wanted[place]).collect();
        let start =
            if without_position.is_empty() { Vec::new() } else { ask(&without_position, OffsetSpec::LogStart)? };
        Ok(Ends {
            start: start.into_iter().map(|(partition, offset)| (partition, LogStart(offset))).collect(),
            high: high.into_iter().map(|(partition, offset)| (partition, HighWatermark(offset))).collect(),
        })
    }
}

/// Asks again while the coordinator of the group is not ready, until the time is over: after the first request of all Kafka
/// creates the topic in which it keeps positions, and after a broker has failed its groups move to others.
pub(super) fn when_coordinator_is_ready<T>(
    within: Duration,
    mut ask: impl FnMut(Duration) -> Result<T, Failure>,
) -> Result<T, Failure> {
    const PAUSE: Duration = Duration::from_millis(100);
    let deadline = Instant::now() + within;
    loop {
        let answer = ask(deadline.saturating_duration_since(Instant::now()));
        match &answer {
            Err(failure) if is_coordinator_not_ready(failure.code) && Instant::now() + PAUSE < deadline => {
                std::thread::sleep(PAUSE);
            }
            _ => return answer,
        }
    }
}

/// Where partitions begin and end, as far as that was asked and told.
struct Ends {
    start: HashMap<TopicPartition, LogStart>,
    /// Kafka's own tool counts lag to the high watermark, records of open transactions among it.
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

/// Where the group has a position, and where a member reads without one.
fn positions(group: &DescribedGroup, committed: Vec<(TopicPartition, i64)>) -> Positions {
    let assigned = group.members.iter().flat_map(|member| &member.partitions).map(|place| (place.clone(), None));
    let mut positions: Positions = assigned.collect();
    positions.extend(committed.into_iter().map(|(place, offset)| (place, Some(offset))));
    positions
}

fn with_lag(positions: &Positions, ends: &Ends) -> Vec<GroupPosition> {
    let position = |(place, committed): (&TopicPartition, &Option<i64>)| {
        // A partition that is offline or gone tells no end: what is known is that it reached the position once.
        let end = ends.high.get(place).map(|high| high.0).or(*committed).unwrap_or(0);
        let from = committed.or_else(|| ends.start.get(place).map(|start| start.0)).unwrap_or(end);
        GroupPosition {
            topic: place.topic.clone(),
            partition: place.partition,
            offset: committed.map(Offset),
            end: Offset(end),
            lag: u64::try_from(end.saturating_sub(from)).unwrap_or(0),
        }
    };
    positions.iter().map(position).collect()
}

/// Names the members, so that somebody can stop them.
pub(super) fn require_no_members(group: &DescribedGroup, what: &str) -> Result<(), ErrorBody> {
    const NAMED: usize = 5;
    if group.members.is_empty() {
        return Ok(());
    }
    let members = &group.members;
    let named: Vec<String> = members
        .iter()
        .take(NAMED)
        .map(|member| format!("{} (client {} at {})", member.member, member.client, member.host))
        .collect();
    let more = if members.len() > NAMED { format!(" and {} more", members.len() - NAMED) } else { String::new() };
    let count = if members.len() == 1 { "1 member".to_owned() } else { format!("{} members", members.len()) };
    let message =
        format!("cannot {what} while it has {count}: {}{more}. Stop them first; nothing was changed", named.join(", "));
    Err(ErrorBody::new(ErrorCode::GroupActive, message))
}
