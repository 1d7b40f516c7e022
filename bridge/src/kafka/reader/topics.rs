//! What becomes of the topics that are read: partitions may be added, and a topic may be deleted and made anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::kafka::native::{ExistingTopic, TopicId};

/// How often Kafka is asked; a deleted topic may be made anew for so long before it is noticed.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The first question waits, so that it is not in the way of the first records.
const ASK_FIRST_AFTER: Duration = Duration::from_millis(100);

/// A question that was not answered for so long is asked again.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What is known of the topics, and when to ask again.
pub struct TopicWatch {
    known: BTreeMap<String, Known>,
    ask_at: Instant,
    asked: bool,
}

#[derive(Clone, Copy)]
struct Known {
    id: TopicId,
    partitions: i32,
}

/// What changed about one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Partitions from the first number up to the second (exclusive) are new.
    Grown { topic: String, from: i32, to: i32 },
    /// Another topic of the same name, with so many partitions.
    Recreated { topic: String, partitions: i32 },
}

impl TopicWatch {
    pub fn new() -> Self {
        Self { known: BTreeMap::new(), ask_at: Instant::now() + ASK_FIRST_AFTER, asked: false }
    }

    /// Whether to ask now; then the question is on its way.
    pub fn should_ask(&mut self) -> bool {
        let due = !self.asked && Instant::now() >= self.ask_at;
        self.asked |= due;
        due
    }

    /// What the answer changes.
    pub fn answered(&mut self, topics: Vec<ExistingTopic>) -> Vec<Change> {
        self.asked = false;
        self.ask_at = Instant::now() + ASK_EVERY;
        topics.into_iter().filter_map(|topic| self.change(topic)).collect()
    }

    /// The partitions from this one on could not be read yet.
    pub fn tell_growth_again(&mut self, topic: &str, from: i32) {
        if let Some(known) = self.known.get_mut(topic) {
            known.partitions = from;
        }
    }

    fn change(&mut self, ExistingTopic { name, id, partitions }: ExistingTopic) -> Option<Change> {
        let before = self.known.insert(name.clone(), Known { id, partitions })?;
        if before.id.is_known() && id.is_known() && before.id != id {
            Some(Change::Recreated { topic: name, partitions })
        } else if partitions > before.partitions {
            Some(Change::Grown { topic: name, from: before.partitions, to: partitions })
        } else {
            None
        }
    }
}
