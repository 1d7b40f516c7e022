//! The published documents: up to date, complete, and true for every golden file.

use std::collections::BTreeSet;
use std::fs;

use protocol::{ClientMessage, ServerMessage, limits};
use protocol_document::documents;
use protocol_document::golden::{Frames, Golden};
use serde_json::{Value, json};

fn markdown() -> String {
    documents().expect("the documents").into_iter().next().expect("the Markdown").1
}

/// The schema, restricted to the messages of one direction.
fn validator(direction: &str) -> jsonschema::Validator {
    let [_, (_, text)] = documents().expect("the documents");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    let object = schema.as_object_mut().expect("an object");
    object.remove("anyOf");
    object.insert("$ref".to_owned(), json!(format!("#/$defs/{direction}_message")));
    jsonschema::draft202012::new(&schema).expect("a valid schema")
}

fn errors(validator: &jsonschema::Validator, frame: &Value) -> Vec<String> {
    validator.iter_errors(frame).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn published_documents_are_up_to_date() {
    for (path, text) in documents().expect("the documents") {
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(published == text, "{} is out of date; run: cargo xtask protocol", path.display());
    }
}

#[test]
fn every_golden_file_matches_the_schema() {
    let golden = Golden::read().expect("the golden files");
    for (direction, messages) in [("client", &golden.client), ("server", &golden.server)] {
        let validator = validator(direction);
        for (name, frames) in messages {
            for (variant, text) in frames {
                let found = errors(&validator, &parse(text));
                assert!(found.is_empty(), "{direction}/{name}.{variant}: {found:?}\n{text}");
            }
        }
    }
}

#[test]
fn example_session_matches_the_schema() {
    let (client, server) = (validator("client"), validator("server"));
    for line in Golden::read().expect("the golden files").session.lines() {
        let (validator, text) = match line.split_at(2) {
            ("> ", text) => (&client, text),
            (_, text) => (&server, text),
        };
        let mut frame = parse(text);
        // The session shows the fields of the first version; those that were added later are in the golden files.
        if frame["type"] == "welcome" {
            frame["cluster"]["state"] = json!("up");
            frame["cluster"]["bootstrap_servers"] = json!("localhost:9092");
        }
        let found = errors(validator, &frame);
        assert!(found.is_empty(), "{found:?}\n{line}");
    }
}

/// A schema that accepts everything would accept the golden files, too.
#[test]
fn schema_refuses_wrong_messages() {
    let (client, server) = (validator("client"), validator("server"));
    for wrong in [
        json!({}),
        json!({ "type": "nothing" }),
        json!({ "type": "hello", "client": "example/1.0" }),
        json!({ "type": "pong", "id": -1 }),
        json!({ "type": "pong", "id": "1" }),
        json!({ "type": "produce", "seq": "0", "records": [] }),
        json!({ "type": "produce", "seq": 0, "records": [{ "topic": "t", "value": { "hex": "00" } }] }),
        json!({ "type": "produce", "seq": 0, "records": [{ "topic": "t", "value": { "text": "a", "json": 1 } }] }),
        json!({ "type": "fetch", "topic": "t", "partition": 0, "from": "-1", "to": "1" }),
        json!({ "type": "subscribe", "topics": ["t"], "mode": { "tail": { "start": "later" } }, "window": { "records": 1, "bytes": 1 } }),
        json!({ "type": "subscribe", "topics": ["t"], "mode": "tail", "window": { "records": 1, "bytes": 1 } }),
    ] {
        assert!(!client.is_valid(&wrong), "{wrong}");
    }
    for wrong in [
        json!({ "type": "records", "subscription": 1, "seq": 1, "topic": "t", "partition": 0, "records": [{}] }),
        json!({ "type": "gap", "subscription": 1, "topic": "t", "partition": 0, "from": "1", "to": "2", "reason": "bored" }),
        json!({ "type": "topics_result", "id": 1, "more": "yes", "topics": [] }),
        json!({ "type": "hello", "protocol": "ponte.v1", "client": "example/1.0" }),
    ] {
        assert!(!server.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn document_has_a_section_for_every_message() {
    let text = markdown();
    for name in [ClientMessage::NAMES, ServerMessage::NAMES].concat() {
        assert!(text.contains(&format!("\n### Message `{name}`\n")), "{name}");
    }
}

#[test]
fn every_link_leads_to_a_heading() {
    let text = markdown();
    let mut is_code = false;
    let (mut headings, mut links) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        assert!(!line.contains("[`") || line.contains("`]("), "a link of rustdoc is left over: {line}");
        if let Some(heading) = line.strip_prefix('#') {
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            let anchor: String = heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect();
            assert!(headings.insert(anchor.replace(' ', "-")), "two headings have the same address: {heading}");
        }
        links.extend(line.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned));
    }
    assert!(!links.is_empty());
    let lost: Vec<_> = links.difference(&headings).collect();
    assert!(lost.is_empty(), "links without a heading: {lost:?}");
}

#[test]
fn golden_welcome_has_the_limits_of_the_protocol() {
    let golden = Golden::read().expect("the golden files");
    let frames: &Frames = &golden.server["welcome"];
    for welcome in frames.values().map(|text| parse(text)) {
        assert_eq!(welcome["limits"]["produce_window"], limits::PRODUCE_WINDOW);
        assert_eq!(welcome["limits"]["subscriptions"], limits::SUBSCRIPTIONS);
        assert_eq!(welcome["heartbeat_ms"], limits::HEARTBEAT_SECS * 1000);
    }
}
