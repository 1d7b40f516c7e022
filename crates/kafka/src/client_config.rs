//! librdkafka's configuration for each of the bridge's clients. A property has the user's value if the file sets it,
//! otherwise the bridge's value for the role of the client. The file cannot set the properties that the bridge depends
//! on (`properties/reserved.rs`).

use std::sync::Arc;
use std::time::Duration;

use protocol::{GroupId, Isolation};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use super::context::ClientHooks;
use super::credentials::{Credentials, PASSWORD, USERNAME};
use super::group_protocol::{GroupProtocol, KnownProtocol};
use super::oauth::{self, Tokens};
pub use super::properties::{KafkaProperties, PropertiesError};
use super::record_limit::{DEFAULT_MAX_MESSAGE_BYTES, RecordLimit};
use super::sign_in::SignIn;
use super::statistics::{self, Statistics};
#[cfg(feature = "tls")]
use super::system_ca;

/// The default of `delivery.timeout.ms` in Kafka's Java clients, which is long enough for the restart of a broker.
const DELIVERY_TIMEOUT_MS: u64 = 120_000;

/// The cluster to which the bridge connects, and the state that all its clients share.
#[derive(Clone, Debug)]
pub struct Connection {
    pub bootstrap_servers: String,
    pub properties: KafkaProperties,
    /// The largest record that the bridge produces, unless the properties allow less ([`Self::record_limit`]).
    pub max_message_bytes: usize,
    /// Whether the user gave these addresses; `false` for the default address.
    pub named_by_user: bool,
    /// Whether the broker is librdkafka's mock, which needs other timings.
    pub demo: bool,
    /// The group protocol that the brokers support.
    pub group_protocol: Arc<KnownProtocol>,
    /// The OAuth tokens, for brokers that require them.
    pub(super) tokens: Tokens,
    /// The user name and password of SASL PLAIN and SCRAM, if they were replaced after the start.
    pub(super) credentials: Credentials,
    /// The hooks that all clients call.
    pub(super) hooks: ClientHooks,
}

/// The names of the properties that differ from the file's last content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReloadedProperties {
    /// Credentials, which have taken effect.
    pub applied: Vec<String>,
    /// Properties that librdkafka reads only when a client is created.
    pub needs_restart: Vec<String>,
}

/// Properties that decide what credentials are for.
const CREDENTIALS_DEPEND_ON: [&str; 3] = ["bootstrap.servers", "sasl.mechanism", "security.protocol"];

/// Sets the property unless the user has.
fn prefer(config: &mut ClientConfig, name: &str, value: &str) {
    if config.get(name).is_none() {
        config.set(name, value);
    }
}

impl Connection {
    /// A connection to real brokers. Starts the sign-in thread if the properties use SASL.
    ///
    /// # Errors
    /// If an OAuth setting is missing or contradicts another.
    pub fn to(bootstrap_servers: String, properties: KafkaProperties) -> Result<Self, oauth::SettingsError> {
        let tokens = Tokens::of(&properties, &bootstrap_servers)?;
        let mut connection = Self { tokens, ..Self::without_sign_in(bootstrap_servers, properties) };
        if connection.properties.signs_in() {
            connection.hooks.sign_in = Some(SignIn::start(&connection));
        }
        Ok(connection)
    }

    /// A connection to librdkafka's mock brokers, which have neither TLS nor SASL.
    pub fn to_demo(bootstrap_servers: String, properties: KafkaProperties) -> Self {
        Self { demo: true, ..Self::without_sign_in(bootstrap_servers, properties) }
    }

    fn without_sign_in(bootstrap_servers: String, properties: KafkaProperties) -> Self {
        let (group_protocol, tokens, credentials, hooks) = Default::default();
        Self {
            bootstrap_servers,
            properties,
            max_message_bytes: DEFAULT_MAX_MESSAGE_BYTES,
            named_by_user: false,
            demo: false,
            group_protocol,
            tokens,
            credentials,
            hooks,
        }
    }

    /// Uses the credentials of a changed properties file: user name and password (PLAIN, SCRAM) for the next connection of
    /// every client, and the settings of an OAuth source for the next token. `before`: the file's last content.
    ///
    /// # Errors
    /// If an OAuth setting is missing or contradicts another; then nothing is changed.
    pub fn reload(
        &self,
        before: &KafkaProperties,
        now: &KafkaProperties,
    ) -> Result<ReloadedProperties, oauth::SettingsError> {
        let is_credential =
            |name: &String| [USERNAME, PASSWORD].contains(&name.as_str()) || oauth::is_token_setting(name);
        let (applied, needs_restart): (Vec<String>, Vec<String>) =
            before.changed_names(now).into_iter().partition(is_credential);
        // Credentials for another mechanism or cluster would be refused, or would be sent where they must not go.
        let depends_on = |name: &String| CREDENTIALS_DEPEND_ON.contains(&name.as_str());
        if needs_restart.iter().any(depends_on) {
            return Ok(ReloadedProperties { applied: Vec::new(), needs_restart: [needs_restart, applied].concat() });
        }
        self.tokens.reload(now, &self.bootstrap_servers)?;
        if applied.iter().any(|name| [USERNAME, PASSWORD].contains(&name.as_str())) {
            self.credentials.replace(now);
        }
        Ok(ReloadedProperties { applied, needs_restart })
    }

    /// The statistics of the clients of this cluster.
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.hooks.statistics)
    }

    /// The configuration that all clients have in common. Create clients with [`Connection::consumer`] and
    /// [`Connection::producer`].
    pub fn base_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "ponte")
            // A restarted broker is noticed at once; librdkafka's default is up to ten seconds. After one broker
            // librdkafka also waits half of the first value before it tries another, which delays the first records of
            // a new client.
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "500")
            // The longest pause before a retry and before looking for a new leader; librdkafka's default is a second.
            .set("retry.backoff.max.ms", "250")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true");
        self.properties.set_all(&mut config);
        // The default path of the compiled-in OpenSSL does not exist, so librdkafka has to search the usual paths of
        // systems.
        #[cfg(feature = "tls")]
        if config.get("ssl.ca.pem").is_none() && !system_ca::is_named_by_environment() {
            prefer(&mut config, "ssl.ca.location", system_ca::PROBE);
        }
        // Only producing creates a topic (`missing_topics`), never a metadata request.
        config.set("allow.auto.create.topics", "false");
        if !self.bootstrap_servers.is_empty() {
            config.set("bootstrap.servers", &self.bootstrap_servers);
        }
        // Whoever sets `debug` wants to see what it logs.
        let level = if config.get("debug").is_some() { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info };
        config.set_log_level(level);
        config
    }

    /// The configuration of the metadata client's connection that serves most requests, which reports statistics.
    pub fn metadata_config(&self) -> ClientConfig {
        let mut config = self.base_config();
        prefer(&mut config, "statistics.interval.ms", &statistics::interval_ms());
        config
    }

    /// The configuration of a member of a consumer group.
    pub fn group_config(&self, group: &GroupId, protocol: GroupProtocol) -> ClientConfig {
        let mut config = self.base_config();
        config.set("group.id", group.as_str());
        match protocol {
            GroupProtocol::Consumer => {
                config.set("group.protocol", "consumer");
            }
            GroupProtocol::Classic => {
                config.set("partition.assignment.strategy", "cooperative-sticky");
                // Added partitions are assigned after this time; librdkafka's default is five minutes.
                prefer(&mut config, "topic.metadata.refresh.interval.ms", "5000");
                // After a crash of the bridge the group waits this long. librdkafka's default of 45 s allows for
                // clients that stall, which the reader's thread does not.
                prefer(&mut config, "session.timeout.ms", "10000");
            }
        }
        config
    }

    /// The configuration of a tail, which is in no group. It has a group id nevertheless, because without one
    /// librdkafka serves only the main queue. Nothing is committed to that group.
    pub fn tail_config(&self) -> ClientConfig {
        let mut config = self.base_config();
        config.set("group.id", "ponte-tail").set("enable.partition.eof", "true");
        config
    }

    /// Adds the settings of a reader to [`Self::group_config`] or [`Self::tail_config`].
    pub fn reader_config(&self, mut config: ClientConfig) -> ClientConfig {
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that is out of range becomes a reported gap, never a silent reset.
            .set("auto.offset.reset", "error");
        // Tails set this to true, because they need the events to know when they have caught up.
        prefer(&mut config, "enable.partition.eof", "false");
        // With librdkafka's default of a second small queues would often be empty.
        prefer(&mut config, "fetch.queue.backoff.ms", "10");
        // Per partition. The buffer is the feed; this only has to keep the fetcher busy.
        prefer(&mut config, "queued.max.messages.kbytes", "4096");
        prefer(&mut config, "fetch.wait.max.ms", self.fetch_wait_ms());
        config
    }

    /// The configuration of a consumer that reads a range of offsets once.
    pub fn range_config(&self) -> ClientConfig {
        let mut config = self.base_config();
        config
            .set("group.id", "ponte-fetch")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            // At the end of the partition the range is complete.
            .set("enable.partition.eof", "true");
        // No new records are awaited, and a fetch that waits at the end of a partition delays the next range of its consumer.
        prefer(&mut config, "fetch.wait.max.ms", if self.demo { self.fetch_wait_ms() } else { "10" });
        config
    }

    /// The configuration of a consumer that scans ranges of offsets. `fetch_bytes`: how much a fetch returns for each partition, if the user
    /// has not chosen it.
    pub fn scan_config(&self, isolation: Isolation, fetch_bytes: usize) -> ClientConfig {
        let mut config = self.range_config();
        config.set("group.id", "ponte-search").set("enable.auto.offset.store", "false").set(
            "isolation.level",
            match isolation {
                Isolation::Committed => "read_committed",
                Isolation::Uncommitted => "read_uncommitted",
            },
        );
        // One queue for all partitions. Bounds the memory of a search that waits for its client.
        prefer(&mut config, "queued.max.messages.kbytes", "16384");
        prefer(&mut config, "fetch.queue.backoff.ms", "10");
        prefer(&mut config, "fetch.message.max.bytes", &fetch_bytes.to_string());
        config
    }

    /// The configuration of `bridge consume`.
    pub fn terminal_consumer_config(&self, group: &GroupId, protocol: GroupProtocol, commits: bool) -> ClientConfig {
        let mut config = self.group_config(group, protocol);
        config
            // `consumer/assignment.rs` decides where reading starts, and never replaces a position silently.
            .set("auto.offset.reset", "error")
            // The offset of a record is stored after the record was printed. Stored offsets are committed in the
            // background and at the end.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", if commits { "true" } else { "false" });
        prefer(&mut config, "auto.commit.interval.ms", "1000");
        prefer(&mut config, "fetch.wait.max.ms", self.fetch_wait_ms());
        config
    }

    pub fn producer_config(&self) -> ClientConfig {
        let mut config = self.base_config();
        config
            // Retries neither duplicate nor reorder; implies acks=all.
            .set("enable.idempotence", "true")
            // Java clients write a key to the same partition.
            .set("partitioner", "murmur2_random");
        // A single record is sent at once; under load batches form while requests are in flight.
        prefer(&mut config, "linger.ms", "0");
        prefer(&mut config, "message.timeout.ms", &DELIVERY_TIMEOUT_MS.to_string());
        // Bounds the memory of queued records; sessions stop reading their sockets while the queue is full.
        let limit = self.record_limit();
        prefer(&mut config, "queue.buffering.max.kbytes", &limit.queue_kbytes().to_string());
        // librdkafka's default of a million bytes is less than the limit that the bridge announces. The size of batches
        // is bounded by `batch.size`; whether a topic accepts so large a record is decided by Kafka.
        prefer(&mut config, "message.max.bytes", &limit.message_max_bytes().to_string());
        prefer(&mut config, "statistics.interval.ms", &statistics::interval_ms());
        if !self.properties.may_auto_create() {
            // librdkafka's default of 30 s gives brokers time to create a topic; without automatic creation there is
            // nothing to wait for.
            prefer(&mut config, "topic.metadata.propagation.max.ms", "1000");
        }
        config
    }

    /// The largest record that is produced, and which setting says so.
    pub fn record_limit(&self) -> RecordLimit {
        RecordLimit::new(self.max_message_bytes, &self.properties)
    }

    /// How long a record may wait for its acknowledgement before it fails.
    pub fn delivery_timeout(&self) -> Duration {
        let given = self.properties.get("message.timeout.ms").and_then(|value| value.parse().ok());
        Duration::from_millis(given.unwrap_or(DELIVERY_TIMEOUT_MS))
    }

    /// The protocol of new groups on this cluster; classic as long as it is unknown.
    pub fn protocol_of_groups(&self) -> GroupProtocol {
        /// librdkafka refuses these together with KIP-848, where the broker configures them; so a user who sets them
        /// needs classic groups.
        const CLASSIC_ONLY: &[&str] = &["session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];
        if CLASSIC_ONLY.iter().any(|name| self.properties.get(name).is_some()) {
            return GroupProtocol::Classic;
        }
        match self.group_protocol.get() {
            // Classic groups of the mock wait most of a session time-out for every change but the first.
            None if self.demo => GroupProtocol::Consumer,
            known => known.unwrap_or(GroupProtocol::Classic),
        }
    }

    /// How long a fetch may wait for new records. The mock does not wake a waiting fetch, so there a long wait would
    /// only add latency.
    fn fetch_wait_ms(&self) -> &'static str {
        // Other requests to the same broker wait behind a fetch, which is noticeable when leaders move.
        if self.demo { "5" } else { "200" }
    }
}

/// Creates a producer and a consumer with these properties, without addresses to connect to, and drops them.
///
/// # Errors
/// If librdkafka refuses the combination of properties.
pub(super) fn check_roles(properties: &KafkaProperties) -> Result<(), KafkaError> {
    let connection = Connection::without_sign_in(String::new(), properties.clone());
    let mut producer = connection.producer_config();
    let tail = connection.tail_config();
    let mut consumer = connection.reader_config(tail);
    for config in [&mut producer, &mut consumer] {
        config.set_log_level(RDKafkaLogLevel::Emerg);
    }
    let _: BaseProducer = producer.create()?;
    let _: BaseConsumer = consumer.create()?;
    Ok(())
}

#[cfg(test)]
mod tests;
