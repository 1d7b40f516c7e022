//! The state of the cluster: who the brokers are, and whether any answers. One thread asks; everyone else looks on.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use protocol::{Cluster, ClusterState, ErrorCode};
use tokio::sync::watch;

use super::client_config::Connection;
use super::oauth::Tokens;
use super::questions::Questions;
use super::{group_protocol, native};
use crate::kafka::error::kafka_error;

/// How often Kafka is asked. With the time-out below a dead cluster is known within 1.5 s; the promise is 2 s.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_millis(1000);

/// The latest state, shared.
pub type ClusterWatch = watch::Receiver<Cluster>;

/// Watches the cluster until nobody asks questions any more.
pub fn watch_cluster(questions: &Arc<Questions>, connection: &Connection) -> std::io::Result<ClusterWatch> {
    let unknown = Cluster {
        id: None,
        demo: connection.demo,
        brokers: Vec::new(),
        state: ClusterState::Down,
        bootstrap_servers: connection.bootstrap_servers.clone(),
        error: None,
    };
    let (sender, receiver) = watch::channel(unknown);
    let questions = Arc::downgrade(questions);
    let connection = connection.clone();
    std::thread::Builder::new()
        .name("kafka-cluster".to_owned())
        .spawn(move || ask(&questions, &connection, &sender))?;
    Ok(receiver)
}

fn ask(questions: &Weak<Questions>, connection: &Connection, sender: &watch::Sender<Cluster>) {
    let mut known = false;
    loop {
        let asked = Instant::now();
        let Some(questions) = questions.upgrade() else { return };
        questions.serve_events();
        let next = observe(&questions, &connection.tokens, &sender.borrow());
        drop(questions);
        let was_up = sender.borrow().state == ClusterState::Up;
        report(&next, was_up, known);
        learn_group_protocol(connection, &next, was_up);
        known = true;
        sender.send_if_modified(|cluster| {
            let changed = *cluster != next;
            *cluster = next;
            changed
        });
        std::thread::sleep(ASK_EVERY.saturating_sub(asked.elapsed()).max(Duration::from_millis(50)));
    }
}

fn observe(questions: &Questions, tokens: &Tokens, last: &Cluster) -> Cluster {
    match native::fetch_brokers(questions.brokers_client(), ANSWER_WITHIN) {
        Ok(mut list) => {
            list.brokers.sort_by_key(|broker| broker.id);
            let id = last.id.clone().or_else(|| questions.brokers_client().fetch_cluster_id(Duration::ZERO));
            Cluster { id, brokers: list.brokers, state: ClusterState::Up, error: None, ..last.clone() }
        }
        Err(code) => {
            let error = match tokens.failure() {
                // Without a token no broker is even asked.
                Some(failure) => kafka_error(ErrorCode::AuthenticationFailed, code, failure.to_string()),
                None => {
                    let message = format!(
                        "no Kafka broker answers at {}; the bridge keeps trying and goes on by itself",
                        last.bootstrap_servers
                    );
                    kafka_error(ErrorCode::KafkaUnreachable, code, message)
                }
            };
            Cluster { state: ClusterState::Down, error: Some(error), ..last.clone() }
        }
    }
}

/// Asks once whenever Kafka comes up: it may have been upgraded meanwhile.
fn learn_group_protocol(connection: &Connection, cluster: &Cluster, was_up: bool) {
    let ask_again = !was_up || connection.group_protocol.get().is_none();
    let Some(broker) = cluster.brokers.first().filter(|_| cluster.state == ClusterState::Up && ask_again) else {
        return;
    };
    // The mock answers no such question, and it is known what it speaks.
    if !connection.demo {
        connection.group_protocol.set(group_protocol::ask(connection, broker.id, ANSWER_WITHIN));
    }
}

fn report(cluster: &Cluster, was_up: bool, known: bool) {
    let servers = &cluster.bootstrap_servers;
    match cluster.state {
        ClusterState::Up if !was_up => tracing::info!(servers, brokers = cluster.brokers.len(), "Kafka answers"),
        ClusterState::Down if was_up || !known => {
            tracing::warn!(servers, "no Kafka broker answers; trying again until one does");
        }
        _ => {}
    }
}
