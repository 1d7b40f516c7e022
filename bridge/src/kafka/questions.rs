//! The client that asks: for brokers, topics, positions. It neither writes nor joins a group, and asking for a topic
//! does not create it, as it would through the producer. Every answer blocks: ask off the async workers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use protocol::TopicPartition;
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};

use super::client_config::Connection;
use super::group_protocol::{self, GroupProtocol};
use super::native::{self, Failure, OffsetSpec};

/// Answers come within this time, or not at all.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// First and next offset.
pub type Watermarks = HashMap<TopicPartition, (i64, i64)>;

pub struct Questions {
    consumer: BaseConsumer<QuietContext>,
}

pub struct QuietContext;
super::context::quiet_client_context!(QuietContext);
impl ConsumerContext for QuietContext {}

impl Questions {
    pub fn new(connection: &Connection) -> KafkaResult<Self> {
        let mut config = connection.base_config();
        config.set("allow.auto.create.topics", "false");
        let consumer = BaseConsumer::from_config_and_context(&config, QuietContext)?;
        Ok(Self { consumer })
    }

    pub fn client(&self) -> &Client<QuietContext> {
        self.consumer.client()
    }

    /// Whether any broker answers within the time.
    pub fn is_answered(&self, timeout: Duration) -> bool {
        native::fetch_brokers(self.client(), timeout).is_ok()
    }

    /// Whether the brokers are librdkafka's mock, whoever runs it. Known once a broker has answered.
    pub fn is_mock(&self) -> bool {
        self.client().fetch_cluster_id(Duration::ZERO).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// Which protocol the brokers' groups speak; none if no broker answers within the time.
    pub fn group_protocol(&self, connection: &Connection, timeout: Duration) -> Option<GroupProtocol> {
        let brokers = native::fetch_brokers(self.client(), timeout).ok()?.brokers;
        group_protocol::ask(connection, brokers.first()?.id, timeout)
    }

    /// The first and the next offset of each partition that has a leader and tells.
    pub fn watermarks(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Watermarks, Failure> {
        /// So few are asked for one by one: each takes a millisecond, where the question for many first looks up leaders.
        const FEW: usize = 8;
        if partitions.len() <= FEW {
            return partitions.iter().map(|partition| self.watermarks_of(partition, timeout)).collect();
        }
        let ends = [OffsetSpec::Earliest, OffsetSpec::Latest];
        let [low, mut high] = native::list_offsets(self.client(), partitions, ends, timeout)?;
        let told = low.into_iter().filter_map(|(partition, low)| {
            let high = high.remove(&partition)?.ok()??;
            let low = low.ok()??;
            Some((partition, (low, high.max(low))))
        });
        Ok(told.collect())
    }

    fn watermarks_of(
        &self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> Result<(TopicPartition, (i64, i64)), Failure> {
        /// A new leader is named before the broker itself knows of it: moments, in which asking again is all there is to do.
        const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.client().fetch_watermarks(&partition.topic, partition.partition, left) {
                Ok(watermarks) => return Ok((partition.clone(), watermarks)),
                Err(error) => error,
            };
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            let is_moving =
                matches!(code, RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable);
            if !is_moving || left <= ASK_AGAIN_AFTER {
                return Err(Failure { code, reason: error.to_string() });
            }
            std::thread::sleep(ASK_AGAIN_AFTER);
        }
    }

    /// The first offset at or after the time (milliseconds since 1970-01-01 UTC), of the partitions that have one.
    pub fn offsets_at(&self, partitions: &[TopicPartition], ms: i64) -> Result<HashMap<TopicPartition, i64>, Failure> {
        let [told] = native::list_offsets(self.client(), partitions, [OffsetSpec::Timestamp(ms)], TIMEOUT)?;
        Ok(told.into_iter().filter_map(|(partition, offset)| Some((partition, offset.ok()??))).collect())
    }

    /// Takes librdkafka's log lines and errors off its queue; somebody must, now and then.
    pub fn serve_events(&self) {
        while self.consumer.poll(Duration::ZERO).is_some() {}
    }
}
