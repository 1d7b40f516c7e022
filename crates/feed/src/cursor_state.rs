//! What a feed knows of each of its cursors.

use std::sync::Weak;
use std::time::Instant;

use protocol::WhenSlow;

use super::{Cursor, Listener};

pub(super) struct CursorState {
    pub(super) position: RingPosition,
    pub(super) when_slow: WhenSlow,
    /// When the cursor last took records.
    pub(super) moved_at: Instant,
    pub(super) listener: Option<Weak<dyn Listener>>,
    /// The cursor itself, for a reader that moves it to another feed.
    pub(super) cursor: Weak<Cursor>,
}

/// A cursor's position in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RingPosition {
    pub(super) entry: u64,
    /// The index of the next record in that entry.
    pub(super) record: usize,
}

impl CursorState {
    pub(super) fn new(position: RingPosition, when_slow: WhenSlow) -> Self {
        Self { position, when_slow, moved_at: Instant::now(), listener: None, cursor: Weak::new() }
    }

    /// The first entry of which this cursor has taken no record.
    pub(super) fn first_untouched(&self) -> u64 {
        self.position.entry + u64::from(self.position.record > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_untouched_until_one_of_its_records_is_taken() {
        for (record, first_untouched) in [(0, 7), (1, 8), (2, 8)] {
            let cursor = CursorState::new(RingPosition { entry: 7, record }, WhenSlow::Skip);
            assert_eq!(cursor.first_untouched(), first_untouched, "{record}");
        }
    }
}
