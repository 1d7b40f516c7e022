//! How much the bridge may still send of one subscription, and what it was told of it.

use protocol::{Flow, Window};

/// The credit given at a time. The bridge may have this much on its way: a sixth of a second's at 300,000 records a second,
/// which a machine with no processor to spare may take to answer, and little enough for a tab.
pub const WINDOW: Window = Window { records: 50_000, bytes: 8 << 20 };
/// With `"commit": "auto"` credit acknowledges, so what was handled is told at the latest after this time, however little.
const TELL_AFTER_MS: f64 = 300.0;

/// Absolute: each telling says what was handled and gives the whole window beyond it.
#[derive(Debug, Default)]
pub struct Credit {
    /// Number of the last record handled.
    through: u64,
    /// Number up to which the bridge was told.
    told: u64,
    /// Bytes handled since the bridge was told.
    bytes: u64,
    due_ms: Option<f64>,
}

impl Credit {
    /// A batch was handled. Says whether to tell the bridge now: half of the window is used.
    pub fn handled(&mut self, through: u64, bytes: u64, now_ms: f64) -> bool {
        self.through = self.through.max(through);
        self.bytes += bytes;
        self.due_ms.get_or_insert(now_ms + TELL_AFTER_MS);
        self.through - self.told >= WINDOW.records / 2 || self.bytes >= WINDOW.bytes / 2
    }

    /// When to tell the bridge at the latest, if there is something to tell.
    pub fn due_ms(&self) -> Option<f64> {
        self.due_ms
    }

    /// What to tell the bridge, if anything was handled since the last time.
    pub fn tell(&mut self, subscription: u32) -> Option<Flow> {
        self.due_ms = None;
        if self.told == self.through {
            return None;
        }
        self.told = self.through;
        self.bytes = 0;
        Some(Flow { subscription, through: self.through, records: WINDOW.records, bytes: WINDOW.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_window_of_records_or_of_bytes_is_told_at_once() {
        let mut credit = Credit::default();
        assert!(!credit.handled(WINDOW.records / 2 - 1, 0, 0.0));
        assert!(credit.handled(WINDOW.records / 2, 0, 0.0));
        let flow = Flow { subscription: 5, through: WINDOW.records / 2, records: WINDOW.records, bytes: WINDOW.bytes };
        assert_eq!(credit.tell(5), Some(flow));
        assert!(credit.handled(WINDOW.records / 2 + 1, WINDOW.bytes / 2, 0.0));
    }

    #[test]
    fn little_is_told_after_a_while_and_only_once() {
        let mut credit = Credit::default();
        credit.handled(3, 10, 100.0);
        credit.handled(4, 10, 200.0);
        assert_eq!(credit.due_ms(), Some(100.0 + TELL_AFTER_MS));
        assert!(credit.tell(5).is_some_and(|flow| flow.through == 4));
        assert_eq!((credit.due_ms(), credit.tell(5)), (None, None));
    }
}
