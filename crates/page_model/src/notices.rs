//! Messages that no component shows in place; the page shows them as toasts. They expire after some seconds. The texts
//! belong to the components.

use std::collections::VecDeque;

use protocol::ErrorBody;

/// Long enough to read two lines.
const SHOWN_MS: f64 = 7000.0;
/// More notices at once would cover the page; the oldest are removed.
const MAX_SHOWN: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: u64,
    pub kind: NoticeKind,
    until_ms: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoticeKind {
    /// The bridge refused a request, with this error.
    Refused(ErrorBody),
    /// The bridge sent a message that this page cannot parse: the page and the bridge have different versions.
    Unreadable(String),
    /// The bridge has closed the connection because of new access rules.
    AccessChanged,
    /// The exported file has masked fields.
    ExportIsMasked,
    /// The exported file has decoded keys or values.
    ExportIsDecoded,
    /// The original bytes of a decoded record could not be fetched, so the record was not sent again: with the reason, or because
    /// Kafka no longer has the record.
    OriginalMissing(Option<String>),
    Copied,
    /// The texts of a language could not be loaded.
    TextsMissing,
    /// The file with this name is not UTF-8 text.
    NotUtf8(String),
}

#[derive(Debug, Default)]
pub struct Notices {
    /// Oldest first, in the order in which they expire.
    shown: VecDeque<Notice>,
    next_id: u64,
}

impl Notices {
    /// A notice that is shown already is replaced, so that it expires later.
    pub fn add(&mut self, kind: NoticeKind, now_ms: f64) {
        self.shown.retain(|notice| notice.kind != kind);
        self.shown.push_back(Notice { id: self.next_id, kind, until_ms: now_ms + SHOWN_MS });
        self.next_id += 1;
        if self.shown.len() > MAX_SHOWN {
            self.shown.pop_front();
        }
    }

    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// Removes expired notices. Returns whether one was removed.
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
    fn notices_expire_and_a_repeated_notice_is_shown_once() {
        let mut notices = Notices::default();
        notices.add(NoticeKind::Copied, 0.0);
        notices.add(NoticeKind::ExportIsMasked, 1000.0);
        notices.add(NoticeKind::Copied, 2000.0);
        assert_eq!(notices.shown().count(), 2);
        assert_eq!(notices.next_expiry_ms(), Some(1000.0 + SHOWN_MS));
        assert!(notices.expire(1000.0 + SHOWN_MS));
        assert!(notices.shown().map(|notice| &notice.kind).eq([&NoticeKind::Copied]));
    }

    #[test]
    fn number_of_shown_notices_is_bounded() {
        let mut notices = Notices::default();
        (0..50).for_each(|n| notices.add(NoticeKind::Unreadable(n.to_string()), 0.0));
        assert_eq!(notices.shown().count(), MAX_SHOWN);
    }
}
