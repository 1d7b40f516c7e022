//! Requests of components to the bridge: requests with one reply, and live views, which receive updates until they are
//! closed. Maps each reply and update to the callback of the component.

use std::collections::BTreeMap;

use protocol::{
    ErrorBody, ErrorCode, ErrorMessage, MessageBody, MessageText, RequestId, Unwatch, WatchTrouble, Watching,
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

    /// Fails all pending requests; live views wait for the next connection.
    pub fn socket_lost(&mut self) {
        self.incomplete.clear();
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
mod tests {
    use protocol::{ErrorCode, GroupsResult, TopicsRequest, TopicsResult, WatchTopics};

    use super::*;

    const TEXT: &str = r#"{"type":"topics_result","topics":[]}"#;

    fn message() -> UnparsedMessage {
        UnparsedMessage { name: "topics_result".to_owned(), texts: vec![TEXT.to_owned()] }
    }

    fn reply(id: Option<RequestId>) -> Header {
        Header { name: "topics_result".to_owned(), id, watch: None, more: false }
    }

    fn push(watch: u32) -> Header {
        Header { name: "topics_result".to_owned(), id: None, watch: Some(watch), more: false }
    }

    fn error() -> ErrorBody {
        ErrorBody::new(ErrorCode::ReadOnly, "…")
    }

    fn waiting_view() -> (ComponentRequests, CallbackId) {
        let mut component_requests = ComponentRequests::default();
        let callback_id = component_requests.new_callback_id();
        component_requests.open_view(callback_id, MessageText::of(&WatchTopics {}));
        (component_requests, callback_id)
    }

    #[test]
    fn reply_is_delivered_once_to_its_request() {
        let mut component_requests = ComponentRequests::default();
        let (first, second) = (component_requests.new_callback_id(), component_requests.new_callback_id());
        component_requests.requested(first, 10);
        component_requests.requested(second, 11);
        assert!(component_requests.received(&reply(Some(11)), TEXT));
        assert!(!component_requests.received(&reply(Some(11)), TEXT), "the request has been answered already");
        assert!(!component_requests.received(&reply(None), TEXT));
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
    fn message_in_parts_is_delivered_once_with_the_lists_of_all_parts() {
        let topic = |name: &str| {
            format!(r#"{{"name":"{name}","partitions":1,"replication":1,"internal":false,"records":null}}"#)
        };
        let part = |names: &[&str]| {
            let topics: Vec<String> = names.iter().map(|name| topic(name)).collect();
            format!(r#"{{"type":"topics_result","topics":[{}]}}"#, topics.join(","))
        };
        let names = |message: &UnparsedMessage| -> Vec<String> {
            let parsed: TopicsResult = message.parse(TopicsRequest::NAME).expect("a list in parts");
            parsed.topics.into_iter().map(|topic| topic.name).collect()
        };
        let (mut component_requests, view) = waiting_view();
        component_requests.view_requested(view, 1);
        component_requests.view_opened(Some(1), 7);
        let request = component_requests.new_callback_id();
        component_requests.requested(request, 2);
        component_requests.take_deliveries();

        let (more_of_reply, more_of_push) = (Header { more: true, ..reply(Some(2)) }, Header { more: true, ..push(7) });
        assert!(component_requests.received(&more_of_reply, &part(&["a", "b"])));
        assert!(component_requests.received(&more_of_push, &part(&["x"])));
        assert!(component_requests.received(&more_of_reply, &part(&["c"])));
        assert!(component_requests.take_deliveries().is_empty(), "the last parts have not arrived");
        assert!(component_requests.received(&reply(Some(2)), &part(&["d"])));
        assert!(component_requests.received(&push(7), &part(&["y"])));
        let deliveries = component_requests.take_deliveries();
        let [Delivery::Reply(of, Ok(whole)), Delivery::ViewUpdate(of_view, ViewUpdate::Pushed(pushed))] =
            deliveries.as_slice()
        else {
            panic!("{deliveries:?}")
        };
        assert_eq!((*of, names(whole)), (request, ["a", "b", "c", "d"].map(str::to_owned).to_vec()));
        assert_eq!((*of_view, names(pushed)), (view, ["x", "y"].map(str::to_owned).to_vec()));

        component_requests.received(&more_of_push, &part(&["lost"]));
        component_requests.socket_lost();
        component_requests.view_requested(view, 3);
        component_requests.view_opened(Some(3), 7);
        component_requests.take_deliveries();
        component_requests.received(&push(7), &part(&["z"]));
        let deliveries = component_requests.take_deliveries();
        let [Delivery::ViewUpdate(_, ViewUpdate::Pushed(pushed))] = deliveries.as_slice() else {
            panic!("{deliveries:?}")
        };
        assert_eq!(names(pushed), ["z"], "a part of the lost connection is not part of the next message");
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
            component_requests.received(&push(7), TEXT);
            component_requests.received(&push(8), TEXT);
            component_requests.socket_lost();
            let updates: Vec<ViewUpdate> = component_requests
                .take_deliveries()
                .into_iter()
                .filter_map(|delivery| match delivery {
                    Delivery::ViewUpdate(_, update) => Some(update),
                    Delivery::Reply(..) => None,
                })
                .collect();
            assert_eq!(updates, [ViewUpdate::Begins, ViewUpdate::Pushed(message()), ViewUpdate::Lost]);
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
        component_requests.received(&push(7), TEXT);
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
        component_requests.not_sent(callback_id);
        assert!(matches!(
            component_requests.take_deliveries()[..],
            [Delivery::Reply(_, Err(RequestError::NotConnected))]
        ));
    }

    #[test]
    fn message_of_another_type_or_with_other_fields_is_an_error() {
        assert_eq!(message().parse(TopicsRequest::NAME), Ok(TopicsResult { topics: Vec::new() }));
        let error = message().parse::<GroupsResult>("groups").expect_err("another message");
        assert!(error.message.contains("answered groups with topics_result"), "{error:?}");
        let without_topics = UnparsedMessage { texts: vec![r#"{"type":"topics_result"}"#.to_owned()], ..message() };
        let error = without_topics.parse::<TopicsResult>("topics").expect_err("no topics");
        assert!(error.message.contains("`topics`"), "{error:?}");
    }

    #[test]
    fn errors_and_the_opening_of_a_view_are_not_delivered_as_replies() {
        let mut component_requests = ComponentRequests::default();
        let callback_id = component_requests.new_callback_id();
        component_requests.requested(callback_id, 1);
        for name in ["error", "watching", "watch_trouble"] {
            let header = Header { name: name.to_owned(), id: Some(1), watch: None, more: false };
            assert!(!component_requests.received(&header, "{}"), "{name}");
        }
        assert!(component_requests.take_deliveries().is_empty());
    }
}
