//! `group`: the members and positions of one group.

use protocol::{ErrorBody, GroupRequest, GroupResult};

use super::{Context, Handler, group};

impl Handler for GroupRequest {
    fn apply(self, context: &Context<'_>) -> Result<GroupResult, ErrorBody> {
        Ok(context.permissions.visible_group(context.admin.group(&group(&self.group)?)?))
    }
}
