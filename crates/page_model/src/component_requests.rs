//! Requests of components to the bridge: requests with one reply, and live views, which receive updates until they are
//! closed. Maps each reply and update to the callback of the component.

use std::collections::BTreeMap;

use protocol::{ClientMessage, ErrorBody, ErrorCode, RequestId, ServerMessage, Unwatch};

use super::app_state::AppState;

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

/// An update of a live view. `P`: the push message of this kind of view.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewUpdate<P = ServerMessage> {
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

/// The error for a reply of an unexpected type, which a bridge of another version may send.
fn unexpected(request: &str, message: &ServerMessage) -> ErrorBody {
    let text = format!("the bridge answered {request} with {}; reload the page", message.name());
    ErrorBody::new(ErrorCode::Internal, text)
}

impl RequestError {
    pub fn unexpected(request: &str, reply: &ServerMessage) -> Self {
        Self::Refused(unexpected(request, reply))
    }
}

impl ViewUpdate {
    /// Converts the push to the type of the view that `request` opened.
    pub fn typed<P: TryFrom<ServerMessage, Error = ServerMessage>>(self, request: &str) -> ViewUpdate<P> {
        match self {
            Self::Begins => ViewUpdate::Begins,
            Self::Pushed(message) => match P::try_from(message) {
                Ok(push) => ViewUpdate::Pushed(push),
                Err(other) => ViewUpdate::Failed(unexpected(request, &other)),
            },
            Self::Failed(error) => ViewUpdate::Failed(error),
            Self::Refused(error) => ViewUpdate::Refused(error),
            Self::Lost => ViewUpdate::Lost,
        }
    }
}

/// A reply or update to deliver to a component.
#[derive(Debug)]
pub enum Delivery {
    Reply(CallbackId, Result<ServerMessage, RequestError>),
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
    request: ClientMessage,
    stage: Stage,
}

#[derive(Debug, Default)]
pub struct ComponentRequests {
    next_callback_id: CallbackId,
    requested: BTreeMap<RequestId, CallbackId>,
    views: BTreeMap<CallbackId, OpenView>,
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

    /// Delivers a reply. Returns whether it belongs to a component's request.
    pub fn replied(&mut self, id: Option<RequestId>, reply: ServerMessage) -> bool {
        let Some(callback_id) = id.and_then(|id| self.requested.remove(&id)) else { return false };
        self.deliveries.push(Delivery::Reply(callback_id, Ok(reply)));
        true
    }

    /// Delivers an error reply. Returns whether it belongs to a request or a live view of a component.
    pub fn refused(&mut self, id: Option<RequestId>, error: &ErrorBody) -> bool {
        let Some(id) = id else { return false };
        if let Some(callback_id) = self.requested.remove(&id) {
            self.deliveries.push(Delivery::Reply(callback_id, Err(RequestError::Refused(error.clone()))));
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

    pub fn open_view(&mut self, callback_id: CallbackId, request: ClientMessage) {
        self.views.insert(callback_id, OpenView { request, stage: Stage::Waiting });
    }

    /// The live views to open now that there is a connection.
    pub fn waiting(&self) -> Vec<(CallbackId, ClientMessage)> {
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

    pub fn pushed(&mut self, number: u32, push: ServerMessage) {
        self.deliver_update(number, ViewUpdate::Pushed(push));
    }

    pub fn view_failed(&mut self, number: u32, error: ErrorBody) {
        self.deliver_update(number, ViewUpdate::Failed(error));
    }

    fn deliver_update(&mut self, number: u32, update: ViewUpdate) {
        if let Some((&callback_id, _)) = self.views.iter().find(|(_, view)| view.stage == Stage::Open(number)) {
            self.deliveries.push(Delivery::ViewUpdate(callback_id, update));
        }
    }

    /// Closes a view. Returns its number for `unwatch`, if the bridge has opened it.
    pub fn close_view(&mut self, callback_id: CallbackId) -> Option<u32> {
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

    /// Fails all pending requests; live views wait for the next connection.
    pub fn socket_lost(&mut self) {
        for callback_id in std::mem::take(&mut self.requested).into_values() {
            self.deliveries.push(Delivery::Reply(callback_id, Err(RequestError::ConnectionLost)));
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
    pub fn send_request(&mut self, request: ClientMessage) -> CallbackId {
        let callback_id = self.component_requests.new_callback_id();
        if self.link.is_open() {
            let request = self.request(request);
            self.component_requests.requested(callback_id, request);
        } else {
            self.component_requests.not_sent(callback_id);
        }
        callback_id
    }

    /// Opens a live view with a `watch_…` request, again after each reconnect, until it is closed.
    pub fn open_view(&mut self, request: ClientMessage) -> CallbackId {
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
        self.request(Unwatch { watch });
    }

    pub(super) fn request_views(&mut self) {
        if !self.link.is_open() {
            return;
        }
        for (callback_id, request) in self.component_requests.waiting() {
            let request = self.request(request);
            self.component_requests.view_requested(callback_id, request);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorCode, TopicsRequest, Unwatched, WatchTopics};

    use super::*;

    fn push() -> ServerMessage {
        Unwatched { watch: 7 }.into()
    }

    fn error() -> ErrorBody {
        ErrorBody::new(ErrorCode::ReadOnly, "…")
    }

    fn waiting_view() -> (ComponentRequests, CallbackId) {
        let mut component_requests = ComponentRequests::default();
        let callback_id = component_requests.new_callback_id();
        component_requests.open_view(callback_id, WatchTopics {}.into());
        (component_requests, callback_id)
    }

    #[test]
    fn reply_is_delivered_once_to_its_request() {
        let mut component_requests = ComponentRequests::default();
        let (first, second) = (component_requests.new_callback_id(), component_requests.new_callback_id());
        component_requests.requested(first, 10);
        component_requests.requested(second, 11);
        assert!(component_requests.replied(Some(11), push()));
        assert!(!component_requests.replied(Some(11), push()), "the request has been answered already");
        assert!(!component_requests.replied(None, push()));
        assert!(component_requests.refused(Some(10), &error()));
        let delivered = component_requests.take_deliveries();
        assert!(
            matches!(&delivered[0], Delivery::Reply(callback_id, Ok(_)) if *callback_id == second),
            "{delivered:?}"
        );
        assert!(
            matches!(&delivered[1], Delivery::Reply(callback_id, Err(RequestError::Refused(_))) if *callback_id == first)
        );
    }

    #[test]
    fn pending_request_fails_when_the_socket_is_lost() {
        let mut component_requests = ComponentRequests::default();
        let callback_id = component_requests.new_callback_id();
        component_requests.requested(callback_id, 3);
        component_requests.socket_lost();
        let delivered = component_requests.take_deliveries();
        assert!(matches!(delivered[..], [Delivery::Reply(_, Err(RequestError::ConnectionLost))]), "{delivered:?}");
    }

    #[test]
    fn view_is_reopened_after_every_loss_until_closed() {
        let (mut component_requests, callback_id) = waiting_view();
        for round in 0..3 {
            assert_eq!(component_requests.waiting().len(), 1);
            component_requests.view_requested(callback_id, round);
            assert!(component_requests.waiting().is_empty());
            assert_eq!(component_requests.view_opened(Some(round), 7), None);
            component_requests.pushed(7, push());
            component_requests.pushed(8, push());
            component_requests.socket_lost();
            let updates: Vec<ViewUpdate> = component_requests
                .take_deliveries()
                .into_iter()
                .filter_map(|delivery| match delivery {
                    Delivery::ViewUpdate(_, update) => Some(update),
                    Delivery::Reply(..) => None,
                })
                .collect();
            assert_eq!(updates, [ViewUpdate::Begins, ViewUpdate::Pushed(push()), ViewUpdate::Lost]);
        }
        assert_eq!(component_requests.close_view(callback_id), None, "the bridge has ended it with the socket");
        assert!(component_requests.waiting().is_empty());
    }

    #[test]
    fn view_closed_before_it_opens_is_unwatched_when_opened() {
        let (mut component_requests, callback_id) = waiting_view();
        component_requests.view_requested(callback_id, 1);
        assert_eq!(component_requests.close_view(callback_id), None);
        assert_eq!(component_requests.view_opened(Some(1), 7), Some(7));
        assert_eq!(component_requests.close_view(callback_id), None);
        component_requests.pushed(7, push());
        assert!(component_requests.take_deliveries().is_empty());
    }

    #[test]
    fn refused_view_is_not_reopened() {
        let (mut component_requests, callback_id) = waiting_view();
        component_requests.view_requested(callback_id, 1);
        assert!(component_requests.refused(Some(1), &error()));
        component_requests.socket_lost();
        assert!(component_requests.waiting().is_empty());
        assert!(matches!(component_requests.take_deliveries()[..], [Delivery::ViewUpdate(_, ViewUpdate::Refused(_))]));
    }

    #[test]
    fn request_without_a_connection_fails_at_once() {
        let mut component_requests = ComponentRequests::default();
        let callback_id = component_requests.new_callback_id();
        let _: ClientMessage = TopicsRequest {}.into();
        component_requests.not_sent(callback_id);
        assert!(matches!(
            component_requests.take_deliveries()[..],
            [Delivery::Reply(_, Err(RequestError::NotConnected))]
        ));
    }
}
