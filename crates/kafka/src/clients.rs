//! Creates every consumer and producer of the bridge, so that each reports its connection errors, has the current OAuth
//! token and obeys the sign-in budget.

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use super::client_config::Connection;
use super::context::{ClientHooks, HookedContext};
use super::native::{self, Admission, KafkaClient};
use super::oauth::SignedIn;

impl Connection {
    /// Creates a consumer. `config` must be based on [`Connection::base_config`].
    ///
    /// # Errors
    /// If librdkafka refuses the configuration.
    pub fn consumer<C>(&self, config: &ClientConfig, context: C) -> KafkaResult<SignedIn<BaseConsumer<C>>>
    where
        C: ConsumerContext + HookedContext + Admission,
    {
        if !self.properties.signs_in() {
            return Ok(self.sign_in(BaseConsumer::from_config_and_context(config, context)?));
        }
        request_sign_in(&context);
        let consumer = BaseConsumer::from_config_and_context(&without_brokers(config), context)?;
        let consumer = self.sign_in(consumer);
        native::connect_when_admitted(Consumer::client(&*consumer), &self.bootstrap_servers)?;
        Ok(consumer)
    }

    /// Creates a producer, as [`Self::consumer`].
    ///
    /// # Errors
    /// If librdkafka refuses the configuration.
    pub fn producer<C>(&self, config: &ClientConfig, context: C) -> KafkaResult<SignedIn<BaseProducer<C>>>
    where
        C: ProducerContext + HookedContext + Admission,
    {
        if !self.properties.signs_in() {
            return Ok(self.sign_in(BaseProducer::from_config_and_context(config, context)?));
        }
        request_sign_in(&context);
        let producer: BaseProducer<C> = BaseProducer::from_config_and_context(&without_brokers(config), context)?;
        let producer = self.sign_in(producer);
        native::connect_when_admitted(Producer::client(&*producer), &self.bootstrap_servers)?;
        Ok(producer)
    }

    /// Registers a new client, so that it gets each later token and password.
    fn sign_in<T: KafkaClient>(&self, client: T) -> SignedIn<T> {
        self.tokens.sign_in(client, &self.credentials)
    }

    /// The hooks for the contexts of clients.
    pub fn hooks(&self) -> ClientHooks {
        self.hooks.clone()
    }
}

/// Wakes the sign-in thread, so that it signs in while librdkafka creates the client.
fn request_sign_in<C: HookedContext>(context: &C) {
    if let Some(sign_in) = &context.hooks().sign_in {
        sign_in.admits();
    }
}

fn without_brokers(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.remove("bootstrap.servers");
    config
}
