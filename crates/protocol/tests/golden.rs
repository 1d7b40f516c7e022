//! Golden files pin the text of every message of version 1, because existing clients rely on it.
//!
//! `golden/client` and `golden/server` have one frame in each file, `<type>.json` or `<type>.<variant>.json`, exactly
//! as the bridge sends it. `golden/session.txt` has the lines of the specification's example session.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::{ClientMessage, Frame, ServerMessage};
use serde_json::Value;

/// The messages of one direction.
struct Direction {
    folder: &'static str,
    names: &'static [&'static str],
    /// Parses a message and returns its name and its serialized text.
    reserialize: fn(&str) -> Result<(&'static str, String), String>,
}

const CLIENT: Direction = Direction {
    folder: "client",
    names: ClientMessage::NAMES,
    reserialize: |text| {
        let frame: Frame<ClientMessage> = ClientMessage::parse(text).map_err(|error| error.to_string())?;
        Ok((frame.message.name(), frame.to_json()))
    },
};

const SERVER: Direction = Direction {
    folder: "server",
    names: ServerMessage::NAMES,
    reserialize: |text| {
        let frame: Frame<ServerMessage> = ServerMessage::parse(text).map_err(|error| error.to_string())?;
        Ok((frame.message.name(), frame.to_json()))
    },
};

#[test]
fn every_client_message_has_a_golden_file() {
    check_every_message_has_a_golden_file(&CLIENT);
}

#[test]
fn every_server_message_has_a_golden_file() {
    check_every_message_has_a_golden_file(&SERVER);
}

#[test]
fn client_messages_match_their_golden_files() {
    check_golden_files(&CLIENT);
}

#[test]
fn server_messages_match_their_golden_files() {
    check_golden_files(&SERVER);
}

/// The example session may omit fields that were added later, but the fields that it shows must be preserved.
#[test]
fn example_session_parses_line_by_line() {
    let session = read(&golden().join("session.txt"));
    for line in session.lines() {
        let (direction, text) = match line.split_at(2) {
            ("> ", text) => (&CLIENT, text),
            ("< ", text) => (&SERVER, text),
            _ => panic!("the line must begin with > or <: {line}"),
        };
        let (_, written) = (direction.reserialize)(text).unwrap_or_else(|error| panic!("{error}\n{line}"));
        assert_contains(&json(&written), &json(text), line);
    }
}

#[test]
fn crate_documentation_has_the_example_session() {
    let documentation = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    for line in read(&golden().join("session.txt")).lines().filter(|line| !line.contains("\"welcome\"")) {
        assert!(documentation.contains(&format!("//! {line}\n")), "not in the crate's documentation:\n{line}");
    }
}

#[test]
fn unknown_fields_are_ignored() {
    for direction in [CLIENT, SERVER] {
        for (file, text) in files(&direction) {
            let text = format!(r#"{{"from_the_future":{{"type":"x","id":[1]}},{}"#, &text[1..]);
            (direction.reserialize)(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.display()));
        }
    }
}

fn check_every_message_has_a_golden_file(direction: &Direction) {
    let present: BTreeSet<String> = files(direction).into_iter().map(|(file, _)| message_name(&file)).collect();
    let expected: BTreeSet<String> = direction.names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(present, expected, "left: files in golden/{}, right: messages of the protocol", direction.folder);
}

fn check_golden_files(direction: &Direction) {
    for (file, text) in files(direction) {
        let (name, written) =
            (direction.reserialize)(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.display()));
        assert_eq!(name, message_name(&file), "{}", file.display());
        assert_eq!(written, text, "\n{}: written on the left, pinned on the right", file.display());
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Every golden file of the direction with its line.
fn files(direction: &Direction) -> Vec<(PathBuf, String)> {
    let folder = golden().join(direction.folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), read(&file).trim_end().to_owned())).collect()
}

/// The message name of a golden file: `produce.every_form.json` is a `produce`.
fn message_name(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).expect("golden files have plain names");
    name.split('.').next().expect("split yields at least one part").to_owned()
}

/// Checks that every field in `part` has the same value in `whole`.
fn assert_contains(whole: &Value, part: &Value, context: &str) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (field, value) in part {
                let found = whole.get(field).unwrap_or_else(|| panic!("{field:?} is missing: {context}"));
                assert_contains(found, value, context);
            }
        }
        (Value::Array(whole), Value::Array(part)) => {
            assert_eq!(whole.len(), part.len(), "{context}");
            for (whole, part) in whole.iter().zip(part) {
                assert_contains(whole, part, context);
            }
        }
        _ => assert_eq!(whole, part, "{context}"),
    }
}
