//! Why the configuration is invalid.

use std::net::SocketAddr;
use std::path::PathBuf;

use formats::{OffsetsError, TemplateError};
use protocol::{ClusterName, GroupName};

use super::clusters::UnknownCluster;
use super::environment::UnknownVariable;
use super::{RegistryConfigError, TOKEN_VARIABLE, file};

/// An invalid configuration; exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "--listen {0} is reachable from other machines, but no access token is set: anyone could read and write your \
         Kafka. Listen on 127.0.0.1, or set a token with --token-file or {TOKEN_VARIABLE}, or configure [users] or [sign-in] \
         in the file of --config, or pass --insecure-no-token if that is intended"
    )]
    OpenListener(SocketAddr),
    #[error("--demo cannot be used with --no-demo (PONTE_NO_DEMO); PONTE_NO_DEMO=false switches the latter off")]
    DemoAndNoDemo,
    #[error("--token-file {}: {reason}", file.display())]
    BadTokenFile { file: PathBuf, reason: String },
    #[error("--token (or {TOKEN_VARIABLE}): {0}")]
    BadToken(String),
    #[error("{given} needs {missing}: HTTPS needs both the certificate and its private key")]
    TlsIncomplete { given: &'static str, missing: &'static str },
    #[error("--proxy-protocol needs --trusted-proxies: the addresses whose connections begin with a PROXY header")]
    ProxyProtocolWithoutProxies,
    #[error(transparent)]
    Certificate(#[from] server::http::CertificateError),
    #[error("--audit {}", file.display())]
    AuditFile { file: PathBuf, source: std::io::Error },
    #[error("this would {0}: pass --yes to confirm when standard input is not a terminal")]
    NotConfirmed(String),
    #[error("--from-file: cannot read {}", file.display())]
    UnreadablePositions { file: PathBuf, source: std::io::Error },
    #[error("--from-file: {}, {}", file.display(), listed(errors))]
    BadPositions { file: PathBuf, errors: Vec<OffsetsError> },
    #[error(
        "--from-file: {} has no line for the group {group}, and {other_groups} lines for other groups; expected \
         topic,partition,offset or group,topic,partition,offset on each line",
        file.display()
    )]
    NoPositions { file: PathBuf, group: GroupName, other_groups: usize },
    #[error(
        "no schema registry is named; add its URL with --schema-registry (in the configuration file: schema-registry), or \
         as schema.registry.url in the file of --schema-registry-config"
    )]
    NoRegistry,
    #[error("--template")]
    BadTemplate(#[source] TemplateError),
    #[error("--config")]
    File(#[source] Box<file::FileError>),
    #[error("{variable}: invalid value {value:?}: {reason}")]
    Variable { variable: String, value: String, reason: String },
    #[error("{}", listed_variables(.0))]
    UnknownVariables(Vec<UnknownVariable>),
    #[error(transparent)]
    UnknownCluster(#[from] UnknownCluster),
    #[error("[clusters.{0}]: neither bootstrap-servers nor bootstrap.servers in the file of kafka-config is set")]
    NoServers(ClusterName),
    #[error("{0} cannot be used with [clusters] in the configuration file: choose one of its clusters with --cluster")]
    ServersAndClusters(&'static str),
    #[error("{}", registry_option(cluster.as_ref(), source.option()))]
    Registry { cluster: Option<ClusterName>, source: Box<RegistryConfigError> },
    #[error("--kafka-config")]
    KafkaConfig(#[from] kafka::client_config::PropertiesError),
}

impl ConfigError {
    /// `cluster`: the one whose table has the options.
    pub fn registry(cluster: Option<&ClusterName>, source: RegistryConfigError) -> Self {
        Self::Registry { cluster: cluster.cloned(), source: Box::new(source) }
    }
}

impl From<file::FileError> for ConfigError {
    fn from(error: file::FileError) -> Self {
        Self::File(Box::new(error))
    }
}

fn registry_option(cluster: Option<&ClusterName>, option: &str) -> String {
    cluster.map_or_else(|| format!("--{option}"), |name| format!("[clusters.{name}] {option}"))
}

/// The first invalid lines, and how many more there are.
fn listed(errors: &[OffsetsError]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = errors.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match errors.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

fn listed_variables(unknown: &[UnknownVariable]) -> String {
    let texts: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
