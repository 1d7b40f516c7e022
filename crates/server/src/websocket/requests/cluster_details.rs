//! `cluster_details`: brokers, versions, under-replicated and offline partitions.

use protocol::{ClusterDetailsRequest, ClusterDetailsResult, ErrorBody};

use super::{Context, Handler};

impl Handler for ClusterDetailsRequest {
    fn apply(self, context: &Context<'_>) -> Result<ClusterDetailsResult, ErrorBody> {
        Ok(ClusterDetailsResult { details: context.permissions.visible_details(context.admin.cluster_details()?) })
    }
}
