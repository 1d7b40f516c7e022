//! Which message type of a Protobuf schema a record has.

use crate::error::DecodeError;
use crate::formats::wire::Framing;
use crate::protobuf::{MessageType, ProtobufSchema, SmallIndexes, read_message_indexes, read_type_reference};
use crate::registry::SchemaId;

/// The message types that occurred in a batch.
#[derive(Debug, Default)]
pub(super) struct MessageTypes(Vec<(SchemaId, Choice, MessageType)>);

/// How records name a message type.
#[derive(Debug)]
enum Choice {
    Indexes(Vec<i32>),
    /// Without the package.
    Name(String),
}

impl MessageTypes {
    /// The type with this number.
    pub(super) fn get(&self, number: usize) -> &MessageType {
        &self.0[number].2
    }

    /// The number of a record's type, and the bytes of its message. Confluent's serializers write message indexes after the schema's id;
    /// Apicurio's write a name, unless they are configured to write indexes. With headers, Apicurio's serializers 2 write the name only in a header,
    /// and the serializers 3 in both places.
    pub(super) fn find<'a>(
        &mut self,
        id: SchemaId,
        schema: &ProtobufSchema,
        framing: &Framing<'a>,
        body: &'a [u8],
    ) -> Result<(usize, &'a [u8]), DecodeError> {
        match *framing {
            // In a header, the indexes follow the id.
            Framing::ConfluentHeader { message_indexes, .. } | Framing::GuidHeader { message_indexes, .. } => {
                let (indexes, _) = read_message_indexes(message_indexes)?;
                self.by_indexes(id, schema, &indexes).map(|number| (number, body))
            }
            Framing::ApicurioGlobalId { type_name, .. } | Framing::ApicurioContentId { type_name, .. } => {
                let referenced = read_type_reference(body);
                if let Some((name, message)) = referenced
                    && type_name.is_none_or(|of_header| of_header == name)
                    && let Some(number) = self.by_name(id, schema, name)
                {
                    return Ok((number, message));
                }
                match type_name {
                    Some(name) => match self.by_name(id, schema, name) {
                        Some(number) => Ok((number, body)),
                        None => Err(DecodeError::malformed(format!("the schema {id} has no message type {name:?}"))),
                    },
                    None => self.indexed(id, schema, body),
                }
            }
            Framing::Apicurio { .. } | Framing::ApicurioContent { .. } => {
                self.referenced(id, schema, body).map_or_else(|| self.indexed(id, schema, body), Ok)
            }
            // Apicurio's serializers 3 write ids of four bytes, too. Message indexes of the schema are never taken for a name.
            _ => self.indexed(id, schema, body).or_else(|error| self.referenced(id, schema, body).ok_or(error)),
        }
    }

    /// Reads message indexes at the start of the bytes.
    fn indexed<'a>(
        &mut self,
        id: SchemaId,
        schema: &ProtobufSchema,
        body: &'a [u8],
    ) -> Result<(usize, &'a [u8]), DecodeError> {
        let (indexes, message) = read_message_indexes(body)?;
        self.by_indexes(id, schema, &indexes).map(|number| (number, message))
    }

    /// Reads a name at the start of the bytes, if it is that of a message type.
    fn referenced<'a>(&mut self, id: SchemaId, schema: &ProtobufSchema, body: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let (name, message) = read_type_reference(body)?;
        self.by_name(id, schema, name).map(|number| (number, message))
    }

    fn by_indexes(
        &mut self,
        id: SchemaId,
        schema: &ProtobufSchema,
        indexes: &SmallIndexes,
    ) -> Result<usize, DecodeError> {
        let is_known = |choice: &Choice| matches!(choice, Choice::Indexes(known) if known.as_slice() == &**indexes);
        if let Some(number) = self.0.iter().position(|(of, choice, _)| *of == id && is_known(choice)) {
            return Ok(number);
        }
        match schema.by_indexes(indexes) {
            Some(message) => Ok(self.add(id, Choice::Indexes(indexes.to_vec()), message)),
            None => {
                let message = format!("the schema {id} has no message type with the indexes {:?}", &**indexes);
                Err(DecodeError::malformed(message))
            }
        }
    }

    fn by_name(&mut self, id: SchemaId, schema: &ProtobufSchema, name: &str) -> Option<usize> {
        let is_known = |choice: &Choice| matches!(choice, Choice::Name(known) if known == name);
        let known = self.0.iter().position(|(of, choice, _)| *of == id && is_known(choice));
        known.or_else(|| schema.by_short_name(name).map(|message| self.add(id, Choice::Name(name.to_owned()), message)))
    }

    fn add(&mut self, id: SchemaId, choice: Choice, message: MessageType) -> usize {
        self.0.push((id, choice, message));
        self.0.len() - 1
    }
}

/// The bytes of a message after a framing, in the order in which to try them: after message indexes, and after a type's name.
pub(super) fn possible_messages<'a>(framing: &Framing<'_>, body: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let indexed = read_message_indexes(body).ok().map(|(_, message)| message);
    let referenced = read_type_reference(body).map(|(_, message)| message);
    let is_apicurio = matches!(framing, Framing::Apicurio { .. } | Framing::ApicurioContent { .. });
    let order = if is_apicurio { [referenced, indexed] } else { [indexed, referenced] };
    order.into_iter().flatten()
}
