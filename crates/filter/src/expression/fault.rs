//! Why an expression has no result for a record.

use std::fmt;

use super::value::Type;

/// Why an expression has no result for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A field is missing, or null where a value is needed. The record does not match.
    Missing,
    /// An operation failed at this byte of the expression.
    Failed { at: u32, reason: Reason },
    /// The fuel is used up. Unlike the others, neither `&&` nor `||` ignores it.
    OutOfFuel,
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The operator or function cannot have this operand.
    Operand {
        name: &'static str,
        found: Type,
    },
    /// The operator cannot have these operands together.
    Operands {
        name: &'static str,
        left: Type,
        right: Type,
    },
    NotBool {
        found: Type,
    },
    Overflow,
    DivisionByZero,
    /// A value cannot be converted to what the function returns.
    Conversion {
        name: &'static str,
    },
    MapKey {
        found: Type,
    },
    DuplicateKey,
    /// A regular expression needs new states all the time.
    Pattern,
}

impl Fault {
    pub(super) fn is_final(self) -> bool {
        self == Self::OutOfFuel
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operand { name, found } => write!(f, "`{name}` cannot be used with {}", found.name()),
            Self::Operands { name, left, right } => {
                write!(f, "`{name}` cannot be used with {} and {}", left.name(), right.name())
            }
            Self::NotBool { found } => write!(f, "expected a bool, and this is {}", found.name()),
            Self::Overflow => f.write_str("the result does not fit into 64 bits"),
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::Conversion { name } => write!(f, "`{name}` cannot convert this value"),
            Self::MapKey { found } => {
                write!(f, "the key of a map must be a string, an integer or a bool, and this is {}", found.name())
            }
            Self::DuplicateKey => f.write_str("the map has two equal keys"),
            Self::Pattern => f.write_str("the regular expression takes too long for this text"),
        }
    }
}
