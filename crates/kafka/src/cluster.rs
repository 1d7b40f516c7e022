//! The state of the cluster: who the brokers are, whether any answers, and if not, why. One thread asks; everyone else looks on.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use protocol::{Cluster, ClusterState, ErrorBody, ErrorCode};
use tokio::sync::watch;

use super::client_config::Connection;
use super::diagnosis::{Diagnosis, unreachable_advertised_address};
use super::metadata_client::MetadataClient;
use super::{group_protocol, native};

/// How often Kafka is asked. With the time-out below a dead cluster is known within 1.5 s; the promise is 2 s.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_millis(1000);

/// The latest state, shared.
pub type ClusterWatch = watch::Receiver<Cluster>;

/// Watches the cluster until the metadata client is dropped.
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

/// What a request is answered that failed because no broker answers: with the reason, once it is known.
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
            let asked = Instant::now();
            let Some(metadata_client) = self.metadata_client.upgrade() else { return };
            metadata_client.serve_events();
            let last = self.sender.borrow().clone();
            let next = self.observe(&metadata_client, &last);
            self.report(&last, &next);
            self.learn_group_protocol(&metadata_client, &next, &last);
            drop(metadata_client);
            self.sender.send_if_modified(|cluster| {
                let changed = *cluster != next;
                *cluster = next;
                changed
            });
            std::thread::sleep(ASK_EVERY.saturating_sub(asked.elapsed()).max(Duration::from_millis(50)));
        }
    }

    fn observe(&mut self, metadata_client: &MetadataClient, last: &Cluster) -> Cluster {
        let (brokers, error) = match native::fetch_brokers(metadata_client.brokers_client(), ANSWER_WITHIN) {
            Ok(mut list) => {
                list.brokers.sort_by_key(|broker| broker.id);
                let is_news = last.state == ClusterState::Down || list.brokers != last.brokers;
                let unreachable =
                    is_news.then(|| unreachable_advertised_address(&last.bootstrap_servers, &list.brokers));
                (list.brokers, unreachable.flatten())
            }
            Err(code) => {
                // What failed lies in the queue by now.
                metadata_client.serve_events();
                (last.brokers.clone(), Some(self.diagnosis.reason(code)))
            }
        };
        if error.is_none() && last.state == ClusterState::Down {
            self.diagnosis.forget();
        }
        let id = last.id.clone().or_else(|| metadata_client.brokers_client().fetch_cluster_id(Duration::ZERO));
        let state = if error.is_none() { ClusterState::Up } else { ClusterState::Down };
        Cluster { id, brokers, state, error, ..last.clone() }
    }

    /// One line of the log for each change of state: up, down, and down for another reason.
    fn report(&self, last: &Cluster, now: &Cluster) {
        let servers = &now.bootstrap_servers;
        let told = |cluster: &Cluster| cluster.error.as_ref().map(|error| (error.code, error.broker.clone()));
        match &now.error {
            None if last.state == ClusterState::Down => {
                tracing::info!(servers, brokers = now.brokers.len(), "Kafka answers");
            }
            // A token that cannot be fetched has a line already.
            Some(error) if told(last) != told(now) && self.connection.tokens.failure().is_none() => {
                tracing::warn!(servers, reason = error.name, "{}; trying again until it works", error.message);
            }
            _ => {}
        }
    }

    /// Asks once whenever Kafka comes up: it may have been upgraded meanwhile.
    fn learn_group_protocol(&self, metadata_client: &MetadataClient, cluster: &Cluster, last: &Cluster) {
        let ask_again = last.state == ClusterState::Down || self.connection.group_protocol.get().is_none();
        let Some(broker) = cluster.brokers.first().filter(|_| cluster.state == ClusterState::Up && ask_again) else {
            return;
        };
        // The mock does not answer this request, and its protocols are known.
        if !self.connection.demo {
            let protocol = group_protocol::ask(metadata_client.brokers_client(), broker.id, ANSWER_WITHIN);
            self.connection.group_protocol.set(protocol);
        }
    }
}
