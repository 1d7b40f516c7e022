//! How clients are made: every consumer and producer of the bridge comes from here, so that none signs in without asking.

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, ProducerContext};

use super::client_config::Connection;
use super::context::{ClientHooks, HookedContext};
use super::native::{self, Admission};

impl Connection {
    /// A consumer with this configuration, which began as [`Connection::base_config`].
    pub fn consumer<C>(&self, config: &ClientConfig, context: C) -> KafkaResult<BaseConsumer<C>>
    where
        C: ConsumerContext + HookedContext + Admission,
    {
        if !self.signs_in() {
            return BaseConsumer::from_config_and_context(config, context);
        }
        announce(&context);
        let consumer = BaseConsumer::from_config_and_context(&without_brokers(config), context)?;
        native::connect_when_admitted(rdkafka::consumer::Consumer::client(&consumer), &self.bootstrap_servers)?;
        Ok(consumer)
    }

    /// The same for a producer.
    pub fn producer<C>(&self, config: &ClientConfig, context: C) -> KafkaResult<BaseProducer<C>>
    where
        C: ProducerContext + HookedContext + Admission,
    {
        if !self.signs_in() {
            return BaseProducer::from_config_and_context(config, context);
        }
        announce(&context);
        let producer: BaseProducer<C> = BaseProducer::from_config_and_context(&without_brokers(config), context)?;
        native::connect_when_admitted(rdkafka::producer::Producer::client(&producer), &self.bootstrap_servers)?;
        Ok(producer)
    }

    /// What the contexts of its clients report to.
    pub fn hooks(&self) -> ClientHooks {
        self.hooks.clone()
    }
}

/// The sign-in thread starts while librdkafka makes the client.
fn announce<C: HookedContext>(context: &C) {
    if let Some(sign_in) = &context.hooks().sign_in {
        sign_in.admits();
    }
}

fn without_brokers(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.remove("bootstrap.servers");
    config
}
