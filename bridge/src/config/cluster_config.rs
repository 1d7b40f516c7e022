//! The clusters that `serve` connects to: those of the configuration file, or one that the options name.

use std::path::PathBuf;

use protocol::{ClusterColour, ClusterName, GroupId, GroupStart, TopicName};

use super::clusters::{ClusterTable, UnknownCluster};
use super::file::OptionsFile;
use super::{ConfigError, KafkaArgs, ServeArgs};
use kafka::properties::KafkaProperties;
use serdes::TopicRule;
use serdes::registry::RegistrySettings;

/// Which broker the bridge connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerChoice {
    /// The user gave it; the bridge never falls back to another one.
    Named(String),
    /// `localhost:9092` if something listens there, else the demo broker.
    LocalOrDemo,
    /// `localhost:9092`, whether something listens there or not.
    Local,
    Demo,
}

/// The validated configuration of one Kafka cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    pub name: ClusterName,
    pub colour: Option<ClusterColour>,
    pub broker: BrokerChoice,
    pub kafka_properties: KafkaProperties,
    /// The file of the properties.
    pub kafka_config: Option<PathBuf>,
    /// `None`: the cluster has no schema registry.
    pub registry: Option<RegistrySettings>,
    /// The schemas of the configuration file.
    pub schemas: Vec<TopicRule>,
    pub read_only: bool,
    /// The defaults of the page.
    pub topic: TopicName,
    pub group: GroupId,
    pub start: GroupStart,
}

impl ServeArgs {
    /// The clusters and the index of the default one: those of the file, or one that the options name.
    pub(super) fn clusters(&self, file: Option<&OptionsFile>) -> Result<(Vec<ClusterConfig>, usize), ConfigError> {
        let chosen = chosen_table(&self.kafka, file)?;
        let tables = file.map(|file| file.clusters.as_slice()).unwrap_or_default();
        if chosen.is_some() && self.demo {
            return Err(ConfigError::ServersAndClusters("--demo"));
        }
        if tables.is_empty() {
            let target = self.kafka.target()?;
            let broker = match target.bootstrap_servers {
                _ if self.demo => BrokerChoice::Demo,
                Some(servers) => BrokerChoice::Named(servers),
                None if self.no_demo => BrokerChoice::Local,
                None => BrokerChoice::LocalOrDemo,
            };
            let cluster = ClusterConfig {
                name: ClusterName::default(),
                colour: None,
                broker,
                kafka_properties: target.properties,
                kafka_config: self.kafka.kafka_config.clone(),
                registry: self.decode.registry.settings().map_err(|reason| ConfigError::registry(None, reason))?,
                schemas: schemas_of(file, &ClusterName::default())?,
                read_only: self.read_only,
                topic: self.topic.clone(),
                group: self.group.clone(),
                start: self.start,
            };
            return Ok((vec![cluster], 0));
        }
        let clusters = tables.iter().map(|table| self.cluster(table, file)).collect::<Result<_, _>>()?;
        let is_chosen = |table: &ClusterTable| chosen.is_some_and(|chosen| chosen.name == table.name);
        Ok((clusters, tables.iter().position(is_chosen).unwrap_or(0)))
    }

    /// The options of the command line apply to each cluster that does not set them itself; `read-only` and `no-auto-create`
    /// restrict every cluster.
    fn cluster(&self, table: &ClusterTable, file: Option<&OptionsFile>) -> Result<ClusterConfig, ConfigError> {
        let kafka = KafkaArgs { table: Some(table.clone()), ..self.kafka.clone() };
        let target = kafka.target()?;
        let keys = &table.keys;
        let broker = match target.bootstrap_servers {
            Some(servers) => BrokerChoice::Named(servers),
            None if keys.demo => BrokerChoice::Demo,
            None => return Err(ConfigError::NoServers(table.name.clone())),
        };
        // The credentials of one registry must not be sent to another one.
        let own = keys.registry();
        let (registry, of_table) = match own.is_empty() {
            true => (&self.decode.registry, None),
            false => (&own, Some(&table.name)),
        };
        let registry = registry.settings().map_err(|reason| ConfigError::registry(of_table, reason))?;
        Ok(ClusterConfig {
            name: table.name.clone(),
            colour: keys.colour,
            broker,
            kafka_properties: target.properties,
            kafka_config: keys.kafka_config.clone(),
            registry,
            schemas: schemas_of(file, &table.name)?,
            read_only: self.read_only || keys.read_only,
            topic: keys.topic.clone().unwrap_or_else(|| self.topic.clone()),
            group: keys.group.clone().unwrap_or_else(|| self.group.clone()),
            start: keys.start.unwrap_or(self.start),
        })
    }
}

fn schemas_of(file: Option<&OptionsFile>, cluster: &ClusterName) -> Result<Vec<TopicRule>, ConfigError> {
    Ok(file.map(|file| file.load_schemas(cluster)).transpose()?.unwrap_or_default())
}

/// The table of the cluster that these options choose; `None` without `[clusters]`.
pub fn chosen_table<'f>(
    kafka: &KafkaArgs,
    file: Option<&'f OptionsFile>,
) -> Result<Option<&'f ClusterTable>, ConfigError> {
    let chosen = match file {
        Some(file) => file.cluster(kafka.cluster.as_ref())?,
        None => match &kafka.cluster {
            None => None,
            Some(name) => return Err(UnknownCluster::without_clusters(name).into()),
        },
    };
    let given =
        [("--bootstrap-servers", kafka.bootstrap_servers.is_some()), ("--kafka-config", kafka.kafka_config.is_some())];
    match (chosen, given.into_iter().find(|(_, is_given)| *is_given)) {
        (Some(_), Some((option, _))) => Err(ConfigError::ServersAndClusters(option)),
        (chosen, _) => Ok(chosen),
    }
}
