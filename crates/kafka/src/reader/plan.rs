//! Where reading starts: explicit offsets, worked out from what the partition holds now.
//!
//! Explicit offsets start within milliseconds, while librdkafka's own "beginning" and "end" take half a second, and
//! only they show whether something is missing. The client that asks is warm: a new one would need fifty milliseconds.

use std::collections::HashMap;

use protocol::{ErrorBody, Position, TailStart, TopicName, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::admin::admin_error;
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native::Failure;
use feed::Start;

pub fn tail_starts(
    metadata_client: &MetadataClient,
    topic: &TopicName,
    partitions: &[i32],
    start: &TailStart,
    all_is_new: bool,
) -> Result<Vec<Start>, ErrorBody> {
    let failed = |Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str());
    let named = |partition: &i32| TopicPartition { topic: topic.as_str().to_owned(), partition: *partition };
    let partitions: Vec<TopicPartition> = partitions.iter().map(named).collect();
    if let TailStart::Offsets(positions) | TailStart::Resume(positions) = start {
        let mut starts = Vec::with_capacity(partitions.len());
        let mut others = Vec::new();
        let of_topic = positions.iter().filter(|position| position.topic == topic.as_str());
        let named: HashMap<i32, &Position> = of_topic.map(|position| (position.partition, position)).collect();
        for partition in partitions {
            match named.get(&partition.partition) {
                // Taken at its word; what is not there turns into a gap when it is asked for.
                Some(position) => starts.push(Start { offset: position.offset.0, partition }),
                None => others.push(partition.partition),
            }
        }
        if matches!(start, TailStart::Resume(_)) && !others.is_empty() {
            starts.extend(tail_starts(metadata_client, topic, &others, &TailStart::Earliest, all_is_new)?);
        }
        return Ok(starts);
    }
    let ends = metadata_client.ends(&partitions, TIMEOUT).map_err(failed)?;
    let by_time = match start {
        TailStart::Timestamp(ms) => metadata_client.offsets_at(&partitions, *ms).map_err(failed)?,
        _ => HashMap::new(),
    };
    let mut starts = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let Some(ends) = ends.get(&partition) else {
            return Err(admin_error(&KafkaError::OffsetFetch(RDKafkaErrorCode::LeaderNotAvailable), topic.as_str()));
        };
        let offset = match start {
            // Looked for before it existed: everything in it came later.
            TailStart::Latest if all_is_new => ends.start.0,
            // As Kafka's own consumers of committed records do: what an open transaction holds back comes when it ends.
            TailStart::Latest => ends.stable.0,
            TailStart::Earliest | TailStart::Offsets(_) | TailStart::Resume(_) => ends.start.0,
            // Of those that can be read now: with an open transaction the last of all would be none that anybody sees.
            TailStart::Last(count) => ends.last(*count),
            // No record is that new, those of open transactions included: the next one will be.
            TailStart::Timestamp(_) => by_time.get(&partition).copied().unwrap_or(ends.high.0),
        };
        starts.push(Start { partition, offset });
    }
    Ok(starts)
}
