//! Administration: topics, groups, committed offsets, the cluster. Every function blocks: call it off the async workers.
//!
//! All requests go through the `MetadataClient`, each with a deadline. Functions that change something have a verb of change as their
//! name; the caller checks permissions.

mod cluster;
mod features;
mod groups;
mod offsets;
mod setting_notes;
mod settings;
mod topics;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, Fetch, Fetched, TopicName, TopicPartition};
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::client_config::Connection;
use super::demo::DemoBroker;
use super::metadata_client::{MetadataClient, QuietContext, TIMEOUT};
use super::native::Failure;
use super::range::Ranges;
use crate::error::{is_coordinator_not_ready, is_no_answer, kafka_error};
use feed::ends::PartitionEnds;

use self::features::FeatureCache;
pub use self::topics::{TopicLook, require_not_internal};

/// Changes may take their time: brokers answer when they are done.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(15);

pub struct Admin {
    metadata_client: Arc<MetadataClient>,
    connection: Connection,
    demo: Option<Arc<DemoBroker>>,
    feature_cache: FeatureCache,
    ranges: Ranges,
    /// Where partitions ended when a session last asked whether its records are visible.
    seen_ends: Mutex<HashMap<TopicPartition, (Instant, PartitionEnds)>>,
}

impl Admin {
    /// `demo`: the demo broker, where it runs in this process.
    pub fn new(metadata_client: Arc<MetadataClient>, connection: Connection, demo: Option<Arc<DemoBroker>>) -> Self {
        let ranges = Ranges::new(connection.clone());
        let (feature_cache, seen_ends) = (FeatureCache::default(), Mutex::default());
        Self { metadata_client, connection, demo, feature_cache, ranges, seen_ends }
    }

    /// Reads a range of offsets once.
    pub fn fetch(&self, topic: &TopicName, request: &Fetch) -> Result<Fetched, ErrorBody> {
        match existing_partitions(self.metadata_client.metadata(Some(topic.as_str()), TIMEOUT), topic)? {
            None => return Err(missing(topic)),
            Some(partitions) if !partitions.contains(&request.partition) => {
                return Err(unknown_partition(topic, request.partition, partitions.len()));
            }
            Some(_) => {}
        }
        let partition = TopicPartition { topic: topic.to_string(), partition: request.partition };
        let ends = self.metadata_client.ends_of(&partition, TIMEOUT);
        let ends = ends.map_err(|Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str()))?;
        self.ranges.fetch(topic, request, ends)
    }

    /// Where the oldest open transaction of each partition began; partitions without one are left out. Sessions that write to
    /// the same partitions share an answer for a moment.
    pub fn open_transactions(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, i64> {
        const BELIEVED_FOR: Duration = Duration::from_millis(500);
        const WITHIN: Duration = Duration::from_secs(1);
        if self.connection.demo {
            // It has no transactions.
            return BTreeMap::new();
        }
        let seen_ends = || self.seen_ends.lock().unwrap_or_else(PoisonError::into_inner);
        seen_ends().retain(|_, (since, _)| since.elapsed() < BELIEVED_FOR);
        let unknown: Vec<TopicPartition> = {
            let seen = seen_ends();
            partitions.iter().filter(|partition| !seen.contains_key(*partition)).cloned().collect()
        };
        // Asked without the lock: Kafka may take its time.
        match self.metadata_client.ends(&unknown, WITHIN) {
            Ok(ends) => {
                let now = Instant::now();
                seen_ends().extend(ends.into_iter().map(|(partition, ends)| (partition, (now, ends))));
            }
            Err(failure) => tracing::debug!(?failure, "whether sent records are visible could not be asked"),
        }
        let seen = seen_ends();
        let open = |partition: &TopicPartition| Some((partition.clone(), seen.get(partition)?.1.open_transaction()?.0));
        partitions.iter().filter_map(open).collect()
    }

    fn client(&self) -> &Client<QuietContext> {
        self.metadata_client.client()
    }

    fn positions_client(&self) -> Result<&Client<QuietContext>, ErrorBody> {
        self.metadata_client.positions_client().map_err(|error| admin_error(&error, "the positions of groups"))
    }

    /// The demo broker answers few kinds of request.
    fn require_real_kafka(&self, what: &str) -> Result<(), ErrorBody> {
        if !self.connection.demo {
            return Ok(());
        }
        let message = format!(
            "the demo broker cannot {what}; with a real Kafka it works (docker compose -f kafka_broker.yaml up -d, then \
             start the bridge again)"
        );
        Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message))
    }

    /// Every partition of the cluster.
    fn all_partitions(&self) -> Result<Vec<TopicPartition>, ErrorBody> {
        let metadata = self.metadata(None)?;
        let of = |topic: &MetadataTopic| {
            let name = topic.name().to_owned();
            let partitions = topic.partitions().iter().map(|partition| partition.id());
            partitions.map(|partition| TopicPartition { topic: name.clone(), partition }).collect::<Vec<_>>()
        };
        Ok(metadata.topics().iter().flat_map(of).collect())
    }

    /// What Kafka says of one topic, or of all.
    fn metadata(&self, topic: Option<&str>) -> Result<Metadata, ErrorBody> {
        self.metadata_client
            .metadata(topic, TIMEOUT)
            .map_err(|error| admin_error(&error, topic.unwrap_or("the topics")))
    }
}

/// The topic's partition ids in Kafka's answer, or none if it does not exist.
pub(super) fn existing_partitions(
    metadata: KafkaResult<Metadata>,
    topic: &TopicName,
) -> Result<Option<Vec<i32>>, ErrorBody> {
    let metadata = metadata.map_err(|e| admin_error(&e, topic.as_str()))?;
    let Some(described) = existing(&metadata, topic)? else { return Ok(None) };
    let mut ids: Vec<i32> = described.partitions().iter().map(|partition| partition.id()).collect();
    ids.sort_unstable();
    Ok((!ids.is_empty()).then_some(ids))
}

/// The topic in Kafka's answer, or none if it does not exist.
fn existing<'m>(metadata: &'m Metadata, topic: &TopicName) -> Result<Option<&'m MetadataTopic>, ErrorBody> {
    let Some(described) = metadata.topics().iter().find(|described| described.name() == topic.as_str()) else {
        return Ok(None);
    };
    match described.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(described)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        // Just created: the controller has not chosen leaders yet.
        Some(RDKafkaErrorCode::LeaderNotAvailable) => Ok(None),
        Some(code) => Err(admin_error(&KafkaError::MetadataFetch(code), topic.as_str())),
    }
}

pub(super) fn missing(name: &TopicName) -> ErrorBody {
    ErrorBody::new(
        ErrorCode::TopicMissing,
        format!("the topic {:?} does not exist; send a record to it or create it", name.as_str()),
    )
}

/// A partition that the topic does not have.
pub(super) fn unknown_partition(topic: &TopicName, partition: i32, count: usize) -> ErrorBody {
    let message = match count {
        1 => format!("the topic {:?} has no partition {partition}; it has partition 0 alone", topic.as_str()),
        _ => format!(
            "the topic {:?} has no partition {partition}; it has 0 to {}",
            topic.as_str(),
            count.saturating_sub(1)
        ),
    };
    ErrorBody::new(ErrorCode::UnknownPartition, message)
}

/// A failed read request as an error of the wire protocol.
pub(super) fn admin_error(error: &KafkaError, subject: &str) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let code = error.rdkafka_error_code().unwrap_or(Kafka::Fail);
    match code {
        code if is_no_answer(code) => kafka_error(
            ErrorCode::KafkaUnreachable,
            code,
            format!("no Kafka broker answered the question for {subject}"),
        ),
        Kafka::TopicAuthorizationFailed => {
            let message = format!(
                "not authorised to see topic {subject:?}: it needs the ACL Describe, Read or Write on the topic"
            );
            kafka_error(ErrorCode::Forbidden, code, message)
        }
        Kafka::ClusterAuthorizationFailed | Kafka::GroupAuthorizationFailed => {
            kafka_error(ErrorCode::Forbidden, code, format!("Kafka's access rules do not let the bridge see {subject}"))
        }
        _ => kafka_error(ErrorCode::AdminRefused, code, format!("Kafka did not answer for {subject}: {code}")),
    }
}

/// A failed admin request, as the protocol has it; `what` says what was to be done ("delete the topic \"orders\"").
fn refused(failure: &Failure, what: &str) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let Failure { code, reason } = failure;
    let reason = if reason.is_empty() { code.to_string() } else { reason.clone() };
    let (error, message) = match code {
        code if is_no_answer(*code)
            || is_coordinator_not_ready(*code)
            || matches!(code, Kafka::NotLeaderForPartition | Kafka::LeaderNotAvailable) =>
        {
            (
                ErrorCode::KafkaUnreachable,
                format!("Kafka was asked to {what} and did not answer in time; look before you try again"),
            )
        }
        Kafka::TopicAuthorizationFailed | Kafka::ClusterAuthorizationFailed | Kafka::GroupAuthorizationFailed => {
            (ErrorCode::Forbidden, format!("Kafka's access rules do not let the bridge {what}"))
        }
        Kafka::UnsupportedFeature | Kafka::UnsupportedVersion => {
            (ErrorCode::NotOnThisCluster, format!("this cluster cannot {what}: {reason}"))
        }
        Kafka::TopicAlreadyExists => (ErrorCode::TopicExists, format!("cannot {what}: it exists already")),
        Kafka::UnknownTopicOrPartition | Kafka::UnknownTopic => {
            (ErrorCode::TopicMissing, format!("cannot {what}: there is no such topic"))
        }
        Kafka::GroupIdNotFound => (ErrorCode::GroupMissing, format!("cannot {what}: there is no such group")),
        Kafka::NonEmptyGroup | Kafka::UnknownMemberId | Kafka::GroupSubscribedToTopic | Kafka::RebalanceInProgress => (
            ErrorCode::GroupActive,
            format!("cannot {what}: the group has members; stop them first, nothing was changed"),
        ),
        _ => (ErrorCode::AdminRefused, format!("Kafka refuses to {what}: {reason}")),
    };
    kafka_error(error, *code, message)
}
