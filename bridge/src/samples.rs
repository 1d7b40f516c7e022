//! The schemas of the sample topics, which the page can load into a demo broker: a demo has no schema registry.

use protocol::{NamePattern, SchemaLanguage};
use serdes::{TopicRule, TopicSchema};

const AVRO: &str = include_str!("samples/order.avsc");
const PROTOBUF: &str = include_str!("samples/order.proto");
const JSON: &str = include_str!("samples/order.schema.json");

/// The schemas of the values in the sample topics, whose names the page knows, too.
pub fn schemas() -> Vec<TopicRule> {
    let rule = |topic: &str, language, file: &str, text: &str| TopicRule {
        topics: vec![NamePattern(topic.to_owned())],
        key: None,
        value: Some(TopicSchema {
            language,
            files: vec![(file.to_owned(), text.as_bytes().to_vec())],
            message: None,
            name: file.to_owned(),
        }),
    };
    vec![
        rule("sample-avro", SchemaLanguage::Avro, "order.avsc", AVRO),
        rule("sample-protobuf", SchemaLanguage::Protobuf, "order.proto", PROTOBUF),
        rule("sample-json-schema", SchemaLanguage::Json, "order.schema.json", JSON),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_schema_can_be_used() {
        for rule in schemas() {
            let schema = rule.value.expect("a schema of values");
            schema.check().unwrap_or_else(|error| panic!("{}: {error}", schema.name));
        }
    }
}
