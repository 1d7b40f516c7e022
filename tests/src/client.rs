//! A client of the WebSocket protocol, written from the specification as a third party would: `hello`, requests, subscriptions,
//! JSON and binary batches.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use protocol::{
    Ack, ClientMessage, DecodeNote, ErrorBody, ErrorMessage, Flow, Frame, Header, Hello, MessageBody, Offset,
    OffsetChange, Ping, Pong, Position, Produce, ProduceBatch, ProduceRecord, Produced, Record, Records, RecordsFrame,
    RequestId, Resume, ServerMessage, Subscribed, Unsubscribe, Unsubscribed, Welcome, WireBytes,
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::socket::{Heard, Socket};
use crate::wait::PATIENCE;
use crate::watch::Watch;

/// The `hello` of a client without a token, for the bridge's first cluster.
pub fn hello() -> Hello {
    let (protocol, client) = (protocol::SUBPROTOCOL.to_owned(), "tests/1".to_owned());
    Hello { protocol, client, cluster: None, token: None, resume: None }
}

/// One record of a subscription, with its number.
#[derive(Clone, Debug)]
pub struct Received {
    pub number: u64,
    pub topic: String,
    pub partition: i32,
    pub record: Record,
}

impl Received {
    pub fn offset(&self) -> i64 {
        self.record.offset.0
    }

    /// The value's bytes as text; panics on null.
    pub fn value(&self) -> String {
        let bytes = self.record.value.as_kafka().unwrap_or_else(|| panic!("null value: {self:?}"));
        String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| panic!("no text: {self:?}"))
    }

    pub fn place(&self) -> (i32, i64) {
        (self.partition, self.offset())
    }
}

/// The outcome of a produced record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Acked { topic: String, partition: i32, offset: i64 },
    Failed(ErrorBody),
}

#[derive(Debug)]
pub struct Client {
    pub socket: Socket,
    pub welcome: Welcome,
    /// Whether the client answers `ping`.
    pub answers_pings: bool,
    /// How many batches came as binary frames.
    pub binary_batches: u64,
    inbox: VecDeque<Frame<ServerMessage>>,
    /// Messages of which not all parts have arrived.
    incomplete: Vec<(Addressee, ServerMessage)>,
    next_request: RequestId,
    next_seq: u64,
    outcomes: BTreeMap<u64, Outcome>,
    /// The number of the next record of each subscription.
    next_number: BTreeMap<u32, u64>,
}

/// What the parts of one message have in common.
#[derive(Debug, PartialEq, Deserialize)]
struct Addressee {
    #[serde(rename = "type")]
    name: String,
    id: Option<RequestId>,
    watch: Option<u32>,
    subscription: Option<u32>,
}

/// A message that `expect` can wait for.
pub trait Expected: MessageBody {
    fn pick(message: &ServerMessage) -> Option<Self>;
}

macro_rules! expected {
    ($($message:ident),*) => {$(
        impl Expected for protocol::$message {
            fn pick(message: &ServerMessage) -> Option<Self> {
                match message {
                    ServerMessage::$message(body) => Some(body.clone()),
                    _ => None,
                }
            }
        }
    )*};
}

expected!(
    Welcome,
    Ping,
    ErrorMessage,
    ClusterChanged,
    Produced,
    ProduceWaiting,
    RecordsWaiting,
    ResumeCommitsResult,
    Subscribed,
    Assigned,
    Revoked,
    Records,
    Gap,
    Committed,
    Unsubscribed,
    Fetched,
    SearchStarted,
    SearchRecords,
    SearchProgress,
    SearchDone,
    SearchStopResult,
    TimelineResult,
    ClusterResult,
    TopicsResult,
    TopicResult,
    CreateTopicResult,
    DeleteTopicResult,
    AlterTopicConfigResult,
    AddPartitionsResult,
    EmptyTopicResult,
    GroupsResult,
    GroupResult,
    DeleteGroupResult,
    PlanOffsetResetResult,
    ResetOffsetsResult,
    ClusterDetailsResult,
    SubjectsResult,
    SubjectResult,
    SchemaResult,
    CheckSchemaResult,
    RegisterSchemaResult,
    DeleteSubjectResult,
    SetCompatibilityResult,
    AddSchemaResult,
    DescribeEncodingResult,
    EncodeResult,
    Watching,
    ClusterDetailsChanged,
    TopicsChanged,
    TopicChanged,
    GroupsChanged,
    GroupChanged,
    WatchTrouble,
    Unwatched
);

impl Client {
    pub async fn hello(socket: Socket) -> Self {
        Self::hello_with(socket, None, None).await
    }

    /// For another cluster than the bridge's first one.
    pub async fn hello_to(socket: Socket, cluster: &str) -> Self {
        Self::hello_with(socket, Some(cluster.to_owned()), None).await
    }

    /// Resumes a session that lost its socket.
    pub async fn resume(socket: Socket, session: &str) -> Self {
        Self::hello_with(socket, None, Some(Resume { session: session.to_owned(), attempt: None })).await
    }

    /// The same, with the number of the attempt.
    pub async fn resume_again(socket: Socket, session: &str, attempt: u64) -> Self {
        Self::hello_with(socket, None, Some(Resume { session: session.to_owned(), attempt: Some(attempt) })).await
    }

    async fn hello_with(socket: Socket, cluster: Option<String>, resume: Option<Resume>) -> Self {
        Self::greet(socket, Hello { cluster, resume, ..hello() }).await
    }

    /// With any `hello`, such as one with a token.
    pub async fn greet(mut socket: Socket, hello: Hello) -> Self {
        socket.text(&ClientMessage::from(hello).to_json()).await;
        let heard = socket.next().await;
        let Heard::Text(text) = heard else { panic!("no welcome: {heard:?}") };
        let parsed = ServerMessage::parse(&text);
        let Ok(Frame { id: None, message: ServerMessage::Welcome(welcome), .. }) = parsed else {
            panic!("no welcome: {parsed:?}")
        };
        Self {
            socket,
            welcome,
            answers_pings: true,
            binary_batches: 0,
            inbox: VecDeque::new(),
            incomplete: Vec::new(),
            next_request: 1,
            next_seq: 0,
            outcomes: BTreeMap::new(),
            next_number: BTreeMap::new(),
        }
    }

    pub async fn send(&mut self, message: impl Into<ClientMessage>) {
        self.socket.text(&message.into().to_json()).await;
    }

    /// Sends a request and returns its id, which the reply carries.
    pub async fn request(&mut self, message: impl Into<ClientMessage>) -> RequestId {
        let id = self.next_request;
        self.next_request += 1;
        self.socket.text(&message.into().to_json_with_id(Some(id))).await;
        id
    }

    /// The next message of this type. Other messages stay in the inbox for whoever expects them.
    pub async fn expect<T: Expected>(&mut self) -> T {
        self.find(T::NAME, |frame| T::pick(&frame.message)).await
    }

    /// The reply to a request; an error in its place fails the test.
    pub async fn reply<T: Expected>(&mut self, request: RequestId) -> T {
        let reply = self
            .find(T::NAME, |frame| match &frame.message {
                _ if frame.id != Some(request) => None,
                ServerMessage::ErrorMessage(error) => Some(Err(error.clone())),
                message => T::pick(message).map(Ok),
            })
            .await;
        reply.unwrap_or_else(|error| panic!("request {request} was refused: {error:?}"))
    }

    pub async fn ask<T: Expected>(&mut self, message: impl Into<ClientMessage>) -> T {
        let request = self.request(message).await;
        self.reply(request).await
    }

    /// Sends a request and returns the error in its reply.
    pub async fn refused(&mut self, message: impl Into<ClientMessage>) -> ErrorMessage {
        let request = self.request(message).await;
        self.find("Error", |frame| match &frame.message {
            ServerMessage::ErrorMessage(error) if frame.id == Some(request) => Some(error.clone()),
            message if frame.id == Some(request) => panic!("accepted: {message:?}"),
            _ => None,
        })
        .await
    }

    /// Sends a request and waits for its reply; the error if it is refused.
    pub async fn refusal(&mut self, message: impl Into<ClientMessage>) -> Option<ErrorBody> {
        let request = self.request(message).await;
        self.find("a reply", |frame| match &frame.message {
            _ if frame.id != Some(request) => None,
            ServerMessage::ErrorMessage(error) => Some(Some(error.error.clone())),
            _ => Some(None),
        })
        .await
    }

    /// The first message for which `pick` has a value, among those in the inbox and those to come.
    pub async fn find<T>(&mut self, what: &str, mut pick: impl FnMut(&Frame<ServerMessage>) -> Option<T>) -> T {
        for index in 0..self.inbox.len() {
            if let Some(found) = pick(&self.inbox[index]) {
                self.inbox.remove(index);
                return found;
            }
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let limit = deadline.saturating_duration_since(Instant::now());
            let Some(frame) = self.hear_within(limit).await else {
                panic!("no {what} within {} s; waiting are {:?}", PATIENCE.as_secs(), self.inbox)
            };
            if let Some(found) = pick(&frame) {
                return found;
            }
            self.inbox.push_back(frame);
        }
    }

    /// The next message, whatever it is; `None` when nothing comes in time.
    pub async fn next_within(&mut self, limit: Duration) -> Option<ServerMessage> {
        match self.inbox.pop_front() {
            Some(frame) => Some(frame.message),
            None => self.hear_within(limit).await.map(|frame| frame.message),
        }
    }

    /// The received messages that the test has not expected yet, in order.
    pub fn unused(&self) -> impl Iterator<Item = &ServerMessage> {
        self.inbox.iter().map(|frame| &frame.message)
    }

    /// The same, and the client forgets them.
    pub fn take_unused(&mut self) -> Vec<ServerMessage> {
        self.inbox.drain(..).map(|frame| frame.message).collect()
    }

    async fn hear_within(&mut self, limit: Duration) -> Option<Frame<ServerMessage>> {
        let deadline = Instant::now() + limit;
        loop {
            match self.socket.next_within(deadline.saturating_duration_since(Instant::now())).await? {
                Heard::Text(text) => {
                    let frame = ServerMessage::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    let Some(frame) = self.joined(frame, &text) else { continue };
                    if frame.message.name() == "ping" && self.answers_pings {
                        self.send(Pong {}).await;
                    }
                    // Pings are not part of what a test expects, unless it does not answer them.
                    if Ping::pick(&frame.message).is_none() || !self.answers_pings {
                        return Some(frame);
                    }
                }
                Heard::Binary(frame) => {
                    self.binary_batches += 1;
                    return Some(Frame { id: None, more: false, message: decoded(&frame).into() });
                }
                Heard::Closed(code, reason) => panic!("expected a message, heard close {code} {reason:?}"),
            }
        }
    }

    /// The whole message; `None` while further parts of it are missing.
    fn joined(&mut self, frame: Frame<ServerMessage>, text: &str) -> Option<Frame<ServerMessage>> {
        let may_be_large = ["records", "fetched"].contains(&frame.message.name());
        assert!(may_be_large || text.len() <= protocol::limits::TEXT_FRAME_BYTES, "a frame of {} bytes", text.len());
        let addressee: Addressee = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let before = self.incomplete.iter().position(|(of, _)| *of == addressee);
        let Frame { id, more, mut message } = frame;
        if let Some(index) = before {
            let (_, mut first) = self.incomplete.swap_remove(index);
            first.append(message);
            message = first;
        }
        if more {
            self.incomplete.push((addressee, message));
            return None;
        }
        Some(Frame { id, more, message })
    }

    // Produce

    /// Sends these records with the next sequence numbers; returns the first.
    pub async fn produce(&mut self, records: Vec<ProduceRecord>) -> u64 {
        let seq = self.next_seq;
        self.next_seq += records.len() as u64;
        self.send(Produce { seq, records }).await;
        seq
    }

    /// The same as one binary frame; all records are for the first one's topic.
    pub async fn produce_binary(&mut self, records: &[ProduceRecord]) -> u64 {
        let seq = self.next_seq;
        self.next_seq += records.len() as u64;
        self.socket.binary(&produce_frame(seq, records)).await;
        seq
    }

    /// Produces and waits until all are acknowledged; their partitions and offsets, in the order sent.
    pub async fn write(&mut self, records: Vec<ProduceRecord>) -> Vec<(i32, i64)> {
        let count = records.len() as u64;
        let first = self.produce(records).await;
        self.acknowledged(first, count).await
    }

    /// Waits until these are acknowledged; their partitions and offsets, in the order sent.
    pub async fn acknowledged(&mut self, first: u64, count: u64) -> Vec<(i32, i64)> {
        let mut places = Vec::new();
        for seq in first..first + count {
            match self.outcome(seq).await {
                Outcome::Acked { partition, offset, .. } => places.push((partition, offset)),
                Outcome::Failed(error) => panic!("record {seq} failed: {error:?}"),
            }
        }
        places
    }

    pub async fn outcome(&mut self, seq: u64) -> Outcome {
        loop {
            if let Some(outcome) = self.outcomes.get(&seq) {
                return outcome.clone();
            }
            let produced = self.expect::<Produced>().await;
            self.note_outcomes(produced);
        }
    }

    /// Each record has exactly one outcome. Only after a resume the same outcome may come a second time.
    fn note_outcomes(&mut self, produced: Produced) {
        let mut outcomes = Vec::new();
        for ack in produced.acks {
            assert!(ack.first <= ack.last, "an empty range: {ack:?}");
            outcomes.extend((ack.first..=ack.last).zip(ack.offset.0..).map(|(seq, offset)| {
                (seq, Outcome::Acked { topic: ack.topic.clone(), partition: ack.partition, offset })
            }));
        }
        outcomes.extend(produced.errors.into_iter().map(|failed| (failed.seq, Outcome::Failed(failed.error))));
        for (seq, outcome) in outcomes {
            let before = self.outcomes.insert(seq, outcome.clone());
            let repeated = self.welcome.resumed && before.as_ref() == Some(&outcome);
            assert!(before.is_none() || repeated, "record {seq} has two outcomes: {before:?}, then {outcome:?}");
        }
    }

    // Subscribe

    pub async fn subscribe(&mut self, watch: &Watch) -> u32 {
        let Subscribed { subscription, .. } = self.ask(watch.message()).await;
        self.next_number.insert(subscription, 1);
        subscription
    }

    /// The next records of a subscription, at least `count`. Fails if a number is missing.
    pub async fn records(&mut self, subscription: u32, count: usize) -> Vec<Received> {
        let mut received = Vec::new();
        while received.len() < count {
            let what = format!("record {} of {count}", received.len() + 1);
            let batch: Records = self
                .find(&what, |frame| {
                    Records::pick(&frame.message).filter(|records| records.subscription == subscription)
                })
                .await;
            received.extend(self.numbered(batch));
        }
        received
    }

    /// Numbers the records of a batch, and fails if one is missing.
    pub fn numbered(&mut self, batch: Records) -> Vec<Received> {
        let Records { subscription, seq, topic, partition, records } = batch;
        let next = self.next_number.get_mut(&subscription).unwrap_or_else(|| panic!("no subscription {subscription}"));
        let first = (seq + 1).checked_sub(records.len() as u64).unwrap_or_else(|| panic!("seq {seq} is too small"));
        assert_eq!(first, *next, "subscription {subscription}: the number of its next record");
        assert!(!records.is_empty() && records.len() <= protocol::MAX_BATCH_RECORDS, "{} records", records.len());
        *next = seq + 1;
        let numbered = (first..).zip(records);
        numbered.map(|(number, record)| Received { number, topic: topic.clone(), partition, record }).collect()
    }

    pub async fn flow(&mut self, subscription: u32, through: u64, records: u64) {
        self.send(Flow { subscription, through, records, bytes: 1 << 20 }).await;
    }

    pub async fn ack(&mut self, subscription: u32, topic: &str, partition: i32, offset: i64) {
        let positions = vec![Position { topic: topic.to_owned(), partition, offset: Offset(offset) }];
        self.send(Ack { subscription, positions }).await;
    }

    /// Ends a subscription and returns the records that came before the reply, in order.
    pub async fn unsubscribe(&mut self, subscription: u32) -> Vec<Received> {
        let request = self.request(Unsubscribe { subscription }).await;
        let mut last = Vec::new();
        loop {
            let message = self
                .find("Unsubscribed", |frame| match &frame.message {
                    ServerMessage::Records(records) if records.subscription == subscription => {
                        Some(Ok(records.clone()))
                    }
                    ServerMessage::Unsubscribed(Unsubscribed { .. }) if frame.id == Some(request) => Some(Err(())),
                    _ => None,
                })
                .await;
            match message {
                Ok(records) => last.extend(self.numbered(records)),
                Err(()) => return last,
            }
        }
    }
}

/// The records of a binary frame, in the form in which a JSON frame has them.
pub fn decoded(frame: &[u8]) -> Records {
    let batch = RecordsFrame::parse(frame).unwrap_or_else(|error| panic!("{error}: {frame:?}"));
    let notes: Vec<DecodeNote> = batch.notes.map(|note| protocol::from_json(note).expect("a note")).collect();
    let record = |raw: Result<protocol::binary::RawRecord<'_>, _>| {
        let raw = raw.unwrap_or_else(|error| panic!("{error}: {frame:?}"));
        let view = raw.view().unwrap_or_else(|error| panic!("{error}: {frame:?}"));
        let numbers = raw.notes().unwrap_or_else(|error| panic!("{error}: {frame:?}"));
        let note = |number: u16| Some(notes[usize::from(number.checked_sub(1)?)].clone());
        Record::of(view, note(numbers.key), note(numbers.value))
    };
    let records: Vec<Record> = batch.records.map(record).collect();
    assert_eq!(records.len(), batch.count as usize, "the head counts the records");
    let RecordsFrame { subscription, seq, topic, partition, .. } = batch;
    Records { subscription, seq, topic: topic.to_owned(), partition, records }
}

/// A binary produce frame; all records are for the first one's topic.
pub fn produce_frame(seq: u64, records: &[ProduceRecord]) -> Vec<u8> {
    let topic = &records.first().expect("a frame holds records").topic;
    let mut batch = ProduceBatch::new(topic, seq);
    for record in records {
        assert_eq!(&record.topic, topic, "a binary frame is for one topic");
        batch.push(record.view());
    }
    batch.into_frame()
}

/// The record that `bridge produce` writes by default: `{"id": 3, "text": "messaggio 3"}`.
pub fn messaggio(topic: &str, id: usize) -> ProduceRecord {
    json_record(topic, &format!(r#"{{"id": {id}, "text": "messaggio {id}"}}"#))
}

/// `count` of these records.
pub fn messaggi(topic: &str, count: usize) -> Vec<ProduceRecord> {
    (0..count).map(|id| messaggio(topic, id)).collect()
}

pub fn json_record(topic: &str, json: &str) -> ProduceRecord {
    let value = serde_json::from_str(&format!(r#"{{"json":{json}}}"#)).unwrap_or_else(|e| panic!("{e}: {json}"));
    ProduceRecord { topic: topic.to_owned(), value, ..ProduceRecord::default() }
}

pub fn text_record(topic: &str, value: &str) -> ProduceRecord {
    ProduceRecord { topic: topic.to_owned(), value: WireBytes::text(value), ..ProduceRecord::default() }
}

/// A change of a plan for an offset reset: a group without a position in the partition starts at offset 0.
pub fn offset_change(topic: &str, partition: i32) -> OffsetChange {
    OffsetChange {
        topic: topic.to_owned(),
        partition,
        from: None,
        to: Offset(0),
        low: None,
        high: None,
        reread: 0,
        skipped: 0,
        clamped: false,
    }
}

/// Adds to a record: `text_record(&topic, "ciao").with_key("k").on_partition(2)`.
pub trait RecordExt: Sized {
    fn with_key(self, key: &str) -> Self;
    fn on_partition(self, partition: i32) -> Self;
    fn with_header(self, name: &str, value: WireBytes) -> Self;
}

impl RecordExt for ProduceRecord {
    fn with_key(mut self, key: &str) -> Self {
        self.key = WireBytes::text(key);
        self
    }

    fn on_partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    fn with_header(mut self, name: &str, value: WireBytes) -> Self {
        self.headers.push(Header(name.to_owned(), value));
        self
    }
}
