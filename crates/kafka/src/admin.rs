//! Administration: topics, groups, committed offsets, the cluster. Every function blocks: call it off the async
//! workers.
//!
//! All requests go through the `MetadataClient`, each with a deadline. The functions do not check whether the bridge is
//! read-only; the caller does.

mod cluster;
mod features;
mod group_list;
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
use crate::scan::Scanners;
use feed::ends::PartitionEnds;

use self::features::FeatureCache;
pub use self::group_list::ListedGroup;
pub use self::topics::{TopicSnapshot, require_not_internal};

/// Longer than the time limit of queries, because brokers answer a change only when it is carried out.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(15);

pub struct Admin {
    metadata_client: Arc<MetadataClient>,
    connection: Connection,
    demo: Option<Arc<DemoBroker>>,
    feature_cache: FeatureCache,
    ranges: Ranges,
    scanners: Scanners,
    /// The ends of the partitions for which sessions recently checked open transactions, and when they were fetched.
    cached_ends: Mutex<HashMap<TopicPartition, (Instant, PartitionEnds)>>,
}

impl Admin {
    /// `demo`: the demo broker, if it runs in this process.
    pub fn new(metadata_client: Arc<MetadataClient>, connection: Connection, demo: Option<Arc<DemoBroker>>) -> Self {
        let (ranges, scanners) = (Ranges::new(connection.clone()), Scanners::new(&connection));
        let (feature_cache, cached_ends) = (FeatureCache::default(), Mutex::default());
        Self { metadata_client, connection, demo, feature_cache, ranges, scanners, cached_ends }
    }

    /// Reads a range of offsets once, see [`Ranges::fetch`].
    ///
    /// # Errors
    /// If the topic or the partition does not exist, or Kafka refuses or does not answer.
    pub fn fetch(&self, topic: &TopicName, request: &Fetch) -> Result<Fetched, ErrorBody> {
        let partitions = self.metadata_client.partitions_of(topic)?.ok_or_else(|| missing(topic))?;
        if !partitions.contains(&request.partition) {
            return Err(unknown_partition(topic, request.partition, partitions.len()));
        }
        let partition = TopicPartition { topic: topic.to_string(), partition: request.partition };
        let ends = self.metadata_client.ends_of(&partition, TIMEOUT);
        let ends = ends.map_err(|Failure { code, .. }| admin_error(&KafkaError::OffsetFetch(code), topic.as_str()))?;
        self.ranges.fetch(topic, request, ends)
    }

    /// The offset of the first record of the oldest open transaction, for each partition that has one. Answers are
    /// cached for 500 ms, because many sessions may write to the same partitions. Partitions whose ends could not be
    /// fetched are left out.
    pub fn open_transactions(&self, partitions: &[TopicPartition]) -> BTreeMap<TopicPartition, i64> {
        const CACHED_FOR: Duration = Duration::from_millis(500);
        const ENDS_TIMEOUT: Duration = Duration::from_secs(1);
        if self.connection.demo {
            // The mock has no transactions.
            return BTreeMap::new();
        }
        let cached_ends = || self.cached_ends.lock().unwrap_or_else(PoisonError::into_inner);
        cached_ends().retain(|_, (since, _)| since.elapsed() < CACHED_FOR);
        let unknown: Vec<TopicPartition> = {
            let cached = cached_ends();
            partitions.iter().filter(|partition| !cached.contains_key(*partition)).cloned().collect()
        };
        // The lock is not held during the request, which may take until its time limit.
        match self.metadata_client.ends(&unknown, ENDS_TIMEOUT) {
            Ok(ends) => {
                let now = Instant::now();
                cached_ends().extend(ends.into_iter().map(|(partition, ends)| (partition, (now, ends))));
            }
            Err(failure) => tracing::debug!(?failure, "cannot fetch the ends of partitions to find open transactions"),
        }
        let cached = cached_ends();
        let open =
            |partition: &TopicPartition| Some((partition.clone(), cached.get(partition)?.1.open_transaction()?.0));
        partitions.iter().filter_map(open).collect()
    }

    /// The consumers of searches.
    pub fn scanners(&self) -> &Scanners {
        &self.scanners
    }

    pub(crate) fn metadata_client(&self) -> &MetadataClient {
        &self.metadata_client
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn client(&self) -> &Client<QuietContext> {
        self.metadata_client.client()
    }

    fn positions_client(&self) -> Result<&Client<QuietContext>, ErrorBody> {
        self.metadata_client.positions_client().map_err(|error| admin_error(&error, "the positions of groups"))
    }

    /// Fails on the demo broker, which supports few admin requests. `action` completes "cannot …".
    pub(crate) fn require_real_kafka(&self, action: &str) -> Result<(), ErrorBody> {
        if !self.connection.demo {
            return Ok(());
        }
        let message = format!(
            "the demo broker cannot {action}; use a real Kafka (docker compose -f kafka_broker.yaml up -d, then restart the \
             bridge)"
        );
        Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message))
    }

    /// Every partition of every topic.
    fn all_partitions(&self) -> Result<Vec<TopicPartition>, ErrorBody> {
        let metadata = self.metadata(None)?;
        let partitions_of = |topic: &MetadataTopic| {
            let name = topic.name().to_owned();
            let partitions = topic.partitions().iter().map(|partition| partition.id());
            partitions.map(|partition| TopicPartition { topic: name.clone(), partition }).collect::<Vec<_>>()
        };
        Ok(metadata.topics().iter().flat_map(partitions_of).collect())
    }

    /// The metadata of one topic, or of all.
    fn metadata(&self, topic: Option<&str>) -> Result<Metadata, ErrorBody> {
        self.metadata_client
            .metadata(topic, TIMEOUT)
            .map_err(|error| admin_error(&error, topic.unwrap_or("the topics")))
    }
}

/// The sorted partition ids of the topic; `None` if the topic does not exist or has no leaders yet.
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

/// The topic in the metadata; `None` if the topic does not exist or has no leaders yet.
fn existing<'m>(metadata: &'m Metadata, topic: &TopicName) -> Result<Option<&'m MetadataTopic>, ErrorBody> {
    let Some(described) = metadata.topics().iter().find(|described| described.name() == topic.as_str()) else {
        return Ok(None);
    };
    match described.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(described)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        // The topic was just created, and the controller has not elected leaders yet.
        Some(RDKafkaErrorCode::LeaderNotAvailable) => Ok(None),
        Some(code) => Err(admin_error(&KafkaError::MetadataFetch(code), topic.as_str())),
    }
}

impl MetadataClient {
    /// The sorted partition ids of the topic; `None` if the topic does not exist or has no leaders yet.
    ///
    /// # Errors
    /// If Kafka refuses the request or does not answer within [`TIMEOUT`].
    pub fn partitions_of(&self, topic: &TopicName) -> Result<Option<Vec<i32>>, ErrorBody> {
        existing_partitions(self.metadata(Some(topic.as_str()), TIMEOUT), topic)
    }
}

pub(crate) fn missing(name: &TopicName) -> ErrorBody {
    ErrorBody::new(
        ErrorCode::TopicMissing,
        format!("the topic {:?} does not exist; send a record to it or create it", name.as_str()),
    )
}

/// The error for a partition that the topic does not have; `count`: how many partitions it has.
pub(crate) fn unknown_partition(topic: &TopicName, partition: i32, count: usize) -> ErrorBody {
    let message = match count {
        1 => format!("the topic {:?} has no partition {partition}; it has only partition 0", topic.as_str()),
        _ => format!(
            "the topic {:?} has no partition {partition}; it has 0 to {}",
            topic.as_str(),
            count.saturating_sub(1)
        ),
    };
    ErrorBody::new(ErrorCode::UnknownPartition, message)
}

/// Converts the failure of a query. `subject`: the topic's name, or what was requested.
pub(crate) fn admin_error(error: &KafkaError, subject: &str) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let code = error.rdkafka_error_code().unwrap_or(Kafka::Fail);
    match code {
        code if is_no_answer(code) => kafka_error(
            ErrorCode::KafkaUnreachable,
            code,
            format!("no Kafka broker answered the request for {subject}"),
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
        _ => kafka_error(ErrorCode::AdminRefused, code, format!("Kafka refused the request for {subject}: {code}")),
    }
}

/// Converts the failure of an admin request. `action`: what was requested, such as `delete the topic "orders"`.
fn refused(failure: &Failure, action: &str) -> ErrorBody {
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
                format!("Kafka did not answer the request to {action} in time; check the result before you try again"),
            )
        }
        Kafka::TopicAuthorizationFailed | Kafka::ClusterAuthorizationFailed | Kafka::GroupAuthorizationFailed => {
            (ErrorCode::Forbidden, format!("Kafka's access rules do not let the bridge {action}"))
        }
        Kafka::UnsupportedFeature | Kafka::UnsupportedVersion => {
            (ErrorCode::NotOnThisCluster, format!("this cluster cannot {action}: {reason}"))
        }
        Kafka::TopicAlreadyExists => (ErrorCode::TopicExists, format!("cannot {action}: the topic exists already")),
        Kafka::UnknownTopicOrPartition | Kafka::UnknownTopic => {
            (ErrorCode::TopicMissing, format!("cannot {action}: the topic does not exist"))
        }
        Kafka::GroupIdNotFound => (ErrorCode::GroupMissing, format!("cannot {action}: the group does not exist")),
        Kafka::NonEmptyGroup | Kafka::UnknownMemberId | Kafka::GroupSubscribedToTopic | Kafka::RebalanceInProgress => (
            ErrorCode::GroupActive,
            format!("cannot {action}: the group has members; stop them first; nothing was changed"),
        ),
        _ => (ErrorCode::AdminRefused, format!("Kafka refused to {action}: {reason}")),
    };
    kafka_error(error, *code, message)
}
