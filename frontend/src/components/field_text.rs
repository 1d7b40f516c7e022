//! A key or value as one line of text: what it is, and as much of it as a row can show.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::WireBytes;

#[derive(Clone, PartialEq)]
pub enum FieldText {
    Null,
    Empty,
    Json(String),
    Text(String),
    /// In base64.
    Binary(String),
}

/// At most `chars` characters; a cut text ends in an ellipsis. Line breaks become spaces: a row has one line.
pub fn field_text(field: &WireBytes, chars: usize) -> FieldText {
    match field {
        WireBytes::Null => FieldText::Null,
        field if field.is_empty() => FieldText::Empty,
        WireBytes::Json(raw) => FieldText::Json(one_line(raw.get(), chars)),
        WireBytes::Text(text) => FieldText::Text(one_line(text, chars)),
        WireBytes::Base64(bytes) => {
            // Three bytes make four characters; encoding a megabyte for one row would be felt.
            let shown = &bytes[..bytes.len().min(chars / 4 * 3)];
            let mut text = BASE64.encode(shown);
            if shown.len() < bytes.len() {
                text.push('…');
            }
            FieldText::Binary(text)
        }
    }
}

fn one_line(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars();
    let line: String = chars.by_ref().take(max_chars).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = with_visible_controls(&line).into_owned();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

/// Characters that only turn the direction of writing around would let a value look like another one; they are shown as
/// their escapes.
pub fn with_visible_controls(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(turns) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if turns(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// All of it, for copying.
pub fn whole_text(field: &WireBytes) -> String {
    match field {
        WireBytes::Null => String::new(),
        WireBytes::Json(raw) => raw.get().to_owned(),
        WireBytes::Text(text) => text.clone(),
        WireBytes::Base64(bytes) => BASE64.encode(bytes),
    }
}
