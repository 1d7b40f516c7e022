//! Paths of fields in JSON values: `customer.id`, `items[0].price`, `["a.b"]`. With `value.` in front they are expressions that the
//! bridge's filters understand.

use std::fmt;

use formats::json_members::{Elements, Members, text_of};

use super::foldable_json::FoldableJson;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Member(String),
    Element(usize),
}

/// The path of a field below the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<Part>);

/// Words that cannot be member names after a dot in CEL.
const RESERVED: &str = " true false null in as break const continue else for function if import let loop package namespace return var void while ";

impl FieldPath {
    /// Reads the text that [`Self::to_string`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix("[\"") {
                let mut end = 0;
                let bytes = quoted.as_bytes();
                while *bytes.get(end)? != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let (name, after) = quoted.split_at_checked(end)?;
                parts.push(Part::Member(text_of(&format!("\"{name}\""))?.into_owned()));
                rest = after.strip_prefix("\"]")?;
            } else if let Some(numbered) = rest.strip_prefix('[') {
                let (number, after) = numbered.split_once(']')?;
                parts.push(Part::Element(number.parse().ok()?));
                rest = after;
            } else {
                let name = if parts.is_empty() { rest } else { rest.strip_prefix('.')? };
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                if !is_identifier(name) {
                    return None;
                }
                parts.push(Part::Member(name.to_owned()));
                rest = after;
            }
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The expression for the field: `value.customer.id`.
    pub fn in_value(&self) -> String {
        let path = self.to_string();
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        format!("value{dot}{path}")
    }

    /// The JSON text of the field; `None` if the value does not have it.
    pub fn find<'t>(&self, json: &'t str) -> Option<&'t str> {
        self.0.iter().try_fold(json, |json, part| match part {
            Part::Member(name) => {
                let members = Members::of(json)?;
                // Of several members with one name, the last one, as most parsers have it.
                let own =
                    members.0.into_iter().rev().find(|(member, _)| text_of(member).is_some_and(|text| text == *name));
                own.map(|(_, value)| value)
            }
            Part::Element(index) => Elements::of(json)?.0.get(*index).copied(),
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            match part {
                Part::Member(name) if is_identifier(name) => write!(f, "{}{name}", if at == 0 { "" } else { "." })?,
                Part::Member(name) => write!(f, "[{}]", serde_json::Value::from(name.as_str()))?,
                Part::Element(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&format!(" {name} "))
}

impl FoldableJson {
    /// The path of the field in this line, and its JSON if it is neither an object nor an array. `None` for a line without a field,
    /// such as a closing bracket.
    pub fn field_at(&self, number: usize) -> Option<(FieldPath, Option<String>)> {
        // For each open bracket: the next index, if it is an array.
        let mut open: Vec<Option<usize>> = Vec::new();
        let mut path: Vec<Part> = Vec::new();
        for (at, line) in self.all_lines().enumerate().take(number + 1) {
            let text = line.trim_start();
            if text.starts_with(['}', ']']) {
                open.pop();
                path.truncate(open.len());
                if at == number {
                    return None;
                }
                continue;
            }
            path.truncate(open.len().saturating_sub(1));
            let (name, value) = match open.last_mut() {
                None => (None, text),
                Some(Some(index)) => {
                    *index += 1;
                    (Some(Part::Element(*index - 1)), text)
                }
                Some(None) => {
                    let end = super::json_text::end_of_string(text.as_bytes(), 0);
                    let (name, value) = text.split_at_checked(end)?;
                    (Some(Part::Member(text_of(name)?.into_owned())), value.trim_start_matches([':', ' ']))
                }
            };
            path.extend(name);
            let opens = match value {
                "{" => Some(None),
                "[" => Some(Some(0)),
                _ => None,
            };
            if at == number {
                let value = value.strip_suffix(',').unwrap_or(value);
                let is_plain = opens.is_none() && !value.starts_with(['{', '[']);
                return Some((FieldPath(path), is_plain.then(|| value.to_owned())));
            }
            open.extend(opens);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str =
        r#"{"id":7,"customer":{"tier":"gold","a.b":[1,{"x":null},"s,"]},"in":true,"none":{},"last":"}"}"#;

    #[test]
    fn path_is_unchanged_by_a_round_trip_and_finds_its_field() {
        let cases = [
            ("id", Some("7")),
            ("customer.tier", Some("\"gold\"")),
            ("customer[\"a.b\"][1].x", Some("null")),
            ("[\"in\"]", Some("true")),
            ("customer.missing", None),
            ("id.x", None),
            ("[0]", None),
        ];
        for (text, found) in cases {
            let path = FieldPath::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((path.to_string().as_str(), path.find(JSON)), (text, found));
        }
        for text in ["", ".", "a..b", "a[", "a[x]", "[\"a", "in", "a b"] {
            assert_eq!(FieldPath::parse(text), None, "{text}");
        }
        assert_eq!(FieldPath::parse("[\"in\"]").map(|path| path.in_value()).as_deref(), Some("value[\"in\"]"));
    }

    #[test]
    fn each_line_of_indented_json_has_the_path_of_its_field() {
        let json = FoldableJson::new(JSON);
        let fields: Vec<String> = (0..json.line_count())
            .map(|number| match json.field_at(number) {
                Some((path, value)) => format!("{} {}", path.in_value(), value.unwrap_or_else(|| "…".to_owned())),
                None => String::new(),
            })
            .collect();
        let expected = [
            "value …",
            "value.id 7",
            "value.customer …",
            "value.customer.tier \"gold\"",
            "value.customer[\"a.b\"] …",
            "value.customer[\"a.b\"][0] 1",
            "value.customer[\"a.b\"][1] …",
            "value.customer[\"a.b\"][1].x null",
            "",
            "value.customer[\"a.b\"][2] \"s,\"",
            "",
            "",
            "value[\"in\"] true",
            "value.none …",
            "value.last \"}\"",
            "",
        ];
        assert_eq!(fields, expected);
        // A value that is no object.
        assert_eq!(FoldableJson::new("7").field_at(0), Some((FieldPath::default(), Some("7".to_owned()))));
    }
}
