//! `timeline`: counts the records of a topic over time.

use protocol::{ErrorBody, ErrorCode, TimelineRequest, TimelineResult, limits};

use super::{Context, Handler, topic};

impl Handler for TimelineRequest {
    fn apply(self, context: &Context<'_>) -> Result<TimelineResult, ErrorBody> {
        let name = topic(&self.topic)?;
        let Self { from, to, buckets, .. } = &self;
        let most = limits::TIMELINE_BUCKETS;
        if *from < 0 || from >= to || !(1..=most).contains(buckets) {
            let message = format!(
                "from {from} to {to} in {buckets} buckets: use times in milliseconds since 1970-01-01 UTC, the earlier one first, and 1 to \
                 {most} buckets"
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        context.admin.timeline(&name, &self)
    }
}
