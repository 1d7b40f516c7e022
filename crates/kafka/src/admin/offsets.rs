//! Moving a group's positions: a plan that changes nothing, and a plan applied exactly, or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::{
    ErrorBody, ErrorCode, GroupId, Offset, OffsetChange, OffsetResetPlan, PlanOffsetReset, PlanOffsetResetResult,
    Position, ResetOffsetsResult, ResetTarget, TopicName, TopicPartition,
};

use super::groups::{require_no_members, when_coordinator_is_ready};
use super::{Admin, CHANGE_TIMEOUT, existing_partitions, missing, refused};
use crate::metadata_client::TIMEOUT;
use crate::native::{self, Failure, PartitionEntry};
use feed::Start;
use feed::ends::{Extent, Extents};

type Committed = BTreeMap<TopicPartition, i64>;

impl Admin {
    /// Old and new positions, and why they would be refused now.
    pub fn plan_offset_reset(
        &self,
        group: &GroupId,
        request: &PlanOffsetReset,
    ) -> Result<PlanOffsetResetResult, ErrorBody> {
        let committed: Committed = self.committed(group)?.into_iter().collect();
        let partitions = self.partitions_to_reset(request, &committed)?;
        let partitions: Vec<TopicPartition> = partitions.into_iter().collect();
        let failed = |failure: Failure| refused(&failure, "tell where the partitions begin and end");
        let readable = self.metadata_client.led(&partitions, TIMEOUT).map_err(failed)?;
        let readable: BTreeSet<&TopicPartition> = readable.iter().collect();
        if let Some(place) = partitions.iter().find(|place| !readable.contains(place)) {
            let message = format!(
                "partition {} of the topic {:?} is not there, or has no leader now",
                place.partition, place.topic
            );
            return Err(ErrorBody::new(ErrorCode::UnknownPartition, message));
        }
        // A position is valid up to the high watermark, as for Kafka's own tool: a group may be beyond an open transaction.
        let extents = self.metadata_client.extents(&partitions, TIMEOUT).map_err(failed)?;
        let targets = self.targets(&request.to, &partitions, &committed, &extents)?;
        let mut changes = Vec::with_capacity(partitions.len());
        for place in partitions {
            let (Some(extent), Some(target)) = (extents.get(&place), targets.get(&place)) else {
                let message =
                    format!("partition {} of the topic {:?} tells no offsets now", place.partition, place.topic);
                return Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message));
            };
            changes.push(change(place.clone(), committed.get(&place).copied(), *target, *extent));
        }
        let plan = OffsetResetPlan { group: group.to_string(), changes, forget: Vec::new() };
        Ok(PlanOffsetResetResult { refused: self.require_resettable(group).err(), plan })
    }

    /// Applies a plan if the group stands where the plan says and has no members.
    pub fn reset_offsets(&self, group: &GroupId, plan: &OffsetResetPlan) -> Result<ResetOffsetsResult, ErrorBody> {
        let what = format!("reset the group {:?}", group.as_str());
        let planned = planned(plan)?;
        self.require_resettable(group)?;
        let moved = planned.iter().filter(|(_, (from, to))| from != to);
        let to_move: Vec<Start> = moved
            .clone()
            .filter_map(|(place, (_, to))| Some(Start { partition: place.clone(), offset: (*to)? }))
            .collect();
        let to_forget: Vec<TopicPartition> =
            moved.filter(|(_, (_, to))| to.is_none()).map(|(place, _)| place.clone()).collect();
        // Asked before the positions are compared, so that little time passes until they are moved.
        let to_move = self.with_notes(to_move);
        let committed: Committed = self.committed(group)?.into_iter().collect();
        // Kafka has no compare-and-swap: somebody who joins, commits and leaves within the next round trip goes unseen. Whoever
        // is still there then is not: see below.
        require_unmoved(&planned, &committed)?;
        let client = self.client();
        let mut outcomes = Vec::new();
        // Kafka itself refuses both while the group has members: one that joined since we looked changes nothing.
        if !to_move.is_empty() {
            let alter = |timeout| native::alter_offsets(client, group.as_str(), &to_move, timeout);
            outcomes.extend(when_coordinator_is_ready(CHANGE_TIMEOUT, alter).map_err(|f| refused(&f, &what))?);
        }
        if !to_forget.is_empty() {
            let forget = |timeout| native::forget_offsets(client, group.as_str(), &to_forget, timeout);
            outcomes.extend(when_coordinator_is_ready(CHANGE_TIMEOUT, forget).map_err(|f| refused(&f, &what))?);
        }
        require_all_taken(&outcomes, &what)?;
        // Somebody who commits without being a member is told by nothing else.
        let now: Committed = self.committed(group)?.into_iter().collect();
        require_arrived(&planned, &now)?;
        let positions = planned.keys().filter_map(|place| Some(position(place, *now.get(place)?))).collect();
        Ok(ResetOffsetsResult { positions, undo: undo(group, &planned) })
    }

    /// Each position with the id of its topic beside it, as where the bridge commits.
    fn with_notes(&self, positions: Vec<Start>) -> Vec<(Start, Option<String>)> {
        let topics: BTreeSet<&str> = positions.iter().map(|start| start.partition.topic.as_str()).collect();
        let ids = self.metadata_client.topic_ids(&topics, TIMEOUT);
        let with_note = |start: Start| {
            let note = ids.get(&start.partition.topic).and_then(|id| id.commit_note());
            (start, note)
        };
        positions.into_iter().map(with_note).collect()
    }

    /// A group with members would go on where it is, and commit that again.
    fn require_resettable(&self, group: &GroupId) -> Result<(), ErrorBody> {
        let what = format!("reset the group {:?}", group.as_str());
        self.require_real_kafka(&what)?;
        require_no_members(&self.describe_group(group)?, &what)
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
                    "positions choose the partitions themselves: leave topics and partitions empty".to_owned()
                ));
            }
            let mut places = BTreeSet::new();
            for Position { topic, partition, .. } in positions {
                topic_name(topic)?;
                if !places.insert(TopicPartition { topic: topic.clone(), partition: *partition }) {
                    return Err(bad(format!("partition {partition} of the topic {topic:?} has two positions")));
                }
            }
            return if places.is_empty() { Err(bad("no positions".to_owned())) } else { Ok(places) };
        }
        if request.topics.is_empty() && request.partitions.is_empty() {
            let places: BTreeSet<TopicPartition> = committed.keys().cloned().collect();
            let nothing = || bad(format!("the group {:?} has no positions; name the topics", request.group));
            return if places.is_empty() { Err(nothing()) } else { Ok(places) };
        }
        let mut places: BTreeSet<TopicPartition> = request.partitions.iter().cloned().collect();
        places.iter().try_for_each(|place| topic_name(&place.topic).map(drop))?;
        for topic in &request.topics {
            let name = topic_name(topic)?;
            let ids = existing_partitions(self.metadata_client.metadata(Some(name.as_str()), TIMEOUT), &name)?
                .ok_or_else(|| missing(&name))?;
            places.extend(ids.into_iter().map(|partition| TopicPartition { topic: topic.clone(), partition }));
        }
        Ok(places)
    }

    /// Where each partition is to go, perhaps beyond its ends.
    fn targets(
        &self,
        to: &ResetTarget,
        partitions: &[TopicPartition],
        committed: &Committed,
        extents: &Extents,
    ) -> Result<HashMap<TopicPartition, i64>, ErrorBody> {
        let each = |target: &dyn Fn(&TopicPartition) -> Option<i64>| -> HashMap<TopicPartition, i64> {
            partitions.iter().filter_map(|place| Some((place.clone(), target(place)?))).collect()
        };
        let start = |place: &TopicPartition| extents.get(place).map(|extent| extent.start.0);
        let high = |place: &TopicPartition| extents.get(place).map(|extent| extent.high.0);
        Ok(match to {
            ResetTarget::Earliest => each(&start),
            ResetTarget::Latest => each(&high),
            ResetTarget::Offset(offset) => each(&|_| Some(offset.0)),
            ResetTarget::Shift(by) => {
                if let Some(place) = partitions.iter().find(|place| !committed.contains_key(place)) {
                    let message = format!(
                        "the group has no position in partition {} of the topic {:?}, so there is nothing to shift",
                        place.partition, place.topic
                    );
                    return Err(ErrorBody::new(ErrorCode::BadRequest, message));
                }
                each(&|place| committed.get(place).map(|offset| offset.saturating_add(*by)))
            }
            ResetTarget::Positions(positions) => {
                let place = |position: &Position| TopicPartition {
                    topic: position.topic.clone(),
                    partition: position.partition,
                };
                positions.iter().map(|position| (place(position), position.offset.0)).collect()
            }
            ResetTarget::Timestamp(ms) => {
                let failed = |failure: Failure| refused(&failure, "find that point in time");
                let found = self.metadata_client.offsets_at(partitions, *ms).map_err(failed)?;
                // No record is that new: the next one will be.
                each(&|place| found.get(place).copied().or_else(|| high(place)))
            }
        })
    }
}

fn change(place: TopicPartition, from: Option<i64>, target: i64, extent: Extent) -> OffsetChange {
    let (low, high) = (extent.start.0, extent.high.0);
    let to = target.clamp(low, high);
    // What Kafka has deleted already can neither be read again nor be skipped.
    let reachable = from.map(|from| from.clamp(low, high));
    let distance = |from: i64, to: i64| u64::try_from(to.saturating_sub(from)).unwrap_or(0);
    OffsetChange {
        topic: place.topic,
        partition: place.partition,
        from: from.map(Offset),
        to: Offset(to),
        low: Some(Offset(low)),
        high: Some(Offset(high)),
        reread: reachable.map_or(0, |from| distance(to, from)),
        skipped: reachable.map_or(0, |from| distance(from, to)),
        clamped: to != target,
    }
}

/// Old and new position of each partition of a plan; `None` where there is none.
type Planned = BTreeMap<TopicPartition, (Option<i64>, Option<i64>)>;

fn planned(plan: &OffsetResetPlan) -> Result<Planned, ErrorBody> {
    let place = |topic: &String, partition| TopicPartition { topic: topic.clone(), partition };
    let changes = plan
        .changes
        .iter()
        .map(|change| (place(&change.topic, change.partition), (change.from.map(|from| from.0), Some(change.to.0))));
    let forgotten = plan
        .forget
        .iter()
        .map(|position| (place(&position.topic, position.partition), (Some(position.offset.0), None)));
    let mut planned = Planned::new();
    for (place, step) in changes.chain(forgotten) {
        let bad = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
        if let Err(error) = TopicName::parse(&place.topic) {
            return Err(ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()));
        }
        if place.partition < 0 {
            return bad(format!(
                "partition {} of the topic {:?}: partitions count from 0",
                place.partition, place.topic
            ));
        }
        if planned.contains_key(&place) {
            return bad(format!("partition {} of the topic {:?} is in the plan twice", place.partition, place.topic));
        }
        planned.insert(place, step);
    }
    if planned.is_empty() {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "the plan is empty: there is nothing to reset"));
    }
    Ok(planned)
}

fn require_unmoved(planned: &Planned, committed: &Committed) -> Result<(), ErrorBody> {
    let found = |place| committed.get(place).copied();
    let moved = planned.iter().filter(|(place, (from, _))| found(place) != *from);
    let moved: Vec<String> = moved
        .map(|(place, (from, _))| format!("{} (the plan says {}, now {})", label(place), say(*from), say(found(place))))
        .collect();
    if moved.is_empty() { Ok(()) } else { Err(positions_moved(&moved, "nothing was changed; make a new plan")) }
}

fn require_arrived(planned: &Planned, now: &Committed) -> Result<(), ErrorBody> {
    let found = |place| now.get(place).copied();
    let elsewhere = planned.iter().filter(|(place, (_, to))| found(place) != *to);
    let elsewhere: Vec<String> = elsewhere
        .map(|(place, (_, to))| format!("{} (set to {}, now {})", label(place), say(*to), say(found(place))))
        .collect();
    let after = "somebody committed right after the reset; stop it and make a new plan";
    if elsewhere.is_empty() { Ok(()) } else { Err(positions_moved(&elsewhere, after)) }
}

fn positions_moved(moved: &[String], what_to_do: &str) -> ErrorBody {
    const NAMED: usize = 3;
    let named = moved.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = if moved.len() > NAMED { format!(" and {} more", moved.len() - NAMED) } else { String::new() };
    ErrorBody::new(ErrorCode::PositionsMoved, format!("positions have moved: {named}{more}; {what_to_do}"))
}

fn require_all_taken(outcomes: &[PartitionEntry], what: &str) -> Result<(), ErrorBody> {
    let failed: Vec<&PartitionEntry> = outcomes.iter().filter(|entry| entry.error.is_some()).collect();
    let Some(code) = failed.first().and_then(|entry| entry.error) else { return Ok(()) };
    let mut error = refused(&Failure { code, reason: String::new() }, what);
    if failed.len() < outcomes.len() {
        let partitions = failed.iter().map(|entry| label(&entry.partition)).collect::<Vec<_>>().join(", ");
        let message =
            format!("Kafka took the reset except for {partitions}: {code}. Look at the group before you go on");
        error = crate::error::kafka_error(ErrorCode::PartlyDone, code, message);
    }
    Err(error)
}

/// What takes the group back.
fn undo(group: &GroupId, planned: &Planned) -> OffsetResetPlan {
    let mut plan = OffsetResetPlan { group: group.to_string(), ..OffsetResetPlan::default() };
    for (place, (from, to)) in planned.iter().filter(|(_, (from, to))| from != to) {
        match (from, to) {
            (None, Some(to)) => plan.forget.push(position(place, *to)),
            (Some(from), to) => plan.changes.push(OffsetChange {
                topic: place.topic.clone(),
                partition: place.partition,
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

fn position(place: &TopicPartition, offset: i64) -> Position {
    Position { topic: place.topic.clone(), partition: place.partition, offset: Offset(offset) }
}

fn label(place: &TopicPartition) -> String {
    format!("{}-{}", place.topic, place.partition)
}

fn say(offset: Option<i64>) -> String {
    offset.map_or_else(|| "none".to_owned(), |offset| offset.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32) -> TopicPartition {
        TopicPartition { topic: "t".to_owned(), partition }
    }

    #[test]
    fn a_change_says_what_is_read_again_and_what_is_skipped() {
        for (from, target, ends, expected) in [
            // from, asked for, low and high → to, read again, skipped, clamped
            (Some(40), 0, (0, 50), (0, 40, 0, false)),
            (Some(40), 50, (0, 50), (50, 0, 10, false)),
            (Some(40), 99, (0, 50), (50, 0, 10, true)),
            (Some(3), 7, (7, 50), (7, 0, 0, false)),
            (Some(3), 0, (7, 50), (7, 0, 0, true)),
            (Some(40), 40, (0, 50), (40, 0, 0, false)),
            (None, 0, (0, 50), (0, 0, 0, false)),
        ] {
            let change = change(place(0), from, target, Extent::new(ends.0, ends.1));
            assert_eq!((change.to.0, change.reread, change.skipped, change.clamped), expected, "{from:?} → {target}");
        }
    }

    #[test]
    fn an_undone_undo_is_the_reset_again() {
        let group = GroupId::parse("g").expect("a legal name");
        let original: Planned =
            [(place(0), (Some(40), Some(0))), (place(1), (None, Some(0))), (place(2), (Some(5), Some(5)))].into();
        let back = undo(&group, &original);
        assert_eq!((back.changes.len(), back.forget.len()), (1, 1), "what stays needs no undo: {back:?}");
        let again = undo(&group, &planned(&back).expect("a legal plan"));
        let again = planned(&again).expect("a legal plan");
        let moved: Planned = original.into_iter().filter(|(_, (from, to))| from != to).collect();
        assert_eq!(again, moved);
    }

    #[test]
    fn a_plan_names_each_partition_once() {
        let twice = OffsetResetPlan {
            group: "g".to_owned(),
            changes: Vec::new(),
            forget: vec![position(&place(0), 1), position(&place(0), 2)],
        };
        assert_eq!(planned(&twice).expect_err("twice").code, ErrorCode::BadRequest.number());
        assert_eq!(planned(&OffsetResetPlan::default()).expect_err("empty").code, ErrorCode::BadRequest.number());
    }
}
