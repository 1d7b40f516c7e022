//! An error of decoding, to which each level adds its part of the path on the way up.

use std::fmt::Write as _;

use crate::error::{DecodeError, DecodeErrorCode};

/// Boxed, because the results of the hot path must stay small.
#[derive(Debug)]
pub(super) struct Fault(Box<Details>);

#[derive(Debug)]
enum Details {
    /// Already complete: the limit of the output.
    Final(DecodeError),
    Located {
        code: DecodeErrorCode,
        /// What is wrong.
        what: String,
        /// Numbers and positions, which come after the path.
        detail: String,
        /// From the innermost segment to the outermost one.
        path: Vec<Segment>,
    },
}

#[derive(Debug)]
enum Segment {
    Field(String),
    Index(usize),
    Key(String),
}

/// Longer keys of maps are cut in an error.
const MAX_KEY_CHARS: usize = 40;

impl Fault {
    #[cold]
    pub(super) fn malformed(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::located(DecodeErrorCode::Malformed, what.into(), detail.into())
    }

    #[cold]
    pub(super) fn too_deep(levels: usize) -> Self {
        Self::located(DecodeErrorCode::TooLarge, format!("nested deeper than {levels} levels"), String::new())
    }

    fn located(code: DecodeErrorCode, what: String, detail: String) -> Self {
        Self(Box::new(Details::Located { code, what, detail, path: Vec::new() }))
    }

    #[cold]
    pub(super) fn in_field(self, name: &str) -> Self {
        self.within(|| Segment::Field(name.to_owned()))
    }

    #[cold]
    pub(super) fn in_element(self, index: usize) -> Self {
        self.within(|| Segment::Index(index))
    }

    /// `key` is the key in JSON.
    #[cold]
    pub(super) fn in_entry(self, key: &str) -> Self {
        self.within(|| Segment::Key(key.chars().take(MAX_KEY_CHARS).collect()))
    }

    fn within(mut self, segment: impl FnOnce() -> Segment) -> Self {
        if let Details::Located { path, .. } = &mut *self.0 {
            path.push(segment());
        }
        self
    }

    pub(super) fn into_decode_error(self) -> DecodeError {
        let (code, what, detail, path) = match *self.0 {
            Details::Final(error) => return error,
            Details::Located { code, what, detail, path } => (code, what, detail, path),
        };
        let mut message = what;
        if !path.is_empty() {
            let mut text = String::new();
            for segment in path.iter().rev() {
                // Writing to a String does not fail.
                let _ = match segment {
                    Segment::Field(name) if text.is_empty() => write!(text, "{name}"),
                    Segment::Field(name) => write!(text, ".{name}"),
                    Segment::Index(index) => write!(text, "[{index}]"),
                    Segment::Key(key) => write!(text, "[{key}]"),
                };
            }
            let _ = write!(message, " at field `{text}`");
        }
        if !detail.is_empty() {
            let _ = write!(message, " ({detail})");
        }
        DecodeError::new(code, message)
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self(Box::new(Details::Final(error)))
    }
}
