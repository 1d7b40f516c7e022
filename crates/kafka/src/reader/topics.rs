//! Changes of the topics that are read: partitions that are added, and topics that are deleted and created again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::native::ExistingTopic;
use feed::topic_id::TopicId;

/// How often Kafka is asked; a deleted topic may be made anew for so long before it is noticed. If the new one is longer by
/// then than the position in the old one, librdkafka reads on in it without a word: its records from there on come first,
/// then the gap, then all of them. Nothing that librdkafka tells makes this exact: it keeps the topic's id to itself, and a
/// leader's epoch begins with the same number in both.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The first request waits, so that it does not delay the first records.
const ASK_FIRST_AFTER: Duration = Duration::from_millis(100);

/// While leaders may be moving Kafka is asked more often. librdkafka learns from the same answers, and was seen to forget the
/// leader it had just been told when the broker before it went: by itself it asks again after up to a second.
const HURRY_EVERY: Duration = Duration::from_millis(200);
const HURRY_FOR: Duration = Duration::from_secs(15);

/// A request without an answer after this time is sent again.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The known state of the topics, and when to send the next request.
pub struct TopicWatch {
    known: BTreeMap<String, Known>,
    ask_at: Instant,
    asked: bool,
    hurry_until: Instant,
    /// Grows whenever the id of a topic changes.
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
    /// Another topic of the same name, with so many partitions.
    Recreated { topic: String, partitions: i32 },
}

impl TopicWatch {
    pub fn new() -> Self {
        let now = Instant::now();
        Self { known: BTreeMap::new(), ask_at: now + ASK_FIRST_AFTER, asked: false, hurry_until: now, version: 0 }
    }

    /// A topic is read from now on; so many partitions of it are known. Its identity comes with the first answer.
    pub fn begin(&mut self, topic: &str, partitions: usize) {
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        self.known.entry(topic.to_owned()).or_insert(Known { id: TopicId::default(), partitions });
        self.version += 1;
    }

    /// Grows whenever [`Self::ids`] changes.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What was seen of each topic last.
    pub fn ids(&self) -> BTreeMap<String, TopicId> {
        self.known.iter().map(|(topic, known)| (topic.clone(), known.id)).collect()
    }

    /// How many partitions the topics have in all.
    pub fn partitions(&self) -> usize {
        self.known.values().map(|known| usize::try_from(known.partitions).unwrap_or(0)).sum()
    }

    /// Whether to send a request now; if so, it counts as sent.
    pub fn should_ask(&mut self) -> bool {
        let due = !self.asked && Instant::now() >= self.ask_at;
        self.asked |= due;
        due
    }

    /// The changes that follow from the answer.
    pub fn answered(&mut self, topics: Vec<ExistingTopic>) -> Vec<Change> {
        self.asked = false;
        let now = Instant::now();
        self.ask_at = now + if now < self.hurry_until { HURRY_EVERY } else { ASK_EVERY };
        topics.into_iter().filter_map(|topic| self.learned(topic)).collect()
    }

    /// What was seen of the topic last.
    pub fn id_of(&self, topic: &str) -> TopicId {
        self.known.get(topic).map(|known| known.id).unwrap_or_default()
    }

    /// A broker is unreachable, so leaders may move: requests become more frequent.
    pub fn hurry(&mut self) {
        let now = Instant::now();
        self.hurry_until = now + HURRY_FOR;
        self.ask_at = self.ask_at.min(now + HURRY_EVERY);
    }

    /// The added partitions, from this one on, could not be assigned yet: they are reported again.
    pub fn report_growth_again(&mut self, topic: &str, from: i32) {
        if let Some(known) = self.known.get_mut(topic) {
            known.partitions = from;
        }
    }

    /// One topic was looked at; what that changes.
    pub fn learned(&mut self, ExistingTopic { name, id, partitions }: ExistingTopic) -> Option<Change> {
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
