//! Access rights, masks and sign-in.

use protocol::CloseCode;

use super::*;
use crate::{Link, ListenBlocked};

/// The `welcome` for a user with these rights, as JSON.
fn welcome_with(rights: &str) -> String {
    let more = format!(r#""read_only":false,"user":{{"name":"oidc:ann","signed_in":true}},"rights":{rights}}}"#);
    welcome("a", false).replace(r#""read_only":false}"#, &more)
}

#[test]
fn rights_decide_what_can_be_sent_read_and_changed() {
    let mut state = AppState::default();
    state.socket_opened("test");
    state.receive(
        &welcome_with(
            r#"[{"topics":["orders-*"],"groups":["support"],"allow":["read","write"]},{"topics":["new-*"],"allow":["create"]},
                {"groups":["*"],"allow":["describe"]}]"#,
        ),
        0.0,
    );
    state.take_outbox();
    assert_eq!(state.user().map(|user| (&*user.name, user.signed_in)), Some(("oidc:ann", true)));
    for (topic, expected) in
        [("orders-eu", None), (" orders-eu ", None), ("", None), ("foobar", Some(SendBlocked::Forbidden))]
    {
        assert_eq!(state.send_blocked_to(topic), expected, "{topic:?}");
    }
    assert!(!state.send("foobar", &draft("x"), 0.0));
    assert!(!state.start_run("foobar", &RunPlan::seed(), RunTitle::Seed, RunStart::default()));
    assert!(state.take_outbox().is_empty());

    let listen_blocked = |mode, topics: &[&str], group: &str, start| {
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        state.listen_blocked(&Intent { topics, mode, group: group.to_owned(), start, ..Intent::default() })
    };
    let (group, watch) = (ReadMode::Group, ReadMode::Watch);
    let topic = |name: &str| Some(ListenBlocked::Topic(name.to_owned()));
    assert_eq!(listen_blocked(group, &["orders-eu"], "support", Start::Latest), None);
    assert_eq!(listen_blocked(group, &["orders-eu", "foobar"], "support", Start::Latest), topic("foobar"));
    let other = Some(ListenBlocked::Group("other".to_owned()));
    assert_eq!(listen_blocked(group, &["orders-eu"], "other", Start::Latest), other);
    assert_eq!(listen_blocked(watch, &["orders-eu"], "other", Start::Latest), None, "no group is joined");
    assert_eq!(listen_blocked(watch, &["orders-eu"], "other", Start::Committed), None, "it may be described");

    assert_eq!(state.create_blocked(), None, "some topics may be created");
    assert!(!state.sees_every_topic() && state.sees_every_group());
    let blocked = |action, object: Object<'_>| state.change_blocked(action, &object);
    let forbidden = |action| Some(ChangeBlocked::Forbidden(action));
    assert_eq!(blocked(Action::Delete, Object::Topic("orders-eu")), forbidden(Action::Delete));
    assert_eq!(blocked(Action::Alter, Object::Group("support")), forbidden(Action::Alter));

    state.receive(&welcome_with(r#"[{"topics":["*"],"allow":["alter"]}]"#), 1.0);
    assert_eq!(state.create_blocked(), forbidden(Action::Create));
    let blocked = state.change_blocked(Action::Alter, &Object::Topic("orders-eu"));
    assert_eq!(blocked, Some(ChangeBlocked::DemoBroker), "the rights allow it, the demo broker does not");
    assert_eq!(connected().rights(), None, "everything is allowed");
}

#[test]
fn changed_access_rules_reconnect_with_a_notice_and_without_an_error() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    let loss = Loss { code: CloseCode::AccessChanged.number(), ..Loss::default() };
    state.socket_lost(loss, Some(10.0), 5.0);
    assert_eq!(*state.link(), Link::Connecting);
    assert!(state.notices().map(|notice| &notice.kind).eq([&NoticeKind::AccessChanged]));
    let loss = Loss { code: CloseCode::AccessChanged.number(), ..Loss::default() };
    state.socket_lost(loss, Some(5000.0), 6.0);
    assert_eq!(state.link().name(), "waiting", "the next attempt is later, with a countdown");
    state.take_outbox();
    state.socket_opened("test");
    state.receive(&welcome_with(r#"[{"topics":["orders"],"allow":["read"]}]"#), 6.0);
    assert!(sent_text(&mut state).iter().any(|text| text.contains(r#""type":"subscribe""#)), "it listens again");
    state.receive(
        r#"{"type":"error","id":1,"code":101,"name":"forbidden","message":"not allowed","retriable":false}"#,
        7.0,
    );
    assert_eq!(state.listening().phase(), Phase::Idle);
    assert_eq!(state.listening().error().map(|error| error.code), Some(ErrorCode::Forbidden.number()));
}

#[test]
fn sign_in_keeps_session_and_intent_of_a_signed_out_user() {
    let mut state = connected();
    listen(&mut state);
    let loss = Loss { code: CloseCode::SignedOut.number(), ..Loss::default() };
    state.socket_lost(loss, None, 5.0);
    assert!(state.link().asks_to_sign_in() && !state.link().asks_for_token());
    assert_eq!(state.listening().phase(), Phase::Starting);
    state.take_outbox();
    state.set_token("wrong".into());
    state.connecting();
    state.socket_opened("test");
    let hello = sent_text(&mut state).remove(0);
    assert!(hello.contains(r#""resume""#) && hello.contains("wrong"), "{hello}");
    state.socket_lost(refused(), None, 6.0);
    assert!(state.link().asks_for_token() && state.signs_in(), "signing in is still possible");
    assert!(!state.drop_refused_token(), "that the bridge offers to sign in is known");
    assert!(!state.has_token() && state.token_is_wrong(), "a token would have precedence over the sign-in");
}

fn refused() -> Loss {
    Loss { code: CloseCode::TokenRefused.number(), ..Loss::default() }
}

#[test]
fn refused_token_is_forgotten_and_the_page_connects_once_without_it() {
    let mut state = AppState::default();
    state.set_token("stored".into());
    state.socket_opened("test");
    state.socket_lost(refused(), None, 1.0);
    assert!(state.drop_refused_token());
    state.connecting();
    state.take_outbox();
    state.socket_opened("test");
    assert!(!sent_text(&mut state).remove(0).contains("stored"));
    state.socket_lost(refused(), None, 2.0);
    assert!(!state.drop_refused_token(), "no token was sent");
    assert!(state.token_is_wrong() && state.link().asks_for_token());
    state.set_token("other".into());
    assert!(!state.token_is_wrong());
}

#[test]
fn run_waits_while_its_topic_may_not_be_written() {
    let mut state = AppState::default();
    state.socket_opened("test");
    let rights = |allow: &str| welcome_with(&format!(r#"[{{"topics":["foobar"],"allow":[{allow:?}]}}]"#));
    state.receive(&rights("write"), 0.0);
    let plan = RunPlan { per_second: Some(1.0), ..RunPlan::seed() };
    assert!(state.start_run("foobar", &plan, RunTitle::Seed, RunStart::default()));
    state.receive(&rights("read"), 1.0);
    let sent = state.run().map(|run| run.sent);
    state.take_outbox();
    state.tick(5000.0);
    assert_eq!(state.run_blocked(), Some(SendBlocked::Forbidden));
    assert!(state.take_outbox().is_empty() && state.run().map(|run| run.sent) == sent);
    state.receive(&rights("write"), 6000.0);
    state.tick(8000.0);
    assert_eq!(state.run_blocked(), None);
    assert!(!state.take_outbox().is_empty(), "the run continues");
}

#[test]
fn each_record_keeps_the_masks_of_its_own_subscription() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1,"masked":["value.email"]}"#, 1.0);
    assert_eq!(state.listening().masked().paths(), ["value.email"]);
    state.receive_batch(records(1, 1, 0..1), 2.0);
    let gap = r#"{"type":"gap","subscription":1,"topic":"foobar","partition":0,"from":"1","to":"2","reason":"slow"}"#;
    state.receive(gap, 2.0);
    lose(&mut state);
    connect(&mut state, "a", true);
    // The masks were removed meanwhile.
    state.receive(r#"{"type":"subscribed","id":1,"subscription":2}"#, 3.0);
    state.receive_batch(records(2, 1, 2..3), 4.0);
    assert!(state.listening().masked().is_empty());
    let gap = state.feed().get(1).expect("the gap").clone();
    state.load_gap(&gap);
    state.receive(
        r#"{"type":"fetched","id":2,"next":"2","masked":["key"],"records":[{"offset":"1","timestamp":1,"key":null,"value":{"text":"x"},"headers":[]}]}"#,
        5.0,
    );
    let masked: Vec<String> = state.feed().entries().map(|entry| entry.masked().paths().join(",")).collect();
    assert_eq!(masked, ["value.email", "key", ""]);
}

#[test]
fn masked_fields_are_forgotten_with_the_list_of_a_subscription_that_has_ended() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1,"masked":["value.email"]}"#, 1.0);
    state.clear_feed();
    assert!(!state.listening().masked().is_empty(), "further records have masked fields");
    lose(&mut state);
    state.stop_listening();
    assert!(!state.listening().masked().is_empty(), "the list has masked fields");
    state.clear_feed();
    assert!(state.listening().masked().is_empty());
}

#[test]
fn gap_in_a_topic_that_may_no_longer_be_read_is_not_requested() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    let gap = r#"{"type":"gap","subscription":1,"topic":"foobar","partition":0,"from":"1","to":"2","reason":"slow"}"#;
    state.receive(gap, 2.0);
    let gap = state.feed().get(0).expect("the gap").clone();
    assert!(state.may_load(&gap));
    state.receive(&welcome_with(r#"[{"topics":["foobar"],"allow":["write"]}]"#), 3.0);
    state.take_outbox();
    state.load_gap(&gap);
    assert!(!state.may_load(&gap) && sent_text(&mut state).is_empty());
}
