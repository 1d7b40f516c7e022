//! The WebSocket to the bridge: connects and reconnects with back-off, detects a dead connection, and answers `ping`. Passes
//! every other frame to the handler in order, without parsing it.
//!
//! `onmessage` only adds the frame to a queue. An animation frame drains the queue for a few milliseconds at most, so that
//! the page is redrawn even during a flood of messages. A hidden tab has no animation frames, and draws nothing: there each
//! message is handled at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::{request_animation_frame, set_interval, set_timeout, set_timeout_with_handle};
use protocol::{CloseCode, MessageText, Pong, SUBPROTOCOL};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::platform::{browser, handshake};
use page_model::{ACCESS_CHANGED_SPREAD_MS, Backoff, ConnectError, Loss};

/// The time limit from `new WebSocket` to the bridge's `welcome`, which takes milliseconds on loopback and up to a second on
/// a slow network.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);
/// How long one animation frame may handle messages: half of a frame; the other half is for drawing.
const DRAIN_MS: f64 = 8.0;
/// The queue is drained after this time at the latest: some environments stop animation frames without hiding the tab.
const MAX_DRAIN_DELAY: Duration = Duration::from_millis(250);
const SILENCE_CHECK: Duration = Duration::from_secs(2);
/// The maximum length of a `ping`; longer frames are not searched for one.
const PING_MAX_CHARS: u32 = 64;

/// Events of the connection, in order.
pub enum Event<'a> {
    Connecting,
    /// The socket is open; no frame has been received yet.
    Opened,
    Text {
        text: &'a str,
        arrived_ms: f64,
    },
    /// A binary frame: a batch of records.
    Batch {
        bytes: Box<[u8]>,
        arrived_ms: f64,
    },
    /// All messages of this drain were passed to the handler.
    Drained,
    /// `retry_at_ms`: when the next attempt begins; `None` if another attempt would fail, too.
    Lost {
        loss: Loss,
        retry_at_ms: Option<f64>,
    },
    /// Why the last socket could not be opened; `None` if nothing answers.
    Explained(Option<ConnectError>),
}

#[derive(Clone)]
pub struct Socket(Rc<Inner>);

struct Inner {
    handler: Box<dyn Fn(Event<'_>)>,
    /// Incremented with each connection; events of older connections are ignored.
    generation: Cell<u64>,
    connection: RefCell<Option<Connection>>,
    /// Arrival time and data of each message. The data is copied into wasm memory when the message is handled.
    queue: RefCell<VecDeque<(f64, JsValue)>>,
    /// Number of drains so far.
    drains: Cell<u64>,
    /// The number of the planned drain. An animation frame or timer of an earlier drain does nothing.
    planned_drain: Cell<Option<u64>>,
    backoff: RefCell<Backoff>,
    timer: Cell<Option<TimeoutHandle>>,
    last_frame_ms: Cell<f64>,
    /// The current socket has been open.
    was_open: Cell<bool>,
    /// Why earlier sockets could not be opened, so that each further attempt shows it at once.
    connect_error: RefCell<Option<ConnectError>>,
    /// Counts the requests for the reason. An answer applies only while this is its own number.
    explanations: Cell<u64>,
    /// Without a frame for this long, the connection is dead. Set when `welcome` arrives.
    max_silence_ms: Cell<Option<f64>>,
}

/// The browser's socket, and the closures that it calls, which must live as long as the socket.
struct Connection {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Connection {
    /// Closes the socket. Its later events are ignored.
    fn retire(&self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Without a close code, `close` cannot fail.
        let _ = self.socket.close();
    }
}

impl Socket {
    pub fn new(handler: impl Fn(Event<'_>) + 'static) -> Self {
        let socket = Self(Rc::new(Inner {
            handler: Box::new(handler),
            generation: Cell::new(0),
            connection: RefCell::new(None),
            queue: RefCell::default(),
            drains: Cell::new(0),
            planned_drain: Cell::new(None),
            backoff: RefCell::default(),
            timer: Cell::new(None),
            last_frame_ms: Cell::new(0.0),
            was_open: Cell::new(false),
            connect_error: RefCell::default(),
            explanations: Cell::new(0),
            max_silence_ms: Cell::new(None),
        }));
        let watched = socket.clone();
        set_interval(move || watched.check_silence(), SILENCE_CHECK);
        socket
    }

    /// Connects now. An existing connection is closed.
    pub fn connect(&self) {
        let inner = &self.0;
        let generation = inner.generation.get() + 1;
        inner.generation.set(generation);
        inner.max_silence_ms.set(None);
        inner.was_open.set(false);
        if let Some(old) = inner.connection.borrow_mut().take() {
            old.retire();
            // After a loss the queue is empty. Otherwise the page has given the old connection up, with all its messages.
            inner.queue.borrow_mut().clear();
        }
        (inner.handler)(Event::Connecting);
        let Ok(socket) = WebSocket::new_with_str_sequence(&browser::websocket_url(), &offered_subprotocols()) else {
            return self.lost(generation, Loss::default());
        };
        let connection = self.attach(socket, generation);
        *inner.connection.borrow_mut() = Some(connection);
        let this = self.clone();
        self.set_timer(CONNECT_TIMEOUT, move || this.lost(generation, Loss::default()));
    }

    fn attach(&self, socket: WebSocket, generation: u64) -> Connection {
        let this = self.clone();
        let on_open = Closure::<dyn FnMut()>::new(move || {
            if this.is_current(generation) {
                this.0.last_frame_ms.set(browser::now_ms());
                this.0.was_open.set(true);
                this.forget_connect_error();
                (this.0.handler)(Event::Opened);
            }
        });
        let this = self.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if this.is_current(generation) {
                this.message(&event);
            }
        });
        let this = self.clone();
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            this.lost(generation, Loss { code: event.code(), reason: event.reason(), cause: None });
        });
        socket.set_binary_type(BinaryType::Arraybuffer);
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Connection { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close }
    }

    fn is_current(&self, generation: u64) -> bool {
        self.0.generation.get() == generation
    }

    /// Called when `welcome` has arrived. `heartbeat_ms`: the interval of the bridge's `ping`.
    pub fn established(&self, heartbeat_ms: u64) {
        self.clear_timer();
        self.0.backoff.borrow_mut().reset();
        // Four missed pings and some latency. The bridge closes the connection after a similar time without a `pong`.
        self.0.max_silence_ms.set(Some(heartbeat_ms as f64 * 4.0 + 3000.0));
    }

    pub fn send(&self, text: &str) {
        // Fails only while connecting; `with_open` has checked the state.
        self.with_open(|socket| drop(socket.send_with_str(text)));
    }

    pub fn send_binary(&self, frame: &[u8]) {
        self.with_open(|socket| drop(socket.send_with_u8_array(frame)));
    }

    fn with_open(&self, send: impl FnOnce(&WebSocket)) {
        if let Some(connection) = &*self.0.connection.borrow()
            && connection.socket.ready_state() == WebSocket::OPEN
        {
            send(&connection.socket);
        }
    }

    fn message(&self, event: &MessageEvent) {
        let now_ms = browser::now_ms();
        self.0.last_frame_ms.set(now_ms);
        let data = event.data();
        // Answered here, since the drain of a queue may be throttled and the bridge expects `pong` in time.
        if data.dyn_ref::<js_sys::JsString>().is_some_and(is_ping) {
            return self.send(&MessageText::of(&Pong {}).into_text());
        }
        self.0.queue.borrow_mut().push_back((now_ms, data));
        if browser::tab_is_hidden() {
            self.drain(f64::INFINITY);
        } else {
            self.plan_drain();
        }
    }

    fn plan_drain(&self) {
        if self.0.planned_drain.get().is_some() {
            return;
        }
        let number = self.0.drains.get();
        self.0.planned_drain.set(Some(number));
        let this = self.clone();
        request_animation_frame(move || this.drain_if_planned(number));
        let this = self.clone();
        set_timeout(move || this.drain_if_planned(number), MAX_DRAIN_DELAY);
    }

    /// Called by the animation frame and by the timer; the first of them drains the queue.
    fn drain_if_planned(&self, number: u64) {
        if self.0.planned_drain.get() == Some(number) {
            self.drain(DRAIN_MS);
        }
    }

    fn drain(&self, budget_ms: f64) {
        self.0.planned_drain.set(None);
        self.0.drains.set(self.0.drains.get() + 1);
        let until_ms = browser::now_ms() + budget_ms;
        loop {
            // The handler may call `send`, so no borrow may be held while it runs.
            let Some((arrived_ms, data)) = self.0.queue.borrow_mut().pop_front() else { break };
            if let Some(text) = data.as_string() {
                (self.0.handler)(Event::Text { text: &text, arrived_ms });
            } else {
                let bytes = js_sys::Uint8Array::new(&data).to_vec().into_boxed_slice();
                (self.0.handler)(Event::Batch { bytes, arrived_ms });
            }
            if browser::now_ms() >= until_ms {
                break;
            }
        }
        (self.0.handler)(Event::Drained);
        if !self.0.queue.borrow().is_empty() {
            self.plan_drain();
        }
    }

    /// The tab was hidden or shown: handles all queued messages at once.
    pub fn visibility_changed(&self) {
        if !self.0.queue.borrow().is_empty() {
            self.drain(f64::INFINITY);
        }
        self.check_silence();
    }

    fn check_silence(&self) {
        if let Some(max_silence_ms) = self.0.max_silence_ms.get()
            && browser::now_ms() - self.0.last_frame_ms.get() > max_silence_ms
        {
            let loss = Loss { code: CloseCode::NoHeartbeat.number(), ..Loss::default() };
            self.lost(self.0.generation.get(), loss);
        }
    }

    fn lost(&self, generation: u64, mut loss: Loss) {
        let inner = &self.0;
        if !self.is_current(generation) {
            return;
        }
        // Messages that arrived before the loss are still valid, such as acknowledgements.
        if !inner.queue.borrow().is_empty() {
            self.drain(f64::INFINITY);
        }
        inner.generation.set(generation + 1);
        let was_established = inner.max_silence_ms.take().is_some();
        // The closures are kept until the next connection, since one of them may be running now.
        if let Some(connection) = &*inner.connection.borrow() {
            connection.retire();
        }
        self.clear_timer();
        let retry_at_ms = CloseCode::should_reconnect(loss.code).then(|| {
            let wait_ms = match loss.code {
                // The bridge works and has only ended the session's rights. Spread, because it has closed every socket.
                code if was_established && code == CloseCode::AccessChanged.number() => {
                    js_sys::Math::random() * ACCESS_CHANGED_SPREAD_MS
                }
                _ => inner.backoff.borrow_mut().next_ms(js_sys::Math::random()),
            };
            let this = self.clone();
            self.set_timer(Duration::from_millis(wait_ms as u64), move || this.connect());
            browser::now_ms() + wait_ms
        });
        loss.cause.clone_from(&inner.connect_error.borrow());
        (inner.handler)(Event::Lost { loss, retry_at_ms });
        if !inner.was_open.get() {
            self.explain();
        }
    }

    /// Finds out why the socket could not be opened.
    fn explain(&self) {
        let number = self.next_explanation();
        let this = self.clone();
        leptos::task::spawn_local(async move {
            let found = handshake::connect_error().await;
            // Meanwhile a socket may have opened, or a later attempt failed for another reason.
            if this.0.explanations.get() == number {
                this.0.connect_error.borrow_mut().clone_from(&found);
                (this.0.handler)(Event::Explained(found));
            }
        });
    }

    /// Forgets why earlier sockets could not be opened, also if the answer has not arrived yet.
    pub fn forget_connect_error(&self) {
        self.0.connect_error.take();
        self.next_explanation();
    }

    fn next_explanation(&self) -> u64 {
        let number = self.0.explanations.get() + 1;
        self.0.explanations.set(number);
        number
    }

    fn set_timer(&self, after: Duration, run: impl FnOnce() + 'static) {
        self.clear_timer();
        // Fails only without a window.
        self.0.timer.set(set_timeout_with_handle(run, after).ok());
    }

    fn clear_timer(&self) {
        if let Some(timer) = self.0.timer.take() {
            timer.clear();
        }
    }
}

fn is_ping(text: &js_sys::JsString) -> bool {
    text.length() <= PING_MAX_CHARS && text.as_string().is_some_and(|text| text.contains("\"ping\""))
}

/// The page offers its subprotocol, except under `trunk serve`: trunk's proxy drops the subprotocol from the bridge's
/// response, and the browser would close the socket. Only trunk makes debug builds of the page; `Trunk.toml` adds the header
/// to the proxy's own request.
fn offered_subprotocols() -> js_sys::Array {
    let offered: &[&str] = if cfg!(debug_assertions) { &[] } else { &[SUBPROTOCOL] };
    offered.iter().map(|name| JsValue::from_str(name)).collect()
}
