//! Where the plain state meets the browser: hands frames, clicks and the clock to [`Page`], sends what it wants sent, tells
//! the components which part to draw again, brings them the answers to what they asked, and keeps the one timer. Decides
//! nothing.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use protocol::{ClientMessage, ErrorBody, ProduceRecord, ServerMessage, TopicPartition};

use crate::browser;
use crate::settings::Preferences;
use crate::socket::{Event, Socket};
use page_model::{
    Asker, BatchChoice, Delivery, Draft, Entry, Filter, Intent, Limits, News, NoticeKind, Outgoing, OwnNames, Page,
    RunPlan, RunStart, RunTitle, Unanswered,
};

/// Outcomes come in any number of frames; the list of sent records is drawn as often as a screen is.
const DRAW_SENDS_MS: f64 = 16.0;
/// While more than a screenful of them moves each time, drawing them all would cost more than sending them.
const DRAW_MANY_SENDS_MS: f64 = 250.0;
/// How many moved since the last drawing make that difference.
const MANY_SENDS: u64 = 25;

const CLIENT: &str = concat!("ponte-page/", env!("CARGO_PKG_VERSION"));

/// Numbers that change in every frame cannot be read, and cost a layout each: they are drawn anew so often.
const COUNTS_EVERY_MS: f64 = 100.0;
/// In a hidden tab it is the title alone that says so.
const HIDDEN_COUNTS_EVERY_MS: f64 = 1000.0;
/// How long the filter may work in one animation frame, and how many bytes it looks at between two looks at the clock.
const SCAN_MS: f64 = 6.0;
const SCAN_BYTES: usize = 64 * 1024;

/// What a component does with an answer, and with each piece of news.
type OnAnswer = Box<dyn FnOnce(Result<ServerMessage, Unanswered>)>;
type OnNews = Rc<dyn Fn(News)>;

/// Components that wait for the bridge.
#[derive(Default)]
struct Askers {
    questions: HashMap<Asker, OnAnswer>,
    looks: HashMap<Asker, OnNews>,
}

/// The components' handle on everything; a copy costs nothing. Each reader (`link`, `feed` …) tracks its part: whoever
/// reads inside of an effect or a view is drawn again when that part changes, and never for another.
#[derive(Clone, Copy)]
pub struct Desk {
    page: StoredValue<Page, LocalStorage>,
    socket: StoredValue<Option<Socket>, LocalStorage>,
    timer: StoredValue<Option<TimeoutHandle>, LocalStorage>,
    link: Trigger,
    cluster: Trigger,
    sends: Trigger,
    batch: Trigger,
    /// When the sent records were drawn last, and what they counted then.
    sends_drawn: StoredValue<(f64, u64), LocalStorage>,
    sends_drawing_is_due: StoredValue<bool, LocalStorage>,
    listening: Trigger,
    feed: Trigger,
    counts: Trigger,
    unread: Trigger,
    /// When the numbers were drawn last, and whether they have changed since.
    counts_at_ms: StoredValue<(f64, bool), LocalStorage>,
    scan_is_planned: StoredValue<bool, LocalStorage>,
    notices: Trigger,
    askers: StoredValue<Askers, LocalStorage>,
    /// Whether the live list is seen; while it is not, it is not drawn.
    live_is_shown: StoredValue<bool>,
    /// The tab was hidden, and is not any more.
    shown: Trigger,
}

impl Desk {
    /// Starts connecting.
    pub fn open(preferences: Preferences) -> Self {
        let desk = Self {
            page: StoredValue::new_local(Page::default()),
            socket: StoredValue::new_local(None),
            timer: StoredValue::new_local(None),
            link: Trigger::new(),
            cluster: Trigger::new(),
            sends: Trigger::new(),
            batch: Trigger::new(),
            sends_drawn: StoredValue::new_local((0.0, 0)),
            sends_drawing_is_due: StoredValue::new_local(false),
            listening: Trigger::new(),
            feed: Trigger::new(),
            counts: Trigger::new(),
            unread: Trigger::new(),
            counts_at_ms: StoredValue::new_local((0.0, false)),
            scan_is_planned: StoredValue::new_local(false),
            notices: Trigger::new(),
            askers: StoredValue::new_local(Askers::default()),
            live_is_shown: StoredValue::new(true),
            shown: Trigger::new(),
        };
        let limits = preferences.limits();
        desk.page.update_value(|page| {
            page.set_limits(limits);
            page.set_token(browser::stored_token());
            // Opened in the background, perhaps.
            page.hidden(browser::tab_is_hidden());
        });
        let socket = Socket::new(move |event| desk.on_socket(event));
        desk.socket.set_value(Some(socket.clone()));
        socket.connect();
        // A network that has come back is worth a try at once, whatever the back-off says.
        window_event_listener(leptos::ev::online, move |_| desk.connect_if_waiting());
        document_event(move || desk.visibility_changed());
        desk
    }

    // Readers.

    pub fn link<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.link.track();
        self.page.with_value(read)
    }

    /// What is known of Kafka; changes with the link as well.
    pub fn cluster<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.cluster.track();
        self.page.with_value(read)
    }

    pub fn sends<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.sends.track();
        self.page.with_value(read)
    }

    pub fn batch<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.batch.track();
        self.page.with_value(read)
    }

    pub fn listening<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.listening.track();
        self.page.with_value(read)
    }

    /// The rows: drawn in every frame in which records came.
    pub fn feed<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.feed.track();
        self.page.with_value(read)
    }

    /// The numbers of the list and how it is held: ten times a second, and at once after what the user does.
    pub fn counts<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.counts.track();
        self.page.with_value(read)
    }

    /// How much has come, for the title: the only thing that is drawn in a hidden tab too, once a second.
    pub fn unread<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.unread.track();
        self.page.with_value(read)
    }

    pub fn notices<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.notices.track();
        self.page.with_value(read)
    }

    /// Runs again whenever the tab comes back into sight.
    pub fn track_shown(self) {
        self.shown.track();
    }

    /// Reads without being drawn again.
    pub fn peek<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.page.with_value(read)
    }

    // Actions.

    pub fn send(self, topic: &str, draft: &Draft) -> bool {
        self.act(|page, now_ms| page.send(topic, draft, now_ms))
    }

    /// Sends a record as it is: the replay of one that was read.
    pub fn send_record(self, record: &ProduceRecord) -> bool {
        self.act(|page, now_ms| page.send_record(record, now_ms))
    }

    pub fn start_run(self, topic: &str, plan: &RunPlan, title: RunTitle) -> bool {
        self.act(|page, now_ms| page.start_run(topic, plan, title, run_start(now_ms)))
    }

    pub fn set_batch(self, name: Option<String>, text: Arc<str>) {
        self.act(|page, _| page.set_batch(name, text));
    }

    pub fn choose_batch(self, choice: BatchChoice) {
        self.act(|page, _| page.choose_batch(choice));
    }

    pub fn send_batch(self, topic: &str) -> bool {
        self.act(|page, now_ms| page.send_batch(topic, run_start(now_ms)))
    }

    pub fn pause_or_resume_run(self) {
        self.act(|page, now_ms| page.pause_or_resume_run(now_ms));
    }

    pub fn cancel_run(self) {
        self.act(|page, now_ms| page.cancel_run(now_ms));
    }

    pub fn clear_sends(self) {
        self.act(|page, _| page.clear_sends());
    }

    pub fn listen(self, intent: Intent) {
        self.act(|page, _| page.listen(intent));
    }

    /// Listens to this instead of whatever is listened to now.
    pub fn listen_instead(self, intent: Intent) {
        self.act(|page, _| page.listen_instead(intent));
    }

    pub fn stop_listening(self) {
        self.act(|page, _| page.stop_listening());
    }

    /// The group's position in this partition moves to where reading began.
    pub fn resume_commits(self, place: TopicPartition) {
        self.act(|page, _| page.resume_commits(place));
    }

    pub fn set_own_names(self, own_names: OwnNames) {
        self.act(|page, _| page.set_own_names(own_names));
    }

    pub fn pause_or_resume(self) {
        self.act(|page, _| page.pause_or_resume());
    }

    pub fn scrolled_up(self) {
        self.act(|page, _| page.scrolled_up());
    }

    pub fn scrolled_to_end(self) {
        self.act(|page, _| page.scrolled_to_end());
    }

    pub fn jump_to_latest(self) {
        self.act(|page, _| page.jump_to_latest());
    }

    pub fn clear_feed(self) {
        self.act(|page, _| page.clear_feed());
    }

    pub fn set_filter(self, filter: Filter) {
        self.act(|page, _| page.set_filter(filter));
    }

    pub fn set_limits(self, limits: Limits) {
        self.act(|page, _| page.set_limits(limits));
    }

    pub fn load_gap(self, gap: &Entry) {
        self.act(|page, _| page.load_gap(gap));
    }

    pub fn stop_loading_gap(self, gap: &Entry) {
        self.act(|page, _| page.stop_loading_gap(gap));
    }

    pub fn dismiss(self, notice: u64) {
        self.act(|page, _| page.dismiss(notice));
    }

    /// What nobody is left to show belongs into a message.
    pub fn say_refused(self, error: ErrorBody) {
        self.say(NoticeKind::Refused(error));
    }

    pub fn say(self, kind: NoticeKind) {
        self.act(|page, now_ms| page.notify(kind, now_ms));
    }

    pub fn copy(self, text: String) {
        leptos::task::spawn_local(async move {
            let copied = browser::copy(&text).await;
            let kind = if copied { NoticeKind::Copied } else { NoticeKind::CopyFailed };
            self.say(kind);
        });
    }

    /// Asks the bridge; the answer, or why there is none, comes once.
    pub fn ask(
        self,
        request: impl Into<ClientMessage>,
        on_answer: impl FnOnce(Result<ServerMessage, Unanswered>) + 'static,
    ) {
        let (request, on_answer): (_, OnAnswer) = (request.into(), Box::new(on_answer));
        // Before anything is delivered: without a connection the answer is there at once.
        let Some(asker) = self.page.try_update_value(|page| page.ask(request)) else { return };
        self.askers.update_value(|askers| drop(askers.questions.insert(asker, on_answer)));
        self.act(|_, _| ());
    }

    /// Looks at what a `watch_…` names, across reconnects, for as long as the calling component lives.
    pub fn look(self, request: impl Into<ClientMessage>, on_news: impl Fn(News) + 'static) {
        let (request, on_news): (_, OnNews) = (request.into(), Rc::new(on_news));
        let Some(asker) = self.page.try_update_value(|page| page.look(request)) else { return };
        self.askers.update_value(|askers| drop(askers.looks.insert(asker, on_news)));
        self.act(|_, _| ());
        on_cleanup(move || {
            self.askers.update_value(|askers| drop(askers.looks.remove(&asker)));
            self.act(|page, _| page.leave(asker));
        });
    }

    fn deliver(self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            match delivery {
                Delivery::Answer(asker, answer) => {
                    let on_answer = self.askers.try_update_value(|askers| askers.questions.remove(&asker)).flatten();
                    if let Some(on_answer) = on_answer {
                        on_answer(answer);
                    }
                }
                Delivery::News(asker, news) => {
                    let on_news = self.askers.try_with_value(|askers| askers.looks.get(&asker).cloned()).flatten();
                    if let Some(on_news) = on_news {
                        on_news(news);
                    }
                }
            }
        }
    }

    /// The live list is drawn again, as it has become, when it is shown again.
    pub fn show_live(self, is_shown: bool) {
        let was_shown = self.live_is_shown.get_value();
        self.live_is_shown.set_value(is_shown);
        if is_shown && !was_shown {
            self.feed.notify();
        }
    }

    pub fn connect_now(self) {
        if let Some(socket) = self.socket.get_value() {
            socket.connect();
        }
    }

    /// Tries what the user says is the bridge's access token.
    pub fn give_token(self, token: String) {
        browser::store_token(&token);
        self.page.update_value(|page| page.set_token(token));
        self.connect_now();
    }

    fn connect_if_waiting(self) {
        if self.page.with_value(|page| page.link().name() == "waiting") {
            self.connect_now();
        }
    }

    fn visibility_changed(self) {
        if let Some(socket) = self.socket.get_value() {
            socket.visibility_changed();
        }
        let is_hidden = browser::tab_is_hidden();
        if !is_hidden {
            self.connect_if_waiting();
        }
        self.act(|page, _| page.hidden(is_hidden));
        if !is_hidden {
            self.shown.notify();
        }
    }

    // The socket.

    fn on_socket(self, event: Event<'_>) {
        match event {
            Event::Connecting => self.act(|page, _| page.connecting()),
            Event::Opened => self.act(|page, _| page.socket_opened(CLIENT)),
            Event::Batch { bytes, arrived_ms } => {
                let _ = self.page.try_update_value(|page| page.receive_batch(bytes, arrived_ms));
            }
            Event::Text { text, arrived_ms } => {
                let heartbeat_ms = self.page.try_update_value(|page| page.receive(text, arrived_ms)).flatten();
                if let (Some(heartbeat_ms), Some(socket)) = (heartbeat_ms, self.socket.get_value()) {
                    socket.established(heartbeat_ms);
                }
            }
            // Once for all frames of a turn: one redraw, however many records.
            Event::Drained => self.act(|page, now_ms| page.tick(now_ms)),
            Event::Lost { loss, retry_at_ms } => self.act(|page, now_ms| page.socket_lost(loss, retry_at_ms, now_ms)),
        }
    }

    /// Runs one step of the state, then does what follows from it.
    fn act<T>(self, step: impl FnOnce(&mut Page, f64) -> T) -> T
    where
        T: Default,
    {
        let now_ms = browser::now_ms();
        let Some((result, outbox, changed, deliveries, next_ms)) = self.page.try_update_value(|page| {
            let result = step(page, now_ms);
            (result, page.take_outbox(), page.take_changed(), page.take_deliveries(), page.next_tick_ms(now_ms))
        }) else {
            return T::default();
        };
        if let Some(socket) = self.socket.get_value() {
            outbox.iter().for_each(|message| match message {
                Outgoing::Text(text) => socket.send(text),
                Outgoing::Binary(frame) => socket.send_binary(frame),
            });
        }
        let is_hidden = self.page.with_value(Page::is_hidden);
        let every_ms = if is_hidden { HIDDEN_COUNTS_EVERY_MS } else { COUNTS_EVERY_MS };
        let counts_are_due = self.counts_are_due(changed.feed, changed.view, now_ms, every_ms);
        // What moves with every record is drawn when the tab is shown again: that changes the view.
        let parts = [
            (changed.link, self.link),
            (changed.link || changed.cluster, self.cluster),
            (changed.batch, self.batch),
            (!is_hidden && changed.listening, self.listening),
            (!is_hidden && (changed.feed || changed.view) && self.live_is_shown.get_value(), self.feed),
            (!is_hidden && counts_are_due, self.counts),
            (counts_are_due, self.unread),
            (changed.notices, self.notices),
        ];
        parts.into_iter().filter(|(changed, _)| *changed).for_each(|(_, part)| part.notify());
        if (changed.feed || changed.view) && !self.page.with_value(|page| page.feed().is_scanned()) {
            self.plan_scan();
        }
        let counts_at_ms = self.counts_at_ms.with_value(|&(at_ms, wait)| wait.then_some(at_ms + every_ms));
        let next_ms = next_ms.into_iter().chain(counts_at_ms).min_by(f64::total_cmp);
        if changed.sends && !is_hidden {
            self.draw_sends(now_ms);
        }
        self.plan_tick(next_ms.map(|at_ms| at_ms - now_ms));
        // Last: what comes of an answer may be the next step.
        self.deliver(deliveries);
        result
    }

    fn counts_are_due(self, records_came: bool, user_did: bool, now_ms: f64, every_ms: f64) -> bool {
        let due = |state: &mut (f64, bool)| {
            state.1 |= records_came;
            let is_due = user_did || (state.1 && now_ms - state.0 >= every_ms);
            if is_due {
                *state = (now_ms, false);
            }
            is_due
        };
        self.counts_at_ms.try_update_value(due).unwrap_or(false)
    }

    /// The filter looks at what it has not seen yet in the next animation frame, hence never in a hidden tab.
    fn plan_scan(self) {
        if self.scan_is_planned.get_value() {
            return;
        }
        self.scan_is_planned.set_value(true);
        request_animation_frame(move || {
            self.scan_is_planned.set_value(false);
            self.act(|page, now_ms| while !page.scan(SCAN_BYTES) && browser::now_ms() - now_ms < SCAN_MS {});
        });
    }

    /// At once if the last drawing is long enough ago, else when it is.
    fn draw_sends(self, now_ms: f64) {
        let totals = self.peek(|page| page.sends().totals());
        let moved = totals.sent + totals.acked + totals.failed + totals.unknown + totals.seen;
        let (drawn_ms, moved_then) = self.sends_drawn.get_value();
        let apart_ms = if moved.abs_diff(moved_then) > MANY_SENDS { DRAW_MANY_SENDS_MS } else { DRAW_SENDS_MS };
        let wait_ms = drawn_ms + apart_ms - now_ms;
        if wait_ms <= 0.0 {
            self.sends_drawn.set_value((now_ms, moved));
            self.sends.notify();
        } else if !self.sends_drawing_is_due.get_value() {
            self.sends_drawing_is_due.set_value(true);
            let draw = move || {
                self.sends_drawing_is_due.set_value(false);
                self.draw_sends(browser::now_ms());
            };
            set_timeout(draw, Duration::from_millis(wait_ms.ceil() as u64));
        }
    }

    fn plan_tick(self, in_ms: Option<f64>) {
        let next = in_ms.and_then(|ms| {
            // A timer of 0 would spin where a tick cannot do its work yet.
            let after = Duration::from_millis(ms.max(1.0).ceil() as u64);
            set_timeout_with_handle(move || self.act(|page, now_ms| page.tick(now_ms)), after).ok()
        });
        let old = self.timer.try_update_value(|timer| std::mem::replace(timer, next)).flatten();
        if let Some(old) = old {
            old.clear();
        }
    }
}

fn run_start(now_ms: f64) -> RunStart {
    RunStart { now_ms, wall_ms: js_sys::Date::now() - now_ms, seed: browser::random_seed() }
}

/// `visibilitychange` is an event of the document, which leptos has no helper for.
fn document_event(run: impl Fn() + 'static) {
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    let listener = Closure::<dyn Fn()>::new(run);
    // It fails only for options that were not given.
    let _ = document().add_event_listener_with_callback("visibilitychange", listener.as_ref().unchecked_ref());
    // Lives as long as the page.
    listener.forget();
}
