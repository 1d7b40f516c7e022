//! Compiled expressions.

use super::value::Type;
use crate::json::{Field, FieldTree};
use crate::pattern::Pattern;

/// A part of an expression, with its position for messages.
#[derive(Debug)]
pub(crate) struct Node {
    /// The byte in the expression.
    pub(super) at: u32,
    /// The levels of nodes, this one included. The parser limits it, because evaluation is recursive.
    pub(super) depth: u16,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    /// Nanoseconds.
    Timestamp(i128),
    Duration(i128),
    Variable(Variable),
    /// A variable of a macro such as `all`; the outermost is 0.
    Local(usize),
    /// A field of the key or value that the scan finds.
    Field(Source, Field),
    /// `headers.name`
    Header(Box<str>),
    Member(Box<Node>, Box<str>),
    Index(Box<[Node; 2]>),
    /// `has(…)`: whether the inner node, which is a field, exists.
    Has(Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Conditional(Box<[Node; 3]>),
    Equal(Box<[Node; 2]>),
    NotEqual(Box<[Node; 2]>),
    Order(Order, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Arithmetic(Arithmetic, Box<[Node; 2]>),
    List(Vec<Node>),
    Map(Vec<[Node; 2]>),
    Macro(Macro, Box<MacroNode>),
    Call(Function, Vec<Node>),
    /// A text, and the number of the pattern.
    Matches(Box<Node>, usize),
}

/// `over.name(variable, condition, result)`
#[derive(Debug)]
pub(super) struct MacroNode {
    pub(super) over: Node,
    /// `None` only for `map` with two arguments.
    pub(super) condition: Option<Node>,
    /// Only for `map`.
    pub(super) result: Option<Node>,
}

/// A part of a record that may be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Key,
    Value,
}

/// Declares names once, for the parser and for messages.
macro_rules! names {
    ($(#[$attribute:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $type { $($variant,)* }

        impl $type {
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub(super) fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name() == name)
            }
        }
    };
}

names! {
    /// What an expression knows of a record.
    Variable {
        Key = "key",
        Value = "value",
        Headers = "headers",
        Topic = "topic",
        Partition = "partition",
        Offset = "offset",
        Timestamp = "timestamp",
        Size = "size",
    }
}

names! {
    Order {
        Less = "<",
        LessOrEqual = "<=",
        Greater = ">",
        GreaterOrEqual = ">=",
    }
}

names! {
    Arithmetic {
        Add = "+",
        Subtract = "-",
        Multiply = "*",
        Divide = "/",
        Remainder = "%",
    }
}

names! {
    Macro {
        All = "all",
        Exists = "exists",
        ExistsOne = "exists_one",
        Filter = "filter",
        Map = "map",
    }
}

names! {
    Function {
        Size = "size",
        Contains = "contains",
        StartsWith = "startsWith",
        EndsWith = "endsWith",
        String = "string",
        Int = "int",
        Uint = "uint",
        Double = "double",
        Bytes = "bytes",
        Timestamp = "timestamp",
        Duration = "duration",
    }
}

impl Function {
    /// Whether the function is called on its first argument: `text.contains(other)`.
    pub(super) const fn is_method(self) -> bool {
        matches!(self, Self::Size | Self::Contains | Self::StartsWith | Self::EndsWith)
    }

    pub(super) const fn is_global(self) -> bool {
        !matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith)
    }

    /// The arguments, with the one before the point.
    pub(super) const fn arguments(self) -> usize {
        if matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith) { 2 } else { 1 }
    }
}

impl Kind {
    /// The type of the result, if it is the same for every record.
    pub(super) fn result(&self) -> Option<Type> {
        Some(match self {
            Self::Null => Type::Null,
            Self::Bool(_)
            | Self::Has(_)
            | Self::Not(_)
            | Self::And(_)
            | Self::Or(_)
            | Self::Equal(_)
            | Self::NotEqual(_)
            | Self::Order(..)
            | Self::In(_)
            | Self::Matches(..)
            | Self::Macro(Macro::All | Macro::Exists | Macro::ExistsOne, _)
            | Self::Call(Function::Contains | Function::StartsWith | Function::EndsWith, _) => Type::Bool,
            Self::Int(_) | Self::Variable(Variable::Partition | Variable::Offset | Variable::Size) => Type::Int,
            Self::Call(Function::Size | Function::Int, _) => Type::Int,
            Self::Uint(_) | Self::Call(Function::Uint, _) => Type::Uint,
            Self::Double(_) | Self::Call(Function::Double, _) => Type::Double,
            Self::Text(_) | Self::Variable(Variable::Topic) | Self::Call(Function::String, _) => Type::Text,
            Self::Bytes(_) | Self::Call(Function::Bytes, _) => Type::Bytes,
            Self::List(_) | Self::Macro(Macro::Filter | Macro::Map, _) => Type::List,
            Self::Map(_) | Self::Variable(Variable::Headers) => Type::Map,
            Self::Timestamp(_) | Self::Call(Function::Timestamp, _) => Type::Timestamp,
            Self::Duration(_) | Self::Call(Function::Duration, _) => Type::Duration,
            _ => return None,
        })
    }
}

/// What the nodes of one filter share.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) key: FieldTree,
    pub(crate) value: FieldTree,
    pub(crate) patterns: Vec<Pattern>,
}

impl Tables {
    fn tree(&mut self, source: Source) -> &mut FieldTree {
        match source {
            Source::Key => &mut self.key,
            Source::Value => &mut self.value,
        }
    }

    /// The member of a node; a field of the scan if possible.
    pub(super) fn member(&mut self, of: Node, name: &str) -> Kind {
        let field = match of.kind {
            Kind::Variable(Variable::Headers) => return Kind::Header(name.into()),
            Kind::Variable(Variable::Key) => Some((Source::Key, crate::json::ROOT)),
            Kind::Variable(Variable::Value) => Some((Source::Value, crate::json::ROOT)),
            Kind::Field(source, field) => Some((source, field)),
            _ => None,
        };
        let found = field.and_then(|(source, field)| Some((source, self.tree(source).member(field, name)?)));
        match found {
            Some((source, field)) => Kind::Field(source, field),
            None => Kind::Member(Box::new(of), name.into()),
        }
    }
}

impl Node {
    /// A node one level above the deepest of these.
    pub(super) fn depth_above<'n>(nodes: impl IntoIterator<Item = &'n Self>) -> u16 {
        nodes.into_iter().map(|node| node.depth).max().unwrap_or(0) + 1
    }
}
