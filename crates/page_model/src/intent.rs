//! What the user wants to listen to: topics, how, and from where. Plain values; what becomes of them is `listening`'s.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadMode {
    /// Joins a consumer group; positions are committed.
    #[default]
    Group,
    /// Looks on; nothing is committed.
    Watch,
}

/// Where reading begins; a group knows the first two alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
    /// So many records of each partition.
    Last(u64),
    /// This offset: of one partition, or of each.
    Offset {
        partition: Option<i32>,
        offset: i64,
    },
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
    /// The positions that a group has committed, without joining it; from the first record where it has none.
    Committed,
}

impl Start {
    /// The value of the choice.
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

    /// An offset as people write it: `120`, or `2@120` for one partition.
    pub fn offset(text: &str) -> Option<Self> {
        let (partition, offset) = match text.trim().split_once('@') {
            Some((partition, offset)) => (Some(partition.trim().parse().ok().filter(|p| *p >= 0)?), offset),
            None => (None, text),
        };
        let offset = offset.trim().parse().ok().filter(|offset| *offset >= 0)?;
        Some(Self::Offset { partition, offset })
    }

    /// As a link carries it: `earliest`, `last:100`, `offset:2@120`, `time:1763800000000`.
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
            ("offset", place) => Self::offset(place),
            ("time", ms) => ms.parse().ok().map(Self::Time),
            _ => None,
        }
    }

    pub fn suits(self, mode: ReadMode) -> bool {
        mode == ReadMode::Watch || matches!(self, Self::Earliest | Self::Latest)
    }
}

/// What the user asked for. It outlives sockets and bridges.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Intent {
    pub topics: Vec<String>,
    pub mode: ReadMode,
    /// Joined, or the one whose committed positions are where watching begins.
    pub group: String,
    pub start: Start,
    /// Watching: where the page is too slow it gets the newest and a gap, instead of falling behind.
    pub skips_ahead: bool,
    /// The group's positions stay where they are.
    pub commits_nothing: bool,
}

impl Intent {
    /// Whether the group is part of what the user asked for.
    pub fn names_group(&self) -> bool {
        self.mode == ReadMode::Group || self.start == Start::Committed
    }

    /// The topics in one text: `orders, payments`.
    pub fn topic(&self) -> String {
        self.topics.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_survives_a_link() {
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
