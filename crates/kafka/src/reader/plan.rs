//! The start offsets of a tail, computed from the current ends of the partitions.
//!
//! With numeric offsets reading starts within milliseconds, while librdkafka's logical offsets "beginning" and "end"
//! take half a second; and only numeric offsets show whether records are missing. The requests use the connected
//! metadata client, because a new client would need 50 ms to connect.

use std::collections::HashMap;

use protocol::{ErrorBody, Position, TailStart, TopicName, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::admin::admin_error;
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native::Failure;
use feed::Start;

/// The start offset of each partition. `all_is_new`: the topic was created after the client subscribed, so none of its
/// records may be skipped.
///
/// # Errors
/// If the ends of a partition cannot be fetched.
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
                // Used as it is; if the offset is out of range, the fetch fails and a gap is reported.
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
            // The topic did not exist when the client subscribed, so all records are later.
            TailStart::Latest if all_is_new => ends.start.0,
            // As consumers with isolation.level=read_committed: records of an open transaction are delivered when it
            // ends.
            TailStart::Latest => ends.stable.0,
            TailStart::Earliest | TailStart::Offsets(_) | TailStart::Resume(_) => ends.start.0,
            // The last records that are visible now; those of an open transaction are not.
            TailStart::Last(count) => ends.last(*count),
            // Without a record at or after the time, reading starts with the next record.
            TailStart::Timestamp(_) => by_time.get(&partition).copied().unwrap_or(ends.high.0),
        };
        starts.push(Start { partition, offset });
    }
    Ok(starts)
}
