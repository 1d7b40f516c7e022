//! Where a cursor stands, and who is to hear of small news there.

use std::sync::Weak;
use std::time::Instant;

use protocol::WhenSlow;

use super::{Cursor, Listener};

/// What the feed knows of a cursor.
pub(super) struct Place {
    pub(super) spot: Spot,
    pub(super) when_slow: WhenSlow,
    /// When it last took something.
    pub(super) moved_at: Instant,
    pub(super) listener: Option<Weak<dyn Listener>>,
    /// The cursor itself, for the reader that hands it over to another feed.
    pub(super) cursor: Weak<Cursor>,
}

/// Where a cursor stands in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) entry: u64,
    /// The next record inside that entry.
    pub(super) record: usize,
}

impl Place {
    pub(super) fn new(spot: Spot, when_slow: WhenSlow) -> Self {
        Self { spot, when_slow, moved_at: Instant::now(), listener: None, cursor: Weak::new() }
    }

    /// The first entry of which this cursor has taken nothing.
    pub(super) fn first_untouched(&self) -> u64 {
        self.spot.entry + u64::from(self.spot.record > 0)
    }
}
