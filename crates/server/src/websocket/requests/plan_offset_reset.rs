//! `plan_offset_reset`: computes what an offset reset would change.

use protocol::{ErrorBody, PlanOffsetReset, PlanOffsetResetResult};

use super::{Context, Handler, group};

impl Handler for PlanOffsetReset {
    fn apply(self, context: &Context<'_>) -> Result<PlanOffsetResetResult, ErrorBody> {
        let sees = |topic: &str| context.permissions.sees_topic(topic);
        context.admin.plan_offset_reset(&group(&self.group)?, &self, sees)
    }
}
