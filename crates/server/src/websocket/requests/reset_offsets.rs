//! `reset_offsets`: applies a plan to the positions of a group.

use protocol::{ErrorBody, GroupName, MessageBody, OffsetResetPlan, ResetOffsets, ResetOffsetsResult};

use super::super::audit::{Asker, audit};
use super::{Context, Handler, group};

impl Handler for ResetOffsets {
    fn apply(self, context: &Context<'_>) -> Result<ResetOffsetsResult, ErrorBody> {
        let name = group(&self.plan.group)?;
        let outcome = context.admin.reset_offsets(&name, &self.plan);
        log_reset(context.asker, &name, &self.plan, outcome.as_ref().err());
        outcome
    }
}

/// Also logs a reset that failed, since Kafka may have applied a part of it.
fn log_reset(asker: &Asker, group: &GroupName, plan: &OffsetResetPlan, error: Option<&ErrorBody>) {
    let change = ResetOffsets::NAME;
    // A string, which the log quotes, because a group's name may contain spaces.
    let group = group.as_str();
    if let Some(error) = error {
        audit!(asker, change, group, error = error.name, reason = error.message, "audit: reset failed");
        return;
    }
    for moved in plan.changes.iter().filter(|moved| moved.from != Some(moved.to)) {
        let (topic, partition, old, new) = (&moved.topic, moved.partition, moved.from.map(|from| from.0), moved.to);
        audit!(asker, change, group, topic, partition, ?old, %new, "audit: position moved");
    }
    for forgotten in &plan.forget {
        let (topic, partition, old) = (&forgotten.topic, forgotten.partition, forgotten.offset);
        audit!(asker, change, group, topic, partition, %old, "audit: position deleted");
    }
}
