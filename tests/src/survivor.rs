//! A client that reconnects like the page: it resumes its session, sends records without an outcome again, and continues to read
//! at its positions. It fails if a record has two outcomes, is out of order, or is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::{
    Assigned, ClientMessage, ClusterRequest, ErrorBody, ErrorCode, Flow, Gap, Hello, Pong, Produce, ProduceRecord,
    Produced, Records, Resume, ServerMessage, Welcome,
};
use tokio::time::Instant;

use crate::client::{Outcome, Received, decoded};
use crate::history::{Event, History};
use crate::socket::{Handshake, Heard, Socket};
use crate::wait::{PATIENCE, POLL_INTERVAL};
use crate::watch::Watch;

/// The client sends `flow` after this number of records.
const FLOW_EVERY: u64 = 20;

/// More than any test sends.
const PLENTY: u64 = 1_000_000;

/// The id of a request after whose reply all earlier messages were processed.
const BARRIER: u64 = 2;
const SUBSCRIBE: u64 = 1;

#[derive(Debug)]
pub struct Survivor {
    handshake: Handshake,
    socket: Option<Socket>,
    session: Option<String>,
    hellos: u64,
    /// The socket was welcomed and open records were sent again, so that new records may follow.
    is_greeted: bool,
    watch: Option<Watch>,
    /// Whether the bridge may be killed, so that the session ends with it.
    outlives_bridges: bool,
    /// The id of the subscription on this socket, once it is confirmed.
    subscription: Option<u32>,
    /// The number of the last record of the subscription on this socket.
    number: u64,
    /// The number through which `flow` has reported all records as handled.
    flowed: u64,
    next_seq: u64,
    /// Records without an outcome, sent or to be sent.
    open: BTreeMap<u64, ProduceRecord>,
    pub outcomes: BTreeMap<u64, Outcome>,
    /// The next expected offset of each partition.
    due: BTreeMap<i32, i64>,
    /// For each partition, the offset below which every record is known to be acknowledged: those must not be delivered again.
    settled: BTreeMap<i32, i64>,
    /// The value of `settled` once the bridge has replied.
    settling: BTreeMap<i32, i64>,
    barrier_is_open: bool,
    /// Each record once, in the order of its first delivery.
    pub received: Vec<Received>,
    /// How many records were delivered again because their acknowledgement was lost.
    pub repeated: u64,
    pub gaps: Vec<Gap>,
    pub sockets_lost: u64,
    /// The same as a history for the check.
    pub history: History,
}

impl Survivor {
    pub fn new(handshake: Handshake) -> Self {
        Self {
            handshake,
            socket: None,
            session: None,
            hellos: 0,
            is_greeted: false,
            watch: None,
            outlives_bridges: false,
            subscription: None,
            number: 0,
            flowed: 0,
            next_seq: 0,
            open: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            due: BTreeMap::new(),
            settled: BTreeMap::new(),
            settling: BTreeMap::new(),
            barrier_is_open: false,
            received: Vec::new(),
            repeated: 0,
            gaps: Vec::new(),
            sockets_lost: 0,
            history: History::default(),
        }
    }

    /// The name of the client in the history.
    pub fn named(mut self, name: &str) -> Self {
        self.history.client = name.to_owned();
        self
    }

    pub fn watching(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The bridge may be killed and restarted; records without an outcome then become unknown.
    pub fn outliving_bridges(self) -> Self {
        Self { outlives_bridges: true, ..self }
    }

    pub fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// The handshake of the next socket.
    pub fn connects(&mut self, handshake: Handshake) {
        self.handshake = handshake;
    }

    pub async fn produce(&mut self, records: Vec<ProduceRecord>) -> u64 {
        let seq = self.next_seq;
        self.next_seq += records.len() as u64;
        for (seq, record) in (seq..).zip(&records) {
            let value = String::from_utf8_lossy(record.value.as_kafka().unwrap_or_default()).into_owned();
            self.history.events.push(Event::Sent { seq, value });
        }
        self.open.extend((seq..).zip(records.iter().cloned()));
        if let Some(socket) = self.socket.as_mut().filter(|_| self.is_greeted) {
            socket.text(&ClientMessage::from(Produce { seq, records }).to_json()).await;
        }
        seq
    }

    /// Records without an outcome.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Whether every record that this client sent was delivered to it. On a mock some may be delivered more than once.
    pub fn has_seen_all_it_sent(&self) -> bool {
        if (self.received.len() as u64) < self.next_seq {
            return false;
        }
        let seen: BTreeSet<String> = self.received.iter().map(Received::value).collect();
        self.history.sent_values().all(|value| seen.contains(value))
    }

    /// Ends the connection without a close frame.
    pub fn cut(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.cut();
            self.lost();
        }
    }

    /// The socket stays open, but is no longer read.
    pub fn abandon(&mut self) -> Option<Socket> {
        let socket = self.socket.take();
        self.lost();
        socket
    }

    fn lost(&mut self) {
        self.sockets_lost += 1;
        self.is_greeted = false;
        self.subscription = None;
        self.barrier_is_open = false;
    }

    /// Processes messages until the condition holds.
    pub async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "waited {} s for {what}: {}", PATIENCE.as_secs(), self.summary());
            self.live(Duration::from_millis(200)).await;
        }
    }

    /// Reports every received record as handled, and waits until the bridge has processed that.
    pub async fn settle(&mut self) {
        self.until("a subscription", |one| one.subscription.is_some()).await;
        // Records that arrive before the reply are not handled yet.
        self.settling = self.due.clone();
        self.flow().await;
        self.barrier_is_open = true;
        if let Some(socket) = &mut self.socket {
            socket.text(&ClientMessage::from(ClusterRequest {}).to_json_with_id(Some(BARRIER))).await;
        }
        self.until("an answer", |one| !one.barrier_is_open).await;
    }

    fn summary(&self) -> String {
        let (open, due, received) = (self.open.keys().next(), &self.due, self.received.len());
        format!(
            "open from {open:?}, due {due:?}, received {received}, sockets lost {}, connected {}",
            self.sockets_lost,
            self.socket.is_some()
        )
    }

    /// Processes the next message, or connects; returns after this time at the latest.
    pub async fn live(&mut self, limit: Duration) {
        let Some(socket) = &mut self.socket else { return self.connect().await };
        match socket.next_within(limit).await {
            None => {}
            Some(Heard::Text(text)) => {
                let frame = ServerMessage::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                self.note(frame.id, frame.message).await;
            }
            Some(Heard::Binary(frame)) => self.note(None, decoded(&frame).into()).await,
            Some(Heard::Closed(code, reason)) => {
                assert!(code < 4500, "closed for good: {code} {reason}");
                self.socket = None;
                self.lost();
            }
        }
    }

    async fn connect(&mut self) {
        let Some(mut socket) = self.handshake.attempt().await else {
            return tokio::time::sleep(POLL_INTERVAL).await;
        };
        self.hellos += 1;
        let resume = self.session.clone().map(|session| Resume { session, attempt: Some(self.hellos) });
        let (protocol, client) = (protocol::SUBPROTOCOL.to_owned(), "survivor/1".to_owned());
        let hello = Hello { protocol, client, cluster: None, token: None, resume };
        socket.text(&ClientMessage::from(hello).to_json()).await;
        self.socket = Some(socket);
    }

    async fn note(&mut self, id: Option<u64>, message: ServerMessage) {
        match message {
            ServerMessage::Welcome(welcome) => self.greeted(welcome).await,
            ServerMessage::Produced(produced) => self.note_outcomes(produced),
            ServerMessage::Subscribed(subscribed) => {
                assert_eq!(id, Some(SUBSCRIBE));
                self.subscription = Some(subscribed.subscription);
                (self.number, self.flowed) = (0, 0);
            }
            ServerMessage::Assigned(Assigned { partitions, .. }) => {
                for position in partitions {
                    let (partition, start) = (position.partition, position.offset.0);
                    self.history.events.push(Event::Assigned { partition, offset: start });
                    let settled = self.settled.get(&partition).copied().unwrap_or(0);
                    assert!(start >= settled, "partition {partition} from {start}, handled before {settled}");
                    if let Some(due) = self.due.get(&partition) {
                        assert!(
                            start <= *due,
                            "partition {partition} from {start}, due is {due}: something is left out"
                        );
                    }
                    self.due.insert(partition, start);
                }
            }
            ServerMessage::Records(records) => self.note_records(records).await,
            ServerMessage::Gap(gap) => {
                let (partition, from, to) = (gap.partition, gap.from.0, gap.to.0);
                self.history.events.push(Event::Gap { partition, from, to });
                self.due.insert(partition, to);
                self.gaps.push(gap);
            }
            ServerMessage::ClusterResult(_) if id == Some(BARRIER) => {
                self.barrier_is_open = false;
                self.settled = std::mem::take(&mut self.settling);
            }
            ServerMessage::Ping(_) => {
                if let Some(socket) = &mut self.socket {
                    socket.text(&ClientMessage::from(Pong {}).to_json()).await;
                }
            }
            // Errors of a subscription are retried by the bridge; any other error is a mistake of this client.
            ServerMessage::ErrorMessage(error) => assert!(error.subscription.is_some(), "{error:?}"),
            _ => {}
        }
    }

    async fn greeted(&mut self, welcome: Welcome) {
        if self.outlives_bridges && !welcome.resumed {
            self.new_bridge();
        } else {
            assert_eq!(welcome.resumed, self.session.is_some(), "the session is still there");
        }
        self.session = Some(welcome.session);
        self.is_greeted = true;
        let Some(socket) = &mut self.socket else { return };
        // Records without an outcome are sent again, consecutive numbers in one message.
        let open: Vec<(u64, ProduceRecord)> = self.open.iter().map(|(seq, record)| (*seq, record.clone())).collect();
        for run in open.chunk_by(|one, next| one.0 + 1 == next.0) {
            let records = run.iter().map(|(_, record)| record.clone()).collect();
            socket.text(&ClientMessage::from(Produce { seq: run[0].0, records }).to_json()).await;
        }
        if let Some(watch) = &self.watch {
            let goes_on = watch.is_tail() && !self.due.is_empty();
            let watch = if goes_on { watch.clone().from_positions(self.due.clone()) } else { watch.clone() };
            socket.text(&ClientMessage::from(watch.message()).to_json_with_id(Some(SUBSCRIBE))).await;
        }
    }

    /// The bridge was killed: records in flight are unknown, and so is what was acknowledged last.
    fn new_bridge(&mut self) {
        let unknown = || Outcome::Failed(ErrorBody::new(ErrorCode::DeliveryUnknown, "the bridge was killed"));
        for (seq, _) in std::mem::take(&mut self.open) {
            self.history.events.push(Event::Ended { seq, outcome: unknown() });
            self.outcomes.insert(seq, unknown());
        }
        self.settled.clear();
    }

    fn note_outcomes(&mut self, produced: Produced) {
        let mut outcomes = Vec::new();
        for ack in produced.acks {
            outcomes.extend((ack.first..=ack.last).zip(ack.offset.0..).map(|(seq, offset)| {
                (seq, Outcome::Acked { topic: ack.topic.clone(), partition: ack.partition, offset })
            }));
        }
        outcomes.extend(produced.errors.into_iter().map(|failed| (failed.seq, Outcome::Failed(failed.error))));
        for (seq, outcome) in outcomes {
            assert!(seq < self.next_seq, "an outcome for {seq}, which was never sent");
            self.open.remove(&seq);
            self.history.events.push(Event::Ended { seq, outcome: outcome.clone() });
            if let Some(before) = self.outcomes.insert(seq, outcome.clone()) {
                assert_eq!(before, outcome, "record {seq} has two outcomes");
            }
        }
    }

    async fn note_records(&mut self, batch: Records) {
        let Records { seq, topic, partition, records, .. } = batch;
        let first = seq + 1 - records.len() as u64;
        for (number, record) in (first..).zip(records) {
            let offset = record.offset.0;
            let value = String::from_utf8_lossy(record.value.as_kafka().unwrap_or_default()).into_owned();
            self.history.events.push(Event::Polled { partition, offset, value });
            let due = self.due.get(&partition).copied().unwrap_or_else(|| panic!("{partition} was not assigned"));
            assert_eq!(offset, due, "partition {partition}: the next offset");
            self.due.insert(partition, offset + 1);
            let seen = self.received.iter().rev().find(|got| got.partition == partition);
            if seen.is_some_and(|got| got.offset() >= offset) {
                self.repeated += 1;
            } else {
                self.received.push(Received { number, topic: topic.clone(), partition, record });
            }
        }
        assert!(seq > self.number, "numbers only rise");
        self.number = seq;
        if self.number >= self.flowed + FLOW_EVERY {
            self.flow().await;
        }
    }

    async fn flow(&mut self) {
        let (Some(socket), Some(subscription)) = (&mut self.socket, self.subscription) else { return };
        self.flowed = self.number;
        let flow = Flow { subscription, through: self.number, records: PLENTY, bytes: 1 << 30 };
        socket.text(&ClientMessage::from(flow).to_json()).await;
    }
}
