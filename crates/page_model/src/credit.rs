//! Flow control of one subscription: how many records were handled, and when to send `flow` to the bridge.

use protocol::{Flow, Window};

/// The credit of each `flow`: the bridge may send this much ahead of the page. 50,000 records last a sixth of a second at
/// 300,000 records a second, the time that a busy machine may take to reply, and fit into a tab's memory.
pub const WINDOW: Window = Window { records: 50_000, bytes: 8 << 20 };
/// With `"commit": "auto"`, `flow` also commits. Therefore it is sent after this time even for a single record.
const SEND_AFTER_MS: f64 = 300.0;

/// Values in `flow` are absolute: it names the last handled record, and grants a whole window beyond it.
#[derive(Debug, Default)]
pub struct Credit {
    /// Sequence number of the last handled record.
    through: u64,
    /// Sequence number in the last `flow`.
    sent_through: u64,
    /// Bytes handled since the last `flow`.
    bytes: u64,
    due_ms: Option<f64>,
}

impl Credit {
    /// Counts a handled batch. Returns whether `flow` is due at once because half of the window is used.
    pub fn handled(&mut self, through: u64, bytes: u64, now_ms: f64) -> bool {
        self.through = self.through.max(through);
        self.bytes += bytes;
        self.due_ms.get_or_insert(now_ms + SEND_AFTER_MS);
        self.through - self.sent_through >= WINDOW.records / 2 || self.bytes >= WINDOW.bytes / 2
    }

    /// When `flow` must be sent at the latest; `None` if no record was handled since the last.
    pub fn due_ms(&self) -> Option<f64> {
        self.due_ms
    }

    /// The next `flow`, if a record was handled since the last.
    pub fn take_flow(&mut self, subscription: u32) -> Option<Flow> {
        self.due_ms = None;
        if self.sent_through == self.through {
            return None;
        }
        self.sent_through = self.through;
        self.bytes = 0;
        Some(Flow { subscription, through: self.through, records: WINDOW.records, bytes: WINDOW.bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flow_is_due_at_once_after_half_a_window_of_records_or_bytes() {
        let mut credit = Credit::default();
        assert!(!credit.handled(WINDOW.records / 2 - 1, 0, 0.0));
        assert!(credit.handled(WINDOW.records / 2, 0, 0.0));
        let flow = Flow { subscription: 5, through: WINDOW.records / 2, records: WINDOW.records, bytes: WINDOW.bytes };
        assert_eq!(credit.take_flow(5), Some(flow));
        assert!(credit.handled(WINDOW.records / 2 + 1, WINDOW.bytes / 2, 0.0));
    }

    #[test]
    fn flow_for_few_records_is_due_after_a_delay_and_sent_once() {
        let mut credit = Credit::default();
        credit.handled(3, 10, 100.0);
        credit.handled(4, 10, 200.0);
        assert_eq!(credit.due_ms(), Some(100.0 + SEND_AFTER_MS));
        assert!(credit.take_flow(5).is_some_and(|flow| flow.through == 4));
        assert_eq!((credit.due_ms(), credit.take_flow(5)), (None, None));
    }
}
