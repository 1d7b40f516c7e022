//! What the values of a topic are: JSON, typed records with their schemas, or garbage.

use std::io::Write as _;

use protocol::{NamePattern, SchemaLanguage};
use serde::{Deserialize, Serialize};
use serdes::{TopicRule, TopicSchema};

use crate::payload::Payload;

/// The kind of a topic's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Values {
    /// Those of [`Payload`].
    Json,
    /// Orders, without the prefix of a registry.
    Avro,
    /// The same orders in Protobuf.
    Protobuf,
    /// A zero, as before the id of a registry's schema, and random bytes.
    Garbage,
}

/// A schema without a registry.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    pub language: SchemaLanguage,
    pub file: &'static str,
    pub text: &'static str,
}

const AVRO: Schema = Schema {
    language: SchemaLanguage::Avro,
    file: "order.avsc",
    text: r#"{
  "type": "record", "name": "Order", "namespace": "shop",
  "fields": [
    {"name": "id", "type": "string"},
    {"name": "customer", "type": "long"},
    {"name": "quantity", "type": "int"},
    {"name": "price", "type": "double"},
    {"name": "paid", "type": "boolean"},
    {"name": "note", "type": "string"}
  ]
}
"#,
};

const PROTOBUF: Schema = Schema {
    language: SchemaLanguage::Protobuf,
    file: "order.proto",
    text: r#"syntax = "proto3";
package shop;

message Order {
  string id = 1;
  int64 customer = 2;
  int32 quantity = 3;
  double price = 4;
  bool paid = 5;
  string note = 6;
}
"#,
};

impl Values {
    pub fn schema(self) -> Option<Schema> {
        match self {
            Self::Avro => Some(AVRO),
            Self::Protobuf => Some(PROTOBUF),
            Self::Json | Self::Garbage => None,
        }
    }
}

impl Schema {
    /// The rule that the bridge makes of a table `[[schemas]]` with this schema for values.
    pub fn rule(&self, topic: &str) -> TopicRule {
        let schema = TopicSchema {
            language: self.language,
            files: vec![(self.file.to_owned(), self.text.as_bytes().to_vec())],
            message: None,
            name: self.file.to_owned(),
        };
        TopicRule { topics: vec![NamePattern(topic.to_owned())], key: None, value: Some(schema) }
    }
}

/// Makes the values of a topic, each in the memory of the one before.
pub enum ValueMaker {
    Json(Payload),
    Avro(Order),
    Protobuf(Order),
    Garbage(Vec<u8>),
}

/// The last order in its encoding.
pub struct Order {
    encoded: Vec<u8>,
    /// The size of its longest field.
    note: usize,
}

/// The encoded size of everything but the characters of the note.
const AVRO_FIELDS: usize = 33;
const PROTOBUF_FIELDS: usize = 38;

impl ValueMaker {
    /// Values of this number of bytes; orders have about 100.
    pub fn new(values: Values, bytes: usize) -> Self {
        let order = |fields| Order { encoded: Vec::with_capacity(bytes), note: bytes.saturating_sub(fields) };
        match values {
            Values::Json => Self::Json(Payload::new(bytes)),
            Values::Avro => Self::Avro(order(AVRO_FIELDS)),
            Values::Protobuf => Self::Protobuf(order(PROTOBUF_FIELDS)),
            Values::Garbage => Self::Garbage(vec![0; bytes]),
        }
    }

    /// The value of record `number`.
    pub fn value(&mut self, number: u64) -> &[u8] {
        match self {
            Self::Json(payload) => payload.value(number),
            Self::Avro(order) => order.avro(number),
            Self::Protobuf(order) => order.protobuf(number),
            Self::Garbage(bytes) => {
                // The first byte stays 0.
                let mut state = number;
                for chunk in bytes.get_mut(1..).unwrap_or_default().chunks_mut(8) {
                    chunk.copy_from_slice(&random(&mut state).to_le_bytes()[..chunk.len()]);
                }
                bytes
            }
        }
    }
}

/// The characters of an order's id.
const ID: u64 = 16;

/// Added to the number of an order, so that its varint has four bytes for the first hundred million of them.
const FIRST_CUSTOMER: u64 = 10_000_000;

impl Order {
    fn avro(&mut self, number: u64) -> &[u8] {
        let out = &mut self.encoded;
        out.clear();
        varint(out, zigzag(ID));
        id(out, number);
        varint(out, zigzag(FIRST_CUSTOMER + number));
        varint(out, zigzag(quantity(number)));
        out.extend_from_slice(&price(number).to_le_bytes());
        out.push(1);
        varint(out, zigzag(self.note as u64));
        out.resize(out.len() + self.note, b'x');
        out
    }

    fn protobuf(&mut self, number: u64) -> &[u8] {
        const VARINT: u8 = 0;
        const EIGHT_BYTES: u8 = 1;
        const LENGTH: u8 = 2;
        let tag = |field: u8, wire_type: u8| (field << 3) | wire_type;
        let out = &mut self.encoded;
        out.clear();
        out.push(tag(1, LENGTH));
        varint(out, ID);
        id(out, number);
        out.push(tag(2, VARINT));
        varint(out, FIRST_CUSTOMER + number);
        out.push(tag(3, VARINT));
        varint(out, quantity(number));
        out.push(tag(4, EIGHT_BYTES));
        out.extend_from_slice(&price(number).to_le_bytes());
        out.extend_from_slice(&[tag(5, VARINT), 1]);
        out.push(tag(6, LENGTH));
        varint(out, self.note as u64);
        out.resize(out.len() + self.note, b'x');
        out
    }
}

fn id(out: &mut Vec<u8>, number: u64) {
    // A vector takes everything.
    let _ = write!(out, "order-{number:010}");
}

/// From 1 to 50: one byte in both encodings, and never Protobuf's default.
fn quantity(number: u64) -> u64 {
    number % 50 + 1
}

#[expect(clippy::cast_precision_loss, reason = "below a million")]
fn price(number: u64) -> f64 {
    (number % 9_999 + 1) as f64 / 100.0
}

/// Avro's encoding of a number that is not negative, before the varint.
fn zigzag(number: u64) -> u64 {
    number << 1
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use serdes::local::SourceFile;
    use serdes::{JsonWriter, LocalSchema};

    use super::*;

    #[test]
    fn orders_have_100_bytes_and_their_schema_decodes_them() {
        for values in [Values::Avro, Values::Protobuf] {
            let Schema { language, file, text } = values.schema().expect("typed values");
            let files = [SourceFile { name: file, content: text.as_bytes() }];
            let schema = LocalSchema::compile(language, &files, None, file.to_owned()).expect("a valid schema");
            let mut maker = ValueMaker::new(values, 100);
            for number in [0, 42, 99_999_999] {
                let value = maker.value(number);
                assert_eq!(value.len(), 100, "{values:?} {number}");
                let mut json = Vec::new();
                schema.decode(value, &mut JsonWriter::new(&mut json, 1000)).expect("an order");
                let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
                assert_eq!(json["id"], format!("order-{number:010}"));
                assert_eq!(json["quantity"], number % 50 + 1);
                assert_eq!(json["paid"], true);
                assert!(json["note"].as_str().is_some_and(|note| note.len() > 60), "{json}");
            }
        }
    }

    #[test]
    fn garbage_begins_with_zero_and_differs_from_record_to_record() {
        let mut maker = ValueMaker::new(Values::Garbage, 100);
        let (first, second) = (maker.value(0).to_vec(), maker.value(1).to_vec());
        assert_eq!((first.len(), first[0], second[0]), (100, 0, 0));
        assert_ne!(first[1..5], second[1..5]);
        assert_eq!(maker.value(0), first);
    }
}
