//! `groups`: all consumer groups.

use protocol::{ErrorBody, GroupsRequest, GroupsResult};

use super::{Context, Handler};

impl Handler for GroupsRequest {
    fn apply(self, context: &Context<'_>) -> Result<GroupsResult, ErrorBody> {
        context.admin.groups()
    }
}
