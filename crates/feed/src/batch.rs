//! Records of one partition from the reader, encoded once for any number of subscriptions.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use protocol::{BinaryBatch, JsonBatch, TopicPartition};

/// Records of one partition, encoded once per format.
#[derive(Debug)]
pub struct Batch {
    pub topic: Arc<str>,
    pub partition: i32,
    pub records: BinaryBatch,
    /// When the reader encoded the first of the records.
    pub read_at: Instant,
    json: OnceLock<JsonBatch>,
}

impl Batch {
    pub fn new(topic: Arc<str>, partition: i32, records: BinaryBatch) -> Self {
        Self { topic, partition, records, read_at: Instant::now(), json: OnceLock::new() }
    }

    /// The same records as JSON. The first subscription that needs it encodes it for all, on its own task, so that the
    /// reader does not wait.
    pub fn json(&self) -> &JsonBatch {
        self.json.get_or_init(|| JsonBatch::encode(&self.records))
    }

    /// Appends the records of a later batch of the same partition.
    pub(super) fn append(&mut self, later: &Self) {
        self.records.append(&later.records);
        // A subscription that has ended since may have encoded the batch without these records.
        self.json.take();
    }

    /// Whether the batch may be merged with others, and written by the reader's thread. A larger batch fills a frame
    /// well enough: merging would only copy it again.
    pub(super) fn is_small(&self) -> bool {
        const SMALL_BYTES: usize = 8 * 1024;
        self.records.encoded_bytes() <= SMALL_BYTES
    }

    pub(super) fn key(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.to_string(), partition: self.partition }
    }

    /// The offset after its last record.
    pub(super) fn next_offset(&self) -> i64 {
        self.records.offset(self.records.len() - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use crate::fixtures::{batch, key};

    #[test]
    fn json_encoded_before_records_were_appended_is_encoded_again() {
        let mut waiting = batch(0, [0], 1);
        let alone = waiting.json().encoded_bytes();
        waiting.append(&batch(0, [1], 1));
        assert_eq!(waiting.json().body(0..2).len(), waiting.json().encoded_bytes());
        assert!(waiting.json().encoded_bytes() > alone);
    }

    #[test]
    fn batch_knows_its_partition_and_the_offset_after_its_last_record() {
        let mut batch = batch(3, [5, 9], 1);
        assert_eq!((batch.key(), batch.next_offset()), (key(3), 10));
        batch.append(&self::batch(3, [12], 1));
        assert_eq!(batch.next_offset(), 13);
    }
}
