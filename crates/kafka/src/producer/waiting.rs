//! Why records wait. librdkafka's producer retries for two minutes without an error. So for records that have no
//! outcome after a second, the bridge checks the topic's partitions and reports to the senders what is missing (a
//! leader, in-sync replicas).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ProduceWaiting, WaitReason};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataPartition;

use super::Current;
use super::outcome::{Failure, Fatal, produce_error};
use crate::metadata_client::MetadataClient;
use crate::native::{self, ConfigResource, DeliveryReport};

/// How often the thread checks for records that wait.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// A record without an outcome after this time counts as waiting.
const OVERDUE_AFTER: Duration = Duration::from_secs(1);

/// How long a reason is valid. It must outlast a round through all topics, and the second by which librdkafka may
/// exceed the delivery time-out.
const REASON_VALID_FOR: Duration = Duration::from_secs(15);

/// How long a fetched `min.insync.replicas` is valid.
const SETTING_VALID_FOR: Duration = Duration::from_secs(10);

/// The time limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest number of partitions with a stored reason.
const MAX_REASONS: usize = 1024;

/// By topic and partition: why records wait, and when this was found out.
type FoundReasons = HashMap<(Arc<str>, i32), (Arc<ProduceWaiting>, Instant)>;

/// The known reasons why records of partitions wait.
#[derive(Default)]
pub struct WaitingPartitions {
    reasons: Mutex<FoundReasons>,
    is_watched: AtomicBool,
}

impl WaitingPartitions {
    /// Starts the thread `kafka-waiting`, once. It ends with the producer.
    pub fn watch(&self, current: &Arc<Current>) {
        if self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let watch = Watch { current: Arc::downgrade(current), settings: HashMap::new() };
        let thread = std::thread::Builder::new().name("kafka-waiting".to_owned());
        if let Err(error) = thread.spawn(move || watch.run()) {
            tracing::warn!(%error, "cannot start the thread that finds out why records wait");
            self.is_watched.store(false, Ordering::Relaxed);
        }
    }

    /// The error of a record that was not delivered, with the reason why it waited, if known.
    pub fn error_of(
        &self,
        topic: &str,
        report: &DeliveryReport,
        code: RDKafkaErrorCode,
        fatal: Option<&Fatal>,
    ) -> ErrorBody {
        let waiting = match code {
            RDKafkaErrorCode::MessageTimedOut
            | RDKafkaErrorCode::NotEnoughReplicas
            | RDKafkaErrorCode::NotEnoughReplicasAfterAppend => self.reason(topic, report.partition),
            _ => None,
        };
        let possibly_persisted = report.possibly_persisted;
        let (waiting, is_invalid_without_key) = (waiting.as_deref(), report.is_invalid_without_key);
        produce_error(Failure { topic, code, is_invalid_without_key, possibly_persisted, fatal, waiting })
    }

    fn reason(&self, topic: &str, partition: i32) -> Option<Arc<ProduceWaiting>> {
        let reasons = self.lock();
        let (waiting, at) = reasons.get(&(Arc::from(topic), partition))?;
        (at.elapsed() < REASON_VALID_FOR).then(|| Arc::clone(waiting))
    }

    fn keep(&self, found: &[Arc<ProduceWaiting>]) {
        let mut reasons = self.lock();
        reasons.retain(|_, (_, at)| at.elapsed() < REASON_VALID_FOR);
        for waiting in found {
            let key = (Arc::from(waiting.topic.as_str()), waiting.partition);
            if reasons.len() < MAX_REASONS || reasons.contains_key(&key) {
                reasons.insert(key, (Arc::clone(waiting), Instant::now()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, FoundReasons> {
        // Each change is a single insert or removal.
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that checks for records that wait.
struct Watch {
    current: Weak<Current>,
    /// `min.insync.replicas` of topics; `None` if Kafka does not report it.
    settings: HashMap<Arc<str>, (Option<usize>, Instant)>,
}

impl Watch {
    fn run(mut self) {
        loop {
            std::thread::sleep(CHECK_EVERY);
            let Some(current) = self.current.upgrade() else { return };
            let Some(client) = current.running() else { continue };
            client.refresh_denied_topics(REQUEST_TIMEOUT);
            for overdue in client.overdue(OVERDUE_AFTER) {
                let found: Vec<Arc<ProduceWaiting>> =
                    self.diagnose(&current, &overdue.topic).into_iter().map(Arc::new).collect();
                current.waiting.keep(&found);
                for (sink, partition) in &overdue.senders {
                    let concerns = |waiting: &&Arc<ProduceWaiting>| {
                        partition.is_none_or(|partition| partition == waiting.partition)
                    };
                    found.iter().filter(concerns).for_each(|waiting| sink.waiting(waiting));
                }
            }
        }
    }

    /// Why records for the topic's partitions wait. Empty if Kafka does not answer, which the state of the cluster
    /// shows.
    fn diagnose(&mut self, current: &Current, topic: &Arc<str>) -> Vec<ProduceWaiting> {
        let metadata_client = &current.metadata_client;
        let Ok(metadata) = metadata_client.metadata(Some(topic), REQUEST_TIMEOUT) else { return Vec::new() };
        let Some(described) = metadata.topics().iter().find(|described| described.name() == &**topic) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for partition in described.partitions() {
            if partition.leader() < 0 {
                found.push(no_leader(topic, partition));
            } else if partition.isr().len() < partition.replicas().len()
                && let Some(minimum) = self.min_insync_replicas(metadata_client, topic)
                // If a topic has fewer replicas than the setting, all of them are enough.
                && partition.isr().len() < minimum.min(partition.replicas().len())
            {
                found.push(too_few_in_sync_replicas(topic, partition, minimum));
            }
        }
        found
    }

    fn min_insync_replicas(&mut self, metadata_client: &MetadataClient, topic: &Arc<str>) -> Option<usize> {
        if let Some((known, at)) = self.settings.get(topic)
            && at.elapsed() < SETTING_VALID_FOR
        {
            return *known;
        }
        let described =
            native::describe_config(metadata_client.client(), ConfigResource::Topic(topic), REQUEST_TIMEOUT);
        let settings = described.unwrap_or_else(|failure| {
            tracing::debug!(%topic, ?failure, "cannot fetch min.insync.replicas of the topic");
            Vec::new()
        });
        let setting = settings.iter().find(|setting| setting.name == "min.insync.replicas");
        let minimum = setting.and_then(|setting| setting.value.as_ref()?.parse().ok());
        self.settings.retain(|_, (_, at)| at.elapsed() < SETTING_VALID_FOR);
        self.settings.insert(Arc::clone(topic), (minimum, Instant::now()));
        minimum
    }
}

fn no_leader(topic: &str, partition: &MetadataPartition) -> ProduceWaiting {
    let brokers: Vec<String> = partition.replicas().iter().map(ToString::to_string).collect();
    let message = format!(
        "partition {} of {topic:?} has no leader: Kafka accepts no records until a broker with a replica (id {}) is available",
        partition.id(),
        brokers.join(", ")
    );
    waiting(topic, partition, WaitReason::NoLeader, message)
}

fn too_few_in_sync_replicas(topic: &str, partition: &MetadataPartition, minimum: usize) -> ProduceWaiting {
    let in_sync = partition.isr().len();
    let replicas = if in_sync == 1 { "replica" } else { "replicas" };
    let message = format!(
        "partition {} of {topic:?} has {in_sync} in-sync {replicas}, and min.insync.replicas is {minimum}: Kafka accepts no \
         records until another replica is in sync",
        partition.id()
    );
    waiting(topic, partition, WaitReason::TooFewInSyncReplicas, message)
}

fn waiting(topic: &str, partition: &MetadataPartition, reason: WaitReason, message: String) -> ProduceWaiting {
    ProduceWaiting { topic: topic.to_owned(), partition: partition.id(), reason, message, offset: None }
}
