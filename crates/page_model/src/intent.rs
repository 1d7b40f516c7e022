//! What the user wants to listen to: topics, read mode and start. `listening` has the subscription for the intent.

use protocol::Decode;
use serde::{Deserialize, Serialize};

use super::topic_formats::AUTO;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadMode {
    /// Joins a consumer group; positions are committed.
    #[default]
    Group,
    /// Reads without a group; no offset is committed.
    Watch,
}

/// Where consuming begins. A group supports `Earliest` and `Latest` only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
    /// The last records of each partition.
    Last(u64),
    /// This offset: of one partition, or of each.
    Offset {
        partition: Option<i32>,
        offset: i64,
    },
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
    /// The committed offsets of a group, without joining it; the first record of a partition without one.
    Committed,
}

impl Start {
    /// The value of the `<option>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::Last(_) => "last",
            Self::Offset { .. } => "offset",
            Self::Time(_) => "time",
            Self::Committed => "committed",
        }
    }

    /// Parses an offset as typed: `120`, or `2@120` for one partition.
    pub fn offset(text: &str) -> Option<Self> {
        let (partition, offset) = match text.trim().split_once('@') {
            Some((partition, offset)) => (Some(partition.trim().parse().ok().filter(|p| *p >= 0)?), offset),
            None => (None, text),
        };
        let offset = offset.trim().parse().ok().filter(|offset| *offset >= 0)?;
        Some(Self::Offset { partition, offset })
    }

    /// As written in a URL: `earliest`, `last:100`, `offset:2@120`, `time:1763800000000`.
    pub fn to_link(self) -> String {
        match self {
            Self::Last(count) => format!("last:{count}"),
            Self::Offset { partition: Some(partition), offset } => format!("offset:{partition}@{offset}"),
            Self::Offset { partition: None, offset } => format!("offset:{offset}"),
            Self::Time(ms) => format!("time:{ms}"),
            plain => plain.name().to_owned(),
        }
    }

    pub fn from_link(text: &str) -> Option<Self> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("earliest", _) => Some(Self::Earliest),
            ("latest", _) => Some(Self::Latest),
            ("committed", _) => Some(Self::Committed),
            ("last", count) => count.parse().ok().map(Self::Last),
            ("offset", position) => Self::offset(position),
            ("time", ms) => ms.parse().ok().map(Self::Time),
            _ => None,
        }
    }

    pub fn suits(self, mode: ReadMode) -> bool {
        mode == ReadMode::Watch || matches!(self, Self::Earliest | Self::Latest)
    }
}

/// What the user wants to listen to. The intent outlives the connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    pub topics: Vec<String>,
    pub mode: ReadMode,
    /// The group to join, or the one whose committed offsets are the start of watching.
    pub group: String,
    pub start: Start,
    /// Watch mode: a page that is too slow gets the newest records and a gap instead of falling behind.
    pub skips_ahead: bool,
    /// Group mode: no offset is committed.
    pub commits_nothing: bool,
    /// The formats in which keys and values are read.
    pub decode: Decode,
}

impl Default for Intent {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            mode: ReadMode::default(),
            group: String::new(),
            start: Start::default(),
            skips_ahead: false,
            commits_nothing: false,
            // What the user gets who has not chosen formats.
            decode: AUTO,
        }
    }
}

impl Intent {
    /// Whether the start or the mode needs the group.
    pub fn names_group(&self) -> bool {
        self.mode == ReadMode::Group || self.start == Start::Committed
    }

    /// The topics as one text: `orders, payments`.
    pub fn topic(&self) -> String {
        self.topics.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_unchanged_by_a_round_trip_through_a_url() {
        let starts = [
            Start::Earliest,
            Start::Latest,
            Start::Last(100),
            Start::Offset { partition: Some(2), offset: 120 },
            Start::Offset { partition: None, offset: 0 },
            Start::Time(1_763_800_000_000),
            Start::Committed,
        ];
        for start in starts {
            assert_eq!(Start::from_link(&start.to_link()), Some(start));
        }
        for text in ["", "last", "offset:x", "offset:-1", "offset:-1@3", "noon"] {
            assert_eq!(Start::from_link(text), None, "{text}");
        }
    }
}
