//! The protocol of consumer groups: classic, or that of KIP-848. The brokers determine the protocol of new groups; an
//! existing group keeps its own.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, GroupId};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::client_config::Connection;
use super::error::{is_coordinator_not_ready, is_no_answer};
use super::metadata_client::MetadataClient;
use super::native::{self, ConfigResource, DescribedGroup, Failure};
use super::other_groups::not_a_consumer_group;

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

/// Why a group cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum NotJoined {
    #[error(
        "the group {:?} was not joined: Kafka did not report the group's protocol within {} s ({reason}), and joining with \
         another protocol would convert the group. Try again when the group's coordinator answers",
        group.as_str(),
        JOIN_TIMEOUT.as_secs()
    )]
    ProtocolUnknown { group: GroupId, reason: String },
    #[error("{}", .0.message)]
    NotAConsumerGroup(ErrorBody),
}

/// What is known about a group before joining it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joinable {
    /// The group does not exist, or Kafka refuses to describe it.
    New,
    Existing(GroupProtocol),
    /// A share group or a group of another type: joining it would wait for ever.
    Not(ErrorBody),
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

/// Whether the group can be joined, and with which protocol if it exists. Blocks for at most 6 s.
///
/// # Errors
/// If Kafka does not answer, so that retrying may help.
pub fn of_group(metadata_client: &MetadataClient, group: &GroupId) -> Result<Joinable, Failure> {
    let describe = || describe(metadata_client, group);
    let (described, other) = match metadata_client.describe_with_type(group.as_str(), describe) {
        Ok(described) => described,
        Err(failure) if is_transient(failure.code) => return Err(failure),
        Err(_) => return Ok(Joinable::New),
    };
    match other {
        Ok(Some(other)) => {
            Ok(Joinable::Not(not_a_consumer_group(&other, &format!("join the group {:?}", group.as_str()))))
        }
        Ok(None) => Ok(joinable(&described)),
        // librdkafka may reach the broker nevertheless, and almost every group is a consumer group.
        Err(error) => {
            tracing::debug!(reason = error.message, "the type of the group is not known; joining");
            Ok(Joinable::New)
        }
    }
}

fn describe(metadata_client: &MetadataClient, group: &GroupId) -> Result<DescribedGroup, Failure> {
    let client = metadata_client.client();
    // Otherwise each attempt while Kafka is down would leave a request that waits for the coordinator.
    native::fetch_brokers(client, DESCRIBE_TIMEOUT).map_err(|code| Failure { code, reason: code.to_string() })?;
    let described = native::describe_groups(client, &[group.to_string()], DESCRIBE_TIMEOUT)?;
    match described.into_iter().next() {
        Some(DescribedGroup { error: Some(failure), .. }) if failure.code != RDKafkaErrorCode::GroupIdNotFound => {
            Err(failure)
        }
        described => Ok(described.filter(|group| group.error.is_none()).unwrap_or_else(DescribedGroup::dead)),
    }
}

fn joinable(described: &DescribedGroup) -> Joinable {
    match described.protocol.filter(|_| !described.is_dead()) {
        Some(protocol::GroupProtocol::Classic) => Joinable::Existing(GroupProtocol::Classic),
        Some(protocol::GroupProtocol::Consumer) => Joinable::Existing(GroupProtocol::Consumer),
        None => Joinable::New,
    }
}

/// The protocol with which a new member has to join this group: the existing group's, or the newest of the cluster.
/// Retries for 20 s while Kafka does not answer, because joining with another protocol would convert the group. `None`
/// once `is_over` returns `true`, as after Ctrl+C. Blocks.
///
/// # Errors
/// If Kafka does not report the protocol in time, or the group is not a consumer group.
pub fn to_join(
    connection: &Connection,
    metadata_client: &MetadataClient,
    group: &GroupId,
    is_over: impl Fn() -> bool,
) -> Result<Option<GroupProtocol>, NotJoined> {
    let newest = connection.protocol_of_groups();
    if connection.demo {
        return Ok(Some(newest));
    }
    let deadline = Instant::now() + JOIN_TIMEOUT;
    loop {
        match of_group(metadata_client, group) {
            Ok(Joinable::New) => return Ok(Some(newest)),
            // The user may have set properties that only classic groups have.
            Ok(Joinable::Existing(_)) if newest == GroupProtocol::Classic => return Ok(Some(newest)),
            Ok(Joinable::Existing(protocol)) => return Ok(Some(protocol)),
            Ok(Joinable::Not(error)) => return Err(NotJoined::NotAConsumerGroup(error)),
            Err(_) if is_over() => return Ok(None),
            Err(failure) if Instant::now() >= deadline => {
                let Failure { code, reason } = failure;
                let reason = if reason.is_empty() { code.to_string() } else { reason };
                return Err(NotJoined::ProtocolUnknown { group: group.clone(), reason });
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
