//! What stands between records: partitions that come and go, and offsets that are missing.

use std::collections::BTreeSet;

use protocol::{GapReason, GroupId, GroupStart, TailStart, TopicPartition};

use crate::ends::{HighWatermark, LastStable};

/// What a reader reads, and how.
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

/// A partition whose next records are in Kafka and not visible yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub partition: TopicPartition,
    /// Where the oldest open transaction began.
    pub stable: LastStable,
    pub high: HighWatermark,
}

/// What stands between records, in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Assigned(Vec<Start>),
    Revoked(Vec<TopicPartition>),
    Gap { partition: TopicPartition, from: i64, to: i64, reason: GapReason },
}

impl Event {
    /// The event as far as it concerns these partitions; none if it concerns others alone.
    pub(super) fn among(&self, partitions: &BTreeSet<TopicPartition>) -> Option<Self> {
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
