//! DescribeConfigs for topics and brokers, and IncrementalAlterConfigs for topics.

use std::time::Duration;

use protocol::SettingSource;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;
use sys::rd_kafka_AlterConfigOpType_t as Change;

use super::admin::{AdminRequests, Failure, array, optional_text, text};
use super::c_string::{InteriorNul, c_string};

/// The topic or broker with the settings.
#[derive(Clone, Copy, Debug)]
pub enum ConfigResource<'a> {
    Topic(&'a str),
    Broker(i32),
}

/// One setting. Brokers do not send the value of a `sensitive` setting.
pub struct Setting {
    pub name: String,
    pub value: Option<String>,
    pub source: SettingSource,
    pub read_only: bool,
    pub sensitive: bool,
    /// Every configured value and default, the effective one first.
    pub synonyms: Vec<(SettingSource, Option<String>)>,
}

/// Fetches all settings, sorted by name. Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn describe_config<C: ClientContext>(
    client: &Client<C>,
    of: ConfigResource<'_>,
    timeout: Duration,
) -> Result<Vec<Setting>, Failure> {
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
    let mut requests = AdminRequests::new(client, kind, timeout);
    let mut resource = Resource::new(of)?;
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the resource is copied before the call returns.
        unsafe { sys::rd_kafka_DescribeConfigs(client, &mut resource.0, 1, options, queue) }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DescribeConfigs; resources and entries live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConfigs_result(answer.0);
        let mut settings = Vec::new();
        for &resource in array(|count| sys::rd_kafka_DescribeConfigs_result_resources(result, count)) {
            require_success(resource)?;
            let entries = array(|count| sys::rd_kafka_ConfigResource_configs(resource, count));
            settings.extend(entries.iter().map(|&entry| setting(entry)));
        }
        settings.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(settings)
    }
}

/// Sets (`Some`) or deletes (`None`) the named settings of a topic; the others stay. Blocks for at most `timeout`.
///
/// # Errors
/// If Kafka refuses the request or does not answer.
pub fn alter_topic_config<'a, C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    changes: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    timeout: Duration,
) -> Result<(), Failure> {
    let mut resource = Resource::new(ConfigResource::Topic(topic))?;
    for (name, value) in changes {
        let (name, value) = (c_string(name)?, value.map(c_string).transpose()?);
        let (operation, value) = match &value {
            Some(value) => (Change::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, value.as_ptr()),
            None => (Change::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE, std::ptr::null()),
        };
        // SAFETY: our own resource; texts are copied. A returned error is ours to destroy.
        unsafe {
            let error =
                sys::rd_kafka_ConfigResource_add_incremental_config(resource.0, name.as_ptr(), operation, value);
            if let Some(failure) = super::admin::failure(error) {
                sys::rd_kafka_error_destroy(error);
                return Err(failure);
            }
        }
    }
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
    let mut requests = AdminRequests::new(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the resource is copied before the call returns.
        unsafe { sys::rd_kafka_IncrementalAlterConfigs(client, &mut resource.0, 1, options, queue) }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to IncrementalAlterConfigs; its resources live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(answer.0);
        let resources = array(|count| sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, count));
        resources.iter().try_for_each(|&resource| require_success(resource))
    }
}

/// A resource of our own.
struct Resource(*mut sys::rd_kafka_ConfigResource_t);

impl Resource {
    fn new(of: ConfigResource<'_>) -> Result<Self, InteriorNul> {
        let (kind, name) = match of {
            ConfigResource::Topic(name) => (sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, c_string(name)?),
            ConfigResource::Broker(id) => {
                (sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_BROKER, c_string(&id.to_string())?)
            }
        };
        // SAFETY: the name is copied; it is never empty, the only reason to get null.
        Ok(Self(unsafe { sys::rd_kafka_ConfigResource_new(kind, name.as_ptr()) }))
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        // SAFETY: owned by us and destroyed once.
        unsafe { sys::rd_kafka_ConfigResource_destroy(self.0) }
    }
}

/// # Safety
/// A valid resource.
unsafe fn require_success(resource: *const sys::rd_kafka_ConfigResource_t) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        match sys::rd_kafka_ConfigResource_error(resource).into() {
            RDKafkaErrorCode::NoError => Ok(()),
            code => Err(Failure { code, reason: text(sys::rd_kafka_ConfigResource_error_string(resource)) }),
        }
    }
}

/// # Safety
/// A valid entry.
unsafe fn setting(entry: *const sys::rd_kafka_ConfigEntry_t) -> Setting {
    // SAFETY: the caller's promise; synonyms belong to the entry.
    unsafe {
        let synonyms = array(|count| sys::rd_kafka_ConfigEntry_synonyms(entry, count));
        Setting {
            name: text(sys::rd_kafka_ConfigEntry_name(entry)),
            value: optional_text(sys::rd_kafka_ConfigEntry_value(entry)),
            source: source(entry),
            read_only: sys::rd_kafka_ConfigEntry_is_read_only(entry) == 1,
            sensitive: sys::rd_kafka_ConfigEntry_is_sensitive(entry) == 1,
            synonyms: synonyms
                .iter()
                .map(|&synonym| (source(synonym), optional_text(sys::rd_kafka_ConfigEntry_value(synonym))))
                .collect(),
        }
    }
}

/// # Safety
/// A valid entry.
unsafe fn source(entry: *const sys::rd_kafka_ConfigEntry_t) -> SettingSource {
    type Native = unsafe extern "C" fn(*const sys::rd_kafka_ConfigEntry_t) -> sys::rd_kafka_ConfigSource_t;
    type Number = unsafe extern "C" fn(*const sys::rd_kafka_ConfigEntry_t) -> u32;
    // librdkafka returns the broker's number unchecked. A newer broker may send a number that is not a variant of the
    // binding's enum, which would be undefined behaviour, so it is read as an integer.
    // SAFETY: a C enum is returned as `unsigned int`, as the bindings declare by `repr(u32)`; the rest is the caller's
    // promise.
    let number = unsafe {
        let read: Number = std::mem::transmute::<Native, Number>(sys::rd_kafka_ConfigEntry_source);
        read(entry)
    };
    match number {
        1 => SettingSource::Topic,
        2 => SettingSource::Broker,
        3 => SettingSource::Cluster,
        4 => SettingSource::File,
        5 => SettingSource::Default,
        _ => SettingSource::Unknown,
    }
}
