//! The client that asks: for brokers, topics, positions. It neither writes nor joins a group, and asking for a topic
//! does not create it, as it would through the producer. Every answer blocks: ask off the async workers.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, TopicPartition};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};

use super::client_config::Connection;
use super::context::{ClientHooks, HookedContext, quiet_client_context};
use super::diagnosis::{Diagnosis, unreachable_advertised_address};
use super::group_protocol::{self, GroupProtocol};
use super::native::{self, Failure, OffsetSpec};

/// Answers come within this time, or not at all.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// First and next offset.
pub type Watermarks = HashMap<TopicPartition, (i64, i64)>;

pub struct Questions {
    consumer: BaseConsumer<QuietContext>,
    /// Asks for the positions of groups; made when somebody wants to know them.
    positions: OnceLock<BaseConsumer<QuietContext>>,
    connection: Connection,
}

/// The context of a client that nobody calls back.
pub struct QuietContext(pub ClientHooks);

quiet_client_context!(QuietContext);

impl HookedContext for QuietContext {
    fn hooks(&self) -> &ClientHooks {
        &self.0
    }
}

impl ConsumerContext for QuietContext {}

impl Questions {
    pub fn new(connection: &Connection) -> KafkaResult<Self> {
        let mut config = connection.base_config();
        config.set("allow.auto.create.topics", "false");
        let consumer = connection.consumer(&config, QuietContext(connection.hooks()))?;
        Ok(Self { consumer, positions: OnceLock::new(), connection: connection.clone() })
    }

    /// For questions about the positions of groups. This client has a group of its own, in which it never is: told that a
    /// broker no longer coordinates the group that was asked about, librdkafka looks for the coordinator of the client's
    /// own, and without one it ends the process (librdkafka #5040).
    pub fn positions_client(&self) -> KafkaResult<&Client<QuietContext>> {
        if let Some(consumer) = self.positions.get() {
            return Ok(consumer.client());
        }
        let mut config = self.connection.base_config();
        config.set("allow.auto.create.topics", "false").set("group.id", "ponte-positions");
        let consumer = self.connection.consumer(&config, QuietContext(self.connection.hooks()))?;
        // Of two that are made at once the first one stays.
        Ok(self.positions.get_or_init(|| consumer).client())
    }

    pub fn client(&self) -> &Client<QuietContext> {
        self.consumer.client()
    }

    /// Waits until a broker answers whose advertised address can be reached, else says why none does. Where only a changed setting
    /// helps it does not wait.
    pub fn wait_for_answer(&self, connection: &Connection, timeout: Duration) -> Result<(), ErrorBody> {
        /// How soon such a reason is noticed.
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + timeout;
        let mut diagnosis = Diagnosis::new(connection.clone());
        loop {
            let reason = match native::fetch_brokers(self.client(), LOOK_EVERY) {
                Ok(list) => match unreachable_advertised_address(&connection.bootstrap_servers, &list.brokers) {
                    None => return Ok(()),
                    Some(reason) => return Err(reason),
                },
                Err(code) => code,
            };
            self.serve_events();
            if Instant::now() >= deadline || diagnosis.is_final() {
                return Err(diagnosis.reason(reason));
            }
            // librdkafka may say at once that no broker is up.
            std::thread::sleep(LOOK_EVERY / 4);
        }
    }

    /// Whether the brokers are librdkafka's mock, whoever runs it. Known once a broker has answered.
    pub fn is_mock(&self) -> bool {
        self.client().fetch_cluster_id(Duration::ZERO).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// Which protocol the brokers' groups speak; none if no broker answers within the time.
    pub fn group_protocol(&self, timeout: Duration) -> Option<GroupProtocol> {
        let brokers = native::fetch_brokers(self.client(), timeout).ok()?.brokers;
        group_protocol::ask(self.client(), brokers.first()?.id, timeout)
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
        for consumer in [Some(&self.consumer), self.positions.get()].into_iter().flatten() {
            while consumer.poll(Duration::ZERO).is_some() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::kafka::client_config::KafkaProperties;

    #[test]
    fn a_coordinator_that_has_moved_does_not_end_the_process() {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("moved", 1, 1).expect("a topic");
        let connection = Connection::new(brokers.bootstrap_servers(), KafkaProperties::default(), true);
        let questions = Questions::new(&connection);
        let questions = questions.expect("a client");
        let among = [TopicPartition { topic: "moved".to_owned(), partition: 0 }];
        let ask = || {
            let client = questions.positions_client().expect("a client");
            native::committed(client, &["somebody".to_owned()], Some(&among), TIMEOUT).remove(0)
        };
        brokers.request_errors(RDKafkaApiKey::OffsetFetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR]);
        let told = ask();
        assert!(told.as_ref().err().is_none_or(|failure| failure.code == RDKafkaErrorCode::NotCoordinator), "{told:?}");
        brokers.clear_request_errors(RDKafkaApiKey::OffsetFetch);
        assert_eq!(ask().expect("an answer"), []);
    }
}
