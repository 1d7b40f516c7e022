//! Real Kafka on this machine without Docker: the broker's jars from Maven Central, run by Java.
//!
//! [`Installation::find_or_fetch`] → [`Installation::start`] → [`Cluster`]. The tests use it as the real thing to talk to, and
//! Kafka's own tools ([`Cluster::tool`]) as judges that share no code with us; `cargo xtask kafka up` runs it in the background
//! ([`Cluster::detach`], [`Detached`]).

mod cluster;
mod detached;
mod installation;
mod ports;
mod probe;
mod process;
mod properties;
pub mod secured;

use std::fmt;
use std::path::PathBuf;

pub use cluster::{Cluster, Node};
pub use detached::Detached;
pub use installation::{Installation, Unavailable};
pub use secured::{Secured, TokenProvider};

/// Which Kafka, and how it keeps its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// A current Kafka. Each process is broker and controller; one or three of them make sense.
    Kraft { brokers: u16 },
    /// One broker of the last version that can run with ZooKeeper.
    Zookeeper,
}

impl Flavour {
    #[must_use]
    pub fn kafka_version(self) -> &'static str {
        match self {
            Self::Kraft { .. } => "4.3.1",
            Self::Zookeeper => "3.9.1",
        }
    }

    #[must_use]
    pub fn brokers(self) -> u16 {
        match self {
            Self::Kraft { brokers } => brokers,
            Self::Zookeeper => 1,
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.kafka_version();
        match self {
            Self::Kraft { brokers: 1 } => write!(f, "Kafka {version}"),
            Self::Kraft { brokers } => write!(f, "Kafka {version} with {brokers} brokers"),
            Self::Zookeeper => write!(f, "Kafka {version} with ZooKeeper"),
        }
    }
}

/// What a cluster is for; decides its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Starts fast and lets a consumer group begin without waiting for more members.
    Tests,
    /// Kafka's own defaults, as someone would meet them elsewhere.
    Development,
    /// As fast as a development broker, and a group begins without waiting, as in tests.
    Benchmarks,
}

/// Where the brokers listen, always on the loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Any that are free; they stay the same over a restart.
    Free,
    /// 9092 for the first broker, 9093 and 9094 for the others, 2181 for ZooKeeper.
    WellKnown,
}

/// How to start a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    pub purpose: Purpose,
    pub ports: Ports,
    /// Data and logs. What an earlier cluster of the same flavour left there is used again. `None`: a new directory below
    /// `target/`, removed when the cluster is dropped (kept when a test is failing, for its logs).
    pub directory: Option<PathBuf>,
    /// The port that a single broker tells clients to use instead of its own: that of a proxy of the caller's.
    pub advertised_port: Option<u16>,
    /// Whether a single broker listens on secured ports as well ([`Cluster::secured`]).
    pub secured: bool,
    /// A provider whose tokens the listeners with SASL take (OAUTHBEARER), beside names and passwords.
    pub token_provider: Option<TokenProvider>,
    /// Whether brokers check access rules (ACLs). Nothing is allowed but to [`secured::USER`] and to clients of the open listener,
    /// which may do everything; `kafka-acls` gives rights to [`secured::OTHER_USERS`].
    pub access_rules: bool,
    /// Lines for the end of each broker's configuration file.
    pub extra_properties: String,
}

impl Options {
    /// What tests want: free ports, a new directory.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            purpose: Purpose::Tests,
            ports: Ports::Free,
            directory: None,
            advertised_port: None,
            secured: false,
            token_provider: None,
            access_rules: false,
            extra_properties: String::new(),
        }
    }
}
