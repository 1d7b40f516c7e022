//! What the bridge sends to a socket without a request: outcomes, and changes of the cluster and of its schema registry.

use std::sync::Arc;

use feed::Listener;
use kafka::cluster::ClusterWatch;
use protocol::{ClusterChanged, ProduceWaiting, RegistryChanged, RegistryState, ServerMessage};
use serdes::registry;
use tokio::sync::watch;

use super::frame::Frame;
use super::ledger::Ledger;
use super::outbox::{AtOnce, Outbox};

/// Writes a session's outcomes to its socket.
pub(super) struct Outcomes {
    pub ledger: Arc<Ledger>,
    pub outbox: Outbox,
}

impl Listener for Outcomes {
    fn notify(&self) -> bool {
        let produced = || Some(Frame::text(&ServerMessage::from(self.ledger.take_outcomes()?).to_json()));
        self.outbox.write_at_once(produced) != AtOnce::Busy
    }
}

pub(super) async fn send_outcomes(ledger: Arc<Ledger>, outbox: Outbox) {
    // After a resume there may be outcomes that the lost socket did not send.
    while outbox.send_latest(|| ledger.take_outcomes()).await.is_ok() {
        for waiting in ledger.take_waiting() {
            if outbox.send(ProduceWaiting::clone(&waiting)).await.is_err() {
                return;
            }
        }
        ledger.wait_for_unreported().await;
    }
}

/// Sends the state at once, and again when it changes.
pub(super) async fn send_registry_changes(mut state: watch::Receiver<registry::RegistryState>, outbox: Outbox) {
    loop {
        let latest = || {
            let (state, reason) = match &*state.borrow_and_update() {
                registry::RegistryState::Unknown => (RegistryState::Unknown, None),
                registry::RegistryState::Up => (RegistryState::Up, None),
                registry::RegistryState::Down { reason, .. } => (RegistryState::Down, Some(reason.clone())),
            };
            Some(RegistryChanged { state, reason })
        };
        if outbox.send_latest(latest).await.is_err() || state.changed().await.is_err() {
            return;
        }
    }
}

pub(super) async fn send_cluster_changes(mut cluster: ClusterWatch, outbox: Outbox) {
    while cluster.changed().await.is_ok() {
        let sent = outbox.send_latest(|| Some(ClusterChanged { cluster: cluster.borrow_and_update().clone() })).await;
        if sent.is_err() {
            return;
        }
    }
}
