//! Formats without a schema.

use protocol::RecordFormat;

use crate::error::EncodeError;
use crate::formats::numbers::{Number, encode_uuid};
use crate::formats::{cbor, json, message_pack, text, xml};

/// Whether JSON can be written in the format, with or without a schema.
pub(super) const fn is_writable(format: RecordFormat) -> bool {
    !matches!(format, RecordFormat::Raw | RecordFormat::Auto | RecordFormat::Connect | RecordFormat::Kafka)
}

pub(super) fn encode(format: RecordFormat, json: &str) -> Result<Vec<u8>, EncodeError> {
    match format {
        RecordFormat::Json => json::encode(json),
        RecordFormat::Text => text::encode(json),
        RecordFormat::MessagePack => message_pack::encode(json),
        RecordFormat::Cbor => cbor::encode(json),
        RecordFormat::Xml => xml::encode(json),
        RecordFormat::Int8 => Number::I8.encode(json),
        RecordFormat::Int16 => Number::I16.encode(json),
        RecordFormat::Int32 => Number::I32.encode(json),
        RecordFormat::Int64 => Number::I64.encode(json),
        RecordFormat::UInt8 => Number::U8.encode(json),
        RecordFormat::UInt16 => Number::U16.encode(json),
        RecordFormat::UInt32 => Number::U32.encode(json),
        RecordFormat::UInt64 => Number::U64.encode(json),
        RecordFormat::Float => Number::F32.encode(json),
        RecordFormat::Double => Number::F64.encode(json),
        RecordFormat::Uuid => encode_uuid(json),
        RecordFormat::Raw
        | RecordFormat::Auto
        | RecordFormat::Connect
        | RecordFormat::Kafka
        | RecordFormat::Avro
        | RecordFormat::Protobuf
        | RecordFormat::JsonSchema => {
            Err(EncodeError::whole(format!("JSON cannot be written in the format {format} without a schema")))
        }
    }
}

/// JSON that can be encoded.
pub(super) const fn example(format: RecordFormat) -> &'static str {
    match format {
        RecordFormat::Text => "\"text\"",
        RecordFormat::Xml => "\"<order id=\\\"1\\\"/>\"",
        RecordFormat::Int8
        | RecordFormat::Int16
        | RecordFormat::Int32
        | RecordFormat::Int64
        | RecordFormat::UInt8
        | RecordFormat::UInt16
        | RecordFormat::UInt32
        | RecordFormat::UInt64 => "1",
        RecordFormat::Float | RecordFormat::Double => "1.5",
        RecordFormat::Uuid => "\"00000000-0000-0000-0000-000000000000\"",
        _ => "{\"id\":1}",
    }
}
