//! Where reading starts: explicit offsets, worked out from what the partition holds now.
//!
//! Explicit offsets start within milliseconds, while librdkafka's own "beginning" and "end" take half a second, and
//! only they show whether something is missing.

use std::collections::BTreeMap;

use protocol::{ErrorBody, GapReason, TailStart, TopicName, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use crate::feed::Start;
use crate::kafka::admin::admin_error;
use crate::kafka::questions::TIMEOUT;

/// Where a tail starts in one partition, and what it wanted and cannot have.
pub struct TailPlan {
    pub start: Start,
    /// The offset that was asked for and is not there.
    pub gap: Option<(i64, GapReason)>,
}

pub fn tail_starts<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &TopicName,
    partitions: &[i32],
    start: &TailStart,
    all_is_new: bool,
) -> Result<Vec<TailPlan>, ErrorBody> {
    let failed = |error: KafkaError| admin_error(&error, topic.as_str());
    let by_time = match start {
        TailStart::Timestamp(ms) => offsets_at(consumer, topic, partitions, *ms).map_err(failed)?,
        _ => BTreeMap::new(),
    };
    let mut plans = Vec::with_capacity(partitions.len());
    for &partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic.as_str(), partition, TIMEOUT).map_err(failed)?;
        let mut gap = None;
        let offset = match start {
            // Looked for before it existed: everything in it came later.
            TailStart::Latest if all_is_new => low,
            TailStart::Latest => high,
            TailStart::Earliest => low,
            TailStart::Last(count) => high.saturating_sub(i64::try_from(*count).unwrap_or(i64::MAX)).max(low),
            TailStart::Timestamp(_) => by_time.get(&partition).copied().unwrap_or(high),
            TailStart::Offsets(positions) => {
                let wanted = positions.iter().find(|p| p.topic == topic.as_str() && p.partition == partition);
                let Some(wanted) = wanted.map(|position| position.offset.0) else { continue };
                gap = gap_reason(wanted, low, high).map(|reason| (wanted, reason));
                if gap.is_some() { low } else { wanted }
            }
        };
        let partition = TopicPartition { topic: topic.as_str().to_owned(), partition };
        plans.push(TailPlan { start: Start { partition, offset }, gap });
    }
    Ok(plans)
}

/// Why an offset cannot be read: deleted already, or beyond the end of what must be another topic of the same name.
pub fn gap_reason(wanted: i64, low: i64, high: i64) -> Option<GapReason> {
    if wanted < low {
        Some(GapReason::Retention)
    } else if wanted > high {
        Some(GapReason::Recreated)
    } else {
        None
    }
}

/// The first offset at or after the time, for the partitions that have one.
fn offsets_at<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &TopicName,
    partitions: &[i32],
    ms: i64,
) -> Result<BTreeMap<i32, i64>, KafkaError> {
    let mut question = TopicPartitionList::with_capacity(partitions.len());
    for &partition in partitions {
        // This call takes the time in the offset's place.
        question.add_partition_offset(topic.as_str(), partition, Offset::Offset(ms))?;
    }
    let answer = consumer.offsets_for_times(question, TIMEOUT)?;
    let known = answer.elements().into_iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some((element.partition(), offset)),
        _ => None,
    });
    Ok(known.collect())
}
