//! Creates what decodes the records of a cluster.

use anyhow::anyhow;
use serdes::registry::{Registry, RegistrySettings};
use serdes::{CompiledSchema, Decoder, TopicRule, TopicSchemas};

/// `schemas`: those of the configuration file. `max_bytes`: the largest decoded key or value. Does not connect to the registry, which may come up later.
pub fn create(registry: Option<&RegistrySettings>, schemas: &[TopicRule], max_bytes: usize) -> anyhow::Result<Decoder> {
    let registry = registry
        .map(|settings| Registry::new(settings, CompiledSchema::compile))
        .transpose()
        .map_err(|reason| anyhow!("schema registry: {reason}"))?;
    let schemas = TopicSchemas::compile(schemas).map_err(|error| anyhow!("{}", error.message))?;
    Ok(Decoder::new(registry, max_bytes).with_topic_schemas(schemas))
}
