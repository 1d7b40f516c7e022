//! The answers of a group member to rebalance events, which librdkafka requires before it continues. The cooperative
//! protocol requires the changed partitions, the eager protocol the whole assignment.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaResult;

/// Accepts these partitions, to be read from the offsets of the list.
///
/// # Errors
/// If librdkafka refuses the assignment.
pub fn assign<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(list),
    }
}

/// Gives up these partitions.
///
/// # Errors
/// If librdkafka refuses.
pub fn revoke<C: ConsumerContext>(consumer: &BaseConsumer<C>, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(&held(consumer, list)?),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}

/// Answers an event that failed: none of its partitions is read.
///
/// # Errors
/// If librdkafka refuses.
pub fn decline<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        // The member keeps its earlier partitions until it leaves, because the cooperative protocol does not allow to
        // give up all at once.
        RebalanceProtocol::Cooperative => consumer.incremental_assign(&TopicPartitionList::new()),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}

/// The partitions of the list that the consumer holds. One whose assignment failed is not held, and librdkafka would
/// refuse the whole list because of it.
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
