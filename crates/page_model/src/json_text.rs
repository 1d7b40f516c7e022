//! JSON as text: indented for reading and cut into pieces for colouring. Works on the raw text alone, so that big
//! integers, key order, escapes and duplicates stay as they are in Kafka. Expects valid JSON; anything else comes back
//! uncoloured or oddly indented, never changed or lost.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceKind {
    Key,
    Text,
    Number,
    /// `true`, `false`, `null`.
    Word,
    /// Brackets, commas, colons and white space.
    Punctuation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    pub kind: PieceKind,
    pub text: &'a str,
}

/// Cuts a JSON text into pieces which, joined, are the text again. A text cut off anywhere works too.
pub fn pieces(json: &str) -> Vec<Piece<'_>> {
    let bytes = json.as_bytes();
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let kind = match bytes[at] {
            b'"' => {
                at = end_of_string(bytes, at);
                if next_is_colon(bytes, at) { PieceKind::Key } else { PieceKind::Text }
            }
            b'-' | b'0'..=b'9' => {
                at = end_of(bytes, at, |c| matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
                PieceKind::Number
            }
            c if is_punctuation(c) => {
                at = end_of(bytes, at, is_punctuation);
                PieceKind::Punctuation
            }
            _ => {
                at = end_of(bytes, at, |c| !is_punctuation(c) && c != b'"');
                PieceKind::Word
            }
        };
        // Every cut is beside an ASCII byte or at the end, hence between characters.
        pieces.push(Piece { kind, text: &json[start..at] });
    }
    pieces
}

fn is_punctuation(c: u8) -> bool {
    matches!(c, b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t')
}

fn end_of(bytes: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&c| !belongs(c)).map_or(bytes.len(), |length| from + length)
}

/// `from` is the opening quote; the result is just behind the closing one.
fn end_of_string(bytes: &[u8], from: usize) -> usize {
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

/// The same JSON with one value a line and two spaces a level. Strings and numbers are copied as they stand.
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
                // Empty ones stay on their line.
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

/// Deep nesting must not turn a small value into megabytes of spaces.
fn break_line(out: &mut String, depth: usize) {
    const DEEPEST: usize = 40;
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_keeps_numbers_order_escapes_and_duplicates() {
        let json = r#"{"id":9007199254740993,"a":[1.10,{"b":"x\"{,:}\\"}],"a":{},"è":[ ],"n":null}"#;
        let expected = "{\n  \"id\": 9007199254740993,\n  \"a\": [\n    1.10,\n    {\n      \"b\": \"x\\\"{,:}\\\\\"\n    }\n  ],\n  \"a\": {},\n  \"è\": [],\n  \"n\": null\n}";
        assert_eq!(indent(json), expected);
        assert_eq!(indent(expected), expected, "what is indented stays");
    }

    #[test]
    fn pieces_are_the_whole_text_and_know_keys_from_texts() {
        let json = r#"{"id": -1.5e3, "text": "a: \"b\"", "ok": [true,null]}"#;
        let pieces = pieces(json);
        assert_eq!(pieces.iter().map(|piece| piece.text).collect::<String>(), json);
        let of =
            |kind| pieces.iter().filter(move |piece| piece.kind == kind).map(|piece| piece.text).collect::<Vec<_>>();
        assert_eq!(of(PieceKind::Key), ["\"id\"", "\"text\"", "\"ok\""]);
        assert_eq!(of(PieceKind::Text), [r#""a: \"b\"""#]);
        assert_eq!(of(PieceKind::Number), ["-1.5e3"]);
        assert_eq!(of(PieceKind::Word), ["true", "null"]);
    }

    #[test]
    fn a_text_cut_off_anywhere_loses_nothing() {
        let json = r#"{"è":"\u00e8ñ\\","n":[1,2]}"#;
        for (end, _) in json.char_indices() {
            let cut = &json[..end];
            assert_eq!(pieces(cut).iter().map(|piece| piece.text).collect::<String>(), cut);
            indent(cut);
        }
    }

    #[test]
    fn depth_does_not_explode() {
        let deep = "[".repeat(5000) + "1" + &"]".repeat(5000);
        assert!(indent(&deep).len() < 1_000_000);
    }
}
