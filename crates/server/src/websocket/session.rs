//! One session of a WebSocket, from `hello` to close.

use std::sync::Arc;
use std::time::Duration;

use access::Policy;
use bytes::Bytes;
use futures_util::StreamExt;
use protocol::{
    ClientMessage, CloseCode, ClusterResult, ErrorBody, ErrorCode, ErrorMessage, Frame, HeaderView, Limits, LiveView,
    MessageBody as _, Mode, ParseError, Ping, Produce, ProduceFrame, Request as _, ResumeCommitsResult, Search,
    SearchStop, SearchStopResult, Subscribe, Subscribed, TopicName, Watching, Welcome, limits, sequence_number,
};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as CloseFrameCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::audit::{self, Asker, WriteLog, audit};
use super::closing::{self, End};
use super::gate::SocketGate;
use super::greeting::{Greeting, greeting};
use super::large_frames::LargeFrames;
use super::outbox::{Gone, Outbox};
use super::produce::{Numbered, Unprocessed};
use super::pushes::{Outcomes, send_cluster_changes, send_outcomes, send_registry_changes};
use super::rate::{REQUESTS_PER_SECOND, Rate};
use super::read_side::ReadSide;
use super::replies::Replies;
use super::requests::Handler;
use super::searches::Searches;
use super::sessions::Held;
use super::slots::Slot;
use super::subscription;
use super::subscriptions::Subscriptions;
use super::visibility::report_invisible_records;
use super::watches::Watches;
use super::{READ_ONLY, Shared, produce, requests};
use crate::clusters::Cluster;
use crate::http::{Peer, WriteHalf};
use crate::metrics::{METRICS, RefusalReason, UNKNOWN_MESSAGE};
use crate::permissions::{Permissions, require_maskable};
use crate::sign_in::SignedIn;
use crate::views::View;
use feed::{Listener, Variant};
use kafka::cluster::ClusterWatch;

/// How often the bridge pings. Some proxies close a connection on which the bridge has sent nothing for 15 s.
const HEARTBEAT: Duration = Duration::from_secs(limits::HEARTBEAT_SECS);

/// After this many pings without any byte from the client, the next one closes the socket. On a slow network a ping may wait for tens of
/// seconds behind a large frame.
const UNANSWERED_PINGS: u32 = limits::SILENT_HEARTBEATS;

/// At shutdown, how long to wait for the outcomes of records in flight.
const LAST_OUTCOMES: Duration = Duration::from_secs(2);

/// The frames that a client sends.
pub(super) type Stream = WebSocketStream<ReadSide>;

/// Serves an upgraded socket until it is closed.
pub async fn serve(
    shared: Arc<Shared>,
    mut stream: Stream,
    writing: WriteHalf,
    replies: Replies,
    peer: Peer,
    signed_in: Option<SignedIn>,
    mut slot: Slot,
) {
    let (outbox, writer) = Outbox::new(writing, replies);
    let writer = tokio::spawn(writer.run());
    let end = run_session(&shared, &mut stream, &outbox, peer, signed_in, &mut slot).await;
    if let End::Close(code, reason) = &end {
        tracing::debug!(%peer, code = code.number(), reason, "closing a socket");
    }
    Box::pin(closing::close(end, stream, outbox, writer, &slot)).await;
    tracing::debug!(%peer, "socket closed");
}

async fn run_session(
    shared: &Arc<Shared>,
    stream: &mut Stream,
    outbox: &Outbox,
    peer: Peer,
    signed_in: Option<SignedIn>,
    slot: &mut Slot,
) -> End {
    // Boxed, so that its memory is freed after `hello`: a socket's own future stays in memory, for thousands of
    // sockets.
    let Greeting { client, cluster, resume, permissions, policy, signed_in } =
        match Box::pin(greeting(stream, outbox, shared, peer, signed_in, slot)).await {
            Ok(greeting) => greeting,
            Err(end) => return end,
        };
    let Ok(held) = shared.sessions.open(resume.as_ref(), &cluster.name, &permissions.principal.name) else {
        return superseded();
    };
    tracing::debug!(%peer, client = client.as_str(), resumed = held.resumed, "session opened");
    tokio::select! {
        () = held.predecessor_is_gone() => {}
        () = held.superseded.cancelled() => {
            shared.sessions.release(&held);
            return superseded();
        }
    }
    let mut state = cluster.state.clone();
    let welcome = Welcome {
        session: held.id.clone(),
        resumed: held.resumed,
        cluster: state.borrow_and_update().clone(),
        defaults: cluster.defaults.clone(),
        limits: Limits {
            message_bytes: cluster.record_limit.bytes as u64,
            subscriptions: limits::SUBSCRIPTIONS,
            produce_window: limits::PRODUCE_WINDOW,
            frame_bytes: shared.large_frames.max_bytes() as u64,
        },
        heartbeat_ms: HEARTBEAT.as_millis().try_into().unwrap_or(u64::MAX),
        read_only: cluster.read_only,
        cluster_name: cluster.name.to_string(),
        clusters: shared.clusters.usable(|name| permissions.may_use(name)),
        user: permissions.user(),
        rights: permissions.rights().cloned(),
    };
    let end = match outbox.send(welcome).await {
        Ok(()) => {
            let user = permissions.principal.name.as_str().into();
            let asker = Asker { peer, client, cluster: cluster.name.clone(), user };
            let session = Session::new(shared, cluster, asker, permissions, outbox, &held);
            session.run(stream, state, signed_in, policy).await
        }
        Err(Gone) => End::Gone,
    };
    shared.sessions.release(&held);
    end
}

/// A data frame from a client.
pub(super) enum Incoming {
    Text(Utf8Bytes),
    Binary(Bytes),
}

/// Returns the next data frame, or why there is none.
pub(super) async fn next_frame(stream: &mut Stream) -> Result<Incoming, End> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Incoming::Text(text)),
            Some(Ok(Message::Binary(bytes))) => return Ok(Incoming::Binary(bytes)),
            // tungstenite answers pings and close frames.
            Some(Ok(message @ (Message::Ping(_) | Message::Pong(_)))) => stream.get_mut().skip_control(message.len()),
            Some(Ok(Message::Frame(_))) => {}
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(CloseFrameCode::Status, |frame| frame.code);
                return Err(End::ClosedByClient(code.into()));
            }
            None => return Err(End::Gone),
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { size, max_size }))) => {
                METRICS.refused(RefusalReason::FrameTooLarge);
                let reason = format!("a message of {size} bytes; at most {max_size} are allowed");
                return Err(End::close(CloseCode::TooLarge, reason));
            }
            Some(Err(Error::Io(error))) if LargeFrames::is_late(&error) => {
                METRICS.refused(RefusalReason::FrameTooLarge);
                let reason = format!("a large frame did not arrive within {} s; send less", limits::LARGE_FRAME_SECS);
                return Err(End::close(CloseCode::TooLarge, reason));
            }
            Some(Err(Error::Utf8(_))) => return Err(End::close(CloseCode::BadFrame, "a text frame that is not UTF-8")),
            Some(Err(Error::Protocol(error))) => return Err(End::close(CloseCode::BadFrame, error.to_string())),
            Some(Err(_)) => return Err(End::Gone),
        }
    }
}

pub(super) fn shutting_down() -> End {
    End::close(CloseCode::ShuttingDown, "the bridge is shutting down; connect again")
}

fn superseded() -> End {
    End::close(CloseCode::Superseded, "another socket took over this session")
}

/// Waits until the sign-in has ended, which it never does without one. The future is on the heap, since most sockets need none.
async fn end_of_sign_in(signed_in: Option<SignedIn>) -> &'static str {
    match signed_in {
        Some(signed_in) => Box::pin(async move { signed_in.ended().await }).await,
        None => std::future::pending().await,
    }
}

/// A socket after its `hello`.
struct Session<'s> {
    shared: &'s Arc<Shared>,
    cluster: Arc<Cluster>,
    outbox: &'s Outbox,
    held: &'s Held,
    subscriptions: Subscriptions,
    watches: Watches,
    searches: Searches,
    rate: Rate,
    gate: SocketGate,
    asker: Asker,
    writes: WriteLog,
    permissions: Permissions,
}

impl<'s> Session<'s> {
    fn new(
        shared: &'s Arc<Shared>,
        cluster: Arc<Cluster>,
        asker: Asker,
        permissions: Permissions,
        outbox: &'s Outbox,
        held: &'s Held,
    ) -> Self {
        let rate = Rate::new(std::time::Instant::now());
        let (subscriptions, watches, searches) = Default::default();
        let gate = shared.gate.of_socket();
        let writes = WriteLog::new(asker.clone());
        Self { shared, cluster, outbox, held, subscriptions, watches, searches, rate, gate, asker, writes, permissions }
    }

    /// `state` must have seen the cluster's state that `welcome` sent.
    async fn run(
        mut self,
        stream: &mut Stream,
        state: ClusterWatch,
        signed_in: Option<SignedIn>,
        mut policy: watch::Receiver<Arc<Policy>>,
    ) -> End {
        // Dropping the set aborts its tasks. The tasks of subscriptions own their cursors, so their feeds notice the
        // loss.
        let mut helpers = tokio::task::JoinSet::new();
        let outcomes: Arc<dyn Listener> =
            Arc::new(Outcomes { ledger: Arc::clone(&self.held.ledger), outbox: self.outbox.clone() });
        self.held.ledger.set_listener(Arc::downgrade(&outcomes));
        helpers.spawn(send_outcomes(Arc::clone(&self.held.ledger), self.outbox.clone()));
        helpers.spawn(send_cluster_changes(state, self.outbox.clone()));
        if let Some(registry) = self.cluster.decoder.registry() {
            helpers.spawn(send_registry_changes(registry.state(), self.outbox.clone()));
        }
        let (admin, gate) = (Arc::clone(&self.cluster.admin), Arc::clone(&self.shared.gate));
        helpers.spawn(report_invisible_records(Arc::clone(&self.held.ledger), admin, gate, self.outbox.clone()));
        // A socket whose client hangs may block this session in a full queue, while another socket waits to take the
        // session over, or the user loses a right.
        let taken_over = self.held.superseded.clone();
        let end = tokio::select! {
            end = self.listen(stream, &mut helpers) => end,
            () = taken_over.cancelled() => superseded(),
            reason = end_of_sign_in(signed_in) => End::close(CloseCode::SignedOut, reason),
            _ = policy.changed() => {
                End::close(CloseCode::AccessChanged, "the access rules were changed; connect again")
            }
        };
        if let End::Close(CloseCode::ShuttingDown, _) = end {
            // Records in flight get their outcomes before the socket is closed.
            let _ = timeout(LAST_OUTCOMES, self.held.ledger.wait_until_settled()).await;
        }
        drop(outcomes);
        helpers.shutdown().await;
        // Outcomes that this socket cannot send any more are sent by the next socket of the session.
        let can_send = matches!(&end, End::Close(code, _) if *code != CloseCode::Superseded);
        while can_send
            && let Some(produced) = self.held.ledger.take_outcomes()
            && self.outbox.send(produced).await.is_ok()
        {}
        end
    }

    async fn listen(&mut self, stream: &mut Stream, helpers: &mut tokio::task::JoinSet<()>) -> End {
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        loop {
            let frame = tokio::select! {
                // Frames that arrived while this task was busy count as a sign of life, so they are read before the
                // heartbeat is checked.
                biased;
                () = self.shared.shutdown.cancelled() => return shutting_down(),
                () = self.held.superseded.cancelled() => return superseded(),
                () = self.outbox.closed() => return End::Gone,
                frame = next_frame(stream) => frame,
                _ = heartbeat.tick() => {
                    if stream.get_mut().take_heard() {
                        unanswered = 0;
                    }
                    if unanswered == UNANSWERED_PINGS {
                        let reason = format!("nothing was received since {UNANSWERED_PINGS} pings");
                        return End::close(CloseCode::NoHeartbeat, reason);
                    }
                    unanswered += 1;
                    if self.outbox.send(Ping {}).await.is_err() {
                        return End::Gone;
                    }
                    self.writes.log_totals_when_due();
                    continue;
                }
            };
            let handled = match frame {
                Ok(Incoming::Text(text)) => self.handle(&text, helpers).await,
                Ok(Incoming::Binary(frame)) => self.handle_batch(&frame).await,
                Err(end) => Err(end),
            };
            if let Err(end) = handled {
                return end;
            }
            stream.get_mut().end_message();
            // Finished tasks are removed here, so that they do not accumulate.
            while helpers.try_join_next().is_some() {}
        }
    }

    async fn handle(&mut self, text: &str, helpers: &mut tokio::task::JoinSet<()>) -> Result<(), End> {
        let Frame { id, message, .. } = match ClientMessage::parse(text) {
            Ok(frame) => frame,
            Err(ParseError::NotAMessage(reason)) => return Err(End::close(CloseCode::BadFrame, reason)),
            Err(error @ ParseError::UnknownType { id, .. }) => {
                return self
                    .refuse(UNKNOWN_MESSAGE, id, ErrorBody::new(ErrorCode::UnknownType, error.to_string()))
                    .await;
            }
            Err(error @ ParseError::BadFields { id, name, .. }) => {
                let seq = if name == Produce::NAME { sequence_number(text) } else { None };
                let error = ErrorBody::new(ErrorCode::BadRequest, error.to_string());
                return self.refuse(name, id, ErrorMessage { subscription: None, seq, error }).await;
            }
        };
        let name = message.name();
        let is_stream = matches!(
            message,
            ClientMessage::Pong(_) | ClientMessage::Produce(_) | ClientMessage::Flow(_) | ClientMessage::Ack(_)
        );
        if !is_stream && !self.rate.allows(std::time::Instant::now()) {
            METRICS.refused(RefusalReason::Rate);
            let reason = format!("more than {REQUESTS_PER_SECOND} requests a second; send fewer");
            return Err(End::close(CloseCode::RateExceeded, reason));
        }
        // The others are counted when they are answered, or not at all if they are part of a stream.
        let is_answered_here = matches!(
            message,
            ClientMessage::Subscribe(_)
                | ClientMessage::ResumeCommits(_)
                | ClientMessage::Unsubscribe(_)
                | ClientMessage::SearchStop(_)
                | ClientMessage::WatchCluster(_)
                | ClientMessage::WatchTopics(_)
                | ClientMessage::WatchTopic(_)
                | ClientMessage::WatchGroups(_)
                | ClientMessage::WatchGroup(_)
                | ClientMessage::Unwatch(_)
                | ClientMessage::ClusterRequest(_)
        );
        let handled = match message {
            ClientMessage::Pong(_) => Ok(()),
            ClientMessage::Hello(_) => Err(ErrorBody::new(ErrorCode::AlreadyGreeted, "duplicate `hello` ignored")),
            ClientMessage::Produce(Produce { seq, records }) => {
                let views = records.iter().map(|record| (record.topic.as_str(), record.view()));
                return self.produce(id, Numbered::new(seq, records.len(), views)).await;
            }
            ClientMessage::Subscribe(request) => self.subscribe(id, request, helpers).await?,
            ClientMessage::Flow(flow) => self.subscriptions.get(flow.subscription).and_then(|s| s.flow(&flow)),
            ClientMessage::Ack(ack) => self.subscriptions.get(ack.subscription).map(|s| s.acknowledge(&ack)),
            ClientMessage::ResumeCommits(request) => match self.subscriptions.get(request.subscription) {
                Ok(subscription) => {
                    let partitions = subscription.resume_commits(&request.partitions);
                    let resumed = ResumeCommitsResult { subscription: request.subscription, partitions };
                    self.outbox.reply(id, resumed).await?;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            ClientMessage::Unsubscribe(request) => self.subscriptions.end(request.subscription, id),
            ClientMessage::Search(request) => self.search(id, request, helpers),
            ClientMessage::SearchStop(SearchStop { search }) => match self.searches.stop(search) {
                Ok(()) => {
                    self.outbox.reply(id, SearchStopResult { search }).await?;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            ClientMessage::WatchCluster(request) => self.watch(id, request, Ok(View::Cluster), helpers).await?,
            ClientMessage::WatchTopics(request) => self.watch(id, request, Ok(View::Topics), helpers).await?,
            ClientMessage::WatchTopic(request) => {
                let view = requests::topic(&request.name).map(View::Topic);
                self.watch(id, request, view, helpers).await?
            }
            ClientMessage::WatchGroups(request) => self.watch(id, request, Ok(View::Groups), helpers).await?,
            ClientMessage::WatchGroup(request) => {
                let view = requests::group(&request.group).map(View::Group);
                self.watch(id, request, view, helpers).await?
            }
            ClientMessage::Unwatch(request) => self.watches.end(request.watch, id),
            // Answered without asking Kafka.
            ClientMessage::ClusterRequest(_) => {
                let cluster = self.cluster.state.borrow().clone();
                self.outbox.reply(id, ClusterResult { cluster }).await?;
                Ok(())
            }
            ClientMessage::ClusterDetailsRequest(request) => self.answer(id, request, helpers),
            ClientMessage::TopicsRequest(request) => self.answer(id, request, helpers),
            ClientMessage::TopicRequest(request) => self.answer(id, request, helpers),
            ClientMessage::Fetch(request) => self.answer(id, request, helpers),
            ClientMessage::TimelineRequest(request) => self.answer(id, request, helpers),
            ClientMessage::CreateTopic(request) => self.answer(id, request, helpers),
            ClientMessage::AlterTopicConfig(request) => self.answer(id, request, helpers),
            ClientMessage::AddPartitions(request) => self.answer(id, request, helpers),
            ClientMessage::EmptyTopic(request) => self.answer(id, request, helpers),
            ClientMessage::DeleteTopic(request) => self.answer(id, request, helpers),
            ClientMessage::GroupsRequest(request) => self.answer(id, request, helpers),
            ClientMessage::GroupRequest(request) => self.answer(id, request, helpers),
            ClientMessage::PlanOffsetReset(request) => self.answer(id, request, helpers),
            ClientMessage::ResetOffsets(request) => self.answer(id, request, helpers),
            ClientMessage::DeleteGroup(request) => self.answer(id, request, helpers),
            ClientMessage::SubjectsRequest(request) => self.answer(id, request, helpers),
            ClientMessage::SubjectRequest(request) => self.answer(id, request, helpers),
            ClientMessage::SchemaRequest(request) => self.answer(id, request, helpers),
            ClientMessage::CheckSchema(request) => self.answer(id, request, helpers),
            ClientMessage::RegisterSchema(request) => self.answer(id, request, helpers),
            ClientMessage::DeleteSubject(request) => self.answer(id, request, helpers),
            ClientMessage::SetCompatibility(request) => self.answer(id, request, helpers),
            ClientMessage::AddSchema(request) => self.answer(id, request, helpers),
            ClientMessage::DescribeEncoding(request) => self.answer(id, request, helpers),
            ClientMessage::Encode(request) => self.answer(id, request, helpers),
        };
        match handled {
            Ok(()) => {
                if is_answered_here {
                    METRICS.request(name, Ok(()));
                }
                Ok(())
            }
            Err(error) => self.refuse(name, id, error).await,
        }
    }

    async fn handle_batch(&mut self, frame: &[u8]) -> Result<(), End> {
        let batch = ProduceFrame::parse(frame).map_err(|bad| End::close(CloseCode::BadFrame, bad.to_string()))?;
        let records = batch.iter().map(|record| (batch.topic, record));
        self.produce(None, Numbered::new(batch.seq, batch.count as usize, records)).await
    }

    /// If records were not processed, the error names the first of them.
    async fn produce<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
        &mut self,
        id: Option<u64>,
        numbered: Result<Numbered<'a, H>, Unprocessed>,
    ) -> Result<(), End> {
        let produced = match numbered {
            Ok(numbered) => {
                let Self { shared, cluster, permissions, held, writes, .. } = self;
                tokio::select! {
                    done = produce::produce(shared, cluster, permissions, &held.ledger, writes, numbered) => done,
                    () = self.outbox.closed() => return Err(End::Gone),
                    () = self.shared.shutdown.cancelled() => return Err(shutting_down()),
                }
            }
            Err(unprocessed) => Err(unprocessed),
        };
        let Err(Unprocessed { seq, error }) = produced else { return Ok(()) };
        self.refuse(Produce::NAME, id, ErrorMessage { subscription: None, seq: Some(seq), error }).await
    }

    /// Answers a message of type `name` with an error.
    async fn refuse(&self, name: &'static str, id: Option<u64>, message: impl Into<ErrorMessage>) -> Result<(), End> {
        let message = message.into();
        METRICS.request(name, Err(&message.error));
        Ok(self.outbox.reply(id, message).await?)
    }

    /// Executes the request on a blocking thread.
    fn answer<R: Handler>(
        &self,
        id: Option<u64>,
        request: R,
        helpers: &mut tokio::task::JoinSet<()>,
    ) -> Result<(), ErrorBody>
    where
        R::Reply: Send + 'static,
    {
        let admitted = self.gate.admit()?;
        let cluster = Arc::clone(&self.cluster);
        let (asker, permissions, outbox) = (self.asker.clone(), self.permissions.clone(), self.outbox.clone());
        helpers.spawn(requests::answer(cluster, asker, permissions, outbox, admitted, id, request));
        Ok(())
    }

    async fn watch<R: LiveView>(
        &mut self,
        id: Option<u64>,
        request: R,
        view: Result<View, ErrorBody>,
        helpers: &mut tokio::task::JoinSet<()>,
    ) -> Result<Result<(), ErrorBody>, End> {
        let allowed = view.and_then(|view| {
            self.permissions.require(&request.needs())?;
            Ok((view, self.watches.reserve()?))
        });
        let (view, watch) = match allowed {
            Ok(reserved) => reserved,
            Err(error) => return Ok(Err(error)),
        };
        self.outbox.reply(id, Watching { watch }).await?;
        let (snapshots, permissions) = (self.cluster.views.subscribe(view), self.permissions.clone());
        helpers.spawn(self.watches.start(watch, snapshots, permissions, self.outbox.clone()));
        Ok(Ok(()))
    }

    fn search(
        &mut self,
        id: Option<u64>,
        request: Search,
        helpers: &mut tokio::task::JoinSet<()>,
    ) -> Result<(), ErrorBody> {
        self.permissions.require(&request.needs())?;
        let admitted = self.shared.searches.admit(&self.cluster, &self.permissions, request)?;
        let number = self.searches.reserve()?;
        helpers.spawn(self.searches.start(number, admitted, id, self.outbox.clone()));
        Ok(())
    }

    async fn subscribe(
        &mut self,
        id: Option<u64>,
        request: Subscribe,
        helpers: &mut tokio::task::JoinSet<()>,
    ) -> Result<Result<(), ErrorBody>, End> {
        let allowed = match request.mode {
            Mode::Group { .. } if self.cluster.read_only => {
                let message =
                    format!("joining a group commits its positions; {READ_ONLY}: read without a group (tail)");
                Err(ErrorBody::new(ErrorCode::ReadOnly, message))
            }
            _ => self.permissions.require(&request.needs()),
        };
        if let Err(error) = allowed {
            if matches!(request.mode, Mode::Group { .. }) {
                audit::refused(&self.asker, Subscribe::NAME, &error);
            }
            return Ok(Err(error));
        }
        // Logged once the subscription is open.
        let joins = match &request.mode {
            Mode::Tail { .. } => None,
            Mode::Group { id, .. } => Some((id.clone(), request.topics.join(", "))),
        };
        let (format, decode) = (request.format, request.decode);
        let request = match subscription::check(request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let mask = self.permissions.masks(request.topics.iter().map(TopicName::as_str));
        if mask.is_some()
            && let Err(error) = require_maskable(decode)
        {
            return Ok(Err(error));
        }
        let masked = mask.as_ref().map(|profile| profile.fields()).unwrap_or_default();
        let variant = match self.cluster.feeds.variants.hold(&request.topics, Variant { format, decode, mask }) {
            Ok(variant) => variant,
            Err(error) => return Ok(Err(error)),
        };
        let joined = tokio::select! {
            joined = self.subscriptions.join_feed(&self.shared.gate, &self.cluster, request) => joined,
            () = self.outbox.closed() => return Err(End::Gone),
            () = self.shared.shutdown.cancelled() => return Err(shutting_down()),
        };
        let (number, cursor) = match joined {
            Ok(joined) => joined,
            Err(error) => return Ok(Err(error)),
        };
        if let Some((group, topics)) = joins {
            audit!(@DEBUG, &self.asker, change = Subscribe::NAME, group, topics, "audit: joined a consumer group");
        }
        self.outbox.reply(id, Subscribed { subscription: number, masked }).await?;
        let metrics = METRICS.of_cluster(&self.cluster.name);
        let decoder = Arc::clone(&self.cluster.decoder);
        helpers.spawn(self.subscriptions.start(number, cursor, variant, decoder, self.outbox.clone(), metrics));
        Ok(Ok(()))
    }
}
