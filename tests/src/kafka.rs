//! The three kinds of Kafka in the tests: the bridge's demo broker, a mock cluster that a test can break, and real Kafka, which
//! is started once for all tests.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use local_kafka::{Cluster, Flavour, Installation, Options};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
pub use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use crate::broker_proxy::{BrokerProxy, Listening};
use crate::program::PROCESS_STARTS;
use crate::skip::skip;
use crate::wait::{PATIENCE, unique};

/// The time-out of a request that a test sends to a broker itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The Kafka on which a test runs.
#[derive(Clone, Copy)]
pub enum Kafka {
    /// The bridge's demo broker. Its topics have four partitions, but the first one has one.
    Demo,
    Real(&'static Cluster),
}

impl Kafka {
    #[expect(clippy::unused_async, reason = "tests choose one of these functions by name")]
    pub async fn demo() -> Option<Self> {
        Some(Self::Demo)
    }

    /// A current Kafka without ZooKeeper; `None` after a skip.
    pub async fn current() -> Option<Self> {
        static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
        Self::shared(&CLUSTER, Flavour::Kraft { brokers: 1 }).await
    }

    /// The last Kafka with ZooKeeper.
    pub async fn with_zookeeper() -> Option<Self> {
        static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
        Self::shared(&CLUSTER, Flavour::Zookeeper).await
    }

    /// The first test that needs the cluster starts it. It ends with the test process.
    async fn shared(cluster: &'static OnceLock<Result<Cluster, String>>, flavour: Flavour) -> Option<Self> {
        let start = move || {
            let installation = Installation::find_or_fetch(flavour).map_err(|reason| reason.to_string())?;
            Ok(installation.start(&Options::for_tests()).unwrap_or_else(|error| panic!("{flavour}: {error:?}")))
        };
        let started = tokio::task::spawn_blocking(move || cluster.get_or_init(start));
        match started.await.unwrap_or_else(|error| panic!("{flavour} did not start: {error}")) {
            Ok(cluster) => Some(Self::Real(cluster)),
            Err(reason) => {
                skip(&format!("{flavour}: {reason}"));
                None
            }
        }
    }

    /// A current Kafka for one test, which may stop, kill and restart it.
    pub async fn own_cluster() -> Option<Cluster> {
        Self::start(1, Options::for_tests()).await
    }

    /// The same with one to three brokers. With three, each record has three replicas, and two must have it before it is
    /// acknowledged.
    pub async fn own_cluster_with(brokers: u16) -> Option<Cluster> {
        Self::start(brokers, Options::for_tests()).await
    }

    /// The same with listeners for TLS and SASL beside the plaintext one.
    pub async fn secured() -> Option<Cluster> {
        Self::start(1, Options { secured: true, ..Options::for_tests() }).await
    }

    /// The same with other options.
    pub async fn own_cluster_from(options: Options) -> Option<Cluster> {
        Self::start(1, options).await
    }

    /// The same behind a proxy that counts the requests of clients.
    pub async fn counted() -> Option<(Cluster, BrokerProxy)> {
        let listening = Listening::new().await;
        let options = Options { advertised_port: Some(listening.port()), ..Options::for_tests() };
        let cluster = Self::start(1, options).await?;
        let proxy = listening.to(cluster.bootstrap_servers());
        Some((cluster, proxy))
    }

    async fn start(brokers: u16, options: Options) -> Option<Cluster> {
        let started = tokio::task::spawn_blocking(move || {
            let installation = Installation::find_or_fetch(Flavour::Kraft { brokers }).map_err(|r| r.to_string())?;
            Ok::<Cluster, String>(installation.start(&options).expect("Kafka starts"))
        });
        match started.await.expect("starting Kafka does not panic") {
            Ok(cluster) => Some(cluster),
            Err(reason) => {
                skip(&reason);
                None
            }
        }
    }

    /// `None` for the demo broker: each bridge has its own.
    pub fn bootstrap_servers(&self) -> Option<String> {
        match self {
            Self::Demo => None,
            Self::Real(cluster) => Some(cluster.bootstrap_servers()),
        }
    }

    /// Creates a topic with one partition and a unique name. On the demo broker `Bridge::start().on(&kafka).topic(&topic)`
    /// creates it.
    pub async fn topic(&self, noun: &str) -> String {
        self.topic_with(noun, 1).await
    }

    /// The same with this number of partitions on real Kafka. The demo broker's topics have four, but the first one has one.
    pub async fn topic_with(&self, noun: &str, partitions: i32) -> String {
        let topic = unique(noun);
        if let Self::Real(cluster) = self {
            create_topic(&cluster.bootstrap_servers(), &topic, partitions).await;
        }
        topic
    }

    pub fn is_demo(&self) -> bool {
        matches!(self, Self::Demo)
    }

    /// Runs one of Kafka's own command-line tools, by its class, and returns what it prints. They do not work on the demo broker.
    pub async fn tool(&self, class: &'static str, arguments: &[&str]) -> String {
        let Self::Real(cluster) = *self else { panic!("{class} needs a real Kafka") };
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let output = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            cluster.tool(class, &arguments).unwrap_or_else(|error| panic!("{class}: {error:?}"))
        });
        let Output { status, stdout, stderr } = output.await.expect("the tool's thread does not panic");
        let stdout = String::from_utf8_lossy(&stdout).into_owned();
        assert!(status.success(), "{class}: {status}\n{stdout}\n{}", String::from_utf8_lossy(&stderr));
        stdout
    }
}

/// The class of Kafka's `kafka-consumer-groups`.
pub const GROUP_TOOL: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/// Creates a topic with this number of partitions.
pub async fn create_topic(bootstrap_servers: &str, topic: &str, partitions: i32) {
    create_topic_with(bootstrap_servers, topic, partitions, &[]).await;
}

/// The same with topic settings, and the broker's default replication factor.
pub async fn create_topic_with(bootstrap_servers: &str, topic: &str, partitions: i32, config: &[(&str, &str)]) {
    let created = try_create_topic(bootstrap_servers, topic, partitions, config).await;
    created.unwrap_or_else(|error| panic!("{topic}: {error}"));
}

/// The same, but returns Kafka's error: a deleted topic of this name may still exist.
pub async fn try_create_topic(
    bootstrap_servers: &str,
    topic: &str,
    partitions: i32,
    config: &[(&str, &str)],
) -> Result<(), RDKafkaErrorCode> {
    let (admin, options) = admin(bootstrap_servers);
    const BROKERS_DEFAULT: TopicReplication<'_> = TopicReplication::Fixed(-1);
    let new = NewTopic::new(topic, partitions, BROKERS_DEFAULT);
    let new = config.iter().fold(new, |new, (name, value)| new.set(name, value));
    let created = admin.create_topics([&new], &options).await.unwrap_or_else(|error| panic!("{topic}: {error}"));
    created.into_iter().try_for_each(|result| result.map(drop).map_err(|(_, error)| error))
}

fn admin(bootstrap_servers: &str) -> (AdminClient<DefaultClientContext>, AdminOptions) {
    let options = AdminOptions::new().operation_timeout(Some(REQUEST_TIMEOUT)).request_timeout(Some(REQUEST_TIMEOUT));
    (client_config(bootstrap_servers).create().expect("an admin client"), options)
}

pub async fn delete_topic(bootstrap_servers: &str, topic: &str) {
    let (admin, options) = admin(bootstrap_servers);
    let deleted = admin.delete_topics(&[topic], &options).await.unwrap_or_else(|error| panic!("{topic}: {error}"));
    assert!(matches!(deleted.as_slice(), [Ok(_)]), "{topic}: {deleted:?}");
}

/// Adds partitions until there are this many.
pub async fn grow_topic(bootstrap_servers: &str, topic: &str, partitions: usize) {
    let (admin, options) = admin(bootstrap_servers);
    let grown = admin.create_partitions(&[NewPartitions::new(topic, partitions)], &options).await;
    let grown = grown.unwrap_or_else(|error| panic!("{topic}: {error}"));
    assert!(matches!(grown.as_slice(), [Ok(_)]), "{topic}: {grown:?}");
}

/// Deletes all records before this offset, as retention does.
pub async fn delete_records_before(bootstrap_servers: &str, topic: &str, partition: i32, offset: i64) {
    let (admin, options) = admin(bootstrap_servers);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("an offset");
    let deleted = admin.delete_records(&before, &options).await.unwrap_or_else(|error| panic!("{topic}: {error}"));
    assert!(deleted.elements().iter().all(|element| element.error().is_ok()), "{topic}: {deleted:?}");
}

/// The committed offsets of the group, by partition.
pub async fn committed(bootstrap_servers: &str, group: &str, topic: &str) -> BTreeMap<i32, i64> {
    let mut config = client_config(bootstrap_servers);
    config.set("group.id", group);
    let topic = topic.to_owned();
    let positions = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(&topic), REQUEST_TIMEOUT).expect("metadata");
        let mut wanted = TopicPartitionList::new();
        for partition in metadata.topics()[0].partitions() {
            wanted.add_partition(&topic, partition.id());
        }
        let found = consumer.committed_offsets(wanted, REQUEST_TIMEOUT).expect("committed offsets");
        let found = found.elements().into_iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        });
        found.collect()
    });
    positions.await.expect("asking for positions does not panic")
}

/// Commits offsets for a group like any other client. Kafka does not check whether the topic has them.
pub async fn commit(bootstrap_servers: &str, group: &str, topic: &str, positions: &[(i32, i64)]) {
    commit_with_note(bootstrap_servers, group, topic, positions, "").await;
}

/// The same with metadata for each offset.
pub async fn commit_with_note(bootstrap_servers: &str, group: &str, topic: &str, positions: &[(i32, i64)], note: &str) {
    let mut config = client_config(bootstrap_servers);
    config.set("group.id", group);
    let mut list = TopicPartitionList::new();
    for (partition, offset) in positions {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).expect("an offset");
        list.find_partition(topic, *partition).expect("just added").set_metadata(note);
    }
    let committed = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = config.create().expect("a consumer");
        consumer.commit(&list, CommitMode::Sync).expect("Kafka takes the positions");
    });
    committed.await.expect("committing does not panic");
}

/// A static member of a group, which reads until it is dropped.
pub struct StaticMember {
    is_over: Arc<AtomicBool>,
}

impl StaticMember {
    pub fn join(bootstrap_servers: &str, group: &str, topic: &str, instance: &str) -> Self {
        let mut config = client_config(bootstrap_servers);
        config.set("group.id", group).set("group.instance.id", instance);
        let consumer: BaseConsumer = config.create().expect("a consumer");
        consumer.subscribe(&[topic]).expect("a topic name");
        let member = Self { is_over: Arc::default() };
        let is_over = Arc::clone(&member.is_over);
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                drop(consumer.poll(Duration::from_millis(100)));
            }
        });
        member
    }
}

impl Drop for StaticMember {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// The metadata of a group's committed offset.
pub async fn committed_note(bootstrap_servers: &str, group: &str, topic: &str, partition: i32) -> String {
    let mut config = client_config(bootstrap_servers);
    config.set("group.id", group);
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition(topic, partition);
    let found = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let found = consumer.committed_offsets(wanted, REQUEST_TIMEOUT).expect("committed offsets");
        found.elements()[0].metadata().to_owned()
    });
    found.await.expect("asking for positions does not panic")
}

/// The configuration of a Kafka client that is independent of Ponte.
pub fn client_config(bootstrap_servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap_servers);
    config
}

/// librdkafka's mock cluster, in memory, whose brokers a test can stop, slow down and let fail.
pub struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    brokers: i32,
    /// Set when the mock is dropped. From then on another test may use its port.
    is_gone: Arc<AtomicBool>,
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

impl Mock {
    pub fn start() -> Self {
        Self::with_brokers(1)
    }

    pub fn with_brokers(brokers: i32) -> Self {
        Self { cluster: MockCluster::new(brokers).expect("a mock cluster"), brokers, is_gone: Arc::default() }
    }

    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub fn with_topic(self, topic: &str, partitions: i32) -> Self {
        self.cluster.create_topic(topic, partitions, 1).unwrap_or_else(|error| panic!("{topic}: {error}"));
        self
    }

    /// Creates many topics, by writing a record to each: creating one topic directly takes 20 ms.
    pub async fn make_topics(&self, names: impl Iterator<Item = String>) {
        let names: Vec<String> = names.collect();
        for some in names.chunks(TOPICS_OF_A_PRODUCER) {
            let producer: BaseProducer = client_config(&self.bootstrap_servers()).create().expect("a producer");
            for name in some {
                producer
                    .send(BaseRecord::<(), str>::to(name).payload("first"))
                    .unwrap_or_else(|(error, _)| panic!("{error}"));
            }
            self.wake();
            let flushed = tokio::task::spawn_blocking(move || producer.flush(2 * PATIENCE));
            flushed.await.expect("flushing does not panic").expect("the mock takes records");
        }
    }

    /// Closes all connections; new ones are accepted and get no response.
    pub fn down(&self) {
        let _no_process_starts = PROCESS_STARTS.write().unwrap_or_else(PoisonError::into_inner);
        (1..=self.brokers).for_each(|id| self.cluster.broker_down(id).expect("a broker of this cluster"));
    }

    pub fn up(&self) {
        (1..=self.brokers).for_each(|id| self.cluster.broker_up(id).expect("a broker of this cluster"));
        self.wake();
    }

    fn wake(&self) {
        // The mock's thread may sleep for seconds while connections wait [measured]; further connections wake it. A real broker
        // does not need this (`faults::real_broker_killed_and_restarted_loses_no_record`).
        let (addresses, is_gone) = (self.bootstrap_servers(), Arc::clone(&self.is_gone));
        std::thread::spawn(move || {
            let began = Instant::now();
            while began.elapsed() < PATIENCE && !is_gone.load(Ordering::Relaxed) {
                for address in addresses.split(',') {
                    let _ = std::net::TcpStream::connect(address);
                }
                std::thread::sleep(WAKING_PAUSE);
            }
        });
    }

    /// Makes this broker the leader of the partition.
    pub fn lead(&self, topic: &str, partition: i32, broker: i32) {
        self.cluster
            .partition_leader(topic, partition, Some(broker))
            .expect("a partition and a broker of this cluster");
    }

    /// The next requests of this kind on any broker fail with these errors, one error each.
    pub fn fail(&self, request: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
        self.cluster.request_errors(request, errors);
    }

    /// Removes the remaining errors.
    pub fn fail_no_more(&self, request: RDKafkaApiKey) {
        self.cluster.clear_request_errors(request);
    }

    /// Makes another broker the coordinator of the group.
    pub fn coordinate(&self, group: &str, broker: i32) {
        self.cluster.coordinator(MockCoordinator::Group(group.to_owned()), broker).expect("a broker of this cluster");
    }

    /// Delays every response by this time.
    pub fn slow(&self, round_trip: Duration) {
        for id in 1..=self.brokers {
            self.cluster.broker_round_trip_time(id, round_trip).expect("a broker of this cluster");
        }
    }
}

/// A producer that creates topics asks for the metadata of all its topics again with each new one.
const TOPICS_OF_A_PRODUCER: usize = 500;
/// How often a mock that came back is woken.
const WAKING_PAUSE: Duration = Duration::from_millis(50);

/// An address on which no process listens.
pub fn unused_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound listener").to_string()
}

/// Runs one test on each Kafka: `on_every_kafka! { async fn claim(kafka: Kafka) { … } }` becomes the tests
/// `claim::on_the_demo_broker`, `claim::on_current_kafka` and `claim::on_kafka_with_zookeeper`. After `real` the demo broker is
/// left out, for tests of what it cannot do.
#[macro_export]
macro_rules! on_every_kafka {
    (real $($(#[$doc:meta])* async fn $claim:ident($kafka:ident: Kafka) $body:block)*) => {$(
        $(#[$doc])*
        async fn $claim($kafka: $crate::Kafka) $body

        mod $claim {
            $crate::on_every_kafka!(@ $claim on_current_kafka current);
            $crate::on_every_kafka!(@ $claim on_kafka_with_zookeeper with_zookeeper);
        }
    )*};
    ($($(#[$doc:meta])* async fn $claim:ident($kafka:ident: Kafka) $body:block)*) => {$(
        $(#[$doc])*
        async fn $claim($kafka: $crate::Kafka) $body

        mod $claim {
            $crate::on_every_kafka!(@ $claim on_the_demo_broker demo);
            $crate::on_every_kafka!(@ $claim on_current_kafka current);
            $crate::on_every_kafka!(@ $claim on_kafka_with_zookeeper with_zookeeper);
        }
    )*};
    (@ $claim:ident $test:ident $kafka:ident) => {
        #[tokio::test]
        async fn $test() {
            if let Some(kafka) = $crate::Kafka::$kafka().await {
                super::$claim(kafka).await;
            }
        }
    };
}
