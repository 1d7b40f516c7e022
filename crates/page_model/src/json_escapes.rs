//! Escapes in the strings of JSON: `\u6211` is 我. Works on the text; in valid JSON a backslash occurs only in strings.

use std::borrow::Cow;

use protocol::is_printable;

use super::field::check_json;

/// The length of the escape that begins at this backslash, and its character. No character: the escape is invalid, such as
/// half a surrogate pair.
pub fn escape_at(json: &[u8], at: usize) -> (usize, Option<char>) {
    let simple = |c: char| (2, Some(c));
    match json.get(at + 1) {
        Some(b'u') => match code_unit(json, at) {
            Some(high @ 0xd800..=0xdbff) => match code_unit(json, at + 6) {
                Some(low @ 0xdc00..=0xdfff) => (12, char::from_u32(0x10000 + ((high - 0xd800) << 10) + low - 0xdc00)),
                _ => (6, None),
            },
            Some(unit) => (6, char::from_u32(unit)),
            None => (2, None),
        },
        Some(&c @ (b'"' | b'\\' | b'/')) => simple(c.into()),
        Some(b'b') => simple('\u{8}'),
        Some(b'f') => simple('\u{c}'),
        Some(b'n') => simple('\n'),
        Some(b'r') => simple('\r'),
        Some(b't') => simple('\t'),
        Some(c) if c.is_ascii() => (2, None),
        _ => (1, None),
    }
}

/// The code unit of `\uXXXX`.
fn code_unit(json: &[u8], at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

/// The same JSON with characters in the place of escapes that it does not need. It remains valid: quotes, backslashes and
/// invisible characters stay escaped.
pub fn without_needless_escapes(json: &str) -> Cow<'_, str> {
    unescaped(json, |c| !matches!(c, '"' | '\\') && is_printable(c))
}

/// The text that a user searches in, if it differs from the text of the field: JSON with the characters of all escapes.
pub fn searchable(field: &[u8]) -> Option<String> {
    if !field.contains(&b'\\') {
        return None;
    }
    let text = std::str::from_utf8(field).ok()?;
    if !text.trim_start().starts_with(['{', '[', '"']) || check_json(text).is_err() {
        return None;
    }
    Some(unescaped(text, |_| true).into_owned())
}

fn unescaped(json: &str, replaces: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !json.contains('\\') {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (length, character) = escape_at(rest.as_bytes(), at);
        out.push_str(&rest[..at]);
        match character.filter(|&c| replaces(c)) {
            Some(c) => out.push(c),
            None => out.push_str(&rest[at..at + length]),
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_escapes_become_characters_and_the_json_stays_equal() {
        for (json, expected) in [
            (r#"{"\u540d":"\u6211 \u00e8"}"#, r#"{"名":"我 è"}"#),
            (r#""\ud83e\udd80 \uD83E\uDD80""#, r#""🦀 🦀""#),
            (r#""http:\/\/x""#, r#""http://x""#),
            // These would end the string, begin another escape, or be invisible.
            (
                r#""\u0022 \" \u005c \\ \n \t \u0000 \u202e \ufeff""#,
                r#""\u0022 \" \u005c \\ \n \t \u0000 \u202e \ufeff""#,
            ),
            (r#""\\u6211""#, r#""\\u6211""#),
            // Half of a surrogate pair.
            (r#""\ud83e" "#, r#""\ud83e" "#),
            (r#""\ud83e\u0041\udd80""#, r#""\ud83eA\udd80""#),
        ] {
            assert_eq!(without_needless_escapes(json), expected);
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(json) {
                assert_eq!(serde_json::from_str::<serde_json::Value>(expected).expect("JSON"), value);
            }
        }
    }

    #[test]
    fn text_that_ends_within_an_escape_is_unchanged() {
        let json = r#""\ud83e\udd80 è\\"#;
        for (end, _) in json.char_indices() {
            let _ = without_needless_escapes(&json[..end]);
        }
        assert_eq!(without_needless_escapes(r#""\u62"#), r#""\u62"#);
        assert_eq!(without_needless_escapes("\"\\è"), "\"\\è");
    }

    #[test]
    fn only_json_is_searched_without_escapes() {
        assert_eq!(searchable(br#" {"a":"\u6211 \"x\""}"#).as_deref(), Some(r#" {"a":"我 "x""}"#));
        for field in [&br"C:\u6211"[..], br#"{"a":"\u6211"#, br#"{"a":1}"#, &[b'"', b'\\', 0xff]] {
            assert_eq!(searchable(field), None);
        }
    }
}
