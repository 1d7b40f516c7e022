//! The schema registry of a cluster: its options, and the file of `--schema-registry-config`.

mod properties;

use std::path::{Path, PathBuf};

use clap::Args;
use serdes::TopicRule;
use serdes::registry::{Registry, RegistrySettings, RegistryUrl};

use self::properties::RegistryProperties;
pub use self::properties::RegistryPropertiesError;

/// The default of `--max-decoded-bytes`: as much as a frame of the page has at most.
const DEFAULT_MAX_DECODED_BYTES: usize = 8 * 1024 * 1024;

/// Where the schemas of records are.
#[derive(Args, Debug, Clone, Default)]
pub struct RegistryArgs {
    /// Schema registry with Confluent's API, such as http://localhost:8081; several URLs are nodes of one registry, and are tried in turn
    #[arg(long, env = "PONTE_SCHEMA_REGISTRY", value_delimiter = ',', value_parser = RegistryUrl::parse, value_name = "URL")]
    pub schema_registry: Vec<RegistryUrl>,

    /// File with properties for the schema registry (password, token, certificates), in the names of Confluent's clients
    #[arg(long, env = "PONTE_SCHEMA_REGISTRY_CONFIG", value_name = "FILE")]
    pub schema_registry_config: Option<PathBuf>,
}

/// How records are decoded; the same options for `serve` and `consume`.
#[derive(Args, Debug, Clone)]
pub struct DecodeArgs {
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Maximum size of a decoded key or value in bytes (65536 to 67108864); larger ones are shown as they are in Kafka
    #[arg(long, env = "PONTE_MAX_DECODED_BYTES", default_value_t = DEFAULT_MAX_DECODED_BYTES, value_parser = parse_decoded_bytes, value_name = "BYTES")]
    pub max_decoded_bytes: usize,

    /// The schemas of `[[schemas]]` in the configuration file, for the terminal programs.
    #[arg(skip)]
    pub schemas: Vec<TopicRule>,
}

/// Why the options of a schema registry cannot be used. Messages contain no secrets.
#[derive(Debug, thiserror::Error)]
pub enum RegistryConfigError {
    #[error(transparent)]
    File(#[from] RegistryPropertiesError),
    #[error(
        "{}: no schema registry is named; add its URL with --schema-registry (in the configuration file: \
         schema-registry), or as schema.registry.url in this file",
        file.display()
    )]
    NoUrl { file: PathBuf },
    /// The certificates or the credentials cannot be used.
    #[error("{}{reason}", file.as_ref().map(|file| format!("{}: ", file.display())).unwrap_or_default())]
    Unusable { file: Option<PathBuf>, reason: String },
}

impl RegistryConfigError {
    /// The option that has the mistake.
    pub fn option(&self) -> &'static str {
        match self {
            Self::File(_) | Self::NoUrl { .. } | Self::Unusable { file: Some(_), .. } => "schema-registry-config",
            Self::Unusable { file: None, .. } => "schema-registry",
        }
    }
}

impl RegistryArgs {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.schema_registry.is_empty() && self.schema_registry_config.is_none()
    }

    /// Reads and checks the file and the certificates that it names. Does not connect. `None`: there is no registry.
    pub fn settings(&self) -> Result<Option<RegistrySettings>, RegistryConfigError> {
        let file = self.schema_registry_config.as_deref();
        let properties = file.map(RegistryProperties::read).transpose()?.unwrap_or_default();
        // The option takes precedence over the file, as with Kafka's bootstrap servers.
        let urls = match self.schema_registry.is_empty() {
            true => properties.urls,
            false => self.schema_registry.clone(),
        };
        let urls = match (urls.is_empty(), file) {
            (false, _) => urls,
            (true, None) => return Ok(None),
            (true, Some(file)) => return Err(RegistryConfigError::NoUrl { file: file.to_owned() }),
        };
        let settings = RegistrySettings {
            auth: properties.auth,
            ca_file: properties.ca_file,
            client_certificate: properties.client_certificate,
            prefix_id: properties.prefix_id,
            ..RegistrySettings::new(urls)
        };
        // Reads the certificates, so that a mistake is reported before any port is bound.
        Registry::<()>::new(&settings, |_| Ok(()))
            .map_err(|reason| RegistryConfigError::Unusable { file: file.map(Path::to_owned), reason })?;
        Ok(Some(settings))
    }
}

fn parse_decoded_bytes(text: &str) -> Result<usize, String> {
    const ALLOWED: std::ops::RangeInclusive<usize> = 64 * 1024..=64 * 1024 * 1024;
    let bytes = text.parse().ok().filter(|bytes| ALLOWED.contains(bytes));
    bytes.ok_or_else(|| format!("use a whole number of bytes from {} to {}", ALLOWED.start(), ALLOWED.end()))
}

#[cfg(test)]
mod tests;
