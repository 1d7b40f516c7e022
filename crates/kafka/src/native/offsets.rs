//! ListOffsets: log starts, ends, and offsets by time, of many partitions in one request.

use std::collections::HashMap;
use std::time::Duration;

use protocol::TopicPartition;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure, PartitionList, array, entry};

/// librdkafka searches a list for each result, which takes quadratic time; with 500 partitions it stays below a
/// millisecond.
const PARTITIONS_PER_REQUEST: usize = 500;

/// The shortest time-out that is passed to librdkafka. It starts its timer and then still uses the request in the
/// caller's thread (`rd_kafka_topic_partition_list_query_leaders_async` of librdkafka 2.12). If the time-out passes in
/// that moment, its main thread frees the request while the caller uses it, and the process ends with a segmentation
/// fault.
const MIN_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The requested offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The offset of the first record that is not deleted.
    LogStart,
    /// The end of the records that all in-sync replicas have.
    HighWatermark,
    /// The end of the records that consumers with `isolation.level=read_committed` get.
    LastStable,
    /// The offset of the first record at or after this time, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
}

/// The offset of each partition; `Ok(None)`: no record at or after the time.
pub type Offsets = HashMap<TopicPartition, Result<Option<i64>, RDKafkaErrorCode>>;

/// The offsets of each partition, one map for each spec, in their order. `partitions` must not contain partitions
/// without a leader, because librdkafka would wait for a leader until the time-out. Blocks for at most `timeout`.
///
/// # Errors
/// If a request fails or is not answered.
pub fn list_offsets<C: ClientContext, const N: usize>(
    client: &Client<C>,
    partitions: &[TopicPartition],
    specs: [OffsetSpec; N],
    timeout: Duration,
) -> Result<[Offsets; N], Failure> {
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
    let mut requests = AdminRequests::new(client, kind, timeout.max(MIN_REQUEST_TIMEOUT)).give_up_after(timeout);
    for (tag, spec) in specs.into_iter().enumerate() {
        let wanted = match spec {
            OffsetSpec::LogStart => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST as i64,
            OffsetSpec::HighWatermark | OffsetSpec::LastStable => {
                sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST as i64
            }
            OffsetSpec::Timestamp(ms) => ms.max(0),
        };
        // The isolation level decides whether Kafka returns the last stable offset or the high watermark for "latest".
        requests.read_committed(spec == OffsetSpec::LastStable);
        for chunk in partitions.chunks(PARTITIONS_PER_REQUEST) {
            let list = PartitionList::new(chunk.iter().map(|partition| (partition, wanted)))?;
            requests.send(tag, |client, options, queue| {
                // SAFETY: valid pointers; the list is copied before the call returns.
                unsafe { sys::rd_kafka_ListOffsets(client, list.0, options, queue) }
            });
        }
    }
    let mut offsets = specs.map(|_| Offsets::with_capacity(partitions.len()));
    while let Some((tag, answer)) = requests.answer() {
        let answer = answer?;
        let Some(offsets) = offsets.get_mut(tag) else { continue };
        // SAFETY: the event is an answer to ListOffsets; its infos live as long as it, each with a valid element.
        unsafe {
            let result = sys::rd_kafka_event_ListOffsets_result(answer.0);
            for info in array(|count| sys::rd_kafka_ListOffsets_result_infos(result, count)) {
                let entry = entry(sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info));
                let offset = match entry.error {
                    Some(error) => Err(error),
                    None => Ok((entry.offset >= 0).then_some(entry.offset)),
                };
                offsets.insert(entry.partition, offset);
            }
        }
    }
    Ok(offsets)
}
