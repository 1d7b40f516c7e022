//! The committed offsets of groups: list, alter and delete.

use std::time::Duration;

use protocol::TopicPartition;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka_sys as sys;

use super::admin::{AdminRequests, Failure, PartitionEntry, PartitionList, array, entries, failure};
use super::c_string::c_string;
use feed::Start;

/// The committed offsets of each group, or its error, in the order of `groups`. `among`: the partitions to fetch;
/// `None` means all. Blocks for at most `timeout`.
pub fn committed<C: ClientContext>(
    client: &Client<C>,
    groups: &[String],
    among: Option<&[TopicPartition]>,
    timeout: Duration,
) -> Vec<Result<Vec<(TopicPartition, i64)>, Failure>> {
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let mut requests = AdminRequests::to_coordinator(client, kind, timeout);
    let among =
        among.map(|partitions| PartitionList::new(partitions.iter().map(|partition| (partition, 0)))).transpose();
    let among = match among {
        Ok(among) => among,
        Err(error) => return groups.iter().map(|_| Err(error.into())).collect(),
    };
    let list = among.as_ref().map_or(std::ptr::null(), |list| list.0.cast_const());
    let late = || Failure {
        code: rdkafka::error::RDKafkaErrorCode::OperationTimedOut,
        reason: "no answer in time".to_owned(),
    };
    let mut answers: Vec<_> = groups.iter().map(|_| Err(late())).collect();
    for (tag, group) in groups.iter().enumerate() {
        let group = match c_string(group) {
            Ok(group) => group,
            Err(error) => {
                answers[tag] = Err(error.into());
                continue;
            }
        };
        requests.send(tag, |client, options, queue| {
            // SAFETY: valid pointers; a null list means all partitions; the request is ours and destroyed once, after
            // the call copied it.
            unsafe {
                let mut request = sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), list);
                sys::rd_kafka_ListConsumerGroupOffsets(client, &mut request, 1, options, queue);
                sys::rd_kafka_ListConsumerGroupOffsets_destroy(request);
            }
        });
    }
    while let Some((tag, answer)) = requests.answer() {
        let Some(slot) = answers.get_mut(tag) else { continue };
        *slot = answer.and_then(|answer| {
            // SAFETY: the event is an answer to ListConsumerGroupOffsets; its results live as long as it.
            let found = unsafe {
                let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(answer.0);
                group_results(array(|count| sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, count)))?
            };
            let positions = found.into_iter().filter(|entry| entry.error.is_none() && entry.offset >= 0);
            Ok(positions.map(|entry| (entry.partition, entry.offset)).collect())
        });
    }
    answers
}

/// Sets the group's committed offsets and their metadata; returns the result of each partition. Blocks for at most
/// `timeout`.
///
/// # Errors
/// If the group has members, or Kafka refuses the request or does not answer.
pub fn alter_offsets<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    positions: &[(Start, Option<String>)],
    timeout: Duration,
) -> Result<Vec<PartitionEntry>, Failure> {
    let group = c_string(group)?;
    let positions = positions.iter().map(|(start, note)| (&start.partition, start.offset, note.as_deref()));
    let list = PartitionList::with_notes(positions)?;
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS;
    let mut requests = AdminRequests::to_coordinator(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the request is ours and destroyed once, after the call copied it.
        unsafe {
            let mut request = sys::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), list.0);
            sys::rd_kafka_AlterConsumerGroupOffsets(client, &mut request, 1, options, queue);
            sys::rd_kafka_AlterConsumerGroupOffsets_destroy(request);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to AlterConsumerGroupOffsets; its results live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(answer.0);
        group_results(array(|count| sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, count)))
    }
}

/// Deletes committed offsets; returns the result of each partition. Blocks for at most `timeout`.
///
/// # Errors
/// If the group has members, or Kafka refuses the request or does not answer.
pub fn delete_offsets<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    partitions: &[TopicPartition],
    timeout: Duration,
) -> Result<Vec<PartitionEntry>, Failure> {
    let group = c_string(group)?;
    let list = PartitionList::new(partitions.iter().map(|partition| (partition, 0)))?;
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS;
    let mut requests = AdminRequests::to_coordinator(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the request is ours and destroyed once, after the call copied it.
        unsafe {
            let mut request = sys::rd_kafka_DeleteConsumerGroupOffsets_new(group.as_ptr(), list.0);
            sys::rd_kafka_DeleteConsumerGroupOffsets(client, &mut request, 1, options, queue);
            sys::rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DeleteConsumerGroupOffsets; its results live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DeleteConsumerGroupOffsets_result(answer.0);
        group_results(array(|count| sys::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, count)))
    }
}

/// # Safety
/// Valid results.
unsafe fn group_results(results: &[*const sys::rd_kafka_group_result_t]) -> Result<Vec<PartitionEntry>, Failure> {
    let mut found = Vec::new();
    for &result in results {
        // SAFETY: the caller's promise; the list belongs to the result.
        unsafe {
            if let Some(failure) = failure(sys::rd_kafka_group_result_error(result)) {
                return Err(failure);
            }
            found.extend(entries(sys::rd_kafka_group_result_partitions(result)));
        }
    }
    Ok(found)
}
