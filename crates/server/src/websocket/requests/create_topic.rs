//! `create_topic`.

use protocol::{CreateTopic, CreateTopicResult, ErrorBody, ErrorCode, MessageBody};

use super::super::audit::audit;
use super::{Context, Handler, topic};

impl Handler for CreateTopic {
    fn apply(self, context: &Context<'_>) -> Result<CreateTopicResult, ErrorBody> {
        let name = topic(&self.name)?;
        if self.partitions.is_some_and(|count| count < 1) || self.replication.is_some_and(|count| count < 1) {
            let message = "partitions and replication must be at least 1; leave them out for the broker's defaults";
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        context.admin.create_topic(&name, &self)?;
        let Self { partitions, replication, config, .. } = &self;
        audit!(
            context.asker,
            change = Self::NAME,
            topic = %name,
            ?partitions,
            ?replication,
            ?config,
            "audit: topic created"
        );
        Ok(CreateTopicResult { name: self.name })
    }
}
