//! Topics: the list, one with its partitions, and what can be done to them.

use std::collections::HashSet;
use std::time::Duration;

use protocol::{
    AddPartitions, AddPartitionsResult, CreateTopic, EmptiedPartition, EmptyTopicResult, ErrorBody, ErrorCode, Offset,
    PartitionInfo, TopicName, TopicPartition, TopicResult, TopicSummary, TopicsResult,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::settings::check_texts;
use super::{Admin, CHANGE_TIMEOUT, admin_error, existing, existing_partitions, missing, refused};
use crate::demo::{self, DemoBroker};
use crate::error::kafka_error;
use crate::metadata_client::TIMEOUT;
use crate::native;
use feed::ends::{Extent, Extents};

/// What the list may wait for the number of records; partitions that do not tell by then tell nothing.
const RECORDS_WITHIN: Duration = Duration::from_secs(3);

/// Partitions that a topic may get through the bridge. No cluster should have as many in one topic; a mistyped number with
/// more digits would keep a controller busy for hours.
const MAX_PARTITIONS: i32 = 100_000;

/// The replication factor has 16 bits in Kafka's protocol.
const MAX_REPLICATION: i32 = i16::MAX as i32;

/// Settings that one request may carry; Kafka knows about 35 for a topic.
const MAX_SETTINGS: usize = 200;

/// A topic of the list, and how many records were ever written to it: what a rate is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicLook {
    pub summary: TopicSummary,
    pub written: Option<i64>,
}

impl Admin {
    /// All topics, internal ones marked.
    pub fn topics(&self) -> Result<TopicsResult, ErrorBody> {
        Ok(TopicsResult { topics: self.look_at_topics()?.into_iter().map(|look| look.summary).collect() })
    }

    /// The same with what a live view needs besides.
    pub fn look_at_topics(&self) -> Result<Vec<TopicLook>, ErrorBody> {
        let metadata = self.metadata(None)?;
        let mut led = Vec::new();
        for topic in metadata.topics() {
            let with_leader = topic.partitions().iter().filter(|partition| partition.leader() >= 0);
            led.extend(
                with_leader
                    .map(|partition| TopicPartition { topic: topic.name().to_owned(), partition: partition.id() }),
            );
        }
        let extents = self.metadata_client.extents(&led, RECORDS_WITHIN).unwrap_or_else(|failure| {
            tracing::debug!(?failure, "the topics are listed without their records");
            Extents::new()
        });
        let mut topics: Vec<TopicLook> = metadata.topics().iter().map(|topic| look_at(topic, &extents)).collect();
        topics.sort_by(|a, b| a.summary.name.cmp(&b.summary.name));
        Ok(topics)
    }

    /// One topic's partitions and its settings.
    pub fn topic(&self, name: &TopicName) -> Result<TopicResult, ErrorBody> {
        let partitions = self.partitions(name)?;
        let (settings, settings_error) = match self.topic_settings(name) {
            Ok(settings) => (settings, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let internal = is_internal(name.as_str());
        Ok(TopicResult { name: name.to_string(), partitions, internal, settings, settings_error })
    }

    /// One topic's partitions with their first and next offsets.
    pub fn partitions(&self, name: &TopicName) -> Result<Vec<PartitionInfo>, ErrorBody> {
        let metadata = self.metadata(Some(name.as_str()))?;
        let described = existing(&metadata, name)?.ok_or_else(|| missing(name))?;
        let up: HashSet<i32> = metadata.brokers().iter().map(|broker| broker.id()).collect();
        let of = |partition: i32| TopicPartition { topic: name.to_string(), partition };
        let led = described.partitions().iter().filter(|partition| partition.leader() >= 0);
        let led: Vec<TopicPartition> = led.map(|partition| of(partition.id())).collect();
        let extents = self
            .metadata_client
            .extents(&led, TIMEOUT)
            .map_err(|failure| refused(&failure, &format!("tell the offsets of the topic {:?}", name.as_str())))?;
        let mut infos: Vec<PartitionInfo> = described
            .partitions()
            .iter()
            .map(|partition| {
                let extent = extents.get(&of(partition.id()));
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

    /// Creates a topic; an error when it exists.
    pub fn create_topic(&self, name: &TopicName, request: &CreateTopic) -> Result<(), ErrorBody> {
        require_not_internal(name)?;
        self.require_sizes(request)?;
        check_texts(request.config.iter().flat_map(|(name, value)| [name, value]))?;
        if let Some(broker) = &self.demo {
            return self.create_demo_topic(broker, name, request);
        }
        let what = format!("create the topic {:?}", name.as_str());
        if self.connection.demo {
            // The mock is told by its own process.
            let message =
                format!("only the bridge that runs the demo broker can {what}: do it in its page, or just write to it");
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        let CreateTopic { partitions, replication, config, .. } = request;
        native::create_topic(self.client(), name.as_str(), *partitions, *replication, config, CHANGE_TIMEOUT).map_err(
            |failure| match failure.code {
                RDKafkaErrorCode::TopicAlreadyExists => exists(name),
                _ => refused(&failure, &what),
            },
        )
    }

    fn create_demo_topic(&self, broker: &DemoBroker, name: &TopicName, request: &CreateTopic) -> Result<(), ErrorBody> {
        if !request.config.is_empty() || request.replication.is_some_and(|factor| factor > 1) {
            let message = "the demo broker has one replica and no settings; leave replication and config out";
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        let partitions = request.partitions.unwrap_or(demo::DEFAULT_PARTITIONS);
        if let Some(message) = demo::no_room_for(partitions, &self.metadata(None)?) {
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        // Asking first would not do: right after its start the mock creates what it is asked for.
        match broker.create_topic(name, partitions) {
            Err(KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists)) => Err(exists(name)),
            created => created.map_err(|e| admin_error(&e, name.as_str())),
        }
    }

    /// What a request for a new topic may ask for, whatever the cluster says to it.
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
            return bad(format!("{} settings at once; send at most {MAX_SETTINGS}", request.config.len()));
        }
        Ok(())
    }

    fn require_partitions(&self, partitions: i32) -> Result<(), ErrorBody> {
        let (most, who) = match self.connection.demo {
            true => (demo::MAX_PARTITIONS, "the demo broker"),
            false => (MAX_PARTITIONS, "this bridge"),
        };
        if partitions <= most {
            return Ok(());
        }
        let message = format!("{partitions} partitions: {who} gives a topic at most {most}; ask for fewer");
        Err(ErrorBody::new(ErrorCode::BadRequest, message))
    }

    /// Gives a topic more partitions.
    pub fn add_partitions(&self, name: &TopicName, request: &AddPartitions) -> Result<AddPartitionsResult, ErrorBody> {
        let what = format!("add partitions to the topic {:?}", name.as_str());
        require_not_internal(name)?;
        self.require_real_kafka(&what)?;
        let partitions = request.partitions;
        self.require_partitions(partitions)?;
        let from = self.partition_count(name)?;
        if partitions <= from {
            let message = format!(
                "{partitions} partitions: the topic {:?} has {from} already, and none can be taken away",
                name.as_str()
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        native::add_partitions(self.client(), name.as_str(), partitions, CHANGE_TIMEOUT)
            .map_err(|failure| refused(&failure, &what))?;
        Ok(AddPartitionsResult { name: name.to_string(), from, partitions })
    }

    /// Deletes every record of a topic.
    pub fn empty_topic(&self, name: &TopicName) -> Result<EmptyTopicResult, ErrorBody> {
        let what = format!("empty the topic {:?}", name.as_str());
        require_not_internal(name)?;
        self.require_real_kafka(&what)?;
        let before = self.partitions(name)?;
        if let Some(silent) = before.iter().find(|partition| partition.records().is_none()) {
            let why = match silent.leader {
                None => "has no leader now".to_owned(),
                Some(leader) => format!("is led by broker {leader}, which did not report its offsets; try again"),
            };
            let message = format!("cannot {what}: its partition {} {why}", silent.partition);
            return Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message));
        }
        let all: Vec<TopicPartition> = before
            .iter()
            .map(|partition| TopicPartition { topic: name.to_string(), partition: partition.partition })
            .collect();
        let emptied = native::delete_all_records(self.client(), &all, CHANGE_TIMEOUT)
            .map_err(|failure| refused(&failure, &what))?;
        let failed: Vec<_> =
            emptied.iter().filter_map(|entry| Some((entry.partition.partition, entry.error?))).collect();
        if let Some((_, code)) = failed.first() {
            // A topic that is compacted and never deletes refuses as a whole (POLICY_VIOLATION).
            let hint = match code {
                RDKafkaErrorCode::PolicyViolation => "; a topic with cleanup.policy=compact keeps its records",
                _ => "",
            };
            let partly = if failed.len() < all.len() { ErrorCode::PartlyDone } else { ErrorCode::AdminRefused };
            let partitions = failed.iter().map(|(partition, _)| partition.to_string()).collect::<Vec<_>>().join(", ");
            return Err(kafka_error(partly, *code, format!("cannot {what}, partitions {partitions}: {code}{hint}")));
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
    pub fn delete_topic(&self, name: &TopicName) -> Result<(), ErrorBody> {
        let what = format!("delete the topic {:?}", name.as_str());
        require_not_internal(name)?;
        self.require_real_kafka(&what)?;
        native::delete_topic(self.client(), name.as_str(), CHANGE_TIMEOUT).map_err(|failure| refused(&failure, &what))
    }

    fn partition_count(&self, name: &TopicName) -> Result<i32, ErrorBody> {
        let partitions = existing_partitions(self.metadata_client.metadata(Some(name.as_str()), TIMEOUT), name)?
            .ok_or_else(|| missing(name))?;
        Ok(i32::try_from(partitions.len()).unwrap_or(i32::MAX))
    }
}

fn look_at(topic: &MetadataTopic, extents: &Extents) -> TopicLook {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let partitions = topic.partitions();
    let told: Option<Vec<Extent>> = partitions
        .iter()
        .map(|partition| {
            let place = TopicPartition { topic: topic.name().to_owned(), partition: partition.id() };
            extents.get(&place).copied()
        })
        .collect();
    let records = told.as_ref().map(|told| told.iter().map(Extent::records).sum());
    TopicLook {
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
        written: told.map(|told| told.iter().map(|extent| extent.high.0).sum()),
    }
}

/// Kafka's own topics, and those of its tools.
pub(super) fn is_internal(name: &str) -> bool {
    name.starts_with("__")
}

/// Changing an internal topic, or writing to it, is refused.
pub fn require_not_internal(name: &TopicName) -> Result<(), ErrorBody> {
    if !is_internal(name.as_str()) {
        return Ok(());
    }
    let message = format!(
        "{:?} is an internal topic: names that begin with __ belong to Kafka, and changing them here could break it",
        name.as_str()
    );
    Err(ErrorBody::new(ErrorCode::InternalTopic, message))
}

fn exists(name: &TopicName) -> ErrorBody {
    ErrorBody::new(ErrorCode::TopicExists, format!("the topic {:?} exists already", name.as_str()))
}
