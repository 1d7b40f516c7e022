//! What a filter sees of a record, and what it decides.

use protocol::RecordView;

/// A record with borrowed bytes, as the user sees it: decoded and masked.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r, H> {
    pub topic: &'r str,
    pub partition: i32,
    pub view: RecordView<'r, H>,
}

/// Whether a record matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Match,
    NoMatch,
    /// The expression failed on this record, for example because a text was compared with a number, or it would take too long;
    /// [`Matcher::last_error`](crate::Matcher::last_error) says why.
    Error,
}
