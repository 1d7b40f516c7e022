//! `topics`: all topics, with counts and sizes.

use protocol::{ErrorBody, TopicsRequest, TopicsResult};

use super::{Context, Handler};

impl Handler for TopicsRequest {
    fn apply(self, context: &Context<'_>) -> Result<TopicsResult, ErrorBody> {
        context.admin.topics()
    }
}
