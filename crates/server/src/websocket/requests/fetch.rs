//! `fetch`: reads a range of records once.

use protocol::{ErrorBody, ErrorCode, Fetch, Fetched};

use super::super::gate::Work;
use super::{Context, Handler, topic};

impl Handler for Fetch {
    const WORK: Work = Work::Fetch;

    fn apply(self, context: &Context<'_>) -> Result<Fetched, ErrorBody> {
        let name = topic(&self.topic)?;
        if self.from > self.to || self.from.0 < 0 || self.partition < 0 {
            let message = format!(
                "partition {}, offsets {} to {}: a range goes forward, and partitions and offsets count from 0",
                self.partition, self.from, self.to
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        let mut fetched = context.admin.fetch(&name, &self)?;
        if let Some(masks) = context.permissions.masks([name.as_str()]) {
            masks.apply_to_records(name.as_str(), &mut fetched.records);
            fetched.masked = masks.fields();
        }
        Ok(fetched)
    }
}
