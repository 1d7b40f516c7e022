//! `add_partitions`: adds partitions to a topic. This cannot be undone, and keys map to other partitions afterwards.

use protocol::{AddPartitions, AddPartitionsResult, ErrorBody, MessageBody};

use super::{Context, Handler, require_confirmation, topic};

impl Handler for AddPartitions {
    fn apply(self, context: &Context<'_>) -> Result<AddPartitionsResult, ErrorBody> {
        let name = topic(&self.name)?;
        require_confirmation::<Self>(&self.name, &self.confirm)?;
        let added = context.admin.add_partitions(&name, &self)?;
        tracing::info!(
            target: "audit",
            asker = %context.asker, cluster = %context.asker.cluster,
            change = Self::NAME,
            topic = %name,
            old = added.from,
            new = added.partitions,
            "audit: partitions added"
        );
        Ok(added)
    }
}
