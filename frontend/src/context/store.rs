//! Connects the app state, the socket and the components: passes frames, clicks and the clock to [`AppState`], sends its
//! outbox, redraws the changed slices, delivers replies and view updates to components, and keeps the one timer.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use protocol::{ErrorBody, LiveView, MessageText, Request, Search};

use crate::context::settings::Preferences;
use crate::platform::browser;
use crate::platform::socket::{Event, Socket};
use page_model::{
    AppState, CLUSTER_PARAMETER, CallbackId, Delivery, NoticeKind, Outgoing, ReadState, RequestError, RunPlan,
    RunStart, RunTitle, Slice, Tracked, UnparsedMessage, ViewUpdate,
};

/// The list of sent records is drawn at most once for each screen refresh, however many outcomes arrive.
const DRAW_SENDS_MS: f64 = 16.0;
/// While more than a screenful changes each time, drawing all of them would cost more than sending them.
const DRAW_MANY_SENDS_MS: f64 = 250.0;
/// The number of changes since the last drawing that selects the longer interval.
const MANY_SENDS: u64 = 25;

const CLIENT: &str = concat!("ponte-page/", env!("CARGO_PKG_VERSION"));

/// How often the counts are drawn: counts that change in every frame cannot be read, and cost a layout each.
const NUMBERS_EVERY_MS: f64 = 100.0;
/// In a hidden tab only the title shows a count.
const HIDDEN_NUMBERS_EVERY_MS: f64 = 1000.0;
/// How long the filter may work in one animation frame, and how many bytes it checks before it reads the clock again.
const SCAN_MS: f64 = 6.0;
const SCAN_BYTES: usize = 64 * 1024;

/// A component's callbacks for a reply and for view updates.
type OnReply = Box<dyn FnOnce(Result<UnparsedMessage, RequestError>)>;
type OnUpdate = Rc<dyn Fn(ViewUpdate)>;

/// The callbacks of components that wait for the bridge.
#[derive(Default)]
struct Callbacks {
    replies: HashMap<CallbackId, OnReply>,
    views: HashMap<CallbackId, OnUpdate>,
}

/// The components' handle on the app state, cheap to copy.
#[derive(Clone, Copy)]
pub struct Store {
    state: StoredValue<AppState, LocalStorage>,
    socket: StoredValue<Option<Socket>, LocalStorage>,
    timer: StoredValue<Option<TimeoutHandle>, LocalStorage>,
    slices: [Trigger; Slice::COUNT],
    /// When the sent records were drawn last, and the sum of their totals then.
    sends_drawn: StoredValue<(f64, u64), LocalStorage>,
    sends_drawing_is_due: StoredValue<bool, LocalStorage>,
    /// When the numbers were drawn last, and whether they have changed since.
    numbers_at_ms: StoredValue<(f64, bool), LocalStorage>,
    scan_is_planned: StoredValue<bool, LocalStorage>,
    callbacks: StoredValue<Callbacks, LocalStorage>,
    /// Whether the live list is shown; a hidden one is not drawn.
    live_is_shown: StoredValue<bool>,
    /// Notified when a hidden tab is shown again.
    shown: Trigger,
}

impl Store {
    /// Starts connecting.
    pub fn open(preferences: Preferences) -> Self {
        let store = Self {
            state: StoredValue::new_local(AppState::default()),
            socket: StoredValue::new_local(None),
            timer: StoredValue::new_local(None),
            slices: std::array::from_fn(|_| Trigger::new()),
            sends_drawn: StoredValue::new_local((0.0, 0)),
            sends_drawing_is_due: StoredValue::new_local(false),
            numbers_at_ms: StoredValue::new_local((0.0, false)),
            scan_is_planned: StoredValue::new_local(false),
            callbacks: StoredValue::new_local(Callbacks::default()),
            live_is_shown: StoredValue::new(true),
            shown: Trigger::new(),
        };
        let limits = preferences.limits();
        store.state.update_value(|state| {
            state.set_limits(limits);
            preferences.own_schemas().into_iter().for_each(|(id, fields)| state.keep_schema(id, &fields));
            state.set_token(browser::stored_token());
            state.set_cluster_choice(browser::address_parameter(CLUSTER_PARAMETER));
            // The page may be opened in a background tab.
            state.hidden(browser::tab_is_hidden());
        });
        let socket = Socket::new(move |event| store.on_socket(event));
        store.socket.set_value(Some(socket.clone()));
        socket.connect();
        // Reconnect at once when the network is back, regardless of the back-off.
        window_event_listener(leptos::ev::online, move |_| store.connect_if_waiting());
        document_event(move || store.visibility_changed());
        store
    }

    /// Reads the state. Inside of an effect or a view, subscribes to the slices that are read, and to no others.
    pub fn read<T>(self, read: impl FnOnce(&Tracked<'_, &dyn Fn(Slice)>) -> T) -> T {
        let subscribe = |slice| self.slice(slice).track();
        self.state.with_value(|state| read(&Tracked::new(state, &subscribe)))
    }

    /// Reads the state without a subscription: for actions of the user, and for views that are redrawn by other means.
    pub fn untracked<T>(self, read: impl FnOnce(&AppState) -> T) -> T {
        self.state.with_value(read)
    }

    fn slice(self, slice: Slice) -> Trigger {
        self.slices[slice as usize]
    }

    /// Subscribes the current effect to the tab being shown again.
    pub fn track_shown(self) {
        self.shown.track();
    }

    /// Subscribes the current effect to changes of the list's rows.
    pub fn track_rows(self) {
        self.slice(Slice::Rows).track();
    }

    // Actions.

    pub fn start_run(self, topic: &str, plan: &RunPlan, title: RunTitle) -> bool {
        self.act(|state, now_ms| state.start_run(topic, plan, title, run_start(now_ms)))
    }

    /// Starts a run whose records the bridge encodes. Returns its number; `None` if it cannot be started.
    pub fn start_encoded_run(self, topic: &str, pace: (Option<u64>, Option<f64>), title: RunTitle) -> Option<u64> {
        self.act(|state, now_ms| state.start_encoded_run(topic, pace, title, run_start(now_ms)))
    }

    pub fn send_batch(self, topic: &str) -> bool {
        self.act(|state, now_ms| state.send_batch(topic, run_start(now_ms)))
    }

    /// Shows an error as a toast, for components that are unmounted by then.
    pub fn notify_error(self, error: ErrorBody) {
        self.notify(NoticeKind::Refused(error));
    }

    pub fn notify(self, kind: NoticeKind) {
        self.act(|state, now_ms| state.notify(kind, now_ms));
    }

    /// Sends a request to the bridge; `on_reply` is called once, with the reply or the error.
    pub fn request<R: Request>(self, request: R, on_reply: impl FnOnce(Result<R::Reply, RequestError>) + 'static) {
        let parse = |message: UnparsedMessage| message.parse(R::NAME).map_err(RequestError::Refused);
        self.request_message(&MessageText::of(&request), Box::new(move |reply| on_reply(reply.and_then(parse))));
    }

    fn request_message(self, request: &MessageText, on_reply: OnReply) {
        // The callback is registered before `act` delivers: without a connection the error is delivered at once.
        let Some(callback_id) = self.state.try_update_value(|state| state.send_request(request)) else { return };
        self.callbacks.update_value(|callbacks| drop(callbacks.replies.insert(callback_id, on_reply)));
        self.act(|_, _| ());
    }

    /// Opens a live view, across reconnects, for as long as the calling component lives.
    pub fn open_view<V: LiveView>(self, request: V, on_update: impl Fn(ViewUpdate<V::Push>) + 'static) {
        self.open_view_for_messages(
            MessageText::of(&request),
            Rc::new(move |update: ViewUpdate| on_update(update.parse(V::NAME))),
        );
    }

    fn open_view_for_messages(self, request: MessageText, on_update: OnUpdate) {
        let Some(callback_id) = self.state.try_update_value(|state| state.open_view(request)) else { return };
        self.callbacks.update_value(|callbacks| drop(callbacks.views.insert(callback_id, on_update)));
        self.act(|_, _| ());
        on_cleanup(move || {
            self.callbacks.update_value(|callbacks| drop(callbacks.views.remove(&callback_id)));
            self.act(|state, _| state.close_view(callback_id));
        });
    }

    /// Starts a search; `on_update` is called until the search ends, or until [`Store::forget_search`].
    pub fn start_search(self, search: &Search, on_update: impl Fn(ViewUpdate) + 'static) -> Option<CallbackId> {
        self.start_search_with(&MessageText::of(search), Rc::new(on_update))
    }

    fn start_search_with(self, request: &MessageText, on_update: OnUpdate) -> Option<CallbackId> {
        let callback_id = self.state.try_update_value(|state| state.start_search(request))?;
        self.callbacks.update_value(|callbacks| drop(callbacks.views.insert(callback_id, on_update)));
        self.act(|_, _| ());
        Some(callback_id)
    }

    pub fn stop_search(self, callback_id: CallbackId) {
        self.act(|state, _| state.stop_search(callback_id));
    }

    /// Stops a search whose updates are not needed any more.
    pub fn forget_search(self, callback_id: CallbackId) {
        self.callbacks.try_update_value(|callbacks| drop(callbacks.views.remove(&callback_id)));
        self.stop_search(callback_id);
    }

    fn deliver(self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            match delivery {
                Delivery::Reply(callback_id, reply) => {
                    let on_reply =
                        self.callbacks.try_update_value(|callbacks| callbacks.replies.remove(&callback_id)).flatten();
                    if let Some(on_reply) = on_reply {
                        on_reply(reply);
                    }
                }
                Delivery::ViewUpdate(callback_id, update) => {
                    let on_update =
                        self.callbacks.try_with_value(|callbacks| callbacks.views.get(&callback_id).cloned()).flatten();
                    if let Some(on_update) = on_update {
                        on_update(update);
                    }
                }
            }
        }
    }

    /// Shows or hides the live list. A hidden list is not redrawn; it is redrawn once when it is shown again.
    pub fn show_live(self, is_shown: bool) {
        let was_shown = self.live_is_shown.get_value();
        self.live_is_shown.set_value(is_shown);
        if is_shown && !was_shown {
            self.slice(Slice::Rows).notify();
        }
    }

    pub fn connect_now(self) {
        if let Some(socket) = self.socket.get_value() {
            socket.connect();
        }
    }

    /// Reconnects with the access token that the user entered.
    pub fn connect_with_token(self, token: String) {
        browser::store_token(&token);
        self.state.update_value(|state| state.set_token(token));
        self.connect_now();
    }

    /// Forgets the access token, and loads the page again.
    pub fn forget_token(self) {
        browser::store_token("");
        browser::reload();
    }

    /// Ends the session and starts a new one with another cluster.
    pub fn switch_cluster(self, name: String) {
        // Sent while the old connection is open: the last acknowledgement of a group, and the end of the subscription.
        self.act(|state, _| state.stop_listening());
        self.act(|state, _| state.switch_cluster(name));
        if let Some(socket) = self.socket.get_value() {
            socket.forget_connect_error();
        }
        self.connect_now();
    }

    fn connect_if_waiting(self) {
        // The user may have signed in meanwhile, in another tab.
        if self.state.with_value(|state| state.link().name() == "waiting" || state.link().asks_to_sign_in()) {
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
        self.act(|state, _| state.hidden(is_hidden));
        if !is_hidden {
            self.shown.notify();
        }
    }

    // The socket.

    fn on_socket(self, event: Event<'_>) {
        match event {
            Event::Connecting => self.act(|state, _| state.connecting()),
            Event::Opened => self.act(|state, _| state.socket_opened(CLIENT)),
            Event::Batch { bytes, arrived_ms } => {
                let _ = self.state.try_update_value(|state| state.receive_batch(bytes, arrived_ms));
            }
            Event::Text { text, arrived_ms } => {
                let heartbeat_ms = self.state.try_update_value(|state| state.receive(text, arrived_ms)).flatten();
                if let (Some(heartbeat_ms), Some(socket)) = (heartbeat_ms, self.socket.get_value()) {
                    socket.established(heartbeat_ms);
                }
            }
            // Once for all messages of a drain, so that any number of records causes one redraw.
            Event::Drained => self.act(|state, now_ms| state.tick(now_ms)),
            Event::Lost { loss, retry_at_ms } => {
                self.act(|state, now_ms| state.socket_lost(loss, retry_at_ms, now_ms));
                self.drop_refused_token();
            }
            Event::Explained(found) => self.act(|state, _| state.explain_loss(found)),
        }
    }

    fn drop_refused_token(self) {
        let Some((is_refused, connects)) = self.state.try_update_value(|state| {
            let had_token = state.has_token();
            let connects = state.drop_refused_token();
            (had_token && !state.has_token(), connects)
        }) else {
            return;
        };
        if is_refused {
            browser::store_token("");
        }
        if connects {
            // Later, since the lost socket is still calling.
            leptos::task::spawn_local(async move { self.connect_now() });
        }
    }

    /// Runs a step of the state with the current time in milliseconds. Then sends the outbox, redraws the changed slices,
    /// delivers replies and sets the timer. The step must not read through the store, which would panic: read before.
    pub fn act<T>(self, step: impl FnOnce(&mut AppState, f64) -> T) -> T
    where
        T: Default,
    {
        let now_ms = browser::now_ms();
        let Some((result, outbox, changes, deliveries, next_ms)) = self.state.try_update_value(|state| {
            let result = step(state, now_ms);
            (result, state.take_outbox(), state.take_changes(), state.take_deliveries(), state.next_tick_ms(now_ms))
        }) else {
            return T::default();
        };
        if let Some(socket) = self.socket.get_value() {
            outbox.iter().for_each(|message| match message {
                Outgoing::Text(text) => socket.send(text),
                Outgoing::Binary(frame) => socket.send_binary(frame),
            });
        }
        let is_hidden = self.state.with_value(AppState::is_hidden);
        let every_ms = if is_hidden { HIDDEN_NUMBERS_EVERY_MS } else { NUMBERS_EVERY_MS };
        let rows_changed = changes.has(Slice::Rows);
        let numbers_are_due = self.numbers_are_due(rows_changed, changes.has(Slice::Numbers), now_ms, every_ms);
        // Slices that change with every record are not redrawn in a hidden tab. Showing the tab marks them.
        let due = [
            (Slice::Link, changes.has(Slice::Link)),
            (Slice::Cluster, changes.has(Slice::Cluster)),
            (Slice::Batch, changes.has(Slice::Batch)),
            (Slice::Listening, !is_hidden && changes.has(Slice::Listening)),
            (Slice::Rows, !is_hidden && rows_changed && self.live_is_shown.get_value()),
            (Slice::Numbers, !is_hidden && numbers_are_due),
            (Slice::Received, numbers_are_due),
            (Slice::Notices, changes.has(Slice::Notices)),
        ];
        due.into_iter().filter(|(_, is_due)| *is_due).for_each(|(slice, _)| self.slice(slice).notify());
        if rows_changed && !self.state.with_value(|state| state.feed().is_scanned()) {
            self.plan_scan();
        }
        let numbers_at_ms = self.numbers_at_ms.with_value(|&(at_ms, wait)| wait.then_some(at_ms + every_ms));
        let next_ms = next_ms.into_iter().chain(numbers_at_ms).min_by(f64::total_cmp);
        if changes.has(Slice::Sends) && !is_hidden {
            self.draw_sends(now_ms);
        }
        self.plan_tick(next_ms.map(|at_ms| at_ms - now_ms));
        // Deliver last, since a callback may call `act` again.
        self.deliver(deliveries);
        result
    }

    fn numbers_are_due(self, rows_changed: bool, numbers_changed: bool, now_ms: f64, every_ms: f64) -> bool {
        let due = |state: &mut (f64, bool)| {
            state.1 |= rows_changed;
            let is_due = numbers_changed || (state.1 && now_ms - state.0 >= every_ms);
            if is_due {
                *state = (now_ms, false);
            }
            is_due
        };
        self.numbers_at_ms.try_update_value(due).unwrap_or(false)
    }

    /// Applies the filter to unchecked entries in the next animation frame, hence never in a hidden tab.
    fn plan_scan(self) {
        if self.scan_is_planned.get_value() {
            return;
        }
        self.scan_is_planned.set_value(true);
        request_animation_frame(move || {
            self.scan_is_planned.set_value(false);
            self.act(|state, now_ms| while !state.scan(SCAN_BYTES) && browser::now_ms() - now_ms < SCAN_MS {});
        });
    }

    /// Redraws the sent records, or plans to if the last redraw was too recent.
    fn draw_sends(self, now_ms: f64) {
        let totals = self.untracked(|state| state.sends().totals());
        let moved = totals.sent + totals.acked + totals.failed + totals.unknown + totals.seen;
        let (drawn_ms, moved_then) = self.sends_drawn.get_value();
        let apart_ms = if moved.abs_diff(moved_then) > MANY_SENDS { DRAW_MANY_SENDS_MS } else { DRAW_SENDS_MS };
        let wait_ms = drawn_ms + apart_ms - now_ms;
        if wait_ms <= 0.0 {
            self.sends_drawn.set_value((now_ms, moved));
            self.slice(Slice::Sends).notify();
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
            // A timer of 0 ms would loop while a tick has nothing to do yet.
            let after = Duration::from_millis(ms.max(1.0).ceil() as u64);
            set_timeout_with_handle(move || self.act(|state, now_ms| state.tick(now_ms)), after).ok()
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

/// Listens to `visibilitychange`, an event of the document; leptos has no helper for such events.
fn document_event(run: impl Fn() + 'static) {
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    let listener = Closure::<dyn Fn()>::new(run);
    // Fails only for invalid options; none are passed.
    let _ = document().add_event_listener_with_callback("visibilitychange", listener.as_ref().unchecked_ref());
    // The listener lives as long as the page.
    listener.forget();
}
