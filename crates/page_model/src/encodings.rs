//! How keys and values are written: the user's choice for each topic, as this browser keeps it.

use std::collections::BTreeMap;

use protocol::{DecodeNote, Encoding, LocalSchemaId, RecordFormat, RecordPart, SchemaReference};
use serde::{Deserialize, Serialize};

use super::field::check_json;
use super::json_edit::json_string;
use super::topic_formats::NUMBERS;

/// More topics than a user chooses encodings for; the earliest choices are forgotten.
const MAX_TOPICS: usize = 100;

/// Formats in which JSON can be written, in the order in which the page offers them: with a schema, without one, and numbers.
pub const ENCODINGS: [&[RecordFormat]; 3] = {
    use RecordFormat as F;
    [&[F::Avro, F::Protobuf, F::JsonSchema], &[F::MessagePack, F::Cbor, F::Xml], &NUMBERS]
};

/// Which subject has the schema; Confluent's strategies for the names of subjects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectStrategy {
    /// `<topic>-key` or `<topic>-value`, unless the bridge's configuration has another schema for the topic.
    #[default]
    TopicName,
    /// The name of the record's type.
    RecordName,
    /// The topic and the name of the record's type.
    TopicRecordName,
    /// The subject that the user enters.
    Subject,
}

impl SubjectStrategy {
    pub const ALL: [Self; 4] = [Self::TopicName, Self::RecordName, Self::TopicRecordName, Self::Subject];

    pub fn name(self) -> &'static str {
        match self {
            Self::TopicName => "topic",
            Self::RecordName => "record",
            Self::TopicRecordName => "topic-record",
            Self::Subject => "subject",
        }
    }

    pub fn of_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name).unwrap_or_default()
    }
}

/// How a key or a value is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartEncoding {
    /// The name of the format. A name that only a newer page knows is no encoding.
    format: String,
    pub strategy: SubjectStrategy,
    /// The name of the record's type or of the subject, as the strategy needs it.
    pub name: String,
    /// `None`: the latest.
    pub version: Option<u32>,
    /// The message type of a Protobuf schema; empty: the first one.
    pub message: String,
    /// The user's own schema, in place of a subject. The user cannot choose it here: an edited record has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<LocalSchemaId>,
}

impl Default for PartEncoding {
    fn default() -> Self {
        Self::of(RecordFormat::Avro)
    }
}

impl PartEncoding {
    pub fn of(format: RecordFormat) -> Self {
        Self {
            format: format.name().to_owned(),
            strategy: SubjectStrategy::TopicName,
            name: String::new(),
            version: None,
            message: String::new(),
            schema: None,
        }
    }

    /// The encoding of decoded bytes, so that an edited record is written with the same schema. `None` if they were not decoded, or if the page
    /// cannot write the format.
    pub fn of_note(note: &DecodeNote, topic: &str, part: RecordPart) -> Option<Self> {
        let format = note.format.filter(|_| note.is_decoded() && note.compression.is_none())?;
        let encoding = Self::of(format);
        encoding.format()?;
        let Some(schema) = note.schema.as_ref().filter(|_| encoding.has_schema()) else { return Some(encoding) };
        let message = schema.name.clone().filter(|_| format == RecordFormat::Protobuf).unwrap_or_default();
        let encoding = Self { message, ..encoding };
        let Some(subject) = &schema.subject else {
            // The id of the user's own schema, or the name of a file of the bridge's configuration: the bridge uses that file for the topic
            // again if the encoding names no subject and no version.
            return Some(Self { schema: schema.id.parse().ok(), ..encoding });
        };
        let encoding = Self { version: schema.version, ..encoding };
        Some(if *subject == format!("{topic}-{}", part.name()) {
            encoding
        } else {
            Self { strategy: SubjectStrategy::Subject, name: subject.clone(), ..encoding }
        })
    }

    /// `None` for a name that this page does not know.
    pub fn format(&self) -> Option<RecordFormat> {
        ENCODINGS.into_iter().flatten().copied().find(|format| format.name() == self.format)
    }

    pub fn has_schema(&self) -> bool {
        self.format().is_some_and(|format| ENCODINGS[0].contains(&format))
    }

    /// Whether the JSON of a value is a string, whatever the text is.
    fn is_string(&self) -> bool {
        matches!(self.format(), Some(RecordFormat::Xml | RecordFormat::Uuid))
    }

    /// The encoding as the bridge gets it; `None` while the user has not entered the name that the strategy needs.
    pub fn encoding(&self, topic: &str) -> Option<Encoding> {
        let format = self.format()?;
        let (name, message) = (self.name.trim(), self.message.trim());
        let own_schema = self.schema.filter(|_| self.has_schema());
        let needs_name = self.has_schema() && own_schema.is_none() && self.strategy != SubjectStrategy::TopicName;
        if needs_name && name.is_empty() {
            return None;
        }
        let subject = match self.strategy {
            _ if !needs_name => None,
            SubjectStrategy::TopicRecordName => Some(format!("{}-{name}", topic.trim())),
            _ => Some(name.to_owned()),
        };
        Some(Encoding {
            format,
            subject,
            version: self.version.filter(|_| self.has_schema() && own_schema.is_none()),
            message: Some(message.to_owned()).filter(|message| !message.is_empty() && format == RecordFormat::Protobuf),
            schema: own_schema,
        })
    }

    /// The JSON text of a field that a file has. A text that is not JSON is a string.
    pub fn json_of(&self, text: &str) -> String {
        let is_json = !self.is_string() && check_json(text).is_ok();
        let is_quoted = || text.trim_start().starts_with('"') && check_json(text).is_ok();
        if is_json || is_quoted() { text.to_owned() } else { json_string(text) }
    }
}

/// How the records of a topic are written; `None`: as text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordEncoding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PartEncoding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<PartEncoding>,
}

impl RecordEncoding {
    /// The encoding of a part; `None` also for a format that this page does not know.
    pub fn part(&self, part: RecordPart) -> Option<&PartEncoding> {
        let encoding = match part {
            RecordPart::Key => self.key.as_ref(),
            RecordPart::Value => self.value.as_ref(),
        };
        encoding.filter(|encoding| encoding.format().is_some())
    }

    pub fn part_mut(&mut self, part: RecordPart) -> &mut Option<PartEncoding> {
        match part {
            RecordPart::Key => &mut self.key,
            RecordPart::Value => &mut self.value,
        }
    }

    /// The encoding with the version that was the latest one, so that all records of a batch have the same schema.
    pub fn pinned(mut self, part: RecordPart, schema: Option<&SchemaReference>) -> Self {
        if let (Some(encoding), Some(version)) = (self.part_mut(part), schema.and_then(|schema| schema.version)) {
            encoding.version = Some(version);
        }
        self
    }

    /// Whether keys and values are written as text.
    pub fn is_text(&self) -> bool {
        self.part(RecordPart::Key).is_none() && self.part(RecordPart::Value).is_none()
    }
}

/// The choices for the topics of all clusters that this browser uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TopicEncodings {
    /// By the name of the cluster; an empty name where the bridge has one cluster. The latest choice is the first.
    by_cluster: BTreeMap<String, Vec<TopicEncoding>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TopicEncoding {
    topic: String,
    encoding: RecordEncoding,
}

impl TopicEncodings {
    pub fn of(&self, cluster: Option<&str>, topic: &str) -> RecordEncoding {
        let known = self.by_cluster.get(cluster.unwrap_or_default()).map(Vec::as_slice).unwrap_or_default();
        let stored = known.iter().find(|stored| stored.topic == topic.trim());
        stored.map(|stored| stored.encoding.clone()).unwrap_or_default()
    }

    /// Keeps the choice. Text needs no entry.
    pub fn choose(&mut self, cluster: Option<&str>, topic: &str, encoding: RecordEncoding) {
        let known = self.by_cluster.entry(cluster.unwrap_or_default().to_owned()).or_default();
        known.retain(|stored| stored.topic != topic.trim());
        if encoding != RecordEncoding::default() {
            known.insert(0, TopicEncoding { topic: topic.trim().to_owned(), encoding });
            known.truncate(MAX_TOPICS);
        }
        if known.is_empty() {
            self.by_cluster.remove(cluster.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn avro() -> RecordEncoding {
        RecordEncoding { key: None, value: Some(PartEncoding::of(RecordFormat::Avro)) }
    }

    #[test]
    fn chosen_encoding_is_kept_for_each_topic_and_cluster() {
        let mut encodings = TopicEncodings::default();
        encodings.choose(Some("prod"), " orders ", avro());
        assert_eq!(encodings.of(Some("prod"), "orders"), avro());
        assert!(encodings.of(None, "orders").is_text() && encodings.of(Some("prod"), "other").is_text());
        let json = serde_json::to_string(&encodings).expect("JSON");
        assert_eq!(protocol::from_json::<TopicEncodings>(&json).ok(), Some(encodings.clone()));
        encodings.choose(Some("prod"), "orders", RecordEncoding::default());
        assert_eq!(encodings, TopicEncodings::default());
    }

    #[test]
    fn kept_encodings_are_bounded_and_the_latest_stay() {
        let mut encodings = TopicEncodings::default();
        (0..=MAX_TOPICS).for_each(|n| encodings.choose(None, &n.to_string(), avro()));
        assert!(encodings.of(None, "0").is_text() && !encodings.of(None, "1").is_text());
    }

    #[test]
    fn unknown_format_of_a_newer_page_is_text() {
        let json = r#"{"":[{"topic":"orders","encoding":{"value":{"format":"thrift"},"key":{"format":"int64"}}}]}"#;
        let encodings: TopicEncodings = protocol::from_json(json).expect("choices");
        let encoding = encodings.of(None, "orders");
        assert_eq!(encoding.part(RecordPart::Value), None);
        assert_eq!(encoding.part(RecordPart::Key).and_then(PartEncoding::format), Some(RecordFormat::Int64));
    }

    #[test]
    fn subject_follows_the_strategy_and_waits_for_its_name() {
        let of =
            |strategy, name: &str| PartEncoding { strategy, name: name.into(), ..PartEncoding::of(RecordFormat::Avro) };
        let subject = |encoding: &PartEncoding| encoding.encoding("orders").map(|encoding| encoding.subject);
        assert_eq!(subject(&of(SubjectStrategy::TopicName, "ignored")), Some(None));
        assert_eq!(subject(&of(SubjectStrategy::RecordName, " shop.Order ")), Some(Some("shop.Order".into())));
        assert_eq!(
            subject(&of(SubjectStrategy::TopicRecordName, "shop.Order")),
            Some(Some("orders-shop.Order".into()))
        );
        assert_eq!(subject(&of(SubjectStrategy::Subject, " ")), None);
        let number = PartEncoding {
            version: Some(3),
            strategy: SubjectStrategy::Subject,
            ..PartEncoding::of(RecordFormat::Int64)
        };
        let encoding = number.encoding("orders").expect("no schema is needed");
        assert_eq!((encoding.format, encoding.subject, encoding.version), (RecordFormat::Int64, None, None));
    }

    #[test]
    fn decoded_record_is_written_in_its_schema() {
        let schema = |subject: &str| SchemaReference {
            id: "7".into(),
            subject: Some(subject.into()),
            version: Some(2),
            name: Some("shop.Order".into()),
        };
        let note = |format, subject| DecodeNote {
            format: Some(format),
            schema: Some(schema(subject)),
            ..DecodeNote::default()
        };
        let of = |note: &DecodeNote| PartEncoding::of_note(note, "orders", RecordPart::Value);
        let encoding = of(&note(RecordFormat::Avro, "orders-value")).expect("an encoding");
        assert_eq!(
            (encoding.strategy, encoding.version, encoding.message.as_str()),
            (SubjectStrategy::TopicName, Some(2), "")
        );
        let encoding = of(&note(RecordFormat::Protobuf, "shop")).expect("an encoding");
        assert_eq!((encoding.strategy, encoding.name.as_str()), (SubjectStrategy::Subject, "shop"));
        assert_eq!(encoding.message, "shop.Order");
        assert_eq!(of(&note(RecordFormat::Connect, "shop")), None, "the page cannot write this format");
        assert_eq!(of(&DecodeNote::failed("malformed", "m".into())), None);
        let gzip = DecodeNote { compression: Some("gzip".into()), ..note(RecordFormat::Avro, "shop") };
        assert_eq!(of(&gzip), None, "it would not be compressed again");
    }

    #[test]
    fn record_of_an_own_or_configured_schema_is_written_without_a_subject() {
        let of = |id: &str| {
            let schema =
                SchemaReference { id: id.into(), subject: None, version: None, name: Some("shop.Order".into()) };
            let note =
                DecodeNote { format: Some(RecordFormat::Protobuf), schema: Some(schema), ..DecodeNote::default() };
            let chosen = PartEncoding::of_note(&note, "orders", RecordPart::Value).expect("an encoding");
            let kept = serde_json::to_string(&chosen).expect("JSON");
            assert_eq!(protocol::from_json::<PartEncoding>(&kept).ok(), Some(chosen.clone()));
            chosen.encoding("orders").expect("complete")
        };
        let own = LocalSchemaId(7);
        let message = Some("shop.Order".to_owned());
        let expected = Encoding { format: RecordFormat::Protobuf, subject: None, version: None, message, schema: None };
        assert_eq!(of(&own.to_string()), Encoding { schema: Some(own), ..expected.clone() });
        assert_eq!(of("order.proto"), expected);
    }

    #[test]
    fn text_that_is_not_json_is_a_string() {
        let json = |format, text: &str| PartEncoding::of(format).json_of(text);
        assert_eq!(json(RecordFormat::Avro, r#"{"a": 1.10}"#), r#"{"a": 1.10}"#);
        assert_eq!(json(RecordFormat::Avro, "a b"), r#""a b""#);
        assert_eq!(json(RecordFormat::Int64, "42"), "42");
        assert_eq!(json(RecordFormat::Uuid, "123"), r#""123""#);
        assert_eq!(json(RecordFormat::Xml, r#""<a/>""#), r#""<a/>""#);
    }
}
