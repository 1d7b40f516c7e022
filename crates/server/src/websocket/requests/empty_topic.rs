//! `empty_topic`: deletes the records of a topic and keeps the topic.

use protocol::{EmptyTopic, EmptyTopicResult, ErrorBody, MessageBody};

use super::super::audit::audit;
use super::{Context, Handler, require_confirmation, topic};

impl Handler for EmptyTopic {
    fn apply(self, context: &Context<'_>) -> Result<EmptyTopicResult, ErrorBody> {
        let name = topic(&self.name)?;
        require_confirmation::<Self>(&self.name, &self.confirm)?;
        let emptied = context.admin.empty_topic(&name)?;
        for partition in &emptied.partitions {
            let (number, old, new) = (partition.partition, partition.from, partition.to);
            audit!(
            context.asker,
            change = Self::NAME,
                topic = %name,
                partition = number,
                %old,
                %new,
                "audit: records deleted"
            );
        }
        Ok(emptied)
    }
}
