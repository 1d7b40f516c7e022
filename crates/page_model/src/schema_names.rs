//! What the names of subjects say about topics, and the readable text of a schema.

use protocol::{RecordPart, SchemaLanguage};

use super::field::check_json;
use super::json_text::indent;

/// How serializers name the subject of a record. `RecordNameStrategy` is not among them: its names do not contain the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamingStrategy {
    /// `TopicNameStrategy`: `<topic>-key` or `<topic>-value`.
    TopicName(RecordPart),
    /// `TopicRecordNameStrategy`: `<topic>-<full name of the record>`.
    TopicRecordName,
}

impl NamingStrategy {
    pub fn name(self) -> &'static str {
        match self {
            Self::TopicName(_) => "TopicNameStrategy",
            Self::TopicRecordName => "TopicRecordNameStrategy",
        }
    }
}

/// A topic whose records may have a schema of the subject, as far as the names say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectTopic {
    pub topic: String,
    pub strategy: NamingStrategy,
}

/// The subject of a topic's keys or values with `TopicNameStrategy`, the default of serializers.
pub fn value_subject(topic: &str, part: RecordPart) -> String {
    format!("{topic}-{}", part.name())
}

/// The topics that the subject's name may belong to, in the order of `topics`.
pub fn topics_of_subject<'a>(subject: &str, topics: impl Iterator<Item = &'a str>) -> Vec<SubjectTopic> {
    let strategy = |topic: &str| {
        let rest = subject.strip_prefix(topic)?.strip_prefix('-')?;
        match rest {
            "key" => Some(NamingStrategy::TopicName(RecordPart::Key)),
            "value" => Some(NamingStrategy::TopicName(RecordPart::Value)),
            name => is_record_name(name).then_some(NamingStrategy::TopicRecordName),
        }
    };
    topics.filter_map(|topic| Some(SubjectTopic { topic: topic.to_owned(), strategy: strategy(topic)? })).collect()
}

/// Names of Avro and Protobuf: parts of letters, digits and underscores, with dots between them.
fn is_record_name(name: &str) -> bool {
    name.split('.').all(|part| {
        let starts = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The text with one value per line, if the language is JSON; registries often store it in one line.
pub fn readable_schema(language: SchemaLanguage, text: &str) -> String {
    match language {
        SchemaLanguage::Avro | SchemaLanguage::Json if check_json(text).is_ok() => indent(text),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(subject: &str) -> Vec<(String, &'static str)> {
        let known = ["orders", "orders-eu", "orders-eu-value", "payments"];
        topics_of_subject(subject, known.into_iter()).into_iter().map(|of| (of.topic, of.strategy.name())).collect()
    }

    #[test]
    fn subject_named_after_a_topic_belongs_to_the_topic() {
        assert_eq!(topics("orders-value"), [("orders".to_owned(), "TopicNameStrategy")]);
        assert_eq!(topics("payments-shop.Order"), [("payments".to_owned(), "TopicRecordNameStrategy")]);
        assert_eq!(topics("orders-eu-value"), [("orders-eu".to_owned(), "TopicNameStrategy")]);
        assert_eq!(topics("orders-eu-value-key"), [("orders-eu-value".to_owned(), "TopicNameStrategy")]);
    }

    #[test]
    fn subject_without_the_name_of_a_known_topic_belongs_to_none() {
        for subject in ["shop.Order", "orders", "orders-", "orders-a b", "refunds-value", "orders-9.a", "orders-a..b"] {
            assert!(topics(subject).is_empty(), "{subject}");
        }
    }

    #[test]
    fn only_schemas_that_are_json_are_indented() {
        assert_eq!(readable_schema(SchemaLanguage::Avro, r#"{"type":"map"}"#), "{\n  \"type\": \"map\"\n}");
        assert_eq!(readable_schema(SchemaLanguage::Avro, r#""string""#), r#""string""#);
        assert_eq!(readable_schema(SchemaLanguage::Json, "{broken"), "{broken");
        let proto = "syntax = \"proto3\"; message A {}";
        assert_eq!(readable_schema(SchemaLanguage::Protobuf, proto), proto);
    }
}
