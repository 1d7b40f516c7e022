//! `plan_offset_reset`: computes what an offset reset would change.

use protocol::{ErrorBody, PlanOffsetReset, PlanOffsetResetResult};

use super::{Context, Handler, group};

impl Handler for PlanOffsetReset {
    fn apply(self, context: &Context<'_>) -> Result<PlanOffsetResetResult, ErrorBody> {
        context.admin.plan_offset_reset(&group(&self.group)?, &self)
    }
}
