//! Which protocol a consumer group speaks: the broker decides, so it is asked.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::native::{self, Configured};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// JoinGroup and SyncGroup; every broker speaks it.
    Classic,
    /// KIP-848: the broker assigns, and nobody waits for a rebalance. Kafka from 4.0 on.
    Consumer,
}

/// What is known of the cluster's group protocols. Shared by every clone of a [`Connection`].
#[derive(Debug, Default)]
pub struct KnownProtocol(AtomicU8);

const UNKNOWN: u8 = 0;
const CLASSIC: u8 = 1;
const CONSUMER: u8 = 2;

impl KnownProtocol {
    pub fn get(&self) -> Option<GroupProtocol> {
        match self.0.load(Ordering::Relaxed) {
            CLASSIC => Some(GroupProtocol::Classic),
            CONSUMER => Some(GroupProtocol::Consumer),
            _ => None,
        }
    }

    pub fn set(&self, protocol: Option<GroupProtocol>) {
        let known = match protocol {
            None => UNKNOWN,
            Some(GroupProtocol::Classic) => CLASSIC,
            Some(GroupProtocol::Consumer) => CONSUMER,
        };
        self.0.store(known, Ordering::Relaxed);
    }
}

/// Asks a broker which protocols its group coordinator speaks. A broker that does not know the setting, or does not
/// let us see it, gets the one that all speak; none when it does not answer. Blocks.
pub fn ask<C: ClientContext>(client: &Client<C>, broker: i32, timeout: Duration) -> Option<GroupProtocol> {
    const SETTING: &str = "group.coordinator.rebalance.protocols";
    let protocols = match native::describe_config(client, Configured::Broker(broker), timeout) {
        Ok(settings) => settings.into_iter().find(|setting| setting.name == SETTING).and_then(|setting| setting.value),
        Err(failure) if is_no_answer(failure.code) => return None,
        Err(refused) => {
            tracing::debug!(?refused, "the broker does not tell its group protocols");
            None
        }
    };
    let speaks_consumer = protocols.is_some_and(|list| list.split(',').any(|name| name.trim() == "consumer"));
    Some(if speaks_consumer { GroupProtocol::Consumer } else { GroupProtocol::Classic })
}

fn is_no_answer(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::BrokerTransportFailure | Kafka::AllBrokersDown | Kafka::OperationTimedOut | Kafka::RequestTimedOut
    )
}
