//! The client that asks: for brokers, topics, positions. It neither writes nor joins a group, and asking for a topic
//! does not create it, as it would through the producer. Every answer blocks: ask off the async workers.

use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;

use super::client_config::Connection;
use super::group_protocol::{self, GroupProtocol};
use super::native;

/// Answers come within this time, or not at all.
pub const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Questions {
    consumer: BaseConsumer<QuietContext>,
}

pub struct QuietContext;
super::context::quiet_client_context!(QuietContext);
impl ConsumerContext for QuietContext {}

impl Questions {
    pub fn new(connection: &Connection) -> KafkaResult<Self> {
        let mut config = connection.base_config();
        config.set("allow.auto.create.topics", "false");
        let consumer = BaseConsumer::from_config_and_context(&config, QuietContext)?;
        Ok(Self { consumer })
    }

    pub fn client(&self) -> &Client<QuietContext> {
        self.consumer.client()
    }

    /// Whether any broker answers within the time.
    pub fn is_answered(&self, timeout: Duration) -> bool {
        native::fetch_brokers(self.client(), timeout).is_ok()
    }

    /// Whether the brokers are librdkafka's mock, whoever runs it. Known once a broker has answered.
    pub fn is_mock(&self) -> bool {
        self.client().fetch_cluster_id(Duration::ZERO).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// Which protocol the brokers' groups speak; none if no broker answers within the time.
    pub fn group_protocol(&self, connection: &Connection, timeout: Duration) -> Option<GroupProtocol> {
        let brokers = native::fetch_brokers(self.client(), timeout).ok()?.brokers;
        group_protocol::ask(connection, brokers.first()?.id, timeout)
    }

    /// Takes librdkafka's log lines and errors off its queue; somebody must, now and then.
    pub fn serve_events(&self) {
        while self.consumer.poll(Duration::ZERO).is_some() {}
    }
}
