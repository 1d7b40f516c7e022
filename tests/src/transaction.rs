//! A transaction of another application, which a test keeps open for as long as it needs.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::kafka::client_config;
use crate::wait::unique;

/// The first transaction of a cluster waits until Kafka has created an internal topic.
const WITHIN: Duration = Duration::from_secs(30);

/// Kafka aborts a transaction that is open for longer. The default of one minute is too short on a busy machine.
const MAX_OPEN_MS: &str = "300000";

/// An open transaction, whose records consumers of committed records do not get.
pub struct Transaction(Arc<BaseProducer>);

impl Transaction {
    /// Begins a transaction and writes this number of records to each of the topic's first `partitions`.
    pub async fn begin(servers: &str, topic: &str, partitions: i32, records: usize) -> Self {
        Self::begin_in(servers, &[(topic, partitions)], records).await
    }

    /// The same in several topics, each with the number of its first partitions.
    pub async fn begin_in(servers: &str, topics: &[(&str, i32)], records: usize) -> Self {
        let mut config = client_config(servers);
        config.set("transactional.id", unique("transaction")).set("transaction.timeout.ms", MAX_OPEN_MS);
        let mut partitions = Vec::new();
        for (topic, count) in topics {
            partitions.extend((0..*count).map(|partition| ((*topic).to_owned(), partition)));
        }
        let begun = tokio::task::spawn_blocking(move || {
            let producer: BaseProducer = config.create().expect("a producer");
            producer.init_transactions(WITHIN).expect("a transactional producer");
            producer.begin_transaction().expect("a transaction");
            for (topic, partition) in &partitions {
                for _ in 0..records {
                    let record = BaseRecord::<(), str>::to(topic).partition(*partition).payload("in a transaction");
                    producer.send(record).unwrap_or_else(|(error, _)| panic!("{error}"));
                }
            }
            producer.flush(WITHIN).expect("records in Kafka");
            Self(Arc::new(producer))
        });
        begun.await.expect("beginning a transaction does not panic")
    }

    pub async fn commit(&self) {
        self.end(|producer| producer.commit_transaction(WITHIN)).await;
    }

    pub async fn abort(&self) {
        self.end(|producer| producer.abort_transaction(WITHIN)).await;
    }

    async fn end(&self, how: impl FnOnce(&BaseProducer) -> rdkafka::error::KafkaResult<()> + Send + 'static) {
        let producer = Arc::clone(&self.0);
        let ended = tokio::task::spawn_blocking(move || how(&producer).expect("the transaction ends"));
        ended.await.expect("ending a transaction does not panic");
    }
}
