//! Arithmetic, equality and order.

use std::cmp::Ordering;

use super::evaluation::{Evaluated, Evaluation, MADE_TEXT};
use super::fault::{Fault, Reason};
use super::items::Items;
use super::node::{Arithmetic, Kind, Node, Order};
use super::number;
use super::value::{Shared, Type, Value};

impl<'a> Evaluation<'a, '_> {
    pub(super) fn negate(node: &'a Node, value: &Value<'a>) -> Evaluated<'a> {
        let failed = |reason| Err(Fault::Failed { at: node.at, reason });
        match value {
            Value::Int(number) => {
                number.checked_neg().map_or_else(|| failed(Reason::Overflow), |number| Ok(Value::Int(number)))
            }
            Value::Double(number) => Ok(Value::Double(-number)),
            Value::Duration(duration) => Ok(Value::Duration(-duration)),
            Value::Null => Err(Fault::Missing),
            other => failed(Reason::Operand { name: "-", found: other.kind() }),
        }
    }

    pub(super) fn arithmetic(
        &mut self,
        node: &'a Node,
        operator: Arithmetic,
        left: Value<'a>,
        right: Value<'a>,
    ) -> Evaluated<'a> {
        let failed = |reason| Fault::Failed { at: node.at, reason };
        let result = match (&left, &right) {
            (Value::Null, _) | (_, Value::Null) => return Err(Fault::Missing),
            (Value::Int(left), Value::Int(right)) => return int(operator, *left, *right).map_err(failed),
            (Value::Uint(left), Value::Uint(right)) => return uint(operator, *left, *right).map_err(failed),
            (Value::Double(left), Value::Double(right)) => double(operator, *left, *right),
            (Value::Double(left), right) if number::integer(right).is_some() => {
                double(operator, *left, as_double(right))
            }
            (left, Value::Double(right)) if number::integer(left).is_some() => {
                double(operator, as_double(left), *right)
            }
            (Value::Int(_), Value::Uint(_)) | (Value::Uint(_), Value::Int(_)) => {
                return mixed(operator, &left, &right).map_err(failed);
            }
            (Value::Text(left), Value::Text(right)) if operator == Arithmetic::Add => {
                self.spend(MADE_TEXT)?;
                self.spend_text(left.len() + right.len())?;
                Some(Value::made_text([&**left, &**right].concat()))
            }
            (Value::Bytes(left), Value::Bytes(right)) if operator == Arithmetic::Add => {
                self.spend(MADE_TEXT)?;
                self.spend_text(left.len() + right.len())?;
                Some(Value::Bytes(Shared::Made([&**left, &**right].concat().into())))
            }
            (Value::List(_) | Value::Array(_), Value::List(_) | Value::Array(_)) if operator == Arithmetic::Add => {
                let mut list = Vec::new();
                for part in [&left, &right] {
                    let mut items = Items::of(self, part)?.ok_or(Fault::Missing)?;
                    while let Some(item) = items.next(self)? {
                        list.push(item);
                    }
                }
                Some(Value::List(list.into()))
            }
            (left, right) => time(operator, left, right),
        };
        let (left, right) = (left.kind(), right.kind());
        result.ok_or_else(|| failed(Reason::Operands { name: operator.name(), left, right }))
    }

    pub(super) fn equal_nodes(&mut self, pair: &'a [Node; 2]) -> Result<bool, Fault> {
        let left = self.evaluate(&pair[0])?;
        let right = self.evaluate(&pair[1])?;
        self.equal(&left, &right)
    }

    /// Values of different types are not equal; numbers are equal if their values are.
    pub(super) fn equal(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<bool, Fault> {
        Ok(match (left, right) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Text(left), Value::Text(right)) => {
                self.spend_text(left.len().min(right.len()))?;
                **left == **right
            }
            (Value::Bytes(left), Value::Bytes(right)) => {
                self.spend_text(left.len().min(right.len()))?;
                **left == **right
            }
            (Value::Timestamp(left), Value::Timestamp(right)) | (Value::Duration(left), Value::Duration(right)) => {
                left == right
            }
            (Value::Int(_) | Value::Uint(_) | Value::Double(_), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
                number::compare(left, right) == Some(Ordering::Equal)
            }
            (Value::List(_) | Value::Array(_), Value::List(_) | Value::Array(_)) => self.equal_lists(left, right)?,
            (Value::Map(_) | Value::Object(_), Value::Map(_) | Value::Object(_)) => self.equal_maps(left, right)?,
            _ => false,
        })
    }

    fn equal_lists(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<bool, Fault> {
        let (Some(mut left), Some(mut right)) = (Items::of(self, left)?, Items::of(self, right)?) else {
            return Ok(false);
        };
        loop {
            match (left.next(self)?, right.next(self)?) {
                (Some(left), Some(right)) if self.equal(&left, &right)? => {}
                (left, right) => return Ok(left.is_none() && right.is_none()),
            }
        }
    }

    fn equal_maps(&mut self, left: &Value<'a>, right: &Value<'a>) -> Result<bool, Fault> {
        let (Some(mut keys), Some(other)) = (Items::of(self, left)?, Items::of(self, right)?) else {
            return Ok(false);
        };
        if keys.left(self)? != other.left(self)? {
            return Ok(false);
        }
        while let Some(key) = keys.next(self)? {
            let (Some(left), Some(right)) = (self.member(left, &key)?, self.member(right, &key)?) else {
                return Ok(false);
            };
            if !self.equal(&left, &right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `None` if a number is NaN.
    pub(super) fn compare(
        &mut self,
        node: &'a Node,
        order: Order,
        left: &Value<'a>,
        right: &Value<'a>,
    ) -> Result<Option<Ordering>, Fault> {
        Ok(match (left, right) {
            (Value::Null, _) | (_, Value::Null) => return Err(Fault::Missing),
            (Value::Int(_) | Value::Uint(_) | Value::Double(_), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
                number::compare(left, right)
            }
            (Value::Text(left), Value::Text(right)) => {
                self.spend_text(left.len().min(right.len()))?;
                Some((**left).cmp(&**right))
            }
            (Value::Bytes(left), Value::Bytes(right)) => {
                self.spend_text(left.len().min(right.len()))?;
                Some((**left).cmp(&**right))
            }
            (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Value::Timestamp(left), Value::Timestamp(right)) | (Value::Duration(left), Value::Duration(right)) => {
                Some(left.cmp(right))
            }
            (left, right) => {
                let reason = Reason::Operands { name: order.name(), left: left.kind(), right: right.kind() };
                return Err(Fault::Failed { at: node.at, reason });
            }
        })
    }

    /// `item in list`
    pub(super) fn contains_item(&mut self, node: &'a Node, list: &Value<'a>, item: &Value<'a>) -> Result<bool, Fault> {
        match list.kind() {
            Type::Map => match item.kind() {
                Type::Text | Type::Bool | Type::Int | Type::Uint | Type::Double => {
                    Ok(self.member(list, item)?.is_some())
                }
                Type::Null => Err(Fault::Missing),
                found => Err(Fault::Failed { at: node.at, reason: Reason::MapKey { found } }),
            },
            Type::List => {
                let Some(mut items) = Items::of(self, list)? else { return Ok(false) };
                while let Some(other) = items.next(self)? {
                    if self.equal(&other, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Type::Null => Err(Fault::Missing),
            found => Err(Fault::Failed { at: node.at, reason: Reason::Operand { name: "in", found } }),
        }
    }

    /// `of[index]`
    pub(super) fn index(&mut self, node: &'a Node, of: &Value<'a>, index: &Value<'a>) -> Evaluated<'a> {
        debug_assert!(matches!(node.kind, Kind::Index(_)));
        match of.kind() {
            Type::Map => self.member(of, index)?.ok_or(Fault::Missing),
            Type::List => {
                let at = match index {
                    Value::Double(number) if number.fract() == 0.0 => Some(*number as i128),
                    Value::Null => return Err(Fault::Missing),
                    index => number::integer(index),
                };
                let Some(at) = at else {
                    let reason = Reason::Operands { name: "[]", left: Type::List, right: index.kind() };
                    return Err(Fault::Failed { at: node.at, reason });
                };
                let Ok(at) = usize::try_from(at) else { return Err(Fault::Missing) };
                if let Value::List(list) = of {
                    return list.get(at).cloned().ok_or(Fault::Missing);
                }
                let Some(mut items) = Items::of(self, of)? else { return Err(Fault::Missing) };
                for _ in 0..at {
                    items.skip(self)?;
                }
                items.next(self)?.ok_or(Fault::Missing)
            }
            // A record without such a list or map does not have the element.
            _ => Err(Fault::Missing),
        }
    }
}

fn as_double(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::Double(number) => *number,
        _ => f64::NAN,
    }
}

/// Declares the arithmetic of a type of integers, which fails instead of wrapping around.
macro_rules! checked {
    ($name:ident, $integer:ty, $value:ident) => {
        fn $name<'a>(operator: Arithmetic, left: $integer, right: $integer) -> Result<Value<'a>, Reason> {
            if right == 0 && matches!(operator, Arithmetic::Divide | Arithmetic::Remainder) {
                return Err(Reason::DivisionByZero);
            }
            let result = match operator {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Subtract => left.checked_sub(right),
                Arithmetic::Multiply => left.checked_mul(right),
                Arithmetic::Divide => left.checked_div(right),
                Arithmetic::Remainder => left.checked_rem(right),
            };
            result.map(Value::$value).ok_or(Reason::Overflow)
        }
    };
}

checked!(int, i64, Int);
checked!(uint, u64, Uint);

/// A signed and an unsigned integer; the result is signed if it fits.
fn mixed<'a>(operator: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Result<Value<'a>, Reason> {
    let (left, right) = (number::integer(left).unwrap_or(0), number::integer(right).unwrap_or(0));
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide if right != 0 => left.checked_div(right),
        Arithmetic::Remainder if right != 0 => left.checked_rem(right),
        Arithmetic::Divide | Arithmetic::Remainder => return Err(Reason::DivisionByZero),
    };
    let result = result.ok_or(Reason::Overflow)?;
    i64::try_from(result)
        .map(Value::Int)
        .or_else(|_| u64::try_from(result).map(Value::Uint))
        .map_err(|_| Reason::Overflow)
}

/// CEL has no remainder of doubles.
fn double<'a>(operator: Arithmetic, left: f64, right: f64) -> Option<Value<'a>> {
    let result = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => return None,
    };
    Some(Value::Double(result))
}

/// Sums and differences of points in time and durations; both are far from the limits of their type.
fn time<'a>(operator: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Option<Value<'a>> {
    Some(match (operator, left, right) {
        (Arithmetic::Add, Value::Timestamp(time), Value::Duration(duration))
        | (Arithmetic::Add, Value::Duration(duration), Value::Timestamp(time)) => {
            Value::Timestamp(time.saturating_add(*duration))
        }
        (Arithmetic::Add, Value::Duration(left), Value::Duration(right)) => {
            Value::Duration(left.saturating_add(*right))
        }
        (Arithmetic::Subtract, Value::Timestamp(left), Value::Timestamp(right))
        | (Arithmetic::Subtract, Value::Duration(left), Value::Duration(right)) => {
            Value::Duration(left.saturating_sub(*right))
        }
        (Arithmetic::Subtract, Value::Timestamp(time), Value::Duration(duration)) => {
            Value::Timestamp(time.saturating_sub(*duration))
        }
        _ => return None,
    })
}
