//! Paths of fields, such as `value.customer.id` or `$.items[0]["a.b"]`, compiled to the same nodes as expressions.

use super::evaluation::FieldValue;
use super::node::{Kind, Node, Tables, Variable};
use super::parser::{Failure, MAX_DEPTH};
use protocol::is_plain_json;

/// Compiles a path.
pub(crate) fn parse_path(path: &str, tables: &mut Tables) -> Result<Node, Failure> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let variable = match &path[..end] {
        "$" | "value" => Variable::Value,
        "key" => Variable::Key,
        "headers" => return header(path, end),
        _ => {
            let message =
                "expected a path that starts with `value`, `key`, `headers` or `$`, such as value.customer.id";
            return Err(Failure::new(0, message));
        }
    };
    let mut node = Node { at: 0, depth: 1, kind: Kind::Variable(variable) };
    let mut at = end;
    while at < path.len() {
        let start = at;
        let rest = &path[at..];
        node = if let Some(rest) = rest.strip_prefix('.') {
            let length = rest.find(['.', '[']).unwrap_or(rest.len());
            if length == 0 {
                return Err(Failure::new(at, "expected the name of a field after `.`"));
            }
            at += 1 + length;
            member(start, node, &rest[..length], tables)
        } else if rest.starts_with('[') {
            let (name_or_index, length) = bracket(rest).map_err(|message| Failure::new(start, message))?;
            at += length;
            match name_or_index {
                Segment::Name(name) => member(start, node, &name, tables),
                Segment::Index(index) => {
                    let depth = node.depth + 1;
                    let index = Node { at: node.at, depth: 1, kind: Kind::Int(index) };
                    Node { at: position(start), depth, kind: Kind::Index(Box::new([node, index])) }
                }
            }
        } else {
            return Err(Failure::new(start, "expected `.` or `[`"));
        };
        if node.depth > MAX_DEPTH {
            return Err(Failure::new(start, format!("the path has more than {MAX_DEPTH} levels")));
        }
    }
    Ok(node)
}

/// The value that a field must have; see [`protocol::PathFilter`].
pub(crate) fn field_value(text: &str) -> FieldValue {
    if text.starts_with('"')
        && let Ok(text) = protocol::from_json::<String>(text)
    {
        return FieldValue::Text(text);
    }
    if !text.starts_with(['"', '{', '[']) && is_plain_json(text) {
        FieldValue::Json(text.to_owned())
    } else {
        FieldValue::Text(text.to_owned())
    }
}

enum Segment {
    Name(String),
    Index(i64),
}

fn position(at: usize) -> u32 {
    // Paths have at most 256 bytes.
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn member(at: usize, of: Node, name: &str, tables: &mut Tables) -> Node {
    let depth = of.depth;
    let kind = tables.member(of, name);
    let depth = if matches!(kind, Kind::Member(..)) { depth + 1 } else { 1 };
    Node { at: position(at), depth, kind }
}

/// `[0]`, `["name"]` or `['name']`, and the bytes of it.
fn bracket(text: &str) -> Result<(Segment, usize), &'static str> {
    let invalid = "expected a number or a name in quotation marks between `[` and `]`";
    let inside = &text[1..];
    let Some(quote) = inside.chars().next().filter(|character| matches!(character, '"' | '\'')) else {
        let end = inside.find(']').ok_or(invalid)?;
        let index = inside[..end].parse().ok().filter(|index| *index >= 0).ok_or(invalid)?;
        return Ok((Segment::Index(index), end + 2));
    };
    let mut is_escaped = false;
    let end = inside[1..].find(|character| {
        let is_end = character == quote && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_end
    });
    let end = end.ok_or("the name has no closing quotation mark")? + 2;
    if !inside[end..].starts_with(']') {
        return Err(invalid);
    }
    let name = if quote == '"' {
        protocol::from_json::<String>(&inside[..end]).map_err(|_| "invalid escape in the name")?
    } else {
        inside[1..end - 1].replace("\\'", "'").replace("\\\\", "\\")
    };
    Ok((Segment::Name(name), end + 2))
}

/// Names of headers may have points, and no header has fields.
fn header(path: &str, end: usize) -> Result<Node, Failure> {
    let rest = &path[end..];
    let name = match rest.strip_prefix('.') {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => match bracket(if rest.is_empty() { "[" } else { rest }) {
            Ok((Segment::Name(name), length)) if length == rest.len() => name,
            _ => return Err(Failure::new(end, "expected the name of a header, such as headers.trace")),
        },
    };
    Ok(Node { at: 0, depth: 1, kind: Kind::Header(name.into()) })
}
