//! librdkafka's configuration for each of the bridge's clients: the bridge's defaults, then the user's file, then what the bridge
//! relies on. The user's value stands wherever the file may set the property at all (`properties/relied_on.rs`).

use std::sync::Arc;
use std::time::Duration;

use protocol::GroupId;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use super::context::ClientHooks;
use super::group_protocol::{GroupProtocol, KnownProtocol};
use super::oauth::{self, Tokens};
pub use super::properties::{KafkaProperties, PropertiesError};
use super::sign_in::SignIn;
#[cfg(feature = "tls")]
use super::system_ca;

/// A record of 1 MiB (`limits.message_bytes`), and what surrounds it.
const LARGEST_MESSAGE_BYTES: &str = "1114112";

/// Java's `delivery.timeout.ms` default: a broker may restart meanwhile.
const DELIVERY_TIMEOUT_MS: u64 = 120_000;

/// How to reach the chosen cluster; each role adds what it needs.
#[derive(Clone, Debug)]
pub struct Connection {
    pub bootstrap_servers: String,
    pub properties: KafkaProperties,
    /// The user gave these addresses; false for the default address.
    pub named_by_user: bool,
    /// The broker is librdkafka's mock, which needs other timings.
    pub demo: bool,
    /// What the brokers were found to speak.
    pub group_protocol: Arc<KnownProtocol>,
    /// What clients sign in with where brokers want OAuth tokens.
    pub(super) tokens: Tokens,
    /// What every client reports to.
    pub(super) hooks: ClientHooks,
}

/// Sets the property unless the user has.
fn prefer(config: &mut ClientConfig, name: &str, value: &str) {
    if config.get(name).is_none() {
        config.set(name, value);
    }
}

impl Connection {
    /// To brokers that the user named.
    ///
    /// # Errors
    /// A setting of OAuth that is missing or contradicts another.
    pub fn to(bootstrap_servers: String, properties: KafkaProperties) -> Result<Self, oauth::SettingsError> {
        let tokens = Tokens::of(&properties, &bootstrap_servers)?;
        let mut connection = Self { tokens, ..Self::without_sign_in(bootstrap_servers, properties) };
        if connection.properties.signs_in() {
            connection.hooks.sign_in = Some(SignIn::start(&connection));
        }
        Ok(connection)
    }

    /// To librdkafka's mock brokers, which want neither TLS nor credentials.
    pub fn to_demo(bootstrap_servers: String, properties: KafkaProperties) -> Self {
        Self { demo: true, ..Self::without_sign_in(bootstrap_servers, properties) }
    }

    fn without_sign_in(bootstrap_servers: String, properties: KafkaProperties) -> Self {
        let (group_protocol, tokens, hooks) = Default::default();
        Self { bootstrap_servers, properties, named_by_user: false, demo: false, group_protocol, tokens, hooks }
    }

    /// What every client of the bridge has in common. Clients are made by [`Connection::consumer`] and [`Connection::producer`].
    pub fn base_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "ponte")
            // A broker that comes back is noticed at once; librdkafka waits up to ten seconds. Half of the first is also how
            // long it looks for no other broker after one: a new client that is told what to read while it connects would
            // stand still for that long.
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "500")
            // What was refused is tried again, and a lost leader looked for, at least this often; librdkafka waits up to a second.
            .set("retry.backoff.max.ms", "250")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true");
        self.properties.set_all(&mut config);
        // The bridge's OpenSSL is compiled in and would look for certificates where none are: librdkafka looks where systems
        // keep them.
        #[cfg(feature = "tls")]
        if config.get("ssl.ca.pem").is_none() && !system_ca::is_named_by_environment() {
            prefer(&mut config, "ssl.ca.location", system_ca::PROBE);
        }
        // Only producing creates a topic (`missing_topics`), never a metadata request.
        config.set("allow.auto.create.topics", "false");
        if !self.bootstrap_servers.is_empty() {
            config.set("bootstrap.servers", &self.bootstrap_servers);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        config
    }

    /// The same for a member of a consumer group.
    pub fn group_config(&self, group: &GroupId, protocol: GroupProtocol) -> ClientConfig {
        let mut config = self.base_config();
        config.set("group.id", group.as_str());
        match protocol {
            GroupProtocol::Consumer => {
                config.set("group.protocol", "consumer");
            }
            GroupProtocol::Classic => {
                config.set("partition.assignment.strategy", "cooperative-sticky");
                // Partitions that are added are shared out this soon; librdkafka would look every five minutes.
                prefer(&mut config, "topic.metadata.refresh.interval.ms", "5000");
                // After a crash the group waits this long for its member. librdkafka's 45 s are for clients that may
                // stall; here nothing but heartbeats keeps the reader's thread from polling.
                prefer(&mut config, "session.timeout.ms", "10000");
            }
        }
        config
    }

    /// A consumer that is in no group. Without any group id librdkafka serves the main queue alone; nothing is ever committed
    /// to this one.
    pub fn tail_config(&self) -> ClientConfig {
        let mut config = self.base_config();
        config.set("group.id", "ponte-tail").set("enable.partition.eof", "true");
        config
    }

    /// What a reader of topics adds to [`Self::group_config`] or [`Self::tail_config`].
    pub fn reader_config(&self, mut config: ClientConfig) -> ClientConfig {
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that Kafka no longer has is a gap to report, never a silent jump.
            .set("auto.offset.reset", "error");
        // A tail needs the end-of-partition events to know when it has caught up.
        prefer(&mut config, "enable.partition.eof", "false");
        // librdkafka's default of a second starves small queues.
        prefer(&mut config, "fetch.queue.backoff.ms", "10");
        // Per partition; the feed is the buffer, this only keeps the fetcher busy.
        prefer(&mut config, "queued.max.messages.kbytes", "4096");
        prefer(&mut config, "fetch.wait.max.ms", self.fetch_wait_ms());
        config
    }

    /// A consumer that reads a range of offsets once.
    pub fn range_config(&self) -> ClientConfig {
        let mut config = self.base_config();
        config
            .set("group.id", "ponte-fetch")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            // The end of the partition is an answer: nothing more is there.
            .set("enable.partition.eof", "true");
        prefer(&mut config, "fetch.wait.max.ms", self.fetch_wait_ms());
        config
    }

    /// The consumer of `bridge consume`.
    pub fn terminal_consumer_config(&self, group: &GroupId, protocol: GroupProtocol, commits: bool) -> ClientConfig {
        let mut config = self.group_config(group, protocol);
        config
            // Where reading begins is decided in `consumer/assignment.rs`. A position that Kafka does not have is never replaced in
            // silence.
            .set("auto.offset.reset", "error")
            // Only what was printed is stored, and what is stored is committed in the background and at the end.
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
            // The same key lands in the same partition as with Java clients.
            .set("partitioner", "murmur2_random");
        // What a person types leaves at once; under load batches form by themselves while requests are in flight.
        prefer(&mut config, "linger.ms", "0");
        prefer(&mut config, "message.timeout.ms", &DELIVERY_TIMEOUT_MS.to_string());
        // Bounds the memory of what waits; sessions stop reading their sockets when it is full.
        prefer(&mut config, "queue.buffering.max.kbytes", "65536");
        // librdkafka takes a million bytes by itself, less than the bridge promises its clients. Batches stay below that
        // (`batch.size`); whether the topic takes so large a record is Kafka's to say.
        prefer(&mut config, "message.max.bytes", LARGEST_MESSAGE_BYTES);
        if !self.properties.may_auto_create() {
            // librdkafka waits half a minute for a missing topic, which a broker may be creating. Here none is.
            prefer(&mut config, "topic.metadata.propagation.max.ms", "1000");
        }
        config
    }

    /// How long a record may wait for Kafka before the bridge gives it up.
    pub fn delivery_timeout(&self) -> Duration {
        let given = self.properties.get("message.timeout.ms").and_then(|value| value.parse().ok());
        Duration::from_millis(given.unwrap_or(DELIVERY_TIMEOUT_MS))
    }

    /// What a group of this cluster speaks, as far as is known.
    pub fn protocol_of_groups(&self) -> GroupProtocol {
        /// KIP-848 leaves these to the broker, and librdkafka refuses them beside it: who sets them wants the other.
        const CLASSIC_ONLY: &[&str] = &["session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];
        if CLASSIC_ONLY.iter().any(|name| self.properties.get(name).is_some()) {
            return GroupProtocol::Classic;
        }
        match self.group_protocol.get() {
            // The mock's classic groups wait most of a session time-out for every change but the first.
            None if self.demo => GroupProtocol::Consumer,
            known => known.unwrap_or(GroupProtocol::Classic),
        }
    }

    /// How long a fetch may wait for new records. The mock does not wake a waiting fetch, so there it is pure latency.
    fn fetch_wait_ms(&self) -> &'static str {
        // Whatever else is asked of the same broker waits behind it, which shows when leaders move.
        if self.demo { "5" } else { "200" }
    }
}

/// Makes a producer and a consumer of these properties, without addresses to connect to.
pub(super) fn try_roles(properties: &KafkaProperties) -> Result<(), KafkaError> {
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
