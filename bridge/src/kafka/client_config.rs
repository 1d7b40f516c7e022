//! librdkafka's configuration: ours, the user's file, and what a role needs, in this order of growing authority.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::GroupId;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::context::ClientHooks;
use super::group_protocol::{GroupProtocol, KnownProtocol};
use super::sign_in::SignIn;

/// Properties that the user's file may not set, and why.
const REFUSED: &[(&str, &str)] = &[
    ("sasl.kerberos.kinit.cmd", "it runs a command"),
    ("plugin.library.paths", "it loads code"),
    ("ssl.engine.location", "it loads code"),
    ("ssl.providers", "it loads code"),
    ("bootstrap.servers", "use --bootstrap-servers"),
    ("metadata.broker.list", "use --bootstrap-servers"),
    ("group.id", "use --group, or choose it in the page"),
    ("group.protocol", "the bridge chooses what the broker supports"),
    ("group.instance.id", "two members of the bridge would evict each other"),
    ("partition.assignment.strategy", "the bridge relies on cooperative-sticky"),
    ("auto.offset.reset", "use --start, or choose it in the page"),
    ("enable.auto.commit", "the bridge commits what a page has acknowledged, and nothing else"),
    ("enable.auto.offset.store", "the bridge commits what a page has acknowledged, and nothing else"),
    ("enable.partition.eof", "the bridge relies on it being off"),
    ("enable.idempotence", "the bridge relies on it: nothing is written twice"),
    ("enable.gapless.guarantee", "the bridge recreates its producer instead"),
    ("acks", "the bridge reports a record as acknowledged only when all in-sync replicas have it"),
    ("request.required.acks", "the bridge reports a record as acknowledged only when all in-sync replicas have it"),
    ("transactional.id", "the bridge does not write in transactions"),
    ("partitioner", "the bridge partitions keys as Java clients do"),
    ("delivery.report.only.error", "the bridge reports every record"),
    ("log.queue", "the bridge reads librdkafka's log itself"),
    ("statistics.interval.ms", "the bridge reads the statistics itself"),
];

/// Names that start like this are refused as well.
const REFUSED_PREFIXES: &[(&str, &str)] = &[("test.", "it simulates faults; use --demo for the demo broker")];

/// The checked content of `--kafka-config`. Its values are never printed.
#[derive(Clone, Default)]
pub struct KafkaProperties(BTreeMap<String, String>);

#[derive(Debug, thiserror::Error)]
pub enum PropertiesError {
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}, line {line}: expected key=value", file.display())]
    NotKeyValue { file: PathBuf, line: usize },
    #[error("{}, line {line}: {name} is set twice", file.display())]
    Twice { file: PathBuf, line: usize, name: String },
    #[error("{}, line {line}: {name} cannot be set here: {why}", file.display())]
    Refused { file: PathBuf, line: usize, name: String, why: &'static str },
    #[error("{}: librdkafka does not take {name}: no such property, or a value it does not allow", file.display())]
    Unknown { file: PathBuf, name: String },
    #[error("{}: librdkafka cannot use these properties together: {reason}", file.display())]
    Rejected { file: PathBuf, reason: String },
}

impl KafkaProperties {
    pub fn read(file: &Path) -> Result<Self, PropertiesError> {
        let file = file.to_owned();
        let text = std::fs::read_to_string(&file)
            .map_err(|source| PropertiesError::Unreadable { file: file.clone(), source })?;
        let mut properties = BTreeMap::new();
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let content = raw.trim();
            if content.is_empty() || content.starts_with(['#', '!']) {
                continue;
            }
            let Some((name, value)) = content.split_once('=') else {
                return Err(PropertiesError::NotKeyValue { file, line });
            };
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            if let Some(why) = why_refused(&name) {
                return Err(PropertiesError::Refused { file, line, name, why });
            }
            if properties.insert(name.clone(), value).is_some() {
                return Err(PropertiesError::Twice { file, line, name });
            }
        }
        let properties = Self(properties);
        properties.check(&file)?;
        Ok(properties)
    }

    /// As if a file had said so.
    #[cfg(test)]
    pub fn of(properties: &[(&str, &str)]) -> Self {
        Self(properties.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// What the user's file says; none where librdkafka's default holds.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Asks librdkafka whether it knows the names and takes the values. Its own message would repeat the value.
    fn check(&self, file: &Path) -> Result<(), PropertiesError> {
        for (name, value) in &self.0 {
            let mut config = ClientConfig::new();
            config.set(name, value);
            if config.create_native_config().is_err() {
                return Err(PropertiesError::Unknown { file: file.to_owned(), name: name.clone() });
            }
        }
        // Contradictions show only when a client is made; no connection is attempted without addresses.
        let mut config = ClientConfig::new();
        config.extend(self.0.clone());
        config.set_log_level(RDKafkaLogLevel::Emerg);
        match config.create::<rdkafka::producer::BaseProducer>() {
            Ok(_) => Ok(()),
            Err(error) => {
                let reason = self.without_values(&describe(&error));
                Err(PropertiesError::Rejected { file: file.to_owned(), reason })
            }
        }
    }

    /// librdkafka's messages may repeat what was configured; secrets must not get into a log.
    fn without_values(&self, message: &str) -> String {
        const SHORTEST_SECRET: usize = 4;
        let values = self.0.values().filter(|value| value.len() >= SHORTEST_SECRET);
        values.fold(message.to_owned(), |text, value| text.replace(value.as_str(), "…"))
    }
}

/// Names only: a value may be a password.
impl fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn why_refused(name: &str) -> Option<&'static str> {
    let exact = REFUSED.iter().find(|(refused, _)| *refused == name);
    let prefixed = || REFUSED_PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
    exact.or_else(prefixed).map(|(_, why)| *why)
}

fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientCreation(reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// How to reach the chosen cluster; each role adds what it needs.
#[derive(Clone, Debug)]
pub struct Connection {
    pub bootstrap_servers: String,
    pub properties: KafkaProperties,
    /// The broker is librdkafka's mock, which needs other timings.
    pub demo: bool,
    /// What the brokers were found to speak.
    pub group_protocol: Arc<KnownProtocol>,
    /// Shared by every client.
    pub(super) hooks: ClientHooks,
}

impl Connection {
    pub fn new(bootstrap_servers: String, properties: KafkaProperties, demo: bool) -> Self {
        let (group_protocol, hooks) = Default::default();
        let mut connection = Self { bootstrap_servers, properties, demo, group_protocol, hooks };
        if connection.signs_in() {
            connection.hooks.sign_in = Some(SignIn::start(&connection));
        }
        connection
    }

    /// Whether clients show credentials to the brokers.
    pub fn signs_in(&self) -> bool {
        let protocol = self.properties.get("security.protocol").unwrap_or_default();
        protocol.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sasl"))
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
        config.extend(self.properties.0.clone());
        config.set("bootstrap.servers", &self.bootstrap_servers);
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
                config
                    .set("partition.assignment.strategy", "cooperative-sticky")
                    // Partitions that are added are shared out this soon; librdkafka would look every five minutes.
                    .set("topic.metadata.refresh.interval.ms", "5000");
                // After a crash the group waits this long for its member. librdkafka's 45 s are for clients that may
                // stall; here nothing but heartbeats keeps the reader's thread from polling.
                if config.get("session.timeout.ms").is_none() {
                    config.set("session.timeout.ms", "10000");
                }
            }
        }
        config
    }

    /// What a group of this cluster speaks, as far as is known.
    pub fn protocol_of_groups(&self) -> GroupProtocol {
        /// KIP-848 leaves these to the broker, and librdkafka refuses them beside it: who sets them wants the other.
        const CLASSIC_ONLY: &[&str] = &["session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];
        if CLASSIC_ONLY.iter().any(|name| self.properties.0.contains_key(*name)) {
            return GroupProtocol::Classic;
        }
        match self.group_protocol.get() {
            // The mock's classic groups wait most of a session time-out for every change but the first.
            None if self.demo => GroupProtocol::Consumer,
            known => known.unwrap_or(GroupProtocol::Classic),
        }
    }

    /// How long a fetch may wait for new records. The mock does not wake a waiting fetch, so there it is pure latency.
    pub fn fetch_wait_ms(&self) -> &'static str {
        // Whatever else is asked of the same broker waits behind it, which shows when leaders move.
        if self.demo { "5" } else { "200" }
    }
}
