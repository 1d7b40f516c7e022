//! Where the plain state meets the browser: hands frames, clicks and the clock to [`Page`], sends what it wants sent, tells
//! the components which part to draw again, and keeps the one timer. Decides nothing.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use crate::browser;
use crate::settings::Preferences;
use crate::socket::{Event, Socket};
use crate::state::{Draft, Entry, Filter, Intent, Limits, NoticeKind, Page};

const CLIENT: &str = concat!("ponte-page/", env!("CARGO_PKG_VERSION"));

/// Numbers that change in every frame cannot be read, and cost a layout each: they are drawn anew so often.
const COUNTS_EVERY_MS: f64 = 100.0;
/// How long the filter may work in one animation frame, and how many bytes it looks at between two looks at the clock.
const SCAN_MS: f64 = 6.0;
const SCAN_BYTES: usize = 64 * 1024;

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
    listening: Trigger,
    feed: Trigger,
    counts: Trigger,
    /// When the numbers were drawn last, and whether they have changed since.
    counts_at_ms: StoredValue<(f64, bool), LocalStorage>,
    scan_is_planned: StoredValue<bool, LocalStorage>,
    notices: Trigger,
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
            listening: Trigger::new(),
            feed: Trigger::new(),
            counts: Trigger::new(),
            counts_at_ms: StoredValue::new_local((0.0, false)),
            scan_is_planned: StoredValue::new_local(false),
            notices: Trigger::new(),
        };
        let limits = preferences.limits();
        desk.page.update_value(|page| page.set_limits(limits));
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

    pub fn notices<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.notices.track();
        self.page.with_value(read)
    }

    /// Reads without being drawn again.
    pub fn peek<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.page.with_value(read)
    }

    // Actions.

    pub fn send(self, draft: &Draft) -> bool {
        self.act(|page, now_ms| page.send(draft, now_ms))
    }

    pub fn start_run(self, topic: &str) {
        self.act(|page, now_ms| page.start_run(topic, now_ms));
    }

    pub fn cancel_run(self) {
        self.act(|page, _| page.cancel_run());
    }

    pub fn clear_sends(self) {
        self.act(|page, _| page.clear_sends());
    }

    pub fn listen(self, intent: Intent) {
        self.act(|page, _| page.listen(intent));
    }

    pub fn stop_listening(self) {
        self.act(|page, _| page.stop_listening());
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

    pub fn copy(self, text: String) {
        leptos::task::spawn_local(async move {
            let copied = browser::copy(&text).await;
            let kind = if copied { NoticeKind::Copied } else { NoticeKind::CopyFailed };
            self.act(|page, now_ms| page.notify(kind, now_ms));
        });
    }

    pub fn connect_now(self) {
        if let Some(socket) = self.socket.get_value() {
            socket.connect();
        }
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
            Event::Drained => self.act(|_, _| ()),
            Event::Lost { loss, retry_at_ms } => self.act(|page, _| page.socket_lost(loss, retry_at_ms)),
        }
    }

    /// Runs one step of the state, then does what follows from it.
    fn act<T>(self, step: impl FnOnce(&mut Page, f64) -> T) -> T
    where
        T: Default,
    {
        let now_ms = browser::now_ms();
        let Some((result, outbox, changed, next_ms)) = self.page.try_update_value(|page| {
            let result = step(page, now_ms);
            (result, page.take_outbox(), page.take_changed(), page.next_tick_ms(now_ms))
        }) else {
            return T::default();
        };
        if let Some(socket) = self.socket.get_value() {
            outbox.iter().for_each(|message| socket.send(message));
        }
        let parts = [
            (changed.link, self.link),
            (changed.link || changed.cluster, self.cluster),
            (changed.sends, self.sends),
            (changed.listening, self.listening),
            (changed.feed || changed.view, self.feed),
            (self.counts_are_due(changed.feed, changed.view, now_ms), self.counts),
            (changed.notices, self.notices),
        ];
        parts.into_iter().filter(|(changed, _)| *changed).for_each(|(_, part)| part.notify());
        if (changed.feed || changed.view) && !self.page.with_value(|page| page.feed().is_scanned()) {
            self.plan_scan();
        }
        let counts_at_ms = self.counts_at_ms.with_value(|&(at_ms, wait)| wait.then_some(at_ms + COUNTS_EVERY_MS));
        let next_ms = next_ms.into_iter().chain(counts_at_ms).min_by(f64::total_cmp);
        self.plan_tick(next_ms.map(|at_ms| at_ms - now_ms));
        result
    }

    fn counts_are_due(self, records_came: bool, user_did: bool, now_ms: f64) -> bool {
        let due = |state: &mut (f64, bool)| {
            state.1 |= records_came;
            let is_due = user_did || (state.1 && now_ms - state.0 >= COUNTS_EVERY_MS);
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
