//! The order in which things end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::websocket::Shared;

/// Everything is over by then, done or not.
const GRACE: Duration = Duration::from_millis(4500);

/// What is on its way to Kafka has this long to arrive; then it is given up, and its senders are told.
const FLUSH_WITHIN: Duration = Duration::from_millis(1500);

/// Sockets have this long for their last outcomes and their close frame.
const SOCKETS_WITHIN: Duration = Duration::from_millis(3000);

/// After the token was cancelled: sockets close (each tells its last outcomes and says 1001), readers commit and leave
/// their groups, the producer empties its queue.
pub async fn drain(shared: Arc<Shared>) {
    let deadline = Instant::now() + GRACE;
    tracing::info!("shutting down");
    // What waits in the producer leaves now, so that sockets can still tell its outcome.
    let flushing = {
        let producer = Arc::clone(&shared.producer);
        tokio::task::spawn_blocking(move || producer.flush_or_give_up(FLUSH_WITHIN))
    };
    shared.tasks.close();
    if tokio::time::timeout(SOCKETS_WITHIN, shared.tasks.wait()).await.is_err() {
        tracing::warn!(open = shared.tasks.len(), "some sockets did not close in time");
    }
    let readers = {
        let feeds = Arc::clone(&shared.feeds);
        tokio::task::spawn_blocking(move || feeds.close(deadline))
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let finished = tokio::time::timeout(left, async {
        if let Err(error) = readers.await {
            tracing::error!(%error, "the readers did not end in order");
        }
        match flushing.await {
            Ok(0) => {}
            Ok(given_up) => tracing::warn!(given_up, "Kafka did not answer for some records; their senders know"),
            Err(error) => tracing::error!(%error, "the producer was not flushed"),
        }
    });
    if finished.await.is_err() {
        tracing::warn!("not everything ended in time");
    }
    tracing::info!("done");
}
