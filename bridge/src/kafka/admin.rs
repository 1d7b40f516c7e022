//! Questions about topics, and creating one. Every function blocks: call it off the async workers.

use std::sync::Arc;
use std::time::Duration;

use protocol::{
    CreateTopic, ErrorBody, ErrorCode, Fetch, Fetched, Offset, PartitionInfo, TopicName, TopicResult, TopicSummary,
    TopicsResult,
};
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client_config::Connection;
use super::demo::DemoBroker;
use super::questions::{Questions, TIMEOUT};
use super::range;
use crate::kafka::error::kafka_error;

/// Kafka's topics.
pub struct Admin {
    questions: Arc<Questions>,
    connection: Connection,
    demo: Option<Arc<DemoBroker>>,
}

struct AdminContext;
super::context::quiet_client_context!(AdminContext);

impl Admin {
    pub fn new(questions: Arc<Questions>, connection: Connection, demo: Option<Arc<DemoBroker>>) -> Self {
        Self { questions, connection, demo }
    }

    /// All topics, internal ones marked.
    pub fn topics(&self) -> Result<TopicsResult, ErrorBody> {
        let metadata =
            self.questions.client().fetch_metadata(None, TIMEOUT).map_err(|e| admin_error(&e, "the topics"))?;
        let mut topics: Vec<TopicSummary> = metadata
            .topics()
            .iter()
            .map(|topic| TopicSummary {
                name: topic.name().to_owned(),
                partitions: u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
                replication: topic
                    .partitions()
                    .iter()
                    .map(|partition| u32::try_from(partition.replicas().len()).unwrap_or(u32::MAX))
                    .min()
                    .unwrap_or(0),
                internal: topic.name().starts_with("__"),
            })
            .collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(TopicsResult { topics })
    }

    /// One topic's partitions with their first and next offsets.
    pub fn topic(&self, name: &TopicName) -> Result<TopicResult, ErrorBody> {
        let client = self.questions.client();
        let partitions = existing_partitions(client, name, TIMEOUT)?.ok_or_else(|| missing(name))?;
        let metadata =
            client.fetch_metadata(Some(name.as_str()), TIMEOUT).map_err(|e| admin_error(&e, name.as_str()))?;
        let described = metadata.topics().first().ok_or_else(|| missing(name))?;
        let mut infos = Vec::with_capacity(partitions.len());
        for partition in described.partitions() {
            let (low, high) = client
                .fetch_watermarks(name.as_str(), partition.id(), TIMEOUT)
                .map_err(|e| admin_error(&e, name.as_str()))?;
            infos.push(PartitionInfo {
                partition: partition.id(),
                leader: (partition.leader() >= 0).then_some(partition.leader()),
                replicas: partition.replicas().to_vec(),
                in_sync: partition.isr().to_vec(),
                low: Offset(low),
                high: Offset(high),
            });
        }
        infos.sort_by_key(|info| info.partition);
        Ok(TopicResult { name: name.as_str().to_owned(), partitions: infos })
    }

    /// Reads a range of offsets once.
    pub fn fetch(&self, topic: &TopicName, request: &Fetch) -> Result<Fetched, ErrorBody> {
        range::fetch(&self.connection, topic, request)
    }

    /// Creates a topic; an error when it exists.
    pub fn create_topic(&self, name: &TopicName, request: &CreateTopic) -> Result<(), ErrorBody> {
        if let Some(demo) = &self.demo {
            return self.create_demo_topic(demo, name, request);
        }
        let config = self.connection.base_config();
        let client: AdminClient<AdminContext> = AdminClient::from_config_and_context(&config, AdminContext)
            .map_err(|e| admin_error(&e, "the admin client"))?;
        let partitions = request.partitions.unwrap_or(BROKER_DEFAULT);
        let replication = TopicReplication::Fixed(request.replication.unwrap_or(BROKER_DEFAULT));
        let mut topic = NewTopic::new(name.as_str(), partitions, replication);
        for (key, value) in &request.config {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
        let outcome = tokio::runtime::Handle::current()
            .block_on(client.create_topics([&topic], &options))
            .map_err(|e| admin_error(&e, name.as_str()))?;
        match outcome.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Err(exists(name)),
            Some(Err((_, code))) => Err(kafka_error(
                ErrorCode::AdminRefused,
                code,
                format!("Kafka did not create the topic {:?}: {code}", name.as_str()),
            )),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn create_demo_topic(&self, demo: &DemoBroker, name: &TopicName, request: &CreateTopic) -> Result<(), ErrorBody> {
        if !request.config.is_empty() || request.replication.is_some_and(|factor| factor > 1) {
            let message = "the demo broker has one replica and no settings; leave replication and config out";
            return Err(ErrorBody::new(ErrorCode::NotOnThisCluster, message));
        }
        // The mock's own default for topics that are created by use.
        const DEFAULT_PARTITIONS: i32 = 4;
        // Asking first would not do: right after its start the mock creates what it is asked for.
        match demo.create_topic(name, request.partitions.unwrap_or(DEFAULT_PARTITIONS)) {
            Err(KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists)) => Err(exists(name)),
            created => created.map_err(|e| admin_error(&e, name.as_str())),
        }
    }
}

/// CreateTopics' way to say "as the broker is configured" (KIP-464).
const BROKER_DEFAULT: i32 = -1;

/// The topic's partition ids, or none if it does not exist (asking does not create it).
pub(super) fn existing_partitions<C: ClientContext>(
    client: &Client<C>,
    topic: &TopicName,
    timeout: Duration,
) -> Result<Option<Vec<i32>>, ErrorBody> {
    let metadata = client.fetch_metadata(Some(topic.as_str()), timeout).map_err(|e| admin_error(&e, topic.as_str()))?;
    let Some(described) = metadata.topics().iter().find(|described| described.name() == topic.as_str()) else {
        return Ok(None);
    };
    if let Some(error) = described.error() {
        let code: RDKafkaErrorCode = error.into();
        return match code {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => Ok(None),
            // Just created: the controller has not chosen leaders yet.
            RDKafkaErrorCode::LeaderNotAvailable => Ok(None),
            _ => Err(admin_error(&KafkaError::MetadataFetch(code), topic.as_str())),
        };
    }
    let mut ids: Vec<i32> = described.partitions().iter().map(|partition| partition.id()).collect();
    ids.sort_unstable();
    Ok((!ids.is_empty()).then_some(ids))
}

fn missing(name: &TopicName) -> ErrorBody {
    ErrorBody::new(
        ErrorCode::TopicMissing,
        format!("the topic {:?} does not exist; send a record to it or create it", name.as_str()),
    )
}

fn exists(name: &TopicName) -> ErrorBody {
    ErrorBody::new(ErrorCode::TopicExists, format!("the topic {:?} exists already", name.as_str()))
}

/// A failed question, as the protocol has it.
pub(super) fn admin_error(error: &KafkaError, subject: &str) -> ErrorBody {
    use RDKafkaErrorCode as Kafka;
    let code = error.rdkafka_error_code().unwrap_or(Kafka::Fail);
    match code {
        Kafka::BrokerTransportFailure | Kafka::AllBrokersDown | Kafka::OperationTimedOut | Kafka::RequestTimedOut => {
            kafka_error(
                ErrorCode::KafkaUnreachable,
                code,
                format!("no Kafka broker answered the question for {subject}"),
            )
        }
        Kafka::TopicAuthorizationFailed | Kafka::ClusterAuthorizationFailed | Kafka::GroupAuthorizationFailed => {
            kafka_error(ErrorCode::Forbidden, code, format!("Kafka's access rules do not let the bridge see {subject}"))
        }
        _ => kafka_error(ErrorCode::AdminRefused, code, format!("Kafka did not answer for {subject}: {code}")),
    }
}
