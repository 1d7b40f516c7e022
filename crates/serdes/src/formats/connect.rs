//! JSON of Kafka Connect (`{"schema": …, "payload": …}`), and the change events of Debezium in it or on their own.

mod changes;
mod payload;

pub use self::changes::Change;
pub use self::payload::decode;

use super::members::{Members, unquoted};

/// What a value of Connect or Debezium says. All texts are parts of the value: numbers keep every digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded<'t> {
    /// The value without its schema: of Connect's JSON the payload, and of an event alone the event.
    pub payload: &'t str,
    /// `None` if the payload is not a change event.
    pub event: Option<ChangeEvent<'t>>,
}

/// A change event of Debezium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEvent<'t> {
    pub operation: Operation,
    /// The row as it is now; before it was deleted, if it was deleted. `None` if the event has no row.
    pub row: Option<&'t str>,
    /// The fields that an update changed.
    pub changed: Vec<Change<'t>>,
}

/// The field `op` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `c`
    Create,
    /// `u`
    Update,
    /// `d`
    Delete,
    /// `r`: the row was read for a snapshot.
    Read,
    /// `t`: all rows of the table were deleted.
    Truncate,
}

impl Operation {
    fn of(op: &str) -> Option<Self> {
        Some(match unquoted(op) {
            "c" => Self::Create,
            "u" => Self::Update,
            "d" => Self::Delete,
            "r" => Self::Read,
            "t" => Self::Truncate,
            _ => return None,
        })
    }
}

/// Recognizes JSON of Connect, and change events of Debezium with or without a schema; also those that were decoded from Avro.
/// `None` for other JSON.
pub fn fold(json: &str) -> Option<Folded<'_>> {
    // Most JSON is neither, which is found without reading its members.
    let json = json.trim_matches([' ', '\t', '\n', '\r']);
    if !json.starts_with('{') || !(json.contains("\"payload\"") || json.contains("\"op\"")) {
        return None;
    }
    let members = Members::of(json)?;
    match connect_payload(&members) {
        Some((_, payload)) => Some(Folded { payload, event: Members::of(payload).and_then(|payload| event(&payload)) }),
        None => event(&members).map(|event| Folded { payload: json, event: Some(event) }),
    }
}

/// The schema and the payload, if the object has both and nothing else. The schema is an object with a type, or null.
fn connect_payload<'t>(members: &Members<'t>) -> Option<(&'t str, &'t str)> {
    if members.0.len() != 2 {
        return None;
    }
    let (schema, payload) = (members.get("schema")?, members.get("payload")?);
    (schema == "null" || Members::of(schema)?.get("type").is_some()).then_some((schema, payload))
}

fn event<'t>(members: &Members<'t>) -> Option<ChangeEvent<'t>> {
    let operation = Operation::of(members.get("op")?)?;
    // Other applications have a field `op`, but not all of these.
    members.get("source").filter(|source| source.starts_with('{'))?;
    let (before, after) = (members.get("before"), members.get("after"));
    if before.is_none() && after.is_none() && operation != Operation::Truncate {
        return None;
    }
    let (before, after) = (before.filter(|row| *row != "null"), after.filter(|row| *row != "null"));
    let changed = match (before, after) {
        (Some(before), Some(after)) => changes::between(before, after),
        _ => Vec::new(),
    };
    Some(ChangeEvent { operation, row: after.or(before), changed })
}

#[cfg(test)]
mod tests;
