//! Start positions that a client named: checks them, and finds the offsets of a timestamp on the mock.

use protocol::{ErrorBody, ErrorCode, Offset, Position, TailStart, TopicName, TopicPartition};
use rdkafka::error::KafkaError;

use crate::admin::{admin_error, unknown_partition};
use crate::client_config::Connection;
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native::Failure;
use crate::range::by_time;
use feed::Start;
use feed::ends::{Extent, HighWatermark, LogStart};

/// Checks the positions of `TailStart::Offsets`. Returns an error about the first named partition that the topic does
/// not have, if any; the other partitions are read nevertheless. Positions of `TailStart::Resume` are not checked: one
/// beyond the end becomes a gap.
///
/// # Errors
/// If a position is beyond the end of its partition. The caller retries, so that reading starts when the partition has
/// the offset: after an election the end may move back for a moment, and then the position must not be replaced.
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
                "offset {} is beyond the end of partition {} of {:?}, which has offsets {low} to {high}; reading starts when the \
                 partition reaches it; or subscribe again with a smaller offset",
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

/// Replaces the planned offsets by those of the first records at or after a time, which the mock cannot report (see
/// [`by_time`]). `ms`: milliseconds since 1970-01-01 UTC.
///
/// # Errors
/// If the ends or the records cannot be fetched.
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
