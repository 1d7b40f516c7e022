//! Starts that a client named, as positions or as a time: which of them the topic does not have, and where the mock would not say.

use protocol::{ErrorBody, ErrorCode, Offset, Position, TailStart, TopicName, TopicPartition};
use rdkafka::error::KafkaError;

use crate::admin::{admin_error, unknown_partition};
use crate::client_config::Connection;
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native::Failure;
use crate::range::by_time;
use feed::Start;
use feed::ends::{Extent, HighWatermark, LogStart};

/// Says which named partition the topic does not have, if any: the others are read.
///
/// # Errors
/// When a position is beyond the end of its partition: reading begins when the partition has that offset. After an election
/// the end may move back for a moment, so that a client that was there already must not be sent elsewhere.
///
/// Only what a client chose: who comes back (`resume`) to a topic that is shorter now gets a gap in its place.
pub(super) fn check(
    metadata_client: &MetadataClient,
    topic: &TopicName,
    partitions: usize,
    start: &TailStart,
    planned: &[Start],
) -> Result<Option<ErrorBody>, ErrorBody> {
    let TailStart::Offsets(positions) = start else { return Ok(None) };
    let named: Vec<TopicPartition> = planned.iter().map(|start| start.partition.clone()).collect();
    let failed = |Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str());
    let extents = metadata_client.extents(&named, TIMEOUT).map_err(failed)?;
    for Start { partition, offset } in planned {
        let Some(Extent { start: LogStart(low), high: HighWatermark(high) }) = extents.get(partition).copied() else {
            continue;
        };
        if *offset > high {
            let message = format!(
                "offset {} is beyond the end of partition {} of {:?}, which has {low} to {high}; reading begins when it has \
                 that offset, or subscribe again with a smaller one",
                Offset(*offset),
                partition.partition,
                topic.as_str()
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
    }
    let is_missing = |position: &&Position| {
        position.topic == topic.as_str() && usize::try_from(position.partition).is_ok_and(|number| number >= partitions)
    };
    let missing = positions.iter().find(is_missing);
    Ok(missing.map(|position| unknown_partition(topic, position.partition, partitions)))
}

/// The mock knows no times: its records are looked through.
pub(super) fn find_by_time(
    metadata_client: &MetadataClient,
    connection: &Connection,
    planned: &mut [Start],
    ms: i64,
) -> Result<(), ErrorBody> {
    for Start { partition, offset } in planned {
        let failed = |error: KafkaError| admin_error(&error, &partition.topic);
        let ends = metadata_client.ends_of(partition, TIMEOUT);
        let ends = ends.map_err(|Failure { code, .. }| failed(KafkaError::OffsetFetch(code)))?;
        let (low, high) = (ends.start.0, ends.high.0);
        let found = by_time::first_since(connection, partition, (low, high), ms).map_err(failed)?;
        *offset = found.unwrap_or(high);
    }
    Ok(())
}
