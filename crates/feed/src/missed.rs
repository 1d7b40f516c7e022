//! What left the ring before every subscription had passed it, for those that come after.

use std::collections::{BTreeMap, VecDeque};

use protocol::TopicPartition;

use super::{Entry, Event};

/// In order. Records are counted, not kept, so that it grows with rebalances alone.
#[derive(Debug, Default)]
pub struct Missed(VecDeque<Piece>);

#[derive(Debug)]
struct Piece {
    /// The index of its last entry.
    through: u64,
    what: MissedPiece,
}

#[derive(Debug)]
pub enum MissedPiece {
    Records {
        /// Per partition, the offset after the last one.
        next_offsets: BTreeMap<TopicPartition, i64>,
        /// All that ever left the ring, these among them.
        dropped_records: u64,
    },
    Event(Event),
}

impl Missed {
    /// The entry at `index` leaves; `dropped_records` counts its records already.
    pub fn add(&mut self, index: u64, entry: Entry, dropped_records: u64) {
        let batch = match entry {
            Entry::Withdrawn => return,
            Entry::Event(event) => {
                return self.0.push_back(Piece { through: index, what: MissedPiece::Event(event) });
            }
            Entry::Records(batch) => batch,
        };
        if let Some(Piece { through, what: MissedPiece::Records { next_offsets, dropped_records: dropped } }) =
            self.0.back_mut()
        {
            (*through, *dropped) = (index, dropped_records);
            next_offsets.insert(batch.key(), batch.next_offset());
            return;
        }
        let next_offsets = BTreeMap::from([(batch.key(), batch.next_offset())]);
        self.0.push_back(Piece { through: index, what: MissedPiece::Records { next_offsets, dropped_records } });
    }

    /// Everybody is at this index or beyond it.
    pub fn forget_before(&mut self, index: u64) {
        while self.0.front().is_some_and(|piece| piece.through < index) {
            self.0.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What somebody at this index has missed; the first piece may begin before it.
    pub fn since(&self, index: u64) -> impl Iterator<Item = &MissedPiece> {
        self.0.iter().filter(move |piece| piece.through >= index).map(|piece| &piece.what)
    }
}
