//! Resetting a group's committed offsets: a plan without changes, and a plan that is applied as it is or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::{
    ErrorBody, ErrorCode, GroupId, GroupName, Offset, OffsetChange, OffsetResetPlan, PlanOffsetReset,
    PlanOffsetResetResult, Position, ResetOffsetsResult, ResetTarget, TopicName, TopicPartition, shown_name,
};

use super::groups::{require_consumer_group, require_no_members, retry_until_coordinator_is_ready};
use super::{Admin, CHANGE_TIMEOUT, missing, refused};
use crate::metadata_client::TIMEOUT;
use crate::native::{self, DEAD, Failure, PartitionEntry};
use feed::Start;
use feed::ends::{Extent, Extents};

type Committed = BTreeMap<TopicPartition, i64>;

impl Admin {
    /// The old and new offsets of each partition, and the error with which applying the plan would fail now, if any.
    /// Committed offsets in topics that are not visible are left out.
    ///
    /// # Errors
    /// If the request contradicts itself, a partition does not exist or has no leader, or Kafka refuses or does not
    /// answer.
    pub fn plan_offset_reset(
        &self,
        group: &GroupName,
        request: &PlanOffsetReset,
        is_visible: impl Fn(&str) -> bool,
    ) -> Result<PlanOffsetResetResult, ErrorBody> {
        let mut committed: Committed = self.committed(group)?.into_iter().collect();
        let has_offsets = !committed.is_empty();
        committed.retain(|partition, _| is_visible(&partition.topic));
        let partitions = self.partitions_to_reset(request, &committed)?;
        let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
        let failed = |failure: Failure| refused(&failure, "report the ends of the partitions");
        let available = self.metadata_client.led(&partitions, TIMEOUT).map_err(failed)?;
        let available: BTreeSet<&TopicPartition> = available.iter().collect();
        if let Some(TopicPartition { topic, partition }) =
            partitions.iter().find(|partition| !available.contains(partition))
        {
            let message = format!("partition {partition} of the topic {topic:?} does not exist or has no leader now");
            return Err(ErrorBody::new(ErrorCode::UnknownPartition, message));
        }
        // Valid offsets reach up to the high watermark, as in `kafka-consumer-groups`: a group may have read beyond an
        // open transaction.
        let extents = self.metadata_client.extents(&partitions, TIMEOUT).map_err(failed)?;
        let targets = self.targets(&request.to, &partitions, &committed, &extents)?;
        let mut changes = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let (Some(extent), Some(target)) = (extents.get(&partition), targets.get(&partition)) else {
                let TopicPartition { topic, partition } = partition;
                let message =
                    format!("partition {partition} of the topic {topic:?} did not report its offsets; try again");
                return Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message));
            };
            changes.push(change(partition.clone(), committed.get(&partition).copied(), *target, *extent));
        }
        let plan = OffsetResetPlan { group: group.as_str().to_owned(), changes, forget: Vec::new() };
        Ok(PlanOffsetResetResult { refused: self.require_resettable(group, has_offsets).err(), plan })
    }

    /// Applies a plan if the group has no members and its committed offsets are those from which the plan was made.
    ///
    /// # Errors
    /// If the plan is invalid, the group has members or other offsets, Kafka refuses or does not answer, or another
    /// client committed during the reset.
    pub fn reset_offsets(&self, group: &GroupName, plan: &OffsetResetPlan) -> Result<ResetOffsetsResult, ErrorBody> {
        let action = format!("reset the group {group}");
        let planned = planned(plan)?;
        let has_offsets = planned.values().any(|(from, _)| from.is_some());
        self.require_resettable(group, has_offsets)?;
        let moved = planned.iter().filter(|(_, (from, to))| from != to);
        let to_move: Vec<Start> = moved
            .clone()
            .filter_map(|(partition, (_, to))| Some(Start { partition: partition.clone(), offset: (*to)? }))
            .collect();
        let to_forget: Vec<TopicPartition> =
            moved.filter(|(_, (_, to))| to.is_none()).map(|(partition, _)| partition.clone()).collect();
        // Fetched before the offsets are compared, so that little time passes between the comparison and the change.
        let to_move = self.with_topic_ids(to_move);
        let committed: Committed = self.committed(group)?.into_iter().collect();
        // Kafka has no compare-and-swap: a member that joins, commits and leaves within the next round trip is not
        // detected. A member that stays is detected, because Kafka then refuses the request below.
        require_unmoved(&planned, &committed)?;
        let client = self.client();
        let mut outcomes = Vec::new();
        if !to_move.is_empty() {
            let alter = |timeout| native::alter_offsets(client, group.as_str(), &to_move, timeout);
            outcomes.extend(retry_until_coordinator_is_ready(CHANGE_TIMEOUT, alter).map_err(|f| refused(&f, &action))?);
        }
        if !to_forget.is_empty() {
            let forget = |timeout| native::delete_offsets(client, group.as_str(), &to_forget, timeout);
            outcomes
                .extend(retry_until_coordinator_is_ready(CHANGE_TIMEOUT, forget).map_err(|f| refused(&f, &action))?);
        }
        require_all_changed(&outcomes, &action)?;
        // A client that commits without being a member can only be detected by comparing again.
        let now: Committed = self.committed(group)?.into_iter().collect();
        require_planned_offsets(&planned, &now)?;
        let positions =
            planned.keys().filter_map(|partition| Some(position(partition, *now.get(partition)?))).collect();
        Ok(ResetOffsetsResult { positions, undo: undo(group, &planned) })
    }

    /// Adds the topic id as commit metadata, as in every commit of the bridge.
    fn with_topic_ids(&self, positions: Vec<Start>) -> Vec<(Start, Option<String>)> {
        let topics: BTreeSet<&str> = positions.iter().map(|start| start.partition.topic.as_str()).collect();
        let ids = self.metadata_client.topic_ids(&topics, TIMEOUT);
        let with_note = |start: Start| {
            let note = ids.get(&start.partition.topic).and_then(|id| id.commit_note());
            (start, note)
        };
        positions.into_iter().map(with_note).collect()
    }

    /// The members of a group would continue at their own positions, and commit those again. A reset of a group that does not exist
    /// creates the group, so its name must be one with which a consumer can join. `has_offsets`: the group has committed offsets.
    fn require_resettable(&self, group: &GroupName, has_offsets: bool) -> Result<(), ErrorBody> {
        let action = format!("reset the group {group}");
        self.require_real_kafka(&action)?;
        let described = self.describe_group(group)?;
        require_consumer_group(&described, &action)?;
        if described.state == DEAD && !has_offsets {
            GroupId::parse(group.as_str()).map_err(|error| {
                ErrorBody::new(
                    ErrorCode::InvalidGroup,
                    format!("cannot {action}: the group does not exist, and {error}"),
                )
            })?;
        }
        require_no_members(&described.members, &action)
    }

    fn partitions_to_reset(
        &self,
        request: &PlanOffsetReset,
        committed: &Committed,
    ) -> Result<BTreeSet<TopicPartition>, ErrorBody> {
        let bad = |message: String| ErrorBody::new(ErrorCode::BadRequest, message);
        let topic_name = |name: &str| {
            TopicName::parse(name).map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))
        };
        if let ResetTarget::Positions(positions) = &request.to {
            if !request.topics.is_empty() || !request.partitions.is_empty() {
                return Err(bad(
                    "the positions name the partitions already: leave topics and partitions empty".to_owned()
                ));
            }
            let mut partitions = BTreeSet::new();
            for Position { topic, partition, .. } in positions {
                topic_name(topic)?;
                if !partitions.insert(TopicPartition { topic: topic.clone(), partition: *partition }) {
                    return Err(bad(format!(
                        "partition {partition} of the topic {topic:?} is named twice in positions"
                    )));
                }
            }
            return if partitions.is_empty() { Err(bad("positions is empty".to_owned())) } else { Ok(partitions) };
        }
        if request.topics.is_empty() && request.partitions.is_empty() {
            let partitions: BTreeSet<TopicPartition> = committed.keys().cloned().collect();
            let no_offsets =
                || bad(format!("the group {} has no committed offsets; name the topics", shown_name(&request.group)));
            return if partitions.is_empty() { Err(no_offsets()) } else { Ok(partitions) };
        }
        let mut partitions: BTreeSet<TopicPartition> = request.partitions.iter().cloned().collect();
        partitions.iter().try_for_each(|partition| topic_name(&partition.topic).map(drop))?;
        for topic in &request.topics {
            let name = topic_name(topic)?;
            let ids = self.metadata_client.partitions_of(&name)?.ok_or_else(|| missing(&name))?;
            partitions.extend(ids.into_iter().map(|partition| TopicPartition { topic: topic.clone(), partition }));
        }
        Ok(partitions)
    }

    /// The requested offset of each partition, which may be out of range.
    fn targets(
        &self,
        to: &ResetTarget,
        partitions: &[TopicPartition],
        committed: &Committed,
        extents: &Extents,
    ) -> Result<HashMap<TopicPartition, i64>, ErrorBody> {
        let each = |target: &dyn Fn(&TopicPartition) -> Option<i64>| -> HashMap<TopicPartition, i64> {
            partitions.iter().filter_map(|partition| Some((partition.clone(), target(partition)?))).collect()
        };
        let start = |partition: &TopicPartition| extents.get(partition).map(|extent| extent.start.0);
        let high = |partition: &TopicPartition| extents.get(partition).map(|extent| extent.high.0);
        Ok(match to {
            ResetTarget::Earliest => each(&start),
            ResetTarget::Latest => each(&high),
            ResetTarget::Offset(offset) => each(&|_| Some(offset.0)),
            ResetTarget::Shift(by) => {
                if let Some(partition) = partitions.iter().find(|partition| !committed.contains_key(partition)) {
                    let message = format!(
                        "the group has no committed offset in partition {} of the topic {:?} to shift",
                        partition.partition, partition.topic
                    );
                    return Err(ErrorBody::new(ErrorCode::BadRequest, message));
                }
                each(&|partition| committed.get(partition).map(|offset| offset.saturating_add(*by)))
            }
            ResetTarget::Positions(positions) => {
                let partition = |position: &Position| TopicPartition {
                    topic: position.topic.clone(),
                    partition: position.partition,
                };
                positions.iter().map(|position| (partition(position), position.offset.0)).collect()
            }
            ResetTarget::Timestamp(ms) => {
                let failed = |failure: Failure| refused(&failure, "find the offsets of the timestamp");
                let found = self.metadata_client.offsets_at(partitions, *ms).map_err(failed)?;
                // Without a record at or after the timestamp, the group starts with the next record.
                each(&|partition| found.get(partition).copied().or_else(|| high(partition)))
            }
        })
    }
}

fn change(partition: TopicPartition, from: Option<i64>, target: i64, extent: Extent) -> OffsetChange {
    let (low, high) = (extent.start.0, extent.high.0);
    let to = target.clamp(low, high);
    // Deleted records can neither be read again nor be skipped.
    let reachable = from.map(|from| from.clamp(low, high));
    let distance = |from: i64, to: i64| u64::try_from(to.saturating_sub(from)).unwrap_or(0);
    OffsetChange {
        topic: partition.topic,
        partition: partition.partition,
        from: from.map(Offset),
        to: Offset(to),
        low: Some(Offset(low)),
        high: Some(Offset(high)),
        reread: reachable.map_or(0, |from| distance(to, from)),
        skipped: reachable.map_or(0, |from| distance(from, to)),
        clamped: to != target,
    }
}

/// The old and new offset of each partition of a plan; `None`: without a committed offset.
type Planned = BTreeMap<TopicPartition, (Option<i64>, Option<i64>)>;

fn planned(plan: &OffsetResetPlan) -> Result<Planned, ErrorBody> {
    let partition = |topic: &String, partition| TopicPartition { topic: topic.clone(), partition };
    let changes = plan.changes.iter().map(|change| {
        (partition(&change.topic, change.partition), (change.from.map(|from| from.0), Some(change.to.0)))
    });
    let forgotten = plan
        .forget
        .iter()
        .map(|position| (partition(&position.topic, position.partition), (Some(position.offset.0), None)));
    let mut planned = Planned::new();
    for (partition, step) in changes.chain(forgotten) {
        let bad = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
        if let Err(error) = TopicName::parse(&partition.topic) {
            return Err(ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()));
        }
        if partition.partition < 0 {
            return bad(format!(
                "invalid partition {} of the topic {:?}: partitions start at 0",
                partition.partition, partition.topic
            ));
        }
        if planned.contains_key(&partition) {
            return bad(format!(
                "partition {} of the topic {:?} is twice in the plan",
                partition.partition, partition.topic
            ));
        }
        planned.insert(partition, step);
    }
    if planned.is_empty() {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "the plan is empty: there is nothing to reset"));
    }
    Ok(planned)
}

fn require_unmoved(planned: &Planned, committed: &Committed) -> Result<(), ErrorBody> {
    let found = |partition| committed.get(partition).copied();
    let moved = planned.iter().filter(|(partition, (from, _))| found(partition) != *from);
    let moved: Vec<String> = moved
        .map(|(partition, (from, _))| {
            format!("{} (the plan says {}, now {})", label(partition), shown(*from), shown(found(partition)))
        })
        .collect();
    if moved.is_empty() { Ok(()) } else { Err(positions_moved(&moved, "nothing was changed; make a new plan")) }
}

fn require_planned_offsets(planned: &Planned, now: &Committed) -> Result<(), ErrorBody> {
    let found = |partition| now.get(partition).copied();
    let elsewhere = planned.iter().filter(|(partition, (_, to))| found(partition) != *to);
    let elsewhere: Vec<String> = elsewhere
        .map(|(partition, (_, to))| {
            format!("{} (set to {}, now {})", label(partition), shown(*to), shown(found(partition)))
        })
        .collect();
    let after = "another client committed right after the reset; stop that client and make a new plan";
    if elsewhere.is_empty() { Ok(()) } else { Err(positions_moved(&elsewhere, after)) }
}

fn positions_moved(moved: &[String], what_to_do: &str) -> ErrorBody {
    const MAX_NAMED: usize = 3;
    let named = moved.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = moved.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    ErrorBody::new(ErrorCode::PositionsMoved, format!("positions have moved: {named}{more}; {what_to_do}"))
}

fn require_all_changed(outcomes: &[PartitionEntry], action: &str) -> Result<(), ErrorBody> {
    let failed: Vec<&PartitionEntry> = outcomes.iter().filter(|entry| entry.error.is_some()).collect();
    let Some(code) = failed.first().and_then(|entry| entry.error) else { return Ok(()) };
    let mut error = refused(&Failure { code, reason: String::new() }, action);
    if failed.len() < outcomes.len() {
        let partitions = failed.iter().map(|entry| label(&entry.partition)).collect::<Vec<_>>().join(", ");
        let message = format!("Kafka refused the reset of {partitions}: {code}; check the group before you continue");
        error = crate::error::kafka_error(ErrorCode::PartlyDone, code, message);
    }
    Err(error)
}

/// The plan that restores the offsets from before the reset.
fn undo(group: &GroupName, planned: &Planned) -> OffsetResetPlan {
    let mut plan = OffsetResetPlan { group: group.as_str().to_owned(), ..OffsetResetPlan::default() };
    for (partition, (from, to)) in planned.iter().filter(|(_, (from, to))| from != to) {
        match (from, to) {
            (None, Some(to)) => plan.forget.push(position(partition, *to)),
            (Some(from), to) => plan.changes.push(OffsetChange {
                topic: partition.topic.clone(),
                partition: partition.partition,
                from: to.map(Offset),
                to: Offset(*from),
                low: None,
                high: None,
                reread: 0,
                skipped: 0,
                clamped: false,
            }),
            (None, None) => {}
        }
    }
    plan
}

fn position(partition: &TopicPartition, offset: i64) -> Position {
    Position { topic: partition.topic.clone(), partition: partition.partition, offset: Offset(offset) }
}

fn label(partition: &TopicPartition) -> String {
    format!("{}-{}", partition.topic, partition.partition)
}

fn shown(offset: Option<i64>) -> String {
    offset.map_or_else(|| "none".to_owned(), |offset| offset.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(partition: i32) -> TopicPartition {
        TopicPartition { topic: "t".to_owned(), partition }
    }

    #[test]
    fn change_counts_records_read_again_and_skipped() {
        for (from, target, ends, expected) in [
            // from, requested, low and high → to, read again, skipped, clamped
            (Some(40), 0, (0, 50), (0, 40, 0, false)),
            (Some(40), 50, (0, 50), (50, 0, 10, false)),
            (Some(40), 99, (0, 50), (50, 0, 10, true)),
            (Some(3), 7, (7, 50), (7, 0, 0, false)),
            (Some(3), 0, (7, 50), (7, 0, 0, true)),
            (Some(40), 40, (0, 50), (40, 0, 0, false)),
            (None, 0, (0, 50), (0, 0, 0, false)),
        ] {
            let change = change(partition(0), from, target, Extent::new(ends.0, ends.1));
            assert_eq!((change.to.0, change.reread, change.skipped, change.clamped), expected, "{from:?} → {target}");
        }
    }

    #[test]
    fn undo_of_undo_equals_the_reset() {
        let group = GroupName::parse("g").expect("a legal name");
        let original: Planned =
            [(partition(0), (Some(40), Some(0))), (partition(1), (None, Some(0))), (partition(2), (Some(5), Some(5)))]
                .into();
        let back = undo(&group, &original);
        assert_eq!((back.changes.len(), back.forget.len()), (1, 1), "unchanged offsets need no undo: {back:?}");
        let again = undo(&group, &planned(&back).expect("a legal plan"));
        let again = planned(&again).expect("a legal plan");
        let moved: Planned = original.into_iter().filter(|(_, (from, to))| from != to).collect();
        assert_eq!(again, moved);
    }

    #[test]
    fn plan_with_a_repeated_partition_or_no_partition_is_refused() {
        let twice = OffsetResetPlan {
            group: "g".to_owned(),
            changes: Vec::new(),
            forget: vec![position(&partition(0), 1), position(&partition(0), 2)],
        };
        assert_eq!(planned(&twice).expect_err("twice").code, ErrorCode::BadRequest.number());
        assert_eq!(planned(&OffsetResetPlan::default()).expect_err("empty").code, ErrorCode::BadRequest.number());
    }
}
