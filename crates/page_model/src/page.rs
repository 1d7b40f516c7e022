//! The page as a whole: what the user does and what time does to it. What the bridge says is in `answers.rs`, how a
//! connection begins and ends in `connection.rs`. Owns the parts and the outbox; never a socket, a timer or a word.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use protocol::{
    ClientMessage, Cluster, ClusterState, Defaults, GroupRequest, Limits, ProduceRecord, RequestId, ResumeCommits,
    Secret, TopicPartition, TopicRequest, Unsubscribe,
};

use super::batch::Batch;
use super::batch_format::BatchChoice;
use super::crossing::Crossing;
use super::draft::{Draft, topic_is_valid};
use super::entry::Entry;
use super::feed::{self, Feed, Hold};
use super::fills::Fills;
use super::filter::Filter;
use super::intent::{Intent, Start};
use super::link::Link;
use super::listening::{Listening, Phase};
use super::notices::{Notice, NoticeKind, Notices};
use super::outgoing::Outgoing;
use super::own_names::OwnNames;
use super::pace::Pace;
use super::plan::RunPlan;
use super::questions::Questions;
use super::run::{self, Run, RunTitle};
use super::sends::Sends;
use super::waiting::Waits;

/// How often the countdown to the next try is drawn.
const COUNTDOWN_MS: f64 = 250.0;
/// What a run leaves of the bridge's window for records that the user sends meanwhile: an eighth.
const LEFT_FOR_USER: u64 = 8;
/// Bytes of a run that may wait for their outcome; the page keeps them to send them again.
const RUN_BYTES: usize = 8 * 1024 * 1024;
/// How often the progress of reading a batch is drawn.
const DRAW_BATCH_MS: f64 = 150.0;
/// Records of a run made in one step: a few milliseconds, so that clicks and drawing come between.
const STEP_RECORDS: u64 = 2048;

/// Which parts must be drawn again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub link: bool,
    pub cluster: bool,
    pub sends: bool,
    pub batch: bool,
    pub listening: bool,
    /// Records came: the rows are drawn in every frame, the numbers now and then.
    pub feed: bool,
    /// The user has changed what is shown of them: everything is drawn at once.
    pub view: bool,
    pub notices: bool,
}

/// What the bridge said of itself in its welcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Bridge {
    pub defaults: Defaults,
    pub limits: Limits,
    pub read_only: bool,
}

/// Why a topic was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicQuestion {
    /// Where its partitions end.
    Ends,
    /// To begin at an offset in each of its partitions.
    BeginAt,
}

#[derive(Debug, Default)]
pub struct Page {
    pub(super) link: Link,
    pub(super) session: Option<String>,
    /// The bridge's access token, where the user has given one.
    pub(super) token: Option<Secret>,
    /// How often this page said hello.
    pub(super) hellos: u64,
    pub(super) bridge: Option<Bridge>,
    pub(super) cluster: Option<Cluster>,
    pub(super) sends: Sends,
    pub(super) run: Option<Run>,
    batch: Option<Batch>,
    batch_drawn_ms: f64,
    pub(super) listening: Listening,
    pub(super) feed: Feed,
    pub(super) pace: Pace,
    pub(super) fills: Fills,
    /// Of the last batch: most come from the same topic, and its name is kept once.
    pub(super) last_topic: Option<std::rc::Rc<str>>,
    /// Questions about topics: what the answers are for.
    pub(super) topic_questions: BTreeMap<RequestId, TopicQuestion>,
    /// The question where a group's positions are, to begin there.
    pub(super) group_question: Option<RequestId>,
    /// Topics and groups that need no question.
    pub(super) own_names: OwnNames,
    pub(super) waits: Waits,
    /// How many partitions with waiting sent records the components know of.
    pub(super) waits_shown: usize,
    /// What components ask, and the live views they look at.
    pub(super) questions: Questions,
    /// What to listen to as soon as the present subscription has ended.
    next_intent: Option<Intent>,
    /// Nobody is looking: what is only for the eye waits.
    is_hidden: bool,
    notices: Notices,
    pub(super) changed: Changed,
    pub(super) outbox: Vec<Outgoing>,
    next_request: RequestId,
    next_run: u64,
}

impl Page {
    // What the browser side takes after each step.

    pub fn take_outbox(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outbox)
    }

    pub fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// When `tick` has something to do at the latest.
    pub fn next_tick_ms(&self, now_ms: f64) -> Option<f64> {
        let countdown = matches!(self.link, Link::Waiting { .. }).then_some(now_ms + COUNTDOWN_MS);
        let run = self.run.as_ref().filter(|_| self.room_for_run() > 0).and_then(|run| run.next_at_ms(now_ms));
        let flow = self.listening.flow_due_ms().filter(|_| self.link.is_open());
        let notice = self.notices.next_expiry_ms();
        let batch = self.batch.as_ref().filter(|batch| !batch.is_checked()).map(|_| now_ms);
        let ends = self.listening.ends_due_ms().filter(|_| self.link.is_open() && !self.is_hidden);
        let pace = self.pace.due_ms().filter(|_| !self.is_hidden);
        [countdown, run, batch, flow, notice, ends, pace].into_iter().flatten().min_by(f64::total_cmp)
    }

    // What components show.

    pub fn link(&self) -> &Link {
        &self.link
    }

    pub fn bridge(&self) -> Option<&Bridge> {
        self.bridge.as_ref()
    }

    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Nothing is known of Kafka while the bridge is away.
    pub fn kafka_is_up(&self) -> bool {
        self.link.is_open() && self.cluster.as_ref().is_some_and(|cluster| cluster.state == ClusterState::Up)
    }

    pub fn kafka_is_down(&self) -> bool {
        self.link.is_open() && self.cluster.as_ref().is_some_and(|cluster| cluster.state == ClusterState::Down)
    }

    pub fn sends(&self) -> &Sends {
        &self.sends
    }

    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    pub fn batch(&self) -> Option<&Batch> {
        self.batch.as_ref()
    }

    pub fn listening(&self) -> &Listening {
        &self.listening
    }

    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Whether the records of this gap are being loaded.
    pub fn is_filling(&self, gap: &Entry) -> bool {
        self.fills.is_filling(gap)
    }

    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.notices.shown()
    }

    pub fn crossing(&self) -> Crossing {
        let last = self.sends.last();
        let watched = last.as_ref().is_some_and(|row| self.listening.reads(&row.topic));
        Crossing::of(last.as_ref(), watched)
    }

    // Sending.

    /// Sends the draft. Says whether it was sent.
    pub fn send(&mut self, topic: &str, draft: &Draft, now_ms: f64) -> bool {
        draft.record(topic).is_some_and(|record| self.send_record(&record, now_ms))
    }

    /// Sends a record as it is. Says whether it was sent.
    pub fn send_record(&mut self, record: &ProduceRecord, now_ms: f64) -> bool {
        if self.send_obstacle().is_some() || !self.may_send_to(&record.topic) {
            return false;
        }
        let frame = self.sends.send(record, now_ms);
        self.outbox.push(Outgoing::Binary(frame));
        self.changed.sends = true;
        true
    }

    /// Starts a run; one at a time. Says whether it was started.
    pub fn start_run(&mut self, topic: &str, plan: &RunPlan, title: RunTitle, start: run::Start) -> bool {
        if !self.may_start_run(topic) {
            return false;
        }
        let Some(run) = Run::new(self.next_run, title, topic.trim(), plan, start) else { return false };
        self.start(run, start.now_ms);
        true
    }

    /// A text with records, to be checked. An empty one is none.
    pub fn set_batch(&mut self, name: Option<String>, text: Arc<str>) {
        let choice = self.batch.take().filter(|batch| batch.name == name).map(|batch| batch.choice().clone());
        let limit = self.bridge.as_ref().map_or(usize::MAX, |bridge| bridge.limits.message_bytes as usize);
        self.batch = (!text.is_empty()).then(|| Batch::new(name, text, choice.unwrap_or_default(), limit));
        self.changed.batch = true;
        self.check_batch(0.0);
    }

    pub fn choose_batch(&mut self, choice: BatchChoice) {
        if let Some(batch) = &mut self.batch {
            batch.choose(choice);
        }
        self.changed.batch = true;
        self.check_batch(0.0);
    }

    fn check_batch(&mut self, now_ms: f64) {
        if let Some(batch) = self.batch.as_mut().filter(|batch| !batch.is_checked()) {
            batch.check_slice();
            // Drawing takes longer than a slice does.
            if batch.is_checked() || now_ms - self.batch_drawn_ms > DRAW_BATCH_MS {
                self.batch_drawn_ms = now_ms;
                self.changed.batch = true;
            }
        }
    }

    /// Sends what was checked. Says whether it began.
    pub fn send_batch(&mut self, topic: &str, start: run::Start) -> bool {
        if !self.may_start_run(topic) {
            return false;
        }
        let Some(batch) = &self.batch else { return false };
        let Some(run) = Run::of_batch(self.next_run, topic.trim(), batch, start) else { return false };
        self.start(run, start.now_ms);
        true
    }

    fn may_start_run(&self, topic: &str) -> bool {
        let is_free = self.run.as_ref().is_none_or(|run| !run.is_active()) && self.send_obstacle().is_none();
        is_free && topic_is_valid(topic) && self.may_send_to(topic)
    }

    fn start(&mut self, run: Run, now_ms: f64) {
        self.run = Some(run);
        self.next_run += 1;
        self.changed.sends = true;
        self.send_due(now_ms);
    }

    pub fn cancel_run(&mut self, now_ms: f64) {
        if let Some(run) = &mut self.run {
            run.cancel(now_ms);
        }
        self.changed.sends = true;
    }

    pub fn pause_or_resume_run(&mut self, now_ms: f64) {
        if let Some(run) = &mut self.run {
            match run.state {
                run::RunState::Paused => run.resume(now_ms),
                _ => run.pause(now_ms),
            }
        }
        self.changed.sends = true;
        self.send_due(now_ms);
    }

    /// How many records of a run may leave now.
    fn room_for_run(&self) -> u64 {
        let Some(bridge) = self.bridge.as_ref().filter(|_| self.send_obstacle().is_none()) else { return 0 };
        if self.sends.waiting_bytes() >= RUN_BYTES {
            return 0;
        }
        let window = bridge.limits.produce_window;
        (window - window / LEFT_FOR_USER).saturating_sub(self.sends.waiting() as u64)
    }

    /// Sends what the run's clock says, as far as there is room.
    fn send_due(&mut self, now_ms: f64) {
        let cannot_send = self.send_obstacle().is_some();
        let mut room = self.room_for_run().min(STEP_RECORDS);
        let Some(run) = &mut self.run else { return };
        if cannot_send {
            return run.hold(now_ms);
        }
        run.release(now_ms);
        loop {
            let most = run.due(now_ms).min(room);
            if most == 0 || self.sends.waiting_bytes() >= RUN_BYTES {
                return;
            }
            let cargo = run.load(self.sends.next_seq(), most, now_ms);
            if cargo.batch.is_empty() {
                return;
            }
            room -= u64::from(cargo.batch.len());
            self.outbox.push(Outgoing::Binary(self.sends.launch(cargo, now_ms)));
            self.changed.sends = true;
        }
    }

    pub fn clear_sends(&mut self) {
        self.sends.clear_settled();
        self.waits.clear();
        if self.run.as_ref().is_some_and(|run| !run.is_active()) {
            self.run = None;
        }
        self.changed.sends = true;
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
        self.changed.view = true;
        self.subscribe();
    }

    /// Listens to this instead of whatever is listened to now.
    pub fn listen_instead(&mut self, intent: Intent) {
        if self.listening.phase() == Phase::Idle {
            return self.listen(intent);
        }
        if self.listening.intent() == &intent && self.listening.phase() != Phase::Stopping {
            return;
        }
        self.next_intent = Some(intent);
        self.stop_listening();
        self.listen_to_next();
    }

    /// The subscription before has ended: what waited for that begins.
    pub(super) fn listen_to_next(&mut self) {
        if self.listening.phase() == Phase::Idle
            && let Some(intent) = self.next_intent.take()
        {
            self.listen(intent);
        }
    }

    pub(super) fn subscribe(&mut self) {
        self.changed.listening = true;
        if self.link.is_open() && self.listening.must_ask_first() && self.listening.intent().start == Start::Committed {
            let group = self.listening.intent().group.clone();
            self.group_question = Some(self.request(GroupRequest { group }));
        } else if self.link.is_open() && self.listening.must_ask_first() {
            self.ask_for_topics(self.listening.intent().topics.clone(), TopicQuestion::BeginAt);
        } else if self.link.is_open()
            && let Some(message) = self.listening.subscribe(self.next_request)
        {
            self.request(message);
        }
    }

    fn ask_for_topics(&mut self, topics: Vec<String>, why: TopicQuestion) {
        for name in topics {
            let request = self.request(TopicRequest { name });
            self.topic_questions.insert(request, why);
        }
    }

    pub fn stop_listening(&mut self) {
        // What was handled is acknowledged first, so that the group goes on exactly here.
        if let Some(flow) = self.listening.flow() {
            self.post(flow);
        }
        if let Some(subscription) = self.listening.stop(self.link.is_open()) {
            self.unsubscribe(subscription);
        }
        // Their answers are not for whatever is listened to next.
        self.topic_questions.retain(|_, why| *why != TopicQuestion::BeginAt);
        self.group_question = None;
        self.waits.list_ended();
        self.changed.listening = true;
    }

    /// The user agrees that the group's position in this partition moves to where reading began.
    pub fn resume_commits(&mut self, place: TopicPartition) {
        if let Some(subscription) = self.listening.subscription().filter(|_| self.link.is_open()) {
            self.request(ResumeCommits { subscription, partitions: vec![place] });
        }
    }

    pub(super) fn unsubscribe(&mut self, subscription: u32) {
        let request = self.request(Unsubscribe { subscription });
        self.listening.stopping_by(request);
    }

    // The list.

    pub fn pause_or_resume(&mut self) {
        if self.feed.is_paused() {
            self.feed.follow();
        } else {
            self.feed.freeze(Hold::Paused);
        }
        self.changed.view = true;
    }

    pub fn scrolled_up(&mut self) {
        if self.feed.hold().is_none() {
            self.feed.freeze(Hold::Scrolled);
            self.changed.view = true;
        }
    }

    /// The user came to the end of the list by scrolling: that lets go of a list held by scrolling, not of a paused one.
    pub fn scrolled_to_end(&mut self) {
        if self.feed.hold() == Some(Hold::Scrolled) {
            self.jump_to_latest();
        }
    }

    pub fn jump_to_latest(&mut self) {
        self.feed.follow();
        self.changed.view = true;
    }

    pub fn clear_feed(&mut self) {
        self.feed.clear();
        self.fills.clear();
        // There is nothing left to have scrolled up in.
        if self.feed.hold() == Some(Hold::Scrolled) {
            self.feed.follow();
        }
        self.changed.view = true;
    }

    pub fn set_filter(&mut self, filter: Filter) {
        self.feed.set_filter(filter);
        self.changed.view = true;
    }

    /// Applies the filter to some of what it has not seen yet. Says whether that is all.
    pub fn scan(&mut self, budget: usize) -> bool {
        if self.feed.is_scanned() {
            return true;
        }
        self.changed.feed = true;
        self.feed.scan(budget)
    }

    pub fn set_limits(&mut self, limits: feed::Limits) {
        self.feed.set_limits(limits);
        self.changed.view = true;
    }

    pub fn load_gap(&mut self, gap: &Entry) {
        if self.link.is_open() && !self.fills.is_filling(gap) {
            self.ask_for_gap(gap);
        }
    }

    pub(super) fn ask_for_gap(&mut self, gap: &Entry) {
        if let Some(fetch) = Fills::question(gap) {
            let request = self.request(fetch);
            self.fills.asked(request, gap);
        }
        self.changed.view = true;
    }

    pub fn stop_loading_gap(&mut self, gap: &Entry) {
        self.fills.cancel(gap);
        self.changed.view = true;
    }

    /// The tab was hidden or shown.
    pub fn hidden(&mut self, is_hidden: bool) {
        self.is_hidden = is_hidden;
        // What was not drawn meanwhile, and the count of unread records in the title.
        self.changed.view = true;
        self.changed.sends = true;
        self.changed.listening = true;
    }

    pub fn is_hidden(&self) -> bool {
        self.is_hidden
    }

    // Notices and time.

    pub fn notify(&mut self, kind: NoticeKind, now_ms: f64) {
        self.notices.add(kind, now_ms);
        self.changed.notices = true;
    }

    pub fn dismiss(&mut self, id: u64) {
        self.notices.dismiss(id);
        self.changed.notices = true;
    }

    /// Does what time has come for.
    pub fn tick(&mut self, now_ms: f64) {
        if matches!(self.link, Link::Waiting { .. }) {
            self.changed.link = true;
        }
        self.send_due(now_ms);
        self.check_batch(now_ms);
        if self.link.is_open()
            && let Some(flow) = self.listening.flow_due(now_ms)
        {
            self.post(flow);
        }
        self.changed.notices |= self.notices.expire(now_ms);
        if self.link.is_open() && !self.is_hidden {
            let topics = self.listening.ask_for_ends(now_ms).to_vec();
            self.ask_for_topics(topics, TopicQuestion::Ends);
        }
        self.changed.feed |= self.pace.roll(now_ms);
    }

    /// Tells the run what came of its records, and marks own records that were on screen before their acknowledgement.
    pub(super) fn settle(&mut self, now_ms: f64) {
        let news = self.sends.take_news();
        for early in &news.seen_early {
            self.pace.seen_after(early.after_ms);
            self.feed.mark_own((&*early.topic).into(), early.partition, early.offset, early.after_ms);
            self.changed.feed = true;
        }
        if let Some(run) = &mut self.run {
            let id = run.id;
            news.runs.into_iter().filter(|(run, _)| *run == id).for_each(|(_, news)| run.hear(news, now_ms));
        }
        self.changed.sends = true;
    }

    // The outbox.

    pub(super) fn post_frames(&mut self, frames: Vec<Rc<Vec<u8>>>) {
        self.outbox.extend(frames.into_iter().map(Outgoing::Binary));
    }

    pub(super) fn post(&mut self, message: impl Into<ClientMessage>) {
        self.outbox.push(Outgoing::Text(message.into().to_json()));
    }

    pub(super) fn request(&mut self, message: impl Into<ClientMessage>) -> RequestId {
        let id = self.next_request;
        self.next_request += 1;
        self.outbox.push(Outgoing::Text(message.into().to_json_with_id(Some(id))));
        id
    }
}
