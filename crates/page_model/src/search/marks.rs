//! What is marked in the records that a search finds: its text, the matches of its regular expression, its key, and the texts
//! with which its expression compares.

use std::ops::Range;
use std::rc::Rc;

use protocol::WireBytes;

use crate::filter::{Condition, Filter, Regex};

/// The marks of a search. `regex` compiles a regular expression of the browser, or returns nothing if it is invalid there.
pub fn search_marks(filter: &protocol::Filter, regex: impl FnOnce(&str) -> Option<Rc<dyn Regex>>) -> Filter {
    let mut conditions = Vec::new();
    if let Some(text) = &filter.text {
        conditions.push(Condition::text(&text.text));
    }
    if let Some(made) = filter.regex.as_ref().and_then(|filter| regex(&browser_regex(&filter.regex)?)) {
        conditions.push(Condition::Regex(made));
    }
    if let Some(WireBytes::Text(key)) = &filter.key {
        conditions.push(Condition::Key(key.to_ascii_lowercase().into_bytes()));
    }
    for literal in filter.expression.as_deref().map(compared_texts).unwrap_or_default() {
        conditions.push(Condition::Regex(Rc::new(literal)));
    }
    Filter::new(conditions)
}

/// The regular expression of the bridge in the browser's syntax. `None` if it means something else there, or may be slow: the
/// browser's engine, unlike that of the bridge, may need exponential time for a repeated group.
fn browser_regex(pattern: &str) -> Option<String> {
    let (source, flags) = pattern.strip_prefix("(?i)").map_or((pattern, ""), |rest| (rest, "i"));
    let is_unsafe = [")*", ")+", "){", ")?", "(?", "\\p", "\\P", "\\x{", "\\z", "\\A", "[[", "&&"];
    (!source.is_empty() && !is_unsafe.iter().any(|unsafe_part| source.contains(unsafe_part)))
        .then(|| format!("/{source}/{flags}"))
}

/// A text in an expression, as exactly as it is compared.
#[derive(Debug, PartialEq, Eq)]
struct ComparedText {
    text: String,
    /// It is compared with a whole key, field or header.
    is_whole: bool,
}

impl Regex for ComparedText {
    fn is_in(&self, text: &str) -> bool {
        !self.ranges_in(text).is_empty()
    }

    fn ranges_in(&self, text: &str) -> Vec<Range<usize>> {
        if !self.is_whole {
            return text.match_indices(&self.text).map(|(at, found)| at..at + found.len()).collect();
        }
        if text == self.text {
            return std::iter::once(0..text.len()).collect();
        }
        // A whole text of the JSON.
        let quoted = format!("\"{}\"", self.text);
        text.match_indices(&quoted).map(|(at, _)| at + 1..at + 1 + self.text.len()).collect()
    }
}

/// The texts that the expression compares with `==`, `contains`, `startsWith` and `endsWith`. Those with escapes are left out.
fn compared_texts(expression: &str) -> Vec<ComparedText> {
    const METHODS: [&str; 3] = [".contains(", ".startsWith(", ".endsWith("];
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = expression[from..].find(['"', '\'']).map(|at| from + at) {
        let quote = expression.as_bytes()[start];
        let Some(end) = end_of_text(expression, start + 1, quote) else { break };
        let (before, text, after) = (&expression[..start], &expression[start + 1..end], &expression[end + 1..]);
        from = end + 1;
        // Raw texts and bytes.
        let has_prefix = before.ends_with(['r', 'R', 'b', 'B']);
        if text.is_empty() || text.contains('\\') || has_prefix {
            continue;
        }
        let before = before.trim_end();
        let is_whole = before.ends_with("==") || after.trim_start().starts_with("==");
        if is_whole || METHODS.iter().any(|method| before.ends_with(method)) {
            found.push(ComparedText { text: text.to_owned(), is_whole });
        }
    }
    found
}

/// The index of the quote that ends the text.
fn end_of_text(expression: &str, start: usize, quote: u8) -> Option<usize> {
    let mut bytes = expression.bytes().enumerate().skip(start);
    while let Some((at, byte)) = bytes.next() {
        if byte == quote {
            return Some(at);
        }
        if byte == b'\\' {
            bytes.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;

    fn marked<'a>(filter: &str, text: &'a str) -> Vec<&'a str> {
        let filter: protocol::Filter = protocol::from_json(filter).expect("a filter");
        let marks = search_marks(&filter, |_| None).marks_in(Part::Value, text);
        marks.into_iter().map(|mark| &text[mark]).collect()
    }

    #[test]
    fn texts_of_an_expression_are_marked_where_they_are_compared() {
        let expression = |expression: &str| serde_json::json!({ "expression": expression }).to_string();
        let gold = r#"{"tier":"gold","golden":"marigold"}"#;
        assert_eq!(marked(&expression(r#"value.tier == "gold""#), gold), ["gold"]);
        assert_eq!(marked(&expression("'gold'==value.tier"), "gold"), ["gold"]);
        assert_eq!(marked(&expression("value.golden.contains('gold')"), gold), ["gold", "gold", "gold"]);
        assert_eq!(marked(&expression("value.tier != 'gold' && value.a[\"tier\"] > 1"), gold), [""; 0]);
        assert_eq!(marked(&expression(r#"value.tier == "go\u006cd" || value == r"gold""#), gold), [""; 0]);
        assert_eq!(marked(&expression("value.tier == 'gold"), gold), [""; 0]);
    }

    #[test]
    fn text_is_marked_in_either_case() {
        assert_eq!(marked(r#"{"text":{"text":"Go"}}"#, "go GO"), ["go", "GO"]);
    }

    #[test]
    fn regular_expressions_that_differ_in_the_browser_or_may_be_slow_are_not_marked() {
        assert_eq!(browser_regex("a|b/c").as_deref(), Some("/a|b/c/"));
        assert_eq!(browser_regex("(?i)err(or|no)").as_deref(), Some("/err(or|no)/i"));
        for pattern in ["", "(?i)", "(a+)+b", "(?x)a b", r"\pL", "(a){2,}", r"\Aa"] {
            assert_eq!(browser_regex(pattern), None, "{pattern}");
        }
    }
}
