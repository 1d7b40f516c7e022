//! `add_partitions`: adds partitions to a topic. This cannot be undone, and keys map to other partitions afterwards.

use protocol::{AddPartitions, AddPartitionsResult, ErrorBody, MessageBody};

use super::super::audit::audit;
use super::{Context, Handler, require_confirmation, topic};

impl Handler for AddPartitions {
    fn apply(self, context: &Context<'_>) -> Result<AddPartitionsResult, ErrorBody> {
        let name = topic(&self.name)?;
        require_confirmation::<Self>(&self.name, &self.confirm)?;
        let added = context.admin.add_partitions(&name, &self)?;
        audit!(
            context.asker,
            change = Self::NAME,
            topic = %name,
            old = added.from,
            new = added.partitions,
            "audit: partitions added"
        );
        Ok(added)
    }
}
