//! Records that are in Kafka and not visible yet, because a transaction that began before them is still open.
//!
//! Nothing is asked while nothing waits: each fetch brings the high watermark, and only a partition that is read no further
//! although its high watermark lies beyond is asked about.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::TopicPartition;

use super::Reader;
use crate::native;
use feed::Waiting;

/// How often partitions are compared with what their last fetch brought.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Kafka is asked at most this often, and must answer within this time: the reader's other partitions wait meanwhile.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What is known of partitions that are read no further.
pub struct WaitWatch {
    look_at: Instant,
    ask_at: Instant,
    /// Where each partition stood at the last look.
    positions: BTreeMap<TopicPartition, i64>,
    /// The high watermark at which Kafka said that nothing waits: between the position and there lie markers of transactions
    /// that are over, or aborted records.
    settled: BTreeMap<TopicPartition, i64>,
    waiting: Vec<Waiting>,
}

impl WaitWatch {
    pub fn new() -> Self {
        let now = Instant::now();
        let (positions, settled) = (BTreeMap::new(), BTreeMap::new());
        Self { look_at: now + LOOK_EVERY, ask_at: now, positions, settled, waiting: Vec::new() }
    }

    /// Partitions that may wait. Those that do already are among them as long as there is more than was read.
    fn suspects(
        &mut self,
        positions: BTreeMap<TopicPartition, i64>,
        high_watermark: impl Fn(&TopicPartition) -> Option<i64>,
    ) -> Vec<TopicPartition> {
        self.settled.retain(|partition, _| positions.contains_key(partition));
        let is_suspect = |(partition, position): &(&TopicPartition, &i64)| {
            let stands = self.positions.get(*partition) == Some(*position)
                || self.waiting.iter().any(|waiting| waiting.partition == **partition);
            let settled = self.settled.get(*partition).copied().unwrap_or(0);
            stands && high_watermark(partition).is_some_and(|high| high > **position && high > settled)
        };
        let suspects = positions.iter().filter(is_suspect).map(|(partition, _)| partition.clone()).collect();
        self.positions = positions;
        suspects
    }
}

impl Reader {
    /// Tells which partitions wait. Called only while there is room for more records: who is slow is not waiting.
    pub(super) fn look_for_waiting(&mut self) {
        let now = Instant::now();
        if now < self.wait_watch.look_at {
            return;
        }
        self.wait_watch.look_at = now + LOOK_EVERY;
        let consumer = &self.consumer;
        let fetched = |partition: &TopicPartition| {
            native::fetched_high_watermark(consumer, &partition.topic, partition.partition)
        };
        let suspects = self.wait_watch.suspects(self.feed.next_offsets(), fetched);
        if !suspects.is_empty() {
            if now < self.wait_watch.ask_at {
                return;
            }
            self.wait_watch.ask_at = now + ASK_EVERY;
        }
        let ends = match self.metadata_client.ends(&suspects, ANSWER_WITHIN) {
            Ok(ends) => ends,
            Err(failure) => {
                tracing::debug!(?failure, "whether records wait behind a transaction could not be asked");
                return;
            }
        };
        let mut waiting = Vec::new();
        for partition in suspects {
            let (Some(ends), Some(position)) = (ends.get(&partition), self.feed.next_offset(&partition)) else {
                continue;
            };
            match ends.open_transaction() {
                Some(stable) if position < ends.high.0 => {
                    waiting.push(Waiting { partition, stable, high: ends.high });
                }
                _ => {
                    self.wait_watch.settled.insert(partition, ends.high.0);
                }
            }
        }
        self.wait_watch.waiting.clone_from(&waiting);
        self.feed.set_waiting(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition { topic: "t".to_owned(), partition: number }
    }

    #[test]
    fn only_a_partition_that_stands_before_its_high_watermark_is_asked_about() {
        let mut watch = WaitWatch::new();
        let positions: BTreeMap<_, _> = [(partition(0), 10), (partition(1), 10), (partition(2), 10)].into();
        let high = |partition: &TopicPartition| Some(if partition.partition == 2 { 10 } else { 15 });
        assert_eq!(watch.suspects(positions.clone(), high), [], "at the first look nothing is known to stand");
        let moved: BTreeMap<_, _> = [(partition(0), 10), (partition(1), 12), (partition(2), 10)].into();
        assert_eq!(watch.suspects(moved.clone(), high), [partition(0)]);
        watch.settled.insert(partition(0), 15);
        assert_eq!(watch.suspects(moved.clone(), high), [partition(1)], "what was settled is not asked about again");
        assert_eq!(watch.suspects(moved, |_| Some(16)), [partition(0), partition(1), partition(2)]);
    }
}
