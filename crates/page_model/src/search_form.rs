//! The form of a search in one topic: range, partitions, filter and order; its URL parameters, and the request that it makes.

use formats::{iso, parse_time};
use protocol::{
    Decode, Filter, FilterPart, HeaderFilter, Isolation, Offset, Order, Partitioner, RangeBound, RegexFilter, Search,
    TextFilter, WireBytes,
};

use super::field_path::FieldPath;
use super::filter_fields::closed_ranges;

/// Records of one page while there is no filter, and of one search with a filter.
const PAGE_RECORDS: u32 = 50;
const FOUND_RECORDS: u32 = 500;
/// The bridge accepts no more in one search.
const MAX_PARTITIONS: usize = 2000;

/// How the text of the search is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchMode {
    #[default]
    Expression,
    Text,
    Regex,
    Key,
    Header,
}

impl SearchMode {
    pub const ALL: [Self; 5] = [Self::Expression, Self::Text, Self::Regex, Self::Key, Self::Header];

    /// Its URL parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expression => "where",
            Self::Text => "text",
            Self::Regex => "regex",
            Self::Key => "key",
            Self::Header => "header",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// How the producers choose the partition of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyPartitioner {
    /// As Java clients and this bridge do.
    #[default]
    Murmur2,
    Crc32,
    /// The key is searched in all partitions.
    Unknown,
}

impl KeyPartitioner {
    pub const ALL: [Self; 3] = [Self::Murmur2, Self::Crc32, Self::Unknown];

    /// The value of the URL parameter `partitioner`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Murmur2 => "murmur2",
            Self::Crc32 => "crc32",
            Self::Unknown => "unknown",
        }
    }

    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.name() == name).unwrap_or_default()
    }

    fn to_request(self) -> Option<Partitioner> {
        match self {
            Self::Murmur2 => Some(Partitioner::Murmur2),
            Self::Crc32 => Some(Partitioner::Crc32),
            Self::Unknown => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundKind {
    #[default]
    Open,
    Time,
    Offset,
    /// This many offsets before the end; for the start only.
    Last,
}

impl BoundKind {
    pub const ALL: [Self; 4] = [Self::Open, Self::Time, Self::Offset, Self::Last];

    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Time => "time",
            Self::Offset => "offset",
            Self::Last => "last",
        }
    }

    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }
}

/// One end of a range that the user enters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    pub kind: BoundKind,
    /// Milliseconds since 1970-01-01 UTC.
    pub time_ms: Option<i64>,
    /// An offset, or a number of offsets.
    pub number: String,
}

impl Bound {
    fn to_request(&self, open: RangeBound) -> Option<RangeBound> {
        let number = || self.number.trim().parse::<i64>().ok().filter(|number| *number >= 0);
        match self.kind {
            BoundKind::Open => Some(open),
            BoundKind::Time => self.time_ms.map(RangeBound::Timestamp),
            BoundKind::Offset => number().map(|offset| RangeBound::Offset(Offset(offset))),
            BoundKind::Last => number().filter(|number| *number > 0).map(|number| RangeBound::Last(number as u64)),
        }
    }

    /// As in the terminal: `offset:5`, `last:100`, or a time. Empty for an open end or an unfinished one.
    fn to_link(&self) -> String {
        match self.kind {
            BoundKind::Open => String::new(),
            BoundKind::Time => self.time_ms.map(|ms| iso(ms).unwrap_or_else(|| ms.to_string())).unwrap_or_default(),
            BoundKind::Offset => format!("offset:{}", self.number.trim()),
            BoundKind::Last => format!("last:{}", self.number.trim()),
        }
    }

    fn from_link(text: &str) -> Self {
        let numbered = |kind, number: &str| Self { kind, number: number.to_owned(), time_ms: None };
        match text.split_once(':') {
            Some(("offset", number)) => numbered(BoundKind::Offset, number),
            Some(("last", number)) => numbered(BoundKind::Last, number),
            _ => parse_time(text).map_or_else(Self::default, |ms| Self {
                kind: BoundKind::Time,
                time_ms: Some(ms),
                number: String::new(),
            }),
        }
    }
}

/// The range: a period until now, or one that the user enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RangeChoice {
    #[default]
    All,
    Minutes5,
    Hour,
    Day,
    Today,
    Yesterday,
    Custom,
}

impl RangeChoice {
    pub const ALL: [Self; 7] =
        [Self::All, Self::Minutes5, Self::Hour, Self::Day, Self::Today, Self::Yesterday, Self::Custom];

    /// The value of the URL parameter `range`.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Minutes5 => "5m",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::Custom => "custom",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

/// The present time, and the last two midnights of the user's time zone, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchMoment {
    pub now_ms: i64,
    pub today_ms: i64,
    pub yesterday_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchField {
    From,
    To,
    Partitions,
}

/// A field that is empty although it is needed, or not a valid number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchInputError(pub SearchField);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchForm {
    pub order: Order,
    pub range: RangeChoice,
    pub from: Bound,
    pub to: Bound,
    /// `0, 2-4`; empty: all.
    pub partitions: String,
    pub mode: SearchMode,
    pub text: String,
    /// Of a search by key.
    pub partitioner: KeyPartitioner,
    pub isolation: Isolation,
}

impl SearchForm {
    /// How many records one search finds at most.
    pub fn count(&self) -> u32 {
        if self.filter().is_empty() { PAGE_RECORDS } else { FOUND_RECORDS }
    }

    /// An empty text finds all records.
    pub fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        // Spaces are part of texts, keys and patterns.
        let text = self.text.clone();
        if text.trim().is_empty() {
            return filter;
        }
        match self.mode {
            SearchMode::Expression => filter.expression = Some(text),
            SearchMode::Text => {
                filter.text = Some(TextFilter { text, case_sensitive: false, part: FilterPart::Any });
            }
            SearchMode::Regex => filter.regex = Some(RegexFilter { regex: text, part: FilterPart::Any }),
            SearchMode::Key => filter.key = Some(WireBytes::text(text)),
            SearchMode::Header => {
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Some(value.trim().to_owned())),
                    None => (text.as_str(), None),
                };
                filter.header = Some(HeaderFilter { name: name.trim().to_owned(), value });
            }
        }
        filter
    }

    /// The request, or the fields that are not valid.
    pub fn to_request(
        &self,
        topic: &str,
        decode: Decode,
        moment: SearchMoment,
    ) -> Result<Search, Vec<SearchInputError>> {
        let mut errors = Vec::new();
        let since = |ms: i64| (RangeBound::Timestamp(moment.now_ms - ms), RangeBound::Latest);
        let (from, to) = match self.range {
            RangeChoice::All => (RangeBound::Earliest, RangeBound::Latest),
            RangeChoice::Minutes5 => since(5 * 60_000),
            RangeChoice::Hour => since(3_600_000),
            RangeChoice::Day => since(24 * 3_600_000),
            RangeChoice::Today => (RangeBound::Timestamp(moment.today_ms), RangeBound::Latest),
            RangeChoice::Yesterday => {
                (RangeBound::Timestamp(moment.yesterday_ms), RangeBound::Timestamp(moment.today_ms))
            }
            RangeChoice::Custom => {
                let mut end = |bound: &Bound, open: RangeBound, field: SearchField| {
                    bound.to_request(open.clone()).unwrap_or_else(|| {
                        errors.push(SearchInputError(field));
                        open
                    })
                };
                let from = end(&self.from, RangeBound::Earliest, SearchField::From);
                (from, end(&self.to, RangeBound::Latest, SearchField::To))
            }
        };
        if let (RangeBound::Timestamp(from), RangeBound::Timestamp(to)) = (&from, &to)
            && from > to
        {
            errors.push(SearchInputError(SearchField::To));
        }
        let partitions = closed_ranges(&self.partitions, MAX_PARTITIONS).unwrap_or_else(|_| {
            errors.push(SearchInputError(SearchField::Partitions));
            Vec::new()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let filter = self.filter();
        let partitioner = filter.key.as_ref().and_then(|_| self.partitioner.to_request());
        Ok(Search {
            topics: vec![topic.to_owned()],
            partitions,
            from,
            to,
            filter: Box::new(filter),
            partitioner,
            order: self.order,
            count: self.count(),
            isolation: self.isolation,
            decode,
            cursor: None,
        })
    }

    /// Names and values of the URL parameters. An empty value is the default: the parameter is removed.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let named = |is_default: bool, name: &str| if is_default { String::new() } else { name.to_owned() };
        let is_custom = self.range == RangeChoice::Custom;
        let bound = |bound: &Bound| if is_custom { bound.to_link() } else { String::new() };
        let (from, to) = (bound(&self.from), bound(&self.to));
        // Without its ends, the range is everything.
        let has_range = !matches!(self.range, RangeChoice::All | RangeChoice::Custom);
        let mut pairs = vec![
            ("order", named(self.order == Order::Newest, "oldest")),
            ("range", named(!has_range, self.range.name())),
            ("from", from),
            ("to", to),
            ("partitions", self.partitions.trim().to_owned()),
            ("isolation", named(self.isolation == Isolation::Committed, "uncommitted")),
        ];
        let has_partitioner = self.mode == SearchMode::Key && !self.text.is_empty();
        let is_default = !has_partitioner || self.partitioner == KeyPartitioner::default();
        pairs.push(("partitioner", named(is_default, self.partitioner.name())));
        let text = |mode: SearchMode| if mode == self.mode { self.text.clone() } else { String::new() };
        pairs.extend(SearchMode::ALL.map(|mode| (mode.name(), text(mode))));
        pairs
    }

    /// The form that the URL parameters describe: without unfinished ends of the range.
    pub fn as_linked(&self) -> Self {
        let pairs = self.to_pairs();
        let given = pairs.iter().filter(|(_, value)| !value.is_empty());
        Self::from_pairs(given.map(|(name, value)| (*name, value.as_str())))
    }

    /// Reads the URL parameters. Values that this page does not know are ignored.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut form = Self::default();
        for (name, value) in pairs {
            match name {
                "order" if value == "oldest" => form.order = Order::Oldest,
                "range" => form.range = RangeChoice::of(value).unwrap_or_default(),
                "from" => form.from = Bound::from_link(value),
                "to" => form.to = Bound::from_link(value),
                "partitions" => value.clone_into(&mut form.partitions),
                "partitioner" => form.partitioner = KeyPartitioner::of(value),
                "isolation" if value == "uncommitted" => form.isolation = Isolation::Uncommitted,
                _ => {
                    if let Some(mode) = SearchMode::of(name) {
                        (form.mode, form.text) = (mode, value.to_owned());
                    }
                }
            }
        }
        if [&form.from, &form.to].iter().any(|bound| bound.kind != BoundKind::Open) {
            form.range = RangeChoice::Custom;
        }
        form
    }
}

/// The expression, with the condition that the field has this value. `json`: a number, a string, `true`, `false` or `null`.
pub fn and_equals(expression: &str, path: &FieldPath, json: &str) -> String {
    let condition = format!("{} == {json}", path.in_value());
    match expression.trim() {
        "" => condition,
        // The condition is there already.
        before if before == condition || before.ends_with(&format!("&& {condition}")) => before.to_owned(),
        before if before.contains("||") || before.contains('?') => format!("({before}) && {condition}"),
        before => format!("{before} && {condition}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: SearchMoment = SearchMoment { now_ms: 100_000_000, today_ms: 86_400_000, yesterday_ms: 0 };

    fn request(form: &SearchForm) -> Result<Search, Vec<SearchInputError>> {
        form.to_request("orders", Decode::default(), MOMENT)
    }

    fn custom(from: Bound, to: Bound) -> SearchForm {
        SearchForm { range: RangeChoice::Custom, from, to, ..SearchForm::default() }
    }

    fn bound(kind: BoundKind, number: &str) -> Bound {
        Bound { kind, number: number.to_owned(), time_ms: None }
    }

    #[test]
    fn empty_form_browses_the_newest_committed_records() {
        let search = request(&SearchForm::default()).expect("a valid form");
        let expected: Search = protocol::from_json(r#"{"topics":["orders"],"count":50}"#).expect("a search");
        assert_eq!(search, expected);
    }

    #[test]
    fn periods_are_counted_back_from_the_moment_of_the_search() {
        let range =
            |range| request(&SearchForm { range, ..SearchForm::default() }).map(|search| (search.from, search.to));
        let since = |ms| Ok((RangeBound::Timestamp(ms), RangeBound::Latest));
        assert_eq!(range(RangeChoice::Minutes5), since(99_700_000));
        assert_eq!(range(RangeChoice::Day), since(13_600_000));
        assert_eq!(range(RangeChoice::Today), since(86_400_000));
        let yesterday = (RangeBound::Timestamp(0), RangeBound::Timestamp(86_400_000));
        assert_eq!(range(RangeChoice::Yesterday), Ok(yesterday));
    }

    #[test]
    fn invalid_fields_are_named() {
        let form = SearchForm {
            partitions: "0, x".to_owned(),
            ..custom(bound(BoundKind::Offset, "-1"), bound(BoundKind::Time, ""))
        };
        let fields = request(&form).expect_err("three invalid fields");
        assert_eq!(fields, [SearchField::From, SearchField::To, SearchField::Partitions].map(SearchInputError));
        let time = |ms| Bound { kind: BoundKind::Time, time_ms: Some(ms), number: String::new() };
        assert_eq!(request(&custom(time(2), time(1))), Err(vec![SearchInputError(SearchField::To)]));
        let search = request(&custom(bound(BoundKind::Last, "10"), bound(BoundKind::Offset, " 7 "))).expect("valid");
        assert_eq!((search.from, search.to), (RangeBound::Last(10), RangeBound::Offset(Offset(7))));
    }

    #[test]
    fn text_is_a_filter_of_the_chosen_kind() {
        let json = |mode, text: &str| {
            let form = SearchForm { mode, text: text.to_owned(), ..SearchForm::default() };
            serde_json::to_string(&form.filter()).expect("JSON")
        };
        assert_eq!(json(SearchMode::Expression, "value.a > 1"), r#"{"expression":"value.a > 1"}"#);
        assert_eq!(json(SearchMode::Text, " "), "{}");
        assert_eq!(json(SearchMode::Text, "a "), r#"{"text":{"text":"a ","case_sensitive":false,"part":"any"}}"#);
        assert_eq!(json(SearchMode::Regex, "a+"), r#"{"regex":{"regex":"a+","part":"any"}}"#);
        assert_eq!(json(SearchMode::Key, "k 1"), r#"{"key":{"text":"k 1"}}"#);
        assert_eq!(json(SearchMode::Header, "trace"), r#"{"header":{"name":"trace"}}"#);
        assert_eq!(json(SearchMode::Header, "trace = 7"), r#"{"header":{"name":"trace","value":"7"}}"#);
        assert_eq!(SearchForm { text: "x".to_owned(), ..SearchForm::default() }.count(), FOUND_RECORDS);
    }

    #[test]
    fn only_a_search_by_key_has_a_partitioner() {
        let of = |mode, text: &str, partitioner| {
            let form = SearchForm { mode, text: text.to_owned(), partitioner, ..SearchForm::default() };
            request(&form).map(|search| search.partitioner)
        };
        assert_eq!(of(SearchMode::Key, "k", KeyPartitioner::Murmur2), Ok(Some(Partitioner::Murmur2)));
        assert_eq!(of(SearchMode::Key, "k", KeyPartitioner::Crc32), Ok(Some(Partitioner::Crc32)));
        assert_eq!(of(SearchMode::Key, "k", KeyPartitioner::Unknown), Ok(None));
        assert_eq!(of(SearchMode::Key, "", KeyPartitioner::Crc32), Ok(None));
        assert_eq!(of(SearchMode::Text, "k", KeyPartitioner::Crc32), Ok(None));
    }

    #[test]
    fn form_is_unchanged_by_a_round_trip_through_url_parameters() {
        let time = Bound { kind: BoundKind::Time, time_ms: Some(1_763_800_000_123), number: String::new() };
        let forms = [
            SearchForm::default(),
            SearchForm { range: RangeChoice::Day, order: Order::Oldest, ..SearchForm::default() },
            SearchForm {
                partitions: "0, 2-4".to_owned(),
                mode: SearchMode::Header,
                text: "trace = 7".to_owned(),
                isolation: Isolation::Uncommitted,
                ..custom(time.clone(), Bound::default())
            },
            custom(bound(BoundKind::Last, "100"), time),
            SearchForm {
                mode: SearchMode::Key,
                text: "k".to_owned(),
                partitioner: KeyPartitioner::Unknown,
                ..SearchForm::default()
            },
            SearchForm { text: "value.a == \"x&y\"".to_owned(), ..SearchForm::default() },
        ];
        for form in forms {
            assert_eq!(form.as_linked(), form);
        }
        let unfinished = custom(bound(BoundKind::Time, ""), Bound::default());
        assert_eq!(unfinished.as_linked(), SearchForm::default());
        let default = SearchForm::default().to_pairs();
        assert!(default.iter().all(|(_, value)| value.is_empty()), "{default:?}");
        assert_eq!(SearchForm::from_pairs([("range", "7y"), ("from", "soon"), ("x", "y")]), SearchForm::default());
    }

    #[test]
    fn condition_on_a_field_is_added_once() {
        let path = FieldPath::parse("customer.tier").expect("a path");
        let one = and_equals("", &path, "\"gold\"");
        assert_eq!(one, "value.customer.tier == \"gold\"");
        assert_eq!(and_equals(&one, &path, "\"gold\""), one);
        assert_eq!(and_equals("a > 1", &path, "7"), "a > 1 && value.customer.tier == 7");
        assert_eq!(and_equals("a || b", &path, "7"), "(a || b) && value.customer.tier == 7");
    }
}
