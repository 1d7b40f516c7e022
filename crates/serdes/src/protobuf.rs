//! Protobuf: compiles schemas, writes messages as JSON, and encodes JSON.
//!
//! The JSON is ProtoJSON with these differences: 64-bit integers and `confluent.type.Decimal` are exact JSON numbers; fields
//! without presence are written also with their default value; a value that ProtoJSON cannot express (a time after the year
//! 9999, the number of an unknown enum value, an Any of a type that the schema does not have) is written in a simpler form
//! instead of refused.

mod comments;
mod decode;
mod encode;
mod example;
mod fault;
mod indexes;
mod scalar;
mod source;
mod structure;
mod table;
#[cfg(test)]
mod tests;
mod type_reference;
mod well_known;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use protocol::SchemaStructure;

pub use self::indexes::{SmallIndexes, read_message_indexes, write_message_indexes};
use self::table::Tables;
pub(crate) use self::type_reference::read_type_reference;
use crate::JsonWriter;
use crate::error::{DecodeError, EncodeError, SchemaError};

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct ProtobufSchema {
    tables: Arc<Tables>,
    /// Names of all message types that a user may choose: first those of the schema itself, then those of its imports.
    names: Arc<[String]>,
    /// Message indexes in the file of the schema, also those of other clients than Java's → index in the tables.
    by_indexes: Arc<HashMap<Vec<i32>, u32>>,
    /// The other way, for the types of all files.
    indexes: Arc<HashMap<u32, Vec<i32>>>,
}

/// A message type of a schema.
#[derive(Clone, Debug)]
pub struct MessageType {
    tables: Arc<Tables>,
    index: u32,
    indexes: Arc<HashMap<u32, Vec<i32>>>,
}

impl ProtobufSchema {
    /// Compiles the text of a .proto file, with the files that it imports as (import path, text). Each text may also be a
    /// descriptor of the file in base64. `google/protobuf/*.proto`, `google/type/*.proto`, `confluent/meta.proto` and
    /// `confluent/type/decimal.proto` are known without being given.
    pub fn parse(text: &str, imports: &[(&str, &str)]) -> Result<Self, SchemaError> {
        source::compile(text, imports).map(|compiled| Self::new(&compiled))
    }

    /// Takes a FileDescriptorProto or a FileDescriptorSet.
    pub fn from_descriptor_set(bytes: &[u8]) -> Result<Self, SchemaError> {
        source::compile_descriptors(bytes).map(|compiled| Self::new(&compiled))
    }

    /// Whether the bytes are a FileDescriptorProto or a FileDescriptorSet.
    pub(crate) fn is_descriptor_set(bytes: &[u8]) -> bool {
        source::descriptors(bytes).is_ok()
    }

    /// Compiles several .proto files as (import path, text). Message indexes are those of the first file.
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, SchemaError> {
        source::compile_files(files).map(|compiled| Self::new(&compiled))
    }

    fn new(source::Compiled { pool, roots }: &source::Compiled) -> Self {
        let tables = Tables::compile(pool);
        let mut types = Types { tables: &tables, names: Vec::new(), indexes: HashMap::new() };
        for root in roots {
            types.add_file(pool, root);
        }
        let mut by_indexes = HashMap::new();
        let mut by_path = Vec::new();
        let root_file = roots.first().map(String::as_str);
        for (message, indexes) in &types.indexes {
            let descriptor = pool.get_message_by_name(&tables.message(*message).full_name);
            if let Some(descriptor) = descriptor.filter(|found| Some(found.parent_file().name()) == root_file) {
                by_indexes.insert(indexes.clone(), *message);
                // The path alternates between the number of a field of the descriptor and an index.
                by_path.push((descriptor.path().iter().skip(1).step_by(2).copied().collect::<Vec<i32>>(), *message));
            }
        }
        // Confluent's clients for Go and Python count the entries of maps too. Where their indexes mean nothing to the Java client,
        // they are clear.
        for (path, message) in by_path {
            by_indexes.entry(path).or_insert(message);
        }
        for file in pool.files().filter(|file| !roots.iter().any(|root| root == file.name())) {
            types.add_file(pool, file.name());
        }
        let Types { names, indexes, .. } = types;
        Self {
            tables: Arc::new(tables),
            names: names.into(),
            by_indexes: Arc::new(by_indexes),
            indexes: Arc::new(indexes),
        }
    }

    /// The message type that the message indexes of a record choose: `[0]` is the first message of the schema, `[1, 0]` the
    /// first one inside of the second message.
    pub fn by_indexes(&self, indexes: &[i32]) -> Option<MessageType> {
        self.by_indexes.get(indexes).map(|index| self.message_type(*index))
    }

    pub fn by_name(&self, full_name: &str) -> Option<MessageType> {
        let index = *self.tables.by_name.get(full_name)?;
        (!self.tables.message(index).is_map_entry).then(|| self.message_type(index))
    }

    /// The message type with a name without its package and the types around it, as Apicurio's serializers write it; the full name will do, too.
    /// Those of the schema itself come before those of its imports, and the outer ones before those inside of them.
    pub(crate) fn by_short_name(&self, name: &str) -> Option<MessageType> {
        let has_name = |full_name: &str| {
            full_name.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        let own = self.by_indexes.iter().filter(|(_, index)| has_name(&self.tables.message(**index).full_name));
        let first = own.min_by(|(one, _), (other, _)| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        match first {
            Some((_, index)) => Some(self.message_type(*index)),
            None => self.names.iter().find(|full_name| has_name(full_name)).and_then(|name| self.by_name(name)),
        }
    }

    /// The first message type of the schema itself.
    pub fn first(&self) -> Option<MessageType> {
        self.by_indexes(&[0]).or_else(|| self.names.iter().find_map(|name| self.by_name(name)))
    }

    /// The full names of the message types, those of the schema itself first. Types of files that are known without being
    /// given are not listed.
    pub fn names(&self) -> Vec<String> {
        self.names.to_vec()
    }

    fn message_type(&self, index: u32) -> MessageType {
        MessageType { tables: Arc::clone(&self.tables), index, indexes: Arc::clone(&self.indexes) }
    }
}

/// Collects the types of files.
struct Types<'t> {
    tables: &'t Tables,
    names: Vec<String>,
    indexes: HashMap<u32, Vec<i32>>,
}

impl Types<'_> {
    fn add_file(&mut self, pool: &DescriptorPool, path: &str) {
        if let Some(file) = pool.get_file_by_name(path) {
            self.add(file.messages(), &[], !source::is_known(path));
        }
    }

    /// Map entries are message types of the descriptor only: as Confluent's Java client does, they are not counted. The depth
    /// of nested types is bounded when the text is parsed.
    fn add(&mut self, messages: impl Iterator<Item = MessageDescriptor>, outer: &[i32], is_listed: bool) {
        let mut messages: Vec<MessageDescriptor> = messages.filter(|message| !message.is_map_entry()).collect();
        messages.sort_by_key(|message| message.path().last().copied());
        for (message, i) in messages.iter().zip(0..) {
            let indexes = [outer, &[i]].concat();
            if is_listed {
                self.names.push(message.full_name().to_owned());
            }
            self.add(message.child_messages(), &indexes, is_listed);
            if let Some(index) = self.tables.by_name.get(message.full_name()) {
                self.indexes.insert(*index, indexes);
            }
        }
    }
}

impl MessageType {
    /// The full name, such as `shop.Order`.
    pub fn name(&self) -> &str {
        &self.tables.message(self.index).full_name
    }

    /// The message indexes to write before a record of this type.
    pub fn indexes(&self) -> Vec<i32> {
        self.indexes.get(&self.index).cloned().unwrap_or_default()
    }

    /// Writes a message as JSON.
    pub fn decode(&self, body: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        decode::decode(&self.tables, self.index, body, json)
    }

    /// Encodes JSON. Fields may have their JSON name or their name in the .proto file; integers may be numbers or strings.
    pub fn encode(&self, json: &str) -> Result<Vec<u8>, EncodeError> {
        encode::encode(&self.tables, self.index, json)
    }

    /// The structure of the JSON, for a form.
    pub fn structure(&self) -> SchemaStructure {
        structure::structure(&self.tables, self.index)
    }

    /// JSON with all fields, as a start for a new record. It can be encoded.
    pub fn example(&self) -> String {
        example::example(&self.tables, self.index)
    }
}
