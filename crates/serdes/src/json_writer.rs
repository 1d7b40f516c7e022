//! JSON that is written piece by piece, up to a limit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::error::{DecodeError, DecodeErrorCode};
use crate::growth;

/// Writes one JSON value to the end of a buffer. Commas, colons and brackets are the caller's.
#[derive(Debug)]
pub struct JsonWriter<'a> {
    text: &'a mut Vec<u8>,
    /// The length that `text` may have.
    end: usize,
    limit: usize,
}

impl<'a> JsonWriter<'a> {
    /// Writes at most `limit` bytes to the end of `text`.
    pub fn new(text: &'a mut Vec<u8>, limit: usize) -> Self {
        let end = text.len().saturating_add(limit);
        Self { text, end, limit }
    }

    /// Where the next byte is written.
    pub(crate) fn position(&self) -> usize {
        self.text.len()
    }

    /// Whether what was written since a position starts with this byte.
    pub(crate) fn starts_with(&self, position: usize, byte: u8) -> bool {
        self.text.get(position) == Some(&byte)
    }

    /// Removes what was written since a position.
    pub(crate) fn truncate(&mut self, position: usize) {
        self.text.truncate(position);
    }

    /// Appends JSON text as it is.
    pub fn raw(&mut self, json: &[u8]) -> Result<(), DecodeError> {
        if json.len() > self.end.saturating_sub(self.text.len()) {
            return Err(self.too_large());
        }
        // Apart from the usual case, for which `extend_from_slice` then has nothing more to check.
        if json.len() > self.text.capacity() - self.text.len() {
            self.raw_in_more_memory(json);
        } else {
            self.text.extend_from_slice(json);
        }
        Ok(())
    }

    #[cold]
    fn raw_in_more_memory(&mut self, json: &[u8]) {
        growth::reserve(self.text, json.len(), self.end);
        self.text.extend_from_slice(json);
    }

    pub fn integer(&mut self, number: impl itoa::Integer) -> Result<(), DecodeError> {
        self.raw(itoa::Buffer::new().format(number).as_bytes())
    }

    /// The shortest text that reads back as the same number. JSON has no NaN and no infinities: they are strings.
    pub fn double(&mut self, number: f64) -> Result<(), DecodeError> {
        match special(number) {
            Some(text) => self.raw(text),
            None => self.raw(ryu::Buffer::new().format_finite(number).as_bytes()),
        }
    }

    /// Like [`Self::double`]; 0.1 stays `0.1`.
    pub fn float(&mut self, number: f32) -> Result<(), DecodeError> {
        match special(f64::from(number)) {
            Some(text) => self.raw(text),
            None => self.raw(ryu::Buffer::new().format_finite(number).as_bytes()),
        }
    }

    /// A string with quotation marks and escapes.
    pub fn string(&mut self, text: &str) -> Result<(), DecodeError> {
        self.raw(b"\"")?;
        let bytes = text.as_bytes();
        let mut written = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if !matches!(byte, 0..=0x1f | b'"' | b'\\') {
                continue;
            }
            self.raw(&bytes[written..at])?;
            written = at + 1;
            match byte {
                b'"' => self.raw(b"\\\"")?,
                b'\\' => self.raw(b"\\\\")?,
                b'\n' => self.raw(b"\\n")?,
                b'\r' => self.raw(b"\\r")?,
                b'\t' => self.raw(b"\\t")?,
                _ => self.raw(format!("\\u{byte:04x}").as_bytes())?,
            }
        }
        self.raw(&bytes[written..])?;
        self.raw(b"\"")
    }

    /// Bytes as a string of base64 (RFC 4648, with padding).
    pub fn base64(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        // Checked first, so that nothing is allocated for bytes that do not fit.
        let size = bytes.len().div_ceil(3) * 4;
        self.reserve(size + 2)?;
        self.raw(b"\"")?;
        let at = self.text.len();
        self.text.resize(at + size, 0);
        BASE64.encode_slice(bytes, &mut self.text[at..]).expect("the size is computed above");
        self.raw(b"\"")
    }

    /// Makes a string of the JSON text that was written since a position.
    pub(crate) fn quote(&mut self, position: usize) -> Result<(), DecodeError> {
        let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
        let escapes = self.text[position..].iter().filter(|byte| is_escaped(byte)).count();
        self.reserve(escapes + 2)?;
        // From its end, because the text moves by the backslashes before it. Without a second buffer, a key takes no memory besides the JSON.
        let mut from = self.text.len();
        let mut to = from + escapes + 2;
        self.text.resize(to, b'"');
        to -= 1;
        while from > position {
            from -= 1;
            to -= 1;
            let byte = self.text[from];
            self.text[to] = byte;
            if is_escaped(&byte) {
                to -= 1;
                self.text[to] = b'\\';
            }
        }
        self.text[position] = b'"';
        Ok(())
    }

    /// Checks that so many more bytes are allowed, and reserves memory for them.
    fn reserve(&mut self, bytes: usize) -> Result<(), DecodeError> {
        if bytes > self.end.saturating_sub(self.text.len()) {
            return Err(self.too_large());
        }
        growth::reserve(self.text, bytes, self.end);
        Ok(())
    }

    #[cold]
    fn too_large(&self) -> DecodeError {
        let message = format!("the decoded value is larger than {} bytes (--max-decoded-bytes)", self.limit);
        DecodeError::new(DecodeErrorCode::TooLarge, message)
    }
}

fn special(number: f64) -> Option<&'static [u8]> {
    if number.is_nan() {
        Some(b"\"NaN\"")
    } else if number == f64::INFINITY {
        Some(b"\"Infinity\"")
    } else if number == f64::NEG_INFINITY {
        Some(b"\"-Infinity\"")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::JsonWriter;
    use crate::error::DecodeErrorCode;

    fn written(
        limit: usize,
        write: impl FnOnce(&mut JsonWriter<'_>) -> Result<(), crate::DecodeError>,
    ) -> Option<String> {
        let mut text = b"before ".to_vec();
        match write(&mut JsonWriter::new(&mut text, limit)) {
            Ok(()) => Some(String::from_utf8(text[7..].to_vec()).expect("UTF-8")),
            Err(error) => {
                assert_eq!(error.code, DecodeErrorCode::TooLarge);
                assert!(text.len() <= 7 + limit);
                None
            }
        }
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(written(99, |json| json.integer(i64::MIN)).as_deref(), Some("-9223372036854775808"));
        assert_eq!(written(99, |json| json.integer(u64::MAX)).as_deref(), Some("18446744073709551615"));
        assert_eq!(written(99, |json| json.float(0.1)).as_deref(), Some("0.1"));
        assert_eq!(written(99, |json| json.double(0.1 + 0.2)).as_deref(), Some("0.30000000000000004"));
        assert_eq!(written(99, |json| json.double(f64::NAN)).as_deref(), Some("\"NaN\""));
        assert_eq!(written(99, |json| json.float(f32::NEG_INFINITY)).as_deref(), Some("\"-Infinity\""));
    }

    #[test]
    fn strings_are_escaped() {
        let text = "a\"b\\c\nd\u{1}e\u{7f}à我";
        let json = written(99, |json| json.string(text)).expect("it fits");
        assert_eq!(serde_json::from_str::<String>(&json).expect("valid JSON"), text);
    }

    #[test]
    fn text_that_was_written_becomes_a_string() {
        for text in ["[1,2]", "{\"a\":\"b\\\"c\\\\\"}", "", "[\"è\"]"] {
            let json = written(99, |json| {
                let position = json.position();
                json.raw(text.as_bytes())?;
                json.quote(position)
            });
            let read = serde_json::from_str::<String>(&json.expect("it fits")).expect("valid JSON");
            assert_eq!(read, text);
        }
        assert_eq!(written(4, |json| json.raw(b"[1]").and_then(|()| json.quote(json.position() - 3))), None);
    }

    #[test]
    fn memory_is_never_more_than_the_limit() {
        let mut text = Vec::new();
        let mut json = JsonWriter::new(&mut text, 1000);
        while json.raw(b"0123456").is_ok() {}
        assert_eq!((text.len(), text.capacity()), (994, 1000));
    }

    #[test]
    fn nothing_is_written_beyond_the_limit() {
        assert_eq!(written(5, |json| json.string("abc")).as_deref(), Some("\"abc\""));
        assert_eq!(written(4, |json| json.string("abc")), None);
        assert_eq!(written(6, |json| json.base64(b"abc")).as_deref(), Some("\"YWJj\""));
        assert_eq!(written(5, |json| json.base64(b"abc")), None);
    }
}
