//! Which protocol a consumer group speaks: the broker decides, so it is asked. A group that is there keeps its own.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use protocol::GroupId;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::client_config::Connection;
use super::error::{is_coordinator_not_ready, is_no_answer};
use super::metadata_client::MetadataClient;
use super::native::{self, Configured, DescribedGroup, Failure};

/// The time limit for describing a group; the request is repeated with the next search for the topics.
const DESCRIBED_WITHIN: Duration = Duration::from_secs(2);

/// How long [`to_join`] asks, and how soon again. The first question about a group makes Kafka create the topic in which it keeps
/// positions, which takes seconds.
const ASKED_FOR: Duration = Duration::from_secs(20);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Kafka's name for a group that is not there.
const DEAD: &str = "Dead";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// JoinGroup and SyncGroup; every broker speaks it.
    Classic,
    /// KIP-848: the broker assigns, and nobody waits for a rebalance. Kafka from 4.0 on.
    Consumer,
}

/// Kafka did not say which protocol a group has.
#[derive(Debug, thiserror::Error)]
#[error(
    "the group {:?} was not joined: Kafka did not say in {} s which protocol the group has ({reason}), and joining with another \
     one would convert the group. Try again when the group's coordinator answers",
    group.as_str(),
    ASKED_FOR.as_secs()
)]
pub struct ProtocolUnknown {
    group: GroupId,
    reason: String,
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
            tracing::debug!(?refused, "the broker did not report its group protocols");
            None
        }
    };
    let speaks_consumer = protocols.is_some_and(|list| list.split(',').any(|name| name.trim() == "consumer"));
    Some(if speaks_consumer { GroupProtocol::Consumer } else { GroupProtocol::Classic })
}

/// The protocol of a group that is there; none where there is no such group, or Kafka does not let us see it. An error where
/// asking again may help. Blocks.
pub fn of_group(metadata_client: &MetadataClient, group: &GroupId) -> Result<Option<GroupProtocol>, Failure> {
    let describe = || native::describe_groups(metadata_client.client(), &[group.to_string()], DESCRIBED_WITHIN);
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
        Err(failure) if may_answer_later(failure.code) => Err(failure),
        Err(_) => Ok(None),
    }
}

/// What a new member of this group has to speak: the cluster's newest, unless the group is a classic one. Asks again while Kafka
/// does not answer, for [`ASKED_FOR`] at most: a group that was joined with another protocol than its own would be converted.
/// None once `is_over` is true, as after Ctrl+C. Blocks.
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
    let deadline = Instant::now() + ASKED_FOR;
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
                tracing::debug!(group = group.as_str(), reason = %failure.reason, "the group's protocol is not known yet");
                std::thread::sleep(ASK_AGAIN_AFTER);
            }
        }
    }
}

/// No broker answers, or the group's coordinator is not ready.
fn may_answer_later(code: RDKafkaErrorCode) -> bool {
    is_no_answer(code) || is_coordinator_not_ready(code) || code == RDKafkaErrorCode::MessageTimedOut
}
