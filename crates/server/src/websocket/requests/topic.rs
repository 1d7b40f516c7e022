//! `topic`: the partitions and settings of one topic.

use protocol::{ErrorBody, TopicRequest, TopicResult};

use super::{Context, Handler, topic};

impl Handler for TopicRequest {
    fn apply(self, context: &Context<'_>) -> Result<TopicResult, ErrorBody> {
        context.admin.topic(&topic(&self.name)?)
    }
}
