//! Avro: decodes binary records directly to JSON, and encodes JSON. A schema is compiled once; records are read without
//! values in between.
//!
//! | Avro | JSON |
//! |---|---|
//! | `int`, `long` | a number with all digits |
//! | `float`, `double` | the shortest number that reads back as the same; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `bytes`, `fixed` | a string of base64 |
//! | `decimal`, `big-decimal` | a number with all digits of its scale: `-12.340` |
//! | `date`, `time-…`, `timestamp-…`, `local-timestamp-…` | RFC 3339; a number outside of the years 0000 to 9999 |
//! | `duration` | a string as in ISO 8601: `P1M2DT3.004S` |
//! | `uuid`, enums | a string |
//! | unions | the value of the branch; when JSON is encoded, also `{"name of the branch": value}` |
//!
//! The crate `apache-avro` is only used by tests, as a second implementation: it refuses many schemas that Java accepts
//! (defaults that are no value of their type, namespaces with `-`), and builds a tree of values for each record.

mod compile;
mod decode;
mod defaults;
mod encode;
mod example;
mod fingerprint;
mod structure;
mod time;
mod types;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

use crate::json_tree::Json;
use protocol::SchemaStructure;

use self::compile::Source;
use self::types::Types;
use crate::error::{DecodeError, EncodeError, SchemaError};
use crate::json_writer::JsonWriter;

/// A compiled Avro schema.
#[derive(Debug)]
pub struct AvroSchema {
    types: Types,
}

impl AvroSchema {
    /// `references` are the texts of schemas that this one refers to by full name. They may refer to each other, in any
    /// order.
    ///
    /// # Errors
    /// The text is no schema, or refers to a type that is not defined.
    pub fn parse(schema: &str, references: &[&str]) -> Result<Self, SchemaError> {
        let names: Vec<String> = (1..=references.len()).map(|number| format!("reference {number}")).collect();
        let references = names.iter().zip(references).map(|(name, text)| Source { name, text });
        let sources: Vec<Source<'_>> =
            std::iter::once(Source { name: "the schema", text: schema }).chain(references).collect();
        Ok(Self { types: compile::compile(&sources)? })
    }

    /// Compiles files as (name, text), which may refer to the types of each other. The last one is the schema itself.
    ///
    /// # Errors
    /// A text is no schema, or refers to a type that no file defines.
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, SchemaError> {
        let sources: Vec<Source<'_>> = files.iter().rev().map(|&(name, text)| Source { name, text }).collect();
        Ok(Self { types: compile::compile(&sources)? })
    }

    /// The structure of the schema, for a form.
    pub fn structure(&self) -> SchemaStructure {
        structure::structure(&self.types)
    }

    /// The full name of the top-level type: of a record, an enum or a fixed type.
    pub fn name(&self) -> Option<&str> {
        self.types.get(self.types.root).name()
    }

    /// The fingerprint of the single object encoding: CRC-64-AVRO of the parsing canonical form.
    pub fn fingerprint(&self) -> u64 {
        fingerprint::fingerprint(&self.types)
    }

    /// Writes the JSON of one value in Avro's binary encoding, without a prefix. All bytes must belong to the value.
    ///
    /// # Errors
    /// The bytes are no value of the schema, or the JSON is larger than the writer's limit or nested too deep. What was
    /// written until then is incomplete.
    pub fn decode(&self, body: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        decode::decode(&self.types, body, json)
    }

    /// Encodes JSON. Fields that have a default in the schema may be missing.
    ///
    /// # Errors
    /// The text is not JSON, or not what the schema expects.
    pub fn encode(&self, json: &str) -> Result<Vec<u8>, EncodeError> {
        let value = Json::parse(json).map_err(|message| EncodeError { path: String::new(), message })?;
        encode::encode(&self.types, &value, json.len())
    }

    /// A value of the schema as JSON, for a form: defaults, first symbols, and types of unions that are not null.
    pub fn example(&self) -> String {
        example::example(&self.types)
    }
}

/// A JSON string with quotation marks.
fn json_string(text: &str) -> Vec<u8> {
    serde_json::Value::from(text).to_string().into_bytes()
}
