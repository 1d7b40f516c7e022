//! How the page asks for typed records.

use protocol::{Decode, GapReason, RecordFormat};

use super::*;
use crate::AUTO;
use crate::entry::tests::noted_frame;
use crate::entry::{Entry, Gap};

const AVRO: Decode = Decode::with_formats(RecordFormat::Raw, RecordFormat::Avro);

fn listening(mode: ReadMode, start: Start) -> AppState {
    let mut state = connected();
    let topics = vec!["foobar".into()];
    state.listen(Intent { topics, group: "g".into(), mode, start, decode: AUTO, ..Intent::default() });
    let subscribe = state.take_outbox();
    assert!(subscribe[0].contains(r#""decode":{"key":"auto","value":"auto"}"#), "{subscribe:?}");
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive(
        r#"{"type":"assigned","subscription":1,"partitions":[{"topic":"foobar","partition":0,"offset":"3"},{"topic":"foobar","partition":1,"offset":"40"}]}"#,
        1.0,
    );
    state.receive_batch(records(1, 4, 3..7), 2.0);
    state.take_outbox();
    state
}

/// Answers `unsubscribe`, and returns the `subscribe` that follows.
fn subscribe_again(state: &mut AppState) -> String {
    let unsubscribe = sent_text(state);
    assert!(unsubscribe.iter().any(|text| text.contains(r#""type":"unsubscribe""#)), "{unsubscribe:?}");
    state.receive(r#"{"type":"unsubscribed","id":1,"subscription":1}"#, 3.0);
    sent_text(state).into_iter().find(|text| text.contains(r#""type":"subscribe""#)).expect("a subscribe")
}

#[test]
fn other_formats_while_watching_read_the_kept_records_again() {
    let mut state = listening(ReadMode::Watch, Start::Latest);
    state.read_as(AVRO);
    let subscribe = subscribe_again(&mut state);
    assert!(subscribe.contains(r#""decode":{"key":"raw","value":"avro"}"#), "{subscribe}");
    // Nothing of partition 1 was received, so reading goes on where it was.
    let resume =
        r#""resume":[{"topic":"foobar","partition":0,"offset":"3"},{"topic":"foobar","partition":1,"offset":"40"}]"#;
    assert!(subscribe.contains(resume), "{subscribe}");
    assert_eq!((state.feed().counts().kept, state.listening().intent().decode), (0, AVRO));
    state.receive(r#"{"type":"subscribed","id":2,"subscription":2}"#, 4.0);
    state.receive_batch(records(2, 4, 3..7), 5.0);
    assert_eq!(state.feed().counts().kept, 4);
}

#[test]
fn other_formats_in_a_group_keep_the_list_and_read_on() {
    let mut state = listening(ReadMode::Group, Start::Earliest);
    state.read_as(AVRO);
    let subscribe = subscribe_again(&mut state);
    assert!(subscribe.contains(r#""group""#) && subscribe.contains(r#""value":"avro""#), "{subscribe}");
    assert_eq!(state.feed().counts().kept, 4);
}

#[test]
fn same_formats_or_formats_while_idle_send_nothing() {
    let mut state = listening(ReadMode::Watch, Start::Latest);
    state.read_as(AUTO);
    assert!(sent_text(&mut state).is_empty());
    let mut idle = connected();
    idle.read_as(AVRO);
    assert!(sent_text(&mut idle).is_empty());
    assert_eq!(idle.listening().phase(), Phase::Idle);
}

#[test]
fn latest_of_several_changes_of_formats_applies() {
    let mut state = listening(ReadMode::Watch, Start::Latest);
    state.read_as(AVRO);
    state.read_as(AUTO);
    let subscribe = subscribe_again(&mut state);
    assert!(subscribe.contains(r#""decode":{"key":"auto","value":"auto"}"#), "{subscribe}");
}

#[test]
fn other_formats_apply_to_the_list_that_is_about_to_begin() {
    let mut state = listening(ReadMode::Watch, Start::Latest);
    let orders = Intent { topics: vec!["orders".into()], mode: ReadMode::Watch, decode: AUTO, ..Intent::default() };
    state.listen_instead(orders);
    state.read_as(AVRO);
    let subscribe = subscribe_again(&mut state);
    assert!(subscribe.contains("orders") && subscribe.contains(r#""value":"avro""#), "{subscribe}");
}

#[test]
fn gap_is_loaded_in_the_formats_of_the_list() {
    let mut state = listening(ReadMode::Watch, Start::Latest);
    state.feed.push_gap(Gap { topic: "foobar".into(), partition: 0, from: 7, to: 9, reason: GapReason::Slow });
    let gap = state.feed().get(4).expect("the gap").clone();
    state.load_gap(&gap);
    let fetch = sent_text(&mut state).remove(0);
    assert!(fetch.contains(r#""type":"fetch""#) && fetch.contains(r#""value":"auto""#), "{fetch}");
    let fetched = r#"{"type":"fetched","id":1,"next":"9","records":[{"offset":"7","timestamp":null,"key":null,"headers":[],
        "value":{"decoded":{"id":7},"format":"messagepack"}}]}"#;
    state.receive(fetched, 3.0);
    let record = state.feed().get(4).and_then(Entry::record).expect("the loaded record");
    assert_eq!(record.value, Some(&br#"{"id":7}"#[..]));
    assert_eq!(record.value_note.and_then(|note| note.format), Some(RecordFormat::MessagePack));
}

#[test]
fn received_record_has_its_note() {
    let mut state = listening(ReadMode::Watch, Start::Latest);
    let note = protocol::DecodeNote::failed("schema_not_found", "the schema 42 does not exist".to_owned());
    state.receive_batch(noted_frame(9, "raw", &[note], 1), 3.0);
    let record = state.feed().get(4).and_then(Entry::record).expect("the record");
    let error = record.value_note.and_then(|note| note.decode_error.as_ref()).expect("an error");
    assert_eq!(error.code, "schema_not_found");
}
