//! The command line of `bridge search`.

use clap::{Args, ValueEnum};
use protocol::{
    Filter, FilterPart, HeaderFilter, Isolation, Offset, Order, Partitioner, RangeBound, RecordFormat, RegexFilter,
    TextFilter, TopicName, WireBytes,
};

use super::terminal::record_format;
use super::{DecodeArgs, KafkaArgs, OptionsFileArg};

#[derive(Args, Debug, Clone)]
pub struct SearchCommand {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    #[command(flatten)]
    pub options_file: OptionsFileArg,

    /// Topic to search; several are separated by commas, or the option is repeated
    #[arg(long, env = "PONTE_TOPIC", required = true, value_delimiter = ',', value_name = "TOPIC")]
    pub topic: Vec<TopicName>,

    /// Partitions of a single topic; without the option all are searched
    #[arg(long, value_delimiter = ',', value_name = "NUMBER")]
    pub partition: Vec<i32>,

    /// Where to begin: earliest, latest, a duration before now such as -2h, an RFC 3339 time, offset:N or last:N
    #[arg(long, default_value = "earliest", value_parser = parse_bound, allow_hyphen_values = true, value_name = "POSITION")]
    pub from: RangeBound,

    /// Where to end (exclusive), in the same forms
    #[arg(long, default_value = "latest", value_parser = parse_bound, allow_hyphen_values = true, value_name = "POSITION")]
    pub to: RangeBound,

    /// CEL expression over key, value, headers, topic, partition, offset, timestamp and size, such as 'value.id == 4711'
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub expression: Option<String>,

    /// Text that key, value or headers contain, in upper or lower case
    #[arg(long)]
    pub text: Option<String>,

    /// Regular expression that matches key, value or headers
    #[arg(long)]
    pub regex: Option<String>,

    /// Exact key; only the partition of the key is searched
    #[arg(long)]
    pub key: Option<String>,

    /// How producers choose the partition of a key
    #[arg(long, default_value = "murmur2", value_name = "HASH")]
    pub partitioner: KeyHash,

    /// Header that the record has, with any value or with this one
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub header: Option<String>,

    /// Print the newest or the oldest records first
    #[arg(long, default_value = "newest")]
    pub order: OrderName,

    /// Stop after this many records
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Which records of transactions are searched
    #[arg(long, default_value = "committed")]
    pub isolation: IsolationName,

    /// How values are decoded before they are searched and printed
    #[arg(long, env = "PONTE_VALUE_FORMAT", default_value_t = RecordFormat::Auto, value_parser = record_format(), value_name = "FORMAT")]
    pub value_format: RecordFormat,

    /// How keys are decoded
    #[arg(long, env = "PONTE_KEY_FORMAT", default_value_t = RecordFormat::Auto, value_parser = record_format(), value_name = "FORMAT")]
    pub key_format: RecordFormat,

    /// The output: one JSON object a record
    #[arg(long, default_value = "jsonl")]
    pub format: OutputFormat,

    #[command(flatten)]
    pub decode: DecodeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderName {
    Newest,
    Oldest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IsolationName {
    Committed,
    Uncommitted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyHash {
    /// Java clients and Ponte
    Murmur2,
    /// librdkafka's default
    Crc32,
    /// Unknown: all partitions are searched
    Any,
}

impl SearchCommand {
    pub fn filter(&self) -> Filter {
        let header = self.header.as_ref().map(|header| match header.split_once('=') {
            Some((name, value)) => HeaderFilter { name: name.to_owned(), value: Some(value.to_owned()) },
            None => HeaderFilter { name: header.clone(), value: None },
        });
        let part = FilterPart::Any;
        Filter {
            text: self.text.clone().map(|text| TextFilter { text, case_sensitive: false, part }),
            regex: self.regex.clone().map(|regex| RegexFilter { regex, part }),
            key: self.key.clone().map(WireBytes::text),
            header,
            path: None,
            expression: self.expression.clone(),
        }
    }
}

impl From<OrderName> for Order {
    fn from(order: OrderName) -> Self {
        match order {
            OrderName::Newest => Self::Newest,
            OrderName::Oldest => Self::Oldest,
        }
    }
}

impl From<IsolationName> for Isolation {
    fn from(isolation: IsolationName) -> Self {
        match isolation {
            IsolationName::Committed => Self::Committed,
            IsolationName::Uncommitted => Self::Uncommitted,
        }
    }
}

impl From<KeyHash> for Option<Partitioner> {
    fn from(hash: KeyHash) -> Self {
        match hash {
            KeyHash::Murmur2 => Some(Partitioner::Murmur2),
            KeyHash::Crc32 => Some(Partitioner::Crc32),
            KeyHash::Any => None,
        }
    }
}

fn parse_bound(text: &str) -> Result<RangeBound, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is not a whole number"));
    match text {
        "earliest" => return Ok(RangeBound::Earliest),
        "latest" => return Ok(RangeBound::Latest),
        _ => {}
    }
    if let Some(offset) = text.strip_prefix("offset:") {
        let offset = i64::try_from(number(offset)?).map_err(|_| format!("offset {offset} is too large"))?;
        return Ok(RangeBound::Offset(Offset(offset)));
    }
    if let Some(count) = text.strip_prefix("last:") {
        return number(count).map(RangeBound::Last);
    }
    if let Some(duration) = text.strip_prefix('-') {
        let before = humantime::parse_duration(duration).map_err(|error| format!("{text:?}: {error}"))?;
        let at = std::time::SystemTime::now().checked_sub(before).unwrap_or(std::time::UNIX_EPOCH);
        let at = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        return Ok(RangeBound::Timestamp(i64::try_from(at.as_millis()).unwrap_or(i64::MAX)));
    }
    formats::parse_time(text).map(RangeBound::Timestamp).ok_or_else(|| {
        "use earliest, latest, a duration before now such as -2h, a time such as 2026-01-31T12:00:00Z, offset:N or last:N".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_in_every_form() {
        assert_eq!(parse_bound("earliest"), Ok(RangeBound::Earliest));
        assert_eq!(parse_bound("latest"), Ok(RangeBound::Latest));
        assert_eq!(parse_bound("offset:4711"), Ok(RangeBound::Offset(Offset(4711))));
        assert_eq!(parse_bound("last:50"), Ok(RangeBound::Last(50)));
        assert_eq!(parse_bound("2025-11-22T20:45:00Z"), Ok(RangeBound::Timestamp(1_763_844_300_000)));
        assert!(matches!(parse_bound("-2h"), Ok(RangeBound::Timestamp(ms)) if ms > 1_763_844_300_000));
        for wrong in ["", "offset:-1", "last:x", "-2 parsecs", "tomorrow"] {
            assert!(parse_bound(wrong).is_err(), "{wrong}");
        }
    }
}
