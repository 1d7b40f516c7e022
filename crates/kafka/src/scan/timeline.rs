//! How the records of a topic are spread over time, from the offsets at the bounds of time buckets: no record is read.

use std::collections::HashMap;
use std::time::Instant;

use protocol::{ErrorBody, TimelineRequest, TimelineResult, TopicName, TopicPartition};
use rdkafka::error::KafkaError;

use crate::admin::{Admin, admin_error, missing};
use crate::metadata_client::TIMEOUT;
use crate::native::{Failure, OffsetSpec};

/// How many bounds are asked for at the same time.
const AT_ONCE: usize = 16;

impl Admin {
    /// Counts offsets in each bucket. `request` must be valid.
    ///
    /// # Errors
    /// If the topic does not exist, Kafka refuses or does not answer, or this cluster cannot look up offsets by time.
    pub fn timeline(&self, topic: &TopicName, request: &TimelineRequest) -> Result<TimelineResult, ErrorBody> {
        self.require_real_kafka("look up offsets by time")?;
        let existing = self.metadata_client().partitions_of(topic)?.ok_or_else(|| missing(topic))?;
        let is_chosen = |partition: &i32| request.partitions.is_empty() || request.partitions.contains(partition);
        let named = |partition: i32| TopicPartition { topic: topic.to_string(), partition };
        let partitions: Vec<TopicPartition> = existing.into_iter().filter(is_chosen).map(named).collect();
        let failed = |Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str());
        let deadline = Instant::now() + TIMEOUT;
        let left = || deadline.saturating_duration_since(Instant::now());
        let extents = self.metadata_client().extents(&partitions, left()).map_err(failed)?;
        let buckets = i64::from(request.buckets);
        let bound = |index: i64| request.from + (request.to - request.from) * index / buckets;
        let bounds: Vec<i64> = (0..=buckets).map(bound).collect();
        // The offsets before each bound, of all partitions together.
        let mut before: Vec<i64> = Vec::with_capacity(bounds.len());
        for chunk in bounds.chunks(AT_ONCE) {
            let spec = |index: usize| OffsetSpec::Timestamp(*chunk.get(index).unwrap_or(&chunk[0]));
            let found =
                self.metadata_client().list_offsets(&partitions, std::array::from_fn::<_, AT_ONCE, _>(spec), left());
            for offsets in found.map_err(failed)?.iter().take(chunk.len()) {
                before.push(sum(&partitions, offsets, &extents));
            }
        }
        let counts = before.windows(2).map(|pair| u64::try_from(pair[1] - pair[0]).unwrap_or(0)).collect();
        Ok(TimelineResult { counts })
    }
}

/// The sum of the offsets at a time, over the partitions whose ends are known. Without a record at or after the time, the end counts.
fn sum(
    partitions: &[TopicPartition],
    offsets: &crate::native::Offsets,
    extents: &HashMap<TopicPartition, feed::ends::Extent>,
) -> i64 {
    let offset = |partition: &TopicPartition| {
        let extent = extents.get(partition)?;
        let found = offsets.get(partition).copied()?.ok()?;
        Some(found.unwrap_or(extent.high.0).clamp(extent.start.0, extent.high.0))
    };
    partitions.iter().filter_map(offset).sum()
}
