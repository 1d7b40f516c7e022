//! Which partitions have a leader, as the client that asks for offsets knows it.
//!
//! librdkafka 2.12 is asked for offsets only of partitions whose leaders it knows. Where it does not know one,
//! `rd_kafka_ListOffsets` registers for changes of its metadata and still works on the request in the caller's thread; metadata
//! that arrives in that moment makes librdkafka's main thread work on the same request and free it
//! (`rd_kafka_topic_partition_list_query_leaders_async`). This was read from the source; the same race with the request's time-out was
//! seen, see `native/offsets.rs`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::TopicPartition;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};

/// librdkafka forgets a topic after `metadata.max.age.ms`, which is 15 minutes unless the user's file sets it.
pub const KNOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// How long it is believed that a partition has no leader.
const MISSING_FOR: Duration = Duration::from_secs(1);

/// What the metadata of one client said last.
#[derive(Default)]
pub struct Leaders(Mutex<HashMap<String, Known>>);

struct Known {
    since: Instant,
    /// How many partitions the topic has, or why that is not known.
    partitions: Result<i32, RDKafkaErrorCode>,
    without_leader: BTreeSet<i32>,
}

impl Leaders {
    /// Remembers what the client's librdkafka knows from now on.
    pub fn note(&self, metadata: &Metadata) {
        let since = Instant::now();
        let mut known = self.known();
        known.retain(|_, known| known.since.elapsed() < KNOWN_FOR);
        for topic in metadata.topics() {
            known.insert(topic.name().to_owned(), Known::of(topic, since));
        }
    }

    /// The client's librdkafka may have forgotten these, or has to look again.
    pub fn forget<'t>(&self, topics: impl Iterator<Item = &'t str>) {
        let mut known = self.known();
        for topic in topics {
            known.remove(topic);
        }
    }

    /// The topics of these partitions whose metadata is older than this, or says that one of the partitions has no leader.
    pub fn unknown<'p>(&self, partitions: &'p [TopicPartition], known_for: Duration) -> BTreeSet<&'p str> {
        let known = self.known();
        let is_unknown = |partition: &&TopicPartition| {
            known.get(&partition.topic).is_none_or(|known| {
                let believed_for = if known.missing(partition.partition).is_some() { MISSING_FOR } else { KNOWN_FOR };
                known.since.elapsed() >= believed_for.min(known_for)
            })
        };
        partitions.iter().filter(is_unknown).map(|partition| partition.topic.as_str()).collect()
    }

    /// The partitions that have a leader, and why the others have none.
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

    /// Why the partition has no leader.
    fn missing(&self, partition: i32) -> Option<RDKafkaErrorCode> {
        match self.partitions {
            Err(code) => Some(code),
            Ok(partitions) if !(0..partitions).contains(&partition) => Some(RDKafkaErrorCode::UnknownPartition),
            Ok(_) => self.without_leader.contains(&partition).then_some(RDKafkaErrorCode::LeaderNotAvailable),
        }
    }
}
