//! Runs real Kafka on this machine without Docker: the broker's jars from Maven Central, run by Java.
//!
//! [`Installation::find_or_fetch`] → [`Installation::start`] → [`Cluster`]. Tests use it as a real broker, and Kafka's
//! own tools ([`Cluster::tool`]) as an independent check. `cargo xtask kafka up` runs it in the background
//! ([`Cluster::detach`], [`Detached`]).

mod background_process;
mod cluster;
mod detached;
mod installation;
mod ports;
mod probe;
pub mod process;
mod properties;
pub mod secured;

use std::fmt;
use std::path::PathBuf;

pub use background_process::BackgroundProcess;
pub use cluster::{Cluster, Node};
pub use detached::Detached;
pub use installation::{Installation, Unavailable, run_maven, target_dir};
pub use ports::free_ports;
pub use secured::{Secured, TokenProvider};

/// The Kafka version, and how it stores its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// A current Kafka with KRaft. Each process is broker and controller; one or three are supported.
    Kraft { brokers: u16 },
    /// One broker of the last version that supports ZooKeeper.
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

/// The purpose of a cluster, which decides about its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Starts quickly, and a consumer group starts without waiting for more members.
    Tests,
    /// Kafka's default settings.
    Development,
    /// Like `Development`, but a consumer group starts without waiting for more members.
    Benchmarks,
}

/// The ports of the brokers, which always listen on the loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Free ports, which are kept when the cluster is restarted.
    Free,
    /// 9092 for the first broker, 9093 and 9094 for the others, 2181 for ZooKeeper.
    WellKnown,
}

/// The options of a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    pub purpose: Purpose,
    pub ports: Ports,
    /// The directory of data and logs. Data of an earlier cluster of the same flavour is used again. `None` creates a
    /// new directory in `target/`, which is removed when the cluster is dropped (unless a test fails, to keep its
    /// logs).
    pub directory: Option<PathBuf>,
    /// The port that a single broker advertises instead of its own, for a proxy of the caller.
    pub advertised_port: Option<u16>,
    /// Whether a single broker also has secured listeners ([`Cluster::secured`]).
    pub secured: bool,
    /// The provider whose tokens the SASL listeners accept (OAUTHBEARER), besides user names and passwords.
    pub token_provider: Option<TokenProvider>,
    /// Whether brokers check ACLs. Only [`secured::USER`] and clients of the plaintext listener may then do everything;
    /// `kafka-acls` grants permissions to [`secured::OTHER_USERS`].
    pub access_rules: bool,
    /// Lines to append to the configuration file of each broker.
    pub extra_properties: String,
}

impl Options {
    /// The options for tests: free ports, a new directory.
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
