//! What stands in the composer, and the record it makes. Owns the rules of each form; the fields on screen are components.

use protocol::{Header, ProduceRecord, TopicName, WireBytes};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// How the text of a field becomes bytes. Always the user's choice, never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Kafka's null: no key; as a value, a tombstone.
    #[default]
    Null,
    Text,
    /// As text, byte for byte, but only if it is valid JSON.
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partition {
    /// By the key's hash; any without a key.
    #[default]
    Auto,
    Fixed(i32),
}

/// One header; names may repeat, order is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderRow {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    pub topic: String,
    pub partition: Partition,
    pub key_form: Form,
    pub key: String,
    pub value_form: Form,
    pub value: String,
    pub headers: Vec<HeaderRow>,
}

/// Why a text is no JSON, and where (both from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    pub line: usize,
    pub column: usize,
}

/// Checks without building anything: numbers are not even parsed.
pub fn check_json(text: &str) -> Result<(), JsonFault> {
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| JsonFault { line: error.line().max(1), column: error.column().max(1) })
}

impl Draft {
    pub fn topic_is_valid(&self) -> bool {
        TopicName::parse(self.topic.trim()).is_ok()
    }

    pub fn value_fault(&self) -> Option<JsonFault> {
        fault(self.value_form, &self.value)
    }

    pub fn key_fault(&self) -> Option<JsonFault> {
        fault(self.key_form, &self.key)
    }

    pub fn is_sendable(&self) -> bool {
        self.topic_is_valid() && self.value_fault().is_none() && self.key_fault().is_none()
    }

    /// The record, or nothing while the draft has a fault.
    pub fn record(&self) -> Option<ProduceRecord> {
        self.is_sendable().then(|| ProduceRecord {
            topic: self.topic.trim().to_owned(),
            partition: match self.partition {
                Partition::Auto => None,
                Partition::Fixed(partition) => Some(partition),
            },
            key: bytes(self.key_form, &self.key),
            value: bytes(self.value_form, &self.value),
            headers: self.headers.iter().filter(|row| !row.name.is_empty()).map(header).collect(),
            timestamp: None,
        })
    }
}

fn fault(form: Form, text: &str) -> Option<JsonFault> {
    if form == Form::Json { check_json(text).err() } else { None }
}

fn header(row: &HeaderRow) -> Header {
    Header(row.name.clone(), WireBytes::text(row.value.clone()))
}

fn bytes(form: Form, text: &str) -> WireBytes {
    match form {
        Form::Null => WireBytes::Null,
        Form::Text => WireBytes::text(text),
        Form::Json => json_bytes(text),
    }
}

/// Raw JSON loses white space around it inside a frame; such a text travels as text, and not a byte changes.
fn json_bytes(text: &str) -> WireBytes {
    if text.trim().len() == text.len()
        && let Ok(raw) = RawValue::from_string(text.to_owned())
    {
        WireBytes::Json(raw)
    } else {
        WireBytes::text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(form: Form, value: &str) -> Option<Vec<u8>> {
        let draft = Draft { topic: "t".into(), value_form: form, value: value.into(), ..Draft::default() };
        draft.record().expect("sendable").value.as_kafka().map(<[u8]>::to_vec)
    }

    #[test]
    fn json_is_never_reformatted() {
        for text in ["{\"id\": 9007199254740993, \"b\":1.10,\"a\":[ ]}", " [1,\n 2]\n", "\"\\u00e8\"", "1e400"] {
            assert_eq!(stored(Form::Json, text).as_deref(), Some(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn null_is_not_empty() {
        assert_eq!(stored(Form::Null, "ignored"), None);
        assert_eq!(stored(Form::Text, ""), Some(Vec::new()));
    }

    #[test]
    fn a_json_fault_says_where_and_stops_the_record() {
        let draft =
            Draft { topic: "t".into(), value_form: Form::Json, value: "{\n  \"id\": 1,\n}".into(), ..Draft::default() };
        assert_eq!(draft.value_fault(), Some(JsonFault { line: 3, column: 1 }));
        assert!(draft.record().is_none());
        assert!(Draft { value_form: Form::Text, ..draft }.record().is_some(), "as text it is fine");
    }

    #[test]
    fn empty_json_is_a_fault() {
        assert_eq!(check_json(""), Err(JsonFault { line: 1, column: 1 }));
    }

    #[test]
    fn headers_keep_order_and_duplicates_and_lose_the_unfilled_row() {
        let row = |name: &str, value: &str| HeaderRow { name: name.into(), value: value.into() };
        let headers = vec![row("b", "1"), row("a", ""), row("b", "2"), row("", "")];
        let record = Draft { topic: "t".into(), headers, ..Draft::default() }.record().expect("sendable");
        let names: Vec<&str> = record.headers.iter().map(|header| header.0.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
    }

    #[test]
    fn a_topic_with_spaces_around_it_is_trimmed_and_an_impossible_one_refused() {
        let draft = |topic: &str| Draft { topic: topic.into(), ..Draft::default() };
        assert_eq!(draft(" foobar ").record().map(|record| record.topic).as_deref(), Some("foobar"));
        assert!(draft("").record().is_none());
        assert!(draft("a/b").record().is_none());
    }
}
