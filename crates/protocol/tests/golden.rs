//! The golden files pin every message of version 1: what is written here is what clients in the field rely on.
//!
//! `golden/client` and `golden/server` hold one frame a file, `<type>.json` or `<type>.<variant>.json`, in the exact
//! text that the bridge sends. `golden/session.txt` is the specification's session, line by line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::{ClientMessage, Frame, ServerMessage};
use serde_json::Value;

/// The two directions share nothing but the shape of their frames.
struct Direction {
    folder: &'static str,
    names: &'static [&'static str],
    /// Name and text of the message after parsing and writing it again.
    reserialise: fn(&str) -> Result<(&'static str, String), String>,
}

const CLIENT: Direction = Direction {
    folder: "client",
    names: ClientMessage::NAMES,
    reserialise: |text| {
        let frame: Frame<ClientMessage> = ClientMessage::parse(text).map_err(|error| error.to_string())?;
        Ok((frame.message.name(), frame.to_json()))
    },
};

const SERVER: Direction = Direction {
    folder: "server",
    names: ServerMessage::NAMES,
    reserialise: |text| {
        let frame: Frame<ServerMessage> = ServerMessage::parse(text).map_err(|error| error.to_string())?;
        Ok((frame.message.name(), frame.to_json()))
    },
};

#[test]
fn every_client_message_has_a_golden_file() {
    every_message_has_a_golden_file(&CLIENT);
}

#[test]
fn every_server_message_has_a_golden_file() {
    every_message_has_a_golden_file(&SERVER);
}

#[test]
fn client_messages_are_written_as_the_golden_files_have_them() {
    messages_are_written_as_the_golden_files_have_them(&CLIENT);
}

#[test]
fn server_messages_are_written_as_the_golden_files_have_them() {
    messages_are_written_as_the_golden_files_have_them(&SERVER);
}

/// The page of examples may leave out fields that were added since; what it shows must survive as it is.
#[test]
fn the_specifications_session_parses_line_by_line() {
    let session = read(&golden().join("session.txt"));
    for line in session.lines() {
        let (direction, text) = match line.split_at(2) {
            ("> ", text) => (&CLIENT, text),
            ("< ", text) => (&SERVER, text),
            _ => panic!("neither from client nor from bridge: {line}"),
        };
        let (_, written) = (direction.reserialise)(text).unwrap_or_else(|error| panic!("{error}\n{line}"));
        assert_contains(&json(&written), &json(text), line);
    }
}

#[test]
fn the_crates_documentation_shows_the_same_session() {
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
            (direction.reserialise)(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.display()));
        }
    }
}

fn every_message_has_a_golden_file(direction: &Direction) {
    let present: BTreeSet<String> = files(direction).into_iter().map(|(file, _)| message_name(&file)).collect();
    let expected: BTreeSet<String> = direction.names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(present, expected, "golden/{} on the left, the protocol's messages on the right", direction.folder);
}

fn messages_are_written_as_the_golden_files_have_them(direction: &Direction) {
    for (file, text) in files(direction) {
        let (name, written) =
            (direction.reserialise)(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.display()));
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

/// Each golden file with its one line.
fn files(direction: &Direction) -> Vec<(PathBuf, String)> {
    let folder = golden().join(direction.folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), read(&file).trim_end().to_owned())).collect()
}

/// `produce.every_form.json` is a `produce`.
fn message_name(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).expect("golden files have plain names");
    name.split('.').next().expect("split yields at least one part").to_owned()
}

/// Everything in `part` stands in `whole` too, with the same value.
fn assert_contains(whole: &Value, part: &Value, context: &str) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (field, value) in part {
                let found = whole.get(field).unwrap_or_else(|| panic!("{field:?} is lost: {context}"));
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
