//! Searching the records of topics, and browsing them page by page.

use serde::{Deserialize, Serialize};

use crate::{Decode, ErrorBody, Filter, Offset, Record};

/// Searches topics for records, or pages through them if there is no filter. `search_started` answers; `search_records`, `search_progress` and
/// finally `search_done` follow. A search ends after `count` records; the next search continues with the `cursor` of `search_done`.
/// So a client gets no more than it asked for, and needs no `flow`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Search {
    /// The names of the topics, at most 64.
    pub topics: Vec<String>,
    /// Only these partitions; empty: all. Needs a single topic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<i32>,
    /// Where the range begins in each partition.
    #[serde(default, skip_serializing_if = "RangeBound::is_earliest")]
    pub from: RangeBound,
    /// Where the range ends in each partition (exclusive). Records that are produced later are not part of it.
    #[serde(default = "RangeBound::latest", skip_serializing_if = "RangeBound::is_latest")]
    pub to: RangeBound,
    /// Which records are found. Absent: all.
    #[serde(default, skip_serializing_if = "Filter::is_empty")]
    pub filter: Box<Filter>,
    /// With a `key` in the filter: where records with this key are. Absent: in any partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitioner: Option<Partitioner>,
    /// The order of the records that are found.
    #[serde(default, skip_serializing_if = "Order::is_newest")]
    pub order: Order,
    /// After how many found records the search ends, from 1 to 10,000.
    pub count: u32,
    /// Which records of transactions are read.
    #[serde(default, skip_serializing_if = "Isolation::is_committed")]
    pub isolation: Isolation,
    /// Absent: keys and values are searched and sent as they are.
    #[serde(default, skip_serializing_if = "Decode::is_raw")]
    pub decode: Decode,
    /// The ranges that an earlier search has left, from its `search_done`. They replace `partitions`, `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<SearchCursor>,
}

/// One end of the range that is searched, for each partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RangeBound {
    /// The first record that the partition still has.
    #[default]
    Earliest,
    /// The end of the partition when the search starts.
    Latest,
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// This offset in every partition.
    Offset(Offset),
    /// This many offsets before the end of the partition. Offsets without a record (of transactions and compaction) count.
    Last(u64),
}

impl RangeBound {
    fn latest() -> Self {
        Self::Latest
    }

    fn is_earliest(&self) -> bool {
        *self == Self::Earliest
    }

    fn is_latest(&self) -> bool {
        *self == Self::Latest
    }
}

/// How a producer chose the partition of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Partitioner {
    /// By the murmur2 hash of the key and the present number of partitions, as Java clients and this bridge do. Records from before the
    /// topic got more partitions are not found.
    Murmur2,
    /// By the CRC-32 of the key, the default of librdkafka (`consistent_random`).
    Crc32,
}

/// The order of records across partitions: by their timestamps, and within a partition by their offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newest record first.
    #[default]
    Newest,
    /// The oldest record first.
    Oldest,
}

impl Order {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_newest(&self) -> bool {
        *self == Self::Newest
    }
}

/// Which records of transactions are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Only records of committed transactions, and records without a transaction.
    #[default]
    Committed,
    /// All records, also those of open and aborted transactions.
    Uncommitted,
}

impl Isolation {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_committed(&self) -> bool {
        *self == Self::Committed
    }
}

/// What a search has left. Its content may change with the version of the bridge; clients send it back as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchCursor {
    /// The ranges that were not searched.
    pub ranges: Vec<OffsetRange>,
}

/// A range of offsets of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OffsetRange {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The first offset.
    pub from: Offset,
    /// The offset after the last one.
    pub to: Offset,
}

/// Stops a search. What it has found follows, then `search_done`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchStop {
    /// The number of the search, from `search_started`.
    pub search: u32,
}

/// The answer to `search_stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchStopResult {
    /// The number of the search.
    pub search: u32,
}

/// The answer to `search`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchStarted {
    /// The number of the search on this socket.
    pub search: u32,
    /// The ranges that will be searched. Partitions without offsets in the range are left out.
    pub ranges: Vec<OffsetRange>,
    /// The fields that the bridge masks for this user, as in [`Subscribed`](crate::Subscribed). The search sees the masked form, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

/// Records that a search has found, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchRecords {
    /// The number of the search.
    pub search: u32,
    /// The records.
    pub records: Vec<FoundRecord>,
}

/// A record that a search has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundRecord {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// The record.
    pub record: Record,
}

/// How far a search is; sent at most four times a second, and at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchProgress {
    /// The number of the search.
    pub search: u32,
    /// Records that were read and compared with the filter.
    pub scanned: u64,
    /// Bytes of their keys, values and headers.
    pub scanned_bytes: u64,
    /// Of the scanned records, those that match. More of them may wait to be sent in order.
    pub matched: u64,
    /// Offsets that are not searched yet. Offsets without a record count, so there are at most this many records.
    pub left: u64,
    /// Since the start of the search, in milliseconds.
    pub elapsed_ms: u64,
    /// Records for which the expression could not be evaluated, such as a comparison of a text with a number. They do not match.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Why the expression could not be evaluated for the first of these records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
    /// The partitions in which offsets are left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionProgress>,
    /// Offsets that could not be searched, because Kafka deleted them (retention) during the search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<OffsetRange>,
}

/// How far a search is in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartitionProgress {
    /// The name of the topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
    /// Records that were read.
    pub scanned: u64,
    /// Of these, the records that match.
    pub matched: u64,
    /// Offsets that are not searched yet.
    pub left: u64,
}

/// A search has ended. No message of it follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchDone {
    /// The number of the search.
    pub search: u32,
    /// Why it has ended.
    pub reason: SearchEnd,
    /// With this a new search continues exactly where this one has ended. Absent: nothing is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<SearchCursor>,
    /// With the reason `failed`: what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// Why a search has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// The whole range was searched.
    Complete,
    /// `count` records were found.
    Count,
    /// By `search_stop`.
    Stopped,
    /// By an error; the records found before are valid.
    Failed,
}

/// Asks how many records a topic has in each part of a range of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineRequest {
    /// The name of the topic.
    pub topic: String,
    /// Only these partitions; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<i32>,
    /// The start of the first bucket, in milliseconds since 1970-01-01 UTC.
    pub from: i64,
    /// The end of the last bucket (exclusive).
    pub to: i64,
    /// How many buckets of equal length, from 1 to 200.
    pub buckets: u32,
}

/// The answer to `timeline`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TimelineResult {
    /// For each bucket, the number of offsets from the first record at or after its start to the first record at or after its end. Offsets without a
    /// record count, and timestamps that do not increase with the offsets make the counts approximate. Partitions without a leader are left out.
    pub counts: Vec<u64>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::{Order, RangeBound, Search};

    #[test]
    fn shortest_search_reads_the_newest_records_of_the_whole_topic() {
        let search: Search = crate::from_json(r#"{"topics":["orders"],"count":50}"#).expect("a valid search");
        assert_eq!((search.from.clone(), search.to.clone()), (RangeBound::Earliest, RangeBound::Latest));
        assert_eq!((search.order, search.filter.is_empty()), (Order::Newest, true));
        assert_eq!(serde_json::to_string(&search).expect("JSON"), r#"{"topics":["orders"],"count":50}"#);
    }
}
