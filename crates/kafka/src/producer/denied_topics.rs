//! Topics to which Kafka denies writing. librdkafka caches the denial for minutes and refuses further records, so the
//! bridge refreshes the metadata at a limited rate to notice granted rights.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long Kafka's answer is valid.
const VALID_FOR: Duration = Duration::from_secs(2);

/// The largest number of stored topics; records for other denied topics are refused without a refresh.
const MAX_TOPICS: usize = 256;

#[derive(Default)]
pub struct DeniedTopics(Mutex<HashMap<Arc<str>, Refresh>>);

#[derive(Clone, Copy)]
enum Refresh {
    /// The metadata has to be fetched, or is being fetched.
    Pending,
    Answered(Instant),
}

impl DeniedTopics {
    /// Whether the metadata is being refreshed, so that the record has to be retried later. Never blocks.
    pub fn may_be_allowed_now(&self, topic: &Arc<str>) -> bool {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match topics.get(topic) {
            Some(Refresh::Pending) => return true,
            Some(Refresh::Answered(at)) if at.elapsed() < VALID_FOR => return false,
            _ => {}
        }
        if topics.len() >= MAX_TOPICS {
            topics.retain(|_, refresh| matches!(refresh, Refresh::Answered(at) if at.elapsed() < VALID_FOR));
        }
        let has_room = topics.len() < MAX_TOPICS;
        if has_room {
            topics.insert(Arc::clone(topic), Refresh::Pending);
        }
        has_room
    }

    /// Calls `fetch` for each pending topic. The lock is not held meanwhile, because Kafka may be slow.
    pub fn refresh(&self, mut fetch: impl FnMut(&str)) {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_pending =
            |(topic, refresh): (&Arc<str>, &Refresh)| matches!(refresh, Refresh::Pending).then(|| Arc::clone(topic));
        let pending: Vec<Arc<str>> = lock().iter().filter_map(is_pending).collect();
        for topic in pending {
            fetch(&topic);
            lock().insert(topic, Refresh::Answered(Instant::now()));
        }
    }
}
