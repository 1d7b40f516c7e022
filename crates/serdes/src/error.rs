//! Why a key or value cannot be decoded or encoded.

use protocol::ValueError;

/// Why bytes cannot be decoded. They are then shown as they are, with this reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    pub code: DecodeErrorCode,
    /// What is wrong, where (the path of the field), and with which value.
    pub message: String,
}

/// The kind of a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecodeErrorCode {
    /// The bytes do not have the chosen format, or do not match the schema.
    Malformed,
    /// The registry has no schema with the id.
    SchemaNotFound,
    /// The schema cannot be loaded at the moment; the bridge tries again.
    SchemaUnavailable,
    /// The schema itself cannot be used: a syntax error, an unresolved reference, or an unknown type.
    SchemaInvalid,
    /// No schema is known for the topic.
    NoSchema,
    /// The decoded value would be larger than `--max-decoded-bytes`, or nested deeper than 128 levels.
    TooLarge,
}

/// Why JSON cannot be written in a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if path.is_empty() { "the value" } else { path })]
pub struct EncodeError {
    /// The field, such as `items[3].amount`; empty for the whole value.
    pub path: String,
    /// What the schema expects there, and what the JSON has.
    pub message: String,
}

impl EncodeError {
    /// An error about the whole value.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    /// The same error in a value around. `segment`: `.name` or `[3]`.
    pub(crate) fn inside(mut self, segment: &str) -> Self {
        self.path.insert_str(0, segment);
        self
    }
}

impl From<EncodeError> for ValueError {
    fn from(EncodeError { path, message }: EncodeError) -> Self {
        Self { path: path.strip_prefix('.').map_or(path.clone(), str::to_owned), message }
    }
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    /// What is wrong, and where in the schema.
    pub message: String,
}

impl SchemaError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl DecodeErrorCode {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::SchemaNotFound => "schema_not_found",
            Self::SchemaUnavailable => "schema_unavailable",
            Self::SchemaInvalid => "schema_invalid",
            Self::NoSchema => "no_schema",
            Self::TooLarge => "too_large",
        }
    }
}

impl DecodeError {
    pub fn new(code: DecodeErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(DecodeErrorCode::Malformed, message)
    }
}
