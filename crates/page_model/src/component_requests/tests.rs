use protocol::{ErrorCode, GroupsResult, TopicsRequest, TopicsResult, WatchTopics};

use super::*;

const TEXT: &str = r#"{"type":"topics_result","topics":[]}"#;

fn message() -> UnparsedMessage {
    UnparsedMessage { name: "topics_result".to_owned(), texts: vec![TEXT.to_owned()] }
}

fn reply(id: Option<RequestId>) -> Header {
    Header { name: "topics_result".to_owned(), id, watch: None, search: None, more: false }
}

fn push(watch: u32) -> Header {
    Header { name: "topics_result".to_owned(), id: None, watch: Some(watch), search: None, more: false }
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
    assert!(matches!(&delivered[0], Delivery::Reply(callback_id, Ok(_)) if *callback_id == second), "{delivered:?}");
    assert!(
        matches!(&delivered[1], Delivery::Reply(callback_id, Err(RequestError::Refused(_))) if *callback_id == first)
    );
}

#[test]
fn message_in_parts_is_delivered_once_with_the_lists_of_all_parts() {
    let topic =
        |name: &str| format!(r#"{{"name":"{name}","partitions":1,"replication":1,"internal":false,"records":null}}"#);
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
    let [Delivery::ViewUpdate(_, ViewUpdate::Pushed(pushed))] = deliveries.as_slice() else { panic!("{deliveries:?}") };
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

fn of_search(name: &str, id: Option<RequestId>) -> Header {
    Header { name: name.to_owned(), id, watch: None, search: Some(7), more: false }
}

/// The names of the delivered messages, or what happened to the search.
fn search_updates(component_requests: &mut ComponentRequests) -> Vec<String> {
    let name = |delivery| match delivery {
        Delivery::ViewUpdate(_, ViewUpdate::Pushed(message)) => message.name,
        Delivery::ViewUpdate(_, update) => format!("{update:?}"),
        Delivery::Reply(..) => "reply".to_owned(),
    };
    component_requests.take_deliveries().into_iter().map(name).collect()
}

#[test]
fn search_receives_its_messages_until_it_is_done() {
    let mut component_requests = ComponentRequests::default();
    let (view, search) = (component_requests.new_callback_id(), component_requests.new_callback_id());
    // A live view with the same number.
    component_requests.open_view(view, MessageText::of(&WatchTopics {}));
    component_requests.view_requested(view, 1);
    component_requests.view_opened(Some(1), 7);
    component_requests.take_deliveries();

    component_requests.search_requested(search, 2);
    let started = of_search("search_started", Some(2));
    assert_eq!(component_requests.search_started(&started), None);
    assert!(component_requests.received(&started, "{}"));
    for name in ["search_records", "search_progress", "search_done"] {
        assert!(component_requests.received(&of_search(name, None), "{}"), "{name}");
    }
    assert!(!component_requests.received(&of_search("search_records", None), "{}"), "the search has ended");
    let expected = ["search_started", "search_records", "search_progress", "search_done"];
    assert_eq!(search_updates(&mut component_requests), expected);
    component_requests.socket_lost();
    assert_eq!(search_updates(&mut component_requests), ["Lost"], "of the live view only");
}

#[test]
fn search_stopped_before_its_number_is_known_is_stopped_when_it_starts() {
    let mut component_requests = ComponentRequests::default();
    let search = component_requests.new_callback_id();
    component_requests.search_requested(search, 2);
    assert_eq!(component_requests.stop_search(search), None);
    let started = of_search("search_started", Some(2));
    assert_eq!(component_requests.search_started(&started), Some(7));
    assert!(component_requests.received(&started, "{}"));
    assert_eq!(component_requests.stop_search(search), Some(7));
    assert!(!component_requests.received(&of_search("search_stop_result", Some(3)), "{}"), "no update of the search");
    assert!(component_requests.received(&of_search("search_done", None), "{}"));
    assert_eq!(component_requests.stop_search(search), None);
}

#[test]
fn refused_or_lost_search_has_ended() {
    let mut component_requests = ComponentRequests::default();
    let (first, second) = (component_requests.new_callback_id(), component_requests.new_callback_id());
    component_requests.search_requested(first, 2);
    component_requests.search_requested(second, 3);
    assert!(component_requests.refused(Some(2), &error()));
    component_requests.socket_lost();
    let updates = search_updates(&mut component_requests);
    assert!(updates[0].starts_with("Refused") && updates[1..] == ["Lost"], "{updates:?}");
    component_requests.socket_lost();
    assert!(component_requests.take_deliveries().is_empty());
}

#[test]
fn request_without_a_connection_fails_at_once() {
    let mut component_requests = ComponentRequests::default();
    let callback_id = component_requests.new_callback_id();
    component_requests.not_sent(callback_id);
    assert!(matches!(component_requests.take_deliveries()[..], [Delivery::Reply(_, Err(RequestError::NotConnected))]));
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
        let header = Header { name: name.to_owned(), id: Some(1), watch: None, search: None, more: false };
        assert!(!component_requests.received(&header, "{}"), "{name}");
    }
    assert!(component_requests.take_deliveries().is_empty());
}
