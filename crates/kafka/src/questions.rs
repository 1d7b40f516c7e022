//! The client that asks: for brokers, topics, positions. It neither writes nor joins a group, and asking for a topic
//! does not create it, as it would through the producer. Every answer blocks: ask off the async workers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, TopicPartition};
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
use feed::ends::{Ends, Extent, Extents, PartitionEnds};
use feed::topic_id::TopicId;

/// Answers come within this time, or not at all.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Why partitions told no offsets.
type Untold = HashMap<TopicPartition, RDKafkaErrorCode>;

pub struct Questions {
    consumer: SignedIn<BaseConsumer<QuietContext>>,
    /// Asks for the brokers where no topic may be created by asking, and on the demo broker; elsewhere `consumer` does.
    brokers: Option<SignedIn<BaseConsumer<QuietContext>>>,
    /// Asks for the positions of groups; made when somebody wants to know them.
    positions: OnceLock<SignedIn<BaseConsumer<QuietContext>>>,
    /// What `consumer` knows.
    leaders: Leaders,
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
        let config = connection.base_config();
        let client = || connection.consumer(&config, QuietContext(connection.hooks()));
        let consumer = client()?;
        // The demo broker creates whatever a client lets it, and its topics take this process's memory.
        let is_one_enough = connection.properties.may_auto_create() && !connection.demo;
        let brokers = if is_one_enough { None } else { Some(client()?) };
        Ok(Self {
            consumer,
            brokers,
            positions: OnceLock::new(),
            leaders: Leaders::default(),
            connection: connection.clone(),
        })
    }

    /// For questions about the positions of groups. This client has a group of its own, in which it never is: told that a
    /// broker no longer coordinates the group that was asked about, librdkafka looks for the coordinator of the client's
    /// own, and without one it ends the process (librdkafka #5040).
    pub fn positions_client(&self) -> KafkaResult<&Client<QuietContext>> {
        if let Some(consumer) = self.positions.get() {
            return Ok(consumer.client());
        }
        let mut config = self.connection.base_config();
        config.set("group.id", "ponte-positions");
        let consumer = self.connection.consumer(&config, QuietContext(self.connection.hooks()))?;
        // Of two that are made at once the first one stays.
        Ok(self.positions.get_or_init(|| consumer).client())
    }

    pub fn client(&self) -> &Client<QuietContext> {
        self.consumer.client()
    }

    /// What Kafka says of one topic, or of all. Asking for a topic does not create it.
    pub fn metadata(&self, topic: Option<&str>, timeout: Duration) -> KafkaResult<Metadata> {
        let metadata = self.client().fetch_metadata(topic, timeout)?;
        self.leaders.note(&metadata);
        Ok(metadata)
    }

    /// For questions about brokers alone. librdkafka asks for the topics that a client has looked up as well then, and lets Kafka
    /// create those that are missing whatever `allow.auto.create.topics` says (`rd_kafka_metadata` of librdkafka 2.12); so
    /// where no topic may be created this client never looks one up.
    pub fn brokers_client(&self) -> &Client<QuietContext> {
        self.brokers.as_ref().unwrap_or(&self.consumer).client()
    }

    /// Waits until a broker answers whose advertised address can be reached, else says why none does. Where only a changed setting
    /// helps it does not wait.
    pub fn wait_for_answer(&self, timeout: Duration) -> Result<(), ErrorBody> {
        /// How soon such a reason is noticed.
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + timeout;
        let mut diagnosis = Diagnosis::new(self.connection.clone());
        loop {
            let reason = match native::fetch_brokers(self.brokers_client(), LOOK_EVERY) {
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
            // librdkafka may say at once that no broker is up.
            std::thread::sleep(LOOK_EVERY / 4);
        }
    }

    /// Whether the brokers are librdkafka's mock, whoever runs it. Known once a broker has answered.
    pub fn is_mock(&self) -> bool {
        self.brokers_client().fetch_cluster_id(Duration::ZERO).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// Which protocol the brokers' groups speak; none if no broker answers within the time.
    pub fn group_protocol(&self, timeout: Duration) -> Option<GroupProtocol> {
        let brokers = native::fetch_brokers(self.brokers_client(), timeout).ok()?.brokers;
        group_protocol::ask(self.brokers_client(), brokers.first()?.id, timeout)
    }

    /// Where each partition begins and ends; partitions that tell nothing are left out. Those without a leader should not be
    /// asked for.
    pub fn ends(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Ends, Failure> {
        let (told, _) = self.told_ends(partitions, timeout)?;
        Ok(told)
    }

    /// Where one partition begins and ends, or why it does not tell.
    pub fn ends_of(&self, partition: &TopicPartition, timeout: Duration) -> Result<PartitionEnds, Failure> {
        let (told, untold) = self.told_ends(std::slice::from_ref(partition), timeout)?;
        told.get(partition).copied().ok_or_else(|| {
            let code = untold.get(partition).copied().unwrap_or(RDKafkaErrorCode::Fail);
            Failure { code, reason: String::new() }
        })
    }

    fn told_ends(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<(Ends, Untold), Failure> {
        // In this order: see `PartitionEnds::new`. One connection's requests are answered one after the other.
        let specs = [OffsetSpec::LogStart, OffsetSpec::HighWatermark, OffsetSpec::LastStable];
        let (told, untold) = self.offsets(partitions, specs, timeout)?;
        let ends = |(partition, [start, high, stable]): (TopicPartition, [i64; 3])| {
            (partition, PartitionEnds::new(start, high, stable))
        };
        Ok((told.into_iter().map(ends).collect(), untold))
    }

    /// The same without the last stable offset, for views that count records.
    pub fn extents(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Extents, Failure> {
        let specs = [OffsetSpec::LogStart, OffsetSpec::HighWatermark];
        let (told, _) = self.offsets(partitions, specs, timeout)?;
        Ok(told.into_iter().map(|(partition, [start, high])| (partition, Extent::new(start, high))).collect())
    }

    /// The first offset at or after the time (milliseconds since 1970-01-01 UTC), of the partitions that have one. Records of
    /// open transactions count.
    pub fn offsets_at(&self, partitions: &[TopicPartition], ms: i64) -> Result<HashMap<TopicPartition, i64>, Failure> {
        let [told] = self.list_offsets(partitions, [OffsetSpec::Timestamp(ms)], TIMEOUT)?;
        Ok(told.into_iter().filter_map(|(partition, offset)| Some((partition, offset.ok()??))).collect())
    }

    /// One offset for each question, of the partitions that answer all of them; and why the others do not.
    fn offsets<const N: usize>(
        &self,
        partitions: &[TopicPartition],
        specs: [OffsetSpec; N],
        timeout: Duration,
    ) -> Result<(HashMap<TopicPartition, [i64; N]>, Untold), Failure> {
        /// A new leader is named before the broker itself knows of it: moments, in which asking again is all there is to do.
        const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);
        /// A partition without a leader may have one with the next metadata. One that stays without is not waited for.
        const LOOKS_FOR_A_LEADER: usize = 2;
        let deadline = Instant::now() + timeout;
        let (mut told, mut untold) = (HashMap::with_capacity(partitions.len()), Untold::new());
        let mut asked: Vec<TopicPartition> = partitions.to_vec();
        let mut looks = 0;
        while !asked.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let answers = self.list_offsets(&asked, specs, left)?;
            let mut again = Vec::new();
            let mut is_leader_missing = false;
            for partition in std::mem::take(&mut asked) {
                match combined(&answers, &partition) {
                    Ok(offsets) => {
                        told.insert(partition, offsets);
                    }
                    Err(code) => {
                        let is_leaderless = is_without_leader(code);
                        is_leader_missing |= is_leaderless;
                        if is_moving(code) || (is_leaderless && looks < LOOKS_FOR_A_LEADER) {
                            again.push(partition.clone());
                        }
                        untold.insert(partition, code);
                    }
                }
            }
            if again.is_empty() || deadline.saturating_duration_since(Instant::now()) <= ASK_AGAIN_AFTER {
                break;
            }
            std::thread::sleep(ASK_AGAIN_AFTER);
            if is_leader_missing {
                looks += 1;
                self.refresh_leaders(&again, deadline);
            }
            for partition in &again {
                untold.remove(partition);
            }
            asked = again;
        }
        Ok((told, untold))
    }

    /// The ids of these topics, as far as Kafka tells them.
    pub fn topic_ids(&self, names: &BTreeSet<&str>, timeout: Duration) -> BTreeMap<String, TopicId> {
        if self.is_mock() {
            // librdkafka's mock gives topics no ids, and does not answer the request.
            return BTreeMap::new();
        }
        let names: Vec<&str> = names.iter().copied().collect();
        let described = native::describe_topics(self.client(), &names, timeout);
        let described = described.unwrap_or_else(|failure| {
            tracing::debug!(?failure, "the ids of topics are not known");
            Vec::new()
        });
        described.into_iter().map(|topic| (topic.name, topic.id)).collect()
    }

    /// Asks each partition for its offsets: one answer for each kind, in the order asked. Partitions without a leader are not
    /// asked, see [`Leaders`].
    pub fn list_offsets<const N: usize>(
        &self,
        partitions: &[TopicPartition],
        specs: [OffsetSpec; N],
        timeout: Duration,
    ) -> Result<[Offsets; N], Failure> {
        let deadline = Instant::now() + timeout;
        self.look_up_leaders(partitions, leaders::KNOWN_FOR, deadline)?;
        let (led, missing) = self.leaders.split(partitions);
        let left = deadline.saturating_duration_since(Instant::now());
        let mut answers = match native::list_offsets(self.client(), &led, specs, left) {
            Ok(answers) => answers,
            Err(failure) => {
                self.leaders.forget(led.iter().map(|partition| partition.topic.as_str()));
                if failure.code != RDKafkaErrorCode::NoEnt {
                    return Err(failure);
                }
                // None of them has a leader any more, as far as librdkafka knows.
                specs.map(|_| Offsets::new())
            }
        };
        for answers in &mut answers {
            // librdkafka forgets the topics of some errors.
            let failed = answers.iter().filter(|(_, offset)| offset.is_err());
            self.leaders.forget(failed.map(|(partition, _)| partition.topic.as_str()));
            answers.extend(missing.iter().map(|(partition, code)| (partition.clone(), Err(*code))));
        }
        Ok(answers)
    }

    /// Those of the partitions that exist and have a leader now.
    pub fn led(&self, partitions: &[TopicPartition], timeout: Duration) -> Result<Vec<TopicPartition>, Failure> {
        self.look_up_leaders(partitions, Duration::ZERO, Instant::now() + timeout)?;
        Ok(self.leaders.split(partitions).0)
    }

    fn look_up_leaders(
        &self,
        partitions: &[TopicPartition],
        known_for: Duration,
        deadline: Instant,
    ) -> Result<(), Failure> {
        /// From so many unknown topics on, one question for all of the cluster is cheaper than one for each.
        const ASK_FOR_ALL: usize = 16;
        let unknown = self.leaders.unknown(partitions, known_for);
        let ask = |topic| {
            let left = deadline.saturating_duration_since(Instant::now());
            self.metadata(topic, left).map(drop).map_err(|error: KafkaError| Failure {
                code: error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
                reason: String::new(),
            })
        };
        if unknown.len() >= ASK_FOR_ALL { ask(None) } else { unknown.into_iter().map(Some).try_for_each(ask) }
    }

    /// The next question goes by metadata newer than this.
    fn refresh_leaders(&self, partitions: &[TopicPartition], deadline: Instant) {
        let first = partitions.first().map(|partition| partition.topic.as_str());
        let only = first.filter(|first| partitions.iter().all(|partition| partition.topic == *first));
        let left = deadline.saturating_duration_since(Instant::now());
        if let Err(error) = self.metadata(only, left) {
            tracing::debug!(%error, "the leaders of partitions could not be looked up");
        }
    }

    /// Takes librdkafka's log lines and errors off its queue; somebody must, now and then.
    pub fn serve_events(&self) {
        for consumer in [Some(&self.consumer), self.brokers.as_ref(), self.positions.get()].into_iter().flatten() {
            serve_events(consumer);
        }
    }
}

/// Takes what lies in the client's queue off it.
pub fn serve_events<C: ConsumerContext>(consumer: &BaseConsumer<C>) {
    /// With no time at all `poll` returns after the first line of the log, as if it had been the last event.
    const AT_LEAST: Duration = Duration::from_millis(1);
    while consumer.poll(AT_LEAST).is_some() {}
}

/// One partition's answers to all questions.
fn combined<const N: usize>(
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

/// Whether it is a matter of moments: leadership moves, or a new leader does not know its high watermark yet.
fn is_moving(code: RDKafkaErrorCode) -> bool {
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
    fn a_coordinator_that_has_moved_does_not_end_the_process() {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("moved", 1, 1).expect("a topic");
        let questions = Questions::new(&Connection::to_demo(brokers.bootstrap_servers(), KafkaProperties::default()));
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
    #[test]
    fn offsets_asked_for_with_no_time_left_do_not_end_the_process() {
        let brokers = MockCluster::new(1).expect("brokers");
        brokers.create_topic("many", 500, 1).expect("a topic");
        let questions = Questions::new(&Connection::to_demo(brokers.bootstrap_servers(), KafkaProperties::default()));
        let questions = questions.expect("a client");
        let partitions: Vec<TopicPartition> =
            (0..500).map(|partition| TopicPartition { topic: "many".to_owned(), partition }).collect();
        assert_eq!(questions.ends(&partitions, TIMEOUT).expect("ends").len(), 500);
        for microseconds in (0..3000).step_by(10) {
            let _ = questions.ends(&partitions, Duration::from_micros(microseconds));
        }
        assert_eq!(questions.ends(&partitions, TIMEOUT).expect("ends").len(), 500);
    }
}
