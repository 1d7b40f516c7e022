//! Detects changes of the topics that are read: added partitions, and topics that were deleted and created again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::native::ExistingTopic;
use feed::topic_id::TopicId;

/// The interval of requests, and so the delay until a recreated topic is noticed. If the new topic has more records by
/// then than the position in the old one, librdkafka continues in the new topic without an error: the records from the
/// position on are delivered first, then the gap, then all records. librdkafka does not expose anything to avoid this:
/// neither the topic's id, nor a leader epoch, which starts with the same number in both topics.
const REQUEST_EVERY: Duration = Duration::from_secs(2);

/// The delay of the first request, so that it does not delay the first records.
const FIRST_REQUEST_AFTER: Duration = Duration::from_millis(100);

/// The interval while leaders may be moving, and for how long it is used. librdkafka updates its leaders from the same
/// responses. It was observed to drop a new leader when the connection to the old one closed; by itself it then
/// requests the leader after up to a second.
const FREQUENT_REQUEST_EVERY: Duration = Duration::from_millis(200);
const FREQUENT_REQUESTS_FOR: Duration = Duration::from_secs(15);

/// A request without an answer after this time is sent again.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The known state of the topics, and when to send the next request.
pub struct TopicWatch {
    known: BTreeMap<String, Known>,
    request_at: Instant,
    is_requested: bool,
    frequent_until: Instant,
    /// Increases whenever the id of a topic changes.
    version: u64,
}

#[derive(Clone, Copy)]
struct Known {
    id: TopicId,
    partitions: i32,
}

/// A change of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Partitions from the first number up to the second (exclusive) are new.
    Grown { topic: String, from: i32, to: i32 },
    /// The topic was deleted and created again with this number of partitions.
    Recreated { topic: String, partitions: i32 },
}

impl TopicWatch {
    pub fn new() -> Self {
        let now = Instant::now();
        let request_at = now + FIRST_REQUEST_AFTER;
        Self { known: BTreeMap::new(), request_at, is_requested: false, frequent_until: now, version: 0 }
    }

    /// Adds a topic with this number of known partitions. Its id is known after the first answer.
    pub fn begin(&mut self, topic: &str, partitions: usize) {
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        self.known.entry(topic.to_owned()).or_insert(Known { id: TopicId::default(), partitions });
        self.version += 1;
    }

    /// Increases whenever [`Self::ids`] changes.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The latest known id of each topic.
    pub fn ids(&self) -> BTreeMap<String, TopicId> {
        self.known.iter().map(|(topic, known)| (topic.clone(), known.id)).collect()
    }

    /// The number of partitions of all topics together.
    pub fn partitions(&self) -> usize {
        self.known.values().map(|known| usize::try_from(known.partitions).unwrap_or(0)).sum()
    }

    /// Whether to send a request now; if so, it counts as sent.
    pub fn should_request(&mut self) -> bool {
        let due = !self.is_requested && Instant::now() >= self.request_at;
        self.is_requested |= due;
        due
    }

    /// Stores the answer to a request; returns the changes.
    pub fn note_answer(&mut self, topics: Vec<ExistingTopic>) -> Vec<Change> {
        self.is_requested = false;
        let now = Instant::now();
        self.request_at = now + if now < self.frequent_until { FREQUENT_REQUEST_EVERY } else { REQUEST_EVERY };
        topics.into_iter().filter_map(|topic| self.note_topic(topic)).collect()
    }

    /// The latest known id of the topic.
    pub fn id_of(&self, topic: &str) -> TopicId {
        self.known.get(topic).map(|known| known.id).unwrap_or_default()
    }

    /// Makes requests more frequent for a while. Call it when a broker is unreachable, because leaders may move then.
    pub fn request_frequently(&mut self) {
        let now = Instant::now();
        self.frequent_until = now + FREQUENT_REQUESTS_FOR;
        self.request_at = self.request_at.min(now + FREQUENT_REQUEST_EVERY);
    }

    /// Reports the added partitions from this one on again. Call it if they could not be assigned.
    pub fn report_growth_again(&mut self, topic: &str, from: i32) {
        if let Some(known) = self.known.get_mut(topic) {
            known.partitions = from;
        }
    }

    /// Stores the description of one topic; returns the change, if there is one.
    pub fn note_topic(&mut self, ExistingTopic { name, id, partitions }: ExistingTopic) -> Option<Change> {
        let before = self.known.insert(name.clone(), Known { id, partitions })?;
        self.version += u64::from(before.id != id);
        if before.id.differs_from(id) {
            Some(Change::Recreated { topic: name, partitions })
        } else if partitions > before.partitions {
            Some(Change::Grown { topic: name, from: before.partitions, to: partitions })
        } else {
            None
        }
    }
}
