//! A subscription that is closing, for the limits that count it until its Kafka client is gone.

use std::sync::Arc;

use super::{Feed, Life};

/// A subscription that is ending or has ended, and the feed whose reader may end with it.
pub struct ClosingCursor {
    feed: Arc<Feed>,
    id: u64,
}

impl ClosingCursor {
    pub(super) fn new(feed: Arc<Feed>, id: u64) -> Self {
        Self { feed, id }
    }

    /// Whether the subscription still uses resources: until it has left the feed and, if it was the last one there,
    /// until the reader has ended. A Kafka client has threads and sockets, and takes a while to close if Kafka does not
    /// respond.
    pub fn still_counts(&self) -> bool {
        let state = self.feed.lock();
        state.cursors.contains_key(&self.id) || state.life == Life::Ending
    }
}
