//! Escapes characters that control a terminal or reorder text, in text and in JSON. Values of clients and of Kafka may contain them.

use std::borrow::Cow;
use std::fmt::Write as _;

use protocol::is_printable;

/// The text, with escapes for the characters that may not be shown.
pub fn escaped(text: &str, is_shown: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_shown(character) {
            true => shown.push(character),
            false => shown.extend(character.escape_debug()),
        }
    }
    Cow::Owned(shown)
}

/// The same JSON with escapes. Unprintable characters occur only in strings, where JSON can escape them.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if json.chars().all(is_printable) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_printable(character) {
            shown.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}
