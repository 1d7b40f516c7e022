//! The file of `--kafka-config`: Kafka client properties with the names of Java clients or librdkafka, in the format of
//! Kafka's tools. The properties are validated before any port is bound, and stored under librdkafka's names. Values
//! are never printed.

mod addresses;
pub mod file;
mod jaas;
mod java;
mod names;
mod reserved;
mod sign_in;
mod stores;
mod values;

use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;

pub use self::addresses::parse_addresses;
use self::file::{Entry, Malformed};
use self::jaas::JaasError;
use self::names::canonical;
use self::reserved::Verdict;
use self::stores::StoreError;
use super::{client_config, oauth};

/// Far more than a properties file needs, even with certificates in it.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Kafka client properties under librdkafka's names, one name for each setting ([`names::canonical`]).
#[derive(Clone, Default)]
pub struct KafkaProperties {
    librdkafka: BTreeMap<String, String>,
    bootstrap_servers: Option<String>,
    no_auto_create: bool,
    no_auto_commit: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum PropertiesError {
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}: larger than {MAX_FILE_BYTES} bytes", file.display())]
    TooLarge { file: PathBuf },
    #[error("{}, line {line}: {reason}", file.display())]
    Line { file: PathBuf, line: usize, reason: Reason },
    #[error("{}: librdkafka cannot use these properties together: {reason}", file.display())]
    Rejected { file: PathBuf, reason: String },
    #[error("{}: {reason}", file.display())]
    Tokens { file: PathBuf, reason: oauth::SettingsError },
}

/// The mistake in a line: the name of the property and what to write instead, never the value.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("{0} has no value: expected name=value")]
    NoValue(String),
    #[error("{name} is set twice, first in line {first}")]
    Twice { name: String, first: usize },
    #[error("{name} and {other} (line {first}) are the same setting; keep one of them")]
    SameSetting { name: String, other: String, first: usize },
    #[error("{name} cannot be set here: {why}")]
    Refused { name: String, why: &'static str },
    #[error("unknown property {name}: neither librdkafka nor Kafka's Java clients have it{}", suggestion(*nearest))]
    Unknown { name: String, nearest: Option<&'static str> },
    #[error("invalid value for {name}: {allowed}")]
    Value { name: String, allowed: String },
    #[error("sasl.jaas.config: {0}")]
    Jaas(#[from] JaasError),
    #[error("sasl.jaas.config: {0}")]
    LoginModule(String),
    #[error("{property}: {reason}")]
    Store { property: String, reason: StoreError },
    #[error("{0}")]
    SignIn(String),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// A mistake and its line.
type Refusal = (usize, Reason);

/// A setting under librdkafka's name.
#[derive(Debug)]
struct Setting {
    value: String,
    line: usize,
    /// The name in the file.
    given_as: String,
}

/// The parsed content of a file.
#[derive(Default)]
struct ParsedFile {
    settings: BTreeMap<String, Setting>,
    /// Java's properties whose values have to be translated.
    java: BTreeMap<String, Entry>,
    no_auto_create: bool,
    no_auto_commit: bool,
    /// For the log, without values.
    translated: Vec<String>,
    ignored: Vec<String>,
    lost_backslashes: Vec<String>,
}

impl KafkaProperties {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// If the file cannot be read, a line is invalid, a property may not be set, or librdkafka refuses the combination
    /// of properties.
    pub fn read(path: &Path) -> Result<Self, PropertiesError> {
        let named = || path.to_owned();
        let content = file::read(path, MAX_FILE_BYTES)
            .map_err(|source| PropertiesError::Unreadable { file: named(), source })?
            .ok_or_else(|| PropertiesError::TooLarge { file: named() })?;
        let parsed = ParsedFile::of(&content)
            .and_then(|parsed| values::check(&parsed).map(|()| parsed))
            .map_err(|(line, reason)| PropertiesError::Line { file: named(), line, reason })?;
        parsed.log(path);
        let properties = Self::from(parsed);
        oauth::check(&properties).map_err(|reason| PropertiesError::Tokens { file: named(), reason })?;
        // librdkafka detects contradictions only when a client is created. Without addresses the clients do not
        // connect.
        client_config::check_roles(&properties).map_err(|error| PropertiesError::Rejected {
            file: named(),
            reason: properties.without_values(&values::describe(&error)),
        })?;
        Ok(properties)
    }

    /// The properties of a file with this content, without validation.
    #[cfg(test)]
    pub fn of(properties: &[(&str, &str)]) -> Self {
        let librdkafka =
            properties.iter().map(|&(name, value)| (canonical(name).to_owned(), value.to_owned())).collect();
        Self { librdkafka, ..Self::default() }
    }

    /// The value in the user's file, by any name of the setting; `None` if the file does not set it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.librdkafka.get(canonical(name)).map(String::as_str)
    }

    /// Whether the file sets this boolean to true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| values::is_one_of(value, values::TRUE))
    }

    /// Whether the file sets this boolean to false.
    pub fn is_false(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| values::is_one_of(value, values::FALSE))
    }

    /// The addresses in the file.
    pub fn bootstrap_servers(&self) -> Option<&str> {
        self.bootstrap_servers.as_deref()
    }

    /// Whether clients authenticate with SASL.
    pub fn signs_in(&self) -> bool {
        let protocol = self.get("security.protocol").unwrap_or_default();
        protocol.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sasl"))
    }

    /// Whether Kafka may create a missing topic for a record.
    pub fn may_auto_create(&self) -> bool {
        !self.no_auto_create
    }

    pub fn forbid_auto_create(&mut self) {
        self.no_auto_create = true;
    }

    /// Whether the file says `enable.auto.commit=false`.
    pub fn forbids_auto_commit(&self) -> bool {
        self.no_auto_commit
    }

    /// The properties that also apply to the demo broker: none about connecting.
    #[must_use]
    pub fn for_demo(&self) -> Self {
        Self { no_auto_create: self.no_auto_create, ..Self::default() }
    }

    /// Whether no librdkafka setting was given.
    pub fn is_empty(&self) -> bool {
        self.librdkafka.is_empty()
    }

    /// Whether connections use TLS.
    pub fn uses_tls(&self) -> bool {
        self.get("security.protocol").is_some_and(|protocol| protocol.to_ascii_lowercase().ends_with("ssl"))
    }

    /// librdkafka's names of the settings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.librdkafka.keys().map(String::as_str)
    }

    /// The names of the settings that differ.
    pub fn changed_names(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.librdkafka.keys().chain(other.librdkafka.keys()).collect();
        let differ = |name: &&String| self.librdkafka.get(*name) != other.librdkafka.get(*name);
        let mut changed: Vec<String> = names.into_iter().filter(differ).cloned().collect();
        let kept_apart = [
            ("bootstrap.servers", self.bootstrap_servers != other.bootstrap_servers),
            ("allow.auto.create.topics", self.no_auto_create != other.no_auto_create),
        ];
        changed.extend(kept_apart.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
        changed
    }

    /// Sets all properties except those for OAuth tokens, which the bridge fetches itself.
    pub fn set_all(&self, config: &mut ClientConfig) {
        for (name, value) in self.librdkafka.iter().filter(|(name, _)| !oauth::is_token_setting(name)) {
            let value = if name == "sasl.mechanism" { oauth::mechanism_for_librdkafka(value) } else { value };
            config.set(name, value);
        }
    }

    /// Removes values from a message of librdkafka, because secrets must not be logged.
    fn without_values(&self, message: &str) -> String {
        const SHORTEST_SECRET: usize = 4;
        let values = self.librdkafka.values().filter(|value| value.len() >= SHORTEST_SECRET);
        values.fold(message.to_owned(), |text, value| text.replace(value.as_str(), "…"))
    }
}

/// Prints only names, because a value may be a password.
impl fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.librdkafka.keys()).finish()
    }
}

impl From<ParsedFile> for KafkaProperties {
    fn from(parsed: ParsedFile) -> Self {
        let mut librdkafka: BTreeMap<String, String> =
            parsed.settings.into_iter().map(|(name, setting)| (name, setting.value)).collect();
        Self {
            // Kept apart, because the command line may override them.
            bootstrap_servers: librdkafka.remove("bootstrap.servers"),
            librdkafka,
            no_auto_create: parsed.no_auto_create,
            no_auto_commit: parsed.no_auto_commit,
        }
    }
}

impl ParsedFile {
    fn of(content: &[u8]) -> Result<Self, Refusal> {
        let mut parsed = Self::default();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for entry in file::parse(content).map_err(|(line, why)| (line, why.into()))? {
            if let Some(first) = seen.insert(entry.name.clone(), entry.line) {
                return Err((entry.line, Reason::Twice { name: entry.name, first }));
            }
            if entry.lost_backslash {
                parsed.lost_backslashes.push(format!("{} (line {})", entry.name, entry.line));
            }
            let line = entry.line;
            parsed.take(entry).map_err(|reason| (line, reason))?;
        }
        java::translate(&mut parsed)?;
        sign_in::check(&parsed)?;
        Ok(parsed)
    }

    fn take(&mut self, entry: Entry) -> Result<(), Reason> {
        let refused = |name: &str, why| Reason::Refused { name: name.to_owned(), why };
        let Some(value) = entry.value.clone() else { return Err(Reason::NoValue(entry.name)) };
        match java::handling(&entry.name) {
            java::Handling::Translated => {
                self.java.insert(entry.name.clone(), entry);
                return Ok(());
            }
            java::Handling::Ignored => {
                self.ignored.push(entry.name);
                return Ok(());
            }
            java::Handling::Refused(why) => return Err(refused(&entry.name, why)),
            java::Handling::Shared => {}
        }
        let name = canonical(&entry.name);
        match reserved::verdict(name, &value) {
            Verdict::Refused(why) => return Err(refused(&entry.name, why)),
            Verdict::Same => {
                // The bridge sets the same value anyway. For `bridge consume` the property means --no-commit.
                self.no_auto_commit |= name == "enable.auto.commit";
                return Ok(());
            }
            Verdict::Free => {}
        }
        match name {
            "bootstrap.servers" => {
                let allowed = "expected host:port, separated by commas".to_owned();
                let addresses = parse_addresses(&value);
                let addresses = addresses.map_err(|_| Reason::Value { name: entry.name.clone(), allowed })?;
                self.set(name, &entry.name, entry.line, addresses)
            }
            "allow.auto.create.topics" => {
                self.no_auto_create = values::is_false(&entry.name, &value)?;
                Ok(())
            }
            _ => {
                if names::is_java_only(&entry.name) {
                    self.translated.push(format!("{} → {name}", entry.name));
                }
                self.set(name, &entry.name, entry.line, value)
            }
        }
    }

    /// `name`: librdkafka's name; `given_as`: the name in the file.
    fn set(&mut self, name: &str, given_as: &str, line: usize, value: String) -> Result<(), Reason> {
        match self.settings.entry(name.to_owned()) {
            MapEntry::Vacant(entry) => {
                entry.insert(Setting { value, line, given_as: given_as.to_owned() });
                Ok(())
            }
            MapEntry::Occupied(earlier) => {
                let Setting { line: first, given_as: other, .. } = earlier.get();
                Err(Reason::SameSetting { name: given_as.to_owned(), other: other.clone(), first: *first })
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|setting| setting.value.as_str())
    }

    fn protocol(&self) -> Option<String> {
        self.get("security.protocol").map(str::to_ascii_uppercase)
    }

    fn log(&self, path: &Path) {
        let file = path.display();
        if !self.translated.is_empty() {
            tracing::info!("{file}: translated from Java's properties: {}", self.translated.join(", "));
        }
        if !self.ignored.is_empty() {
            tracing::info!("{file}: ignored, because they have no effect here: {}", self.ignored.join(", "));
        }
        if !self.lost_backslashes.is_empty() {
            tracing::warn!(
                "{file}: backslashes were dropped, because a backslash in a properties file escapes the next character, as in \
                 Java; write \\\\ for a backslash: {}",
                self.lost_backslashes.join(", ")
            );
        }
    }
}

#[cfg(test)]
mod tests;
