//! Compiled schemas by their ids, and ids whose schemas cannot be used.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::schema::SchemaId;
use crate::error::DecodeError;
use protocol::VersionOfSubject;

/// Compiled schemas, bounded by their count and by the length of their texts. The least recently used ones leave.
pub(super) struct ReadySchemas<S> {
    entries: HashMap<SchemaId, Entry<S>>,
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
    /// Counts insertions; the time for [`Entry::used`]. Reading only compares with it, so readers need no exclusive lock.
    clock: u64,
}

struct Entry<S> {
    schema: Arc<S>,
    bytes: usize,
    used: AtomicU64,
    versions: Arc<OnceLock<Vec<VersionOfSubject>>>,
}

impl<S> ReadySchemas<S> {
    pub(super) fn new(max_count: usize, max_bytes: usize) -> Self {
        Self { entries: HashMap::new(), bytes: 0, max_count, max_bytes, clock: 0 }
    }

    pub(super) fn get(&self, id: SchemaId) -> Option<Arc<S>> {
        let entry = self.entries.get(&id)?;
        // Most reads find the present time, and write nothing that other threads would have to load again.
        if entry.used.load(Ordering::Relaxed) != self.clock {
            entry.used.store(self.clock, Ordering::Relaxed);
        }
        Some(entry.schema.clone())
    }

    pub(super) fn contains(&self, id: SchemaId) -> bool {
        self.entries.contains_key(&id)
    }

    /// The place for the subjects of a schema, which are loaded later.
    pub(super) fn versions(&self, id: SchemaId) -> Option<Arc<OnceLock<Vec<VersionOfSubject>>>> {
        self.entries.get(&id).map(|entry| entry.versions.clone())
    }

    pub(super) fn insert(&mut self, id: SchemaId, schema: Arc<S>, bytes: usize) {
        self.remove(id);
        while !self.entries.is_empty() && (self.entries.len() >= self.max_count || self.bytes + bytes > self.max_bytes)
        {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used.load(Ordering::Relaxed));
            match oldest.map(|(id, _)| *id) {
                Some(oldest) => self.remove(oldest),
                None => break,
            }
        }
        self.clock += 1;
        self.bytes += bytes;
        let used = AtomicU64::new(self.clock);
        self.entries.insert(id, Entry { schema, bytes, used, versions: Arc::default() });
    }

    fn remove(&mut self, id: SchemaId) {
        if let Some(entry) = self.entries.remove(&id) {
            self.bytes -= entry.bytes;
        }
    }
}

/// Ids whose schemas cannot be used, each for a time. If there are too many, the oldest leave.
pub(super) struct FailedSchemas {
    entries: HashMap<SchemaId, (DecodeError, Instant)>,
    /// In the order of insertion; also ids that are no longer in `entries`.
    order: VecDeque<SchemaId>,
    max_count: usize,
}

impl FailedSchemas {
    pub(super) fn new(max_count: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), max_count }
    }

    pub(super) fn get(&mut self, id: SchemaId, now: Instant) -> Option<&DecodeError> {
        if self.entries.get(&id).is_some_and(|(_, until)| *until <= now) {
            self.entries.remove(&id);
        }
        self.entries.get(&id).map(|(error, _)| error)
    }

    pub(super) fn insert(&mut self, id: SchemaId, error: DecodeError, until: Instant) {
        while self.order.len() >= self.max_count {
            let Some(oldest) = self.order.pop_front() else { break };
            self.entries.remove(&oldest);
        }
        self.order.push_back(id);
        self.entries.insert(id, (error, until));
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{FailedSchemas, ReadySchemas};
    use crate::error::{DecodeError, DecodeErrorCode};
    use crate::registry::schema::SchemaId;

    fn present(cache: &ReadySchemas<u32>, count: u32) -> Vec<u32> {
        (0..count).filter(|&id| cache.contains(SchemaId::Id(id))).collect()
    }

    #[test]
    fn least_recently_used_schema_leaves() {
        let mut cache = ReadySchemas::new(3, 1000);
        for id in 0..3 {
            cache.insert(SchemaId::Id(id), Arc::new(id), 10);
        }
        assert_eq!(cache.get(SchemaId::Id(0)).as_deref(), Some(&0));
        cache.insert(SchemaId::Id(3), Arc::new(3), 10);
        assert_eq!(present(&cache, 9), [0, 2, 3]);
        cache.insert(SchemaId::Id(4), Arc::new(4), 975);
        assert_eq!(present(&cache, 9).len(), 3);
        assert_eq!(cache.bytes, 995);
        // A schema larger than the whole cache is kept alone.
        cache.insert(SchemaId::Id(5), Arc::new(5), 5000);
        assert_eq!(present(&cache, 9), [5]);
        cache.insert(SchemaId::Id(5), Arc::new(5), 7);
        assert_eq!(cache.bytes, 7);
    }

    #[test]
    fn failures_expire_and_are_bounded() {
        let start = Instant::now();
        let error = DecodeError::new(DecodeErrorCode::SchemaNotFound, "no");
        let mut failed = FailedSchemas::new(100);
        for id in 0..1000 {
            failed.insert(SchemaId::Id(id), error.clone(), start + Duration::from_secs(60));
        }
        assert!(failed.entries.len() <= 100 && failed.order.len() <= 100);
        assert_eq!(failed.get(SchemaId::Id(999), start), Some(&error));
        assert_eq!(failed.get(SchemaId::Id(0), start), None);
        assert_eq!(failed.get(SchemaId::Id(999), start + Duration::from_secs(60)), None);
    }
}
