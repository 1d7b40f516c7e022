//! `delete_group`.

use protocol::{DeleteGroup, DeleteGroupResult, ErrorBody, MessageBody};

use super::super::audit::audit;
use super::{Context, Handler, group, require_confirmation};

impl Handler for DeleteGroup {
    fn apply(self, context: &Context<'_>) -> Result<DeleteGroupResult, ErrorBody> {
        let name = group(&self.group)?;
        require_confirmation::<Self>(&self.group, &self.confirm)?;
        context.admin.delete_group(&name)?;
        audit!(context.asker, change = Self::NAME, group = name.as_str(), "audit: group deleted");
        Ok(DeleteGroupResult { group: self.group })
    }
}
