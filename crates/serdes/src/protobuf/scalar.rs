//! Reads a JSON scalar as the value of a Protobuf field.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::table::{Enum, Kind, Tables};
use crate::number_parts::NumberParts;

/// A value as the wire format has it.
#[derive(Debug, PartialEq)]
pub(super) enum Scalar {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Vec<u8>),
}

impl Scalar {
    /// Whether it is the value of an absent field without presence.
    pub(super) fn is_default(&self) -> bool {
        match self {
            Self::Varint(number) | Self::Fixed64(number) => *number == 0,
            Self::Fixed32(number) => *number == 0,
            Self::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

/// Decoders of other languages omit the padding, or write the alphabet for URLs.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Integers have at most 20 digits; longer ones are out of range.
const MAX_INTEGER_DIGITS: i64 = 30;

/// The characters of a value that an error shows.
const MAX_SHOWN_CHARS: usize = 60;

/// Reads the JSON text of a value that is no message. The error says what was expected and found.
pub(super) fn read(tables: &Tables, kind: Kind, json: &str) -> Result<Scalar, String> {
    let found = || shown(json);
    let expected = || format!("expected {}, found {}", article(kind.name(tables)), found());
    match kind {
        Kind::Bool => match json {
            "true" => Ok(Scalar::Varint(1)),
            "false" => Ok(Scalar::Varint(0)),
            _ => Err(expected()),
        },
        Kind::String => Ok(Scalar::Bytes(string(json).ok_or_else(expected)?.into_owned().into_bytes())),
        Kind::Bytes => {
            let text = string(json).ok_or_else(|| format!("expected base64, found {}", found()))?;
            let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
            let bytes = engine.decode(&*text);
            bytes.map(Scalar::Bytes).map_err(|error| format!("expected base64, found {}: {error}", found()))
        }
        Kind::Double => {
            let number = float(json, str::parse::<f64>, f64::is_infinite).ok_or_else(expected)?;
            Ok(Scalar::Fixed64(number.to_bits()))
        }
        Kind::Float => {
            let number = float(json, str::parse::<f32>, f32::is_infinite).ok_or_else(expected)?;
            Ok(Scalar::Fixed32(number.to_bits()))
        }
        Kind::Enum(index) => enum_value(tables.item(index), json),
        Kind::Message(_) | Kind::Group(_) => Err(expected()),
        _ => {
            let text = if json.starts_with('"') { string(json).ok_or_else(expected)? } else { json.into() };
            integer_scalar(kind, integer(&text)).ok_or_else(|| match range(kind) {
                Some((least, most)) if integer(&text).is_some() => {
                    format!("{} is out of range: {} is between {least} and {most}", found(), kind.name(tables))
                }
                _ => expected(),
            })
        }
    }
}

/// Reads the key of a map, which JSON has as a string.
pub(super) fn read_key(tables: &Tables, kind: Kind, key: &str) -> Result<Scalar, String> {
    match kind {
        Kind::String => Ok(Scalar::Bytes(key.as_bytes().to_vec())),
        // As a JSON value, the text of the key has no quotation marks.
        _ => read(tables, kind, key).map_err(|message| format!("the key: {message}")),
    }
}

fn enum_value(item: &Enum, json: &str) -> Result<Scalar, String> {
    let number = match string(json) {
        Some(name) => item.by_name.get(&*name).copied(),
        None if item.is_null && json == "null" => Some(0),
        None => integer(json).and_then(|number| i32::try_from(number).ok()),
    };
    // Negative numbers have 64 bits on the wire.
    number.map(|number| Scalar::Varint(i64::from(number).cast_unsigned())).ok_or_else(|| {
        let names: Vec<&str> =
            item.by_number.iter().take(10).filter_map(|(_, name)| std::str::from_utf8(name).ok()).collect();
        let more = if item.by_number.len() > names.len() { ", …" } else { "" };
        format!("expected a value of {} ({}{more}), found {}", item.full_name, names.join(", "), shown(json))
    })
}

fn integer_scalar(kind: Kind, number: Option<i128>) -> Option<Scalar> {
    let number = number?;
    Some(match kind {
        Kind::Int32 => Scalar::Varint(i64::from(i32::try_from(number).ok()?).cast_unsigned()),
        Kind::Int64 => Scalar::Varint(i64::try_from(number).ok()?.cast_unsigned()),
        Kind::Uint32 => Scalar::Varint(u32::try_from(number).ok()?.into()),
        Kind::Uint64 => Scalar::Varint(u64::try_from(number).ok()?),
        Kind::Sint32 => {
            let number = i32::try_from(number).ok()?;
            Scalar::Varint(((number << 1) ^ (number >> 31)).cast_unsigned().into())
        }
        Kind::Sint64 => {
            let number = i64::try_from(number).ok()?;
            Scalar::Varint(((number << 1) ^ (number >> 63)).cast_unsigned())
        }
        Kind::Fixed32 => Scalar::Fixed32(u32::try_from(number).ok()?),
        Kind::Fixed64 => Scalar::Fixed64(u64::try_from(number).ok()?),
        Kind::Sfixed32 => Scalar::Fixed32(i32::try_from(number).ok()?.cast_unsigned()),
        Kind::Sfixed64 => Scalar::Fixed64(i64::try_from(number).ok()?.cast_unsigned()),
        _ => return None,
    })
}

fn range(kind: Kind) -> Option<(i128, i128)> {
    match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Some((i32::MIN.into(), i32::MAX.into())),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Some((i64::MIN.into(), i64::MAX.into())),
        Kind::Uint32 | Kind::Fixed32 => Some((0, u32::MAX.into())),
        Kind::Uint64 | Kind::Fixed64 => Some((0, u64::MAX.into())),
        _ => None,
    }
}

/// The exact integer of a JSON number, also of one such as `1.50e2`; `None` if it has a fraction. An integer of more than 30
/// digits becomes one that is out of range for every kind.
fn integer(text: &str) -> Option<i128> {
    let NumberParts { is_negative, whole, fraction, exponent } = NumberParts::of(text)?;
    let sign = if is_negative { -1 } else { 1 };
    let digits = format!("{whole}{fraction}");
    let whole_digits = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let significant = digits.trim_end_matches('0');
    let leading_zeros = i64::try_from(digits.len() - digits.trim_start_matches('0').len()).ok()?;
    if significant.is_empty() {
        return Some(0);
    }
    if i64::try_from(significant.len()).ok()? > whole_digits {
        return None;
    }
    if whole_digits - leading_zeros > MAX_INTEGER_DIGITS {
        return Some(sign * i128::MAX);
    }
    let number = significant.trim_start_matches('0').parse::<i128>().ok()?;
    let zeros = u32::try_from(whole_digits - i64::try_from(significant.len()).ok()?).ok()?;
    number.checked_mul(10_i128.checked_pow(zeros)?).map(|number| sign * number)
}

/// A JSON number, or a string of one, of NaN or of an infinity. A number too large for the type is refused.
fn float<T: From<f32> + Copy>(
    json: &str,
    parse: impl Fn(&str) -> Result<T, std::num::ParseFloatError>,
    is_infinite: impl Fn(T) -> bool,
) -> Option<T> {
    let text = if json.starts_with('"') { string(json)? } else { json.into() };
    match &*text {
        "NaN" if json != text => return Some(f32::NAN.into()),
        "Infinity" if json != text => return Some(f32::INFINITY.into()),
        "-Infinity" if json != text => return Some(f32::NEG_INFINITY.into()),
        _ => {}
    }
    // Rust reads also `inf` and `nan`.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    parse(&text).ok().filter(|number| !is_infinite(*number))
}

/// The text of a JSON string; `None` for another value.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    if !json.starts_with('"') {
        return None;
    }
    match protocol::from_json::<&str>(json) {
        Ok(text) => Some(Cow::Borrowed(text)),
        // It has escapes.
        Err(_) => protocol::from_json::<String>(json).ok().map(Cow::Owned),
    }
}

/// A value in an error message.
pub(super) fn shown(json: &str) -> Cow<'_, str> {
    match json.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &json[..end])),
        None => Cow::Borrowed(json),
    }
}

fn article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_exactly() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0.000", Some(0)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("18446744073709551616", Some(1 << 64)),
            ("1.5e1", Some(15)),
            ("-1.50e+2", Some(-150)),
            ("100e-2", Some(1)),
            ("0.001e3", Some(1)),
            ("1e29", Some(10_i128.pow(29))),
            ("1e300", Some(i128::MAX)),
            ("-1e300", Some(-i128::MAX)),
            ("1.5", None),
            ("1e-1", None),
            ("", None),
            ("1.", None),
            ("0x1", None),
            (" 1", None),
            ("1e", None),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }

    #[test]
    fn floats_must_be_finite_numbers_or_named() {
        let read = |json| float(json, str::parse::<f32>, f32::is_infinite);
        assert_eq!(read("0.1"), Some(0.1));
        assert_eq!(read("\"-Infinity\""), Some(f32::NEG_INFINITY));
        assert_eq!(read("\"1e2\""), Some(100.0));
        assert!(read("\"NaN\"").is_some_and(f32::is_nan));
        for json in ["1e39", "NaN", "Infinity", "\"inf\"", "\"nan\"", "\"\"", "true", "\"1 \""] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
