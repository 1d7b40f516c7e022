//! A key, a value or a header's value in the send form: how its text becomes bytes, and its validation. The user chooses the
//! form; it is never guessed, and the text is never reformatted.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use formats::{BadBase64, Spot, Template, TemplateError, decode_base64};
use protocol::WireBytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// A larger file is not stored for the next visit: the browser's storage is limited to 5 MB.
const REMEMBERED_FILE_BYTES: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Kafka's null: no key; as a value, a tombstone.
    #[default]
    Null,
    Text,
    /// Sent byte for byte like text, but only if it is valid JSON.
    Json,
    Base64,
    /// The bytes of a file.
    File,
}

/// A file's name and bytes. The bytes are absent if the file was chosen on an earlier visit and was too large to store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileContent {
    pub name: String,
    #[serde(default, with = "remembered_bytes")]
    pub bytes: Option<Arc<[u8]>>,
}

mod remembered_bytes {
    use serde::{Deserializer, Serializer};

    use super::{Arc, BASE64, Deserialize, Engine, REMEMBERED_FILE_BYTES};

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    Json(Spot),
    Base64(Spot),
    /// The base64 text ends within a byte.
    Base64Ends,
    /// No file is chosen.
    NoFile,
    /// A file of this name was chosen on an earlier visit.
    FileGone(String),
    Template(TemplateError),
    /// The template is valid, but its first record is not valid JSON.
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

/// Validates JSON without building a value; numbers are not parsed.
pub fn check_json(text: &str) -> Result<(), Spot> {
    protocol::from_json::<IgnoredAny>(text).map(|_| ()).map_err(|error| {
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

    /// A field with the form that preserves these bytes exactly.
    pub fn of(bytes: &WireBytes) -> Self {
        match bytes {
            WireBytes::Null => Self::default(),
            WireBytes::Text(text) => Self::text(text.clone()),
            WireBytes::Json(raw) => Self::json(raw.get()),
            WireBytes::Base64(bytes) => Self { form: Form::Base64, text: BASE64.encode(bytes), file: None },
        }
    }

    /// A field for editing these bytes. A text area drops carriage returns, and an input drops all line breaks: bytes
    /// with those become base64, so that an edit does not lose them.
    pub fn editable(bytes: &WireBytes, has_lines: bool) -> Self {
        let field = Self::of(bytes);
        match bytes.as_kafka() {
            Some(raw) if field.text.contains(|c| c == '\r' || (c == '\n' && !has_lines)) => {
                Self::of(&WireBytes::Base64(raw.to_vec()))
            }
            _ => field,
        }
    }

    /// The size in Kafka, in bytes; an estimate while the text is invalid.
    pub fn size(&self) -> usize {
        match self.form {
            Form::Null => 0,
            Form::Text | Form::Json => self.text.len(),
            Form::Base64 => self.text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'=').count() * 3 / 4,
            Form::File => self.file.as_ref().and_then(|file| file.bytes.as_ref()).map_or(0, |bytes| bytes.len()),
        }
    }

    /// Why the field cannot be sent.
    pub fn error(&self) -> Option<FieldError> {
        match self.form {
            Form::Json => check_json(&self.text).err().map(FieldError::Json),
            _ => self.bytes().err(),
        }
    }

    /// The bytes to send. JSON is not checked here.
    pub fn bytes(&self) -> Result<WireBytes, FieldError> {
        match self.form {
            Form::Null => Ok(WireBytes::Null),
            Form::Text | Form::Json => Ok(WireBytes::text(self.text.clone())),
            Form::Base64 => decode_base64(&self.text).map(WireBytes::Base64).map_err(|bad| match bad {
                BadBase64::At(spot) => FieldError::Base64(spot),
                BadBase64::Ends => FieldError::Base64Ends,
            }),
            Form::File => match &self.file {
                None => Err(FieldError::NoFile),
                Some(FileContent { name, bytes: None }) => Err(FieldError::FileGone(name.clone())),
                Some(FileContent { bytes: Some(bytes), .. }) => Ok(WireBytes::Base64(bytes.to_vec())),
            },
        }
    }

    /// The field as a pattern for many records. Text and JSON may contain placeholders; base64 and files are constant.
    pub fn template(&self) -> Result<Template, FieldError> {
        match self.form {
            Form::Text | Form::Json => Template::parse(&self.text).map_err(FieldError::Template),
            Form::Null => Ok(Template::null()),
            Form::Base64 | Form::File => {
                self.bytes().map(|bytes| Template::constant(bytes.as_kafka().unwrap_or_default().to_vec()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(form: Form, text: &str) -> Option<Vec<u8>> {
        let field = Field { form, text: text.into(), file: None };
        assert_eq!(field.error(), None, "{text}");
        field.bytes().expect("no fault").as_kafka().map(<[u8]>::to_vec)
    }

    #[test]
    fn text_with_line_breaks_that_an_input_drops_is_edited_as_base64() {
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
    fn json_error_position_counts_characters() {
        assert_eq!(check_json("{\n  \"id\": 1,\n}"), Err(Spot { line: 3, column: 1 }));
        assert_eq!(check_json(""), Err(Spot { line: 1, column: 1 }));
        assert_eq!(check_json("{\"è\": x}"), Err(Spot { line: 1, column: 7 }));
    }

    #[test]
    fn base64_may_be_wrapped_and_unpadded_and_errors_have_a_position() {
        assert_eq!(stored(Form::Base64, "AP/+\n gA==").as_deref(), Some(&[0, 255, 254, 128][..]));
        assert_eq!(stored(Form::Base64, "AP/+gA").as_deref(), Some(&[0, 255, 254, 128][..]));
        let error = |text: &str| Field { form: Form::Base64, text: text.into(), file: None }.error();
        assert_eq!(error("AP/+\ng*A="), Some(FieldError::Base64(Spot { line: 2, column: 2 })));
        assert_eq!(error("AP/+g"), Some(FieldError::Base64Ends));
    }

    #[test]
    fn small_file_is_stored_and_large_file_must_be_chosen_again() {
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
        assert_eq!(large.error(), Some(FieldError::FileGone("a.bin".into())));
    }

    #[test]
    fn consumed_bytes_are_produced_again_byte_for_byte() {
        for bytes in [None, Some(&b"text"[..]), Some(b"{\"a\": 1}"), Some(&[0, 255]), Some(b"")] {
            let field = Field::of(&WireBytes::from_kafka(bytes));
            assert_eq!(field.bytes().expect("no fault").as_kafka(), bytes);
        }
    }
}
