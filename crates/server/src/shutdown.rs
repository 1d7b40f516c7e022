//! The order in which the bridge's parts stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::traces;
use crate::websocket::Shared;

/// The total time for shutdown. When it is over, [`drain`] returns even if some parts are still running.
const GRACE: Duration = Duration::from_millis(4500);

/// How long produced records may take to be delivered. Afterwards they fail, and their senders get that outcome.
const FLUSH_WITHIN: Duration = Duration::from_millis(1500);

/// How long sockets may take to send their last outcomes and their close frame.
const SOCKETS_WITHIN: Duration = Duration::from_millis(3000);

/// How long the export of the last traces may take.
const TRACES_WITHIN: Duration = Duration::from_millis(500);

/// Runs after the shutdown token was cancelled: sockets send their last outcomes and close with 1001, readers commit
/// and leave their groups, the producer is flushed.
pub async fn drain(shared: Arc<Shared>) {
    let deadline = Instant::now() + GRACE;
    tracing::info!("shutting down");
    // The flush starts first, so that sockets can still send the outcomes.
    let mut flushing = JoinSet::new();
    for cluster in shared.clusters.iter().cloned() {
        flushing.spawn_blocking(move || cluster.producer.flush_or_give_up(FLUSH_WITHIN));
    }
    shared.tasks.close();
    if tokio::time::timeout(SOCKETS_WITHIN, shared.tasks.wait()).await.is_err() {
        tracing::warn!(open = shared.tasks.len(), "some sockets did not close in time");
    }
    let mut readers = JoinSet::new();
    for cluster in shared.clusters.iter().cloned() {
        readers.spawn_blocking(move || cluster.feeds.close(deadline));
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let finished = tokio::time::timeout(left, async {
        while let Some(closed) = readers.join_next().await {
            if let Err(error) = closed {
                tracing::error!(%error, "the task that stops the readers failed");
            }
        }
        while let Some(flushed) = flushing.join_next().await {
            match flushed {
                Ok(0) => {}
                Ok(given_up) => {
                    tracing::warn!(
                        given_up,
                        "Kafka sent no delivery report for some records; their senders were notified"
                    );
                }
                Err(error) => tracing::error!(%error, "the task that flushes the producer failed"),
            }
        }
    });
    if finished.await.is_err() {
        tracing::warn!("some parts did not stop in time");
    }
    let left = deadline.saturating_duration_since(Instant::now());
    // Blocks while the last traces are exported.
    let _ = tokio::task::spawn_blocking(move || traces::shut_down(left.min(TRACES_WITHIN))).await;
    tracing::info!("shutdown complete");
}
