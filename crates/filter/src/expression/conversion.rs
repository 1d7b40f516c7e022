//! Functions with one argument: sizes and conversions.

use super::evaluation::{Evaluated, Evaluation, MADE_TEXT};
use super::fault::{Fault, Reason};
use super::items::Items;
use super::node::{Function, Node};
use super::time::{read_duration, read_timestamp, write_duration, write_timestamp};
use super::value::{Shared, Value};

const SECOND: i128 = 1_000_000_000;

impl<'a> Evaluation<'a, '_> {
    pub(super) fn convert(&mut self, node: &'a Node, function: Function, value: Value<'a>) -> Evaluated<'a> {
        let name = function.name();
        if let Value::Text(text) = &value {
            // Some are parsed or copied.
            self.spend(8)?;
            self.spend_text(text.len())?;
        }
        let converted = match function {
            Function::Size => self.size(&value)?,
            Function::String => self.string(&value)?,
            Function::Int => int(&value),
            Function::Uint => uint(&value),
            Function::Double => double(&value),
            Function::Bytes => match &value {
                Value::Text(Shared::Borrowed(text)) => Some(Value::Bytes(Shared::Borrowed(text.as_bytes()))),
                Value::Text(text) => Some(Value::Bytes(Shared::Made(text.as_bytes().into()))),
                Value::Bytes(_) => Some(value.clone()),
                _ => None,
            },
            Function::Timestamp => match &value {
                Value::Text(text) => read_timestamp(text).map(Value::Timestamp),
                // Seconds, as in CEL.
                Value::Int(seconds) => Some(Value::Timestamp(i128::from(*seconds) * SECOND)),
                Value::Timestamp(_) => Some(value.clone()),
                _ => None,
            },
            Function::Duration => match &value {
                Value::Text(text) => read_duration(text).map(Value::Duration),
                Value::Duration(_) => Some(value.clone()),
                _ => None,
            },
            Function::Contains | Function::StartsWith | Function::EndsWith => None,
        };
        let reason = match (&converted, &value) {
            // The type is right, and the contents are not.
            (None, Value::Text(_) | Value::Bytes(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_))
                if function != Function::Size =>
            {
                Reason::Conversion { name }
            }
            _ => Reason::Operand { name, found: value.kind() },
        };
        converted.ok_or(Fault::Failed { at: node.at, reason })
    }

    fn size(&mut self, value: &Value<'a>) -> Result<Option<Value<'a>>, Fault> {
        let size = match value {
            Value::Text(text) => {
                self.spend_text(text.len())?;
                text.chars().count()
            }
            Value::Bytes(bytes) => bytes.len(),
            other => match Items::of(self, other)? {
                Some(items) => items.left(self)?,
                None => return Ok(None),
            },
        };
        Ok(Some(Value::Int(i64::try_from(size).unwrap_or(i64::MAX))))
    }

    fn string(&mut self, value: &Value<'a>) -> Result<Option<Value<'a>>, Fault> {
        self.spend(MADE_TEXT)?;
        Ok(match value {
            Value::Text(_) => Some(value.clone()),
            Value::Bool(value) => Some(Value::text(if *value { "true" } else { "false" })),
            Value::Int(number) => Some(Value::made_text(number.to_string())),
            Value::Uint(number) => Some(Value::made_text(number.to_string())),
            Value::Double(number) => Some(Value::made_text(number.to_string())),
            Value::Bytes(bytes) => {
                self.spend_text(bytes.len())?;
                match bytes {
                    Shared::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Value::text),
                    Shared::Made(bytes) => {
                        std::str::from_utf8(bytes).ok().map(|text| Value::made_text(text.to_owned()))
                    }
                }
            }
            Value::Timestamp(time) => write_timestamp(*time).map(Value::made_text),
            Value::Duration(duration) => Some(Value::made_text(write_duration(*duration))),
            Value::Null => return Err(Fault::Missing),
            Value::Object(_) | Value::Array(_) | Value::List(_) | Value::Map(_) => None,
        })
    }
}

fn int<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => i64::try_from(*number).ok(),
        // The limits themselves are not exact as doubles.
        Value::Double(number) if number.abs() < 9_223_372_036_854_775_808.0 => Some(*number as i64),
        Value::Text(text) => text.parse().ok(),
        Value::Timestamp(time) => i64::try_from(time.div_euclid(SECOND)).ok(),
        _ => None,
    }
    .map(Value::Int)
}

fn uint<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    match value {
        Value::Uint(number) => Some(*number),
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Double(number) if *number >= 0.0 && *number < 18_446_744_073_709_551_616.0 => Some(*number as u64),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
    .map(Value::Uint)
}

fn double<'a>(value: &Value<'_>) -> Option<Value<'a>> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
    .map(Value::Double)
}
