//! Sizes and lag of a feed, for metrics.

use std::collections::BTreeMap;

use protocol::TopicPartition;

use super::Feed;

impl Feed {
    /// The high watermark of each partition that is read, as far as it is known. The lag is computed from it.
    pub fn set_high_watermarks(&self, high_watermarks: BTreeMap<TopicPartition, i64>) {
        self.lock().high_watermarks = high_watermarks;
    }

    /// How many records of the partitions that are read are not acknowledged yet, including those that were not read
    /// yet. `None` if no high watermark is known.
    pub fn lag(&self) -> Option<u64> {
        let state = self.lock();
        let behind = |(partition, high): (&TopicPartition, &i64)| {
            u64::try_from(high - state.acks.position(partition)?).ok().or(Some(0))
        };
        (!state.high_watermarks.is_empty()).then(|| state.high_watermarks.iter().filter_map(behind).sum())
    }

    /// How many bytes of records the feed keeps, without their JSON.
    pub fn bytes(&self) -> usize {
        self.lock().ring_bytes
    }

    /// How many subscriptions read the feed.
    pub fn subscriptions(&self) -> usize {
        self.lock().cursors.len()
    }
}
