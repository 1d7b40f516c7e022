//! Why a filter cannot be compiled.

use std::fmt;

use formats::Spot;

/// The part of a filter with an error, named as in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterField {
    Text,
    Regex,
    Key,
    Header,
    Path,
    Expression,
}

impl FilterField {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Regex => "regex",
            Self::Key => "key",
            Self::Header => "header",
            Self::Path => "path",
            Self::Expression => "expression",
        }
    }
}

impl fmt::Display for FilterField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a filter cannot be compiled: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}, {spot}: {message}")]
pub struct FilterError {
    pub field: FilterField,
    /// A sentence without a full stop, which says what is wrong and what is expected.
    pub message: String,
    /// The byte in the text of the field.
    pub offset: usize,
    /// The line and column of that byte.
    pub spot: Spot,
}

impl FilterError {
    pub(crate) fn new(field: FilterField, source: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { field, message: message.into(), offset, spot: Spot::of(source, offset.min(source.len())) }
    }
}
