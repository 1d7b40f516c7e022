//! `[clusters.NAME]` in the file of `--config`: the Kafka clusters that a bridge serves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Command};
use formats::Spot;
use protocol::{ClusterColour, ClusterName, GroupId, GroupStart, InvalidName, TopicName};
use serdes::registry::RegistryUrl;
use toml::de::{DeTable, DeValue};

use super::file::{FileValue, KeyError, OptionsFile, Reader, with_default};
use super::{RegistryArgs, parse_start, value};
use kafka::properties::parse_addresses;

/// Top-level options that name a cluster, and so contradict `[clusters]`.
const SINGLE_CLUSTER: [&str; 3] = ["bootstrap-servers", "kafka-config", "demo"];

/// The options of a schema registry.
const REGISTRY: [&str; 2] = ["schema-registry", "schema-registry-config"];

/// A table `[clusters.NAME]`.
#[derive(Clone, Debug)]
pub struct ClusterTable {
    pub name: ClusterName,
    pub keys: ClusterKeys,
    /// The keys of the table, as they would be typed.
    pub options: BTreeMap<String, FileValue>,
}

/// The keys of a table. They are defined as options, so that they are parsed like those of the command line.
#[derive(Args, Clone, Debug)]
pub struct ClusterKeys {
    #[arg(long, value_parser = parse_addresses)]
    pub bootstrap_servers: Option<String>,

    #[arg(long)]
    pub kafka_config: Option<PathBuf>,

    #[arg(long)]
    pub no_auto_create: bool,

    #[arg(long)]
    pub demo: bool,

    #[arg(long)]
    pub read_only: bool,

    #[arg(long)]
    pub topic: Option<TopicName>,

    #[arg(long)]
    pub group: Option<GroupId>,

    #[arg(long, value_parser = parse_start)]
    pub start: Option<GroupStart>,

    #[arg(long, value_parser = parse_colour)]
    pub colour: Option<ClusterColour>,

    // Not `RegistryArgs`, whose environment variables would take precedence over the table.
    #[arg(long, value_delimiter = ',', value_parser = RegistryUrl::parse)]
    pub schema_registry: Vec<RegistryUrl>,

    #[arg(long)]
    pub schema_registry_config: Option<PathBuf>,
}

impl ClusterKeys {
    pub fn registry(&self) -> RegistryArgs {
        RegistryArgs {
            schema_registry: self.schema_registry.clone(),
            schema_registry_config: self.schema_registry_config.clone(),
        }
    }
}

/// What is wrong with a table, or with the tables and the other options together.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("clusters must have a table for each cluster, such as [clusters.prod]")]
    NotTables,
    #[error("clusters has no table; add one, such as [clusters.prod], or remove it")]
    Empty,
    #[error("{0}")]
    Name(#[from] InvalidName),
    #[error("{name}: {reason}")]
    Key { name: ClusterName, reason: KeyError },
    #[error("{name} has neither bootstrap-servers, nor kafka-config, nor demo = true")]
    NoServers { name: ClusterName },
    #[error("{name} has demo = true and also {other}; the demo broker has its own address")]
    DemoAndServers { name: ClusterName, other: &'static str },
    #[error("{option} ({at}) cannot be combined with [clusters]: move it into the table of its cluster")]
    TopLevel { option: &'static str, at: Spot },
}

impl ClusterTable {
    /// Reads all tables, in the order of the file.
    pub fn read_all(
        reader: &Reader<'_>,
        options: &BTreeMap<String, FileValue>,
        at: Spot,
        tables: DeTable<'_>,
    ) -> Result<Vec<Self>, (Spot, ClusterError)> {
        let is_given = |value: &&FileValue| value.texts != ["false"];
        let single = SINGLE_CLUSTER.iter().find_map(|option| Some((option, options.get(*option).filter(is_given)?)));
        if let Some((option, value)) = single {
            return Err((at, ClusterError::TopLevel { option, at: value.at }));
        }
        let mut tables: Vec<_> = tables.into_iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        if tables.is_empty() {
            return Err((at, ClusterError::Empty));
        }
        let read = tables.into_iter().map(|(name, table)| {
            let at = reader.spot(name.span().start);
            let name = ClusterName::parse(name.get_ref()).map_err(|error| (at, error.into()))?;
            let DeValue::Table(table) = table.into_inner() else { return Err((at, ClusterError::NotTables)) };
            Self::read(reader, name, at, &table)
        });
        read.collect()
    }

    fn read(
        reader: &Reader<'_>,
        name: ClusterName,
        at: Spot,
        table: &DeTable<'_>,
    ) -> Result<Self, (Spot, ClusterError)> {
        let (keys, options): (ClusterKeys, _) =
            reader.keys(at, table).map_err(|(at, reason)| (at, ClusterError::Key { name: name.clone(), reason }))?;
        let contradiction = match (&keys.bootstrap_servers, &keys.kafka_config, keys.demo) {
            (Some(_), _, true) => Some(ClusterError::DemoAndServers { name: name.clone(), other: "bootstrap-servers" }),
            (None, Some(_), true) => Some(ClusterError::DemoAndServers { name: name.clone(), other: "kafka-config" }),
            (None, None, false) => Some(ClusterError::NoServers { name: name.clone() }),
            _ => None,
        };
        match contradiction {
            Some(error) => Err((at, error)),
            None => Ok(Self { name, keys, options }),
        }
    }
}

impl ClusterTable {
    /// The definition of the command line, with the cluster's topic, group, start position and schema registry as the defaults of the
    /// terminal programs.
    #[must_use]
    pub fn with_defaults(&self, command: Command) -> Command {
        let defaults = ["topic", "group", "start"].into_iter().filter_map(|key| Some((key, self.options.get(key)?)));
        let command = defaults.fold(command, |command, (key, value)| with_default(command, key, &value.texts));
        if self.keys.registry().is_empty() {
            return command;
        }
        // Also the option that the table does not have, because the two are about the same registry.
        REGISTRY.into_iter().fold(command, |command, key| {
            let texts = self.options.get(key).map(|value| value.texts.as_slice()).unwrap_or_default();
            with_default(command, key, texts)
        })
    }
}

impl OptionsFile {
    /// The cluster of this name, or the first one.
    ///
    /// # Errors
    /// When the file has no cluster of that name; the message lists the names.
    pub fn cluster(&self, name: Option<&ClusterName>) -> Result<Option<&ClusterTable>, UnknownCluster> {
        let Some(name) = name else { return Ok(self.clusters.first()) };
        let found = self.clusters.iter().find(|cluster| cluster.name == *name);
        found.map(Some).ok_or_else(|| UnknownCluster {
            name: name.clone(),
            nearest: value::nearest(name.as_str(), self.clusters.iter().map(|cluster| cluster.name.as_str()))
                .map(str::to_owned),
            existing: self.names().join(", "),
        })
    }

    pub fn names(&self) -> Vec<&str> {
        self.clusters.iter().map(|cluster| cluster.name.as_str()).collect()
    }
}

/// `--cluster` names a cluster that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("--cluster: no cluster {:?}{}; {}", name.as_str(), value::suggestion(nearest.as_deref()), self.existing())]
pub struct UnknownCluster {
    pub name: ClusterName,
    pub nearest: Option<String>,
    pub existing: String,
}

impl UnknownCluster {
    /// The error if there is no file.
    pub fn without_clusters(name: &ClusterName) -> Self {
        Self { name: name.clone(), nearest: None, existing: String::new() }
    }

    fn existing(&self) -> String {
        match self.existing.as_str() {
            "" => "the configuration has no [clusters]; add them to the file of --config".to_owned(),
            names => format!("the configuration has: {names}"),
        }
    }
}

fn parse_colour(text: &str) -> Result<ClusterColour, String> {
    ClusterColour::ALL.into_iter().find(|colour| colour.name() == text).ok_or_else(|| {
        let names = ClusterColour::ALL.map(ClusterColour::name);
        format!("allowed values: {}", names.join(", "))
    })
}
