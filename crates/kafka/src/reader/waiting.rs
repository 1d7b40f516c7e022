//! Detects records that are in Kafka but not visible yet, because an earlier transaction is still open.
//!
//! Fetch responses contain the high watermark. A request is sent only for partitions whose position does not advance
//! although their high watermark is beyond it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::TopicPartition;

use super::Reader;
use crate::native;
use feed::Waiting;

/// How often positions are compared with the high watermarks of the last fetches.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The shortest interval of requests, and their time limit, which is short because the reader's other partitions wait
/// meanwhile.
const REQUEST_EVERY: Duration = Duration::from_secs(1);
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

/// The state of partitions whose position does not advance.
pub struct WaitWatch {
    check_at: Instant,
    request_at: Instant,
    /// The position in each partition at the last check.
    positions: BTreeMap<TopicPartition, i64>,
    /// The high watermark up to which no records wait: between the position and this offset there are only markers of
    /// completed transactions or aborted records.
    settled: BTreeMap<TopicPartition, i64>,
    waiting: Vec<Waiting>,
}

impl WaitWatch {
    pub fn new() -> Self {
        let now = Instant::now();
        let (positions, settled) = (BTreeMap::new(), BTreeMap::new());
        Self { check_at: now + CHECK_EVERY, request_at: now, positions, settled, waiting: Vec::new() }
    }

    /// The partitions in which records may wait. Those that are known to wait are included as long as there are unread
    /// records.
    fn suspects(
        &mut self,
        positions: BTreeMap<TopicPartition, i64>,
        high_watermark: impl Fn(&TopicPartition) -> Option<i64>,
    ) -> Vec<TopicPartition> {
        self.settled.retain(|partition, _| positions.contains_key(partition));
        let is_suspect = |(partition, position): &(&TopicPartition, &i64)| {
            let is_stuck = self.positions.get(*partition) == Some(*position)
                || self.waiting.iter().any(|waiting| waiting.partition == **partition);
            let settled = self.settled.get(*partition).copied().unwrap_or(0);
            is_stuck && high_watermark(partition).is_some_and(|high| high > **position && high > settled)
        };
        let suspects = positions.iter().filter(is_suspect).map(|(partition, _)| partition.clone()).collect();
        self.positions = positions;
        suspects
    }
}

impl Reader {
    /// Reports the waiting partitions to the feed. Call it only while the feed has room, because a full feed also stops
    /// positions.
    pub(super) fn check_waiting(&mut self) {
        let now = Instant::now();
        if now < self.wait_watch.check_at {
            return;
        }
        self.wait_watch.check_at = now + CHECK_EVERY;
        let consumer = &self.consumer;
        let fetched = |partition: &TopicPartition| {
            native::fetched_high_watermark(consumer, &partition.topic, partition.partition)
        };
        let suspects = self.wait_watch.suspects(self.feed.next_offsets(), fetched);
        if !suspects.is_empty() {
            if now < self.wait_watch.request_at {
                return;
            }
            self.wait_watch.request_at = now + REQUEST_EVERY;
        }
        let ends = match self.metadata_client.ends(&suspects, REQUEST_TIMEOUT) {
            Ok(ends) => ends,
            Err(failure) => {
                tracing::debug!(?failure, "cannot fetch the ends of partitions in which records may wait");
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
    fn only_partitions_stuck_below_their_high_watermark_are_suspects() {
        let mut watch = WaitWatch::new();
        let positions: BTreeMap<_, _> = [(partition(0), 10), (partition(1), 10), (partition(2), 10)].into();
        let high = |partition: &TopicPartition| Some(if partition.partition == 2 { 10 } else { 15 });
        assert_eq!(watch.suspects(positions.clone(), high), [], "the first check has no earlier positions");
        let moved: BTreeMap<_, _> = [(partition(0), 10), (partition(1), 12), (partition(2), 10)].into();
        assert_eq!(watch.suspects(moved.clone(), high), [partition(0)]);
        watch.settled.insert(partition(0), 15);
        assert_eq!(watch.suspects(moved.clone(), high), [partition(1)], "a settled partition is not a suspect");
        assert_eq!(watch.suspects(moved, |_| Some(16)), [partition(0), partition(1), partition(2)]);
    }
}
