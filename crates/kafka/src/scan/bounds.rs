//! Turns the bounds of a search into offsets of partitions.

use std::collections::HashMap;

use protocol::{ErrorBody, ErrorCode, Isolation, OffsetRange, Partitioner, RangeBound, TopicName, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::ScanRange;
use crate::admin::{Admin, admin_error, missing, unknown_partition};
use crate::metadata_client::TIMEOUT;
use crate::native::Failure;
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
        let ends = self.scan_ends(topic, &chosen)?;
        let (from, to) = (
            self.resolve(topic, &chosen, &ends, from, isolation)?,
            self.resolve(topic, &chosen, &ends, to, isolation)?,
        );
        let range = |partition: TopicPartition| {
            let (start, end) = readable(ends.get(&partition)?, isolation);
            let (from, to) = (from.get(&partition)?.max(&start), to.get(&partition)?.min(&end));
            (from < to).then_some(ScanRange { from: *from, to: *to, partition })
        };
        Ok(chosen.into_iter().filter_map(range).collect())
    }

    /// The ranges of a cursor, as far as Kafka still has them, and what it has not.
    ///
    /// # Errors
    /// If Kafka refuses or does not answer.
    pub fn rest_of(
        &self,
        topic: &TopicName,
        ranges: Vec<ScanRange>,
        isolation: Isolation,
    ) -> Result<(Vec<ScanRange>, Vec<OffsetRange>), ErrorBody> {
        let partitions: Vec<TopicPartition> = ranges.iter().map(|range| range.partition.clone()).collect();
        let ends = self.scan_ends(topic, &partitions)?;
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

    /// The number of partitions of a topic.
    ///
    /// # Errors
    /// If the topic does not exist, or Kafka refuses or does not answer.
    pub fn partition_of_key(&self, topic: &TopicName, key: &[u8], partitioner: Partitioner) -> Result<i32, ErrorBody> {
        let existing = self.metadata_client().partitions_of(topic)?.ok_or_else(|| missing(topic))?;
        let count = i64::try_from(existing.len()).unwrap_or(1).max(1);
        let hash = match partitioner {
            // Java clears the sign bit.
            Partitioner::Murmur2 => i64::from(murmur2(key) & 0x7fff_ffff),
            Partitioner::Crc32 => i64::from(crc32fast::hash(key)),
        };
        Ok(i32::try_from(hash % count).unwrap_or(0))
    }

    fn scan_ends(&self, topic: &TopicName, partitions: &[TopicPartition]) -> Result<Ends, ErrorBody> {
        let failed = |Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str());
        let ends = self.metadata_client().ends(partitions, TIMEOUT).map_err(failed)?;
        match partitions.iter().find(|partition| !ends.contains_key(partition)) {
            // Its records would be skipped silently.
            Some(partition) => {
                let message = format!(
                    "partition {} of {topic:?} has no leader; search the others, or try again",
                    partition.partition
                );
                let error = admin_error(&KafkaError::OffsetFetch(RDKafkaErrorCode::LeaderNotAvailable), topic.as_str());
                Err(ErrorBody { message, ..error })
            }
            None => Ok(ends),
        }
    }

    fn resolve(
        &self,
        topic: &TopicName,
        partitions: &[TopicPartition],
        ends: &Ends,
        bound: &RangeBound,
        isolation: Isolation,
    ) -> Result<HashMap<TopicPartition, i64>, ErrorBody> {
        let each = |offset: &dyn Fn(&PartitionEnds) -> i64| {
            Ok(ends.iter().map(|(partition, ends)| (partition.clone(), offset(ends))).collect())
        };
        match bound {
            RangeBound::Earliest => each(&|ends| ends.start.0),
            RangeBound::Latest => each(&|ends| readable(ends, isolation).1),
            RangeBound::Offset(offset) => each(&|_| offset.0),
            RangeBound::Last(count) => {
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                each(&|ends| readable(ends, isolation).1.saturating_sub(count))
            }
            RangeBound::Timestamp(ms) => {
                let mut found = self.offsets_at(topic, partitions, ends, *ms)?;
                for (partition, ends) in ends {
                    // Without a record at or after the time, the bound is the end of the partition.
                    found.entry(partition.clone()).or_insert(ends.high.0);
                }
                Ok(found)
            }
        }
    }

    fn offsets_at(
        &self,
        topic: &TopicName,
        partitions: &[TopicPartition],
        ends: &Ends,
        ms: i64,
    ) -> Result<HashMap<TopicPartition, i64>, ErrorBody> {
        if ms < 0 {
            let message = format!("timestamp {ms}: milliseconds since 1970-01-01 UTC cannot be negative");
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        if !self.connection().demo {
            let failed = |Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str());
            return self.metadata_client().offsets_at(partitions, ms).map_err(failed);
        }
        let mut found = HashMap::new();
        for partition in partitions {
            let Some(ends) = ends.get(partition) else { continue };
            let offset = by_time::first_since(self.connection(), partition, (ends.start.0, ends.high.0), ms)
                .map_err(|error| admin_error(&error, topic.as_str()))?;
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

/// The hash of Kafka's Java clients (`Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        let word: [u8; 4] = word.try_into().unwrap_or_default();
        let mut k = u32::from_le_bytes(word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    for (index, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::murmur2;

    /// The values of Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn keys_hash_as_in_javas_clients() {
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key.as_bytes()), hash.cast_unsigned(), "{key}");
        }
    }
}
