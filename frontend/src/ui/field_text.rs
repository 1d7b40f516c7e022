//! A key or value as one line of text: its kind, and as many characters as a row can show.

use protocol::WireBytes;

use page_model::{check_json, is_binary, short_hex, without_needless_escapes};

/// Numbers and JSON literals are shorter. Longer texts are not parsed, since parsing only selects the colour.
const SHORT_BYTES: usize = 32;
/// A longer text is not checked for being JSON whenever its row is drawn, so that its escapes stay. Only its
/// shown beginning is checked.
const CHECKED_BYTES: usize = 64 * 1024;

#[derive(Clone, PartialEq)]
pub enum FieldText {
    Null,
    Empty,
    Json(String),
    Text(String),
    /// Bytes that are not text, in hexadecimal digits.
    Binary(String),
}

/// At most `chars` characters; a truncated text ends with an ellipsis. JSON has no line breaks and no needless escapes.
pub fn field_text(field: &WireBytes, chars: usize) -> FieldText {
    raw_text(field.as_kafka(), chars)
}

/// The same for raw bytes. Only the shown bytes are decoded, so that a large value costs no more than a short one.
pub fn raw_text(field: Option<&[u8]>, chars: usize) -> FieldText {
    let Some(bytes) = field else { return FieldText::Null };
    // No character has more than four bytes.
    let shown = &bytes[..bytes.len().min(chars * 4)];
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        // The last character is truncated.
        Err(error) if error.error_len().is_none() && shown.len() < bytes.len() => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let Some(text) = text.filter(|text| !is_binary(text)) else {
        return FieldText::Binary(short_hex(bytes, chars / 3));
    };
    let is_cut = shown.len() < bytes.len();
    match bytes.first() {
        None => FieldText::Empty,
        // The line has the same colours whether or not the rest of the value is valid JSON.
        Some(b'{' | b'[') => FieldText::Json(json_line(bytes, text, chars, is_cut)),
        Some(_) if bytes.len() <= SHORT_BYTES && check_json(text).is_ok() => {
            FieldText::Json(json_line(bytes, text, chars, is_cut))
        }
        Some(_) => FieldText::Text(one_line(text, chars, is_cut)),
    }
}

/// A text that only begins like JSON stays as it is: its line breaks and tabs are significant.
fn json_line(whole: &[u8], text: &str, chars: usize, is_cut: bool) -> String {
    let line = one_line(text, chars, is_cut);
    let is_checked = whole.len() <= CHECKED_BYTES;
    let is_json = || match is_checked {
        true => std::str::from_utf8(whole).is_ok_and(|text| check_json(text).is_ok()),
        false => may_continue_as_json(text),
    };
    if !line.contains(['\n', '\r', '\t', '\\']) || !is_json() {
        return line;
    }
    let mut short = String::with_capacity(line.len());
    let mut is_indent = false;
    for c in line.chars() {
        let is_break = matches!(c, '\n' | '\r');
        // A line break in JSON is insignificant, and so is the indentation after it.
        if !(is_indent && matches!(c, '\n' | '\r' | '\t' | ' ')) {
            short.push(if is_break || c == '\t' { ' ' } else { c });
            is_indent = is_break;
        }
    }
    if is_checked { without_needless_escapes(&short).into_owned() } else { short }
}

/// Whether JSON may begin with this text: its first error is at its end.
fn may_continue_as_json(text: &str) -> bool {
    let Err(spot) = check_json(text) else { return true };
    let last = text.rsplit('\n').next().unwrap_or_default();
    spot.line == text.split('\n').count() && spot.column >= last.chars().count()
}

fn one_line(text: &str, max_chars: usize, is_cut: bool) -> String {
    let end = text.char_indices().nth(max_chars).map_or(text.len(), |(at, _)| at);
    let mut line = text[..end].to_owned();
    if is_cut || end < text.len() {
        line.push('…');
    }
    line
}
