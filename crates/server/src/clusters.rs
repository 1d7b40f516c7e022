//! The Kafka clusters that the bridge serves, by name. State that belongs to one cluster is in its [`Cluster`]; state
//! of the whole bridge is in [`Shared`](crate::websocket::Shared).

use std::sync::Arc;

use kafka::admin::Admin;
use kafka::cluster::ClusterWatch;
use kafka::producer::Producer;
use kafka::record_limit::RecordLimit;
use kafka::statistics::Statistics;
use serdes::Decoder;

use protocol::{ClusterColour, ClusterName, ClusterSummary, Defaults, ErrorBody, ErrorCode};

use crate::feeds::Feeds;
use crate::views::Views;

/// A Kafka cluster and every client of it.
pub struct Cluster {
    pub name: ClusterName,
    pub colour: Option<ClusterColour>,
    /// Refuses every request that changes Kafka.
    pub read_only: bool,
    /// The default values of the page's forms.
    pub defaults: Defaults,
    pub producer: Producer,
    /// The largest record that the producer takes.
    pub record_limit: RecordLimit,
    pub feeds: Feeds,
    pub admin: Arc<Admin>,
    pub views: Arc<Views>,
    /// What librdkafka reports about its connections, for `/metrics`.
    pub statistics: Arc<Statistics>,
    /// Decodes keys and values for clients that ask for it, with the schemas of the cluster's registry.
    pub decoder: Arc<Decoder>,
    /// Whether Kafka is up, and who the brokers are.
    pub state: ClusterWatch,
}

impl Cluster {
    pub fn summary(&self) -> ClusterSummary {
        ClusterSummary { name: self.name.to_string(), colour: self.colour, read_only: self.read_only }
    }
}

/// All clusters. Each socket looks its cluster up once, when it says `hello`, and keeps it.
pub struct Clusters {
    /// In the order of the configuration; never empty.
    all: Vec<Arc<Cluster>>,
    /// For clients that name no cluster.
    first: Arc<Cluster>,
}

impl Clusters {
    /// `default`: the index of the cluster for clients that name none; `None` if there is no such cluster.
    pub fn new(clusters: Vec<Cluster>, default: usize) -> Option<Self> {
        let all: Vec<Arc<Cluster>> = clusters.into_iter().map(Arc::new).collect();
        let first = Arc::clone(all.get(default)?);
        Some(Self { all, first })
    }

    pub fn first(&self) -> &Arc<Cluster> {
        &self.first
    }

    /// The cluster that `hello.cluster` names; without a name the first one, or the first that the user may use.
    ///
    /// # Errors
    /// When the user may use no cluster of that name, whether it exists or not; the message lists the names of the others.
    pub fn find(&self, name: Option<&str>, may_use: impl Fn(&ClusterName) -> bool) -> Result<&Arc<Cluster>, ErrorBody> {
        let usable = || [&self.first].into_iter().chain(&self.all).filter(|cluster| may_use(&cluster.name));
        let found = match name {
            None => usable().next(),
            Some(name) => usable().find(|cluster| cluster.name.as_str() == name),
        };
        found.ok_or_else(|| match name {
            Some(name) => unknown_cluster(name, self.iter().map(|cluster| &cluster.name).filter(|name| may_use(name))),
            None => {
                ErrorBody::new(ErrorCode::Forbidden, "the access rules of this bridge allow you nothing in any cluster")
            }
        })
    }

    /// What `welcome` says about the clusters that a user may use.
    pub fn usable(&self, may_use: impl Fn(&ClusterName) -> bool) -> Vec<ClusterSummary> {
        self.iter().filter(|cluster| may_use(&cluster.name)).map(|cluster| cluster.summary()).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.all.iter()
    }
}

fn unknown_cluster<'n>(name: &str, existing: impl Iterator<Item = &'n ClusterName>) -> ErrorBody {
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
        let error = unknown_cluster(asked.as_str(), [name("prod"), name("test")].iter());
        assert_eq!(error.code, ErrorCode::UnknownCluster.number());
        assert!(error.message.contains(asked.as_str()) && error.message.ends_with("prod, test"), "{error:?}");
        assert!(error.message.len() <= CloseCode::MAX_REASON_BYTES, "{error:?}");
    }
}
