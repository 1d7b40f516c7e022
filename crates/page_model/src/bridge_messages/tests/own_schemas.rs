//! The page sends the user's own schemas before it reads records with them.

use protocol::{Decode, GapReason, LocalSchemaId, RecordFormat};

use super::*;
use crate::entry::Gap;

const ID: LocalSchemaId = LocalSchemaId(7);
const FIELDS: &str =
    r#"{"language":"protobuf","files":[{"name":"order.proto","content":{"text":"message Order {}"}}]}"#;

fn with_schema() -> Intent {
    let value_schema = Some(ID);
    let decode = Decode { value_schema, ..Decode::with_formats(RecordFormat::Raw, RecordFormat::Protobuf) };
    Intent { topics: vec!["foobar".into()], mode: ReadMode::Watch, decode, ..Intent::default() }
}

fn listening() -> (AppState, String) {
    let mut state = connected();
    state.keep_schema(ID, FIELDS);
    state.listen(with_schema());
    let sent = sent_text(&mut state);
    assert_eq!(sent.len(), 1, "{sent:?}");
    (state, sent.into_iter().next().unwrap_or_default())
}

fn added(id: u64, schema: LocalSchemaId) -> String {
    format!(r#"{{"type":"add_schema_result","id":{id},"schema":"{schema}","messages":["Order"]}}"#)
}

#[test]
fn schema_is_sent_before_subscribing_and_again_after_a_reconnect() {
    let (mut state, add) = listening();
    let frame = protocol::ClientMessage::parse(&add).expect("a message of the protocol");
    assert_eq!(frame.id, Some(0));
    let fields: protocol::AddSchema = serde_json::from_str(FIELDS).expect("the fields");
    assert_eq!(frame.message, fields.into());
    state.receive(&added(0, ID), 1.0);
    let sent = sent_text(&mut state);
    assert!(sent[0].contains(r#""type":"subscribe""#) && sent[0].contains(&format!(r#""value_schema":"{ID}""#)));
    state.receive(r#"{"type":"subscribed","id":1,"subscription":1}"#, 1.0);
    lose(&mut state);
    let sent: Vec<_> = connect(&mut state, "a", true);
    assert!(sent.iter().any(|message| message.contains("add_schema")), "{sent:?}");
    assert!(!sent.iter().any(|message| message.contains(r#""type":"subscribe""#)), "{sent:?}");
    // A bridge of another version names the same schema differently.
    state.receive(&added(2, LocalSchemaId(8)), 2.0);
    assert!(sent_text(&mut state)[0].contains(&format!(r#""value_schema":"{}""#, LocalSchemaId(8))));
}

#[test]
fn refused_schema_is_the_error_of_the_list() {
    let (mut state, _) = listening();
    let error = r#"{"type":"error","id":0,"code":210,"name":"schema_invalid","message":"line 1","retriable":false}"#;
    state.receive(error, 1.0);
    assert_eq!(state.listening().phase(), Phase::Idle);
    assert_eq!(state.listening().error().map(|error| error.message.as_str()), Some("line 1"));
    assert_eq!(state.notices().count(), 0);
}

#[test]
fn schema_that_the_bridge_has_just_confirmed_is_not_sent_again() {
    let mut state = connected();
    state.keep_schema(ID, FIELDS);
    state.schema_was_added(ID);
    state.listen(with_schema());
    let sent = sent_text(&mut state);
    assert!(sent.len() == 1 && sent[0].contains(r#""type":"subscribe""#), "{sent:?}");
}

#[test]
fn reply_after_the_user_has_stopped_starts_nothing() {
    let (mut state, _) = listening();
    state.stop_listening();
    state.receive(&added(0, ID), 1.0);
    assert!(sent_text(&mut state).is_empty());
    assert_eq!(state.listening().phase(), Phase::Idle);
}

#[test]
fn idle_list_loads_a_gap_with_its_own_schema_after_a_reconnect() {
    let (mut state, _) = listening();
    state.receive(&added(0, ID), 1.0);
    state.receive(r#"{"type":"subscribed","id":1,"subscription":1}"#, 1.0);
    state.feed.push_gap(Gap { topic: "foobar".into(), partition: 0, from: 5, to: 9, reason: GapReason::Slow });
    let gap = state.feed().get(0).expect("the gap").clone();
    state.stop_listening();
    lose(&mut state);
    let add = connect(&mut state, "a", true).into_iter().find(|message| message.contains("add_schema"));
    assert_eq!(state.listening().phase(), Phase::Idle);
    state.load_gap(&gap);
    state.load_gap(&gap);
    assert!(sent_text(&mut state).is_empty() && state.is_filling(&gap), "the schema is on its way");
    let Some(Outgoing::Text(add)) = add else { panic!("no schema was sent") };
    let id = protocol::ClientMessage::parse(&add).ok().and_then(|frame| frame.id).expect("an id");
    state.receive(&added(id, LocalSchemaId(8)), 2.0);
    let sent = sent_text(&mut state);
    assert!(sent.len() == 1 && sent[0].contains(r#""type":"fetch""#), "{sent:?}");
    assert!(sent[0].contains(&format!(r#""value_schema":"{}""#, LocalSchemaId(8))));
}

#[test]
fn own_schema_of_an_edited_record_is_sent_before_it_is_written_with() {
    let mut state = connected();
    assert_eq!(state.schema_to_write(ID), Some(ID), "not kept: the bridge reports that it is unknown");
    state.keep_schema(ID, FIELDS);
    for _ in 0..2 {
        state.need_schema(ID);
    }
    assert_eq!(state.schema_to_write(ID), None);
    let sent = sent_text(&mut state);
    assert!(sent.len() == 1 && sent[0].contains("add_schema"), "{sent:?}");
    state.receive(&added(0, LocalSchemaId(8)), 1.0);
    assert_eq!(state.schema_to_write(ID), Some(LocalSchemaId(8)));
    lose(&mut state);
    connect(&mut state, "a", true);
    state.need_schema(ID);
    let sent = sent_text(&mut state);
    let id = protocol::ClientMessage::parse(&sent[0]).ok().and_then(|frame| frame.id).expect("an id");
    let error = format!(
        r#"{{"type":"error","id":{id},"code":210,"name":"schema_invalid","message":"line 1","retriable":false}}"#
    );
    state.receive(&error, 1.0);
    assert_eq!(state.schema_to_write(ID), Some(ID));
}
