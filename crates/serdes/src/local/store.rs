//! The schemas that clients sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::LocalSchemaId;

use super::LocalSchema;

/// Schemas by their ids, bounded by their count and the size of their files. The least recently used ones leave.
#[derive(Debug)]
pub struct LocalSchemas {
    entries: Mutex<Entries>,
    max_count: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Entries {
    schemas: HashMap<LocalSchemaId, Entry>,
    bytes: usize,
    /// Counts uses; the time for [`Entry::used`].
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    schema: Arc<LocalSchema>,
    used: u64,
}

impl Default for LocalSchemas {
    fn default() -> Self {
        // At most 16 of the largest schemas that a client may send; most have a few KiB.
        Self::with_limits(256, 32 * 1024 * 1024)
    }
}

impl LocalSchemas {
    /// `max_bytes` limits the size of all files together.
    pub fn with_limits(max_count: usize, max_bytes: usize) -> Self {
        Self { entries: Mutex::default(), max_count, max_bytes }
    }

    /// `None`: the schema was never added, or had to leave.
    pub fn get(&self, id: LocalSchemaId) -> Option<Arc<LocalSchema>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let clock = entries.clock;
        let entry = entries.schemas.get_mut(&id)?;
        entry.used = clock;
        Some(entry.schema.clone())
    }

    pub fn insert(&self, id: LocalSchemaId, schema: Arc<LocalSchema>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(id);
        let is_full = |entries: &Entries| {
            entries.schemas.len() >= self.max_count || entries.bytes + schema.bytes > self.max_bytes
        };
        while !entries.schemas.is_empty() && is_full(&entries) {
            let oldest = entries.schemas.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id);
            match oldest {
                Some(oldest) => entries.remove(oldest),
                None => break,
            }
        }
        entries.clock += 1;
        entries.bytes += schema.bytes;
        let used = entries.clock;
        entries.schemas.insert(id, Entry { schema, used });
    }
}

impl Entries {
    fn remove(&mut self, id: LocalSchemaId) {
        if let Some(entry) = self.schemas.remove(&id) {
            self.bytes -= entry.schema.bytes;
        }
    }
}
