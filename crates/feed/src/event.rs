//! The events between records: assigned and revoked partitions, and gaps of missing offsets.

use std::collections::BTreeSet;

use protocol::{GapReason, GroupId, GroupStart, TailStart, TopicPartition};

use crate::ends::{HighWatermark, LastStable};

/// What a reader reads, and from where.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadMode {
    Tail(TailStart),
    Group { id: GroupId, start: GroupStart },
}

/// A partition and the offset at which reading starts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub partition: TopicPartition,
    pub offset: i64,
}

/// A partition whose next records are in Kafka but not visible yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub partition: TopicPartition,
    /// The first offset of the oldest open transaction.
    pub stable: LastStable,
    pub high: HighWatermark,
}

/// An event between records, at its position in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Assigned(Vec<Start>),
    Revoked(Vec<TopicPartition>),
    Gap { partition: TopicPartition, from: i64, to: i64, reason: GapReason },
}

impl Event {
    /// The event restricted to these partitions, or `None` if it concerns only others.
    pub(super) fn restricted_to(&self, partitions: &BTreeSet<TopicPartition>) -> Option<Self> {
        match self {
            Self::Assigned(starts) => {
                let starts: Vec<Start> =
                    starts.iter().filter(|start| partitions.contains(&start.partition)).cloned().collect();
                (!starts.is_empty()).then_some(Self::Assigned(starts))
            }
            Self::Revoked(revoked) => {
                let revoked: Vec<TopicPartition> =
                    revoked.iter().filter(|partition| partitions.contains(partition)).cloned().collect();
                (!revoked.is_empty()).then_some(Self::Revoked(revoked))
            }
            Self::Gap { partition, .. } => partitions.contains(partition).then(|| self.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{key, start};

    #[test]
    fn event_is_restricted_to_the_named_partitions() {
        let gap = |partition| Event::Gap { partition: key(partition), from: 1, to: 2, reason: GapReason::Slow };
        let named = BTreeSet::from([key(1), key(2)]);
        for (event, restricted) in [
            (Event::Assigned(vec![start(0, 5), start(1, 6)]), Some(Event::Assigned(vec![start(1, 6)]))),
            (Event::Assigned(vec![start(0, 5)]), None),
            (Event::Revoked(vec![key(2), key(3)]), Some(Event::Revoked(vec![key(2)]))),
            (Event::Revoked(vec![key(3)]), None),
            (gap(1), Some(gap(1))),
            (gap(0), None),
        ] {
            assert_eq!(event.restricted_to(&named), restricted, "{event:?}");
        }
    }
}
