//! One socket from `hello` to close.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use protocol::{
    ClientMessage, CloseCode, ClusterChanged, ErrorBody, ErrorCode, ErrorMessage, Frame, HeaderView, Hello, Mode,
    ParseError, Ping, Produce, ProduceFrame, ResumeCommitsResult, SUBPROTOCOL, ServerMessage, Subscribe, Subscribed,
    Watching, Welcome,
};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as CloseFrameCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::frame::Frame as OutboxFrame;
use super::ledger::Ledger;
use super::outbox::{AtOnce, Gone, Outbox};
use super::produce::Numbered;
use super::rate::{REQUESTS_PER_SECOND, Rate};
use super::read_side::ReadSide;
use super::replies::Replies;
use super::requests::Asker;
use super::sessions::Held;
use super::subscription::{self, Subscription};
use super::visibility::tell_invisible;
use super::watches::Watches;
use super::{LIMITS, READ_ONLY, Shared, produce, requests};
use crate::feed::Listener;
use crate::kafka::cluster::ClusterWatch;
use crate::views::View;

/// How long a fresh socket may take to say `hello`.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// How often the bridge pings. A client that stays silent until the next ping is gone.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// At shutdown, how long records on their way may take to get an outcome.
const LAST_OUTCOMES: Duration = Duration::from_secs(2);

/// After a close frame, how long the client may take to close its side.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Why a session ends: the close frame, or none where the socket is gone already.
enum End {
    Close(CloseCode, String),
    ClosedByClient(u16),
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl End {
    fn close(code: CloseCode, reason: impl Into<String>) -> Self {
        Self::Close(code, reason.into())
    }
}

/// What a client sends, frame by frame.
type Stream = WebSocketStream<ReadSide>;

/// Serves an upgraded socket until it is closed.
pub async fn serve(
    shared: Arc<Shared>,
    mut stream: Stream,
    writing: OwnedWriteHalf,
    replies: Replies,
    peer: SocketAddr,
) {
    let (outbox, writer) = Outbox::new(writing, replies);
    let writer = tokio::spawn(writer.run());
    let end = converse(&shared, &mut stream, &outbox, peer).await;
    match &end {
        End::Close(code, reason) => {
            tracing::debug!(%peer, code = code.number(), reason, "closing a socket");
            outbox.close(*code, reason).await;
        }
        // RFC 6455, 5.5.1: a close frame is answered with one.
        End::ClosedByClient(code) => outbox.close_with(*code, "").await,
        End::Gone => {}
    }
    drop(outbox);
    // The writer ends once every task of the session has let go of its outbox.
    if let Ok(open) = writer.await
        && let End::Close(..) = end
    {
        drain(stream.into_inner()).await;
        drop(open);
    }
    tracing::debug!(%peer, "socket closed");
}

/// Reads what still comes until the client has closed. Closing with unread data would reset the connection, and the
/// client might never see the close frame.
async fn drain(mut socket: impl AsyncRead + Unpin) {
    // Not part of the future, which every socket has as long as it lives.
    let mut rest = vec![0; 4096];
    let read_all = async { while matches!(socket.read(&mut rest).await, Ok(1..)) {} };
    // A client that goes on and on is cut off.
    let _ = timeout(CLOSE_WITHIN, read_all).await;
}

async fn converse(shared: &Arc<Shared>, stream: &mut Stream, outbox: &Outbox, peer: SocketAddr) -> End {
    let hello = match greeting(stream, shared, peer).await {
        Ok(hello) => hello,
        Err(end) => return end,
    };
    let Ok(held) = shared.sessions.open(hello.resume.as_ref()) else { return superseded() };
    tracing::debug!(%peer, client = hello.client, resumed = held.resumed, "session opened");
    tokio::select! {
        () = held.predecessor_is_gone() => {}
        () = held.superseded.cancelled() => {
            shared.sessions.release(&held);
            return superseded();
        }
    }
    let mut cluster = shared.cluster.clone();
    let welcome = Welcome {
        session: held.id.clone(),
        resumed: held.resumed,
        cluster: cluster.borrow_and_update().clone(),
        defaults: shared.defaults.clone(),
        limits: LIMITS,
        heartbeat_ms: HEARTBEAT.as_millis().try_into().unwrap_or(u64::MAX),
        read_only: shared.read_only,
    };
    let end = match outbox.send(welcome).await {
        Ok(()) => {
            let asker = Asker { peer, client: hello.client };
            Session::new(shared, asker, outbox, &held).run(stream, cluster).await
        }
        Err(Gone) => End::Gone,
    };
    shared.sessions.release(&held);
    end
}

async fn greeting(stream: &mut Stream, shared: &Shared, peer: SocketAddr) -> Result<Hello, End> {
    let first = tokio::select! {
        first = timeout(HELLO_WITHIN, next_frame(stream)) => first,
        () = shared.shutdown.cancelled() => return Err(shutting_down()),
    };
    let text = match first.map_err(|_| End::close(CloseCode::NoHello, "no hello within 10 s"))?? {
        Incoming::Text(text) => text,
        Incoming::Binary(_) => return Err(End::close(CloseCode::NoHello, "the first message must be hello")),
    };
    let hello = match ClientMessage::parse(&text) {
        Ok(Frame { message: ClientMessage::Hello(hello), .. }) => hello,
        Ok(Frame { message, .. }) => {
            return Err(End::close(CloseCode::NoHello, format!("{} came before hello", message.name())));
        }
        Err(ParseError::UnknownType { .. }) => {
            return Err(End::close(CloseCode::NoHello, "the first message must be hello"));
        }
        Err(error) => return Err(End::close(CloseCode::BadFrame, error.to_string())),
    };
    if hello.protocol != SUBPROTOCOL {
        return Err(End::close(CloseCode::ProtocolVersion, format!("this bridge speaks {SUBPROTOCOL}")));
    }
    if !shared.admits(hello.token.as_ref().map(|token| token.0.as_str())) {
        let what = if hello.token.is_some() { "the access token is wrong" } else { "hello has no access token" };
        tracing::warn!(%peer, client = hello.client, "{what}");
        return Err(End::close(CloseCode::TokenRefused, format!("{what}; this bridge asks for one")));
    }
    Ok(hello)
}

/// What a client may send.
enum Incoming {
    Text(Utf8Bytes),
    Binary(Bytes),
}

/// The next frame, or why there is none.
async fn next_frame(stream: &mut Stream) -> Result<Incoming, End> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Incoming::Text(text)),
            Some(Ok(Message::Binary(bytes))) => return Ok(Incoming::Binary(bytes)),
            // tungstenite answers pings and close frames itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(CloseFrameCode::Status, |frame| frame.code);
                return Err(End::ClosedByClient(code.into()));
            }
            None => return Err(End::Gone),
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { size, max_size }))) => {
                let reason = format!("a message of {size} bytes; at most {max_size} are taken");
                return Err(End::close(CloseCode::TooLarge, reason));
            }
            Some(Err(Error::Utf8(_))) => return Err(End::close(CloseCode::BadFrame, "a text frame that is not UTF-8")),
            Some(Err(Error::Protocol(error))) => return Err(End::close(CloseCode::BadFrame, error.to_string())),
            Some(Err(_)) => return Err(End::Gone),
        }
    }
}

fn shutting_down() -> End {
    End::close(CloseCode::ShuttingDown, "the bridge is shutting down; connect again")
}

fn superseded() -> End {
    End::close(CloseCode::Superseded, "another socket took this session")
}

/// A greeted socket.
struct Session<'s> {
    shared: &'s Arc<Shared>,
    outbox: &'s Outbox,
    held: &'s Held,
    subscriptions: HashMap<u32, Subscription>,
    last_subscription: u32,
    watches: Watches,
    rate: Rate,
    asker: Asker,
}

impl<'s> Session<'s> {
    fn new(shared: &'s Arc<Shared>, asker: Asker, outbox: &'s Outbox, held: &'s Held) -> Self {
        let rate = Rate::new(std::time::Instant::now());
        let (subscriptions, watches) = (HashMap::new(), Watches::default());
        Self { shared, outbox, held, subscriptions, last_subscription: 0, watches, rate, asker }
    }

    /// `cluster` knows the state that `welcome` told.
    async fn run(mut self, stream: &mut Stream, cluster: ClusterWatch) -> End {
        // Dropping the set ends its tasks; subscriptions' tasks own their cursors, so groups notice the loss.
        let mut helpers = tokio::task::JoinSet::new();
        let outcomes: Arc<dyn Listener> =
            Arc::new(Outcomes { ledger: Arc::clone(&self.held.ledger), outbox: self.outbox.clone() });
        self.held.ledger.listen(Arc::downgrade(&outcomes));
        helpers.spawn(tell_outcomes(Arc::clone(&self.held.ledger), self.outbox.clone()));
        helpers.spawn(tell_cluster_changes(cluster, self.outbox.clone()));
        let admin = Arc::clone(&self.shared.admin);
        helpers.spawn(tell_invisible(Arc::clone(&self.held.ledger), admin, self.outbox.clone()));
        // A socket that hangs may have everything full, and its session may be waited for.
        let taken_over = self.held.superseded.clone();
        let end = tokio::select! {
            end = self.listen(stream, &mut helpers) => end,
            () = taken_over.cancelled() => superseded(),
        };
        if let End::Close(CloseCode::ShuttingDown, _) = end {
            // What is in flight gets its outcome before the socket is closed.
            let _ = timeout(LAST_OUTCOMES, self.held.ledger.wait_until_settled()).await;
        }
        drop(outcomes);
        helpers.shutdown().await;
        // What the socket cannot tell any more is told by the one that comes after it.
        let can_tell = matches!(&end, End::Close(code, _) if *code != CloseCode::Superseded);
        if can_tell && let Some(produced) = self.held.ledger.take_outcomes() {
            let _ = self.outbox.send(produced).await;
        }
        end
    }

    async fn listen(&mut self, stream: &mut Stream, helpers: &mut tokio::task::JoinSet<()>) -> End {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_since_ping = true;
        loop {
            let frame = tokio::select! {
                // Frames that arrived while this task was busy count before the heartbeat is judged.
                biased;
                () = self.shared.shutdown.cancelled() => return shutting_down(),
                () = self.held.superseded.cancelled() => return superseded(),
                () = self.outbox.closed() => return End::Gone,
                frame = next_frame(stream) => frame,
                _ = heartbeat.tick() => {
                    if !heard_since_ping {
                        return End::close(CloseCode::NoHeartbeat, "nothing was heard since the last ping");
                    }
                    heard_since_ping = false;
                    if self.outbox.send(Ping {}).await.is_err() {
                        return End::Gone;
                    }
                    continue;
                }
            };
            heard_since_ping = true;
            let handled = match frame {
                Ok(Incoming::Text(text)) => self.handle(&text, helpers).await,
                Ok(Incoming::Binary(frame)) => self.handle_batch(&frame).await,
                Err(end) => Err(end),
            };
            if let Err(end) = handled {
                return end;
            }
            // Finished helpers are forgotten as they go, so that many requests do not pile up.
            while helpers.try_join_next().is_some() {}
        }
    }

    async fn handle(&mut self, text: &str, helpers: &mut tokio::task::JoinSet<()>) -> Result<(), End> {
        let Frame { id, message } = match ClientMessage::parse(text) {
            Ok(frame) => frame,
            Err(ParseError::NotAMessage(reason)) => return Err(End::close(CloseCode::BadFrame, reason)),
            Err(error @ ParseError::UnknownType { id, .. }) => {
                return self.refuse(id, ErrorBody::new(ErrorCode::UnknownType, error.to_string())).await;
            }
            Err(error @ ParseError::BadFields { id, .. }) => {
                return self.refuse(id, ErrorBody::new(ErrorCode::BadRequest, error.to_string())).await;
            }
        };
        let is_stream = matches!(
            message,
            ClientMessage::Pong(_) | ClientMessage::Produce(_) | ClientMessage::Flow(_) | ClientMessage::Ack(_)
        );
        if !is_stream && !self.rate.allows(std::time::Instant::now()) {
            let reason = format!("more than {REQUESTS_PER_SECOND} requests a second; ask less often");
            return Err(End::close(CloseCode::RateExceeded, reason));
        }
        let handled = match message {
            ClientMessage::Pong(_) => Ok(()),
            ClientMessage::Hello(_) => {
                Err(ErrorBody::new(ErrorCode::AlreadyGreeted, "hello was said already; nothing changed"))
            }
            ClientMessage::Produce(Produce { seq, records }) => {
                let records = records.iter().map(|record| (record.topic.as_str(), record.view())).collect();
                self.produce(Numbered { seq, records }).await?
            }
            ClientMessage::Subscribe(request) => self.subscribe(id, request, helpers).await?,
            ClientMessage::Flow(flow) => self.subscription(flow.subscription).and_then(|s| s.flow(&flow)),
            ClientMessage::Ack(ack) => self.subscription(ack.subscription).map(|s| s.acknowledge(ack)),
            ClientMessage::ResumeCommits(request) => match self.subscription(request.subscription) {
                Ok(subscription) => {
                    let partitions = subscription.resume_commits(&request.partitions);
                    let resumed = ResumeCommitsResult { subscription: request.subscription, partitions };
                    self.outbox.reply(id, resumed).await?;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            ClientMessage::Unsubscribe(request) => match self.subscriptions.remove(&request.subscription) {
                Some(subscription) => {
                    subscription.unsubscribe(id);
                    Ok(())
                }
                None => Err(unknown_subscription(request.subscription)),
            },
            ClientMessage::WatchCluster(_) => self.watch(id, Ok(View::Cluster), helpers).await?,
            ClientMessage::WatchTopics(_) => self.watch(id, Ok(View::Topics), helpers).await?,
            ClientMessage::WatchTopic(request) => {
                self.watch(id, requests::topic(&request.name).map(View::Topic), helpers).await?
            }
            ClientMessage::WatchGroups(_) => self.watch(id, Ok(View::Groups), helpers).await?,
            ClientMessage::WatchGroup(request) => {
                self.watch(id, requests::group(&request.group).map(View::Group), helpers).await?
            }
            ClientMessage::Unwatch(request) => self.watches.end(request.watch, id),
            request => {
                let (shared, asker, outbox) = (Arc::clone(self.shared), self.asker.clone(), self.outbox.clone());
                helpers.spawn(requests::answer(shared, asker, outbox, id, request));
                Ok(())
            }
        };
        match handled {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(id, error).await,
        }
    }

    async fn handle_batch(&self, frame: &[u8]) -> Result<(), End> {
        let batch = ProduceFrame::parse(frame).map_err(|bad| End::close(CloseCode::BadFrame, bad.to_string()))?;
        let records = batch.iter().map(|record| (batch.topic, record)).collect();
        match self.produce(Numbered { seq: batch.seq, records }).await? {
            Ok(()) => Ok(()),
            Err(error) => self.refuse(None, error).await,
        }
    }

    async fn produce<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
        &self,
        numbered: Numbered<'a, H>,
    ) -> Result<Result<(), ErrorBody>, End> {
        tokio::select! {
            done = produce::produce(self.shared, &self.held.ledger, numbered) => Ok(done),
            () = self.outbox.closed() => Err(End::Gone),
            () = self.shared.shutdown.cancelled() => Err(shutting_down()),
        }
    }

    async fn refuse(&self, id: Option<u64>, error: ErrorBody) -> Result<(), End> {
        Ok(self.outbox.reply(id, ErrorMessage { subscription: None, error }).await?)
    }

    fn subscription(&self, number: u32) -> Result<&Subscription, ErrorBody> {
        self.subscriptions.get(&number).ok_or_else(|| unknown_subscription(number))
    }

    async fn watch(
        &mut self,
        id: Option<u64>,
        view: Result<View, ErrorBody>,
        helpers: &mut tokio::task::JoinSet<()>,
    ) -> Result<Result<(), ErrorBody>, End> {
        let (view, watch) = match view.and_then(|view| Ok((view, self.watches.reserve()?))) {
            Ok(reserved) => reserved,
            Err(error) => return Ok(Err(error)),
        };
        self.outbox.reply(id, Watching { watch }).await?;
        helpers.spawn(self.watches.start(watch, self.shared.views.look(view), self.outbox.clone()));
        Ok(Ok(()))
    }

    async fn subscribe(
        &mut self,
        id: Option<u64>,
        request: Subscribe,
        helpers: &mut tokio::task::JoinSet<()>,
    ) -> Result<Result<(), ErrorBody>, End> {
        if self.subscriptions.len() >= LIMITS.subscriptions as usize {
            let message = format!("a socket has at most {} subscriptions; end one first", LIMITS.subscriptions);
            return Ok(Err(ErrorBody::new(ErrorCode::TooManySubscriptions, message)));
        }
        if self.shared.read_only && matches!(request.mode, Mode::Group { .. }) {
            let message = format!("joining a group commits its positions; {READ_ONLY}: look on without a group (tail)");
            return Ok(Err(ErrorBody::new(ErrorCode::ReadOnly, message)));
        }
        let format = request.format;
        let request = match subscription::check(request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let shared = Arc::clone(self.shared);
        // Making a Kafka consumer starts threads and takes milliseconds.
        let joined = tokio::task::spawn_blocking(move || shared.feeds.subscribe(request)).await;
        let cursor = match joined {
            Ok(Ok(cursor)) => cursor,
            Ok(Err(error)) => return Ok(Err(error)),
            Err(error) => return Ok(Err(ErrorBody::new(ErrorCode::Internal, error.to_string()))),
        };
        self.last_subscription += 1;
        let number = self.last_subscription;
        self.outbox.reply(id, Subscribed { subscription: number }).await?;
        let (subscription, carrier) = Subscription::start(number, cursor, format, self.outbox.clone());
        self.subscriptions.insert(number, subscription);
        helpers.spawn(carrier);
        Ok(Ok(()))
    }
}

fn unknown_subscription(number: u32) -> ErrorBody {
    ErrorBody::new(ErrorCode::UnknownSubscription, format!("there is no subscription {number} on this socket"))
}

/// A session's outcomes on their way to its socket.
struct Outcomes {
    ledger: Arc<Ledger>,
    outbox: Outbox,
}

impl Listener for Outcomes {
    fn news(&self) -> bool {
        let produced = || Some(OutboxFrame::text(&ServerMessage::from(self.ledger.take_outcomes()?).to_json()));
        self.outbox.write_at_once(produced) != AtOnce::Busy
    }
}

async fn tell_outcomes(ledger: Arc<Ledger>, outbox: Outbox) {
    // After a resume there may be outcomes that the lost socket never carried.
    while outbox.send_latest(|| ledger.take_outcomes()).await.is_ok() {
        ledger.news().await;
    }
}

async fn tell_cluster_changes(mut cluster: ClusterWatch, outbox: Outbox) {
    while cluster.changed().await.is_ok() {
        let told = outbox.send_latest(|| Some(ClusterChanged { cluster: cluster.borrow_and_update().clone() })).await;
        if told.is_err() {
            return;
        }
    }
}
