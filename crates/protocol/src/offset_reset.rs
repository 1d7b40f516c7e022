//! Offset resets of a consumer group in two steps: make a plan, then apply it.

use serde::{Deserialize, Serialize};

use crate::{ErrorBody, Offset, Position, TopicPartition};

/// Requests what a reset would do, without changing anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanOffsetReset {
    /// The name of the group.
    pub group: String,
    /// All partitions of these topics. If both `topics` and `partitions` are empty, every partition in which the group
    /// has a position.
    pub topics: Vec<String>,
    /// Single partitions, in addition to `topics`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<TopicPartition>,
    /// The new position.
    pub to: ResetTarget,
}

/// The position to which an offset reset moves each partition: a string, or an object with one member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResetTarget {
    /// The first record that the partition still has.
    Earliest,
    /// The end of the partition.
    Latest,
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC, or the end if there is none.
    Timestamp(i64),
    /// This offset in every partition.
    Offset(Offset),
    /// The committed position plus this number of offsets, which may be negative.
    Shift(i64),
    /// These positions, for example from a file. They also select the partitions, so `topics` and `partitions` must be
    /// empty.
    Positions(Vec<Position>),
}

/// What the offset reset would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanOffsetResetResult {
    /// The plan for `reset_offsets`.
    pub plan: OffsetResetPlan,
    /// Why the plan could not be applied now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorBody>,
}

/// The old and the new position of each partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OffsetResetPlan {
    /// The name of the group.
    pub group: String,
    /// Sorted by topic and partition. Unchanged positions have equal `from` and `to`.
    pub changes: Vec<OffsetChange>,
    /// Positions to delete: those that did not exist before the reset that this plan reverts. `offset` must be the
    /// current position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<Position>,
}

/// The change of the position in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OffsetChange {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition, from 0.
    pub partition: i32,
    /// Null if the group has no committed position.
    pub from: Option<Offset>,
    /// The new position.
    pub to: Offset,
    /// Log start offset of the partition when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Offset>,
    /// Log end offset of the partition when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Offset>,
    /// The group would read at most this many records again; offsets are counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reread: u64,
    /// The group would not read at most this many records; offsets are counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// The requested position was outside the partition, so `to` is the nearer end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clamped: bool,
}

/// Applies a plan exactly as it was shown. If a committed position differs from `from`, or the group has members,
/// nothing is changed. Only the names and the `from` and `to` of the changes are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResetOffsets {
    /// The plan from `plan_offset_reset_result`, or `undo` from `reset_offsets_result`.
    pub plan: OffsetResetPlan,
}

/// The plan was applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResetOffsetsResult {
    /// The group's new positions.
    pub positions: Vec<Position>,
    /// The plan that reverts the reset; valid until the positions change again.
    #[serde(default)]
    pub undo: OffsetResetPlan,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
