//! Entries that left the ring before every cursor had passed them, for the cursors behind.

use std::collections::{BTreeMap, VecDeque};

use protocol::TopicPartition;

use super::{Entry, Event};

/// In order. Records are only counted, so that this grows with rebalances alone.
#[derive(Debug, Default)]
pub struct Missed(VecDeque<Piece>);

#[derive(Debug)]
struct Piece {
    /// The ring index of the last entry.
    through: u64,
    content: MissedPiece,
}

#[derive(Debug)]
pub enum MissedPiece {
    Records {
        /// Per partition, the offset after the last record.
        next_offsets: BTreeMap<TopicPartition, i64>,
        /// The number of all records that ever left the ring, including these.
        dropped_records: u64,
    },
    Event(Event),
}

impl Missed {
    /// Adds the entry that left the ring at `index`. `dropped_records` includes its records.
    pub fn add(&mut self, index: u64, entry: Entry, dropped_records: u64) {
        let batch = match entry {
            Entry::Withdrawn => return,
            Entry::Event(event) => {
                return self.0.push_back(Piece { through: index, content: MissedPiece::Event(event) });
            }
            Entry::Records(batch) => batch,
        };
        if let Some(Piece { through, content: MissedPiece::Records { next_offsets, dropped_records: dropped } }) =
            self.0.back_mut()
        {
            (*through, *dropped) = (index, dropped_records);
            next_offsets.insert(batch.key(), batch.next_offset());
            return;
        }
        let next_offsets = BTreeMap::from([(batch.key(), batch.next_offset())]);
        self.0.push_back(Piece { through: index, content: MissedPiece::Records { next_offsets, dropped_records } });
    }

    /// Every cursor is at this index or beyond.
    pub fn forget_before(&mut self, index: u64) {
        while self.0.front().is_some_and(|piece| piece.through < index) {
            self.0.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What a cursor at this index has missed. The first piece may begin before it.
    pub fn since(&self, index: u64) -> impl Iterator<Item = &MissedPiece> {
        self.0.iter().filter(move |piece| piece.through >= index).map(|piece| &piece.content)
    }
}
