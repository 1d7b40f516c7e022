//! JSON as text: indentation, and tokens for highlighting. Works on the text without parsing values, so that big integers,
//! key order, escapes and duplicate keys stay as they are in Kafka. Expects valid JSON; the tokens and the indentation of
//! invalid JSON are arbitrary, but no character is changed or lost.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Key,
    Text,
    Number,
    /// `true`, `false`, `null`.
    Literal,
    /// Brackets, commas, colons and white space.
    Punctuation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
}

/// Splits a JSON text into tokens. Joined, the tokens are the text again. The text may end anywhere.
pub fn tokens(json: &str) -> Vec<Token<'_>> {
    let bytes = json.as_bytes();
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let kind = match bytes[at] {
            b'"' => {
                at = end_of_string(bytes, at);
                if next_is_colon(bytes, at) { TokenKind::Key } else { TokenKind::Text }
            }
            b'-' | b'0'..=b'9' => {
                at = end_of(bytes, at, |c| matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
                TokenKind::Number
            }
            c if is_punctuation(c) => {
                at = end_of(bytes, at, is_punctuation);
                TokenKind::Punctuation
            }
            _ => {
                at = end_of(bytes, at, |c| !is_punctuation(c) && c != b'"');
                TokenKind::Literal
            }
        };
        // Each token ends beside an ASCII byte or at the end of the text, hence on a character boundary.
        tokens.push(Token { kind, text: &json[start..at] });
    }
    tokens
}

fn is_punctuation(c: u8) -> bool {
    matches!(c, b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t')
}

fn end_of(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&c| !belongs(c)).map_or(bytes.len(), |length| from + length)
}

/// `from`: the index of the opening quote. Returns the index after the closing quote.
pub(super) fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn next_is_colon(bytes: &[u8], from: usize) -> bool {
    bytes[from..].iter().find(|c| !c.is_ascii_whitespace()) == Some(&b':')
}

/// The text of a JSON string; `None` for other JSON.
pub fn string_of(json: &str) -> Option<String> {
    if json.trim_ascii_start().starts_with('"') { protocol::from_json(json).ok() } else { None }
}

/// The same JSON with one value per line and two spaces per level. Strings and numbers are copied unchanged.
pub fn indent(json: &str) -> String {
    let bytes = json.as_bytes();
    let mut out = String::with_capacity(json.len() + json.len() / 4);
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at = end_of_string(bytes, at);
                out.push_str(&json[start..at]);
            }
            open @ (b'{' | b'[') => {
                at = end_of(bytes, at + 1, |c| c.is_ascii_whitespace());
                out.push(open as char);
                // Empty objects and arrays stay on one line.
                if let Some(&close @ (b'}' | b']')) = bytes.get(at) {
                    out.push(close as char);
                    at += 1;
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            close @ (b'}' | b']') => {
                at += 1;
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(close as char);
            }
            b',' => {
                at += 1;
                out.push(',');
                break_line(&mut out, depth);
            }
            b':' => {
                at += 1;
                out.push_str(": ");
            }
            c if c.is_ascii_whitespace() => at += 1,
            _ => {
                at = end_of(bytes, at, |c| !is_punctuation(c) && c != b'"');
                out.push_str(&json[start..at]);
            }
        }
    }
    out
}

/// The indentation is limited: otherwise deep nesting would turn a small value into megabytes of spaces.
fn break_line(out: &mut String, depth: usize) {
    const MAX_INDENTED_LEVELS: usize = 40;
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(MAX_INDENTED_LEVELS)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_keeps_numbers_order_escapes_and_duplicates() {
        let json = r#"{"id":9007199254740993,"a":[1.10,{"b":"x\"{,:}\\"}],"a":{},"è":[ ],"n":null}"#;
        let expected = "{\n  \"id\": 9007199254740993,\n  \"a\": [\n    1.10,\n    {\n      \"b\": \"x\\\"{,:}\\\\\"\n    }\n  ],\n  \"a\": {},\n  \"è\": [],\n  \"n\": null\n}";
        assert_eq!(indent(json), expected);
        assert_eq!(indent(expected), expected, "indented text is unchanged");
    }

    #[test]
    fn text_of_a_string_has_its_line_breaks() {
        assert_eq!(string_of(r#""<a>\n  <b>\u00e8</b>\n</a>""#).as_deref(), Some("<a>\n  <b>è</b>\n</a>"));
        assert_eq!((string_of("7"), string_of("\"open")), (None, None));
    }

    #[test]
    fn tokens_contain_the_whole_text_and_distinguish_keys_from_strings() {
        let json = r#"{"id": -1.5e3, "text": "a: \"b\"", "ok": [true,null]}"#;
        let tokens = tokens(json);
        assert_eq!(tokens.iter().map(|token| token.text).collect::<String>(), json);
        let of =
            |kind| tokens.iter().filter(move |token| token.kind == kind).map(|token| token.text).collect::<Vec<_>>();
        assert_eq!(of(TokenKind::Key), ["\"id\"", "\"text\"", "\"ok\""]);
        assert_eq!(of(TokenKind::Text), [r#""a: \"b\"""#]);
        assert_eq!(of(TokenKind::Number), ["-1.5e3"]);
        assert_eq!(of(TokenKind::Literal), ["true", "null"]);
    }

    #[test]
    fn tokens_of_a_truncated_text_contain_the_whole_text() {
        let json = r#"{"è":"\u00e8ñ\\","n":[1,2]}"#;
        for (end, _) in json.char_indices() {
            let cut = &json[..end];
            assert_eq!(tokens(cut).iter().map(|token| token.text).collect::<String>(), cut);
            indent(cut);
        }
    }

    #[test]
    fn indentation_of_deeply_nested_json_is_bounded() {
        let deep = "[".repeat(5000) + "1" + &"]".repeat(5000);
        assert!(indent(&deep).len() < 1_000_000);
    }
}
