//! Moving a group's positions, in two steps: a plan, and the plan applied.

use serde::{Deserialize, Serialize};

use crate::{ErrorBody, Offset, Position, TopicPartition};

/// Asks what a reset would do; changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanOffsetReset {
    pub group: String,
    /// Every partition of these topics. Neither topics nor partitions: wherever the group has a position.
    pub topics: Vec<String>,
    /// Single partitions, besides the topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<TopicPartition>,
    pub to: ResetTarget,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetTarget {
    Earliest,
    Latest,
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC; the end where there is none.
    Timestamp(i64),
    Offset(Offset),
    /// So many records on from the committed position, or (negative) back.
    Shift(i64),
    /// These positions, as from a file. They also choose the partitions: `topics` and `partitions` must be empty.
    Positions(Vec<Position>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanOffsetResetResult {
    pub plan: OffsetResetPlan,
    /// Why applying it would be refused now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorBody>,
}

/// Old and new position of each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetResetPlan {
    pub group: String,
    /// By topic and partition. Those that stay where they are have equal `from` and `to`.
    pub changes: Vec<OffsetChange>,
    /// Positions that are deleted: where the reset that this plan undoes found none. `offset` is what must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffsetChange {
    pub topic: String,
    pub partition: i32,
    /// Null where nothing was committed.
    pub from: Option<Offset>,
    pub to: Offset,
    /// The first offset still there and the next one to be written, as they were when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Offset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Offset>,
    /// Records that would be read once more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reread: u64,
    /// Records that nobody of the group would read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// What was asked for lies outside of the partition; `to` is its nearer end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clamped: bool,
}

/// Applies a plan exactly as it was shown. If a committed position is not the plan's `from` any more, or the group has
/// members, nothing is changed. Only names, `from` and `to` of its changes matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResetOffsets {
    pub plan: OffsetResetPlan,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResetOffsetsResult {
    /// Where the group stands now.
    pub positions: Vec<Position>,
    /// The plan that takes it back: valid until something moves the positions again.
    #[serde(default)]
    pub undo: OffsetResetPlan,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
