//! The Kafka clusters that the bridge serves, by name. State that belongs to one cluster is in its [`Cluster`]; state
//! of the whole bridge is in [`Shared`](crate::websocket::Shared).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka::admin::Admin;
use kafka::cluster::ClusterWatch;
use kafka::producer::Producer;
use kafka::statistics::Statistics;
use protocol::{ClusterName, ErrorBody, ErrorCode};

use crate::feeds::Feeds;
use crate::views::Views;

/// A Kafka cluster and every client of it.
pub struct Cluster {
    pub name: ClusterName,
    pub producer: Producer,
    pub feeds: Feeds,
    pub admin: Arc<Admin>,
    pub views: Arc<Views>,
    /// What librdkafka reports about its connections, for `/metrics`.
    pub statistics: Arc<Statistics>,
    /// Whether Kafka is up, and who the brokers are.
    pub state: ClusterWatch,
}

/// All clusters. Each socket looks its cluster up once, when it says `hello`, and keeps it.
pub struct Clusters {
    /// For clients that name no cluster, which includes every request over HTTP.
    first: Arc<Cluster>,
    by_name: BTreeMap<ClusterName, Arc<Cluster>>,
}

impl Clusters {
    pub fn new(first: Cluster) -> Self {
        let first = Arc::new(first);
        Self { by_name: BTreeMap::from([(first.name.clone(), Arc::clone(&first))]), first }
    }

    pub fn first(&self) -> &Arc<Cluster> {
        &self.first
    }

    /// The cluster that `hello.cluster` names, or the first one.
    ///
    /// # Errors
    /// When there is no cluster of that name; the message lists the names.
    pub fn find(&self, name: Option<&ClusterName>) -> Result<&Arc<Cluster>, ErrorBody> {
        let Some(name) = name else { return Ok(&self.first) };
        self.by_name.get(name).ok_or_else(|| unknown_cluster(name, self.by_name.keys()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.by_name.values()
    }
}

fn unknown_cluster<'n>(name: &ClusterName, existing: impl Iterator<Item = &'n ClusterName>) -> ErrorBody {
    let existing: Vec<&str> = existing.map(ClusterName::as_str).collect();
    let message = format!("no cluster \"{name}\"; this bridge has: {}", existing.join(", "));
    ErrorBody::new(ErrorCode::UnknownCluster, message)
}

#[cfg(test)]
mod tests {
    use protocol::CloseCode;

    use super::*;

    #[test]
    fn error_about_unknown_cluster_lists_existing_ones_and_fits_into_a_close_frame() {
        let name = |name: &str| ClusterName::parse(name).expect("a valid name");
        let asked = name(&"x".repeat(ClusterName::MAX_LEN));
        let error = unknown_cluster(&asked, [name("prod"), name("test")].iter());
        assert_eq!(error.code, ErrorCode::UnknownCluster.number());
        assert!(error.message.contains(asked.as_str()) && error.message.ends_with("prod, test"), "{error:?}");
        assert!(error.message.len() <= CloseCode::MAX_REASON_BYTES, "{error:?}");
    }
}
