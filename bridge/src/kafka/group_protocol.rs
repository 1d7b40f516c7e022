//! Which protocol a consumer group speaks: the broker decides, so it is asked.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::config::FromClientConfigAndContext;

use super::client_config::Connection;
use super::questions::QuietContext;

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
/// let us see it, gets the one that all speak; none when it does not answer. Blocks, outside of any async runtime.
pub fn ask(connection: &Connection, broker: i32, timeout: Duration) -> Option<GroupProtocol> {
    const SETTING: &str = "group.coordinator.rebalance.protocols";
    let client = AdminClient::from_config_and_context(&connection.base_config(), QuietContext).ok()?;
    let client = connection.tokens.sign_in(client);
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
    let brokers = [ResourceSpecifier::Broker(broker)];
    let answers = runtime.block_on(client.describe_configs(&brokers, &options)).ok()?;
    let protocols = match answers.into_iter().next()? {
        Ok(resource) => resource.entry_map().get(SETTING).and_then(|entry| entry.value.clone()),
        Err(refused) => {
            tracing::debug!(%refused, "the broker does not tell its group protocols");
            None
        }
    };
    let speaks_consumer = protocols.is_some_and(|list| list.split(',').any(|name| name.trim() == "consumer"));
    Some(if speaks_consumer { GroupProtocol::Consumer } else { GroupProtocol::Classic })
}
