//! How a member of a consumer group answers a rebalance. librdkafka waits for the answer before it does anything else: the cooperative
//! protocol wants what changes, the eager one the whole assignment.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaResult;

/// Reads these partitions from now on, at the offsets of the list.
pub fn assign<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(list),
    }
}

/// Reads these partitions no longer.
pub fn revoke<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(&held(consumer, list)?),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}

/// Answers an event that could not be followed: none of its partitions is read.
pub fn decline<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        // What the member has already stays until it leaves. The cooperative protocol refuses to give up all at once.
        RebalanceProtocol::Cooperative => consumer.incremental_assign(&TopicPartitionList::new()),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}

/// Those of the list that the consumer has: librdkafka takes back all of a list or nothing, and a partition whose assignment failed is
/// not there.
fn held<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    let assigned = consumer.assignment()?;
    let mut held = TopicPartitionList::new();
    for element in list.elements() {
        if assigned.find_partition(element.topic(), element.partition()).is_some() {
            held.add_partition(element.topic(), element.partition());
        }
    }
    Ok(held)
}
