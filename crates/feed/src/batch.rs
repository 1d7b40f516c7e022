//! Records of one partition from the reader, encoded once for any number of subscriptions.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use access::MaskProfile;
use protocol::{BinaryBatch, JsonBatch, TopicPartition};

/// How many masked forms of the same records there may be at a time: formats × masks.
pub const MAX_VARIANTS: usize = protocol::limits::MASKED_VARIANTS;

/// Records of one partition, encoded once per variant.
#[derive(Debug)]
pub struct Batch {
    pub topic: Arc<str>,
    pub partition: i32,
    pub records: BinaryBatch,
    /// When the reader encoded the first of the records.
    pub read_at: Instant,
    json: OnceLock<JsonBatch>,
    /// What users with masks see; the oldest first, at most [`MAX_VARIANTS`].
    masked: Mutex<Vec<Arc<MaskedBatch>>>,
}

/// The records of a batch as users with the same masks see them: as many records, at the same indexes. Sizes may differ;
/// flow control and limits use those of the original.
#[derive(Debug)]
pub struct MaskedBatch {
    profile: Arc<MaskProfile>,
    records: OnceLock<BinaryBatch>,
    json: OnceLock<JsonBatch>,
}

impl MaskedBatch {
    /// The records, for which the first caller waited; see [`Batch::masked`].
    pub fn records(&self) -> &BinaryBatch {
        // Never empty outside this module.
        self.records.get().expect("masked before it was handed out")
    }

    /// The same records as JSON, encoded by the first subscription that needs it.
    pub fn json(&self) -> &JsonBatch {
        self.json.get_or_init(|| JsonBatch::encode(self.records()))
    }
}

impl Batch {
    pub fn new(topic: Arc<str>, partition: i32, records: BinaryBatch) -> Self {
        let read_at = Instant::now();
        Self { topic, partition, records, read_at, json: OnceLock::new(), masked: Mutex::default() }
    }

    /// The same records as JSON. The first subscription that needs it encodes it for all, on its own task, so that the
    /// reader does not wait.
    pub fn json(&self) -> &JsonBatch {
        self.json.get_or_init(|| JsonBatch::encode(&self.records))
    }

    /// What a user with these masks sees; `None` if they do not concern the topic. The first subscription that needs it
    /// masks the records for all, on its own task.
    pub fn masked(&self, profile: &Arc<MaskProfile>) -> Option<Arc<MaskedBatch>> {
        if !profile.covers(&self.topic) {
            return None;
        }
        let masked = self.find_masked(profile);
        // Without the lock, so that subscriptions with other masks do not wait.
        masked.records.get_or_init(|| profile.apply(&self.topic, &self.records));
        Some(masked)
    }

    fn find_masked(&self, profile: &Arc<MaskProfile>) -> Arc<MaskedBatch> {
        // Each change is complete before anything can fail.
        let mut all = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.iter().find(|masked| masked.profile == *profile) {
            return Arc::clone(found);
        }
        // More than the limit only after the access rules have changed: the oldest belong to closed sockets.
        if all.len() == MAX_VARIANTS {
            all.remove(0);
        }
        let profile = Arc::clone(profile);
        let masked = Arc::new(MaskedBatch { profile, records: OnceLock::new(), json: OnceLock::new() });
        all.push(Arc::clone(&masked));
        masked
    }

    /// Appends the records of a later batch of the same partition.
    pub(super) fn append(&mut self, later: &Self) {
        self.records.append(&later.records);
        // A subscription that has ended since may have encoded the batch without these records.
        self.json.take();
        self.masked.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
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
    use std::sync::Arc;

    use access::{Mask, MaskMethod, MaskPath, MaskProfile, Policy, Principal, Who};
    use protocol::{ClusterName, NamePattern};

    use super::MAX_VARIANTS;
    use crate::fixtures::{batch, key};

    /// A new policy, whose one mask hides the values of topics that match the pattern.
    fn values_hidden(topics: &str) -> Arc<MaskProfile> {
        let mask = Mask {
            clusters: Vec::new(),
            topics: vec![NamePattern(topics.to_owned())],
            fields: vec![MaskPath::parse("value").expect("a valid path")],
            method: MaskMethod::Replace,
            except: Who::default(),
        };
        let policy = Policy::new(Vec::new(), vec![mask]).expect("one mask");
        let cluster = ClusterName::parse("default").expect("a valid name");
        policy.masks(&Principal::anyone(), &cluster, ["t", "other"]).expect("the mask applies")
    }

    #[test]
    fn records_are_masked_once_for_any_number_of_subscriptions() {
        let (batch, profile) = (batch(0, [0, 1], 5), values_hidden("t"));
        let mut masked: Vec<_> = std::thread::scope(|threads| {
            let start = || batch.masked(&profile).expect("the topic is masked");
            let threads: Vec<_> = (0..4).map(|_| threads.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let first = masked.pop().expect("four");
        assert!(masked.iter().all(|other| std::ptr::eq(other.records(), first.records())));
        assert!(masked.iter().all(|other| std::ptr::eq(other.json(), first.json())));
        let values: Vec<_> = first.records().iter().map(|record| record.value).collect();
        assert_eq!(values, [Some(&b"***"[..]); 2]);
        assert!(batch.records.iter().all(|record| record.value == Some(&[0; 5])));
    }

    #[test]
    fn topic_without_mask_has_no_masked_form() {
        assert!(batch(0, [0], 1).masked(&values_hidden("other")).is_none());
    }

    #[test]
    fn records_masked_before_others_were_appended_are_masked_again() {
        let (mut waiting, profile) = (batch(0, [0], 1), values_hidden("t"));
        assert_eq!(waiting.masked(&profile).expect("the topic is masked").records().len(), 1);
        waiting.append(&batch(0, [1], 1));
        let masked = waiting.masked(&profile).expect("the topic is masked");
        assert_eq!((masked.records().len(), masked.records().offset(1)), (2, 1));
        assert_eq!(masked.json().body(0..2).len(), masked.json().encoded_bytes());
    }

    #[test]
    fn oldest_masked_form_makes_room_for_those_of_later_rules() {
        let batch = batch(0, [0], 1);
        let profiles: Vec<_> = (0..=MAX_VARIANTS).map(|_| values_hidden("t")).collect();
        let masked: Vec<_> = profiles.iter().map(|profile| batch.masked(profile).expect("masked")).collect();
        assert_eq!(batch.masked.lock().expect("no panic").len(), MAX_VARIANTS);
        // A frame that still refers to the oldest one can be written.
        assert_eq!(masked[0].records().len(), 1);
        let again = |index: usize| Arc::ptr_eq(&masked[index], &batch.masked(&profiles[index]).expect("masked"));
        assert!(again(1) && again(MAX_VARIANTS) && !again(0));
    }

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
