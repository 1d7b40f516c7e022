//! Tests of the decoder and the encoder.

mod decoding;
mod encoding;
mod random;
mod schemas;

use super::*;
use crate::error::DecodeErrorCode;

/// The JSON of a message, or the error.
fn decoded(message: &MessageType, body: &[u8]) -> Result<String, DecodeError> {
    let mut text = Vec::new();
    message.decode(body, &mut JsonWriter::new(&mut text, 1 << 20))?;
    Ok(String::from_utf8(text).expect("JSON is UTF-8"))
}

/// The first message type of a schema.
fn first_type(proto: &str) -> MessageType {
    ProtobufSchema::parse(proto, &[]).expect("a valid schema").by_indexes(&[0]).expect("a message")
}

/// A proto3 message with these fields.
fn with_fields(fields: &str) -> MessageType {
    first_type(&format!("syntax = \"proto3\"; message M {{ {fields} }}"))
}

/// Encodes, and decodes what was encoded.
fn round_trip(message: &MessageType, json: &str) -> String {
    let bytes = message.encode(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    decoded(message, &bytes).unwrap_or_else(|error| panic!("{json}: {bytes:?}: {error}"))
}

#[track_caller]
fn assert_round_trip(message: &MessageType, json: &str) {
    assert_eq!(round_trip(message, json), json);
}

#[track_caller]
fn assert_malformed(message: &MessageType, body: &[u8], text: &str) {
    let error = decoded(message, body).expect_err("malformed");
    assert_eq!((error.code, error.message.as_str()), (DecodeErrorCode::Malformed, text));
}
