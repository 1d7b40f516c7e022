//! The names of formats, and short reasons why bytes were not decoded.

use protocol::{DecodeNote, RecordFormat};

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

/// Why bytes were not decoded, in a few words; `None` if they were.
pub fn short_reason(note: &DecodeNote, words: &Words) -> Option<String> {
    let error = note.decode_error.as_ref()?;
    let reason = match error.code.as_str() {
        "schema_not_found" => {
            let id = note.schema.as_ref().map_or("", |schema| &schema.id);
            // The id is in the message, too.
            words.undecoded_schema_not_found.with_id(id).replace("  ", " ")
        }
        "schema_unavailable" => words.undecoded_schema_unavailable.to_owned(),
        "schema_invalid" => words.undecoded_schema_invalid.to_owned(),
        "no_schema" => words.undecoded_no_schema.to_owned(),
        "too_large" => words.undecoded_too_large.to_owned(),
        // A newer bridge may have other codes.
        _ => words.undecoded_malformed.to_owned(),
    };
    Some(reason)
}

/// The value of `data-value-note` and of `data-state`: `decoded`, or the code of the error.
pub fn note_state(note: &DecodeNote) -> &str {
    note.decode_error.as_ref().map_or("decoded", |error| &error.code)
}
