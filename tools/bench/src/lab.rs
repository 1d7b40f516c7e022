//! What every row uses: one real Kafka, topics in it, new bridges.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use local_kafka::{Cluster, Flavour, Installation, Options, Purpose};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::child::Process;
use crate::role::{self, Role};
use crate::roles::native_producer::{NativeProducer, Written};
use crate::values::Values;

/// Creating and deleting topics takes milliseconds.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of sockets: more than any row opens.
const SOCKETS: &str = "2000";

/// What the bridge's first line begins with.
const LISTENING: &str = "Ponte is listening on http://";

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// A smoke test: just enough to see that every measurement works.
    pub quick: bool,
    /// The rows that watch memory take minutes.
    pub long: bool,
}

impl Scale {
    /// `full`, or the share of it that a smoke test uses.
    pub fn of(self, full: u64) -> u64 {
        if self.quick { (full / 100).max(50) } else { full }
    }

    /// `full` sockets, or the few that a smoke test opens.
    pub fn sockets(self, full: usize) -> usize {
        if self.quick { full.min(4) } else { full }
    }
}

pub struct Lab {
    pub scale: Scale,
    cluster: Cluster,
    bridge: PathBuf,
    topics: Cell<u32>,
}

impl Lab {
    pub fn open(scale: Scale, bridge: PathBuf) -> Result<Self> {
        ensure!(bridge.exists(), "there is no {}; cargo xtask bench builds it", bridge.display());
        let options = Options { purpose: Purpose::Benchmarks, ..Options::for_tests() };
        let cluster = Installation::find_or_fetch(Flavour::Kraft { brokers: 1 })?.start(&options)?;
        Ok(Self { scale, cluster, bridge, topics: Cell::new(0) })
    }

    pub fn kafka(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub fn kafka_port(&self) -> u16 {
        self.cluster.brokers()[0].port()
    }

    /// A new topic with one partition.
    pub fn topic(&self) -> Result<Topic<'_>> {
        self.topic_with(&[])
    }

    pub fn topic_with(&self, config: &[(&str, &str)]) -> Result<Topic<'_>> {
        self.create_topic(1, config)
    }

    /// A new topic with more than one partition.
    pub fn topic_of(&self, partitions: i32) -> Result<Topic<'_>> {
        self.create_topic(partitions, &[])
    }

    fn create_topic(&self, partitions: i32, config: &[(&str, &str)]) -> Result<Topic<'_>> {
        let number = self.topics.get();
        self.topics.set(number + 1);
        let name = format!("bench-{number}");
        let mut new = NewTopic::new(&name, partitions, TopicReplication::Fixed(1))
            // A deleted topic must not fill the page cache for the minute that is Kafka's default.
            .set("file.delete.delay.ms", "1000");
        for (key, value) in config {
            new = new.set(key, value);
        }
        let created = self.admin(async |admin, options| admin.create_topics([&new], options).await)?;
        ensure!(matches!(created.as_slice(), [Ok(_)]), "{name}: {created:?}");
        Ok(Topic { name, lab: self })
    }

    /// A topic with `records` records of `bytes` bytes, written by librdkafka's producer.
    pub fn filled_topic(&self, records: u64, bytes: usize) -> Result<(Topic<'_>, Written)> {
        self.filled_topic_of(Values::Json, records, bytes)
    }

    /// The same with other values than JSON.
    pub fn filled_topic_of(&self, values: Values, records: u64, bytes: usize) -> Result<(Topic<'_>, Written)> {
        let topic = self.topic()?;
        let written = topic.fill_with(values, records, bytes)?;
        Ok((topic, written))
    }

    /// A new bridge.
    pub fn bridge(&self) -> Result<Bridge> {
        self.bridge_with(&[])
    }

    /// The same with options of the row's own.
    pub fn bridge_with(&self, options: &[&str]) -> Result<Bridge> {
        self.bridge_on(&self.kafka(), options)
    }

    /// A bridge on other brokers.
    pub fn bridge_on(&self, bootstrap_servers: &str, options: &[&str]) -> Result<Bridge> {
        let mut command = Command::new(&self.bridge);
        command.args(["--bootstrap-servers", bootstrap_servers, "--max-sockets", SOCKETS]).args(options);
        Self::started(command)
    }

    /// A bridge with the demo broker.
    pub fn demo_bridge(&self) -> Result<Bridge> {
        let mut command = Command::new(&self.bridge);
        command.arg("--demo");
        Self::started(command)
    }

    /// A bridge that may open so many files.
    pub fn bridge_with_files(&self, files: u32) -> Result<Bridge> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]).arg(&self.bridge);
        command.args(["--bootstrap-servers", &self.kafka()]);
        Self::started(command)
    }

    /// `bridge <arguments>`, for the commands of the terminal. What it prints is discarded.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bridge);
        command.args(arguments).env("PONTE_LOG", "error");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A Kafka of the caller's own, which may be killed and started again.
    pub fn own_cluster(&self) -> Result<Cluster> {
        let options = Options { purpose: Purpose::Benchmarks, ..Options::for_tests() };
        Installation::find_or_fetch(Flavour::Kraft { brokers: 1 })?.start(&options)
    }

    fn started(mut command: Command) -> Result<Bridge> {
        command.args(["--listen", "127.0.0.1:0"]);
        // The bridge's log would appear in the middle of the table; errors show in the measurement.
        command.env("PONTE_LOG", "error").stderr(Stdio::inherit());
        let begin = Instant::now();
        let mut process = Process::spawn(command, "the bridge".to_owned())?;
        let greeting = process.line()?;
        let started_in = begin.elapsed();
        let address = greeting.strip_prefix(LISTENING).and_then(|rest| rest.split(' ').next());
        let address = address.with_context(|| format!("the bridge's first line is {greeting:?}"))?.to_owned();
        Ok(Bridge { process, address, started_in })
    }

    fn admin<T>(
        &self,
        request: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> rdkafka::error::KafkaResult<T>,
    ) -> Result<T> {
        let client: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.kafka()).create()?;
        let options = AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT)).request_timeout(Some(ADMIN_TIMEOUT));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(request(&client, &options))?)
    }
}

/// The topic is deleted when this is dropped.
pub struct Topic<'l> {
    pub name: String,
    lab: &'l Lab,
}

impl Topic<'_> {
    /// Appends this number of records.
    pub fn fill(&self, records: u64, bytes: usize) -> Result<Written> {
        self.fill_with(Values::Json, records, bytes)
    }

    /// The same with other values than JSON.
    pub fn fill_with(&self, values: Values, records: u64, bytes: usize) -> Result<Written> {
        let (kafka, topic) = (self.lab.kafka(), self.name.clone());
        // A linger fills the batches, as in most topics that are read for throughput.
        let (linger_ms, window) = (5, 100_000);
        let producer = NativeProducer { kafka, topic, records, values, bytes, linger_ms, window };
        role::run(&Role::NativeProducer(producer))
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        let deleted = self.lab.admin(async |admin, options| admin.delete_topics(&[&self.name], options).await);
        if let Err(error) = deleted {
            eprintln!("{} stays: {error:#}", self.name);
        }
    }
}

/// A bridge, which ends when this is dropped.
pub struct Bridge {
    pub process: Process,
    /// `127.0.0.1:40123`
    pub address: String,
    /// From exec to the first line on standard output.
    pub started_in: Duration,
}

impl Bridge {
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}
