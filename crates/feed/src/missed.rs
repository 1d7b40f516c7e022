//! Entries that left the ring before every cursor had passed them, for the cursors behind.

use std::collections::{BTreeMap, VecDeque};

use protocol::TopicPartition;

use super::{Entry, Event};

/// Oldest first. Consecutive records are one piece without their content, so only events, such as rebalances, add more
/// pieces.
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

    /// What a cursor at this index has missed. The first piece may begin before it.
    pub fn since(&self, index: u64) -> impl Iterator<Item = &MissedPiece> {
        self.0.iter().filter(move |piece| piece.through >= index).map(|piece| &piece.content)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fixtures::{batch, key};

    fn records(partition: i32, offsets: std::ops::Range<i64>) -> Entry {
        Entry::Records(Arc::new(batch(partition, offsets, 1)))
    }

    fn revoked(partition: i32) -> Entry {
        Entry::Event(Event::Revoked(vec![key(partition)]))
    }

    fn since(missed: &Missed, index: u64) -> Vec<String> {
        let piece = |piece: &MissedPiece| match piece {
            MissedPiece::Event(Event::Revoked(partitions)) => format!("revoked {}", partitions[0].partition),
            MissedPiece::Event(event) => panic!("an event that was never added: {event:?}"),
            MissedPiece::Records { next_offsets, dropped_records } => {
                let next: Vec<(i32, i64)> =
                    next_offsets.iter().map(|(partition, next)| (partition.partition, *next)).collect();
                format!("{next:?}, {dropped_records} dropped")
            }
        };
        missed.since(index).map(piece).collect()
    }

    /// Records at 3, 4 and 8, events at 5 and 7, and nothing left of the entry at 6.
    fn missed() -> Missed {
        let mut missed = Missed::default();
        missed.add(3, records(0, 0..2), 2);
        missed.add(4, records(1, 7..8), 3);
        missed.add(5, revoked(1), 3);
        missed.add(6, Entry::Withdrawn, 3);
        missed.add(7, revoked(2), 3);
        missed.add(8, records(0, 2..5), 6);
        missed
    }

    #[test]
    fn consecutive_records_are_one_piece_and_events_keep_their_order() {
        let missed = missed();
        let all = ["[(0, 2), (1, 8)], 3 dropped", "revoked 1", "revoked 2", "[(0, 5)], 6 dropped"];
        for (index, first) in [(0, 0), (3, 0), (4, 0), (5, 1), (6, 2), (7, 2), (8, 3), (9, 4)] {
            assert_eq!(since(&missed, index), all[first..], "from {index} on");
        }
    }

    #[test]
    fn piece_is_forgotten_when_every_cursor_has_passed_its_last_entry() {
        let mut missed = missed();
        for (index, left) in [(0, 4), (4, 4), (5, 3), (6, 2), (8, 1), (9, 0)] {
            missed.forget_before(index);
            assert_eq!(since(&missed, 0).len(), left, "before {index}");
        }
    }
}
