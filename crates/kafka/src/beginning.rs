//! Where a member of a consumer group begins to read a partition: at the group's position, where the partition still has it.

use protocol::{GapReason, GroupStart};

use feed::ends::{Outside, PartitionEnds};
use feed::topic_id::TopicId;

/// A group's position in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPosition {
    pub offset: i64,
    /// The id of the topic in which it is a position, where that was noted.
    pub topic_id: TopicId,
}

/// The offset of the first record to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    pub offset: i64,
    /// Why it is another offset than the group's position.
    pub lost: Option<GapReason>,
}

/// `position`: none where the group has committed nothing. `topic_id`: of the topic as it is now.
pub fn beginning(
    position: Option<GroupPosition>,
    ends: &PartitionEnds,
    topic_id: TopicId,
    start: GroupStart,
) -> Beginning {
    let Some(position) = position else {
        return Beginning { offset: start_in(start, ends), lost: None };
    };
    let (offset, lost) = match ends.outside(position.offset) {
        _ if position.topic_id.differs_from(topic_id) => (ends.start.0, Some(GapReason::Recreated)),
        Some(Outside::BeforeStart) => (ends.start.0, Some(GapReason::Retention)),
        Some(Outside::BeyondEnd) => (start_in(start, ends), Some(GapReason::OutOfRange)),
        None => (position.offset, None),
    };
    Beginning { offset, lost: lost.filter(|_| offset != position.offset) }
}

/// Where a group begins that has no position.
fn start_in(start: GroupStart, ends: &PartitionEnds) -> i64 {
    match start {
        GroupStart::Earliest => ends.start.0,
        // As Kafka's own consumers of committed records do.
        GroupStart::Latest => ends.stable.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_left_only_for_a_reason() {
        let (old, new, unknown) = (TopicId(1), TopicId(2), TopicId::default());
        // Records from 10 to 1004, those from 1000 on in an open transaction.
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
            let found = beginning(group, &ends, topic_id, start);
            assert_eq!((found.offset, found.lost), expected, "{position:?} in {topic_id:?}, {start:?}");
        }
    }
}
