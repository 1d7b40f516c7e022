//! How clients are made: every consumer and producer of the bridge comes from here, so that each reports why it cannot connect, has
//! the current OAuth token, and asks before it signs in.

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use super::client_config::Connection;
use super::context::{ClientHooks, HookedContext};
use super::native::{self, Admission};
use super::oauth::SignedIn;

impl Connection {
    /// A consumer with this configuration, which began as [`Connection::base_config`].
    pub fn consumer<C>(&self, config: &ClientConfig, context: C) -> KafkaResult<SignedIn<BaseConsumer<C>>>
    where
        C: ConsumerContext + HookedContext + Admission,
    {
        if !self.properties.signs_in() {
            return Ok(self.tokens.sign_in(BaseConsumer::from_config_and_context(config, context)?));
        }
        announce(&context);
        let consumer = BaseConsumer::from_config_and_context(&without_brokers(config), context)?;
        let consumer = self.tokens.sign_in(consumer);
        native::connect_when_admitted(Consumer::client(&*consumer), &self.bootstrap_servers)?;
        Ok(consumer)
    }

    /// The same for a producer.
    pub fn producer<C>(&self, config: &ClientConfig, context: C) -> KafkaResult<SignedIn<BaseProducer<C>>>
    where
        C: ProducerContext + HookedContext + Admission,
    {
        if !self.properties.signs_in() {
            return Ok(self.tokens.sign_in(BaseProducer::from_config_and_context(config, context)?));
        }
        announce(&context);
        let producer: BaseProducer<C> = BaseProducer::from_config_and_context(&without_brokers(config), context)?;
        let producer = self.tokens.sign_in(producer);
        native::connect_when_admitted(Producer::client(&*producer), &self.bootstrap_servers)?;
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
