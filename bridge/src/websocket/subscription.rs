//! One subscription of a session: its request checked, and the task that carries its cursor's records to the outbox.

use std::sync::Arc;

use protocol::{
    Ack, Assigned, CloseCode, Committed, ErrorBody, ErrorCode, ErrorMessage, Flow, Format, Gap, GroupId, Mode, Offset,
    Position, Revoked, Subscribe, TopicName, TopicPartition, Unsubscribed, WhenSlow, Window,
};
use tokio_util::sync::CancellationToken;

use super::frame::Frame;
use super::outbox::{Gone, Outbox};
use crate::feed::{Cursor, Delivered, Event, FeedRequest, ReadMode, Start};

/// How many topics one subscription may name.
const MAX_TOPICS: usize = 64;

/// The session's handle on a running subscription.
pub struct Subscription {
    cursor: Arc<Cursor>,
    ending: CancellationToken,
    unsubscribe_id: Arc<std::sync::OnceLock<Option<u64>>>,
}

impl Subscription {
    /// Starts to carry records; the returned future is the task.
    pub fn start(
        number: u32,
        cursor: Cursor,
        format: Format,
        outbox: Outbox,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let cursor = Arc::new(cursor);
        let ending = CancellationToken::new();
        let unsubscribe_id = Arc::new(std::sync::OnceLock::new());
        let carrier = Carrier {
            number,
            cursor: Arc::clone(&cursor),
            format,
            outbox,
            ending: ending.clone(),
            unsubscribe_id: Arc::clone(&unsubscribe_id),
        };
        (Self { cursor, ending, unsubscribe_id }, carrier.run())
    }

    pub fn flow(&self, flow: &Flow) -> Result<(), ErrorBody> {
        let credit = Window { records: flow.records, bytes: flow.bytes };
        self.cursor.flow(flow.through, credit).map_err(|never| {
            let message = format!("through {}: the last record sent has number {}", flow.through, never.last_sent);
            ErrorBody::new(ErrorCode::BadRequest, message)
        })
    }

    pub fn acknowledge(&self, ack: Ack) {
        for Position { topic, partition, offset } in ack.positions {
            self.cursor.acknowledge(&TopicPartition { topic, partition }, offset.0);
        }
    }

    /// Ends it; the reply to request `id` follows the last record.
    pub fn unsubscribe(self, id: Option<u64>) {
        // Set before the token: the carrier reads it after.
        let _ = self.unsubscribe_id.set(id);
        self.ending.cancel();
    }
}

/// Checks a `subscribe` and turns it into a request for a feed.
pub fn check(request: Subscribe) -> Result<FeedRequest, ErrorBody> {
    if request.topics.is_empty() || request.topics.len() > MAX_TOPICS {
        let message = format!("{} topics; name 1 to {MAX_TOPICS}", request.topics.len());
        return Err(ErrorBody::new(ErrorCode::BadRequest, message));
    }
    let topics = request.topics.iter().map(|name| TopicName::parse(name)).collect::<Result<Vec<_>, _>>();
    let mut topics = topics.map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))?;
    topics.sort();
    topics.dedup();
    let (mode, commit, when_slow) = match request.mode {
        Mode::Tail { start } => (ReadMode::Tail(start), None, WhenSlow::Skip),
        Mode::Group { id, start, commit } => {
            let id = GroupId::parse(&id).map_err(|e| ErrorBody::new(ErrorCode::InvalidGroup, e.to_string()))?;
            (ReadMode::Group { id, start }, Some(commit), WhenSlow::Block)
        }
    };
    let when_slow = request.when_slow.unwrap_or(when_slow);
    Ok(FeedRequest { topics, mode, commit, when_slow, window: request.window })
}

struct Carrier {
    number: u32,
    cursor: Arc<Cursor>,
    format: Format,
    outbox: Outbox,
    ending: CancellationToken,
    unsubscribe_id: Arc<std::sync::OnceLock<Option<u64>>>,
}

impl Carrier {
    async fn run(self) {
        loop {
            let delivered = tokio::select! {
                // An end asked for comes before more records.
                biased;
                () = self.ending.cancelled() => break,
                () = self.outbox.closed() => return,
                delivered = self.cursor.next() => delivered,
            };
            match delivered {
                Delivered::Ended => return,
                Delivered::TooSlow => {
                    let reason = "too slow for this topic; subscribe with when_slow block or skip";
                    return self.outbox.close(CloseCode::TooSlow, reason).await;
                }
                other => {
                    if self.carry(other).await.is_err() {
                        return;
                    }
                }
            }
        }
        self.cursor.close();
        let id = self.unsubscribe_id.get().copied().flatten();
        // If the socket is gone there is nobody to tell.
        let _ = self.outbox.reply(id, Unsubscribed { subscription: self.number }).await;
    }

    async fn carry(&self, delivered: Delivered) -> Result<(), Gone> {
        let subscription = self.number;
        match delivered {
            Delivered::Records { seq, batch, range } => {
                self.outbox.send_frame(Frame::records(subscription, seq, batch, range, self.format)).await
            }
            Delivered::Event(Event::Assigned(starts)) => {
                self.outbox.send(Assigned { subscription, partitions: positions(starts) }).await
            }
            Delivered::Event(Event::Revoked(partitions)) => {
                self.outbox.send(Revoked { subscription, partitions }).await
            }
            Delivered::Event(Event::Gap { partition: TopicPartition { topic, partition }, from, to, reason }) => {
                let (from, to) = (Offset(from), Offset(to));
                self.outbox.send(Gap { subscription, topic, partition, from, to, reason }).await
            }
            Delivered::Committed(starts) => {
                self.outbox.send(Committed { subscription, positions: positions(starts) }).await
            }
            Delivered::Trouble(error) => {
                self.outbox.send(ErrorMessage { subscription: Some(subscription), error }).await
            }
            // Both end the task before they get here.
            Delivered::TooSlow | Delivered::Ended => Ok(()),
        }
    }
}

fn positions(starts: Vec<Start>) -> Vec<Position> {
    let position = |Start { partition: TopicPartition { topic, partition }, offset }| Position {
        topic,
        partition,
        offset: Offset(offset),
    };
    starts.into_iter().map(position).collect()
}
