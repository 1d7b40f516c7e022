//! Turns the bounds of a search into offsets of partitions.

use std::collections::HashMap;

use protocol::{ErrorBody, Isolation, OffsetRange, Partitioner, RangeBound, TopicName, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::ScanRange;
use crate::admin::{Admin, admin_error, missing, unknown_partition};
use crate::metadata_client::TIMEOUT;
use crate::native::{Failure, partition_of};
use crate::range::by_time;
use feed::ends::{Ends, PartitionEnds};

impl Admin {
    /// The offsets between two bounds, for each partition in which there are any. `partitions`: only these; empty: all.
    ///
    /// # Errors
    /// If the topic or a partition does not exist, or Kafka refuses or does not answer.
    pub fn scan_ranges(
        &self,
        topic: &TopicName,
        partitions: &[i32],
        (from, to): (&RangeBound, &RangeBound),
        isolation: Isolation,
    ) -> Result<Vec<ScanRange>, ErrorBody> {
        let existing = self.metadata_client().partitions_of(topic)?.ok_or_else(|| missing(topic))?;
        if let Some(unknown) = partitions.iter().find(|partition| !existing.contains(partition)) {
            return Err(unknown_partition(topic, *unknown, existing.len()));
        }
        let chosen = if partitions.is_empty() { &existing } else { partitions };
        let named = |partition: &i32| TopicPartition { topic: topic.to_string(), partition: *partition };
        let chosen: Vec<TopicPartition> = chosen.iter().map(named).collect();
        let ends = self.scan_ends(&chosen)?;
        let times = |bound: &RangeBound| match bound {
            RangeBound::Timestamp(ms) => self.offsets_at(topic, &ends, *ms),
            _ => Ok(HashMap::new()),
        };
        let (from_times, to_times) = (times(from)?, times(to)?);
        let range = |partition: TopicPartition| {
            let ends = ends.get(&partition)?;
            let (start, end) = readable(ends, isolation);
            let offset = |bound: &RangeBound, times: &HashMap<TopicPartition, i64>| match bound {
                RangeBound::Earliest => start,
                RangeBound::Latest => end,
                RangeBound::Offset(offset) => offset.0,
                RangeBound::Last(count) => end.saturating_sub(i64::try_from(*count).unwrap_or(i64::MAX)),
                // Without a record at or after the time, the bound is the end of the partition.
                RangeBound::Timestamp(_) => times.get(&partition).copied().unwrap_or(ends.high.0),
            };
            let (from, to) = (offset(from, &from_times).max(start), offset(to, &to_times).min(end));
            (from < to).then_some(ScanRange { from, to, partition })
        };
        Ok(chosen.into_iter().filter_map(range).collect())
    }

    /// The ranges of a cursor, as far as Kafka still has them, and what it has not.
    ///
    /// # Errors
    /// If Kafka refuses or does not answer.
    pub fn rest_of(
        &self,
        ranges: Vec<ScanRange>,
        isolation: Isolation,
    ) -> Result<(Vec<ScanRange>, Vec<OffsetRange>), ErrorBody> {
        let partitions: Vec<TopicPartition> = ranges.iter().map(|range| range.partition.clone()).collect();
        let ends = self.scan_ends(&partitions)?;
        let (mut rest, mut deleted) = (Vec::new(), Vec::new());
        for ScanRange { partition, from, to } in ranges {
            let Some(ends) = ends.get(&partition) else { continue };
            let (start, end) = readable(ends, isolation);
            if from < start.min(to) {
                deleted.push(OffsetRange {
                    topic: partition.topic.clone(),
                    partition: partition.partition,
                    from: protocol::Offset(from),
                    to: protocol::Offset(start.min(to)),
                });
            }
            let (from, to) = (from.max(start), to.min(end));
            if from < to {
                rest.push(ScanRange { partition, from, to });
            }
        }
        Ok((rest, deleted))
    }

    /// The partition in which a producer writes records with this key.
    ///
    /// # Errors
    /// If the topic does not exist, or Kafka refuses or does not answer.
    pub fn partition_of_key(&self, topic: &TopicName, key: &[u8], partitioner: Partitioner) -> Result<i32, ErrorBody> {
        let existing = self.metadata_client().partitions_of(topic)?.ok_or_else(|| missing(topic))?;
        Ok(partition_of(partitioner, key, i32::try_from(existing.len()).unwrap_or(i32::MAX)))
    }

    /// The ends of all of these partitions.
    fn scan_ends(&self, partitions: &[TopicPartition]) -> Result<Ends, ErrorBody> {
        let failed = |partition: Option<&TopicPartition>, code| {
            admin_error(&KafkaError::OffsetFetch(code), partition.map_or("", |partition| &partition.topic))
        };
        let ends = self.metadata_client().ends(partitions, TIMEOUT);
        let ends = ends.map_err(|Failure { code, .. }| failed(partitions.first(), code))?;
        match partitions.iter().find(|partition| !ends.contains_key(partition)) {
            // Its records would be skipped silently.
            Some(partition) => {
                let message = format!(
                    "partition {} of {:?} has no leader; search the others, or try again",
                    partition.partition, partition.topic
                );
                let error = failed(Some(partition), RDKafkaErrorCode::LeaderNotAvailable);
                Err(ErrorBody { message, ..error })
            }
            None => Ok(ends),
        }
    }

    /// The offsets of the first records at or after a time, where there are any.
    fn offsets_at(&self, topic: &TopicName, ends: &Ends, ms: i64) -> Result<HashMap<TopicPartition, i64>, ErrorBody> {
        let failed = |error| admin_error(&error, topic.as_str());
        if !self.connection().demo {
            let partitions: Vec<TopicPartition> = ends.keys().cloned().collect();
            let found = self.metadata_client().offsets_at(&partitions, ms);
            return found.map_err(|Failure { code, .. }| failed(KafkaError::OffsetFetch(code)));
        }
        let mut found = HashMap::new();
        for (partition, ends) in ends {
            let range = (ends.start.0, ends.high.0);
            let offset = by_time::first_since(self.connection(), partition, range, ms).map_err(failed)?;
            found.extend(offset.map(|offset| (partition.clone(), offset)));
        }
        Ok(found)
    }
}

/// The offsets that a consumer can read now.
fn readable(ends: &PartitionEnds, isolation: Isolation) -> (i64, i64) {
    let end = match isolation {
        Isolation::Committed => ends.stable.0,
        Isolation::Uncommitted => ends.high.0,
    };
    (ends.start.0, end)
}
