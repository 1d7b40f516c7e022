//! Topics that Kafka does not let the bridge write to. librdkafka remembers that and refuses further records by itself, for
//! minutes; so Kafka is asked again, at a limited rate, and a right that was granted is noticed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long Kafka's answer counts.
const ANSWER_COUNTS_FOR: Duration = Duration::from_secs(2);

/// Topics that are remembered; records for others are refused without asking again.
const REMEMBERED: usize = 256;

#[derive(Default)]
pub struct DeniedTopics(Mutex<HashMap<Arc<str>, Asked>>);

#[derive(Clone, Copy)]
enum Asked {
    /// Kafka is to be asked, or is being asked.
    Pending,
    Answered(Instant),
}

impl DeniedTopics {
    /// Whether Kafka is being asked again: then the record is to be tried later. Never blocks.
    pub fn may_be_allowed_now(&self, topic: &Arc<str>) -> bool {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match topics.get(topic) {
            Some(Asked::Pending) => return true,
            Some(Asked::Answered(at)) if at.elapsed() < ANSWER_COUNTS_FOR => return false,
            _ => {}
        }
        if topics.len() >= REMEMBERED {
            topics.retain(|_, asked| matches!(asked, Asked::Answered(at) if at.elapsed() < ANSWER_COUNTS_FOR));
        }
        let has_room = topics.len() < REMEMBERED;
        if has_room {
            topics.insert(Arc::clone(topic), Asked::Pending);
        }
        has_room
    }

    /// Asks about each topic that is pending. Without the lock: Kafka may take its time.
    pub fn ask(&self, mut ask: impl FnMut(&str)) {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_pending =
            |(topic, asked): (&Arc<str>, &Asked)| matches!(asked, Asked::Pending).then(|| Arc::clone(topic));
        let pending: Vec<Arc<str>> = lock().iter().filter_map(is_pending).collect();
        for topic in pending {
            ask(&topic);
            lock().insert(topic, Asked::Answered(Instant::now()));
        }
    }
}
