//! The contents of the composer, and the record made of them. Stored between visits; components draw the fields.

use protocol::{Header, ProduceRecord, RecordPart, TopicName, WireBytes};
use serde::{Deserialize, Serialize};

use super::draft_masks::DraftMasks;
use super::encodings::RecordEncoding;
use super::field::{Field, FieldError, Form, check_json};
use super::json_edit::json_string;
use formats::{Moment, Template, parse_time};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Partition {
    /// Chosen by the key's hash, or any partition without a key.
    #[default]
    Auto,
    Fixed(i32),
}

/// One header; names may repeat, order is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeaderRow {
    pub name: String,
    pub value: Field,
}

/// Each field has a default, since an older version of the page stored fewer fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub partition: Partition,
    /// As typed. Empty means the time of sending.
    pub timestamp: String,
    pub key: Field,
    pub value: Field,
    pub headers: Vec<HeaderRow>,
    /// What the bridge has hidden in the record that the draft was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<DraftMasks>,
}

/// Whether the fields describe one record, or the pattern of many records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftKind {
    Record,
    Pattern,
}

/// A part of the form, to name the one with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftPart {
    Timestamp,
    Key,
    Value,
    /// By its index, from 0.
    Header(usize),
}

pub fn topic_is_valid(topic: &str) -> bool {
    TopicName::parse(topic.trim()).is_ok()
}

impl Draft {
    /// The default draft.
    pub fn first() -> Self {
        Self { value: Field::json(r#"{"id": 10, "text": "messaggio 10"}"#), ..Self::default() }
    }

    /// `None` for malformed JSON.
    pub fn from_json(text: &str) -> Option<Self> {
        protocol::from_json(text).ok()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Why this part of the form is invalid.
    pub fn error(&self, part: DraftPart, kind: DraftKind) -> Option<FieldError> {
        let field = match part {
            DraftPart::Timestamp => return None,
            DraftPart::Key => &self.key,
            DraftPart::Value => &self.value,
            DraftPart::Header(at) => &self.headers.get(at).filter(|row| !row.name.is_empty())?.value,
        };
        match kind {
            DraftKind::Record => field.error(),
            DraftKind::Pattern => pattern_error(field),
        }
    }

    pub fn timestamp_is_valid(&self) -> bool {
        self.timestamp.trim().is_empty() || parse_time(&self.timestamp).is_some()
    }

    /// Whether the draft has no error.
    pub fn is_valid(&self, kind: DraftKind) -> bool {
        let headers = (0..self.headers.len()).map(DraftPart::Header);
        self.timestamp_is_valid()
            && [DraftPart::Key, DraftPart::Value]
                .into_iter()
                .chain(headers)
                .all(|part| self.error(part, kind).is_none())
    }

    pub fn field(&self, part: RecordPart) -> &Field {
        match part {
            RecordPart::Key => &self.key,
            RecordPart::Value => &self.value,
        }
    }

    /// The encoding of the parts that are text or JSON. Base64 and files are bytes, which are sent as they are.
    pub fn encoded_parts(&self, encoding: &RecordEncoding) -> RecordEncoding {
        let of = |part| {
            let is_encoded = !matches!(self.field(part).form, Form::Base64 | Form::File);
            encoding.part(part).filter(|_| is_encoded).cloned()
        };
        RecordEncoding { key: of(RecordPart::Key), value: of(RecordPart::Value) }
    }

    /// The JSON of a part, or of the first record of a pattern, to check whether it can be encoded. `None` if the part is null or bytes, or while
    /// it is invalid.
    pub fn sample(&self, part: RecordPart, kind: DraftKind, now_ms: i64) -> Option<String> {
        let field = self.field(part);
        let text = match kind {
            DraftKind::Record => field.text.clone(),
            DraftKind::Pattern => {
                let mut first = Vec::new();
                let template = field.template().ok()?;
                template.fill(Moment { i: 0, now_ms }, &mut fastrand::Rng::with_seed(0), &mut first);
                String::from_utf8(first).ok()?
            }
        };
        match field.form {
            Form::Json => check_json(&text).is_ok().then_some(text),
            Form::Text => Some(json_string(&text)),
            Form::Null | Form::Base64 | Form::File => None,
        }
    }

    /// The record whose keys and values are JSON for this encoding: a text is a string.
    pub fn record_to_encode(&self, topic: &str, encoding: &RecordEncoding) -> Option<ProduceRecord> {
        let mut record = self.record(topic)?;
        let quote = |part, bytes: &mut WireBytes| {
            let field = self.field(part);
            if encoding.part(part).is_some() && field.form == Form::Text {
                *bytes = WireBytes::text(json_string(&field.text));
            }
        };
        quote(RecordPart::Key, &mut record.key);
        quote(RecordPart::Value, &mut record.value);
        Some(record)
    }

    /// Bytes of key, value and headers.
    pub fn size(&self) -> usize {
        let headers: usize = self.named_headers().map(|row| row.name.len() + row.value.size()).sum();
        self.key.size() + self.value.size() + headers
    }

    pub fn partition(&self) -> Option<i32> {
        match self.partition {
            Partition::Auto => None,
            Partition::Fixed(partition) => Some(partition),
        }
    }

    pub fn timestamp_ms(&self) -> Option<i64> {
        parse_time(&self.timestamp)
    }

    /// The headers without rows that have no name.
    pub fn named_headers(&self) -> impl Iterator<Item = &HeaderRow> {
        self.headers.iter().filter(|row| !row.name.is_empty())
    }

    /// The record, or `None` while the draft has an error.
    pub fn record(&self, topic: &str) -> Option<ProduceRecord> {
        if !topic_is_valid(topic) || !self.is_valid(DraftKind::Record) {
            return None;
        }
        let header = |row: &HeaderRow| Some(Header(row.name.clone(), row.value.bytes().ok()?));
        Some(ProduceRecord {
            topic: topic.trim().to_owned(),
            partition: self.partition(),
            key: self.key.bytes().ok()?,
            value: self.value.bytes().ok()?,
            headers: self.named_headers().map(header).collect::<Option<_>>()?,
            timestamp: self.timestamp_ms(),
        })
    }
}

fn pattern_error(field: &Field) -> Option<FieldError> {
    let template: Template = match field.template() {
        Ok(template) => template,
        Err(error) => return Some(error),
    };
    if field.form != Form::Json {
        return None;
    }
    // One record stands for all: placeholders produce numbers and plain words, which rarely change whether the text is
    // valid JSON.
    let mut first = Vec::new();
    template.fill(Moment { i: 0, now_ms: 0 }, &mut fastrand::Rng::with_seed(0), &mut first);
    check_json(&String::from_utf8_lossy(&first)).err().map(FieldError::FirstJson)
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::Spot;

    fn header(name: &str, value: &str) -> HeaderRow {
        HeaderRow { name: name.into(), value: Field::text(value) }
    }

    #[test]
    fn draft_with_invalid_json_makes_no_record() {
        let draft = Draft { value: Field::json("{\n  \"id\": 1,\n}"), ..Draft::default() };
        let error = draft.error(DraftPart::Value, DraftKind::Record);
        assert_eq!(error, Some(FieldError::Json(Spot { line: 3, column: 1 })));
        assert!(draft.record("t").is_none());
        assert!(Draft { value: Field::text("{"), ..draft }.record("t").is_some(), "as text it is fine");
    }

    #[test]
    fn text_to_encode_is_a_json_string_and_bytes_are_not_encoded() {
        use crate::PartEncoding;
        let of = || Some(PartEncoding::of(protocol::RecordFormat::Avro));
        let encoding = RecordEncoding { key: of(), value: of() };
        let draft = Draft { key: Field::text("42"), value: Field::json("{\"a\": 1}"), ..Draft::default() };
        let record = draft.record_to_encode("t", &encoding).expect("sendable");
        assert_eq!(record.key.as_kafka(), Some(&b"\"42\""[..]));
        assert_eq!(record.value.as_kafka(), Some(&b"{\"a\": 1}"[..]));
        let draft = Draft { value: Field { form: Form::Base64, text: "AP8=".into(), file: None }, ..draft };
        let parts = draft.encoded_parts(&encoding);
        assert!(parts.key.is_some() && parts.value.is_none());
    }

    #[test]
    fn sample_of_a_pattern_has_its_placeholders_filled() {
        let draft = Draft { value: Field::json("{\"id\": {{i 7}}}"), key: Field::text("k-{{i}}"), ..Draft::default() };
        let sample = |part, kind| draft.sample(part, kind, 0);
        assert_eq!(sample(RecordPart::Value, DraftKind::Pattern).as_deref(), Some("{\"id\": 7}"));
        assert_eq!(sample(RecordPart::Value, DraftKind::Record), None, "not JSON");
        assert_eq!(sample(RecordPart::Key, DraftKind::Pattern).as_deref(), Some("\"k-0\""));
    }

    #[test]
    fn headers_keep_order_and_duplicates_and_skip_rows_without_name() {
        let headers = vec![header("b", "1"), header("a", ""), header("b", "2"), header("", "")];
        let record = Draft { headers, ..Draft::default() }.record("t").expect("sendable");
        let names: Vec<&str> = record.headers.iter().map(|header| header.0.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
    }

    #[test]
    fn topic_name_is_trimmed_and_invalid_names_make_no_record() {
        let draft = Draft::default();
        assert_eq!(draft.record(" foobar ").map(|record| record.topic).as_deref(), Some("foobar"));
        assert!(draft.record("").is_none());
        assert!(draft.record("a/b").is_none());
    }

    #[test]
    fn empty_timestamp_is_left_to_kafka_and_invalid_ones_make_no_record() {
        let at = |timestamp: &str| Draft { timestamp: timestamp.into(), ..Draft::default() }.record("t");
        assert_eq!(at("").map(|record| record.timestamp), Some(None));
        assert_eq!(at("1763800000123").map(|record| record.timestamp), Some(Some(1_763_800_000_123)));
        assert!(at("tomorrow").is_none());
    }

    #[test]
    fn pattern_is_checked_with_filled_placeholders() {
        let pattern = |text: &str| Draft { value: Field::json(text), ..Draft::default() };
        let errors = |text: &str, kind| pattern(text).error(DraftPart::Value, kind);
        assert!(errors(r#"{"id": {{i}}}"#, DraftKind::Record).is_some());
        assert_eq!(errors(r#"{"id": {{i}}}"#, DraftKind::Pattern), None);
        assert_eq!(
            errors(r#"{"id": {{i}}"#, DraftKind::Pattern),
            Some(FieldError::FirstJson(Spot { line: 1, column: 8 }))
        );
    }

    #[test]
    fn draft_survives_serialization() {
        let draft = Draft {
            partition: Partition::Fixed(2),
            timestamp: "2025-11-22T08:26:40Z".into(),
            key: Field::text("k"),
            value: Field { form: Form::Base64, text: "AP8=".into(), file: None },
            headers: vec![header("a", "1"), HeaderRow { name: "a".into(), value: Field::default() }],
            masks: None,
        };
        let masks = DraftMasks::of(&draft, vec!["value".into()]);
        let draft = Draft { masks, ..draft };
        assert_eq!(Draft::from_json(&draft.to_json()), Some(draft));
        assert_eq!(Draft::from_json("{\"value\":5}"), None);
    }
}
