//! The subscriptions of one socket: how many there may be, and which of them are still ending.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{ErrorBody, ErrorCode, Format};
use tokio::time::Instant;

use super::outbox::Outbox;
use super::subscription::Subscription;
use super::{LIMITS, Shared};
use crate::feeds::FeedRequest;
use feed::{Cursor, Left};

/// How long a new subscription waits for the reader of one that was just ended, where there is no room for both.
const ROOM_WITHIN: Duration = Duration::from_secs(2);

/// How often it looks whether there is room.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a client that was refused waits before it tries again.
const RETRY_AFTER_MS: u64 = 1000;

#[derive(Default)]
pub struct Subscriptions {
    open: HashMap<u32, Subscription>,
    /// Ended by the client; each counts until its reader is gone, which may take as long as Kafka does.
    ending: Vec<Left>,
    last: u32,
}

impl Subscriptions {
    pub fn get(&self, number: u32) -> Result<&Subscription, ErrorBody> {
        self.open.get(&number).ok_or_else(|| unknown(number))
    }

    /// Joins the feed that fits, or starts one; the number is the subscription's.
    pub async fn begin(&mut self, shared: &Arc<Shared>, request: FeedRequest) -> Result<(u32, Cursor), ErrorBody> {
        let give_up_at = Instant::now() + ROOM_WITHIN;
        loop {
            let error = match self.require_room() {
                Ok(()) => match join(shared, request.clone()).await {
                    Ok(cursor) => {
                        self.last += 1;
                        return Ok((self.last, cursor));
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // Only this socket waits, and only while something is about to make room.
            let is_full = error.code == ErrorCode::TooManyReaders.number();
            let may_wait = if is_full { shared.feeds.is_any_making_room() } else { !self.ending.is_empty() };
            let is_limit = is_full || error.code == ErrorCode::TooManySubscriptions.number();
            if !is_limit || !may_wait || Instant::now() >= give_up_at {
                return Err(error);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Starts to carry its records; the returned future is the task.
    pub fn carry(
        &mut self,
        number: u32,
        cursor: Cursor,
        format: Format,
        outbox: Outbox,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (subscription, carrier) = Subscription::start(number, cursor, format, outbox);
        self.open.insert(number, subscription);
        carrier
    }

    /// Ends one; the reply to request `id` follows its last record.
    pub fn end(&mut self, number: u32, id: Option<u64>) -> Result<(), ErrorBody> {
        let subscription = self.open.remove(&number).ok_or_else(|| unknown(number))?;
        self.ending.push(subscription.unsubscribe(id));
        Ok(())
    }

    fn require_room(&mut self) -> Result<(), ErrorBody> {
        self.ending.retain(Left::still_counts);
        let (open, ending) = (self.open.len(), self.ending.len());
        if open + ending < LIMITS.subscriptions as usize {
            return Ok(());
        }
        let most = LIMITS.subscriptions;
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

async fn join(shared: &Arc<Shared>, request: FeedRequest) -> Result<Cursor, ErrorBody> {
    let permit = shared.gate.subscribe().await;
    let feeds = Arc::clone(&shared.feeds);
    // Making a Kafka consumer starts threads and takes milliseconds.
    let joined = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        feeds.subscribe(request)
    });
    joined.await.unwrap_or_else(|error| Err(ErrorBody::new(ErrorCode::Internal, error.to_string())))
}

pub fn unknown(number: u32) -> ErrorBody {
    ErrorBody::new(ErrorCode::UnknownSubscription, format!("there is no subscription {number} on this socket"))
}
