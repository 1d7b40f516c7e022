//! One subscription of a session: validates its request, and sends its cursor's records to the outbox.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use protocol::{
    Ack, Assigned, CloseCode, Committed, ErrorBody, ErrorCode, ErrorMessage, Flow, Gap, GroupId, Isolation, Mode,
    Offset, Position, RecordsWaiting, Revoked, ServerMessage, Subscribe, TailStart, TopicName, TopicPartition,
    Unsubscribed, WaitingPartition, WhenSlow, Window, limits,
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::frame::Frame;
use super::outbox::{AtOnce, Gone, Outbox};
use crate::feeds::FeedRequest;
use crate::metrics::{ClusterMetrics, METRICS};
use crate::names;
use crate::variants::HeldVariant;
use serdes::Decoder;

use feed::{Batch, ClosingCursor, Cursor, Delivered, Event, Listener, ReadMode, Start, Waiting};

/// How many topics one subscription may name.
const MAX_TOPICS: usize = limits::SUBSCRIPTION_TOPICS;

/// The session's handle of a running subscription.
pub struct Subscription {
    cursor: Arc<Cursor>,
    ending: CancellationToken,
    unsubscribe_id: Arc<std::sync::OnceLock<Option<u64>>>,
}

impl Subscription {
    /// Starts the subscription; the returned future is the task that sends its records.
    pub fn start(
        number: u32,
        cursor: Cursor,
        variant: HeldVariant,
        decoder: Arc<Decoder>,
        outbox: Outbox,
        metrics: &'static ClusterMetrics,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let cursor = Arc::new(cursor);
        let ending = CancellationToken::new();
        let unsubscribe_id = Arc::new(std::sync::OnceLock::new());
        let sender = Arc::new(DeliverySender {
            number,
            cursor: Arc::clone(&cursor),
            variant,
            decoder,
            outbox,
            metrics,
            pending: Mutex::default(),
        });
        let listener: Arc<dyn Listener> = Arc::clone(&sender) as _;
        cursor.set_listener(Arc::downgrade(&listener));
        let task = SendTask { sender, ending: ending.clone(), unsubscribe_id: Arc::clone(&unsubscribe_id) };
        (Self { cursor, ending, unsubscribe_id }, task.run())
    }

    pub fn flow(&self, flow: &Flow) -> Result<(), ErrorBody> {
        let credit = Window { records: flow.records, bytes: flow.bytes };
        self.cursor.flow(flow.through, credit).map_err(|never| {
            let message = format!("through {}: the last record sent has number {}", flow.through, never.last_sent);
            ErrorBody::new(ErrorCode::BadRequest, message)
        })
    }

    pub fn acknowledge(&self, ack: &Ack) {
        let partition_of = |Position { topic, partition, .. }: &Position| TopicPartition {
            topic: topic.clone(),
            partition: *partition,
        };
        self.cursor.acknowledge(ack.positions.iter().map(|position| (partition_of(position), position.offset.0)));
    }

    /// The user confirms that the group's positions may move back. No partitions means all of them.
    pub fn resume_commits(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        self.cursor.resume_commits(partitions)
    }

    /// Ends the subscription; the reply to request `id` follows the last record.
    pub fn unsubscribe(self, id: Option<u64>) -> ClosingCursor {
        let closing = self.cursor.start_closing();
        // Set before the token is cancelled, because the task reads it afterwards.
        let _ = self.unsubscribe_id.set(id);
        self.ending.cancel();
        closing
    }
}

/// Validates a `subscribe` and turns it into a request for a feed.
pub fn check(request: Subscribe) -> Result<FeedRequest, ErrorBody> {
    if request.topics.is_empty() || request.topics.len() > MAX_TOPICS {
        let message = format!("{} topics; name 1 to {MAX_TOPICS}", request.topics.len());
        return Err(ErrorBody::new(ErrorCode::BadRequest, message));
    }
    let mut topics = request.topics.iter().map(|name| names::topic(name)).collect::<Result<Vec<_>, _>>()?;
    topics.sort();
    topics.dedup();
    let (mode, commit, when_slow) = match request.mode {
        Mode::Tail { start } => {
            check_start(&start, &topics)?;
            (ReadMode::Tail(start), None, WhenSlow::Skip)
        }
        Mode::Group { id, start, commit } => {
            let id = GroupId::parse(&id).map_err(|e| ErrorBody::new(ErrorCode::InvalidGroup, e.to_string()))?;
            (ReadMode::Group { id, start }, Some(commit), WhenSlow::Block)
        }
    };
    let when_slow = request.when_slow.unwrap_or(when_slow);
    Ok(FeedRequest { topics, mode, isolation: Isolation::default(), commit, when_slow, window: request.window })
}

/// Refuses a start that is valid for no partition.
fn check_start(start: &TailStart, topics: &[TopicName]) -> Result<(), ErrorBody> {
    let bad = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
    let positions = match start {
        // Kafka gives negative timestamps special meanings.
        TailStart::Timestamp(ms) if *ms < 0 => {
            return bad(format!("timestamp {ms}: milliseconds since 1970 cannot be negative"));
        }
        TailStart::Offsets(positions) if positions.is_empty() => {
            return bad("offsets names no partition; name one, or start with earliest, latest or last".to_owned());
        }
        TailStart::Offsets(positions) | TailStart::Resume(positions) => positions,
        _ => return Ok(()),
    };
    let mut named = HashSet::with_capacity(positions.len());
    for Position { topic, partition, offset } in positions {
        let shown = topic.chars().take(TopicName::MAX_LEN).collect::<String>();
        if *partition < 0 || offset.0 < 0 {
            return bad(format!(
                "{shown:?}, partition {partition}, offset {offset}: partitions and offsets count from 0"
            ));
        }
        if topics.binary_search_by(|name| name.as_str().cmp(topic)).is_err() {
            return bad(format!("a position names the topic {shown:?}, which is not among the topics to read"));
        }
        if !named.insert((topic.as_str(), *partition)) {
            return bad(format!("{shown:?}, partition {partition} has two positions; name each partition once"));
        }
    }
    Ok(())
}

/// Moves deliveries from the cursor to the outbox, one at a time and in order.
struct DeliverySender {
    number: u32,
    cursor: Arc<Cursor>,
    variant: HeldVariant,
    decoder: Arc<Decoder>,
    outbox: Outbox,
    metrics: &'static ClusterMetrics,
    /// Locked from taking a delivery off the cursor until it is in the outbox or written, which keeps the order.
    pending: Mutex<Pending>,
}

/// What was taken off the cursor and is not sent yet.
#[derive(Default)]
struct Pending {
    /// A delivery that the reader's thread left to the task.
    delivered: Option<Delivered>,
    /// The parts of a message that follow the one sent last.
    parts: VecDeque<Frame>,
}

impl Pending {
    /// The next part of a message that was begun.
    fn next_part(&mut self) -> Option<Frame> {
        self.parts.pop_front()
    }

    /// The first frame of a delivery; the others wait in `parts`.
    fn first_of(&mut self, frames: Frames) -> Option<Frame> {
        match frames {
            Frames::None => None,
            Frames::Records(frame) => Some(frame),
            Frames::Message(texts) => {
                self.parts.extend(texts.iter().map(|text| Frame::text(text)));
                self.parts.pop_front()
            }
        }
    }
}

/// The frames of a delivery.
enum Frames {
    None,
    Records(Frame),
    /// A message and, if its lists are long, its further parts.
    Message(Vec<String>),
}

/// What the task does next.
enum Next {
    More,
    Wait,
    End,
}

impl DeliverySender {
    /// Sends the next delivery if there is one. Not cancel-safe: a cancelled call may lose it.
    async fn send_next(&self) -> Result<Next, Gone> {
        let mut pending = self.pending.lock().await;
        if let Some(part) = pending.next_part() {
            self.outbox.send_frame(part).await?;
            return Ok(Next::More);
        }
        match pending.delivered.take().or_else(|| self.cursor.try_next()) {
            None => Ok(Next::Wait),
            Some(Delivered::Ended) => Ok(Next::End),
            Some(Delivered::TooSlow) => {
                let reason = "too slow for this topic; subscribe with when_slow block or skip";
                self.outbox.close(CloseCode::TooSlow, reason).await;
                Ok(Next::End)
            }
            Some(other) => {
                if let Delivered::Records { batch, .. } = &other {
                    self.load_schemas(batch).await;
                }
                if let Some(frame) = pending.first_of(self.frames(other)) {
                    self.outbox.send_frame(frame).await?;
                }
                Ok(Next::More)
            }
        }
    }

    /// Waits for the schemas of records that are to be decoded, if they are not known yet.
    async fn load_schemas(&self, batch: &Batch) {
        let decode = self.variant.decode;
        if !decode.is_raw() && !batch.has_view(decode, self.variant.mask.as_ref()) {
            self.decoder.load_schemas(decode, &batch.records).await;
        }
    }

    fn frames(&self, delivered: Delivered) -> Frames {
        let subscription = self.number;
        let message: ServerMessage = match delivered {
            Delivered::Records { seq, batch, range } => {
                METRICS.delivered(range.len());
                return Frames::Records(Frame::records(
                    subscription,
                    seq,
                    batch,
                    range,
                    &self.variant,
                    &self.decoder,
                    self.metrics,
                ));
            }
            Delivered::Event(Event::Assigned(starts)) => {
                Assigned { subscription, partitions: positions(starts) }.into()
            }
            Delivered::Event(Event::Revoked(partitions)) => Revoked { subscription, partitions }.into(),
            Delivered::Event(Event::Gap { partition: TopicPartition { topic, partition }, from, to, reason }) => {
                let records = u64::try_from(to - from).unwrap_or(0);
                METRICS.missed(records);
                self.metrics.gap(reason, records);
                let (from, to) = (Offset(from), Offset(to));
                Gap { subscription, topic, partition, from, to, reason }.into()
            }
            Delivered::Committed(starts) => Committed { subscription, positions: positions(starts) }.into(),
            Delivered::Waiting(waiting) => {
                RecordsWaiting { subscription, partitions: waiting.into_iter().map(waiting_partition).collect() }.into()
            }
            Delivered::Error(error) => ErrorMessage { subscription: Some(subscription), seq: None, error }.into(),
            // Both end the task before they get here.
            Delivered::TooSlow | Delivered::Ended => return Frames::None,
        };
        Frames::Message(message.into_frames(None))
    }
}

impl Listener for DeliverySender {
    fn notify(&self) -> bool {
        // Decoding would delay the reader, and may have to wait for a schema.
        if !self.variant.decode.is_raw() {
            return false;
        }
        let Ok(mut pending) = self.pending.try_lock() else { return false };
        loop {
            let next = || {
                if let Some(part) = pending.next_part() {
                    return Some(part);
                }
                match pending.delivered.take().or_else(|| self.cursor.try_next())? {
                    // Left to the task.
                    end @ (Delivered::Ended | Delivered::TooSlow) => {
                        pending.delivered = Some(end);
                        None
                    }
                    other => pending.first_of(self.frames(other)),
                }
            };
            match self.outbox.write_at_once(next) {
                AtOnce::Written => {}
                AtOnce::Nothing => return pending.delivered.is_none(),
                AtOnce::Busy => return false,
            }
        }
    }
}

/// The task of a subscription: sends each delivery as soon as the outbox has room.
struct SendTask {
    sender: Arc<DeliverySender>,
    ending: CancellationToken,
    unsubscribe_id: Arc<std::sync::OnceLock<Option<u64>>>,
}

impl SendTask {
    async fn run(self) {
        let DeliverySender { number, cursor, outbox, .. } = &*self.sender;
        while !self.ending.is_cancelled() {
            let changed = cursor.changed();
            tokio::pin!(changed);
            // Registered before the cursor is checked, so that a change in between is not missed.
            changed.as_mut().enable();
            match self.sender.send_next().await {
                Ok(Next::More) => continue,
                Ok(Next::Wait) => {}
                Ok(Next::End) | Err(Gone) => return,
            }
            tokio::select! {
                biased;
                () = self.ending.cancelled() => {}
                () = outbox.closed() => return,
                () = changed => {}
                () = cursor.credited() => {}
            }
        }
        cursor.close();
        let id = self.unsubscribe_id.get().copied().flatten();
        // If the socket is gone, the reply is discarded.
        let _ = outbox.reply(id, Unsubscribed { subscription: *number }).await;
    }
}

fn waiting_partition(waiting: Waiting) -> WaitingPartition {
    let Waiting { partition: TopicPartition { topic, partition }, stable, high } = waiting;
    WaitingPartition { topic, partition, offset: Offset(stable.0), end: Offset(high.0) }
}

fn positions(starts: Vec<Start>) -> Vec<Position> {
    let position = |Start { partition: TopicPartition { topic, partition }, offset }| Position {
        topic,
        partition,
        offset: Offset(offset),
    };
    starts.into_iter().map(position).collect()
}
