//! Which records of the feed are shown: those whose key or value contains a text. Owns the text, not the records.

use protocol::{Record, WireBytes};

/// Case does not matter for ASCII letters. The empty filter lets everything pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// In ASCII lower case.
    needle: Vec<u8>,
}

impl Filter {
    pub fn new(text: &str) -> Self {
        Self { needle: text.to_ascii_lowercase().into_bytes() }
    }

    pub fn is_empty(&self) -> bool {
        self.needle.is_empty()
    }

    pub fn matches(&self, record: &Record) -> bool {
        self.is_empty() || self.is_in(&record.value) || self.is_in(&record.key)
    }

    /// Searches the stored bytes, so that what base64 would hide is found as well.
    fn is_in(&self, field: &WireBytes) -> bool {
        field.as_kafka().is_some_and(|bytes| find(bytes, &self.needle).is_some())
    }

    /// Where the text stands in `text`, as byte ranges, for marking it.
    pub fn ranges_in(&self, text: &str) -> Vec<std::ops::Range<usize>> {
        let mut ranges = Vec::new();
        let mut from = 0;
        while !self.is_empty()
            && let Some(at) = find(&text.as_bytes()[from..], &self.needle)
        {
            ranges.push(from + at..from + at + self.needle.len());
            from += at + self.needle.len();
        }
        ranges
    }
}

/// The first place of `needle` (lower case) in `bytes`, ASCII letters of either case being equal.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let last_start = bytes.len().checked_sub(needle.len())?;
    (0..=last_start).find(|&at| {
        bytes[at].eq_ignore_ascii_case(&first) && bytes[at + 1..at + needle.len()].eq_ignore_ascii_case(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ring::tests::record;

    #[test]
    fn key_and_value_are_searched_whatever_the_case() {
        let mut keyed = record(0, "Messaggio 7");
        keyed.key = WireBytes::text("Ordine-42");
        assert!(Filter::new("messaggio").matches(&keyed));
        assert!(Filter::new("ORDINE").matches(&keyed));
        assert!(!Filter::new("messaggio 8").matches(&keyed));
        assert!(Filter::new("").matches(&keyed));
    }

    #[test]
    fn null_and_empty_values_match_nothing_but_the_empty_filter() {
        let mut tombstone = record(0, "");
        tombstone.value = WireBytes::Null;
        assert!(!Filter::new("a").matches(&tombstone));
        assert!(Filter::default().matches(&tombstone));
    }

    #[test]
    fn every_place_is_marked() {
        assert_eq!(Filter::new("AB").ranges_in("abxaBab"), [0..2, 3..5, 5..7]);
        assert_eq!(Filter::new("è").ranges_in("caffè e tè"), [4..6, 10..12]);
        assert!(Filter::new("").ranges_in("abc").is_empty());
    }
}
