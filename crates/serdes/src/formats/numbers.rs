//! Numbers and UUIDs as Kafka's own serializers write them: big-endian, and nothing else in the value.

use std::str::FromStr;

use crate::error::{DecodeError, EncodeError};
use crate::json_tree::Json;
use crate::json_writer::JsonWriter;
use crate::uuid_text;

/// One type of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

impl Number {
    pub const ALL: [Self; 10] =
        [Self::I8, Self::I16, Self::I32, Self::I64, Self::U8, Self::U16, Self::U32, Self::U64, Self::F32, Self::F64];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|number| number.name() == name)
    }

    /// Writes the number.
    ///
    /// # Errors
    /// If the value has more or fewer bytes than the type.
    pub fn decode(self, bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
        match self {
            Self::I8 => json.integer(i8::from_be_bytes(self.exactly(bytes)?)),
            Self::I16 => json.integer(i16::from_be_bytes(self.exactly(bytes)?)),
            Self::I32 => json.integer(i32::from_be_bytes(self.exactly(bytes)?)),
            Self::I64 => json.integer(i64::from_be_bytes(self.exactly(bytes)?)),
            Self::U8 => json.integer(u8::from_be_bytes(self.exactly(bytes)?)),
            Self::U16 => json.integer(u16::from_be_bytes(self.exactly(bytes)?)),
            Self::U32 => json.integer(u32::from_be_bytes(self.exactly(bytes)?)),
            Self::U64 => json.integer(u64::from_be_bytes(self.exactly(bytes)?)),
            Self::F32 => json.float(f32::from_be_bytes(self.exactly(bytes)?)),
            Self::F64 => json.double(f64::from_be_bytes(self.exactly(bytes)?)),
        }
    }

    /// Encodes a JSON number; of floating-point numbers also `"NaN"`, `"Infinity"` and `"-Infinity"`.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn encode(self, json: &str) -> Result<Vec<u8>, EncodeError> {
        let json = Json::parse(json).map_err(EncodeError::whole)?;
        let bytes = match self {
            Self::I8 => integer::<i8>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::I16 => integer::<i16>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::I32 => integer::<i32>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::I64 => integer::<i64>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::U8 => integer::<u8>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::U16 => integer::<u16>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::U32 => integer::<u32>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::U64 => integer::<u64>(&json).map(|number| number.to_be_bytes().to_vec()),
            Self::F32 => float::<f32>(&json, |number| number.is_finite()).map(|number| number.to_be_bytes().to_vec()),
            Self::F64 => float::<f64>(&json, |number| number.is_finite()).map(|number| number.to_be_bytes().to_vec()),
        };
        bytes.ok_or_else(|| {
            let (expected, found) = (self.expected(), json.describe());
            EncodeError::whole(format!("expects {expected}, has {found}"))
        })
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::I8 => "an integer from -128 to 127",
            Self::I16 => "an integer from -32768 to 32767",
            Self::I32 => "an integer from -2147483648 to 2147483647",
            Self::I64 => "an integer from -9223372036854775808 to 9223372036854775807",
            Self::U8 => "an integer from 0 to 255",
            Self::U16 => "an integer from 0 to 65535",
            Self::U32 => "an integer from 0 to 4294967295",
            Self::U64 => "an integer from 0 to 18446744073709551615",
            Self::F32 => "a number of 32 bits, \"NaN\", \"Infinity\" or \"-Infinity\"",
            Self::F64 => "a number of 64 bits, \"NaN\", \"Infinity\" or \"-Infinity\"",
        }
    }

    fn exactly<const LENGTH: usize>(self, bytes: &[u8]) -> Result<[u8; LENGTH], DecodeError> {
        bytes.try_into().map_err(|_| {
            let article = if matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64) { "an" } else { "a" };
            let article = if matches!(self, Self::F32 | Self::F64) { "an" } else { article };
            let unit = if LENGTH == 1 { "byte" } else { "bytes" };
            let name = self.name();
            DecodeError::malformed(format!("{article} {name} has {LENGTH} {unit}, but the value has {}", bytes.len()))
        })
    }
}

fn integer<T: FromStr>(json: &Json<'_>) -> Option<T> {
    match json {
        Json::Number(text) => text.parse().ok(),
        _ => None,
    }
}

fn float<T: FromStr + From<f32>>(json: &Json<'_>, is_finite: impl Fn(&T) -> bool) -> Option<T> {
    match json {
        Json::Number(text) => text.parse().ok().filter(is_finite),
        Json::String(name) => match name.as_ref() {
            "NaN" => Some(f32::NAN.into()),
            "Infinity" => Some(f32::INFINITY.into()),
            "-Infinity" => Some(f32::NEG_INFINITY.into()),
            _ => None,
        },
        _ => None,
    }
}

/// Encodes a UUID with hyphens, in a JSON string, as 16 bytes.
///
/// # Errors
/// If the JSON is something else.
pub fn encode_uuid(json: &str) -> Result<Vec<u8>, EncodeError> {
    let json = Json::parse(json).map_err(EncodeError::whole)?;
    let bytes = json.as_str().and_then(uuid_text::of_text);
    bytes.map(Vec::from).ok_or_else(|| {
        let found = json.describe();
        EncodeError::whole(format!("expects a UUID such as \"0190a5c8-0000-7000-8000-000000000000\", has {found}"))
    })
}

/// Writes a UUID as a string with hyphens: from 16 bytes, or from the 36 characters of Kafka's `UUIDSerializer`.
///
/// # Errors
/// If the value is neither.
pub fn decode_uuid(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let text: &[u8] = if let Ok(sixteen) = bytes.try_into() {
        return json.raw(&uuid_text::to_json(sixteen));
    } else if uuid_text::is_text(bytes) {
        bytes
    } else {
        let found = match bytes.len() {
            36 => "the value has other characters".to_owned(),
            length => format!("the value has {length} bytes"),
        };
        let message = format!("a UUID has 16 bytes, or 36 characters such as 0190a5c8-…, but {found}");
        return Err(DecodeError::malformed(message));
    };
    json.raw(b"\"")?;
    json.raw(text)?;
    json.raw(b"\"")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Number, decode_uuid};
    use crate::error::DecodeError;
    use crate::json_writer::JsonWriter;

    fn written(write: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), DecodeError>) -> Result<String, String> {
        let mut text = Vec::new();
        write(&mut JsonWriter::new(&mut text, 100)).map_err(|error| error.message)?;
        Ok(String::from_utf8(text).expect("UTF-8"))
    }

    fn decoded(number: Number, bytes: &[u8]) -> Result<String, String> {
        written(|json| number.decode(bytes, json))
    }

    #[test]
    fn numbers_are_big_endian() {
        let cases: [(Number, &[u8], &str); 11] = [
            (Number::I8, &[0x80], "-128"),
            (Number::U8, &[0x80], "128"),
            (Number::I16, &[0xff, 0xfe], "-2"),
            (Number::U16, &[0xff, 0xfe], "65534"),
            (Number::I32, &[0, 0, 1, 2], "258"),
            (Number::U32, &[0xff; 4], "4294967295"),
            (Number::I64, &[0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
            (Number::U64, &[0xff; 8], "18446744073709551615"),
            (Number::F32, &[0x3d, 0xcc, 0xcc, 0xcd], "0.1"),
            (Number::F64, &[0x7f, 0xf0, 0, 0, 0, 0, 0, 0], "\"Infinity\""),
            (Number::F64, &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0], "1.0"),
        ];
        for (number, bytes, expected) in cases {
            assert_eq!(decoded(number, bytes).as_deref(), Ok(expected), "{number:?}");
        }
    }

    #[test]
    fn length_must_be_exact() {
        let refused = |number, bytes| decoded(number, bytes).expect_err("another length");
        assert_eq!(refused(Number::I32, &[0; 5]), "an i32 has 4 bytes, but the value has 5");
        assert_eq!(refused(Number::U8, &[]), "a u8 has 1 byte, but the value has 0");
        assert_eq!(refused(Number::F64, &[0; 4]), "an f64 has 8 bytes, but the value has 4");
    }

    #[test]
    fn names_are_read_back() {
        for number in Number::ALL {
            assert_eq!(Number::from_name(number.name()), Some(number));
        }
        assert_eq!(Number::from_name("i128"), None);
    }

    #[test]
    fn uuids_are_bytes_or_text() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        let quoted = format!("\"{text}\"");
        let bytes = [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_eq!(written(|json| decode_uuid(&bytes, json)).as_deref(), Ok(quoted.as_str()));
        assert_eq!(written(|json| decode_uuid(text.as_bytes(), json)).as_deref(), Ok(quoted.as_str()));
        let refused = |bytes: &[u8]| written(|json| decode_uuid(bytes, json)).expect_err("no UUID");
        let expected = "a UUID has 16 bytes, or 36 characters such as 0190a5c8-…, but the value has ";
        assert_eq!(refused(b"x"), format!("{expected}1 bytes"));
        assert_eq!(refused(&[b'"'; 36]), format!("{expected}other characters"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
            for number in Number::ALL {
                let _ = decoded(number, &bytes);
            }
            let _ = written(|json| decode_uuid(&bytes, json));
        }
    }
}
