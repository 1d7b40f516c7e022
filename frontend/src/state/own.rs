//! Where records that this page sent are about to come back, so that a fast stream is not searched for them: only a batch
//! of a partition in which one is awaited is looked at record by record.

use std::collections::{BTreeMap, BTreeSet};

use protocol::ProduceAck;

/// Places awaited at most; a page that sends thousands a second and listens to nothing forgets the oldest.
const MOST: usize = 20_000;

#[derive(Debug, Default)]
pub struct Awaited {
    /// Topic → partition → offsets.
    places: BTreeMap<String, BTreeMap<i32, BTreeSet<i64>>>,
    count: usize,
}

impl Awaited {
    pub fn acked(&mut self, ack: &ProduceAck) {
        if self.count > MOST {
            *self = Self::default();
        }
        let offsets = self.places.entry(ack.topic.clone()).or_default().entry(ack.partition).or_default();
        for at in 0..=ack.last.saturating_sub(ack.first).min(MOST as u64) {
            self.count += usize::from(offsets.insert(ack.offset.0.saturating_add_unsigned(at)));
        }
    }

    /// The offsets awaited from `first` to `last` of a partition, which then are awaited no longer.
    pub fn take(&mut self, topic: &str, partition: i32, first: i64, last: i64) -> Vec<i64> {
        let offsets = self.places.get_mut(topic).and_then(|partitions| partitions.get_mut(&partition));
        let Some(offsets) = offsets else { return Vec::new() };
        // A group that reads from further back passes offsets before those awaited.
        let found: Vec<i64> = offsets.range(first..=last).copied().collect();
        for offset in &found {
            offsets.remove(offset);
        }
        self.count -= found.len();
        found
    }
}

#[cfg(test)]
mod tests {
    use protocol::Offset;

    use super::*;

    #[test]
    fn a_place_is_awaited_once_in_its_own_partition() {
        let mut awaited = Awaited::default();
        let (topic, offset) = ("t".to_owned(), Offset(40));
        awaited.acked(&ProduceAck { first: 3, last: 5, topic, partition: 1, offset, timestamp: None, took_us: 1 });
        assert!(awaited.take("t", 0, 0, 100).is_empty() && awaited.take("u", 1, 0, 100).is_empty());
        assert_eq!(awaited.take("t", 1, 41, 256), [41, 42]);
        assert_eq!(awaited.take("t", 1, 0, 256), [40]);
        assert_eq!(awaited.count, 0);
    }
}
