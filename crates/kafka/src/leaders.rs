//! The partitions whose leader the metadata client's librdkafka knows.
//!
//! ListOffsets may be requested only for these, because of a race in librdkafka 2.12: if it does not know a leader,
//! `rd_kafka_ListOffsets` waits for new metadata while it still uses the request in the caller's thread. Metadata that
//! arrives in that moment makes librdkafka's main thread finish and free the same request
//! (`rd_kafka_topic_partition_list_query_leaders_async`). This race was found in the source; the same race with the
//! request's time-out was observed, see `native/offsets.rs`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::TopicPartition;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};

/// Below `metadata.max.age.ms`, after which librdkafka discards a topic's metadata: 15 minutes unless the user's file
/// sets it.
pub const VALID_FOR: Duration = Duration::from_secs(10 * 60);

/// How long the metadata of a partition without a leader is valid.
const MISSING_VALID_FOR: Duration = Duration::from_secs(1);

/// The latest metadata of one client, by topic.
#[derive(Default)]
pub struct Leaders(Mutex<HashMap<String, Known>>);

struct Known {
    since: Instant,
    /// How many partitions the topic has, or the topic's error.
    partitions: Result<i32, RDKafkaErrorCode>,
    without_leader: BTreeSet<i32>,
}

impl Leaders {
    /// Stores the leaders in metadata that the client received.
    pub fn update(&self, metadata: &Metadata) {
        let since = Instant::now();
        let mut known = self.known();
        known.retain(|_, known| known.since.elapsed() < VALID_FOR);
        for topic in metadata.topics() {
            known.insert(topic.name().to_owned(), Known::of(topic, since));
        }
    }

    /// Removes topics whose metadata librdkafka may have discarded, or that has to be refreshed.
    pub fn forget<'t>(&self, topics: impl Iterator<Item = &'t str>) {
        let mut known = self.known();
        for topic in topics {
            known.remove(topic);
        }
    }

    /// The topics of these partitions whose metadata is missing or older than `valid_for`; [`MISSING_VALID_FOR`] is the
    /// limit if one of the partitions has no leader.
    pub fn unknown<'p>(&self, partitions: &'p [TopicPartition], valid_for: Duration) -> BTreeSet<&'p str> {
        let known = self.known();
        let is_unknown = |partition: &&TopicPartition| {
            known.get(&partition.topic).is_none_or(|known| {
                let is_missing = known.missing(partition.partition).is_some();
                let limit = if is_missing { MISSING_VALID_FOR } else { VALID_FOR };
                known.since.elapsed() >= limit.min(valid_for)
            })
        };
        partitions.iter().filter(is_unknown).map(|partition| partition.topic.as_str()).collect()
    }

    /// The partitions that have a leader, and for each of the others the error.
    pub fn split(
        &self,
        partitions: &[TopicPartition],
    ) -> (Vec<TopicPartition>, HashMap<TopicPartition, RDKafkaErrorCode>) {
        let known = self.known();
        let (mut led, mut missing) = (Vec::with_capacity(partitions.len()), HashMap::new());
        for partition in partitions {
            let code = match known.get(&partition.topic) {
                Some(known) => known.missing(partition.partition),
                None => Some(RDKafkaErrorCode::LeaderNotAvailable),
            };
            match code {
                None => led.push(partition.clone()),
                Some(code) => drop(missing.insert(partition.clone(), code)),
            }
        }
        (led, missing)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn of(topic: &MetadataTopic, since: Instant) -> Self {
        let partitions = match topic.error() {
            Some(error) => Err(RDKafkaErrorCode::from(error)),
            None => Ok(i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX)),
        };
        let without_leader = topic.partitions().iter().filter(|partition| partition.leader() < 0);
        Self { since, partitions, without_leader: without_leader.map(|partition| partition.id()).collect() }
    }

    /// The error if the partition has no leader.
    fn missing(&self, partition: i32) -> Option<RDKafkaErrorCode> {
        match self.partitions {
            Err(code) => Some(code),
            Ok(partitions) if !(0..partitions).contains(&partition) => Some(RDKafkaErrorCode::UnknownPartition),
            Ok(_) => self.without_leader.contains(&partition).then_some(RDKafkaErrorCode::LeaderNotAvailable),
        }
    }
}
