//! Evaluates an expression for one record.

use std::cmp::Ordering;

use formats::json_members::text_of;
use memchr::{memchr, memmem};

use super::fault::{Fault, Reason};
use super::node::{Function, Kind, Node, Order, Source, Tables, Variable};
use super::number;
use super::value::{Shared, Type, Value};
use crate::json::{Fields, ROOT, member};
use crate::pattern::PatternCache;

/// What the evaluation of an expression for one record may cost. A unit takes at most some 10 ns, so this is about 1 ms.
pub(crate) const FUEL: u64 = 100_000;

/// Bytes of JSON that are read again for a unit of fuel.
const JSON_BYTES: usize = 8;
/// Bytes of a text that are searched, compared or copied.
const TEXT_BYTES: usize = 32;
/// Bytes that are searched with a regular expression.
const PATTERN_BYTES: usize = 8;

/// A text that is copied or converted: memory is allocated for it.
pub(super) const MADE_TEXT: usize = 24;

/// The headers of a record, in order.
pub(crate) trait HeaderSource<'a> {
    fn each(&self, visit: &mut dyn FnMut(&'a str, Option<&'a [u8]>));
}

/// What an expression can ask of a record.
pub(crate) struct Facts<'a, 'x> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'x dyn HeaderSource<'a>,
}

/// What evaluations of one thread use again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    key: Fields,
    value: Fields,
    patterns: Vec<PatternCache>,
}

/// The key or value of a record.
#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    Null,
    /// Without white space around it.
    Json(&'a str),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// The evaluation of any number of expressions for one record.
pub(crate) struct Evaluation<'a, 'x> {
    facts: &'x Facts<'a, 'x>,
    tables: &'a Tables,
    scratch: &'x mut Scratch,
    pub(crate) fuel: u64,
    /// The variables of the open macros.
    pub(super) locals: Vec<Value<'a>>,
    key: Option<Content<'a>>,
    value: Option<Content<'a>>,
}

pub(super) type Evaluated<'a> = Result<Value<'a>, Fault>;

impl<'a, 'x> Evaluation<'a, 'x> {
    pub(crate) fn new(facts: &'x Facts<'a, 'x>, tables: &'a Tables, scratch: &'x mut Scratch) -> Self {
        Self { facts, tables, scratch, fuel: FUEL, locals: Vec::new(), key: None, value: None }
    }

    /// Whether the expression is true for the record.
    pub(crate) fn holds(&mut self, node: &'a Node) -> Result<bool, Fault> {
        self.bool(node)
    }

    /// Whether a field exists and, unless `None`, has this text (see [`protocol::PathFilter`]).
    pub(crate) fn has_field(&mut self, node: &'a Node, expected: Option<&'a FieldValue>) -> Result<bool, Fault> {
        let value = self.evaluate(node)?;
        // The whole key or value exists unless it is Kafka's null; a field may be null.
        if matches!((&node.kind, &value), (Kind::Variable(_), Value::Null)) {
            return Ok(false);
        }
        match expected {
            None => Ok(true),
            Some(FieldValue::Text(text)) => self.equal(&value, &Value::text(text)),
            Some(FieldValue::Json(json)) => {
                let is_equal = match &value {
                    Value::Text(text) => **text == **json,
                    _ => false,
                };
                let json = self.json(json)?;
                Ok(is_equal || self.equal(&value, &json)?)
            }
        }
    }

    pub(super) fn spend(&mut self, units: usize) -> Result<(), Fault> {
        match self.fuel.checked_sub(units as u64) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => {
                self.fuel = 0;
                Err(Fault::OutOfFuel)
            }
        }
    }

    /// Pays for reading JSON that was checked.
    pub(super) fn spend_json(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spend(bytes / JSON_BYTES)
    }

    pub(super) fn spend_text(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spend(bytes / TEXT_BYTES)
    }

    pub(super) fn evaluate(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.spend(1)?;
        match &node.kind {
            Kind::Null => Ok(Value::Null),
            Kind::Bool(value) => Ok(Value::Bool(*value)),
            Kind::Int(value) => Ok(Value::Int(*value)),
            Kind::Uint(value) => Ok(Value::Uint(*value)),
            Kind::Double(value) => Ok(Value::Double(*value)),
            Kind::Text(text) => Ok(Value::text(text)),
            Kind::Bytes(bytes) => Ok(Value::Bytes(Shared::Borrowed(bytes))),
            Kind::Timestamp(time) => Ok(Value::Timestamp(*time)),
            Kind::Duration(duration) => Ok(Value::Duration(*duration)),
            Kind::Variable(variable) => self.variable(*variable),
            Kind::Local(local) => self.locals.get(*local).cloned().ok_or(Fault::Missing),
            Kind::Field(..) => match self.field_text(node)? {
                Some(text) => self.json(text),
                None => Err(Fault::Missing),
            },
            Kind::Header(name) => self.header(name)?.map(Value::of_bytes).ok_or(Fault::Missing),
            Kind::Member(of, name) => {
                let of = self.evaluate(of)?;
                self.member(&of, &Value::text(name))?.ok_or(Fault::Missing)
            }
            Kind::Index(pair) => {
                let [of, index] = &**pair;
                let of = self.evaluate(of)?;
                let index = self.evaluate(index)?;
                self.index(node, &of, &index)
            }
            Kind::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                if self.bool(condition)? { self.evaluate(yes) } else { self.evaluate(no) }
            }
            Kind::Negate(of) => {
                let value = self.evaluate(of)?;
                Self::negate(node, &value)
            }
            Kind::Arithmetic(operator, pair) => {
                let left = self.evaluate(&pair[0])?;
                let right = self.evaluate(&pair[1])?;
                self.arithmetic(node, *operator, left, right)
            }
            Kind::List(elements) => {
                self.spend(4 + elements.len())?;
                let values: Result<Vec<_>, _> = elements.iter().map(|element| self.evaluate(element)).collect();
                Ok(Value::List(values?.into()))
            }
            Kind::Map(entries) => self.map(entries),
            Kind::Macro(kind, parts) => self.evaluate_macro(node, *kind, parts),
            Kind::Call(function, arguments) => self.call(node, *function, arguments),
            Kind::Has(_)
            | Kind::Not(_)
            | Kind::And(_)
            | Kind::Or(_)
            | Kind::Equal(_)
            | Kind::NotEqual(_)
            | Kind::Order(..)
            | Kind::In(_)
            | Kind::Matches(..) => self.test(node).map(Value::Bool),
        }
    }

    /// The result of a node that must be a bool.
    pub(super) fn bool(&mut self, node: &'a Node) -> Result<bool, Fault> {
        match self.evaluate(node)? {
            Value::Bool(value) => Ok(value),
            Value::Null => Err(Fault::Missing),
            other => Err(Fault::Failed { at: node.at, reason: Reason::NotBool { found: other.kind() } }),
        }
    }

    /// The nodes whose result is always a bool.
    fn test(&mut self, node: &'a Node) -> Result<bool, Fault> {
        match &node.kind {
            Kind::Has(field) => match &field.kind {
                Kind::Field(..) => Ok(self.field_text(field)?.is_some()),
                Kind::Header(name) => Ok(self.header(name)?.is_some()),
                Kind::Member(of, name) => match self.evaluate(of) {
                    Ok(of) => Ok(self.member(&of, &Value::text(name))?.is_some()),
                    Err(Fault::Missing) => Ok(false),
                    Err(fault) => Err(fault),
                },
                _ => Ok(false),
            },
            Kind::Not(of) => Ok(!self.bool(of)?),
            Kind::And(parts) => self.any(parts, false).map(|is_false| !is_false),
            Kind::Or(parts) => self.any(parts, true),
            Kind::Equal(pair) => self.equal_nodes(pair),
            Kind::NotEqual(pair) => Ok(!self.equal_nodes(pair)?),
            Kind::Order(order, pair) => {
                let left = self.evaluate(&pair[0])?;
                let right = self.evaluate(&pair[1])?;
                let ordering = self.compare(node, *order, &left, &right)?;
                Ok(match order {
                    Order::Less => ordering == Some(Ordering::Less),
                    Order::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
                    Order::Greater => ordering == Some(Ordering::Greater),
                    Order::GreaterOrEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
                })
            }
            Kind::In(pair) => {
                let item = self.evaluate(&pair[0])?;
                let list = self.evaluate(&pair[1])?;
                self.contains_item(node, &list, &item)
            }
            Kind::Matches(of, pattern) => {
                let value = self.evaluate(of)?;
                let text = text_operand(node, "matches", &value)?;
                self.spend(8 + text.len() / PATTERN_BYTES)?;
                if self.scratch.patterns.len() <= *pattern {
                    self.scratch.patterns.resize_with(*pattern + 1, PatternCache::default);
                }
                let found =
                    self.tables.patterns[*pattern].is_match(&mut self.scratch.patterns[*pattern], text.as_bytes());
                found.map_err(|_| Fault::Failed { at: node.at, reason: Reason::Pattern })
            }
            _ => self.bool(node),
        }
    }

    /// Whether one of the nodes is `wanted`. A failure counts only if none is: CEL's `&&` and `||`.
    fn any(&mut self, parts: &'a [Node], wanted: bool) -> Result<bool, Fault> {
        let mut failed = None;
        for part in parts {
            match self.bool(part) {
                Ok(value) if value == wanted => return Ok(true),
                Ok(_) => {}
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => failed = failed.or(Some(fault)),
            }
        }
        failed.map_or(Ok(false), Err)
    }

    fn variable(&mut self, variable: Variable) -> Evaluated<'a> {
        Ok(match variable {
            Variable::Key => return self.content_value(Source::Key),
            Variable::Value => return self.content_value(Source::Value),
            Variable::Headers => return self.headers(),
            Variable::Topic => Value::text(self.facts.topic),
            Variable::Partition => Value::Int(i64::from(self.facts.partition)),
            Variable::Offset => Value::Int(self.facts.offset),
            Variable::Timestamp => match self.facts.timestamp {
                Some(milliseconds) => Value::Timestamp(i128::from(milliseconds) * 1_000_000),
                None => Value::Null,
            },
            Variable::Size => {
                let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
                let mut size = length(self.facts.key) + length(self.facts.value);
                let mut headers = 0;
                self.facts.headers.each(&mut |name, value| {
                    size += name.len() + length(value);
                    headers += 1;
                });
                self.spend(headers)?;
                Value::Int(i64::try_from(size).unwrap_or(i64::MAX))
            }
        })
    }

    /// The key or value, which the first use reads.
    fn content(&mut self, source: Source) -> Content<'a> {
        let (content, bytes, tree, fields) = match source {
            Source::Key => (&mut self.key, self.facts.key, &self.tables.key, &mut self.scratch.key),
            Source::Value => (&mut self.value, self.facts.value, &self.tables.value, &mut self.scratch.value),
        };
        *content.get_or_insert_with(|| {
            let Some(bytes) = bytes else { return Content::Null };
            let Ok(text) = std::str::from_utf8(bytes) else { return Content::Bytes(bytes) };
            let json = text.trim_ascii();
            if fields.scan(tree, json) { Content::Json(json) } else { Content::Text(text) }
        })
    }

    fn content_value(&mut self, source: Source) -> Evaluated<'a> {
        match self.content(source) {
            Content::Null => Ok(Value::Null),
            Content::Json(text) => self.json(text),
            Content::Text(text) => Ok(Value::text(text)),
            Content::Bytes(bytes) => Ok(Value::Bytes(Shared::Borrowed(bytes))),
        }
    }

    /// The JSON of a field of the key or value.
    fn field_text(&mut self, node: &'a Node) -> Result<Option<&'a str>, Fault> {
        let Kind::Field(source, field) = node.kind else { return Ok(None) };
        let Content::Json(text) = self.content(source) else { return Ok(None) };
        debug_assert_ne!(field, ROOT, "the variables themselves are no fields");
        let fields = match source {
            Source::Key => &self.scratch.key,
            Source::Value => &self.scratch.value,
        };
        Ok(fields.get(field, text))
    }

    /// The value of JSON that was checked.
    pub(super) fn json(&mut self, text: &'a str) -> Evaluated<'a> {
        Ok(match text.as_bytes().first() {
            Some(b'{') => Value::Object(text),
            Some(b'[') => Value::Array(text),
            Some(b'"') => {
                self.spend_text(text.len())?;
                if memchr(b'\\', text.as_bytes()).is_none() {
                    Value::text(&text[1..text.len() - 1])
                } else {
                    self.spend(MADE_TEXT)?;
                    self.spend_json(text.len())?;
                    Value::made_text(text_of(text).unwrap_or_default().into_owned())
                }
            }
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') | None => Value::Null,
            Some(_) => {
                // Reading the digits of a long number takes as long as copying them.
                self.spend_json(text.len())?;
                number::read(text)
            }
        })
    }

    /// The value of the last header with this name.
    fn header(&mut self, name: &str) -> Result<Option<Option<&'a [u8]>>, Fault> {
        let mut found = None;
        let mut headers = 0;
        self.facts.headers.each(&mut |header, value| {
            headers += 1;
            if header == name {
                found = Some(value);
            }
        });
        self.spend(headers)?;
        Ok(found)
    }

    /// All headers; of several with one name the last.
    fn headers(&mut self) -> Evaluated<'a> {
        let mut headers = Vec::new();
        self.facts.headers.each(&mut |name, value| headers.push((name, value)));
        self.spend(8 * headers.len())?;
        headers.sort_by_key(|(name, _)| *name);
        let mut entries: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(headers.len());
        for (index, (name, value)) in headers.iter().enumerate() {
            if headers.get(index + 1).is_none_or(|(next, _)| next != name) {
                entries.push((Value::text(name), Value::of_bytes(*value)));
            }
        }
        Ok(Value::Map(entries.into()))
    }

    /// The entry of a map; `None` if it does not exist, or if the value is no map.
    pub(super) fn member(&mut self, of: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, Fault> {
        match of {
            Value::Object(text) => {
                let Value::Text(name) = key else { return Ok(None) };
                self.spend_json(text.len())?;
                member(text, name).map(|value| self.json(value)).transpose()
            }
            Value::Map(entries) => {
                for (known, value) in entries.iter() {
                    self.spend(1)?;
                    if self.equal(known, key)? {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn map(&mut self, entries: &'a [[Node; 2]]) -> Evaluated<'a> {
        self.spend(8 + 2 * entries.len())?;
        let mut map: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for [key_node, value] in entries {
            let failed = |reason| Err(Fault::Failed { at: key_node.at, reason });
            let key = self.evaluate(key_node)?;
            match key.kind() {
                Type::Text | Type::Int | Type::Uint | Type::Bool => {}
                Type::Null => return Err(Fault::Missing),
                found => return failed(Reason::MapKey { found }),
            }
            for (known, _) in &map {
                self.spend(1)?;
                if self.equal(known, &key)? {
                    return failed(Reason::DuplicateKey);
                }
            }
            let value = self.evaluate(value)?;
            map.push((key, value));
        }
        Ok(Value::Map(map.into()))
    }

    fn call(&mut self, node: &'a Node, function: Function, arguments: &'a [Node]) -> Evaluated<'a> {
        let Some(first) = arguments.first() else { return Err(Fault::Missing) };
        let first = self.evaluate(first)?;
        if first.kind() == Type::Null && function != Function::String {
            return Err(Fault::Missing);
        }
        let Some(second) = arguments.get(1) else { return self.convert(node, function, first) };
        let second = self.evaluate(second)?;
        let text = text_operand(node, function.name(), &first)?;
        let part = text_operand(node, function.name(), &second)?;
        Ok(Value::Bool(match function {
            Function::Contains => {
                // The search is prepared for each text.
                self.spend(8)?;
                self.spend_text(text.len() + 16 * part.len())?;
                memmem::find(text.as_bytes(), part.as_bytes()).is_some()
            }
            Function::StartsWith => {
                self.spend_text(part.len().min(text.len()))?;
                text.starts_with(part)
            }
            _ => {
                self.spend_text(part.len().min(text.len()))?;
                text.ends_with(part)
            }
        }))
    }
}

/// The text that a function needs.
fn text_operand<'v>(node: &Node, name: &'static str, value: &'v Value<'_>) -> Result<&'v str, Fault> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Null => Err(Fault::Missing),
        other => Err(Fault::Failed { at: node.at, reason: Reason::Operand { name, found: other.kind() } }),
    }
}

/// The value that a field must have.
#[derive(Debug)]
pub(crate) enum FieldValue {
    /// A text that was in quotation marks.
    Text(String),
    /// A number, `true`, `false` or `null` as JSON, or a string with these characters.
    Json(String),
}
