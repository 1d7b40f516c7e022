//! Messages that belong to no place of their own. They go by themselves; how they are worded is a component's business.

use std::collections::VecDeque;

use protocol::ErrorBody;

/// Long enough to read two lines.
const SHOWN_MS: f64 = 7000.0;
/// More at once would cover the page; the oldest go.
const KEPT: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: u64,
    pub kind: NoticeKind,
    until_ms: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoticeKind {
    /// The bridge refused something; in its words.
    Refused(ErrorBody),
    /// The bridge sent what this page cannot read: one of the two is older than the other.
    Unreadable(String),
    Copied,
    CopyFailed,
    /// A file with this name was to be read as text.
    NotUtf8(String),
}

#[derive(Debug, Default)]
pub struct Notices {
    /// Oldest first, hence the first to go.
    shown: VecDeque<Notice>,
    next_id: u64,
}

impl Notices {
    /// The same again replaces the one that is shown.
    pub fn add(&mut self, kind: NoticeKind, now_ms: f64) {
        self.shown.retain(|notice| notice.kind != kind);
        self.shown.push_back(Notice { id: self.next_id, kind, until_ms: now_ms + SHOWN_MS });
        self.next_id += 1;
        if self.shown.len() > KEPT {
            self.shown.pop_front();
        }
    }

    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// Returns whether something went.
    pub fn expire(&mut self, now_ms: f64) -> bool {
        let before = self.shown.len();
        self.shown.retain(|notice| notice.until_ms > now_ms);
        self.shown.len() != before
    }

    pub fn next_expiry_ms(&self) -> Option<f64> {
        self.shown.front().map(|notice| notice.until_ms)
    }

    pub fn shown(&self) -> impl Iterator<Item = &Notice> {
        self.shown.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_go_in_time_and_repeated_ones_do_not_pile_up() {
        let mut notices = Notices::default();
        notices.add(NoticeKind::Copied, 0.0);
        notices.add(NoticeKind::CopyFailed, 1000.0);
        notices.add(NoticeKind::Copied, 2000.0);
        assert_eq!(notices.shown().count(), 2);
        assert_eq!(notices.next_expiry_ms(), Some(1000.0 + SHOWN_MS));
        assert!(notices.expire(1000.0 + SHOWN_MS));
        assert!(notices.shown().map(|notice| &notice.kind).eq([&NoticeKind::Copied]));
    }

    #[test]
    fn a_flood_of_errors_does_not_cover_the_page() {
        let mut notices = Notices::default();
        (0..50).for_each(|n| notices.add(NoticeKind::Unreadable(n.to_string()), 0.0));
        assert_eq!(notices.shown().count(), KEPT);
    }
}
