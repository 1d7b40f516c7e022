//! The metadata client: requests for brokers, topics and offsets. It neither writes nor joins a group, and its requests
//! create no topics, as the producer's would. Every function blocks: call it off the async workers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, TopicPartition};
use rdkafka::ClientConfig;
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use super::client_config::Connection;
use super::context::{ClientHooks, HookedContext, quiet_client_context};
use super::diagnosis::{Diagnosis, unreachable_advertised_address};
use super::group_protocol::{self, GroupProtocol};
use super::leaders::{self, Leaders};
use super::native::{self, Failure, OffsetSpec, Offsets};
use super::oauth::SignedIn;
use super::other_groups::LastListed;
use super::statistics::ReportingClient;
use feed::ends::{Ends, Extent, Extents, PartitionEnds};
use feed::topic_id::TopicId;

/// The time limit of a request.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The error of each partition that returned no offset.
type Failed = HashMap<TopicPartition, RDKafkaErrorCode>;

pub struct MetadataClient {
    consumer: SignedIn<BaseConsumer<QuietContext>>,
    /// For requests about brokers without topics. In such a request librdkafka includes the topics that the client has
    /// requested before, and lets Kafka create the missing ones in spite of `allow.auto.create.topics=false`
    /// (`rd_kafka_metadata` of librdkafka 2.12). So no topic is ever requested from this client.
    brokers: SignedIn<BaseConsumer<QuietContext>>,
    /// For requests about the committed offsets of groups; created with the first of them.
    positions: OnceLock<SignedIn<BaseConsumer<QuietContext>>>,
    /// The groups that each broker listed last.
    pub(super) last_listed: LastListed,
    /// The leaders that `consumer` knows.
    leaders: Leaders,
    connection: Connection,
}

/// The context of a client without callbacks of its own.
pub struct QuietContext(pub ClientHooks);

quiet_client_context!(QuietContext);

impl HookedContext for QuietContext {
    fn hooks(&self) -> &ClientHooks {
        &self.0
    }

    fn reports_as(&self) -> Option<ReportingClient> {
        Some(ReportingClient::Metadata)
    }
}

impl ConsumerContext for QuietContext {}

impl MetadataClient {
    /// # Errors
    /// If librdkafka cannot create a client with this configuration.
    pub fn new(connection: &Connection) -> KafkaResult<Self> {
        let client = |config: ClientConfig| connection.consumer(&config, QuietContext(connection.hooks()));
        let consumer = client(connection.metadata_config())?;
        let brokers = client(connection.base_config())?;
        Ok(Self {
            consumer,
            brokers,
            positions: OnceLock::new(),
            last_listed: LastListed::default(),
            leaders: Leaders::default(),
            connection: connection.clone(),
        })
    }

    /// For requests about the committed offsets of groups. This client has a group id of its own, and never joins that
    /// group: after NOT_COORDINATOR for the requested group librdkafka looks for the coordinator of the client's own
    /// group, and without a group id it ends the process (librdkafka #5040).
    ///
    /// # Errors
    /// If librdkafka cannot create the client.
    pub fn positions_client(&self) -> KafkaResult<&Client<QuietContext>> {
        if let Some(consumer) = self.positions.get() {
            return Ok(consumer.client());
        }
        let mut config = self.connection.base_config();
        config.set("group.id", "ponte-positions");
        let consumer = self.connection.consumer(&config, QuietContext(self.connection.hooks()))?;
        // If two threads create one, the first is kept.
        Ok(self.positions.get_or_init(|| consumer).client())
    }

    pub fn client(&self) -> &Client<QuietContext> {
        self.consumer.client()
    }

    /// The metadata of one topic, or of all. A missing topic is not created.
    ///
    /// # Errors
    /// If Kafka refuses the request or does not answer within `timeout`.
    pub fn metadata(&self, topic: Option<&str>, timeout: Duration) -> KafkaResult<Metadata> {
        let metadata = self.client().fetch_metadata(topic, timeout)?;
        self.leaders.update(&metadata);
        Ok(metadata)
    }

    /// For requests about brokers without topics.
    pub fn brokers_client(&self) -> &Client<QuietContext> {
        self.brokers.client()
    }

    /// Waits until a broker with a reachable advertised address answers.
    ///
    /// # Errors
    /// The reason why no broker answered within `timeout`; at once if retrying cannot help before a setting is changed.
    pub fn wait_for_answer(&self, timeout: Duration) -> Result<(), ErrorBody> {
        /// How often the errors are checked.
        const CHECK_EVERY: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + timeout;
        let mut diagnosis = Diagnosis::new(self.connection.clone());
        loop {
            let reason = match native::fetch_brokers(self.brokers_client(), CHECK_EVERY) {
                Ok(list) => match unreachable_advertised_address(&self.connection.bootstrap_servers, &list.brokers) {
                    None => return Ok(()),
                    Some(reason) => return Err(reason),
                },
                Err(code) => code,
            };
            self.serve_events();
            if Instant::now() >= deadline || diagnosis.is_final() {
                return Err(diagnosis.reason(reason));
            }
            // librdkafka may return at once that no broker is up.
            std::thread::sleep(CHECK_EVERY / 4);
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<QuietContext> {
        &self.consumer
    }

    /// Whether the brokers are librdkafka's mock, in this process or another; `false` until a broker has answered.
    pub fn is_mock(&self) -> bool {
        self.brokers_client().fetch_cluster_id(Duration::ZERO).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// The newest group protocol of the brokers; `None` if no broker answers within `timeout`.
    pub fn group_protocol(&self, timeout: Duration) -> Option<GroupProtocol> {
        let brokers = native::fetch_brokers(self.brokers_client(), timeout).ok()?.brokers;
        group_protocol::of_broker(self.brokers_client(), brokers.first()?.id, timeout)
    }

    /// The start and the ends of each partition; partitions that return an error are left out.
    ///
    /// # Errors
    /// If the whole request fails.
    pub fn ends(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Ends, Failure> {
        let (found, _) = self.ends_and_failures(partitions, timeout)?;
        Ok(found)
    }

    /// The start and the ends of one partition.
    ///
    /// # Errors
    /// If the request fails or returns an error for the partition.
    pub fn ends_of(&self, partition: &TopicPartition, timeout: Duration) -> Result<PartitionEnds, Failure> {
        let (found, failed_partitions) = self.ends_and_failures(std::slice::from_ref(partition), timeout)?;
        found.get(partition).copied().ok_or_else(|| {
            let code = failed_partitions.get(partition).copied().unwrap_or(RDKafkaErrorCode::Fail);
            Failure { code, reason: String::new() }
        })
    }

    fn ends_and_failures(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<(Ends, Failed), Failure> {
        // In this order: see `PartitionEnds::new`. One connection's requests are answered one after the other.
        let specs = [OffsetSpec::LogStart, OffsetSpec::HighWatermark, OffsetSpec::LastStable];
        let (found, failed_partitions) = self.offsets(partitions, specs, timeout)?;
        let ends = |(partition, [start, high, stable]): (TopicPartition, [i64; 3])| {
            (partition, PartitionEnds::new(start, high, stable))
        };
        Ok((found.into_iter().map(ends).collect(), failed_partitions))
    }

    /// The same without the last stable offset, for views that count records.
    ///
    /// # Errors
    /// If the whole request fails.
    pub fn extents(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Extents, Failure> {
        let specs = [OffsetSpec::LogStart, OffsetSpec::HighWatermark];
        let (found, _) = self.offsets(partitions, specs, timeout)?;
        Ok(found.into_iter().map(|(partition, [start, high])| (partition, Extent::new(start, high))).collect())
    }

    /// The offset of the first record with this timestamp (milliseconds since 1970-01-01 UTC) or a later one, of the
    /// partitions that have such a record. Records of open transactions count.
    ///
    /// # Errors
    /// If the whole request fails.
    pub fn offsets_at(&self, partitions: &[TopicPartition], ms: i64) -> Result<HashMap<TopicPartition, i64>, Failure> {
        let [found] = self.list_offsets(partitions, [OffsetSpec::Timestamp(ms)], TIMEOUT)?;
        Ok(found.into_iter().filter_map(|(partition, offset)| Some((partition, offset.ok()??))).collect())
    }

    /// One offset for each spec, of the partitions that return all of them; and the errors of the others.
    fn offsets<const N: usize>(
        &self,
        partitions: &[TopicPartition],
        specs: [OffsetSpec; N],
        timeout: Duration,
    ) -> Result<(HashMap<TopicPartition, [i64; N]>, Failed), Failure> {
        /// For a moment the metadata names a new leader that does not act as leader yet: then the request is repeated.
        const RETRY_AFTER: Duration = Duration::from_millis(50);
        /// A partition without a leader may have one in the next metadata. After this many refreshes it counts as
        /// offline.
        const MAX_LEADER_REFRESHES: usize = 2;
        let deadline = Instant::now() + timeout;
        let (mut found, mut failed_partitions) = (HashMap::with_capacity(partitions.len()), Failed::new());
        let mut requested: Vec<TopicPartition> = partitions.to_vec();
        let mut leader_refreshes = 0;
        while !requested.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let answers = self.list_offsets(&requested, specs, left)?;
            let mut retried = Vec::new();
            let mut is_leader_missing = false;
            for partition in std::mem::take(&mut requested) {
                match offsets_of(&answers, &partition) {
                    Ok(offsets) => {
                        found.insert(partition, offsets);
                    }
                    Err(code) => {
                        let is_leaderless = is_without_leader(code);
                        is_leader_missing |= is_leaderless;
                        if is_leader_moving(code) || (is_leaderless && leader_refreshes < MAX_LEADER_REFRESHES) {
                            retried.push(partition.clone());
                        }
                        failed_partitions.insert(partition, code);
                    }
                }
            }
            if retried.is_empty() || deadline.saturating_duration_since(Instant::now()) <= RETRY_AFTER {
                break;
            }
            std::thread::sleep(RETRY_AFTER);
            if is_leader_missing {
                leader_refreshes += 1;
                self.refresh_leaders(&retried, deadline);
            }
            for partition in &retried {
                failed_partitions.remove(partition);
            }
            requested = retried;
        }
        Ok((found, failed_partitions))
    }

    /// The ids of these topics, where Kafka reports them.
    pub fn topic_ids(&self, names: &BTreeSet<&str>, timeout: Duration) -> BTreeMap<String, TopicId> {
        if self.is_mock() {
            // librdkafka's mock has no topic ids and does not support the request.
            return BTreeMap::new();
        }
        let names: Vec<&str> = names.iter().copied().collect();
        let described = native::describe_topics(self.client(), &names, timeout);
        let described = described.unwrap_or_else(|failure| {
            tracing::debug!(?failure, "cannot fetch the ids of topics");
            Vec::new()
        });
        described.into_iter().map(|topic| (topic.name, topic.id)).collect()
    }

    /// ListOffsets: one result for each spec, in their order. Partitions without a leader are left out of the request,
    /// see [`Leaders`], and have an error in the result.
    ///
    /// # Errors
    /// If the metadata cannot be fetched or the whole request fails.
    pub fn list_offsets<const N: usize>(
        &self,
        partitions: &[TopicPartition],
        specs: [OffsetSpec; N],
        timeout: Duration,
    ) -> Result<[Offsets; N], Failure> {
        let deadline = Instant::now() + timeout;
        self.look_up_leaders(partitions, leaders::VALID_FOR, deadline)?;
        let (led, missing) = self.leaders.split(partitions);
        let left = deadline.saturating_duration_since(Instant::now());
        let mut answers = match native::list_offsets(self.client(), &led, specs, left) {
            Ok(answers) => answers,
            Err(failure) => {
                self.leaders.forget(led.iter().map(|partition| partition.topic.as_str()));
                if failure.code != RDKafkaErrorCode::NoEnt {
                    return Err(failure);
                }
                // `NoEnt`: librdkafka does not know a leader of any of the partitions.
                specs.map(|_| Offsets::new())
            }
        };
        for answers in &mut answers {
            // After some errors librdkafka drops the metadata of their topics.
            let failed = answers.iter().filter(|(_, offset)| offset.is_err());
            self.leaders.forget(failed.map(|(partition, _)| partition.topic.as_str()));
            answers.extend(missing.iter().map(|(partition, code)| (partition.clone(), Err(*code))));
        }
        Ok(answers)
    }

    /// Those of the partitions that exist and have a leader now.
    ///
    /// # Errors
    /// If the metadata cannot be fetched within `timeout`.
    pub fn led(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Vec<TopicPartition>, Failure> {
        self.look_up_leaders(partitions, Duration::ZERO, Instant::now() + timeout)?;
        Ok(self.leaders.split(partitions).0)
    }

    fn look_up_leaders(
        &self,
        partitions: &[TopicPartition],
        valid_for: Duration,
        deadline: Instant,
    ) -> Result<(), Failure> {
        /// From this number of unknown topics on, one metadata request for all topics is cheaper than one for each.
        const REQUEST_ALL: usize = 16;
        let unknown = self.leaders.unknown(partitions, valid_for);
        let fetch = |topic| {
            let left = deadline.saturating_duration_since(Instant::now());
            self.metadata(topic, left).map(drop).map_err(|error: KafkaError| Failure {
                code: error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
                reason: String::new(),
            })
        };
        if unknown.len() >= REQUEST_ALL { fetch(None) } else { unknown.into_iter().map(Some).try_for_each(fetch) }
    }

    /// Fetches the metadata again, so that the next request goes to the current leaders.
    fn refresh_leaders(&self, partitions: &[TopicPartition], deadline: Instant) {
        let first = partitions.first().map(|partition| partition.topic.as_str());
        let only = first.filter(|first| partitions.iter().all(|partition| partition.topic == *first));
        let left = deadline.saturating_duration_since(Instant::now());
        if let Err(error) = self.metadata(only, left) {
            tracing::debug!(%error, "cannot fetch the leaders of partitions");
        }
    }

    /// Polls the clients for librdkafka's log lines and errors, which would accumulate otherwise. Call it regularly.
    pub fn serve_events(&self) {
        for consumer in [Some(&self.consumer), Some(&self.brokers), self.positions.get()].into_iter().flatten() {
            serve_events(consumer);
        }
    }
}

/// Polls the client until its queue is empty.
pub fn serve_events<C: ConsumerContext>(consumer: &BaseConsumer<C>) {
    /// With a time-out of zero `poll` returns `None` after the first log line, even if other events follow.
    const MIN_TIMEOUT: Duration = Duration::from_millis(1);
    while consumer.poll(MIN_TIMEOUT).is_some() {}
}

/// The offsets of one partition for all specs.
fn offsets_of<const N: usize>(
    answers: &[native::Offsets; N],
    partition: &TopicPartition,
) -> Result<[i64; N], RDKafkaErrorCode> {
    let mut offsets = [0; N];
    for (offset, answers) in offsets.iter_mut().zip(answers) {
        let answer = answers.get(partition).copied().unwrap_or(Err(RDKafkaErrorCode::LeaderNotAvailable));
        *offset = answer?.ok_or(RDKafkaErrorCode::OffsetNotAvailable)?;
    }
    Ok(offsets)
}

/// Whether the error is transient: leadership moves, or a new leader does not know its high watermark yet.
fn is_leader_moving(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::NotLeaderForPartition | Kafka::OffsetNotAvailable | Kafka::FencedLeaderEpoch | Kafka::UnknownLeaderEpoch
    )
}

fn is_without_leader(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::LeaderNotAvailable | RDKafkaErrorCode::NoEnt)
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::client_config::KafkaProperties;

    #[test]
    fn moved_coordinator_does_not_end_the_process() {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("moved", 1, 1).expect("a topic");
        let metadata_client =
            MetadataClient::new(&Connection::to_demo(brokers.bootstrap_servers(), KafkaProperties::default()));
        let metadata_client = metadata_client.expect("a client");
        let among = [TopicPartition { topic: "moved".to_owned(), partition: 0 }];
        let committed = || {
            let client = metadata_client.positions_client().expect("a client");
            native::committed(client, &["a-group".to_owned()], Some(&among), TIMEOUT).remove(0)
        };
        brokers.request_errors(RDKafkaApiKey::OffsetFetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR]);
        let found = committed();
        assert!(
            found.as_ref().err().is_none_or(|failure| failure.code == RDKafkaErrorCode::NotCoordinator),
            "{found:?}"
        );
        brokers.clear_request_errors(RDKafkaApiKey::OffsetFetch);
        assert_eq!(committed().expect("an answer"), []);
    }

    #[test]
    fn list_offsets_without_time_left_does_not_end_the_process() {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("many", 500, 1).expect("a topic");
        let metadata_client =
            MetadataClient::new(&Connection::to_demo(brokers.bootstrap_servers(), KafkaProperties::default()));
        let metadata_client = metadata_client.expect("a client");
        let partitions: Vec<TopicPartition> =
            (0..500).map(|partition| TopicPartition { topic: "many".to_owned(), partition }).collect();
        assert_eq!(metadata_client.ends(&partitions, TIMEOUT).expect("ends").len(), 500);
        for microseconds in (0..3000).step_by(10) {
            let _ = metadata_client.ends(&partitions, Duration::from_micros(microseconds));
        }
        assert_eq!(metadata_client.ends(&partitions, TIMEOUT).expect("ends").len(), 500);
    }
}
