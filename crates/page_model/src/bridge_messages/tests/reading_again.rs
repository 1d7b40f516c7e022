//! Records that arrived without their schema are fetched again when the schema registry answers again.

use protocol::{Decode, DecodeNote, RecordFormat};

use super::*;
use crate::entry::EXPIRED;
use crate::entry::tests::noted_frame;
use crate::{AUTO, Entry, Filter};

const UP: &str = r#"{"type":"registry","state":"up"}"#;
const DOWN: &str = r#"{"type":"registry","state":"down","reason":"registry:8081 refuses connections"}"#;

fn unavailable() -> DecodeNote {
    DecodeNote::failed("schema_unavailable", "registry:8081 refuses connections".to_owned())
}

/// Listens to `t` and has these offsets, which wait for a schema.
fn waiting(offsets: impl IntoIterator<Item = i64>) -> AppState {
    let mut state = connected();
    let intent = Intent { topics: vec!["t".into()], mode: ReadMode::Watch, decode: AUTO, ..Intent::default() };
    state.listen(intent);
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
    state.receive(DOWN, 1.0);
    for offset in offsets {
        state.receive_batch(noted_frame(offset, "raw", &[unavailable()], 1), 2.0);
    }
    state.take_outbox();
    state
}

fn fetched(id: u64, next: i64, offsets: impl IntoIterator<Item = i64>) -> String {
    let record = |offset: i64| {
        format!(
            r#"{{"offset":"{offset}","timestamp":{},"key":{{"text":"k"}},"value":{{"decoded":{{"id":{offset}}},"format":"avro"}},"headers":[]}}"#,
            1_763_800_000_000 + offset
        )
    };
    let records: Vec<_> = offsets.into_iter().map(record).collect();
    format!(r#"{{"type":"fetched","id":{id},"next":"{next}","records":[{}]}}"#, records.join(","))
}

fn values(state: &AppState) -> Vec<String> {
    let value = |entry: &Entry| entry.record().and_then(|record| record.value).map(<[u8]>::to_vec).unwrap_or_default();
    state.feed().entries().map(|entry| String::from_utf8(value(entry)).expect("text")).collect()
}

fn error_codes(state: &AppState) -> Vec<String> {
    let code = |entry: &Entry| entry.record()?.value_note?.decode_error.clone().map(|error| error.code);
    state.feed().entries().filter_map(code).collect()
}

#[test]
fn records_without_a_schema_are_replaced_in_place_once_the_registry_answers() {
    let mut state = waiting([3, 4, 9, 2000]);
    assert_eq!(state.registry_down(), Some("registry:8081 refuses connections"));
    let before = state.feed().counts();
    state.receive(UP, 3.0);
    assert_eq!(state.registry_down(), None);
    let requests = sent_text(&mut state);
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].contains(r#""from":"2000","to":"2001""#), "the newest first: {requests:?}");
    assert!(requests[1].contains(r#""from":"3","to":"10""#) && requests[1].contains(r#""value":"auto""#));
    state.receive(&fetched(2, 5, [3, 4]), 4.0);
    assert!(sent_text(&mut state)[0].contains(r#""from":"5","to":"10""#), "the rest of the range");
    assert_eq!(values(&state), [r#"{"id":3}"#, r#"{"id":4}"#, "raw", "raw"]);
    state.receive(&fetched(3, 10, [5, 6, 9]), 4.0);
    state.receive(&fetched(1, 2001, [2000]), 4.0);
    assert_eq!(values(&state), [r#"{"id":3}"#, r#"{"id":4}"#, r#"{"id":9}"#, r#"{"id":2000}"#]);
    assert_eq!(state.feed().counts(), before);
    assert!(sent_text(&mut state).is_empty());
}

#[test]
fn expired_record_stays_raw_and_says_so() {
    let mut state = waiting([3, 4]);
    state.receive(UP, 3.0);
    let opened = state.feed().get(0).expect("a record").clone();
    let revision = state.reread_revision();
    sent_text(&mut state);
    state.receive(&fetched(1, 5, [4]), 4.0);
    assert_eq!(values(&state), ["raw", r#"{"id":4}"#]);
    assert_eq!(error_codes(&state), [EXPIRED]);
    assert_ne!(state.reread_revision(), revision);
    let replacement = state.feed().replacement_of(&opened).expect("the opened record was replaced");
    assert!(state.feed().get(0).is_some_and(|entry| entry.is(&replacement)));
    state.receive(UP, 5.0);
    assert!(sent_text(&mut state).is_empty(), "an expired record is not fetched again");
}

#[test]
fn record_of_a_recreated_topic_does_not_replace_another_one() {
    let mut state = waiting([3]);
    state.receive(UP, 3.0);
    let other = fetched(1, 4, [3]).replace("1763800000003", "1763800000999");
    state.receive(&other, 4.0);
    assert_eq!((values(&state), error_codes(&state)), (vec!["raw".to_owned()], vec![EXPIRED.to_owned()]));
}

#[test]
fn filter_finds_the_decoded_value_of_a_replaced_record() {
    let mut state = waiting([3, 4]);
    state.set_filter(Filter::text("\"id\":4"));
    while !state.scan(1 << 20) {}
    assert_eq!((state.feed().counts().matching, state.feed().len()), (0, 0));
    state.receive(UP, 3.0);
    state.receive(&fetched(1, 5, [3, 4]), 4.0);
    let counts = state.feed().counts();
    assert_eq!((counts.matching, counts.kept, counts.received, counts.scanned), (1, 2, 2, 2));
    let record = state.feed().get(0).and_then(Entry::record).expect("the record that matches");
    assert_eq!(record.offset, 4);
    state.set_filter(Filter::text("raw"));
    while !state.scan(1 << 20) {}
    assert_eq!(state.feed().len(), 0);
}

#[test]
fn at_most_two_ranges_are_in_flight_and_stopping_cancels_the_others() {
    let mut state = waiting((0..10).map(|n| n * 2000));
    state.receive(UP, 3.0);
    assert_eq!(sent_text(&mut state).len(), 2);
    state.receive(&fetched(1, 18_001, [18_000]), 4.0);
    assert_eq!(sent_text(&mut state).len(), 1);
    state.stop_listening();
    sent_text(&mut state);
    state.receive(&fetched(2, 16_001, [16_000]), 5.0);
    state.receive(r#"{"type":"error","id":3,"code":901,"name":"internal","message":"…","retriable":false}"#, 5.0);
    assert!(sent_text(&mut state).is_empty());
    assert_eq!(values(&state).iter().filter(|value| *value != "raw").count(), 1, "a late reply changes nothing");
    assert_eq!(state.notices().count(), 0);
}

#[test]
fn records_that_the_user_looks_at_are_fetched_first() {
    let mut state = waiting((0..10).map(|n| n * 2000));
    state.receive(UP, 3.0);
    let opened = state.feed().get(1).expect("a record").clone();
    state.read_again_first(&[opened]);
    sent_text(&mut state);
    state.receive(&fetched(1, 18_001, [18_000]), 4.0);
    assert!(sent_text(&mut state)[0].contains(r#""from":"2000","to":"2001""#));
}

#[test]
fn number_of_searches_of_the_list_grows_with_the_logarithm_of_the_number_of_ranges() {
    let count = 2000;
    let mut state = waiting((0..count).map(|n| n * 100));
    state.receive(UP, 3.0);
    // Rows that the user looks at are fetched twice, inside of a range and outside of one.
    let visible: Vec<Entry> = [5, 6, 7].iter().filter_map(|&row| state.feed().get(row).cloned()).collect();
    state.read_again_first(&visible);
    let mut requests = sent_text(&mut state);
    let mut answered = 0;
    while !requests.is_empty() {
        for request in std::mem::take(&mut requests) {
            let number = |name: &str| -> i64 {
                let rest = request.split(&format!("\"{name}\":")).nth(1).expect("the field").trim_start_matches('"');
                rest.split(|c: char| !c.is_ascii_digit())
                    .next()
                    .and_then(|digits| digits.parse().ok())
                    .expect("a number")
            };
            let (id, from) = (number("id"), number("from"));
            state.receive(&fetched(id as u64, from + 1, [from]), 4.0);
            answered += 1;
            requests.extend(sent_text(&mut state));
        }
    }
    assert_eq!(answered, count + 3);
    assert!(values(&state).iter().all(|value| value.starts_with("{\"id\"")), "every record is replaced");
    assert!(state.reread_revision() < 60, "{} searches", state.reread_revision());
}

#[test]
fn replies_that_are_not_in_the_list_yet_are_applied_when_the_user_stops_listening() {
    let mut state = waiting((0..20).map(|n| n * 2000));
    state.receive(UP, 3.0);
    for id in 1..=12 {
        let offset = (20 - id as i64) * 2000;
        state.receive(&fetched(id, offset + 1, [offset]), 4.0);
    }
    state.stop_listening();
    assert_eq!(values(&state).iter().filter(|value| *value != "raw").count(), 12);
}

#[test]
fn record_that_was_under_way_when_the_registry_answered_is_fetched_again_once() {
    let mut state = waiting([]);
    state.receive(UP, 3.0);
    assert!(sent_text(&mut state).is_empty());
    state.receive_batch(noted_frame(3, "raw", &[unavailable()], 1), 4.0);
    assert!(sent_text(&mut state)[0].contains(r#""from":"3","to":"4""#));
    let still = fetched(1, 4, [3]).replace(
        r#"{"decoded":{"id":3},"format":"avro"}"#,
        r#"{"text":"raw","decode_error":{"code":"schema_unavailable","message":"m"}}"#,
    );
    state.receive(&still, 5.0);
    assert_eq!(error_codes(&state), ["schema_unavailable"]);
    state.receive_batch(noted_frame(4, "raw", &[unavailable()], 1), 60_000.0);
    assert!(sent_text(&mut state).is_empty(), "much later, the record has another reason");
}

#[test]
fn registry_is_forgotten_with_the_connection_and_the_cluster() {
    let mut state = waiting([3]);
    state.receive(UP, 3.0);
    lose(&mut state);
    connect(&mut state, "a", true);
    assert!(state.registry().is_none());
    state.receive(UP, 5.0);
    assert!(sent_text(&mut state).iter().any(|text| text.contains(r#""type":"fetch""#)));
    state.switch_cluster("dev".to_owned());
    assert!(state.registry().is_none());
}

#[test]
fn raw_records_need_no_registry() {
    let mut state = connected();
    state.listen(Intent { topics: vec!["t".into()], decode: Decode::default(), ..Intent::default() });
    state.receive(DOWN, 1.0);
    assert_eq!(state.registry_down(), None);
    state.read_as(Decode::with_formats(RecordFormat::Raw, RecordFormat::Avro));
    state.receive(r#"{"type":"subscribed","id":0,"subscription":1}"#, 1.0);
}
