//! `alter_topic_config`: sets and unsets settings of a topic.

use protocol::{AlterTopicConfig, AlterTopicConfigResult, ErrorBody, MessageBody};

use super::super::audit::audit;
use super::{Context, Handler, topic};

impl Handler for AlterTopicConfig {
    fn apply(self, context: &Context<'_>) -> Result<AlterTopicConfigResult, ErrorBody> {
        let name = topic(&self.name)?;
        let changes = context.admin.alter_topic_config(&name, &self)?;
        for changed in &changes {
            let (setting, old, new) = (&changed.name, &changed.from, &changed.to);
            audit!(
            context.asker,
            change = Self::NAME,
                topic = %name,
                setting,
                ?old,
                ?new,
                "audit: setting changed"
            );
        }
        Ok(AlterTopicConfigResult { name: self.name, changes })
    }
}
