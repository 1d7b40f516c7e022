//! Topics: the list, the details of one topic, and the changes (create, add partitions, empty, delete).

use std::collections::HashSet;
use std::time::Duration;

use protocol::{
    AddPartitions, AddPartitionsResult, CreateTopic, EmptiedPartition, EmptyTopicResult, ErrorBody, ErrorCode, Offset,
    PartitionInfo, TopicName, TopicPartition, TopicResult, TopicSummary, TopicsResult,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::settings::check_texts;
use super::settings::max_message_bytes;
use super::{Admin, CHANGE_TIMEOUT, admin_error, existing, missing, refused};
use crate::demo::{self, DemoBroker};
use crate::error::kafka_error;
use crate::metadata_client::TIMEOUT;
use crate::native;
use feed::ends::{Extent, Extents};

/// How long the list waits for the offsets from which the number of records is computed. Without them the number is
/// unknown.
const RECORDS_TIMEOUT: Duration = Duration::from_secs(3);

/// The largest number of partitions that the bridge gives to a topic. It is far beyond useful numbers; a mistyped
/// number with more digits would keep a controller busy for hours.
const MAX_PARTITIONS: i32 = 100_000;

/// The replication factor has 16 bits in Kafka's protocol.
const MAX_REPLICATION: i32 = i16::MAX as i32;

/// The largest number of settings in one request; Kafka has about 35 for a topic.
const MAX_SETTINGS: usize = 200;

/// A topic of the list at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSnapshot {
    pub summary: TopicSummary,
    /// How many records were ever written to the topic (the sum of the high watermarks), to compute a rate from two
    /// snapshots. `None` if a partition did not report its offsets.
    pub written: Option<i64>,
}

impl Admin {
    /// All topics, sorted by name; internal topics are marked.
    ///
    /// # Errors
    /// If Kafka refuses or does not answer.
    pub fn topics(&self) -> Result<TopicsResult, ErrorBody> {
        Ok(TopicsResult { topics: self.topic_snapshots()?.into_iter().map(|snapshot| snapshot.summary).collect() })
    }

    /// The same with the number of records ever written, for live views.
    ///
    /// # Errors
    /// If Kafka refuses or does not answer.
    pub fn topic_snapshots(&self) -> Result<Vec<TopicSnapshot>, ErrorBody> {
        let metadata = self.metadata(None)?;
        let mut led = Vec::new();
        for topic in metadata.topics() {
            let with_leader = topic.partitions().iter().filter(|partition| partition.leader() >= 0);
            led.extend(
                with_leader
                    .map(|partition| TopicPartition { topic: topic.name().to_owned(), partition: partition.id() }),
            );
        }
        let extents = self.metadata_client.extents(&led, RECORDS_TIMEOUT).unwrap_or_else(|failure| {
            tracing::debug!(?failure, "the topics are listed without their number of records");
            Extents::new()
        });
        let mut topics: Vec<TopicSnapshot> = metadata.topics().iter().map(|topic| snapshot(topic, &extents)).collect();
        topics.sort_by(|a, b| a.summary.name.cmp(&b.summary.name));
        Ok(topics)
    }

    /// One topic's partitions and settings.
    ///
    /// # Errors
    /// If the topic does not exist, or Kafka refuses or does not answer. An error about the settings alone is part of
    /// the result.
    pub fn topic(&self, name: &TopicName) -> Result<TopicResult, ErrorBody> {
        let partitions = self.partitions(name)?;
        let (settings, settings_error) = match self.topic_settings(name) {
            Ok(settings) => (settings, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let internal = is_internal(name.as_str());
        let max_message_bytes = max_message_bytes(&settings);
        Ok(TopicResult { name: name.to_string(), partitions, internal, settings, settings_error, max_message_bytes })
    }

    /// One topic's partitions with their log start and high watermark, sorted by number.
    ///
    /// # Errors
    /// If the topic does not exist, or Kafka refuses or does not answer.
    pub fn partitions(&self, name: &TopicName) -> Result<Vec<PartitionInfo>, ErrorBody> {
        let metadata = self.metadata(Some(name.as_str()))?;
        let described = existing(&metadata, name)?.ok_or_else(|| missing(name))?;
        let up: HashSet<i32> = metadata.brokers().iter().map(|broker| broker.id()).collect();
        let named = |partition: i32| TopicPartition { topic: name.to_string(), partition };
        let led = described.partitions().iter().filter(|partition| partition.leader() >= 0);
        let led: Vec<TopicPartition> = led.map(|partition| named(partition.id())).collect();
        let extents = self
            .metadata_client
            .extents(&led, TIMEOUT)
            .map_err(|failure| refused(&failure, &format!("report the offsets of the topic {:?}", name.as_str())))?;
        let mut infos: Vec<PartitionInfo> = described
            .partitions()
            .iter()
            .map(|partition| {
                let extent = extents.get(&named(partition.id()));
                let Extent { start, high } = extent.copied().unwrap_or_else(|| Extent::new(0, 0));
                PartitionInfo {
                    partition: partition.id(),
                    leader: (partition.leader() >= 0).then_some(partition.leader()),
                    replicas: partition.replicas().to_vec(),
                    in_sync: partition.isr().to_vec(),
                    offline: partition.replicas().iter().copied().filter(|id| !up.contains(id)).collect(),
                    low: Offset(start.0),
                    high: Offset(high.0),
                    offsets_unknown: extent.is_none(),
                }
            })
            .collect();
        infos.sort_by_key(|info| info.partition);
        Ok(infos)
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// If the topic exists or is internal, the request is invalid, or Kafka refuses or does not answer.
    pub fn create_topic(&self, name: &TopicName, request: &CreateTopic) -> Result<(), ErrorBody> {
        require_not_internal(name)?;
        self.require_sizes(request)?;
        check_texts(request.config.iter().flat_map(|(name, value)| [name, value]))?;
        if let Some(broker) = &self.demo {
            return self.create_demo_topic(broker, name, request);
        }
        let action = format!("create the topic {:?}", name.as_str());
        if self.connection.demo {
            // The mock does not support CreateTopics; only its own process can create a topic.
            let message = format!(
                "only the bridge that runs the demo broker can {action}: use the page of that bridge, or send a record to the topic"
            );
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        let CreateTopic { partitions, replication, config, .. } = request;
        native::create_topic(self.client(), name.as_str(), *partitions, *replication, config, CHANGE_TIMEOUT).map_err(
            |failure| match failure.code {
                RDKafkaErrorCode::TopicAlreadyExists => exists(name),
                _ => refused(&failure, &action),
            },
        )
    }

    fn create_demo_topic(&self, broker: &DemoBroker, name: &TopicName, request: &CreateTopic) -> Result<(), ErrorBody> {
        if !request.config.is_empty() || request.replication.is_some_and(|factor| factor > 1) {
            let message = "the demo broker supports neither replication nor settings; leave out replication and config";
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        let partitions = request.partitions.unwrap_or(demo::DEFAULT_PARTITIONS);
        if let Some(message) = demo::limit_exceeded_by(partitions, &self.metadata(None)?) {
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        // Whether the topic exists is not checked first, because right after its start the mock creates every topic in
        // a metadata request.
        match broker.create_topic(name, partitions) {
            Err(KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists)) => Err(exists(name)),
            created => created.map_err(|e| admin_error(&e, name.as_str())),
        }
    }

    /// Checks the limits that hold on every cluster.
    fn require_sizes(&self, request: &CreateTopic) -> Result<(), ErrorBody> {
        let bad = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
        if let Some(partitions) = request.partitions {
            self.require_partitions(partitions)?;
        }
        if let Some(factor) = request.replication.filter(|factor| *factor > MAX_REPLICATION) {
            return bad(format!(
                "replication {factor}: a topic has at most {MAX_REPLICATION} replicas, and no more than brokers"
            ));
        }
        if request.config.len() > MAX_SETTINGS {
            return bad(format!("{} settings in one request; send at most {MAX_SETTINGS}", request.config.len()));
        }
        Ok(())
    }

    fn require_partitions(&self, partitions: i32) -> Result<(), ErrorBody> {
        let (max, who) = match self.connection.demo {
            true => (demo::MAX_PARTITIONS, "the demo broker"),
            false => (MAX_PARTITIONS, "this bridge"),
        };
        if partitions <= max {
            return Ok(());
        }
        let message = format!("{partitions} partitions: {who} allows at most {max} for a topic");
        Err(ErrorBody::new(ErrorCode::BadRequest, message))
    }

    /// Increases the number of partitions of a topic to `request.partitions`.
    ///
    /// # Errors
    /// If the number is not larger than now, on the demo broker, for an internal topic, or if Kafka refuses or does not
    /// answer.
    pub fn add_partitions(&self, name: &TopicName, request: &AddPartitions) -> Result<AddPartitionsResult, ErrorBody> {
        let action = format!("add partitions to the topic {:?}", name.as_str());
        require_not_internal(name)?;
        self.require_real_kafka(&action)?;
        let partitions = request.partitions;
        self.require_partitions(partitions)?;
        let from = self.partition_count(name)?;
        if partitions <= from {
            let message = format!(
                "{partitions} partitions: the topic {:?} has {from} already, and partitions cannot be removed",
                name.as_str()
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        native::add_partitions(self.client(), name.as_str(), partitions, CHANGE_TIMEOUT)
            .map_err(|failure| refused(&failure, &action))?;
        Ok(AddPartitionsResult { name: name.to_string(), from, partitions })
    }

    /// Deletes every record of a topic, up to the current high watermark of each partition.
    ///
    /// # Errors
    /// If a partition has no leader or Kafka refuses (the error says whether some partitions were emptied), on the demo
    /// broker, or for an internal topic.
    pub fn empty_topic(&self, name: &TopicName) -> Result<EmptyTopicResult, ErrorBody> {
        let action = format!("empty the topic {:?}", name.as_str());
        require_not_internal(name)?;
        self.require_real_kafka(&action)?;
        let before = self.partitions(name)?;
        if let Some(unavailable) = before.iter().find(|partition| partition.records().is_none()) {
            let why = match unavailable.leader {
                None => "has no leader now".to_owned(),
                Some(leader) => format!("is led by broker {leader}, which did not report its offsets; try again"),
            };
            let message = format!("cannot {action}: its partition {} {why}", unavailable.partition);
            return Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message));
        }
        let all: Vec<TopicPartition> = before
            .iter()
            .map(|partition| TopicPartition { topic: name.to_string(), partition: partition.partition })
            .collect();
        let emptied = native::delete_all_records(self.client(), &all, CHANGE_TIMEOUT)
            .map_err(|failure| refused(&failure, &action))?;
        let failed: Vec<_> =
            emptied.iter().filter_map(|entry| Some((entry.partition.partition, entry.error?))).collect();
        if let Some((_, code)) = failed.first() {
            // Kafka refuses to delete records of a topic without the policy "delete" (POLICY_VIOLATION).
            let hint = match code {
                RDKafkaErrorCode::PolicyViolation => {
                    "; records of a topic with cleanup.policy=compact cannot be deleted"
                }
                _ => "",
            };
            let partly = if failed.len() < all.len() { ErrorCode::PartlyDone } else { ErrorCode::AdminRefused };
            let partitions = failed.iter().map(|(partition, _)| partition.to_string()).collect::<Vec<_>>().join(", ");
            return Err(kafka_error(partly, *code, format!("cannot {action}: partitions {partitions}: {code}{hint}")));
        }
        let mut partitions: Vec<EmptiedPartition> = emptied
            .iter()
            .map(|entry| {
                let before = before.iter().find(|before| before.partition == entry.partition.partition);
                EmptiedPartition {
                    partition: entry.partition.partition,
                    from: before.map_or(Offset(0), |before| before.low),
                    to: Offset(entry.offset.max(0)),
                }
            })
            .collect();
        partitions.sort_by_key(|partition| partition.partition);
        Ok(EmptyTopicResult { name: name.to_string(), partitions })
    }

    /// Deletes a topic with all its records.
    ///
    /// # Errors
    /// If the topic does not exist or is internal, on the demo broker, or if Kafka refuses or does not answer.
    pub fn delete_topic(&self, name: &TopicName) -> Result<(), ErrorBody> {
        let action = format!("delete the topic {:?}", name.as_str());
        require_not_internal(name)?;
        self.require_real_kafka(&action)?;
        native::delete_topic(self.client(), name.as_str(), CHANGE_TIMEOUT).map_err(|failure| refused(&failure, &action))
    }

    fn partition_count(&self, name: &TopicName) -> Result<i32, ErrorBody> {
        let partitions = self.metadata_client.partitions_of(name)?.ok_or_else(|| missing(name))?;
        Ok(i32::try_from(partitions.len()).unwrap_or(i32::MAX))
    }
}

fn snapshot(topic: &MetadataTopic, extents: &Extents) -> TopicSnapshot {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let partitions = topic.partitions();
    // `None` if a partition is missing among the extents.
    let extents: Option<Vec<Extent>> = partitions
        .iter()
        .map(|partition| {
            let partition = TopicPartition { topic: topic.name().to_owned(), partition: partition.id() };
            extents.get(&partition).copied()
        })
        .collect();
    let records = extents.as_ref().map(|extents| extents.iter().map(Extent::records).sum());
    TopicSnapshot {
        summary: TopicSummary {
            name: topic.name().to_owned(),
            partitions: count(partitions.len()),
            replication: partitions.iter().map(|partition| count(partition.replicas().len())).min().unwrap_or(0),
            internal: is_internal(topic.name()),
            records,
            rate: None,
            under_replicated: count(partitions.iter().filter(|p| p.isr().len() < p.replicas().len()).count()),
            offline: count(partitions.iter().filter(|partition| partition.leader() < 0).count()),
        },
        written: extents.map(|extents| extents.iter().map(|extent| extent.high.0).sum()),
    }
}

/// Whether the topic belongs to Kafka or its tools, by the prefix of their names.
pub(super) fn is_internal(name: &str) -> bool {
    name.starts_with("__")
}

/// # Errors
/// For an internal topic, which the bridge neither changes nor writes to.
pub fn require_not_internal(name: &TopicName) -> Result<(), ErrorBody> {
    if !is_internal(name.as_str()) {
        return Ok(());
    }
    let message = format!(
        "{:?} is an internal topic: topics whose names begin with __ belong to Kafka, and the bridge does not change them",
        name.as_str()
    );
    Err(ErrorBody::new(ErrorCode::InternalTopic, message))
}

fn exists(name: &TopicName) -> ErrorBody {
    ErrorBody::new(ErrorCode::TopicExists, format!("the topic {:?} exists already", name.as_str()))
}
