//! How the app state changes with the bridge's messages.

use crate::entry::tests::frame;
use crate::listening::Phase;
use protocol::{Action, MessageText, Object, TopicRequest, WatchTopics};

use crate::{ChangeBlocked, Delivery, Draft, Field, Loss, Outgoing, RunPlan, RunStart, RunTitle, SendBlocked};
use crate::{Intent, ReadMode, Start};

use super::*;
use crate::read_state::ReadState;

mod access;
mod formats;
mod own_schemas;
mod reading_again;
mod registry;

fn welcome(session: &str, resumed: bool) -> String {
    format!(
        r#"{{"type":"welcome","session":"{session}","resumed":{resumed},
        "cluster":{{"id":"x","demo":true,"brokers":[{{"id":1,"host":"localhost","port":9092}}]}},
        "defaults":{{"topic":"foobar","group":"my-group","start":"earliest"}},
        "limits":{{"message_bytes":1048576,"subscriptions":16,"produce_window":10000}},
        "heartbeat_ms":20000,"read_only":false}}"#
    )
}

fn connect(state: &mut AppState, session: &str, resumed: bool) -> Vec<Outgoing> {
    state.connecting();
    state.socket_opened("test");
    state.receive(&welcome(session, resumed), 0.0);
    state.take_outbox()
}

pub(crate) fn connected() -> AppState {
    let mut state = AppState::default();
    connect(&mut state, "a", false);
    state
}

fn draft(value: &str) -> Draft {
    Draft { value: Field::text(value), ..Draft::default() }
}

fn lose(state: &mut AppState) {
    state.socket_lost(Loss::default(), Some(500.0), 500.0);
}

fn listen(state: &mut AppState) -> Vec<Outgoing> {
    state.listen(Intent { topics: vec!["foobar".into()], group: "g".into(), ..Intent::default() });
    state.take_outbox()
}

fn records(subscription: u32, seq: u64, offsets: std::ops::Range<i64>) -> Box<[u8]> {
    frame(subscription, seq, "foobar", offsets, "9007199254740993")
}

fn outcomes(state: &AppState) -> Vec<&'static str> {
    state.sends().rows().iter().rev().map(|row| row.outcome.name()).collect()
}

/// The first sequence number of each frame with records in the outbox.
fn sent_seqs(state: &mut AppState) -> Vec<u64> {
    let frames = state.take_outbox().into_iter().filter_map(|message| match message {
        Outgoing::Binary(frame) => Some(frame),
        Outgoing::Text(_) => None,
    });
    frames.map(|frame| protocol::ProduceFrame::parse(&frame).expect("a frame").seq).collect()
}

#[test]
fn sent_record_becomes_queued_then_acked_then_seen() {
    let mut state = connected();
    let subscribe = listen(&mut state);
    assert!(subscribe[0].contains(r#""type":"subscribe","id":0"#), "{subscribe:?}");
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    assert!(state.send("foobar", &draft("x"), 100.0));
    state.receive(
        r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
        102.0,
    );
    state.receive_batch(records(1, 1, 7..8), 103.0);
    let row = state.sends().last().expect("sent");
    assert_eq!((row.outcome.name(), row.seen_after_ms), ("acked", Some(3.0)));
    assert_eq!(state.feed().counts().received, 1);
}

#[test]
fn record_is_not_sent_without_a_connection() {
    let mut state = AppState::default();
    assert!(!state.send("foobar", &draft("x"), 0.0));
    assert_eq!(state.send_blocked(), Some(SendBlocked::NotConnected));
    let mut state = connected();
    lose(&mut state);
    assert!(!state.send("foobar", &draft("x"), 0.0) && state.sends().last().is_none());
}

#[test]
fn resumed_session_resends_records_without_outcome() {
    let mut state = connected();
    state.send("foobar", &draft("x"), 0.0);
    state.take_outbox();
    lose(&mut state);
    state.connecting();
    state.socket_opened("test");
    assert!(state.take_outbox()[0].contains(r#""resume":{"session":"a","attempt":2}"#));
    state.receive(&welcome("a", true), 0.0);
    assert_eq!(sent_seqs(&mut state), [0]);
    assert_eq!(outcomes(&state), ["queued"]);
}

#[test]
fn new_session_marks_records_without_outcome_as_unknown() {
    let mut state = connected();
    state.send("foobar", &draft("x"), 0.0);
    lose(&mut state);
    assert_eq!(outcomes(&state), ["queued"], "the session may still be resumed");
    connect(&mut state, "b", false);
    assert_eq!(outcomes(&state), ["unknown"]);
    state.send("foobar", &draft("y"), 0.0);
    assert!(sent_seqs(&mut state).ends_with(&[0]));
}

#[test]
fn reconnect_resubscribes_and_drops_records_already_received() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive_batch(records(1, 5, 0..5), 2.0);
    lose(&mut state);
    let again = connect(&mut state, "b", false);
    assert!(again.iter().any(|message| message.contains(r#""type":"subscribe","id":1"#)), "{again:?}");
    state.receive(r#"{"type":"subscribed","id":1,"subscription":1}"#, 3.0);
    state.receive_batch(records(1, 7, 3..10), 4.0);
    assert_eq!(state.feed().counts().received, 10);
}

#[test]
fn stop_sends_flow_before_unsubscribe() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive_batch(records(1, 5, 0..5), 2.0);
    state.stop_listening();
    let out = state.take_outbox();
    assert!(out[0].contains(r#""type":"flow","subscription":1,"through":5"#), "{out:?}");
    assert!(out[1].contains(r#""type":"unsubscribe","id":1,"subscription":1"#), "{out:?}");
    assert_eq!(state.listening().phase(), Phase::Stopping);
    state.receive_batch(records(1, 6, 5..6), 2.0);
    state.receive(r#"{"type":"unsubscribed","id":1,"subscription":1}"#, 3.0);
    assert_eq!((state.listening().phase(), state.feed().counts().received), (Phase::Idle, 6));
}

#[test]
fn subscription_errors_stay_with_the_subscription_and_other_errors_become_notices() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive(
        r#"{"type":"error","subscription":1,"code":501,"name":"topic_missing","message":"…","retriable":true}"#,
        1.0,
    );
    assert_eq!(state.listening().error().map(|error| error.code), Some(501));
    assert_eq!(state.notices().count(), 0);
    state.receive(r#"{"type":"error","code":900,"name":"internal","message":"…","retriable":true}"#, 1.0);
    assert_eq!(state.notices().count(), 1);
    state.tick(60_000.0);
    assert_eq!(state.notices().count(), 0);
}

#[test]
fn run_pauses_without_a_connection_and_resumes_after_reconnect() {
    let mut state = connected();
    state.start_run("foobar", &RunPlan::seed(), RunTitle::Seed, RunStart::default());
    state.tick(500.0);
    assert_eq!(state.run().map(|run| run.sent), Some(2));
    lose(&mut state);
    state.tick(5000.0);
    assert_eq!(state.run().map(|run| run.sent), Some(2));
    connect(&mut state, "a", true);
    state.tick(6000.0);
    assert_eq!(state.run().map(|run| run.sent), Some(2), "the time without a connection does not count");
    state.tick(6500.0);
    assert_eq!(state.run().map(|run| run.sent), Some(3));
}

#[test]
fn unlimited_run_fills_its_share_of_the_produce_window_and_waits() {
    let mut state = connected();
    let plan = RunPlan { count: Some(20_000), per_second: None, ..RunPlan::seed() };
    state.start_run("foobar", &plan, RunTitle::Seed, RunStart::default());
    let mut now = 0.0;
    while let Some(at) = state.next_tick_ms(now) {
        now = at + 1.0;
        state.tick(now);
    }
    let window = 10_000 - 10_000 / 8;
    assert_eq!(state.sends().waiting(), window);
    assert!(state.send("foobar", &draft("a single record"), now), "the window has room for a record of the user");
    let ack = |first: u64, last: u64| {
        format!(
            r#"{{"type":"produced","acks":[{{"first":{first},"last":{last},"topic":"foobar","partition":0,"offset":"{first}","timestamp":1,"took_us":1400}}],"errors":[]}}"#
        )
    };
    state.receive(&ack(0, 4999), now);
    state.tick(now);
    assert!(state.sends().waiting() > window - 5000 && state.run().is_some_and(|run| run.acked == 5000));
}

#[test]
fn read_only_bridge_receives_no_records() {
    let mut state = AppState::default();
    state.socket_opened("test");
    state.receive(&welcome("a", false).replace("\"read_only\":false", "\"read_only\":true"), 0.0);
    state.take_outbox();
    assert_eq!(state.send_blocked(), Some(SendBlocked::ReadOnly));
    assert!(!state.send("foobar", &draft("x"), 0.0));
    assert!(!state.start_run("foobar", &RunPlan::seed(), RunTitle::Seed, RunStart::default()));
    assert!(state.take_outbox().is_empty());
}

#[test]
fn unknown_messages_are_ignored_and_malformed_ones_become_notices() {
    let mut state = connected();
    state.receive(r#"{"type":"from_the_future","x":1}"#, 0.0);
    assert_eq!(state.notices().count(), 0);
    state.receive(r#"{"type":"subscribed"}"#, 0.0);
    state.receive("garbage", 0.0);
    assert_eq!(state.notices().count(), 2);
}

#[test]
fn gap_is_fetched_in_steps_until_filled_or_stopped_by_the_user() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    let gap = r#"{"type":"gap","subscription":1,"topic":"foobar","partition":0,"from":"10","to":"14","reason":"slow"}"#;
    state.receive(gap, 2.0);
    state.receive_batch(records(1, 5, 14..15), 2.0);
    let fetched = |id: u64, offset: i64| {
        format!(
            r#"{{"type":"fetched","id":{id},"next":"{}","records":[{{"offset":"{offset}","timestamp":1,"key":null,"value":{{"text":"x"}},"headers":[]}}]}}"#,
            offset + 1
        )
    };
    let gap = state.feed().get(0).expect("the gap").clone();
    state.load_gap(&gap);
    state.load_gap(&gap);
    let requests = state.take_outbox();
    assert_eq!(requests.len(), 1, "a second click sends no second request: {requests:?}");
    assert!(requests[0].contains(r#""type":"fetch","id":1,"#), "{requests:?}");
    state.receive(&fetched(1, 10), 3.0);
    assert!(state.take_outbox()[0].contains(r#""from":"11","to":"14""#));
    assert_eq!(state.feed().counts().missing, 3);
    let rest = state.feed().get(1).expect("the rest of the gap").clone();
    assert!(state.is_filling(&rest));
    state.stop_loading_gap(&rest);
    state.receive(&fetched(2, 11), 3.0);
    assert!(state.take_outbox().is_empty(), "the late reply causes no further request");
    assert_eq!((state.feed().counts().missing, state.feed().len()), (3, 3));
}

#[test]
fn start_at_offset_requests_the_partitions_before_subscribing() {
    let mut state = connected();
    let start = Start::Offset { partition: None, offset: 7 };
    state.listen(Intent { topics: vec!["foobar".into()], mode: ReadMode::Watch, start, ..Intent::default() });
    assert!(state.take_outbox()[0].contains(r#""type":"topic","id":0,"name":"foobar""#));
    let topic = r#"{"type":"topic_result","id":0,"name":"foobar","partitions":[{"partition":0,"leader":1,"replicas":[],"in_sync":[],"low":"0","high":"9"}]}"#;
    state.receive(topic, 1.0);
    let subscribe = state.take_outbox();
    assert!(subscribe[0].contains(r#""resume":[{"topic":"foobar","partition":0,"offset":"7"}]"#), "{subscribe:?}");
}

#[test]
fn start_offset_in_a_missing_partition_is_an_error_without_a_retry() {
    let mut state = connected();
    let start = Start::Offset { partition: Some(5), offset: 0 };
    let intent = Intent { topics: vec!["foobar".into()], mode: ReadMode::Watch, start, ..Intent::default() };
    state.listen(intent.clone());
    state.take_outbox();
    let topic = r#"{"type":"topic_result","id":0,"name":"foobar","partitions":[{"partition":0,"leader":1,"replicas":[],"in_sync":[],"low":"0","high":"9"}]}"#;
    state.receive(topic, 1.0);
    assert!(state.take_outbox().is_empty(), "no second request");
    assert_eq!((state.listening().phase(), state.listening().error().is_some()), (Phase::Idle, true));

    state.listen(intent.clone());
    state.stop_listening();
    state.listen(Intent { start: Start::Latest, ..intent });
    state.take_outbox();
    state.receive(&topic.replace("\"id\":0", "\"id\":1"), 2.0);
    assert!(state.take_outbox().is_empty(), "a reply to the stopped subscription's request does not subscribe");
    assert_eq!(state.listening().phase(), Phase::Starting);
}

#[test]
fn reply_is_delivered_to_the_component_that_sent_the_request() {
    let mut state = connected();
    let callback_id = state.send_request(&MessageText::of(&TopicRequest { name: "foobar".into() }));
    assert!(state.take_outbox()[0].contains(r#""type":"topic","id":0,"name":"foobar""#));
    state.receive(r#"{"type":"topic_result","id":9,"name":"foobar","partitions":[]}"#, 1.0);
    assert!(state.take_deliveries().is_empty());
    state.receive(r#"{"type":"topic_result","id":0,"name":"foobar","partitions":[]}"#, 1.0);
    let delivered = state.take_deliveries();
    assert!(matches!(&delivered[..], [Delivery::Reply(to, Ok(_))] if *to == callback_id), "{delivered:?}");
}

#[test]
fn live_view_is_reopened_after_a_reconnect_and_unwatched_when_closed() {
    let mut state = AppState::default();
    let callback_id = state.open_view(MessageText::of(&WatchTopics {}));
    assert!(state.take_outbox().is_empty(), "the view waits for the connection");
    let hello = connect(&mut state, "a", false);
    assert!(hello[1].contains(r#""type":"watch_topics","id":0"#), "{hello:?}");
    state.receive(r#"{"type":"watching","id":0,"watch":4}"#, 1.0);
    state.receive(r#"{"type":"topics_changed","watch":4,"at":1,"topics":[]}"#, 1.0);
    lose(&mut state);
    let again = connect(&mut state, "a", true);
    assert!(again.iter().any(|sent| sent.contains(r#""type":"watch_topics","id":1"#)), "{again:?}");
    state.receive(r#"{"type":"watching","id":1,"watch":1}"#, 2.0);
    state.close_view(callback_id);
    assert!(state.take_outbox()[0].contains(r#""type":"unwatch","id":2,"watch":1"#));
    assert_eq!(state.take_deliveries().len(), 4, "begins, pushed, lost, begins");
    assert_eq!(state.notices().count(), 0);
}

#[test]
fn error_reply_goes_to_the_component_and_makes_no_notice() {
    let mut state = connected();
    state.send_request(&MessageText::of(&TopicRequest { name: "foobar".into() }));
    state.receive(r#"{"type":"error","id":0,"code":604,"name":"internal_topic","message":"…","retriable":false}"#, 1.0);
    assert_eq!((state.notices().count(), state.take_deliveries().len()), (0, 1));
}

#[test]
fn new_subscription_starts_after_the_previous_one_has_ended() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    let other = Intent { topics: vec!["orders".into()], mode: ReadMode::Watch, ..Intent::default() };
    state.listen_instead(other.clone());
    let out = state.take_outbox();
    assert!(out.iter().any(|sent| sent.contains(r#""type":"unsubscribe""#)), "{out:?}");
    assert!(!out.iter().any(|sent| sent.contains("orders")), "{out:?}");
    state.receive(r#"{"type":"unsubscribed","id":1,"subscription":1}"#, 3.0);
    assert!(state.take_outbox()[0].contains(r#""topics":["orders"]"#));
    state.receive(r#"{"type":"subscribed","id":2,"subscription":2}"#, 4.0);
    state.listen_instead(other);
    assert!(state.take_outbox().is_empty(), "the page listens to this intent already");
}

#[test]
fn blocked_changes_name_the_first_reason_that_applies() {
    let mut state = AppState::default();
    let blocked = |state: &AppState| state.change_blocked(Action::Alter, &Object::Topic("foobar"));
    assert_eq!(blocked(&state), Some(ChangeBlocked::NotConnected));
    connect(&mut state, "a", false);
    assert_eq!((state.create_blocked(), blocked(&state)), (None, Some(ChangeBlocked::DemoBroker)));
    state.receive(&welcome("a", false).replace("\"read_only\":false", "\"read_only\":true"), 0.0);
    assert_eq!(state.create_blocked(), Some(ChangeBlocked::ReadOnly));
}

#[test]
fn record_received_before_its_acknowledgement_is_marked_as_own() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.send("foobar", &draft("x"), 100.0);
    state.receive_batch(records(1, 1, 7..8), 103.0);
    state.receive(
        r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
        104.0,
    );
    let own = state.feed().get(0).and_then(|entry| state.feed().own_after_ms(&entry.record()?));
    assert_eq!(own, Some(3.0));
    assert_eq!(state.receive_stats().round_trips_ms().collect::<Vec<_>>(), [3.0]);
}

#[test]
fn start_at_committed_requests_the_groups_offsets_and_joins_no_group() {
    let mut state = connected();
    let intent = Intent {
        topics: vec!["payments".into()],
        mode: ReadMode::Watch,
        group: "ledger".into(),
        start: Start::Committed,
        ..Intent::default()
    };
    state.listen(intent.clone());
    assert!(state.take_outbox()[0].contains(r#""type":"group","id":0,"group":"ledger""#));
    state.receive(
        r#"{"type":"group_result","id":0,"group":"ledger","state":"Stable","members":[],"positions":[
           {"topic":"payments","partition":2,"offset":"12","end":"48","lag":36}]}"#,
        1.0,
    );
    let requests = state.take_outbox();
    assert!(
        requests[0].contains(r#""tail":{"start":{"resume":[{"topic":"payments","partition":2,"offset":"12"}]}}"#),
        "{requests:?}"
    );
    assert!(!requests[0].contains("ledger"), "{requests:?}");

    let mut state = connected();
    state.listen(intent);
    state.take_outbox();
    state.receive(r#"{"type":"error","id":0,"code":605,"name":"group_missing","message":"…","retriable":false}"#, 1.0);
    let requests = state.take_outbox();
    assert!(requests[0].contains(r#""tail":{"start":"earliest"}"#), "{requests:?}");
}

#[test]
fn out_of_range_offset_is_committed_only_after_confirmation() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive(
        r#"{"type":"gap","subscription":1,"topic":"foobar","partition":0,"from":"1005","to":"0","reason":"out_of_range"}"#,
        1.0,
    );
    assert_eq!(
        state.listening().held_commits().of("foobar", 0).map(|held| (held.committed, held.begun)),
        Some((1005, 0))
    );
    assert!(!state.take_outbox().iter().any(|sent| sent.contains("resume_commits")));
    state.resume_commits(TopicPartition { topic: "foobar".into(), partition: 0 });
    let sent = state.take_outbox();
    let expected = r#""subscription":1,"partitions":[{"topic":"foobar","partition":0}]"#;
    assert!(sent[0].contains(r#""type":"resume_commits""#) && sent[0].contains(expected), "{sent:?}");
    state.receive(
        r#"{"type":"resume_commits_result","id":1,"subscription":1,"partitions":[{"topic":"foobar","partition":0}]}"#,
        2.0,
    );
    assert_eq!(state.listening().held_commits().len(), 0);
}

#[test]
fn waiting_partitions_are_listed_until_the_delivery_report() {
    let mut state = connected();
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.send("foobar", &draft("x"), 100.0);
    state.receive(
        r#"{"type":"produce_waiting","topic":"foobar","partition":0,"reason":"too_few_in_sync_replicas","message":"1 of 2"}"#,
        101.0,
    );
    state.receive(
        r#"{"type":"records_waiting","subscription":1,"partitions":[{"topic":"foobar","partition":0,"offset":"7","end":"13"}]}"#,
        101.0,
    );
    assert_eq!((state.waits().sent().len(), state.waits().unread().len()), (1, 1));
    state.receive(
        r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
        102.0,
    );
    state.receive(r#"{"type":"records_waiting","subscription":1,"partitions":[]}"#, 103.0);
    assert_eq!((state.waits().sent().len(), state.waits().unread().len()), (0, 0));
}

/// The `welcome` of a bridge with two clusters.
fn welcome_to(cluster: &str) -> String {
    let clusters = r#"[{"name":"prod","colour":"red","read_only":false},{"name":"dev","read_only":true}]"#;
    let more = format!(r#""read_only":false,"cluster_name":"{cluster}","clusters":{clusters}}}"#);
    welcome(cluster, false).replace(r#""read_only":false}"#, &more)
}

fn sent_text(state: &mut AppState) -> Vec<String> {
    let texts = state.take_outbox().into_iter().filter_map(|message| match message {
        Outgoing::Text(text) => Some(text),
        Outgoing::Binary(_) => None,
    });
    texts.collect()
}

#[test]
fn page_stays_with_the_cluster_of_its_first_welcome() {
    let mut state = AppState::default();
    state.socket_opened("test");
    assert!(!sent_text(&mut state)[0].contains("cluster"), "the bridge chooses");
    state.receive(&welcome_to("prod"), 0.0);
    assert_eq!((state.cluster_choice(), state.cluster_in_links()), (Some("prod"), Some("prod")));
    lose(&mut state);
    state.take_outbox();
    state.socket_opened("test");
    assert!(
        sent_text(&mut state)[0].contains(r#""cluster":"prod""#),
        "also if the bridge's default is another one now"
    );
    assert_eq!(connected().cluster_in_links(), None, "a bridge with one cluster needs no name in links");
}

#[test]
fn switch_to_another_cluster_forgets_all_records_and_starts_a_new_session() {
    let mut state = AppState::default();
    state.set_cluster_choice(Some("prod".into()));
    state.socket_opened("test");
    state.receive(&welcome_to("prod"), 0.0);
    listen(&mut state);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive_batch(records(1, 3, 0..3), 2.0);
    assert!(!state.switch_loses_outcomes());
    state.send("foobar", &draft("x"), 3.0);
    assert!(state.switch_loses_outcomes(), "a sent record has no outcome");

    state.switch_cluster("dev".into());
    assert_eq!((state.sends().waiting(), state.sends().rows().len(), state.feed().counts().received), (0, 0, 0));
    assert_eq!((state.listening().phase(), state.cluster()), (Phase::Idle, None));
    assert!(!state.link().is_open() && !state.switch_loses_outcomes());
    state.take_outbox();
    state.socket_opened("test");
    let hello = sent_text(&mut state).remove(0);
    assert!(hello.contains(r#""cluster":"dev""#) && !hello.contains("resume"), "{hello}");
    state.receive(&welcome_to("dev"), 4.0);
    assert!(sent_text(&mut state).is_empty(), "the new session does not listen by itself");
    let names: Vec<String> = state.cluster_choices().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["prod", "dev"]);
}

#[test]
fn refused_cluster_is_reported_with_all_names_although_a_close_frame_is_short() {
    let mut state = AppState::default();
    state.set_cluster_choice(Some("prd".into()));
    state.socket_opened("test");
    let names: Vec<String> = (0..40).map(|number| format!("cluster-{number}")).collect();
    let message = format!("no cluster \\\"prd\\\"; this bridge has: {}", names.join(", "));
    state.receive(
        &format!(r#"{{"type":"error","code":210,"name":"unknown_cluster","message":"{message}","retriable":false}}"#),
        1.0,
    );
    assert_eq!(state.notices().count(), 0, "the banner shows it");
    let reason = message[..100].to_owned();
    state.socket_lost(Loss { code: protocol::CloseCode::UnknownCluster.number(), reason, cause: None }, None, 2.0);
    let choices: Vec<String> = state.cluster_choices().into_iter().map(|(name, _)| name).collect();
    assert_eq!(choices, names);
    state.switch_cluster("cluster-3".into());
    state.socket_opened("test");
    assert!(sent_text(&mut state)[0].contains(r#""cluster":"cluster-3""#));
}
