//! Where partitions begin and end: ListOffsets, many partitions in one request.

use std::collections::HashMap;
use std::time::Duration;

use protocol::TopicPartition;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure, PartitionList, array, entry};

/// librdkafka looks each answer up in a list, so its work grows with the square of this [S]; 500 keep it below a
/// millisecond and the requests few.
const PARTITIONS_A_REQUEST: usize = 500;

/// The shortest time-out for librdkafka itself, which starts its timer and then works on the request in the caller's thread
/// (`rd_kafka_topic_partition_list_query_leaders_async` of librdkafka 2.12). A time-out in that moment makes its main thread finish
/// and free the request under the caller, and the process ends with a segmentation fault.
const MIN_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first record that is still there.
    LogStart,
    /// The end of what all in-sync replicas have.
    HighWatermark,
    /// The end of what consumers that read committed records get.
    LastStable,
    /// The first record at or after this time, in milliseconds since 1970-01-01 UTC.
    Timestamp(i64),
}

/// An offset of each partition; `Ok(None)`: no record is that new.
pub type Offsets = HashMap<TopicPartition, Result<Option<i64>, RDKafkaErrorCode>>;

/// Asks for offsets of each partition, one answer for each kind, in the order asked. Partitions that have no leader must not
/// be among them: librdkafka would wait for one until the time is over.
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
        // Kafka answers "latest" with the last stable offset or with the high watermark, depending on this alone.
        requests.read_committed(spec == OffsetSpec::LastStable);
        for chunk in partitions.chunks(PARTITIONS_A_REQUEST) {
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
