//! The names of formats.

use protocol::RecordFormat;

use crate::i18n::Words;

/// The name of a format in plain words.
pub fn format_word(format: RecordFormat, words: &Words) -> String {
    let number = match format {
        RecordFormat::Auto => return words.format_auto.to_owned(),
        RecordFormat::Raw => return words.format_raw.to_owned(),
        RecordFormat::Text => return words.format_text.to_owned(),
        RecordFormat::Connect => return words.format_connect.to_owned(),
        RecordFormat::Kafka => return words.format_kafka.to_owned(),
        // Names that are not translated.
        RecordFormat::Json => return "JSON".to_owned(),
        RecordFormat::Avro => return "Avro".to_owned(),
        RecordFormat::Protobuf => return "Protobuf".to_owned(),
        RecordFormat::JsonSchema => return "JSON Schema".to_owned(),
        RecordFormat::MessagePack => return "MessagePack".to_owned(),
        RecordFormat::Cbor => return "CBOR".to_owned(),
        RecordFormat::Xml => return "XML".to_owned(),
        RecordFormat::Uuid => return "UUID".to_owned(),
        RecordFormat::Int8 | RecordFormat::Int16 | RecordFormat::Int32 | RecordFormat::Int64 => words.format_signed,
        RecordFormat::UInt8 | RecordFormat::UInt16 | RecordFormat::UInt32 | RecordFormat::UInt64 => {
            words.format_unsigned
        }
        RecordFormat::Float | RecordFormat::Double => words.format_float,
    };
    let bits = match format {
        RecordFormat::Int8 | RecordFormat::UInt8 => "8",
        RecordFormat::Int16 | RecordFormat::UInt16 => "16",
        RecordFormat::Int32 | RecordFormat::UInt32 | RecordFormat::Float => "32",
        _ => "64",
    };
    number.with_bits_name(bits, format.name())
}
