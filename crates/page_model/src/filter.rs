//! Which records of the list are shown. A filter is a conjunction of conditions. Each is validated when the filter is
//! made, so that matching cannot fail.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use super::entry::RecordRef;
use super::json_escapes::searchable;
use super::sort::stable_sort;

/// A regular expression. The browser's engine implements it.
pub trait Regex {
    fn is_in(&self, text: &str) -> bool;
    /// All matches as byte ranges, for highlighting.
    fn ranges_in(&self, text: &str) -> Vec<Range<usize>>;
}

/// A condition on a record's value. The code that compiles one is loaded when a filter first has one.
pub trait ValueCondition {
    fn holds_for(&self, value: &[u8]) -> bool;
}

#[derive(Clone)]
pub enum Condition {
    /// A lower-case text in key or value; ASCII letters match in either case. Each text is searched as it is, and as JSON
    /// without escapes.
    Text(Vec<u8>),
    /// A match in key or value.
    Regex(Rc<dyn Regex>),
    Key(Vec<u8>),
    /// A header with this name (case-sensitive, as in Kafka) whose value contains the text.
    Header {
        name: String,
        value: Vec<u8>,
    },
    Partition(Vec<i32>),
    Offset(RangeInclusive<i64>),
    /// Milliseconds since 1970-01-01 UTC.
    Time(RangeInclusive<i64>),
    /// A JSON path that selects something in the value.
    Path(Rc<dyn ValueCondition>),
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condition")
    }
}

/// The part of a record that a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Key,
    Value,
}

/// A record matches if all conditions hold. An empty filter matches every record.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    conditions: Vec<Condition>,
}

impl Condition {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_ascii_lowercase().into_bytes())
    }

    fn holds(&self, record: &RecordRef<'_>) -> bool {
        let contains = |field: Option<&[u8]>, needle: &[u8]| {
            field.is_some_and(|bytes| {
                find(bytes, needle).is_some()
                    || searchable(bytes).is_some_and(|text| find(text.as_bytes(), needle).is_some())
            })
        };
        match self {
            Self::Text(needle) => contains(record.value, needle) || contains(record.key, needle),
            Self::Regex(regex) => {
                let is_in = |field: Option<&[u8]>| {
                    field.is_some_and(|bytes| {
                        regex.is_in(&String::from_utf8_lossy(bytes))
                            || searchable(bytes).is_some_and(|text| regex.is_in(&text))
                    })
                };
                is_in(record.value) || is_in(record.key)
            }
            Self::Key(needle) => contains(record.key, needle),
            Self::Header { name, value } => {
                let mut headers = record.headers;
                headers.any(|(found, bytes)| found == name && (value.is_empty() || contains(bytes, value)))
            }
            Self::Partition(partitions) => partitions.contains(&record.partition),
            Self::Offset(range) => range.contains(&record.offset),
            Self::Path(path) => record.value.is_some_and(|value| path.holds_for(value)),
            Self::Time(range) => record.timestamp.is_some_and(|time| range.contains(&time)),
        }
    }
}

impl Filter {
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self { conditions }
    }

    /// A text in key or value.
    pub fn text(text: &str) -> Self {
        Self::new(if text.is_empty() { Vec::new() } else { vec![Condition::text(text)] })
    }

    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    pub fn matches(&self, record: &RecordRef<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(record))
    }

    /// The cost of checking a byte, relative to a plain text search.
    pub fn cost(&self) -> usize {
        let cost = |condition: &Condition| match condition {
            Condition::Regex(_) => 4,
            Condition::Path(_) => 16,
            _ => 1,
        };
        self.conditions.iter().map(cost).max().unwrap_or(1)
    }

    /// The matches to highlight in a key or value, as sorted byte ranges without overlaps.
    pub fn marks_in(&self, part: Part, text: &str) -> Vec<Range<usize>> {
        let mut marks = Vec::new();
        for condition in &self.conditions {
            match condition {
                Condition::Text(needle) => all_in(text, needle, &mut marks),
                Condition::Key(needle) if part == Part::Key => all_in(text, needle, &mut marks),
                Condition::Regex(regex) => marks.extend(regex.ranges_in(text)),
                _ => {}
            }
        }
        marks.retain(|mark| !mark.is_empty());
        stable_sort(&mut marks, |a, b| a.start.cmp(&b.start));
        let mut end = 0;
        marks.retain(|mark| {
            let is_free = mark.start >= end;
            if is_free {
                end = mark.end;
            }
            is_free
        });
        marks
    }
}

fn all_in(text: &str, needle: &[u8], marks: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while !needle.is_empty()
        && let Some(at) = find(&text.as_bytes()[from..], needle)
    {
        marks.push(from + at..from + at + needle.len());
        from += at + needle.len();
    }
}

/// The first index of `needle` (lower case) in `bytes`; ASCII letters match in either case.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((&first, rest)) = needle.split_first() else { return Some(0) };
    let last_start = bytes.len().checked_sub(needle.len())?;
    let upper = first.to_ascii_uppercase();
    let mut at = 0;
    while at <= last_start {
        at += bytes[at..=last_start].iter().position(|&byte| byte == first || byte == upper)?;
        if bytes[at + 1..at + needle.len()].eq_ignore_ascii_case(rest) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::entry::tests::entry;

    fn matches(filter: &Filter, entry: &Entry) -> bool {
        filter.matches(&entry.record().expect("a record"))
    }

    #[test]
    fn text_matches_in_either_case() {
        let record = entry(0, "Messaggio 7 per Città");
        for (text, found) in [("messaggio", true), ("PER CITTà", true), ("messaggio 8", false), ("", true), ("à", true)]
        {
            assert_eq!(matches(&Filter::text(text), &record), found, "{text}");
        }
        assert!(!matches(&Filter::new(vec![Condition::Key(b"x".to_vec())]), &record), "a null key contains no text");
    }

    #[test]
    fn text_is_found_in_escapes_of_json() {
        let record = entry(0, r#"{"\u540d":"\u6211 \"x\" http:\/\/y"}"#);
        for text in ["我", "名", "\\u6211", r#""x""#, "HTTP://Y"] {
            assert!(matches(&Filter::text(text), &record), "{text}");
        }
        assert!(!matches(&Filter::text("我"), &entry(0, r"C:\u6211")), "not JSON");
    }

    #[test]
    fn all_conditions_must_hold() {
        let record = entry(41, "abc");
        let header = |value: &[u8]| Condition::Header { name: "h".into(), value: value.to_vec() };
        let both = |a: Condition, b: Condition| Filter::new(vec![a, b]);
        assert!(matches(&both(Condition::text("B"), Condition::Offset(40..=41)), &record));
        assert!(!matches(&both(Condition::text("B"), Condition::Offset(42..=i64::MAX)), &record));
        assert!(matches(&both(header(b"x"), Condition::Partition(vec![3, 0])), &record));
        assert!(!matches(&both(header(b"y"), Condition::Partition(vec![0])), &record));
        assert!(matches(&both(header(b""), Condition::Time(0..=i64::MAX)), &record));
    }

    #[test]
    fn each_match_is_highlighted_once() {
        assert_eq!(Filter::text("AB").marks_in(Part::Value, "abxaBab"), [0..2, 3..5, 5..7]);
        assert_eq!(Filter::text("è").marks_in(Part::Value, "caffè e tè"), [4..6, 10..12]);
        assert!(Filter::text("").marks_in(Part::Value, "abc").is_empty());
        let overlapping = Filter::new(vec![Condition::text("ab"), Condition::text("abc")]);
        assert_eq!(overlapping.marks_in(Part::Key, "abc"), std::slice::from_ref(&(0..2)));
        let of_key = Filter::new(vec![Condition::Key(b"ab".to_vec())]);
        assert!(
            of_key.marks_in(Part::Value, "ab").is_empty()
                && of_key.marks_in(Part::Key, "ab") == std::slice::from_ref(&(0..2))
        );
    }
}
