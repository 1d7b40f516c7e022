//! The protocol of consumer groups: classic, or that of KIP-848. The brokers determine the protocol of new groups; an
//! existing group keeps its own.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use protocol::GroupId;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::admin::DEAD;
use super::client_config::Connection;
use super::error::{is_coordinator_not_ready, is_no_answer};
use super::metadata_client::MetadataClient;
use super::native::{self, ConfigResource, DescribedGroup, Failure};

/// The time limit for describing a group. After a failure the callers repeat the request.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The total time limit of [`to_join`], and the pause between its requests. The first request about a group makes Kafka
/// create `__consumer_offsets`, which takes seconds.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// JoinGroup and SyncGroup; every broker supports it.
    Classic,
    /// KIP-848: the broker assigns partitions, and members do not wait for each other in a rebalance. Since Kafka 4.0.
    Consumer,
}

/// Kafka did not report the protocol of a group in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "the group {:?} was not joined: Kafka did not report the group's protocol within {} s ({reason}), and joining with another \
     protocol would convert the group. Try again when the group's coordinator answers",
    group.as_str(),
    JOIN_TIMEOUT.as_secs()
)]
pub struct ProtocolUnknown {
    group: GroupId,
    reason: String,
}

/// The newest group protocol that the cluster supports, if known. Shared by every clone of a [`Connection`].
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

/// The newest protocol that the broker's group coordinator supports: classic if the broker does not have the setting or
/// refuses to report it; `None` if the broker does not answer. Blocks for at most `timeout`.
pub fn of_broker<C: ClientContext>(client: &Client<C>, broker: i32, timeout: Duration) -> Option<GroupProtocol> {
    const SETTING: &str = "group.coordinator.rebalance.protocols";
    let protocols = match native::describe_config(client, ConfigResource::Broker(broker), timeout) {
        Ok(settings) => settings.into_iter().find(|setting| setting.name == SETTING).and_then(|setting| setting.value),
        Err(failure) if is_no_answer(failure.code) => return None,
        Err(refused) => {
            tracing::debug!(?refused, "the broker did not report its group protocols");
            None
        }
    };
    let supports_consumer = protocols.is_some_and(|list| list.split(',').any(|name| name.trim() == "consumer"));
    Some(if supports_consumer { GroupProtocol::Consumer } else { GroupProtocol::Classic })
}

/// The protocol of an existing group; `None` if the group does not exist, or Kafka refuses to describe it. Blocks for
/// at most 2 s.
///
/// # Errors
/// If Kafka does not answer, so that retrying may help.
pub fn of_group(metadata_client: &MetadataClient, group: &GroupId) -> Result<Option<GroupProtocol>, Failure> {
    let describe = || native::describe_groups(metadata_client.client(), &[group.to_string()], DESCRIBE_TIMEOUT);
    let described = match describe().map(|groups| groups.into_iter().next()) {
        Ok(Some(DescribedGroup { error: Some(failure), .. })) => Err(failure),
        Ok(described) => Ok(described),
        Err(failure) => Err(failure),
    };
    match described {
        Ok(described) => {
            let protocol = described.filter(|group| group.state != DEAD).and_then(|group| group.protocol);
            Ok(protocol.map(|protocol| match protocol {
                protocol::GroupProtocol::Classic => GroupProtocol::Classic,
                protocol::GroupProtocol::Consumer => GroupProtocol::Consumer,
            }))
        }
        Err(failure) if is_transient(failure.code) => Err(failure),
        Err(_) => Ok(None),
    }
}

/// The protocol with which a new member has to join this group: the existing group's, or the newest of the cluster.
/// Retries for 20 s while Kafka does not answer, because joining with another protocol would convert the group. `None`
/// once `is_over` returns `true`, as after Ctrl+C. Blocks.
///
/// # Errors
/// If Kafka does not report the protocol in time.
pub fn to_join(
    connection: &Connection,
    metadata_client: &MetadataClient,
    group: &GroupId,
    is_over: impl Fn() -> bool,
) -> Result<Option<GroupProtocol>, ProtocolUnknown> {
    let newest = connection.protocol_of_groups();
    if newest == GroupProtocol::Classic || connection.demo {
        return Ok(Some(newest));
    }
    let deadline = Instant::now() + JOIN_TIMEOUT;
    loop {
        match of_group(metadata_client, group) {
            Ok(existing) => return Ok(Some(existing.unwrap_or(newest))),
            Err(_) if is_over() => return Ok(None),
            Err(failure) if Instant::now() >= deadline => {
                let Failure { code, reason } = failure;
                let reason = if reason.is_empty() { code.to_string() } else { reason };
                return Err(ProtocolUnknown { group: group.clone(), reason });
            }
            Err(failure) => {
                tracing::debug!(group = group.as_str(), reason = %failure.reason, "cannot fetch the group's protocol; retrying");
                std::thread::sleep(RETRY_AFTER);
            }
        }
    }
}

/// Whether no broker answers, or the group's coordinator is not ready.
fn is_transient(code: RDKafkaErrorCode) -> bool {
    is_no_answer(code) || is_coordinator_not_ready(code) || code == RDKafkaErrorCode::MessageTimedOut
}
