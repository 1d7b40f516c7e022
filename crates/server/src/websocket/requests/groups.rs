//! `groups`: the consumer groups that the user may describe.

use protocol::{ErrorBody, GroupsRequest, GroupsResult};

use super::{Context, Handler};

impl Handler for GroupsRequest {
    fn apply(self, context: &Context<'_>) -> Result<GroupsResult, ErrorBody> {
        Ok(GroupsResult { groups: context.permissions.visible_groups(context.admin.listed_groups()?) })
    }
}
