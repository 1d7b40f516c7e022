//! The state of the cluster: its brokers, whether any of them answers, and if not, why. One thread queries the brokers
//! and publishes the state.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use protocol::{Cluster, ClusterState, ErrorBody, ErrorCode};
use tokio::sync::watch;

use super::client_config::Connection;
use super::diagnosis::{Diagnosis, unreachable_advertised_address};
use super::metadata_client::MetadataClient;
use super::{group_protocol, native};

/// The interval and the time limit of requests. Together they bound the time until a lost cluster is noticed to 1.5 s;
/// the bridge's documentation says 2 s.
const REQUEST_EVERY: Duration = Duration::from_millis(500);
const REQUEST_TIMEOUT: Duration = Duration::from_millis(1000);

/// Receives the latest state.
pub type ClusterWatch = watch::Receiver<Cluster>;

/// Starts the thread `kafka-cluster`, which ends when the metadata client is dropped.
///
/// # Errors
/// If the thread cannot be started.
pub fn watch_cluster(metadata_client: &Arc<MetadataClient>, connection: &Connection) -> std::io::Result<ClusterWatch> {
    let unknown = Cluster {
        id: None,
        demo: connection.demo,
        brokers: Vec::new(),
        state: ClusterState::Down,
        bootstrap_servers: connection.bootstrap_servers.clone(),
        named_by_user: connection.named_by_user,
        error: None,
    };
    let (sender, receiver) = watch::channel(unknown);
    let watcher = Watcher {
        metadata_client: Arc::downgrade(metadata_client),
        connection: connection.clone(),
        diagnosis: Diagnosis::new(connection.clone()),
        sender,
    };
    std::thread::Builder::new().name("kafka-cluster".to_owned()).spawn(move || watcher.run())?;
    Ok(receiver)
}

/// Adds the reason why no broker answers, once it is known, to an error that says that no broker answered.
pub fn with_reason(error: ErrorBody, cluster: &Cluster) -> ErrorBody {
    match &cluster.error {
        Some(reason) if cluster.state == ClusterState::Down && error.code == ErrorCode::KafkaUnreachable.number() => {
            let message = format!("{}: {}", error.message, reason.message);
            ErrorBody { message, kafka: error.kafka.or_else(|| reason.kafka.clone()), ..reason.clone() }
        }
        _ => error,
    }
}

struct Watcher {
    metadata_client: Weak<MetadataClient>,
    connection: Connection,
    diagnosis: Diagnosis,
    sender: watch::Sender<Cluster>,
}

impl Watcher {
    fn run(mut self) {
        loop {
            let requested_at = Instant::now();
            let Some(metadata_client) = self.metadata_client.upgrade() else { return };
            metadata_client.serve_events();
            let last = self.sender.borrow().clone();
            let next = self.observe(&metadata_client, &last);
            self.report(&last, &next);
            self.fetch_group_protocol(&metadata_client, &next, &last);
            drop(metadata_client);
            self.sender.send_if_modified(|cluster| {
                let changed = *cluster != next;
                *cluster = next;
                changed
            });
            std::thread::sleep(REQUEST_EVERY.saturating_sub(requested_at.elapsed()).max(Duration::from_millis(50)));
        }
    }

    fn observe(&mut self, metadata_client: &MetadataClient, last: &Cluster) -> Cluster {
        let (brokers, error) = match native::fetch_brokers(metadata_client.brokers_client(), REQUEST_TIMEOUT) {
            Ok(mut list) => {
                list.brokers.sort_by_key(|broker| broker.id);
                let has_changed = last.state == ClusterState::Down || list.brokers != last.brokers;
                let unreachable =
                    has_changed.then(|| unreachable_advertised_address(&last.bootstrap_servers, &list.brokers));
                (list.brokers, unreachable.flatten())
            }
            Err(code) => {
                // The connection errors are in the client's queue by now.
                metadata_client.serve_events();
                (last.brokers.clone(), Some(self.diagnosis.reason(code)))
            }
        };
        if error.is_none() && last.state == ClusterState::Down {
            self.diagnosis.clear();
        }
        let id = last.id.clone().or_else(|| metadata_client.brokers_client().fetch_cluster_id(Duration::ZERO));
        let state = if error.is_none() { ClusterState::Up } else { ClusterState::Down };
        Cluster { id, brokers, state, error, ..last.clone() }
    }

    /// Logs one line for each change of state: up, down, and down for another reason.
    fn report(&self, last: &Cluster, now: &Cluster) {
        let servers = &now.bootstrap_servers;
        let reason_of = |cluster: &Cluster| cluster.error.as_ref().map(|error| (error.code, error.broker.clone()));
        match &now.error {
            None if last.state == ClusterState::Down => {
                tracing::info!(servers, brokers = now.brokers.len(), "Kafka answers");
            }
            // A failure to fetch a token is logged by `oauth`.
            Some(error) if reason_of(last) != reason_of(now) && self.connection.tokens.failure().is_none() => {
                tracing::warn!(servers, reason = error.name, "{}; trying again until it works", error.message);
            }
            _ => {}
        }
    }

    /// Fetches the group protocol whenever Kafka comes up, because it may have been upgraded meanwhile.
    fn fetch_group_protocol(&self, metadata_client: &MetadataClient, cluster: &Cluster, last: &Cluster) {
        let is_outdated = last.state == ClusterState::Down || self.connection.group_protocol.get().is_none();
        let Some(broker) = cluster.brokers.first().filter(|_| cluster.state == ClusterState::Up && is_outdated) else {
            return;
        };
        // The mock does not support the request, and its protocols are known.
        if !self.connection.demo {
            let protocol = group_protocol::of_broker(metadata_client.brokers_client(), broker.id, REQUEST_TIMEOUT);
            self.connection.group_protocol.set(protocol);
        }
    }
}
