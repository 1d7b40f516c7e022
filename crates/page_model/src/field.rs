//! A key, a value or a header's value while it is being written: how its text becomes bytes, and what is wrong with it.
//! The form is always the user's choice, never guessed, and nothing is reformatted.

use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use protocol::WireBytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::template::{Template, TemplateFault};

/// What people paste has its padding or has not.
const FORGIVING_BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// A file above this is not remembered for the next visit: the browser's storage holds 5 MB in all.
const REMEMBERED_FILE_BYTES: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Kafka's null: no key; as a value, a tombstone.
    #[default]
    Null,
    Text,
    /// As text, byte for byte, but only if it is valid JSON.
    Json,
    Base64,
    /// The bytes of a file.
    File,
}

/// A file's bytes; without them, one that was chosen on an earlier visit and was too large to remember.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileContent {
    pub name: String,
    #[serde(default, with = "remembered_bytes")]
    pub bytes: Option<Arc<[u8]>>,
}

mod remembered_bytes {
    use serde::{Deserializer, Serializer};

    use super::*;

    pub fn serialize<S: Serializer>(bytes: &Option<Arc<[u8]>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) if bytes.len() <= REMEMBERED_FILE_BYTES => serializer.serialize_some(&BASE64.encode(bytes)),
            _ => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<[u8]>>, D::Error> {
        let encoded = Option::<String>::deserialize(deserializer)?;
        Ok(encoded.and_then(|text| BASE64.decode(text).ok()).map(Arc::from))
    }
}

/// A place in a text, both from 1; columns count characters, as editors do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub line: usize,
    pub column: usize,
}

impl Spot {
    pub fn of(text: &str, byte: usize) -> Self {
        let before = &text[..text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldFault {
    Json(Spot),
    Base64(Spot),
    /// The text ends in the middle of a byte.
    Base64Ends,
    /// No file is chosen.
    NoFile,
    /// A file of this name was chosen on an earlier visit.
    FileGone(String),
    Template(TemplateFault),
    /// The template is fine, but the first record that it makes is no JSON.
    FirstJson(Spot),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Field {
    pub form: Form,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileContent>,
}

/// Checks without building anything: numbers are not even parsed.
pub fn check_json(text: &str) -> Result<(), Spot> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|error| {
        let line = error.line().max(1);
        let text = text.split('\n').nth(line - 1).unwrap_or_default();
        let before = &text[..text.floor_char_boundary(error.column())];
        Spot { line, column: before.chars().count().max(1) }
    })
}

impl Field {
    pub fn text(text: impl Into<String>) -> Self {
        Self { form: Form::Text, text: text.into(), file: None }
    }

    pub fn json(text: impl Into<String>) -> Self {
        Self { form: Form::Json, text: text.into(), file: None }
    }

    /// The form that shows these bytes as they are.
    pub fn of(bytes: &WireBytes) -> Self {
        match bytes {
            WireBytes::Null => Self::default(),
            WireBytes::Text(text) => Self::text(text.clone()),
            WireBytes::Json(raw) => Self::json(raw.get()),
            WireBytes::Base64(bytes) => Self { form: Form::Base64, text: BASE64.encode(bytes), file: None },
        }
    }

    /// The same to be edited. A text area keeps no carriage return and a line of text no line end at all: what has such is
    /// shown as base64, or an edit elsewhere in it would lose them.
    pub fn editable(bytes: &WireBytes, has_lines: bool) -> Self {
        let field = Self::of(bytes);
        match bytes.as_kafka() {
            Some(raw) if field.text.contains(|c| c == '\r' || (c == '\n' && !has_lines)) => {
                Self::of(&WireBytes::Base64(raw.to_vec()))
            }
            _ => field,
        }
    }

    /// How many bytes Kafka will store, as far as that is known while there is a fault.
    pub fn size(&self) -> usize {
        match self.form {
            Form::Null => 0,
            Form::Text | Form::Json => self.text.len(),
            Form::Base64 => self.text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'=').count() * 3 / 4,
            Form::File => self.file.as_ref().and_then(|file| file.bytes.as_ref()).map_or(0, |bytes| bytes.len()),
        }
    }

    /// What stands in the way of sending it as it is.
    pub fn fault(&self) -> Option<FieldFault> {
        match self.form {
            Form::Json => check_json(&self.text).err().map(FieldFault::Json),
            _ => self.bytes().err(),
        }
    }

    /// The bytes to send. JSON is not checked here.
    pub fn bytes(&self) -> Result<WireBytes, FieldFault> {
        match self.form {
            Form::Null => Ok(WireBytes::Null),
            Form::Text | Form::Json => Ok(WireBytes::text(self.text.clone())),
            Form::Base64 => decode(&self.text).map(WireBytes::Base64),
            Form::File => match &self.file {
                None => Err(FieldFault::NoFile),
                Some(FileContent { name, bytes: None }) => Err(FieldFault::FileGone(name.clone())),
                Some(FileContent { bytes: Some(bytes), .. }) => Ok(WireBytes::Base64(bytes.to_vec())),
            },
        }
    }

    /// The field as a pattern for many records. Placeholders stand in text and JSON; bytes are what they are.
    pub fn template(&self) -> Result<Template, FieldFault> {
        match self.form {
            Form::Text | Form::Json => Template::parse(&self.text).map_err(FieldFault::Template),
            Form::Null => Ok(Template::null()),
            Form::Base64 | Form::File => {
                self.bytes().map(|bytes| Template::constant(bytes.as_kafka().unwrap_or_default().to_vec()))
            }
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, FieldFault> {
    // Line ends and spaces mean nothing in base64; positions are told in the text as it stands.
    let (places, digits): (Vec<usize>, Vec<u8>) =
        text.bytes().enumerate().filter(|(_, c)| !c.is_ascii_whitespace()).unzip();
    FORGIVING_BASE64.decode(digits).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => {
            FieldFault::Base64(Spot::of(text, places.get(at).copied().unwrap_or(text.len())))
        }
        _ => FieldFault::Base64Ends,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(form: Form, text: &str) -> Option<Vec<u8>> {
        let field = Field { form, text: text.into(), file: None };
        assert_eq!(field.fault(), None, "{text}");
        field.bytes().expect("no fault").as_kafka().map(<[u8]>::to_vec)
    }

    #[test]
    fn what_an_input_would_lose_is_edited_as_base64() {
        let form = |text: &str, has_lines| Field::editable(&WireBytes::text(text), has_lines).form;
        assert_eq!((form("a\nb", true), form("a\r\nb", true)), (Form::Text, Form::Base64));
        assert_eq!((form("a b", false), form("a\nb", false)), (Form::Text, Form::Base64));
        let field = Field::editable(&WireBytes::text("{\r\n}"), true);
        assert_eq!(field.bytes().expect("base64").as_kafka(), Some(&b"{\r\n}"[..]));
    }

    #[test]
    fn json_is_never_reformatted() {
        for text in ["{\"id\": 9007199254740993, \"b\":1.10,\"a\":[ ]}", " [1,\n 2]\n", "\"\\u00e8\"", "1e400"] {
            assert_eq!(stored(Form::Json, text).as_deref(), Some(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn null_is_not_empty() {
        assert_eq!(stored(Form::Null, "ignored"), None);
        assert_eq!(stored(Form::Text, ""), Some(Vec::new()));
        assert_eq!(stored(Form::Base64, ""), Some(Vec::new()));
    }

    #[test]
    fn a_json_fault_says_where_in_characters() {
        assert_eq!(check_json("{\n  \"id\": 1,\n}"), Err(Spot { line: 3, column: 1 }));
        assert_eq!(check_json(""), Err(Spot { line: 1, column: 1 }));
        assert_eq!(check_json("{\"è\": x}"), Err(Spot { line: 1, column: 7 }));
    }

    #[test]
    fn base64_may_be_wrapped_and_unpadded_and_a_fault_says_where() {
        assert_eq!(stored(Form::Base64, "AP/+\n gA==").as_deref(), Some(&[0, 255, 254, 128][..]));
        assert_eq!(stored(Form::Base64, "AP/+gA").as_deref(), Some(&[0, 255, 254, 128][..]));
        let fault = |text: &str| Field { form: Form::Base64, text: text.into(), file: None }.fault();
        assert_eq!(fault("AP/+\ng*A="), Some(FieldFault::Base64(Spot { line: 2, column: 2 })));
        assert_eq!(fault("AP/+g"), Some(FieldFault::Base64Ends));
    }

    #[test]
    fn a_small_file_is_remembered_and_a_large_one_asked_for_again() {
        let with = |bytes: Vec<u8>| Field {
            form: Form::File,
            file: Some(FileContent { name: "a.bin".into(), bytes: Some(bytes.into()) }),
            ..Field::default()
        };
        let again = |field: &Field| {
            let json = serde_json::to_string(field).expect("a text");
            serde_json::from_str::<Field>(&json).expect("its own text")
        };
        let small = with(vec![0, 255, 7]);
        assert_eq!(again(&small), small);
        let large = again(&with(vec![7; REMEMBERED_FILE_BYTES + 1]));
        assert_eq!(large.fault(), Some(FieldFault::FileGone("a.bin".into())));
    }

    #[test]
    fn what_was_read_from_kafka_can_be_written_again_byte_for_byte() {
        for bytes in [None, Some(&b"text"[..]), Some(b"{\"a\": 1}"), Some(&[0, 255]), Some(b"")] {
            let field = Field::of(&WireBytes::from_kafka(bytes));
            assert_eq!(field.bytes().expect("no fault").as_kafka(), bytes);
        }
    }
}
