//! `topics`: the topics that the user may describe, with counts and sizes.

use protocol::{ErrorBody, TopicsRequest, TopicsResult};

use super::{Context, Handler};

impl Handler for TopicsRequest {
    fn apply(self, context: &Context<'_>) -> Result<TopicsResult, ErrorBody> {
        let TopicsResult { topics } = context.admin.topics()?;
        Ok(TopicsResult { topics: context.permissions.visible_topics(topics) })
    }
}
