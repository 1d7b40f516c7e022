//! The text fields of the filter and their errors. Compiles the texts into a [`Filter`]; the page parses regular expressions
//! and local times with the browser, and JSON paths with code that it loads when it needs them.

use std::ops::RangeInclusive;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::filter::{Condition, Filter, Regex, ValueCondition};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilterFields {
    pub text: String,
    /// `text` is a regular expression.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_pattern: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// `name`, or `name=text`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header: String,
    /// `0, 2-4`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub partition: String,
    /// `10-20`, `10-` or `-20`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub offset: String,
    /// As an `<input type="datetime-local">` writes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub since: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub until: String,
    /// `$.items[0].price`, or a condition: `$.price > 10`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterField {
    Text,
    Key,
    Header,
    Partition,
    Offset,
    Since,
    Until,
    Path,
}

/// Why a field is not a valid filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    pub field: FilterField,
    pub kind: InputError,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputError {
    /// The browser's error message.
    Regex(String),
    /// The piece that is neither a number nor a range.
    Numbers(String),
    /// The range ends before it begins.
    Backwards,
    Time,
    /// The first invalid character of the path, counted from 1.
    Path {
        at: usize,
    },
    /// The code that compiles the field is being loaded.
    Loading,
    /// This code cannot be loaded.
    CodeMissing,
}

/// The parsers that need the browser.
pub trait FilterParser {
    /// The regular expression, or the browser's error message.
    fn regex(&self, text: &str) -> Result<Rc<dyn Regex>, String>;
    fn json_path(&self, text: &str) -> Result<Rc<dyn ValueCondition>, InputError>;
    /// Milliseconds since 1970-01-01 UTC of a local date and time.
    fn local_time_ms(&self, text: &str) -> Option<i64>;
}

impl FilterFields {
    pub fn is_empty(&self) -> bool {
        *self == Self { is_pattern: self.is_pattern, ..Self::default() }
    }

    /// Number of fields in use besides the text.
    pub fn further(&self) -> usize {
        let fields = [&self.key, &self.header, &self.partition, &self.offset, &self.since, &self.until, &self.path];
        fields.iter().filter(|field| !field.is_empty()).count()
    }

    /// The text of a field.
    fn text_of(&mut self, field: FilterField) -> &mut String {
        match field {
            FilterField::Text => &mut self.text,
            FilterField::Key => &mut self.key,
            FilterField::Header => &mut self.header,
            FilterField::Partition => &mut self.partition,
            FilterField::Offset => &mut self.offset,
            FilterField::Since => &mut self.since,
            FilterField::Until => &mut self.until,
            FilterField::Path => &mut self.path,
        }
    }

    /// The fields to filter by while some are invalid: an invalid field keeps its last valid text (`before`), so that a
    /// half-typed field neither disables the others nor matches everything. Returns the errors, too.
    pub fn effective(&self, before: &Self, parser: &dyn FilterParser) -> (Self, Filter, Vec<FilterError>) {
        let (filter, errors) = self.compile(parser);
        if errors.is_empty() {
            return (self.clone(), filter, errors);
        }
        let (mut valid, mut valid_before) = (self.clone(), before.clone());
        for error in &errors {
            if error.field == FilterField::Text {
                valid.is_pattern = before.is_pattern;
            }
            *valid.text_of(error.field) = std::mem::take(valid_before.text_of(error.field));
        }
        // Two valid fields may still contradict each other, such as the ends of a time range.
        let (filter, left) = valid.compile(parser);
        if left.is_empty() { (valid, filter, errors) } else { (before.clone(), before.compile(parser).0, errors) }
    }

    /// The filter of the valid fields, and the errors of the others.
    pub fn compile(&self, parser: &dyn FilterParser) -> (Filter, Vec<FilterError>) {
        let mut conditions = Vec::new();
        let mut errors = Vec::new();
        let mut add = |field: FilterField, condition: Result<Option<Condition>, InputError>| match condition {
            Ok(condition) => conditions.extend(condition),
            Err(kind) => errors.push(FilterError { field, kind }),
        };
        let lower = |text: &str| text.to_ascii_lowercase().into_bytes();
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());

        add(
            FilterField::Text,
            match self.text.as_str() {
                "" => Ok(None),
                text if self.is_pattern => {
                    parser.regex(text).map(|p| Some(Condition::Regex(p))).map_err(InputError::Regex)
                }
                text => Ok(Some(Condition::text(text))),
            },
        );
        add(FilterField::Key, Ok((!self.key.is_empty()).then(|| Condition::Key(lower(&self.key)))));
        add(
            FilterField::Header,
            Ok(given(&self.header).map(|header| {
                let (name, value) = header.split_once('=').unwrap_or((&header, ""));
                Condition::Header { name: name.trim().to_owned(), value: lower(value.trim()) }
            })),
        );
        add(FilterField::Partition, given(&self.partition).map(|text| partitions(&text)).transpose());
        add(FilterField::Offset, given(&self.offset).map(|text| range(&text).map(Condition::Offset)).transpose());
        let time = |text: &str| match given(text) {
            None => Ok(None),
            Some(text) => parser.local_time_ms(&text).map(Some).ok_or(InputError::Time),
        };
        match (time(&self.since), time(&self.until)) {
            (Ok(None), Ok(None)) => {}
            (Ok(since), Ok(until)) => {
                let (since, until) = (since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX));
                let is_forward = since <= until;
                add(
                    FilterField::Until,
                    if is_forward { Ok(Some(Condition::Time(since..=until))) } else { Err(InputError::Backwards) },
                );
            }
            (since, until) => {
                add(FilterField::Since, since.map(|_| None));
                add(FilterField::Until, until.map(|_| None));
            }
        }
        add(FilterField::Path, given(&self.path).map(|text| parser.json_path(&text).map(Condition::Path)).transpose());
        (Filter::new(conditions), errors)
    }
}

fn partitions(text: &str) -> Result<Condition, InputError> {
    /// No topic has more partitions.
    const MAX_PARTITIONS: i64 = 100_000;
    let mut partitions = Vec::new();
    for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
        let range = range(piece)?;
        partitions.extend(
            (*range.start()..=(*range.end()).min(MAX_PARTITIONS)).filter_map(|partition| i32::try_from(partition).ok()),
        );
    }
    Ok(Condition::Partition(partitions))
}

/// Numbers and ranges with an end: `0, 2-4`. Sorted, without duplicates, at most `most`.
pub(super) fn closed_ranges(text: &str, most: usize) -> Result<Vec<i32>, InputError> {
    let mut numbers = std::collections::BTreeSet::new();
    for piece in text.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
        let numbers_of = |range: RangeInclusive<i64>| {
            let last = i32::try_from(*range.end()).ok()?;
            Some(i32::try_from(*range.start()).ok()?..=last)
        };
        let range = range(piece).map(numbers_of)?.ok_or_else(|| InputError::Numbers(piece.to_owned()))?;
        numbers.extend(range.take(most));
        if numbers.len() > most {
            return Err(InputError::Numbers(piece.to_owned()));
        }
    }
    Ok(numbers.into_iter().collect())
}

/// `7`, `7-9`, `7-` or `-9`.
fn range(text: &str) -> Result<RangeInclusive<i64>, InputError> {
    let number = |digits: &str, absent: i64| match digits.trim() {
        "" => Ok(absent),
        digits => digits.parse().ok().filter(|n| *n >= 0).ok_or_else(|| InputError::Numbers(digits.to_owned())),
    };
    let range = match text.split_once('-') {
        None => number(text, 0).map(|n| n..=n)?,
        Some((from, to)) if from.trim().is_empty() && to.trim().is_empty() => {
            return Err(InputError::Numbers(text.to_owned()));
        }
        Some((from, to)) => number(from, 0)?..=number(to, i64::MAX)?,
    };
    if range.start() <= range.end() { Ok(range) } else { Err(InputError::Backwards) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::entry;
    use crate::json_path::JsonPath;

    struct NoBrowser;

    struct EmptyTextRegex;

    impl Regex for EmptyTextRegex {
        fn is_in(&self, text: &str) -> bool {
            text.is_empty()
        }

        fn ranges_in(&self, _: &str) -> Vec<std::ops::Range<usize>> {
            Vec::new()
        }
    }

    impl FilterParser for NoBrowser {
        fn regex(&self, text: &str) -> Result<Rc<dyn Regex>, String> {
            if text == "(" { Err("Unterminated group".into()) } else { Ok(Rc::new(EmptyTextRegex)) }
        }

        fn json_path(&self, text: &str) -> Result<Rc<dyn ValueCondition>, InputError> {
            Ok(Rc::new(JsonPath::parse(text)?))
        }

        fn local_time_ms(&self, text: &str) -> Option<i64> {
            text.parse().ok()
        }
    }

    fn fields(set: impl FnOnce(&mut FilterFields)) -> FilterFields {
        let mut fields = FilterFields::default();
        set(&mut fields);
        fields
    }

    fn errors(fields: &FilterFields) -> Vec<FilterError> {
        fields.compile(&NoBrowser).1
    }

    #[test]
    fn numbers_and_open_ranges_are_parsed() {
        for (text, expected) in [("7", 7..=7), ("7-9", 7..=9), (" 7 - ", 7..=i64::MAX), ("-9", 0..=9)] {
            assert_eq!(range(text), Ok(expected), "{text}");
        }
        for text in ["-", "a", "1-b", "--1"] {
            assert!(matches!(range(text), Err(InputError::Numbers(_))), "{text}");
        }
        assert_eq!(range("9-7"), Err(InputError::Backwards));
    }

    #[test]
    fn error_names_its_field_and_other_fields_still_filter() {
        let broken = fields(|f| {
            f.text = "b".into();
            f.offset = "x-3".into();
            f.path = "$.a[".into();
            f.until = "soon".into();
        });
        let (filter, errors) = broken.compile(&NoBrowser);
        let named: Vec<_> = errors.iter().map(|error| error.field).collect();
        assert_eq!(named, [FilterField::Offset, FilterField::Until, FilterField::Path]);
        assert_eq!(errors[0].kind, InputError::Numbers("x".into()));
        assert!(filter.matches(&entry(0, "abc").record().expect("a record")));
        assert!(!filter.matches(&entry(0, "xyz").record().expect("a record")));
    }

    #[test]
    fn invalid_field_keeps_its_last_valid_text() {
        let matches = |filter: &Filter, value: &str| filter.matches(&entry(0, value).record().expect("a record"));
        let valid = fields(|f| (f.path, f.offset) = ("$.a > 1".into(), "0-9".into()));
        let half_written = FilterFields { path: "$.a >".into(), key: "k".into(), ..valid.clone() };
        let (effective, filter, errors) = half_written.effective(&valid, &NoBrowser);
        assert_eq!(effective, FilterFields { key: "k".into(), ..valid.clone() }, "the other fields still apply");
        assert_eq!(errors.iter().map(|error| error.field).collect::<Vec<_>>(), [FilterField::Path]);
        assert!(!filter.is_empty() && !matches(&filter, r#"{"a":0}"#));

        // The new start is after the old end: both keep their last valid text.
        let range = fields(|f| (f.since, f.until) = ("10".into(), "20".into()));
        let backwards = FilterFields { since: "30".into(), ..range.clone() };
        let (effective, _, errors) = backwards.effective(&range, &NoBrowser);
        assert_eq!((effective, errors.len()), (range, 1));

        // A half-typed regular expression.
        let text = fields(|f| f.text = "b".into());
        let regex = fields(|f| (f.text, f.is_pattern) = ("(".into(), true));
        assert_eq!(regex.effective(&text, &NoBrowser).0, text);
    }

    #[test]
    fn regular_expression_has_the_browsers_error_message() {
        let regex = |text: &str| fields(|f| (f.text, f.is_pattern) = (text.into(), true));
        assert_eq!(errors(&regex("("))[0].kind, InputError::Regex("Unterminated group".into()));
        assert!(errors(&regex("a|b")).is_empty());
    }

    #[test]
    fn empty_fields_filter_nothing() {
        let empty = fields(|f| f.is_pattern = true);
        assert!(empty.is_empty() && empty.compile(&NoBrowser).0.is_empty());
        let one = fields(|f| f.header = "trace".into());
        assert!(!one.is_empty() && one.further() == 1 && !one.compile(&NoBrowser).0.is_empty());
    }

    #[test]
    fn time_range_must_not_end_before_its_start() {
        let backwards = fields(|f| (f.since, f.until) = ("20".into(), "10".into()));
        assert_eq!(errors(&backwards), [FilterError { field: FilterField::Until, kind: InputError::Backwards }]);
    }

    #[test]
    fn header_filter_matches_name_and_value() {
        let found = |header: &str| {
            let (filter, _) = fields(|f| f.header = header.into()).compile(&NoBrowser);
            filter.matches(&entry(0, "v").record().expect("a record"))
        };
        assert!(found("h") && found("h=x") && found("h = X"));
        assert!(!found("H") && !found("h=y"));
    }
}
