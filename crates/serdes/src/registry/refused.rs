//! Remembers which ids were refused lately.

use std::hash::{BuildHasher as _, RandomState};

use super::schema::SchemaId;

/// With 10,000 refused ids a second, an id is remembered for some seconds. The table has 256 KiB.
const SLOTS: usize = 64 * 1024;

/// Ids of real schemas come again and again, and random bytes in place of an id do not. When few requests for unknown ids are left,
/// they are kept for ids that were refused before; otherwise a topic with random ids would take all of them.
///
/// A table of hashes, in which a later id replaces an earlier one. A wrong answer does no harm.
#[derive(Default)]
pub(super) struct RefusedIds {
    /// Empty until an id is refused. 0: no id.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl RefusedIds {
    /// Remembers an id, and returns whether it was refused before.
    pub(super) fn insert(&mut self, id: SchemaId) -> bool {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, 0);
        }
        let hash = self.hasher.hash_one(id);
        #[expect(clippy::cast_possible_truncation, reason = "the lower and the upper half of the hash")]
        let (index, mark) = (hash as u32 as usize % SLOTS, (hash >> 32) as u32 | 1);
        std::mem::replace(&mut self.slots[index], mark) == mark
    }
}

#[cfg(test)]
mod tests {
    use super::RefusedIds;
    use crate::registry::schema::SchemaId;

    #[test]
    fn repeated_id_is_recognised_among_random_ones() {
        let mut refused = RefusedIds::default();
        assert!(!refused.insert(SchemaId::Id(7)));
        let wrong = (1000..2000).filter(|&id| refused.insert(SchemaId::Id(id))).count();
        assert!(wrong < 10, "{wrong}");
        // Another id may have replaced it, which is rare.
        assert!(refused.insert(SchemaId::Id(7)) || refused.insert(SchemaId::Id(7)));
    }
}
