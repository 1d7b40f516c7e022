//! The offset at which a member of a consumer group starts to read a partition: the committed one if it is in range.

use protocol::{GapReason, GroupStart};

use feed::ends::{Outside, PartitionEnds};
use feed::topic_id::TopicId;

/// A committed offset, or the position of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPosition {
    pub offset: i64,
    /// The id of the topic to which the offset belongs; unknown if the commit did not contain it.
    pub topic_id: TopicId,
}

/// The offset of the first record to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartPosition {
    pub offset: i64,
    /// Why `offset` differs from the group's position, if it does.
    pub lost: Option<GapReason>,
}

/// `position`: `None` if the group has committed nothing. `topic_id`: the id of the topic as it exists now.
pub fn start_position(
    position: Option<GroupPosition>,
    ends: &PartitionEnds,
    topic_id: TopicId,
    start: GroupStart,
) -> StartPosition {
    let Some(position) = position else {
        return StartPosition { offset: start_in(start, ends), lost: None };
    };
    let (offset, lost) = match ends.outside(position.offset) {
        _ if position.topic_id.differs_from(topic_id) => (ends.start.0, Some(GapReason::Recreated)),
        Some(Outside::BeforeStart) => (ends.start.0, Some(GapReason::Retention)),
        Some(Outside::BeyondEnd) => (start_in(start, ends), Some(GapReason::OutOfRange)),
        None => (position.offset, None),
    };
    StartPosition { offset, lost: lost.filter(|_| offset != position.offset) }
}

/// The start offset of a group without a valid position.
fn start_in(start: GroupStart, ends: &PartitionEnds) -> i64 {
    match start {
        GroupStart::Earliest => ends.start.0,
        // As Kafka's consumers with isolation.level=read_committed.
        GroupStart::Latest => ends.stable.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_replaced_only_if_out_of_range_or_of_a_deleted_topic() {
        let (old, new, unknown) = (TopicId(1), TopicId(2), TopicId::default());
        // The partition has records 10 to 1004; those from 1000 on belong to an open transaction.
        let ends = PartitionEnds::new(10, 1005, 1000);
        for (position, topic_id, start, expected) in [
            (None, new, GroupStart::Earliest, (10, None)),
            (None, new, GroupStart::Latest, (1000, None)),
            (Some((500, new)), new, GroupStart::Earliest, (500, None)),
            (Some((500, unknown)), new, GroupStart::Latest, (500, None)),
            (Some((1005, new)), new, GroupStart::Earliest, (1005, None)),
            (Some((9, new)), new, GroupStart::Latest, (10, Some(GapReason::Retention))),
            (Some((1006, new)), new, GroupStart::Earliest, (10, Some(GapReason::OutOfRange))),
            (Some((1006, new)), new, GroupStart::Latest, (1000, Some(GapReason::OutOfRange))),
            (Some((1006, unknown)), new, GroupStart::Earliest, (10, Some(GapReason::OutOfRange))),
            (Some((500, old)), new, GroupStart::Latest, (10, Some(GapReason::Recreated))),
            (Some((1006, old)), new, GroupStart::Latest, (10, Some(GapReason::Recreated))),
            (Some((1006, old)), unknown, GroupStart::Earliest, (10, Some(GapReason::OutOfRange))),
            (Some((10, old)), new, GroupStart::Earliest, (10, None)),
        ] {
            let group = position.map(|(offset, topic_id)| GroupPosition { offset, topic_id });
            let found = start_position(group, &ends, topic_id, start);
            assert_eq!((found.offset, found.lost), expected, "{position:?} in {topic_id:?}, {start:?}");
        }
    }
}
