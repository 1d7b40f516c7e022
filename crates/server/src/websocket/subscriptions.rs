//! The subscriptions of one socket: limits their number, and tracks those that are still ending.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::SUBSCRIPTIONS;
use protocol::{ErrorBody, ErrorCode};
use tokio::time::Instant;

use super::gate::Gate;
use super::outbox::Outbox;
use super::subscription::Subscription;
use crate::clusters::Cluster;
use crate::feeds::FeedRequest;
use crate::metrics::ClusterMetrics;
use crate::variants::HeldVariant;
use feed::{ClosingCursor, Cursor};
use serdes::Decoder;

/// How long a new subscription waits for an ending one to free its reader, if there is no room for both.
const ROOM_WITHIN: Duration = Duration::from_secs(2);

/// How often it checks whether there is room.
const ROOM_CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// How long a refused client should wait before it tries again.
const RETRY_AFTER_MS: u64 = 1000;

#[derive(Default)]
pub struct Subscriptions {
    open: HashMap<u32, Subscription>,
    /// Subscriptions that the client ended. Each counts until its reader has ended, which may take as long as Kafka
    /// needs.
    ending: Vec<ClosingCursor>,
    last: u32,
}

impl Subscriptions {
    pub fn get(&self, number: u32) -> Result<&Subscription, ErrorBody> {
        self.open.get(&number).ok_or_else(|| unknown(number))
    }

    /// Joins an existing feed that fits, or starts one. Returns the subscription's number and cursor.
    pub async fn join_feed(
        &mut self,
        gate: &Gate,
        cluster: &Arc<Cluster>,
        request: FeedRequest,
    ) -> Result<(u32, Cursor), ErrorBody> {
        let give_up_at = Instant::now() + ROOM_WITHIN;
        loop {
            let error = match self.require_room() {
                Ok(()) => match subscribe_on_thread(gate, cluster, request.clone()).await {
                    Ok(cursor) => {
                        self.last += 1;
                        return Ok((self.last, cursor));
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // Only this socket waits, and only while a reader is about to end.
            let is_full = error.code == ErrorCode::TooManyReaders.number();
            let may_wait = if is_full { cluster.feeds.frees_a_reader_soon() } else { !self.ending.is_empty() };
            let is_limit = is_full || error.code == ErrorCode::TooManySubscriptions.number();
            if !is_limit || !may_wait || Instant::now() >= give_up_at {
                return Err(error);
            }
            tokio::time::sleep(ROOM_CHECK_INTERVAL).await;
        }
    }

    /// Starts to send the subscription's records; the returned future is the task.
    pub fn start(
        &mut self,
        number: u32,
        cursor: Cursor,
        variant: HeldVariant,
        decoder: Arc<Decoder>,
        outbox: Outbox,
        metrics: &'static ClusterMetrics,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (subscription, task) = Subscription::start(number, cursor, variant, decoder, outbox, metrics);
        self.open.insert(number, subscription);
        task
    }

    /// Ends a subscription; the reply to request `id` follows its last record.
    pub fn end(&mut self, number: u32, id: Option<u64>) -> Result<(), ErrorBody> {
        let subscription = self.open.remove(&number).ok_or_else(|| unknown(number))?;
        self.ending.push(subscription.unsubscribe(id));
        Ok(())
    }

    fn require_room(&mut self) -> Result<(), ErrorBody> {
        self.ending.retain(ClosingCursor::still_counts);
        let (open, ending) = (self.open.len(), self.ending.len());
        if open + ending < SUBSCRIPTIONS as usize {
            return Ok(());
        }
        let most = SUBSCRIPTIONS;
        if ending == 0 {
            let message = format!("a socket has at most {most} subscriptions; end one first");
            return Err(ErrorBody::new(ErrorCode::TooManySubscriptions, message));
        }
        let message = format!(
            "a socket has at most {most} subscriptions: {open} are open, and the consumers of {ending} that were ended are \
             still closing; try again in a moment"
        );
        let error = ErrorBody::new(ErrorCode::TooManySubscriptions, message);
        Err(ErrorBody { retriable: true, retry_after_ms: Some(RETRY_AFTER_MS), ..error })
    }
}

async fn subscribe_on_thread(gate: &Gate, cluster: &Arc<Cluster>, request: FeedRequest) -> Result<Cursor, ErrorBody> {
    let permit = gate.subscribe().await;
    let cluster = Arc::clone(cluster);
    // On a blocking thread, since creating a Kafka consumer starts threads and takes milliseconds.
    let joined = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        cluster.feeds.subscribe(request)
    });
    joined.await.unwrap_or_else(|error| Err(ErrorBody::new(ErrorCode::Internal, error.to_string())))
}

pub fn unknown(number: u32) -> ErrorBody {
    ErrorBody::new(ErrorCode::UnknownSubscription, format!("there is no subscription {number} on this socket"))
}
