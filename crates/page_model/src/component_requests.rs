//! Requests of components to the bridge: requests with one reply, live views, which receive updates until they are
//! closed, and searches, which receive updates until they end. Maps each reply and update to the callback of the component.

use std::collections::BTreeMap;

use protocol::{
    ErrorBody, ErrorCode, ErrorMessage, MessageBody, MessageText, RequestId, SearchDone, SearchStarted, SearchStop,
    Unwatch, WatchTrouble, Watching,
};

use super::app_state::AppState;
use super::incoming::Header;

/// Identifies the component's callback for a reply or for the updates of a live view.
pub type CallbackId = u64;

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestError {
    /// The request was not sent.
    NotConnected,
    /// The request was sent, and the connection was lost before the reply. A change may have been applied.
    ConnectionLost,
    /// The bridge's or Kafka's error.
    Refused(ErrorBody),
}

/// A message for a component, which knows its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnparsedMessage {
    name: String,
    /// One text, or several if the message came in parts.
    texts: Vec<String>,
}

impl UnparsedMessage {
    /// The value of `type`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parses the message. The bridge of another version may send other fields, or another message as the reply to `request`.
    pub fn parse<M: MessageBody>(&self, request: &str) -> Result<M, ErrorBody> {
        let unusable = |reason: String| {
            let text = format!("the bridge answered {request} with {}{reason}; reload the page", self.name);
            ErrorBody::new(ErrorCode::Internal, text)
        };
        if self.name != M::NAME {
            return Err(unusable(String::new()));
        }
        let read = |text: &String| {
            protocol::from_json::<M>(text).map_err(|error| unusable(format!(", which this page cannot read ({error})")))
        };
        let mut parts = self.texts.iter().map(read);
        let mut message = parts.next().unwrap_or_else(|| Err(unusable(String::new())))?;
        for part in parts {
            message.append(part?);
        }
        Ok(message)
    }
}

/// An update of a live view. `P`: the push message of this kind of view.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewUpdate<P = UnparsedMessage> {
    /// The view is open; the next push is a complete snapshot.
    Begins,
    Pushed(P),
    /// Kafka did not reply to the last poll; the view continues.
    Failed(ErrorBody),
    /// The bridge refused to open the view.
    Refused(ErrorBody),
    /// The connection is lost; the view is opened again after the reconnect.
    Lost,
}

impl ViewUpdate {
    /// Parses the push of the view that `request` opened.
    pub fn parse<P: MessageBody>(self, request: &str) -> ViewUpdate<P> {
        match self {
            Self::Begins => ViewUpdate::Begins,
            Self::Pushed(message) => message.parse(request).map_or_else(ViewUpdate::Failed, ViewUpdate::Pushed),
            Self::Failed(error) => ViewUpdate::Failed(error),
            Self::Refused(error) => ViewUpdate::Refused(error),
            Self::Lost => ViewUpdate::Lost,
        }
    }
}

/// A reply or update to deliver to a component.
#[derive(Debug)]
pub enum Delivery {
    Reply(CallbackId, Result<UnparsedMessage, RequestError>),
    ViewUpdate(CallbackId, ViewUpdate),
}

/// `Waiting` (for a connection) → `Requested` → `Open`; `Closing`: closed before the bridge sent the view's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    Requested(RequestId),
    Closing(RequestId),
    Open(u32),
}

#[derive(Debug)]
struct OpenView {
    request: MessageText,
    stage: Stage,
}

#[derive(Debug, Default)]
pub struct ComponentRequests {
    next_callback_id: CallbackId,
    requested: BTreeMap<RequestId, CallbackId>,
    /// The first parts of messages whose last part has not arrived.
    incomplete: BTreeMap<CallbackId, Vec<String>>,
    views: BTreeMap<CallbackId, OpenView>,
    /// The searches that have not ended; none is `Waiting`. Their numbers are apart from those of the live views.
    searches: BTreeMap<CallbackId, Stage>,
    deliveries: Vec<Delivery>,
}

impl ComponentRequests {
    pub fn take_deliveries(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }

    pub fn new_callback_id(&mut self) -> CallbackId {
        self.next_callback_id += 1;
        self.next_callback_id
    }

    /// Registers a sent request.
    pub fn requested(&mut self, callback_id: CallbackId, request: RequestId) {
        self.requested.insert(request, callback_id);
    }

    pub fn not_sent(&mut self, callback_id: CallbackId) {
        self.deliveries.push(Delivery::Reply(callback_id, Err(RequestError::NotConnected)));
    }

    /// Delivers a reply or a push. Returns whether it belongs to a request or an open live view of a component.
    pub fn received(&mut self, header: &Header, text: &str) -> bool {
        // `refused`, `view_failed` and `view_opened` handle these.
        if [ErrorMessage::NAME, WatchTrouble::NAME, Watching::NAME].contains(&header.name.as_str()) {
            return false;
        }
        if let Some(search) = header.search
            && let Some(callback_id) = self.search_at(Stage::Open(search))
            && (header.id.is_none() || header.name == SearchStarted::NAME)
        {
            if header.name == SearchDone::NAME {
                self.searches.remove(&callback_id);
            }
            let message = UnparsedMessage { name: header.name.clone(), texts: vec![text.to_owned()] };
            self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Pushed(message)));
            return true;
        }
        let requested = header.id.and_then(|id| self.requested.get(&id).copied());
        let Some(callback_id) = requested.or_else(|| self.open_view_of(header.watch?)) else { return false };
        let texts = self.incomplete.entry(callback_id).or_default();
        texts.push(text.to_owned());
        if header.more {
            return true;
        }
        let texts = self.incomplete.remove(&callback_id).unwrap_or_default();
        let message = UnparsedMessage { name: header.name.clone(), texts };
        if requested.is_some() {
            header.id.and_then(|id| self.requested.remove(&id));
            self.deliveries.push(Delivery::Reply(callback_id, Ok(message)));
        } else {
            self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Pushed(message)));
        }
        true
    }

    /// Delivers an error reply. Returns whether it belongs to a request or a live view of a component.
    pub fn refused(&mut self, id: Option<RequestId>, error: &ErrorBody) -> bool {
        let Some(id) = id else { return false };
        if let Some(callback_id) = self.requested.remove(&id) {
            self.incomplete.remove(&callback_id);
            self.deliveries.push(Delivery::Reply(callback_id, Err(RequestError::Refused(error.clone()))));
            return true;
        }
        let search = self.search_at(Stage::Requested(id)).or_else(|| self.search_at(Stage::Closing(id)));
        if let Some(callback_id) = search {
            self.searches.remove(&callback_id);
            self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Refused(error.clone())));
            return true;
        }
        let awaited = |(_, view): &(&CallbackId, &OpenView)| matches!(view.stage, Stage::Requested(of) | Stage::Closing(of) if of == id);
        let Some(callback_id) = self.views.iter().find(awaited).map(|(&callback_id, _)| callback_id) else {
            return false;
        };
        if self.views.remove(&callback_id).is_some_and(|view| view.stage == Stage::Requested(id)) {
            self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Refused(error.clone())));
        }
        true
    }

    // Live views.

    pub fn open_view(&mut self, callback_id: CallbackId, request: MessageText) {
        self.views.insert(callback_id, OpenView { request, stage: Stage::Waiting });
    }

    /// The live views to open now that there is a connection.
    pub fn waiting(&self) -> Vec<(CallbackId, MessageText)> {
        let waiting = self.views.iter().filter(|(_, view)| view.stage == Stage::Waiting);
        waiting.map(|(&callback_id, view)| (callback_id, view.request.clone())).collect()
    }

    pub fn view_requested(&mut self, callback_id: CallbackId, request: RequestId) {
        if let Some(view) = self.views.get_mut(&callback_id) {
            view.stage = Stage::Requested(request);
        }
    }

    /// The bridge has opened a view with this number. Returns the number if the view was closed meanwhile, to unwatch it.
    pub fn view_opened(&mut self, id: Option<RequestId>, number: u32) -> Option<u32> {
        let awaited = |(_, view): &(&CallbackId, &mut OpenView)| matches!(view.stage, Stage::Requested(of) | Stage::Closing(of) if Some(of) == id);
        let Some((&callback_id, view)) = self.views.iter_mut().find(awaited) else { return Some(number) };
        if matches!(view.stage, Stage::Closing(_)) {
            self.views.remove(&callback_id);
            return Some(number);
        }
        view.stage = Stage::Open(number);
        self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Begins));
        None
    }

    pub fn view_failed(&mut self, number: u32, error: ErrorBody) {
        if let Some(callback_id) = self.open_view_of(number) {
            self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Failed(error)));
        }
    }

    /// The open view with this number.
    fn open_view_of(&self, number: u32) -> Option<CallbackId> {
        self.views.iter().find(|(_, view)| view.stage == Stage::Open(number)).map(|(&callback_id, _)| callback_id)
    }

    /// Closes a view. Returns its number for `unwatch`, if the bridge has opened it.
    pub fn close_view(&mut self, callback_id: CallbackId) -> Option<u32> {
        self.incomplete.remove(&callback_id);
        match self.views.get_mut(&callback_id)?.stage {
            Stage::Open(number) => {
                self.views.remove(&callback_id);
                Some(number)
            }
            Stage::Requested(request) => {
                self.views.get_mut(&callback_id)?.stage = Stage::Closing(request);
                None
            }
            Stage::Waiting | Stage::Closing(_) => {
                self.views.remove(&callback_id);
                None
            }
        }
    }

    // Searches.

    fn search_at(&self, stage: Stage) -> Option<CallbackId> {
        self.searches.iter().find(|(_, at)| **at == stage).map(|(&callback_id, _)| callback_id)
    }

    /// Registers a sent search.
    pub fn search_requested(&mut self, callback_id: CallbackId, request: RequestId) {
        self.searches.insert(callback_id, Stage::Requested(request));
    }

    /// Without a connection a search is lost at once.
    pub fn search_not_sent(&mut self, callback_id: CallbackId) {
        self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Lost));
    }

    /// Notes the number of a search that the bridge has started. Returns the number if the search was stopped before it was known.
    pub fn search_started(&mut self, header: &Header) -> Option<u32> {
        let (id, search) = (header.id?, header.search?);
        if header.name != SearchStarted::NAME {
            return None;
        }
        let stopped = self.search_at(Stage::Closing(id));
        let callback_id = stopped.or_else(|| self.search_at(Stage::Requested(id)))?;
        self.searches.insert(callback_id, Stage::Open(search));
        stopped.map(|_| search)
    }

    /// Returns the number of the search for `search_stop`, if it is known. Updates of the search follow until it ends.
    pub fn stop_search(&mut self, callback_id: CallbackId) -> Option<u32> {
        let stage = self.searches.get_mut(&callback_id)?;
        match *stage {
            Stage::Open(search) => return Some(search),
            Stage::Requested(request) => *stage = Stage::Closing(request),
            Stage::Waiting | Stage::Closing(_) => {}
        }
        None
    }

    /// Fails all pending requests and searches; live views wait for the next connection.
    pub fn socket_lost(&mut self) {
        self.incomplete.clear();
        for callback_id in std::mem::take(&mut self.requested).into_values() {
            self.deliveries.push(Delivery::Reply(callback_id, Err(RequestError::ConnectionLost)));
        }
        for callback_id in std::mem::take(&mut self.searches).into_keys() {
            self.search_not_sent(callback_id);
        }
        self.views.retain(|_, view| !matches!(view.stage, Stage::Closing(_)));
        for (&callback_id, view) in &mut self.views {
            if view.stage != Stage::Waiting {
                view.stage = Stage::Waiting;
                self.deliveries.push(Delivery::ViewUpdate(callback_id, ViewUpdate::Lost));
            }
        }
    }
}

impl AppState {
    pub fn take_deliveries(&mut self) -> Vec<Delivery> {
        self.component_requests.take_deliveries()
    }

    /// Sends a request; the reply is delivered later. Without a connection an error is delivered.
    pub fn send_request(&mut self, request: &MessageText) -> CallbackId {
        let callback_id = self.component_requests.new_callback_id();
        if self.link.is_open() {
            let request = self.request_text(request);
            self.component_requests.requested(callback_id, request);
        } else {
            self.component_requests.not_sent(callback_id);
        }
        callback_id
    }

    /// Opens a live view with a `watch_…` request, again after each reconnect, until it is closed.
    pub fn open_view(&mut self, request: MessageText) -> CallbackId {
        let callback_id = self.component_requests.new_callback_id();
        self.component_requests.open_view(callback_id, request);
        self.request_views();
        callback_id
    }

    pub fn close_view(&mut self, callback_id: CallbackId) {
        if let Some(watch) = self.component_requests.close_view(callback_id) {
            self.unwatch(watch);
        }
    }

    pub(super) fn unwatch(&mut self, watch: u32) {
        self.request(&Unwatch { watch });
    }

    /// Starts a search. Its messages are delivered as pushes of a view until `search_done`. A search ends with its connection: it is
    /// `Lost` then, and never started again by itself.
    pub fn start_search(&mut self, request: &MessageText) -> CallbackId {
        let callback_id = self.component_requests.new_callback_id();
        if self.link.is_open() {
            let request = self.request_text(request);
            self.component_requests.search_requested(callback_id, request);
        } else {
            self.component_requests.search_not_sent(callback_id);
        }
        callback_id
    }

    pub fn stop_search(&mut self, callback_id: CallbackId) {
        if let Some(search) = self.component_requests.stop_search(callback_id) {
            self.send_search_stop(search);
        }
    }

    /// The reply, or the error that the search has just ended, has no callback and is ignored.
    pub(super) fn send_search_stop(&mut self, search: u32) {
        self.send_request(&MessageText::of(&SearchStop { search }));
    }

    pub(super) fn request_views(&mut self) {
        if !self.link.is_open() {
            return;
        }
        for (callback_id, request) in self.component_requests.waiting() {
            let request = self.request_text(&request);
            self.component_requests.view_requested(callback_id, request);
        }
    }
}

#[cfg(test)]
mod tests;
