//! In which formats keys and values are read: the user's choice for each topic, as this browser keeps it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Decode, LocalSchemaId, RecordFormat, RecordPart};
use serde::{Deserialize, Serialize};

/// The bridge finds out the formats, unless the user chooses others.
pub const AUTO: Decode = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);

/// More topics than a user chooses formats for; the earliest choices are forgotten.
const MAX_TOPICS: usize = 100;

/// The choices for the topics of all clusters that this browser uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TopicFormats {
    /// By the name of the cluster; an empty name where the bridge has one cluster. The latest choice is the first.
    by_cluster: BTreeMap<String, Vec<TopicFormat>>,
}

/// The names of the formats, so that a name that only a newer page knows does not make the other settings unreadable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TopicFormat {
    topic: String,
    key: String,
    value: String,
    /// The user's own schemas, whose files are stored elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_schema: Option<String>,
}

impl TopicFormat {
    fn decode(&self) -> Decode {
        let schema = |id: &Option<String>| id.as_ref()?.parse().ok();
        let formats = Decode::with_formats(format_of(&self.key), format_of(&self.value));
        Decode { key_schema: schema(&self.key_schema), value_schema: schema(&self.value_schema), ..formats }
    }
}

impl TopicFormats {
    /// The formats for a subscription to these topics. One subscription has the same formats for all of its topics, so topics with
    /// different choices are read as [`AUTO`].
    pub fn of(&self, cluster: Option<&str>, topics: &[String]) -> Decode {
        let known = self.by_cluster.get(cluster.unwrap_or_default()).map(Vec::as_slice).unwrap_or_default();
        let of_topic = |topic: &String| {
            let stored = known.iter().find(|stored| stored.topic == *topic);
            stored.map_or(AUTO, TopicFormat::decode)
        };
        let mut chosen = topics.iter().map(of_topic);
        let first = chosen.next().unwrap_or(AUTO);
        if chosen.all(|other| other == first) { first } else { AUTO }
    }

    /// Keeps the choice for each of the topics. `AUTO` needs no entry.
    pub fn choose(&mut self, cluster: Option<&str>, topics: &[String], decode: Decode) {
        let known = self.by_cluster.entry(cluster.unwrap_or_default().to_owned()).or_default();
        known.retain(|stored| !topics.contains(&stored.topic));
        if decode != AUTO {
            let schema = |id: Option<LocalSchemaId>| id.map(|id| id.to_string());
            let chosen = |topic: &String| TopicFormat {
                topic: topic.clone(),
                key: decode.key.name().to_owned(),
                value: decode.value.name().to_owned(),
                key_schema: schema(decode.key_schema),
                value_schema: schema(decode.value_schema),
            };
            known.splice(0..0, topics.iter().map(chosen));
            known.truncate(MAX_TOPICS);
        }
        if known.is_empty() {
            self.by_cluster.remove(cluster.unwrap_or_default());
        }
    }
}

impl TopicFormats {
    /// The user's own schemas that the choices name.
    pub fn schemas(&self) -> BTreeSet<LocalSchemaId> {
        let of_topic = |stored: &TopicFormat| {
            let Decode { key_schema, value_schema, .. } = stored.decode();
            [key_schema, value_schema]
        };
        self.by_cluster.values().flatten().flat_map(of_topic).flatten().collect()
    }

    /// Forgets the schemas of which this browser does not have the files any more.
    pub fn retain_schemas(&mut self, is_kept: impl Fn(LocalSchemaId) -> bool) {
        let lost: Vec<String> =
            self.schemas().into_iter().filter(|id| !is_kept(*id)).map(|id| id.to_string()).collect();
        for stored in self.by_cluster.values_mut().flatten() {
            for schema in [&mut stored.key_schema, &mut stored.value_schema] {
                if schema.as_ref().is_some_and(|id| lost.contains(id)) {
                    *schema = None;
                }
            }
        }
    }
}

/// The formats of a link, which names no schemas, with the kept schemas of parts that have the same format.
pub fn with_kept_schemas(link: Decode, kept: Decode) -> Decode {
    let key_schema = kept.key_schema.filter(|_| link.key == kept.key);
    let value_schema = kept.value_schema.filter(|_| link.value == kept.value);
    Decode { key_schema, value_schema, ..link }
}

/// The format of a part of the record, for change.
pub fn format_mut(decode: &mut Decode, part: RecordPart) -> &mut RecordFormat {
    match part {
        RecordPart::Key => &mut decode.key,
        RecordPart::Value => &mut decode.value,
    }
}

/// The user's own schema of a part of the record, for change.
pub fn schema_mut(decode: &mut Decode, part: RecordPart) -> &mut Option<LocalSchemaId> {
    match part {
        RecordPart::Key => &mut decode.key_schema,
        RecordPart::Value => &mut decode.value_schema,
    }
}

/// Chooses the format of a part by its name. A schema of the user's own belongs to the format before, and is not used any more.
pub fn choose_format(decode: &mut Decode, part: RecordPart, name: &str) {
    *format_mut(decode, part) = format_of(name);
    *schema_mut(decode, part) = None;
}

/// The format of this name; `auto` for a name that this page does not know.
pub fn format_of(name: &str) -> RecordFormat {
    name.parse().unwrap_or(RecordFormat::Auto)
}

/// Values of a fixed length, in the order in which the page offers them.
pub const NUMBERS: [RecordFormat; 11] = {
    use RecordFormat as F;
    [F::Int8, F::Int16, F::Int32, F::Int64, F::UInt8, F::UInt16, F::UInt32, F::UInt64, F::Float, F::Double, F::Uuid]
};

/// The formats in the order and the groups in which the page offers them.
pub const GROUPS: [(FormatGroup, &[RecordFormat]); 4] = {
    use RecordFormat as F;
    [
        (FormatGroup::General, &[F::Auto, F::Raw, F::Json, F::Text]),
        (FormatGroup::Schema, &[F::Avro, F::Protobuf, F::JsonSchema]),
        (FormatGroup::Structured, &[F::MessagePack, F::Cbor, F::Xml, F::Connect, F::Kafka]),
        (FormatGroup::Numbers, &NUMBERS),
    ]
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatGroup {
    General,
    /// With a schema from the registry, the bridge's configuration or the user's files.
    Schema,
    /// Self-describing, without a registry.
    Structured,
    /// Of a fixed size.
    Numbers,
}

#[cfg(test)]
mod tests {
    use super::*;

    const AVRO: Decode = Decode::with_formats(RecordFormat::Int64, RecordFormat::Avro);

    fn topics(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn chosen_formats_are_kept_for_each_topic_and_cluster() {
        let mut formats = TopicFormats::default();
        formats.choose(Some("prod"), &topics(&["orders", "payments"]), AVRO);
        assert_eq!(formats.of(Some("prod"), &topics(&["orders"])), AVRO);
        assert_eq!(formats.of(Some("prod"), &topics(&["payments", "orders"])), AVRO);
        assert_eq!(formats.of(Some("prod"), &topics(&["orders", "foobar"])), AUTO, "the topics differ");
        assert_eq!(formats.of(Some("dev"), &topics(&["orders"])), AUTO);
        assert_eq!(formats.of(None, &topics(&["orders"])), AUTO);
        formats.choose(Some("prod"), &topics(&["orders"]), AUTO);
        assert_eq!(formats.of(Some("prod"), &topics(&["orders"])), AUTO);
        assert_eq!(formats.of(Some("prod"), &topics(&["payments"])), AVRO);
    }

    #[test]
    fn kept_formats_are_bounded_and_the_latest_stay() {
        let mut formats = TopicFormats::default();
        for n in 0..=MAX_TOPICS {
            formats.choose(None, &[n.to_string()], AVRO);
        }
        assert_eq!(formats.of(None, &topics(&["0"])), AUTO);
        assert_eq!(formats.of(None, &topics(&["1"])), AVRO);
        assert_eq!(formats.by_cluster[""].len(), MAX_TOPICS);
    }

    #[test]
    fn own_schemas_are_kept_with_the_formats_and_forgotten_with_their_files() {
        let schema = LocalSchemaId(7);
        let protobuf =
            Decode { value_schema: Some(schema), ..Decode::with_formats(RecordFormat::Auto, RecordFormat::Protobuf) };
        let mut formats = TopicFormats::default();
        formats.choose(None, &topics(&["orders"]), protobuf);
        let json = serde_json::to_string(&formats).expect("JSON");
        let mut formats: TopicFormats = protocol::from_json(&json).expect("choices");
        assert_eq!(formats.of(None, &topics(&["orders"])), protobuf);
        assert_eq!(formats.schemas().into_iter().collect::<Vec<_>>(), [schema]);
        let link = Decode::with_formats(RecordFormat::Auto, RecordFormat::Protobuf);
        assert_eq!(with_kept_schemas(link, protobuf), protobuf);
        assert_eq!(with_kept_schemas(AVRO, protobuf), AVRO, "another format has another schema");
        formats.retain_schemas(|_| false);
        assert_eq!(formats.of(None, &topics(&["orders"])), link);
    }

    #[test]
    fn unknown_name_of_a_stored_format_is_read_as_auto() {
        let json = r#"{"":[{"topic":"orders","key":"int64","value":"thrift"}]}"#;
        let formats: TopicFormats = protocol::from_json(json).expect("choices");
        let expected = Decode::with_formats(RecordFormat::Int64, RecordFormat::Auto);
        assert_eq!(formats.of(None, &topics(&["orders"])), expected);
    }

    #[test]
    fn each_format_is_offered_once() {
        let offered: Vec<_> = GROUPS.iter().flat_map(|(_, formats)| formats.iter().copied()).collect();
        assert_eq!(offered.len(), RecordFormat::ALL.len());
        assert!(RecordFormat::ALL.iter().all(|format| offered.contains(format)));
    }
}
