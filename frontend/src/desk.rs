//! Where the plain state meets the browser: hands frames, clicks and the clock to [`Page`], sends what it wants sent, tells
//! the components which part to draw again, and keeps the one timer. Decides nothing.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use crate::browser;
use crate::socket::{Event, Socket};
use crate::state::{Draft, Intent, NoticeKind, Page};

const CLIENT: &str = concat!("ponte-page/", env!("CARGO_PKG_VERSION"));

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
    notices: Trigger,
}

impl Desk {
    /// Starts connecting.
    pub fn open() -> Self {
        let desk = Self {
            page: StoredValue::new_local(Page::default()),
            socket: StoredValue::new_local(None),
            timer: StoredValue::new_local(None),
            link: Trigger::new(),
            cluster: Trigger::new(),
            sends: Trigger::new(),
            listening: Trigger::new(),
            feed: Trigger::new(),
            notices: Trigger::new(),
        };
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

    pub fn feed<T>(self, read: impl FnOnce(&Page) -> T) -> T {
        self.feed.track();
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

    pub fn set_filter(self, text: &str) {
        self.act(|page, _| page.set_filter(text));
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
        if !browser::tab_is_hidden() {
            self.connect_if_waiting();
        }
        // The count of unread records in the title depends on it.
        self.feed.notify();
    }

    // The socket.

    fn on_socket(self, event: Event<'_>) {
        match event {
            Event::Connecting => self.act(|page, _| page.connecting()),
            Event::Opened => self.act(|page, _| page.socket_opened(CLIENT)),
            Event::Frame { text, arrived_ms } => {
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
            (changed.feed, self.feed),
            (changed.notices, self.notices),
        ];
        parts.into_iter().filter(|(changed, _)| *changed).for_each(|(_, part)| part.notify());
        self.plan_tick(next_ms.map(|at_ms| at_ms - now_ms));
        result
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
