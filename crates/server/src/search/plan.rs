//! Checks a search, and finds the ranges of offsets that it scans.

use std::collections::HashSet;

use kafka::admin::Admin;
use kafka::scan::ScanRange;
use protocol::{ErrorBody, ErrorCode, Offset, OffsetRange, RangeBound, Search, SearchCursor, TopicPartition, limits};

use crate::names;

/// What a search scans.
pub struct Plan {
    /// None is empty.
    pub ranges: Vec<ScanRange>,
    /// The parts of a cursor that Kafka has deleted since.
    pub deleted: Vec<OffsetRange>,
}

/// # Errors
/// If a field is invalid, whatever Kafka has.
pub fn check(request: &Search) -> Result<(), ErrorBody> {
    let bad = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
    let Search { topics, partitions, from, to, count, cursor, .. } = request;
    let most = limits::SEARCH_TOPICS;
    if topics.is_empty() || topics.len() > most {
        return bad(format!("{} topics; name 1 to {most}", topics.len()));
    }
    let mut named = HashSet::new();
    for topic in topics {
        names::topic(topic)?;
        if !named.insert(topic) {
            return bad(format!("the topic {topic:?} is named twice"));
        }
    }
    if !partitions.is_empty() && topics.len() > 1 {
        return bad(format!("partitions can be chosen in one topic, not in {}", topics.len()));
    }
    let mut chosen = HashSet::new();
    if let Some(partition) = partitions.iter().find(|partition| **partition < 0 || !chosen.insert(**partition)) {
        return bad(format!("partition {partition}: partitions count from 0, and each is named once"));
    }
    if *count == 0 || *count > limits::SEARCH_RECORDS {
        return bad(format!("count {count}: a search finds 1 to {} records", limits::SEARCH_RECORDS));
    }
    for bound in [from, to] {
        match bound {
            RangeBound::Timestamp(ms) if *ms < 0 => {
                return bad(format!("timestamp {ms}: milliseconds since 1970-01-01 UTC cannot be negative"));
            }
            RangeBound::Offset(offset) if offset.0 < 0 => return bad(format!("offset {offset}: offsets count from 0")),
            _ => {}
        }
    }
    if let Some(cursor) = cursor {
        check_cursor(cursor, topics)?;
    }
    Ok(())
}

fn check_cursor(cursor: &SearchCursor, topics: &[String]) -> Result<(), ErrorBody> {
    let mut named = HashSet::new();
    for OffsetRange { topic, partition, from, to } in &cursor.ranges {
        let is_valid = topics.contains(topic)
            && *partition >= 0
            && from.0 >= 0
            && from < to
            && named.insert((topic.as_str(), *partition));
        if !is_valid {
            let topic = protocol::shown_name(topic);
            let message = format!(
                "cursor: {topic}, partition {partition}, offsets {from} to {to} is not a range of this search; use the cursor of \
                 its `search_done`"
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
    }
    require_few(cursor.ranges.len())
}

fn require_few(partitions: usize) -> Result<(), ErrorBody> {
    let most = limits::SEARCH_PARTITIONS;
    if partitions <= most {
        return Ok(());
    }
    let message = format!("{partitions} partitions; a search has at most {most}: choose fewer topics or partitions");
    Err(ErrorBody::new(ErrorCode::BadRequest, message))
}

impl Plan {
    /// Asks Kafka for the ends of the partitions. Blocks.
    ///
    /// # Errors
    /// If a topic or partition does not exist, or Kafka refuses or does not answer.
    pub fn of(admin: &Admin, request: &Search) -> Result<Self, ErrorBody> {
        if let Some(cursor) = &request.cursor {
            let range = |OffsetRange { topic, partition, from, to }: &OffsetRange| {
                let partition = TopicPartition { topic: topic.clone(), partition: *partition };
                ScanRange { partition, from: from.0, to: to.0 }
            };
            let (ranges, deleted) = admin.rest_of(cursor.ranges.iter().map(range).collect(), request.isolation)?;
            return Ok(Self { ranges, deleted });
        }
        let mut ranges = Vec::new();
        let key = request.filter.key.as_ref().and_then(protocol::WireBytes::as_kafka);
        for name in &request.topics {
            let topic = names::topic(name)?;
            let mut partitions = request.partitions.clone();
            if let (Some(partitioner), Some(key)) = (request.partitioner, key) {
                let of_key = admin.partition_of_key(&topic, key, partitioner)?;
                if !partitions.is_empty() && !partitions.contains(&of_key) {
                    continue;
                }
                partitions = vec![of_key];
            }
            let bounds = (&request.from, &request.to);
            ranges.extend(admin.scan_ranges(&topic, &partitions, bounds, request.isolation)?);
        }
        require_few(ranges.len())?;
        Ok(Self { ranges, deleted: Vec::new() })
    }

    pub fn shown(&self) -> Vec<OffsetRange> {
        self.ranges.iter().map(shown).collect()
    }
}

pub fn shown(range: &ScanRange) -> OffsetRange {
    let ScanRange { partition: TopicPartition { topic, partition }, from, to } = range;
    OffsetRange { topic: topic.clone(), partition: *partition, from: Offset(*from), to: Offset(*to) }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn invalid_fields_are_refused_with_the_value() {
        let cases = [
            (r#"{"topics":[],"count":1}"#, "0 topics"),
            (r#"{"topics":["a","a"],"count":1}"#, "named twice"),
            (r#"{"topics":["a/b"],"count":1}"#, "a/b"),
            (r#"{"topics":["a","b"],"partitions":[0],"count":1}"#, "not in 2"),
            (r#"{"topics":["a"],"partitions":[0,0],"count":1}"#, "partition 0"),
            (r#"{"topics":["a"],"partitions":[-1],"count":1}"#, "partition -1"),
            (r#"{"topics":["a"],"count":0}"#, "count 0"),
            (r#"{"topics":["a"],"count":10001}"#, "count 10001"),
            (r#"{"topics":["a"],"from":{"timestamp":-1},"count":1}"#, "timestamp -1"),
            (
                r#"{"topics":["a"],"count":1,"cursor":{"ranges":[{"topic":"b","partition":0,"from":"0","to":"1"}]}}"#,
                "not a range of this search",
            ),
            (
                r#"{"topics":["a"],"count":1,"cursor":{"ranges":[{"topic":"a","partition":0,"from":"1","to":"1"}]}}"#,
                "not a range of this search",
            ),
        ];
        for (json, part) in cases {
            let request = protocol::from_json(json).expect("a search");
            let error = check(&request).expect_err(json);
            assert!(error.message.contains(part), "{json}: {}", error.message);
        }
        let valid =
            r#"{"topics":["a"],"count":1,"cursor":{"ranges":[{"topic":"a","partition":0,"from":"0","to":"1"}]}}"#;
        check(&protocol::from_json(valid).expect("a search")).expect("a valid search");
    }
}
