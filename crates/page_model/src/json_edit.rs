//! Changes parts of a JSON text in place. Everything else of the text stays as it is, byte for byte: numbers with any number of digits,
//! the order of members, and white space.

use std::ops::Range;

use formats::Spot;

use super::field::check_json;
use super::json_text::end_of_string;

/// A value and where it is in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonNode {
    pub range: Range<usize>,
    pub kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Null,
    Boolean(bool),
    Number,
    /// The text without escapes.
    String(String),
    Array(Vec<JsonNode>),
    Object(Vec<Member>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    /// Where the name begins, with its quote.
    pub start: usize,
    pub value: JsonNode,
}

impl JsonNode {
    /// The nesting is limited by the JSON parser.
    pub fn parse(text: &str) -> Result<Self, Spot> {
        check_json(text)?;
        Ok(Reader { text, at: 0 }.value())
    }

    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.range.clone()]
    }

    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.name == name)
    }

    pub fn members(&self) -> &[Member] {
        match &self.kind {
            NodeKind::Object(members) => members,
            _ => &[],
        }
    }

    pub fn elements(&self) -> &[JsonNode] {
        match &self.kind {
            NodeKind::Array(elements) => elements,
            _ => &[],
        }
    }

    /// Where the members or elements begin and end.
    fn children(&self) -> Vec<Range<usize>> {
        match &self.kind {
            NodeKind::Array(elements) => elements.iter().map(|element| element.range.clone()).collect(),
            NodeKind::Object(members) => members.iter().map(|member| member.start..member.value.range.end).collect(),
            _ => Vec::new(),
        }
    }

    pub fn replace(&self, text: &str, json: &str) -> String {
        splice(text, self.range.clone(), json)
    }

    /// Adds a member or an element before the one at `index`. `json`: with the name, if it is a member.
    pub fn insert(&self, text: &str, index: usize, json: &str) -> String {
        let children = self.children();
        let Some(first) = children.first() else {
            let inside = self.range.start + 1..self.range.end - 1;
            return splice(text, inside, json);
        };
        // The white space before the first one; a text in one line has a space after each comma.
        let space = &text[self.range.start + 1..first.start];
        let space = if space.is_empty() { " " } else { space };
        match children.get(index) {
            Some(next) => splice(text, next.start..next.start, &format!("{json},{space}")),
            None => {
                let end = children.last().map_or(first.end, |last| last.end);
                splice(text, end..end, &format!(",{space}{json}"))
            }
        }
    }

    /// Removes the member or element at `index`, with its comma.
    pub fn remove(&self, text: &str, index: usize) -> String {
        let children = self.children();
        let Some(child) = children.get(index) else { return text.to_owned() };
        let removed = match (index.checked_sub(1).and_then(|before| children.get(before)), children.get(index + 1)) {
            (Some(before), _) => before.end..child.end,
            (None, Some(next)) => child.start..next.start,
            (None, None) => self.range.start + 1..self.range.end - 1,
        };
        splice(text, removed, "")
    }
}

/// The text as a JSON string.
pub fn json_string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn splice(text: &str, range: Range<usize>, json: &str) -> String {
    [&text[..range.start], json, &text[range.end..]].concat()
}

/// Reads valid JSON.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.byte().is_ascii_whitespace() {
            self.at += 1;
        }
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at = end_of_string(self.text.as_bytes(), start).min(self.text.len());
        let literal = &self.text[start..self.at];
        // Half of a surrogate pair is valid for the check, and no text.
        protocol::from_json(literal).unwrap_or_else(|_| literal.trim_matches('"').to_owned())
    }

    fn value(&mut self) -> JsonNode {
        self.skip_space();
        let start = self.at;
        let kind = match self.byte() {
            b'{' => NodeKind::Object(self.list(b'}', |reader| {
                let start = reader.at;
                let name = reader.string();
                reader.skip_space();
                // The colon.
                reader.at += 1;
                Member { name, start, value: reader.value() }
            })),
            b'[' => NodeKind::Array(self.list(b']', Self::value)),
            b'"' => NodeKind::String(self.string()),
            _ => {
                let rest = &self.text[start..];
                let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | ']' | '}'));
                self.at = start + end.unwrap_or(rest.len());
                match &self.text[start..self.at] {
                    "null" => NodeKind::Null,
                    "true" => NodeKind::Boolean(true),
                    "false" => NodeKind::Boolean(false),
                    _ => NodeKind::Number,
                }
            }
        };
        JsonNode { range: start..self.at, kind }
    }

    fn list<T>(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        while self.byte() != close && self.at < self.text.len() {
            items.push(item(self));
            self.skip_space();
            if self.byte() == b',' {
                self.at += 1;
                self.skip_space();
            }
        }
        self.at += 1;
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> JsonNode {
        JsonNode::parse(text).expect("valid JSON")
    }

    #[test]
    fn replaced_value_leaves_every_other_byte() {
        let text = "{ \"id\":9007199254740993,\n \"x\": [1.10, {\"a\\\"}\": null}] }";
        let node = parsed(text);
        let inner = &node.member("x").expect("x").value.elements()[1];
        assert_eq!(inner.members()[0].name, "a\"}");
        assert_eq!(
            inner.members()[0].value.replace(text, "1e400"),
            "{ \"id\":9007199254740993,\n \"x\": [1.10, {\"a\\\"}\": 1e400}] }"
        );
        assert_eq!(node.member("id").expect("id").value.text(text), "9007199254740993");
        assert_eq!(JsonNode::parse("{\n}}").map_err(|spot| spot.line), Err(2));
    }

    #[test]
    fn inserted_and_removed_members_keep_the_indentation() {
        let text = "{\n  \"a\": 1,\n  \"c\": 3\n}";
        let node = parsed(text);
        assert_eq!(node.insert(text, 1, "\"b\": 2"), "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}");
        assert_eq!(node.insert(text, 2, "\"d\": 4"), "{\n  \"a\": 1,\n  \"c\": 3,\n  \"d\": 4\n}");
        assert_eq!(node.remove(text, 0), "{\n  \"c\": 3\n}");
        assert_eq!(node.remove(text, 1), "{\n  \"a\": 1\n}");
        assert_eq!(node.remove(text, 2), text);
    }

    #[test]
    fn first_element_is_added_and_the_only_one_removed() {
        assert_eq!(parsed("[]").insert("[]", 0, "1"), "[1]");
        assert_eq!(parsed("[1]").insert("[1]", 1, "2"), "[1, 2]");
        assert_eq!(parsed("{ }").insert("{ }", 0, "\"a\": 1"), "{\"a\": 1}");
        assert_eq!(parsed("[ 1 ]").remove("[ 1 ]", 0), "[]");
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = "[null, true, false, -1.5e3, \"\\u00e8\", \"\\ud800\", {}, []]";
        let kinds: Vec<NodeKind> = parsed(text).elements().iter().map(|node| node.kind.clone()).collect();
        let string = |text: &str| NodeKind::String(text.to_owned());
        assert_eq!(
            kinds[..5],
            [NodeKind::Null, NodeKind::Boolean(true), NodeKind::Boolean(false), NodeKind::Number, string("è")]
        );
        assert_eq!(kinds[6..], [NodeKind::Object(Vec::new()), NodeKind::Array(Vec::new())]);
    }
}
