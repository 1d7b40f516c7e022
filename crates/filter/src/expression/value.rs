//! The values of expressions. Texts and JSON are borrowed from the record as far as possible.

use std::ops::Deref;
use std::rc::Rc;

/// A value while an expression is evaluated for one record.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Shared<'a, str>),
    Bytes(Shared<'a, [u8]>),
    /// An object as its JSON, which was checked.
    Object(&'a str),
    /// An array likewise.
    Array(&'a str),
    List(Rc<[Value<'a>]>),
    /// Entries with distinct keys.
    Map(Rc<[(Value<'a>, Value<'a>)]>),
    /// Nanoseconds since 1970-01-01 UTC.
    Timestamp(i128),
    /// Nanoseconds.
    Duration(i128),
}

/// Text or bytes: of the record or the filter, or made by the expression.
#[derive(Debug)]
pub(super) enum Shared<'a, T: ?Sized> {
    Borrowed(&'a T),
    Made(Rc<T>),
}

impl<T: ?Sized> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::Borrowed(borrowed) => Self::Borrowed(borrowed),
            Self::Made(made) => Self::Made(Rc::clone(made)),
        }
    }
}

impl<T: ?Sized> Deref for Shared<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Borrowed(borrowed) => borrowed,
            Self::Made(made) => made,
        }
    }
}

/// The types of values, with their names in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    List,
    Map,
    Timestamp,
    Duration,
}

impl Type {
    /// With its article.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Text => "a string",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::Text(_) => Type::Text,
            Self::Bytes(_) => Type::Bytes,
            Self::Array(_) | Self::List(_) => Type::List,
            Self::Object(_) | Self::Map(_) => Type::Map,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Duration(_) => Type::Duration,
        }
    }

    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Shared::Borrowed(text))
    }

    pub(super) fn made_text(text: String) -> Self {
        Self::Text(Shared::Made(text.into()))
    }

    /// Text if the bytes are UTF-8.
    pub(super) fn of_bytes(bytes: Option<&'a [u8]>) -> Self {
        match bytes {
            None => Self::Null,
            Some(bytes) => std::str::from_utf8(bytes).map_or(Self::Bytes(Shared::Borrowed(bytes)), Self::text),
        }
    }
}
