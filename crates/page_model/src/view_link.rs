//! The URL parameters of the live view: topics, read mode, start and filter. A link with them opens the same view.

use protocol::{Decode, RecordFormat, TopicName};

use super::filter_fields::FilterFields;
use super::intent::{Intent, ReadMode, Start};
use super::topic_formats::{AUTO, format_of};

const KEY_FORMAT: &str = "key_format";
const VALUE_FORMAT: &str = "value_format";

/// The contents of a link. Absent fields have the stored value or the bridge's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewLink {
    pub topic: Option<String>,
    pub mode: Option<ReadMode>,
    pub group: Option<String>,
    pub start: Option<Start>,
    /// The formats of keys and values. `key` is a parameter of the filter, so these are `key_format` and `value_format`. An absent
    /// parameter is `auto`; without both, the formats that this browser has kept for the topic apply.
    pub decode: Option<Decode>,
    pub filter: FilterFields,
}

impl ViewLink {
    pub fn of(intent: &Intent, filter: &FilterFields) -> Self {
        Self {
            topic: (!intent.topics.is_empty()).then(|| intent.topics.join(",")),
            mode: Some(intent.mode),
            group: intent.names_group().then(|| intent.group.clone()),
            start: Some(intent.start),
            decode: formats_of(intent.decode),
            filter: filter.clone(),
        }
    }

    /// A link to one record, read in these formats.
    pub fn record(topic: &str, partition: i32, offset: i64, decode: Decode) -> Self {
        let decode = formats_of(decode);
        let start = Start::Offset { partition: Some(partition), offset };
        let (topic, mode) = (Some(topic.to_owned()), Some(ReadMode::Watch));
        Self { topic, mode, start: Some(start), decode, ..Self::default() }
    }

    /// Whether opening the link starts listening. Only watching starts automatically: joining a group moves its committed
    /// offsets, which the user has to decide.
    pub fn starts_automatically(&self) -> bool {
        let is_topic = |name: &str| TopicName::parse(name).is_ok();
        self.mode == Some(ReadMode::Watch) && self.topic.as_ref().is_some_and(|topic| topic.split(',').all(is_topic))
    }

    /// Names and values of the URL parameters, not percent-encoded.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mode = self.mode.map(|mode| if mode == ReadMode::Group { "group" } else { "watch" }.to_owned());
        let fields = [
            ("topic", self.topic.clone()),
            ("mode", mode),
            ("group", self.group.clone()),
            ("start", self.start.map(Start::to_link)),
            (KEY_FORMAT, self.decode.and_then(|decode| format_parameter(decode.key))),
            (VALUE_FORMAT, self.decode.and_then(|decode| format_parameter(decode.value))),
        ];
        let FilterFields { text, is_pattern, key, header, partition, offset, since, until, path } = self.filter.clone();
        let filter = [
            (if is_pattern { "pattern" } else { "filter" }, text),
            ("key", key),
            ("header", header),
            ("partition", partition),
            ("offset", offset),
            ("since", since),
            ("until", until),
            ("path", path),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.chain(filter.into_iter().filter(|(_, value)| !value.is_empty())).collect()
    }

    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut link = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "topic" => link.topic = Some(value),
                "mode" => link.mode = Some(if value == "watch" { ReadMode::Watch } else { ReadMode::Group }),
                "group" => link.group = Some(value),
                "start" => link.start = Start::from_link(&value),
                KEY_FORMAT => link.decode.get_or_insert(AUTO).key = format_of(&value),
                VALUE_FORMAT => link.decode.get_or_insert(AUTO).value = format_of(&value),
                "filter" => link.filter.text = value,
                "pattern" => (link.filter.text, link.filter.is_pattern) = (value, true),
                "key" => link.filter.key = value,
                "header" => link.filter.header = value,
                "partition" => link.filter.partition = value,
                "offset" => link.filter.offset = value,
                "since" => link.filter.since = value,
                "until" => link.filter.until = value,
                "path" => link.filter.path = value,
                _ => {}
            }
        }
        link
    }
}

/// The formats that a link names. The user's own schemas are only in this browser.
fn formats_of(Decode { key, value, .. }: Decode) -> Option<Decode> {
    Some(Decode::with_formats(key, value)).filter(|decode| *decode != AUTO)
}

fn format_parameter(format: RecordFormat) -> Option<String> {
    (format != RecordFormat::Auto).then(|| format.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_is_unchanged_by_a_round_trip_through_url_parameters() {
        let intent = Intent { topics: vec!["a".into(), "b".into()], group: "g h".into(), ..Intent::default() };
        let filter =
            FilterFields { text: "x|y".into(), is_pattern: true, path: "$.a".into(), ..FilterFields::default() };
        let decode = Decode::with_formats(RecordFormat::Int64, RecordFormat::Avro);
        let links = [
            ViewLink::of(&Intent { decode: AUTO, ..intent.clone() }, &filter),
            ViewLink::of(&intent, &filter),
            ViewLink::record("t", 3, 99, decode),
            ViewLink::record("t", 3, 99, Decode { key: RecordFormat::Raw, ..AUTO }),
            ViewLink::default(),
        ];
        for link in links {
            let pairs = link.pairs().into_iter().map(|(name, value)| (name.to_owned(), value));
            assert_eq!(ViewLink::from_pairs(pairs), link);
        }
    }

    #[test]
    fn link_never_joins_a_group_automatically() {
        assert!(ViewLink::record("t", 3, 99, AUTO).starts_automatically());
        assert!(!ViewLink::record("no topic!", 3, 99, AUTO).starts_automatically());
        assert!(!ViewLink { mode: Some(ReadMode::Group), ..ViewLink::record("t", 3, 99, AUTO) }.starts_automatically());
        assert!(!ViewLink::default().starts_automatically());
    }

    #[test]
    fn link_names_only_formats_other_than_auto_and_keeps_the_filter_for_keys() {
        let names = |decode| {
            let filter = FilterFields { key: "7".into(), ..FilterFields::default() };
            let link = ViewLink { filter, ..ViewLink::record("t", 3, 99, decode) };
            let pairs = link.pairs().into_iter().filter(|(name, _)| name.contains("key") || name.contains("value"));
            pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        assert_eq!(names(AUTO), "key=7");
        assert_eq!(names(Decode { value: RecordFormat::Avro, ..AUTO }), "value_format=avro&key=7");
        let both = Decode::with_formats(RecordFormat::Int64, RecordFormat::Raw);
        assert_eq!(names(both), "key_format=int64&value_format=raw&key=7");
        let unknown = ViewLink::from_pairs([("value_format".to_owned(), "thrift".to_owned())]);
        assert_eq!(unknown.decode, Some(AUTO));
    }
}
