//! JSON as a tree that borrows from its text. Numbers keep their text, so that integers and decimals of any size stay
//! exact.

use std::borrow::Cow;

use protocol::MAX_JSON_DEPTH;
use serde::de::IgnoredAny;

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'t> {
    Null,
    Boolean(bool),
    /// The number as it is written.
    Number(&'t str),
    String(Cow<'t, str>),
    Array(Vec<Json<'t>>),
    /// The members in the order of the text; names may repeat.
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

impl<'t> Json<'t> {
    /// Reads one value, with white space around it.
    ///
    /// # Errors
    /// What is wrong with the text, and at which line and column.
    pub(crate) fn parse(text: &'t str) -> Result<Self, String> {
        // serde_json explains errors well, but keeps no number with more digits than a double has.
        protocol::from_json::<IgnoredAny>(text).map_err(|error| format!("invalid JSON: {error}"))?;
        let mut scanner = Scanner { text, at: 0 };
        scanner.value(0).ok_or_else(|| format!("JSON is nested deeper than {MAX_JSON_DEPTH} levels, or invalid"))
    }

    /// The last member with the name, which is the one that most parsers use.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|member| member.0 == name).map(|member| &member.1),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Writes the value to the end of a text. Numbers keep the text that they have.
    pub(crate) fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(number),
            Self::String(string) => write_string(string, text),
            Self::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write(text);
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    write_string(name, text);
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }

    /// Describes the value in an error: short values as they are, others by their type.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(text) => format!("the number {}", clipped(text)),
            Self::String(text) => format!("the string {:?}", clipped(text)),
            Self::Array(_) => "an array".to_owned(),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// Appends a JSON string with quotation marks.
pub(crate) fn write_string(string: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

/// A member in the path of an error: `.name`, or `["other name"]`.
pub(crate) fn member_path(name: &str) -> String {
    let is_plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain { format!(".{}", clipped(name)) } else { format!("[{:?}]", clipped(name)) }
}

/// The start of a text that is too long for an error.
pub(crate) fn clipped(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// Reads text that is known to be JSON. Its methods return `None` if the text is not JSON after all, or nested too deep.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn value(&mut self, depth: usize) -> Option<Json<'t>> {
        match self.token()? {
            b'n' => self.literal("null", Json::Null),
            b't' => self.literal("true", Json::Boolean(true)),
            b'f' => self.literal("false", Json::Boolean(false)),
            b'"' => self.string().map(Json::String),
            b'[' if depth < MAX_JSON_DEPTH => {
                let mut items = Vec::new();
                while self.has_next(b']', items.is_empty())? {
                    items.push(self.value(depth + 1)?);
                }
                Some(Json::Array(items))
            }
            b'{' if depth < MAX_JSON_DEPTH => {
                let mut members = Vec::new();
                while self.has_next(b'}', members.is_empty())? {
                    self.token()?;
                    let name = self.string()?;
                    self.token().filter(|byte| *byte == b':')?;
                    self.at += 1;
                    members.push((name, self.value(depth + 1)?));
                }
                Some(Json::Object(members))
            }
            b'-' | b'0'..=b'9' => {
                let rest = &self.text[self.at..];
                let is_end = |byte: &u8| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                let size = rest.bytes().position(|byte| is_end(&byte)).unwrap_or(rest.len());
                self.at += size;
                Some(Json::Number(&rest[..size]))
            }
            _ => None,
        }
    }

    /// The next byte after white space.
    fn token(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let skipped = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))?;
        self.at += skipped;
        rest.get(skipped).copied()
    }

    /// Skips the opening bracket or the comma before an element, or the closing bracket.
    fn has_next(&mut self, end: u8, is_first: bool) -> Option<bool> {
        if is_first {
            self.at += 1;
        }
        let token = self.token()?;
        if token == end {
            self.at += 1;
            return Some(false);
        }
        if !is_first {
            self.at += 1;
        }
        Some(true)
    }

    fn literal(&mut self, literal: &str, value: Json<'t>) -> Option<Json<'t>> {
        self.text.get(self.at..)?.starts_with(literal).then(|| {
            self.at += literal.len();
            value
        })
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        let text = self.text;
        let start = self.at;
        let mut at = start + 1;
        let mut has_escapes = false;
        loop {
            match text.as_bytes().get(at)? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.at = at + 1;
        if has_escapes {
            return protocol::from_json::<String>(text.get(start..=at)?).ok().map(Cow::Owned);
        }
        text.get(start + 1..at).map(Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same value in serde_json.
    fn converted(json: &Json<'_>) -> serde_json::Value {
        match json {
            Json::Null => serde_json::Value::Null,
            Json::Boolean(value) => (*value).into(),
            Json::Number(text) => serde_json::from_str(text).expect("a number"),
            Json::String(text) => text.as_ref().into(),
            Json::Array(items) => items.iter().map(converted).collect(),
            Json::Object(members) => members
                .iter()
                .map(|(name, value)| (name.to_string(), converted(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    #[test]
    fn values_are_read_as_serde_json_reads_them() {
        for text in [
            " { \"a\" : [ 1 , -2.5e+3 , true , false , null , \"\\u00e0\\n\\\"\" , [ ] , { } ] , \"b\\\\\" : \"我\" } ",
            "0",
            "\"\"",
            "[[],[[]]]",
            "{\"a\":1,\"a\":2}",
        ] {
            let expected: serde_json::Value = serde_json::from_str(text).expect("valid");
            assert_eq!(converted(&Json::parse(text).expect(text)), expected, "{text}");
        }
        assert_eq!(
            Json::parse("123456789012345678901234567890.10"),
            Ok(Json::Number("123456789012345678901234567890.10"))
        );
    }

    #[test]
    fn error_has_line_and_column() {
        let error = Json::parse("{\n \"a\": }").expect_err("invalid");
        assert!(error.contains("line 2 column 7"), "{error}");
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
        assert!(Json::parse("\"\\ud800\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_like_serde_json_or_refused(text in "[\\[\\]{}:,\"\\\\ue0-9+.ntrfals -]{0,12}") {
            match (Json::parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(json), Ok(expected)) => prop_assert_eq!(converted(&json), expected),
                (Err(_), _) => {}
                (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range"), "{}", error),
            }
        }
    }
}
