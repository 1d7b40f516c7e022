//! What the page makes of the bridge's messages.

use crate::entry::tests::frame;
use crate::listening::Phase;
use protocol::{TopicRequest, WatchTopics};

use crate::{ChangeObstacle, Delivery, Draft, Field, Loss, Outgoing, RunPlan, RunStart, RunTitle, SendObstacle};
use crate::{Intent, ReadMode, Start};

use super::*;

fn welcome(session: &str, resumed: bool) -> String {
    format!(
        r#"{{"type":"welcome","session":"{session}","resumed":{resumed},
        "cluster":{{"id":"x","demo":true,"brokers":[{{"id":1,"host":"localhost","port":9092}}]}},
        "defaults":{{"topic":"foobar","group":"my-group","start":"earliest"}},
        "limits":{{"message_bytes":1048576,"subscriptions":16,"produce_window":10000}},
        "heartbeat_ms":20000,"read_only":false}}"#
    )
}

fn connect(page: &mut Page, session: &str, resumed: bool) -> Vec<Outgoing> {
    page.connecting();
    page.socket_opened("test");
    page.receive(&welcome(session, resumed), 0.0);
    page.take_outbox()
}

fn connected() -> Page {
    let mut page = Page::default();
    connect(&mut page, "a", false);
    page
}

fn draft(value: &str) -> Draft {
    Draft { value: Field::text(value), ..Draft::default() }
}

fn lose(page: &mut Page) {
    page.socket_lost(Loss::default(), Some(500.0), 500.0);
}

fn listen(page: &mut Page) -> Vec<Outgoing> {
    page.listen(Intent { topics: vec!["foobar".into()], group: "g".into(), ..Intent::default() });
    page.take_outbox()
}

fn records(subscription: u32, seq: u64, offsets: std::ops::Range<i64>) -> Box<[u8]> {
    frame(subscription, seq, "foobar", offsets, "9007199254740993")
}

fn outcomes(page: &Page) -> Vec<&'static str> {
    page.sends().rows().iter().rev().map(|row| row.outcome.name()).collect()
}

/// The first numbers of the frames with records in the outbox.
fn sent_seqs(page: &mut Page) -> Vec<u64> {
    let frames = page.take_outbox().into_iter().filter_map(|message| match message {
        Outgoing::Binary(frame) => Some(frame),
        Outgoing::Text(_) => None,
    });
    frames.map(|frame| protocol::ProduceFrame::parse(&frame).expect("a frame").seq).collect()
}

#[test]
fn a_record_goes_from_queued_to_acked_to_seen() {
    let mut page = connected();
    let subscribe = listen(&mut page);
    assert!(subscribe[0].contains(r#""type":"subscribe","id":0"#), "{subscribe:?}");
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    assert!(page.send("foobar", &draft("x"), 100.0));
    page.receive(
        r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
        102.0,
    );
    page.receive_batch(records(1, 1, 7..8), 103.0);
    let row = page.sends().last().expect("sent");
    assert_eq!((row.outcome.name(), row.seen_after_ms), ("acked", Some(3.0)));
    assert_eq!(page.feed().counts().received, 1);
}

#[test]
fn nothing_is_sent_without_a_connection() {
    let mut page = Page::default();
    assert!(!page.send("foobar", &draft("x"), 0.0));
    assert_eq!(page.send_obstacle(), Some(SendObstacle::NotConnected));
    let mut page = connected();
    lose(&mut page);
    assert!(!page.send("foobar", &draft("x"), 0.0) && page.sends().last().is_none());
}

#[test]
fn a_resumed_session_is_sent_what_has_no_outcome_again() {
    let mut page = connected();
    page.send("foobar", &draft("x"), 0.0);
    page.take_outbox();
    lose(&mut page);
    page.connecting();
    page.socket_opened("test");
    assert!(page.take_outbox()[0].contains(r#""resume":{"session":"a","attempt":2}"#));
    page.receive(&welcome("a", true), 0.0);
    assert_eq!(sent_seqs(&mut page), [0]);
    assert_eq!(outcomes(&page), ["queued"]);
}

#[test]
fn a_new_session_leaves_what_had_no_outcome_unknown() {
    let mut page = connected();
    page.send("foobar", &draft("x"), 0.0);
    lose(&mut page);
    assert_eq!(outcomes(&page), ["queued"], "it may still be resumed");
    connect(&mut page, "b", false);
    assert_eq!(outcomes(&page), ["unknown"]);
    page.send("foobar", &draft("y"), 0.0);
    assert!(sent_seqs(&mut page).ends_with(&[0]));
}

#[test]
fn listening_begins_again_by_itself_and_nothing_is_doubled() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    page.receive_batch(records(1, 5, 0..5), 2.0);
    lose(&mut page);
    let again = connect(&mut page, "b", false);
    assert!(again.iter().any(|message| message.contains(r#""type":"subscribe","id":1"#)), "{again:?}");
    page.receive(r#"{"type":"subscribed","id":1,"subscription":1}"#, 3.0);
    page.receive_batch(records(1, 7, 3..10), 4.0);
    assert_eq!(page.feed().counts().received, 10);
}

#[test]
fn stop_acknowledges_and_then_unsubscribes() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    page.receive_batch(records(1, 5, 0..5), 2.0);
    page.stop_listening();
    let out = page.take_outbox();
    assert!(out[0].contains(r#""type":"flow","subscription":1,"through":5"#), "{out:?}");
    assert!(out[1].contains(r#""type":"unsubscribe","id":1,"subscription":1"#), "{out:?}");
    assert_eq!(page.listening().phase(), Phase::Stopping);
    page.receive_batch(records(1, 6, 5..6), 2.0);
    page.receive(r#"{"type":"unsubscribed","id":1,"subscription":1}"#, 3.0);
    assert_eq!((page.listening().phase(), page.feed().counts().received), (Phase::Idle, 6));
}

#[test]
fn a_problem_of_the_subscription_stays_with_it_and_others_become_notices() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    page.receive(
        r#"{"type":"error","subscription":1,"code":501,"name":"topic_missing","message":"…","retriable":true}"#,
        1.0,
    );
    assert_eq!(page.listening().problem().map(|error| error.code), Some(501));
    assert_eq!(page.notices().count(), 0);
    page.receive(r#"{"type":"error","code":900,"name":"internal","message":"…","retriable":true}"#, 1.0);
    assert_eq!(page.notices().count(), 1);
    page.tick(60_000.0);
    assert_eq!(page.notices().count(), 0);
}

#[test]
fn a_run_waits_for_the_connection_and_goes_on() {
    let mut page = connected();
    page.start_run("foobar", &RunPlan::seed(), RunTitle::Seed, RunStart::default());
    page.tick(500.0);
    assert_eq!(page.run().map(|run| run.sent), Some(2));
    lose(&mut page);
    page.tick(5000.0);
    assert_eq!(page.run().map(|run| run.sent), Some(2));
    connect(&mut page, "a", true);
    page.tick(6000.0);
    assert_eq!(page.run().map(|run| run.sent), Some(2), "the time without a connection does not count");
    page.tick(6500.0);
    assert_eq!(page.run().map(|run| run.sent), Some(3));
}

#[test]
fn a_run_without_a_rate_fills_the_window_and_waits_for_room() {
    let mut page = connected();
    let plan = RunPlan { count: Some(20_000), per_second: None, ..RunPlan::seed() };
    page.start_run("foobar", &plan, RunTitle::Seed, RunStart::default());
    let mut now = 0.0;
    while let Some(at) = page.next_tick_ms(now) {
        now = at + 1.0;
        page.tick(now);
    }
    let window = 10_000 - 10_000 / 8;
    assert_eq!(page.sends().waiting(), window);
    assert!(page.send("foobar", &draft("the user's own"), now), "there is room for the user");
    let ack = |first: u64, last: u64| {
        format!(
            r#"{{"type":"produced","acks":[{{"first":{first},"last":{last},"topic":"foobar","partition":0,"offset":"{first}","timestamp":1,"took_us":1400}}],"errors":[]}}"#
        )
    };
    page.receive(&ack(0, 4999), now);
    page.tick(now);
    assert!(page.sends().waiting() > window - 5000 && page.run().is_some_and(|run| run.acked == 5000));
}

#[test]
fn a_read_only_bridge_is_sent_nothing() {
    let mut page = Page::default();
    page.socket_opened("test");
    page.receive(&welcome("a", false).replace("\"read_only\":false", "\"read_only\":true"), 0.0);
    page.take_outbox();
    assert_eq!(page.send_obstacle(), Some(SendObstacle::ReadOnly));
    assert!(!page.send("foobar", &draft("x"), 0.0));
    assert!(!page.start_run("foobar", &RunPlan::seed(), RunTitle::Seed, RunStart::default()));
    assert!(page.take_outbox().is_empty());
}

#[test]
fn unknown_messages_are_ignored_and_unreadable_ones_said() {
    let mut page = connected();
    page.receive(r#"{"type":"from_the_future","x":1}"#, 0.0);
    assert_eq!(page.notices().count(), 0);
    page.receive(r#"{"type":"subscribed"}"#, 0.0);
    page.receive("garbage", 0.0);
    assert_eq!(page.notices().count(), 2);
}

#[test]
fn a_gap_is_loaded_page_by_page_until_it_is_gone_or_the_user_has_enough() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    let gap = r#"{"type":"gap","subscription":1,"topic":"foobar","partition":0,"from":"10","to":"14","reason":"slow"}"#;
    page.receive(gap, 2.0);
    page.receive_batch(records(1, 5, 14..15), 2.0);
    let fetched = |id: u64, offset: i64| {
        format!(
            r#"{{"type":"fetched","id":{id},"next":"{}","records":[{{"offset":"{offset}","timestamp":1,"key":null,"value":{{"text":"x"}},"headers":[]}}]}}"#,
            offset + 1
        )
    };
    let hole = page.feed().get(0).expect("the gap").clone();
    page.load_gap(&hole);
    page.load_gap(&hole);
    let asked = page.take_outbox();
    assert_eq!(asked.len(), 1, "a second click changes nothing: {asked:?}");
    assert!(asked[0].contains(r#""type":"fetch","id":1,"#), "{asked:?}");
    page.receive(&fetched(1, 10), 3.0);
    assert!(page.take_outbox()[0].contains(r#""from":"11","to":"14""#));
    assert_eq!(page.feed().counts().missing, 3);
    let rest = page.feed().get(1).expect("what is left").clone();
    assert!(page.is_filling(&rest));
    page.stop_loading_gap(&rest);
    page.receive(&fetched(2, 11), 3.0);
    assert!(page.take_outbox().is_empty(), "what was on its way is dropped");
    assert_eq!((page.feed().counts().missing, page.feed().len()), (3, 3));
}

#[test]
fn listening_from_an_offset_asks_for_the_partitions_first() {
    let mut page = connected();
    let start = Start::Offset { partition: None, offset: 7 };
    page.listen(Intent { topics: vec!["foobar".into()], mode: ReadMode::Watch, start, ..Intent::default() });
    assert!(page.take_outbox()[0].contains(r#""type":"topic","id":0,"name":"foobar""#));
    let topic = r#"{"type":"topic_result","id":0,"name":"foobar","partitions":[{"partition":0,"leader":1,"replicas":[],"in_sync":[],"low":"0","high":"9"}]}"#;
    page.receive(topic, 1.0);
    let subscribe = page.take_outbox();
    assert!(subscribe[0].contains(r#""resume":[{"topic":"foobar","partition":0,"offset":"7"}]"#), "{subscribe:?}");
}

#[test]
fn an_offset_of_a_partition_that_is_not_there_is_refused_once() {
    let mut page = connected();
    let start = Start::Offset { partition: Some(5), offset: 0 };
    let intent = Intent { topics: vec!["foobar".into()], mode: ReadMode::Watch, start, ..Intent::default() };
    page.listen(intent.clone());
    page.take_outbox();
    let topic = r#"{"type":"topic_result","id":0,"name":"foobar","partitions":[{"partition":0,"leader":1,"replicas":[],"in_sync":[],"low":"0","high":"9"}]}"#;
    page.receive(topic, 1.0);
    assert!(page.take_outbox().is_empty(), "nothing is asked again");
    assert_eq!((page.listening().phase(), page.listening().problem().is_some()), (Phase::Idle, true));

    page.listen(intent.clone());
    page.stop_listening();
    page.listen(Intent { start: Start::Latest, ..intent });
    page.take_outbox();
    page.receive(&topic.replace("\"id\":0", "\"id\":1"), 2.0);
    assert!(page.take_outbox().is_empty(), "an answer to what was stopped subscribes to nothing");
    assert_eq!(page.listening().phase(), Phase::Starting);
}

#[test]
fn a_components_question_gets_its_answer_and_no_one_elses() {
    let mut page = connected();
    let asker = page.ask(TopicRequest { name: "foobar".into() }.into());
    assert!(page.take_outbox()[0].contains(r#""type":"topic","id":0,"name":"foobar""#));
    page.receive(r#"{"type":"topic_result","id":9,"name":"foobar","partitions":[]}"#, 1.0);
    assert!(page.take_deliveries().is_empty());
    page.receive(r#"{"type":"topic_result","id":0,"name":"foobar","partitions":[]}"#, 1.0);
    let delivered = page.take_deliveries();
    assert!(matches!(&delivered[..], [Delivery::Answer(to, Ok(_))] if *to == asker), "{delivered:?}");
}

#[test]
fn a_live_view_is_asked_for_again_after_a_reconnect_and_ended_when_it_is_left() {
    let mut page = Page::default();
    let asker = page.look(WatchTopics {}.into());
    assert!(page.take_outbox().is_empty(), "it waits for the connection");
    let hello = connect(&mut page, "a", false);
    assert!(hello[1].contains(r#""type":"watch_topics","id":0"#), "{hello:?}");
    page.receive(r#"{"type":"watching","id":0,"watch":4}"#, 1.0);
    page.receive(r#"{"type":"topics_changed","watch":4,"at":1,"topics":[]}"#, 1.0);
    lose(&mut page);
    let again = connect(&mut page, "a", true);
    assert!(again.iter().any(|sent| sent.contains(r#""type":"watch_topics","id":1"#)), "{again:?}");
    page.receive(r#"{"type":"watching","id":1,"watch":1}"#, 2.0);
    page.leave(asker);
    assert!(page.take_outbox()[0].contains(r#""type":"unwatch","id":2,"watch":1"#));
    assert_eq!(page.take_deliveries().len(), 4, "begins, pushed, lost, begins");
    assert_eq!(page.notices().count(), 0);
}

#[test]
fn a_refused_question_is_for_who_asked_and_no_notice() {
    let mut page = connected();
    page.ask(TopicRequest { name: "foobar".into() }.into());
    page.receive(r#"{"type":"error","id":0,"code":604,"name":"internal_topic","message":"…","retriable":false}"#, 1.0);
    assert_eq!((page.notices().count(), page.take_deliveries().len()), (0, 1));
}

#[test]
fn listening_to_something_else_begins_when_the_first_has_ended() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    let other = Intent { topics: vec!["orders".into()], mode: ReadMode::Watch, ..Intent::default() };
    page.listen_instead(other.clone());
    let out = page.take_outbox();
    assert!(out.iter().any(|sent| sent.contains(r#""type":"unsubscribe""#)), "{out:?}");
    assert!(!out.iter().any(|sent| sent.contains("orders")), "{out:?}");
    page.receive(r#"{"type":"unsubscribed","id":1,"subscription":1}"#, 3.0);
    assert!(page.take_outbox()[0].contains(r#""topics":["orders"]"#));
    page.receive(r#"{"type":"subscribed","id":2,"subscription":2}"#, 4.0);
    page.listen_instead(other);
    assert!(page.take_outbox().is_empty(), "it listens to that already");
}

#[test]
fn what_cannot_be_changed_is_known_with_its_reason() {
    let mut page = Page::default();
    assert_eq!(page.change_obstacle(), Some(ChangeObstacle::NotConnected));
    connect(&mut page, "a", false);
    assert_eq!((page.create_obstacle(), page.change_obstacle()), (None, Some(ChangeObstacle::DemoBroker)));
    page.receive(&welcome("a", false).replace("\"read_only\":false", "\"read_only\":true"), 0.0);
    assert_eq!(page.create_obstacle(), Some(ChangeObstacle::ReadOnly));
}

#[test]
fn a_record_that_comes_back_before_its_acknowledgement_is_ours_too() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    page.send("foobar", &draft("x"), 100.0);
    page.receive_batch(records(1, 1, 7..8), 103.0);
    page.receive(
        r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
        104.0,
    );
    let own = page.feed().get(0).and_then(|entry| page.feed().own_after_ms(&entry.record()?));
    assert_eq!(own, Some(3.0));
    assert_eq!(page.pace().round_trips_ms().collect::<Vec<_>>(), [3.0]);
}

#[test]
fn browsing_from_a_groups_positions_asks_for_them_first_and_joins_nothing() {
    let mut page = connected();
    let intent = Intent {
        topics: vec!["payments".into()],
        mode: ReadMode::Watch,
        group: "ledger".into(),
        start: Start::Committed,
        ..Intent::default()
    };
    page.listen(intent.clone());
    assert!(page.take_outbox()[0].contains(r#""type":"group","id":0,"group":"ledger""#));
    page.receive(
        r#"{"type":"group_result","id":0,"group":"ledger","state":"Stable","members":[],"positions":[
           {"topic":"payments","partition":2,"offset":"12","end":"48","lag":36}]}"#,
        1.0,
    );
    let asked = page.take_outbox();
    assert!(
        asked[0].contains(r#""tail":{"start":{"resume":[{"topic":"payments","partition":2,"offset":"12"}]}}"#),
        "{asked:?}"
    );
    assert!(!asked[0].contains("ledger"), "{asked:?}");

    let mut page = connected();
    page.listen(intent);
    page.take_outbox();
    page.receive(r#"{"type":"error","id":0,"code":605,"name":"group_missing","message":"…","retriable":false}"#, 1.0);
    let asked = page.take_outbox();
    assert!(asked[0].contains(r#""tail":{"start":"earliest"}"#), "{asked:?}");
}

#[test]
fn a_position_out_of_range_is_committed_only_after_the_user_agrees() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    page.receive(
        r#"{"type":"gap","subscription":1,"topic":"foobar","partition":0,"from":"1005","to":"0","reason":"out_of_range"}"#,
        1.0,
    );
    assert_eq!(
        page.listening().held_commits().of("foobar", 0).map(|held| (held.committed, held.begun)),
        Some((1005, 0))
    );
    assert!(!page.take_outbox().iter().any(|sent| sent.contains("resume_commits")));
    page.resume_commits(TopicPartition { topic: "foobar".into(), partition: 0 });
    let sent = page.take_outbox();
    let expected = r#""subscription":1,"partitions":[{"topic":"foobar","partition":0}]"#;
    assert!(sent[0].contains(r#""type":"resume_commits""#) && sent[0].contains(expected), "{sent:?}");
    page.receive(
        r#"{"type":"resume_commits_result","id":1,"subscription":1,"partitions":[{"topic":"foobar","partition":0}]}"#,
        2.0,
    );
    assert_eq!(page.listening().held_commits().len(), 0);
}

#[test]
fn what_waits_is_told_until_its_outcome_comes() {
    let mut page = connected();
    listen(&mut page);
    page.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    page.send("foobar", &draft("x"), 100.0);
    page.receive(
        r#"{"type":"produce_waiting","topic":"foobar","partition":0,"reason":"too_few_in_sync_replicas","message":"1 of 2"}"#,
        101.0,
    );
    page.receive(
        r#"{"type":"records_waiting","subscription":1,"partitions":[{"topic":"foobar","partition":0,"offset":"7","end":"13"}]}"#,
        101.0,
    );
    assert_eq!((page.waits().sent().len(), page.waits().unread().len()), (1, 1));
    page.receive(
        r#"{"type":"produced","acks":[{"first":0,"last":0,"topic":"foobar","partition":0,"offset":"7","timestamp":1,"took_us":1400}],"errors":[]}"#,
        102.0,
    );
    page.receive(r#"{"type":"records_waiting","subscription":1,"partitions":[]}"#, 103.0);
    assert_eq!((page.waits().sent().len(), page.waits().unread().len()), (0, 0));
}
