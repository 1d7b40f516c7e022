//! A key or value as one line of text: its kind, and as many characters as a row can show.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::WireBytes;

use page_model::check_json;

/// Numbers and JSON literals are shorter. Longer texts are not parsed, since parsing only selects the colour.
const SHORT_BYTES: usize = 32;

#[derive(Clone, PartialEq)]
pub enum FieldText {
    Null,
    Empty,
    Json(String),
    Text(String),
    /// Bytes that are not UTF-8, in base64.
    Binary(String),
}

/// At most `chars` characters; a truncated text ends with an ellipsis. Line breaks become spaces, since a row has one line.
pub fn field_text(field: &WireBytes, chars: usize) -> FieldText {
    raw_text(field.as_kafka(), chars)
}

/// The same for raw bytes. Only the shown bytes are decoded, so that a large value costs no more than a short one.
pub fn raw_text(field: Option<&[u8]>, chars: usize) -> FieldText {
    let Some(bytes) = field else { return FieldText::Null };
    // No character has more than four bytes.
    let shown = &bytes[..bytes.len().min(chars * 4)];
    let text = match std::str::from_utf8(shown) {
        Ok(text) => text,
        // The last character is truncated.
        Err(error) if error.error_len().is_none() && shown.len() < bytes.len() => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => {
            // Three bytes make four characters.
            let shown = &bytes[..bytes.len().min(chars / 4 * 3)];
            let mut text = BASE64.encode(shown);
            if shown.len() < bytes.len() {
                text.push('…');
            }
            return FieldText::Binary(text);
        }
    };
    let line = one_line(text, chars, shown.len() < bytes.len());
    match bytes.first() {
        None => FieldText::Empty,
        // The line has the same colours whether or not the rest of the value is valid JSON.
        Some(b'{' | b'[') => FieldText::Json(line),
        Some(_) if bytes.len() <= SHORT_BYTES && check_json(text).is_ok() => FieldText::Json(line),
        Some(_) => FieldText::Text(line),
    }
}

fn one_line(text: &str, max_chars: usize, is_cut: bool) -> String {
    let end = text.char_indices().nth(max_chars).map_or(text.len(), |(at, _)| at);
    let mut line = String::with_capacity(end + 4);
    line.extend(text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }));
    if let Cow::Owned(shown) = with_visible_controls(&line) {
        line = shown;
    }
    if is_cut || end < text.len() {
        line.push('…');
    }
    line
}

/// Replaces bidirectional control characters by their escapes: they could make a value look like another one.
pub fn with_visible_controls(text: &str) -> Cow<'_, str> {
    // All of them begin with this byte in UTF-8.
    let is_bidi_control =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.as_bytes().contains(&0xe2) || !text.contains(is_bidi_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bidi_control(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The complete field for copying: as text, else in base64.
pub fn whole_text(field: &WireBytes) -> String {
    match field {
        WireBytes::Null => String::new(),
        WireBytes::Json(raw) => raw.get().to_owned(),
        WireBytes::Text(text) => text.clone(),
        WireBytes::Base64(bytes) => BASE64.encode(bytes),
    }
}
