//! `delete_topic`.

use protocol::{DeleteTopic, DeleteTopicResult, ErrorBody, MessageBody};

use super::super::audit::audit;
use super::{Context, Handler, require_confirmation, topic};

impl Handler for DeleteTopic {
    fn apply(self, context: &Context<'_>) -> Result<DeleteTopicResult, ErrorBody> {
        let name = topic(&self.name)?;
        require_confirmation::<Self>(&self.name, &self.confirm)?;
        context.admin.delete_topic(&name)?;
        audit!(
            context.asker,
            change = Self::NAME, topic = %name, "audit: topic deleted");
        Ok(DeleteTopicResult { name: self.name })
    }
}
