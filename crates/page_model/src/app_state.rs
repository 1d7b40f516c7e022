//! The app state, and its changes by the user and the clock. The bridge's messages are applied in `bridge_messages.rs`,
//! connections in `connection.rs`. Has an outbox instead of a socket, and no timers or texts.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use formats::BatchChoice;
use protocol::{
    Cluster, ClusterSummary, Defaults, GroupRequest, Limits, MessageBody, MessageText, ProduceRecord, RegistryChanged,
    Request, RequestId, ResumeCommits, Rights, Secret, Subscribe, TopicPartition, TopicRequest, Unsubscribe, User,
};
use serde::Serialize;

use super::allowed_names::AllowedNames;
use super::batch::{Batch, RecordField};
use super::component_requests::ComponentRequests;
use super::draft::{Draft, topic_is_valid};
use super::feed::{self, Feed, HoldReason};
use super::fills::Fills;
use super::filter::Filter;
use super::intent::{Intent, Start};
use super::link::Link;
use super::listening::{Listening, Phase};
use super::next_intent::NextIntent;
use super::notes::SharedNotes;
use super::notices::{NoticeKind, Notices};
use super::outgoing::Outgoing;
use super::plan::RunPlan;
use super::read_state::ReadState;
use super::receive_stats::ReceiveStats;
use super::rereads::Rereads;
use super::run::{self, Run, RunTitle};
use super::sends::Sends;
use super::sent_schemas::SentSchemas;
use super::slice::{Changes, Slice};
use super::waiting::Waits;

/// How often the countdown to the next connection attempt is drawn.
const COUNTDOWN_MS: f64 = 250.0;
/// A run leaves one eighth of the bridge's produce window to records that the user sends meanwhile.
const USER_SHARE_OF_WINDOW: u64 = 8;
/// Bytes of a run that may wait for their outcome; the page keeps them to send them again.
const RUN_BYTES: usize = 8 * 1024 * 1024;
/// How often the progress of reading a batch is drawn.
const DRAW_BATCH_MS: f64 = 150.0;
/// Records of a run made in one step: a few milliseconds, so that clicks and drawing come between.
const STEP_RECORDS: u64 = 2048;

/// The bridge's properties from its `welcome`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    pub defaults: Defaults,
    pub limits: Limits,
    pub read_only: bool,
    /// The clusters that the user may use.
    pub clusters: Vec<ClusterSummary>,
    /// `None` if the bridge admits everyone.
    pub user: Option<User>,
    /// What the user may do in this cluster. `None`: everything.
    pub rights: Option<Rights>,
}

/// Why a topic was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicRequestPurpose {
    /// To update the end offsets of its partitions.
    Ends,
    /// To begin at an offset in each of its partitions.
    BeginAt,
}

#[derive(Debug, Default)]
pub struct AppState {
    pub(super) link: Link,
    pub(super) session: Option<String>,
    /// The bridge's access token, if the user has entered one.
    pub(super) token: Option<Secret>,
    /// The bridge has refused the latest token.
    pub(super) token_is_wrong: bool,
    /// The bridge has asked the user to sign in, so it offers that.
    pub(super) signs_in: bool,
    /// Number of `hello` messages sent.
    pub(super) hellos: u64,
    pub(super) bridge: Option<Bridge>,
    pub(super) cluster: Option<Cluster>,
    /// The state of the cluster's schema registry; `None` if the cluster has none.
    pub(super) registry: Option<RegistryChanged>,
    /// The name of the cluster that `hello` asks for: chosen by the user or by the address, or the bridge's default after
    /// the first `welcome`, so that a reconnect never leads to another cluster.
    pub(super) cluster_choice: Option<String>,
    /// The bridge's message that it has no such cluster. The reason in the close frame may be shortened.
    pub(super) unknown_cluster: Option<String>,
    pub(super) sends: Sends,
    pub(super) run: Option<Run>,
    pub(super) batch: Option<Batch>,
    batch_drawn_ms: f64,
    /// Increases whenever the batch is read again.
    pub(super) batch_revision: u64,
    pub(super) listening: Listening,
    pub(super) feed: Feed,
    pub(super) receive_stats: ReceiveStats,
    pub(super) fills: Fills,
    pub(super) rereads: Rereads,
    pub(super) schemas: SentSchemas,
    /// The topic of the last batch, so that batches of the same topic share its allocation.
    pub(super) last_topic: Option<std::rc::Rc<str>>,
    /// Pending `topic` requests and their purpose.
    pub(super) topic_requests: BTreeMap<RequestId, TopicRequestPurpose>,
    /// The pending `group` request whose reply contains the offsets to start at.
    pub(super) group_request: Option<RequestId>,
    /// Topics and groups that need no confirmation.
    pub(super) allowed_names: AllowedNames,
    pub(super) waits: Waits,
    /// How many partitions with waiting sent records the components know of.
    pub(super) waits_shown: usize,
    /// Pending requests and open live views of components.
    pub(super) component_requests: ComponentRequests,
    /// What to listen to once the current subscription has ended.
    pub(super) next_intent: Option<NextIntent>,
    /// The notes of the latest frames.
    pub(super) shared_notes: SharedNotes,
    /// The tab is hidden; work that only changes what is drawn waits.
    is_hidden: bool,
    pub(super) notices: Notices,
    pub(super) changes: Changes,
    pub(super) outbox: Vec<Outgoing>,
    next_request: RequestId,
    pub(super) next_run: u64,
}

impl AppState {
    // Results that the store takes after each step.

    pub fn take_outbox(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outbox)
    }

    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// When `tick` must be called at the latest; `None` if it has nothing to do.
    pub fn next_tick_ms(&self, now_ms: f64) -> Option<f64> {
        let countdown = matches!(self.link, Link::Waiting { .. }).then_some(now_ms + COUNTDOWN_MS);
        let run = self.run.as_ref().filter(|_| self.room_for_run() > 0).and_then(|run| run.next_at_ms(now_ms));
        let flow = self.listening.flow_due_ms().filter(|_| self.link.is_open());
        let notice = self.notices.next_expiry_ms();
        let batch = self.batch.as_ref().filter(|batch| !batch.is_read()).map(|_| now_ms);
        let ends = self.listening.ends_due_ms().filter(|_| self.link.is_open() && !self.is_hidden);
        let receive_stats = self.receive_stats.due_ms().filter(|_| !self.is_hidden);
        [countdown, run, batch, flow, notice, ends, receive_stats].into_iter().flatten().min_by(f64::total_cmp)
    }

    // Sending.

    /// Sends the draft. Returns whether it was sent.
    pub fn send(&mut self, topic: &str, draft: &Draft, now_ms: f64) -> bool {
        draft.record(topic).is_some_and(|record| self.send_record(&record, now_ms))
    }

    /// Sends a record as it is. Returns whether it was sent.
    pub fn send_record(&mut self, record: &ProduceRecord, now_ms: f64) -> bool {
        self.send_encoded(record, None, now_ms)
    }

    /// Sends a record that the bridge has encoded. `json`: [`RecordToSend::json`](super::encode_chunk::RecordToSend::json).
    pub fn send_encoded(&mut self, record: &ProduceRecord, json: Option<Box<str>>, now_ms: f64) -> bool {
        if self.send_blocked_to(&record.topic).is_some() || !self.may_send_to(&record.topic) {
            return false;
        }
        let frame = self.sends.send(record, json, now_ms);
        self.outbox.push(Outgoing::Binary(frame));
        self.changes.mark(Slice::Sends);
        true
    }

    /// Starts a run; one at a time. Returns whether it was started.
    pub fn start_run(&mut self, topic: &str, plan: &RunPlan, title: RunTitle, start: run::Start) -> bool {
        if !self.may_start_run(topic) {
            return false;
        }
        let Some(run) = Run::new(self.next_run, title, topic.trim(), plan, start) else { return false };
        self.start(run, start.now_ms);
        true
    }

    /// Sets the text with records to send and begins to check it. An empty text removes the batch. What the user chose for
    /// a text of the same name stays.
    pub fn set_batch(&mut self, name: Option<String>, text: Arc<str>) {
        let known = self.batch.take().filter(|batch| batch.name == name);
        let limit = self.bridge.as_ref().map_or(usize::MAX, |bridge| bridge.limits.message_bytes as usize);
        self.batch_revision += 1;
        self.batch = (!text.is_empty()).then(|| match known {
            Some(batch) => batch.with_text(text, limit),
            None => Batch::new(name, text, BatchChoice::default(), limit),
        });
        self.changes.mark(Slice::Batch);
        self.check_batch(0.0);
    }

    pub fn choose_batch(&mut self, choice: BatchChoice) {
        self.batch_revision += 1;
        if let Some(batch) = &mut self.batch {
            batch.choose(choice);
        }
        self.changes.mark(Slice::Batch);
        self.check_batch(0.0);
    }

    /// Chooses whether the batch's partitions or timestamps are kept if it is sent to this topic.
    pub fn keep_in_batch(&mut self, field: RecordField, on: bool, topic: &str) {
        if let Some(batch) = &mut self.batch {
            batch.keep(field, on, topic);
            self.changes.mark(Slice::Batch);
        }
    }

    pub(super) fn check_batch(&mut self, now_ms: f64) {
        if let Some(batch) = self.batch.as_mut().filter(|batch| !batch.is_read()) {
            batch.check_slice();
            // Drawing takes longer than checking a slice, so that not every slice is drawn.
            if batch.is_read() || now_ms - self.batch_drawn_ms > DRAW_BATCH_MS {
                self.batch_drawn_ms = now_ms;
                self.changes.mark(Slice::Batch);
            }
        }
    }

    /// Sends the checked batch as a run. Returns whether the run was started.
    pub fn send_batch(&mut self, topic: &str, start: run::Start) -> bool {
        if !self.may_start_run(topic) {
            return false;
        }
        let Some(batch) = &self.batch else { return false };
        let Some(run) = Run::of_batch(self.next_run, topic.trim(), batch, start) else { return false };
        self.start(run, start.now_ms);
        true
    }

    pub(super) fn may_start_run(&self, topic: &str) -> bool {
        let is_free = self.run.as_ref().is_none_or(|run| !run.is_active()) && self.send_blocked_to(topic).is_none();
        is_free && topic_is_valid(topic) && self.may_send_to(topic)
    }

    pub(super) fn start(&mut self, run: Run, now_ms: f64) {
        self.run = Some(run);
        self.next_run += 1;
        self.changes.mark(Slice::Sends);
        self.send_due(now_ms);
    }

    pub fn cancel_run(&mut self, now_ms: f64) {
        if let Some(run) = &mut self.run {
            run.cancel(now_ms);
        }
        self.changes.mark(Slice::Sends);
    }

    pub fn pause_or_resume_run(&mut self, now_ms: f64) {
        if let Some(run) = &mut self.run {
            match run.state {
                run::RunState::Paused => run.resume(now_ms),
                _ => run.pause(now_ms),
            }
        }
        self.changes.mark(Slice::Sends);
        self.send_due(now_ms);
    }

    /// How many records of a run may be sent now.
    fn room_for_run(&self) -> u64 {
        let Some(bridge) = self.bridge.as_ref().filter(|_| self.run_blocked().is_none()) else { return 0 };
        if self.sends.waiting_bytes() >= RUN_BYTES {
            return 0;
        }
        let window = bridge.limits.produce_window;
        (window - window / USER_SHARE_OF_WINDOW).saturating_sub(self.sends.waiting() as u64)
    }

    /// Sends the records of the run that are due, as far as the produce window allows.
    pub(super) fn send_due(&mut self, now_ms: f64) {
        let cannot_send = self.run_blocked().is_some();
        let mut room = self.room_for_run().min(STEP_RECORDS);
        let Some(run) = &mut self.run else { return };
        if cannot_send {
            return run.stop_clock(now_ms);
        }
        run.resume_clock(now_ms);
        run.begin_step();
        loop {
            let most = run.due(now_ms).min(room);
            run.stop_if_failed(now_ms);
            if most == 0 || self.sends.waiting_bytes() >= RUN_BYTES {
                return;
            }
            let to_send = run.next_frame(self.sends.next_seq(), most, now_ms);
            if to_send.batch.is_empty() {
                run.stop_if_failed(now_ms);
                return;
            }
            room -= u64::from(to_send.batch.len());
            self.outbox.push(Outgoing::Binary(self.sends.send_frame(to_send, now_ms)));
            self.changes.mark(Slice::Sends);
        }
    }

    pub fn clear_sends(&mut self) {
        self.sends.clear_settled();
        self.waits.clear();
        if self.run.as_ref().is_some_and(|run| !run.is_active()) {
            self.run = None;
        }
        self.changes.mark(Slice::Sends);
    }

    // Listening.

    pub fn listen(&mut self, intent: Intent) {
        if self.listening.phase() != Phase::Idle {
            return;
        }
        if self.listening.start(intent) {
            self.feed.clear();
            self.feed.follow();
        }
        self.changes.mark_list();
        self.subscribe();
    }

    /// Replaces the current subscription.
    pub fn listen_instead(&mut self, intent: Intent) {
        if self.listening.phase() == Phase::Idle {
            return self.listen(intent);
        }
        if self.listening.intent() == &intent && self.listening.phase() != Phase::Stopping {
            return;
        }
        self.next_intent = Some(NextIntent::Other(intent));
        self.stop_listening();
        self.listen_to_next();
    }

    /// Starts the pending intent once the previous subscription has ended.
    pub(super) fn listen_to_next(&mut self) {
        if self.listening.phase() == Phase::Idle
            && let Some(next) = self.next_intent.take()
        {
            match next {
                NextIntent::Other(intent) => self.listen(intent),
                NextIntent::OtherFormats(decode) => self.listen_in_other_formats(decode),
            }
        }
    }

    pub(super) fn subscribe(&mut self) {
        self.changes.mark(Slice::Listening);
        if self.link.is_open() && !self.add_missing_schemas() {
            // The reply calls this again.
            return;
        }
        if self.link.is_open()
            && self.listening.must_look_up_start()
            && self.listening.intent().start == Start::Committed
        {
            let group = self.listening.intent().group.clone();
            self.group_request = Some(self.request(&GroupRequest { group }));
        } else if self.link.is_open() && self.listening.must_look_up_start() {
            self.request_topics(self.listening.intent().topics.clone(), TopicRequestPurpose::BeginAt);
        } else if self.link.is_open()
            && let Some(message) = self.listening.subscribe(self.next_request)
        {
            let decode = self.schemas_of(message.decode);
            self.request(&Subscribe { decode, ..message });
        }
    }

    fn request_topics(&mut self, topics: Vec<String>, why: TopicRequestPurpose) {
        for name in topics {
            let request = self.request(&TopicRequest { name });
            self.topic_requests.insert(request, why);
        }
    }

    pub fn stop_listening(&mut self) {
        // Handled records are acknowledged first, so that the group continues exactly here.
        if let Some(flow) = self.listening.flow() {
            self.post(&flow);
        }
        if let Some(subscription) = self.listening.stop(self.link.is_open()) {
            self.unsubscribe(subscription);
        }
        // Replies to these requests must not start the next subscription.
        self.topic_requests.retain(|_, why| *why != TopicRequestPurpose::BeginAt);
        self.group_request = None;
        self.cancel_rereads();
        self.waits.list_ended();
        self.changes.mark(Slice::Listening);
    }

    /// The user confirms that the group's committed offset of this partition moves to where consuming began.
    pub fn resume_commits(&mut self, topic_partition: TopicPartition) {
        if let Some(subscription) = self.listening.subscription().filter(|_| self.link.is_open()) {
            self.request(&ResumeCommits { subscription, partitions: vec![topic_partition] });
        }
    }

    pub(super) fn unsubscribe(&mut self, subscription: u32) {
        let request = self.request(&Unsubscribe { subscription });
        self.listening.stopping_by(request);
    }

    // The list.

    pub fn pause_or_resume(&mut self) {
        if self.feed.is_paused() {
            self.feed.follow();
        } else {
            self.feed.hold_display(HoldReason::Paused);
        }
        self.changes.mark_list();
    }

    pub fn scrolled_up(&mut self) {
        if self.feed.hold().is_none() {
            self.feed.hold_display(HoldReason::Scrolled);
            self.changes.mark_list();
        }
    }

    /// The user scrolled to the end of the list: a list held by scrolling follows the newest record again, a paused one
    /// does not.
    pub fn scrolled_to_end(&mut self) {
        if self.feed.hold() == Some(HoldReason::Scrolled) {
            self.jump_to_latest();
        }
    }

    pub fn jump_to_latest(&mut self) {
        self.feed.follow();
        self.changes.mark_list();
    }

    pub fn clear_feed(&mut self) {
        self.feed.clear();
        self.fills.clear();
        self.rereads.cancel();
        if self.listening.phase() == Phase::Idle {
            // They were about the records of the list.
            self.listening.forget_masked();
            self.changes.mark(Slice::Listening);
        }
        // An empty list cannot be scrolled.
        if self.feed.hold() == Some(HoldReason::Scrolled) {
            self.feed.follow();
        }
        self.changes.mark_list();
    }

    pub fn set_filter(&mut self, filter: Filter) {
        self.feed.set_filter(filter);
        self.changes.mark_list();
    }

    /// Applies the filter to the next unchecked entries. Returns whether all are checked.
    pub fn scan(&mut self, budget: usize) -> bool {
        if self.feed.is_scanned() {
            return true;
        }
        self.changes.mark(Slice::Rows);
        self.feed.scan(budget)
    }

    pub fn set_limits(&mut self, limits: feed::Limits) {
        self.feed.set_limits(limits);
        self.changes.mark_list();
    }

    /// The tab was hidden or shown.
    pub fn hidden(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
        // A shown tab draws what was not drawn while hidden, and resets the unread count in the title.
        self.changes.mark_list();
        self.changes.mark(Slice::Sends);
        self.changes.mark(Slice::Listening);
    }

    pub fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    // Notices and time.

    pub fn notify(&mut self, kind: NoticeKind, now_ms: f64) {
        self.notices.add(kind, now_ms);
        self.changes.mark(Slice::Notices);
    }

    pub fn dismiss(&mut self, id: u64) {
        self.notices.dismiss(id);
        self.changes.mark(Slice::Notices);
    }

    /// Runs everything that is due.
    pub fn tick(&mut self, now_ms: f64) {
        if matches!(self.link, Link::Waiting { .. }) {
            self.changes.mark(Slice::Link);
        }
        self.send_due(now_ms);
        self.check_batch(now_ms);
        if self.link.is_open()
            && let Some(flow) = self.listening.flow_due(now_ms)
        {
            self.post(&flow);
        }
        self.changes.mark_if(Slice::Notices, self.notices.expire(now_ms));
        if self.link.is_open() && !self.is_hidden {
            let topics = self.listening.ends_to_request(now_ms).to_vec();
            self.request_topics(topics, TopicRequestPurpose::Ends);
        }
        self.changes.mark_if(Slice::Rows, self.receive_stats.roll(now_ms));
    }

    /// Passes outcomes to the run, and marks own records that were received before their acknowledgement.
    pub(super) fn settle(&mut self, now_ms: f64) {
        let updates = self.sends.take_updates();
        for early in &updates.seen_early {
            self.receive_stats.seen_after(early.after_ms);
            self.feed.mark_own((&*early.topic).into(), early.partition, early.offset, early.after_ms);
            self.changes.mark(Slice::Rows);
        }
        if let Some(run) = &mut self.run {
            let id = run.id;
            updates
                .runs
                .into_iter()
                .filter(|(run, _)| *run == id)
                .for_each(|(_, updates)| run.record_update(updates, now_ms));
        }
        self.changes.mark(Slice::Sends);
    }

    // The outbox.

    pub(super) fn post_frames(&mut self, frames: Vec<Rc<Vec<u8>>>) {
        self.outbox.extend(frames.into_iter().map(Outgoing::Binary));
    }

    pub(super) fn post<M: MessageBody + Serialize>(&mut self, message: &M) {
        self.outbox.push(Outgoing::Text(MessageText::of(message).into_text()));
    }

    pub(super) fn request<R: Request>(&mut self, request: &R) -> RequestId {
        self.request_text(&MessageText::of(request))
    }

    pub(super) fn request_text(&mut self, request: &MessageText) -> RequestId {
        let id = self.new_request_id();
        self.outbox.push(Outgoing::Text(request.with_id(id)));
        id
    }

    pub(super) fn new_request_id(&mut self) -> RequestId {
        let id = self.next_request;
        self.next_request += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edited_batch_text_keeps_what_the_user_chose_to_keep() {
        let line = "{\"topic\":\"a\",\"partition\":2,\"timestamp\":5,\"value\":1}\n";
        let mut state = AppState::default();
        let keeps_timestamps = |state: &AppState| state.batch.as_ref().map(|batch| batch.keeps("b").timestamps);
        state.set_batch(None, line.into());
        assert_eq!(keeps_timestamps(&state), Some(false));
        state.keep_in_batch(RecordField::Timestamps, true, "b");
        state.set_batch(None, line.repeat(2).into());
        assert_eq!(keeps_timestamps(&state), Some(true), "the same text field");
        state.set_batch(Some("other.jsonl".to_owned()), line.into());
        assert_eq!(keeps_timestamps(&state), Some(false), "another file");
    }
}
