//! Records of one partition from the reader, encoded once for any number of subscriptions.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use access::MaskProfile;
use protocol::{BinaryBatch, Decode, JsonBatch, TopicPartition};

/// How many decoded or masked forms of the same records there may be at a time: formats × decode settings × masks.
pub const MAX_VARIANTS: usize = protocol::limits::VARIANTS;

/// A form that is larger than this many times the records, and than [`LARGE_VIEW_BYTES`], is not kept: data that is made to grow when
/// it is decompressed would fill the memory.
const LARGE_VIEW_FACTOR: usize = 4;
const LARGE_VIEW_BYTES: usize = 512 * 1024;

/// Records of one partition, encoded once per variant.
#[derive(Debug)]
pub struct Batch {
    pub topic: Arc<str>,
    pub partition: i32,
    pub records: BinaryBatch,
    /// When the reader encoded the first of the records.
    pub read_at: Instant,
    json: OnceLock<JsonBatch>,
    /// What users with masks and clients that decode see; the oldest first, at most [`MAX_VARIANTS`].
    views: Mutex<Vec<Arc<RecordsView>>>,
}

/// The records of a batch as clients with the same masks and decode setting see them: as many records, at the same indexes. Sizes
/// may differ; flow control and limits use those of the original.
#[derive(Debug)]
pub struct RecordsView {
    decode: Decode,
    profile: Option<Arc<MaskProfile>>,
    records: OnceLock<BinaryBatch>,
    json: OnceLock<JsonBatch>,
}

impl RecordsView {
    /// The records, for which the first caller waited; see [`Batch::view`].
    pub fn records(&self) -> &BinaryBatch {
        // Never empty outside this module.
        self.records.get().expect("made before it was handed out")
    }

    /// The same records as JSON, encoded by the first subscription that needs it.
    pub fn json(&self) -> &JsonBatch {
        self.json.get_or_init(|| JsonBatch::encode(self.records()))
    }

    fn is_large(&self, original: usize) -> bool {
        self.records().encoded_bytes() > LARGE_VIEW_BYTES.max(original.saturating_mul(LARGE_VIEW_FACTOR))
    }
}

impl Batch {
    pub fn new(topic: Arc<str>, partition: i32, records: BinaryBatch) -> Self {
        let read_at = Instant::now();
        Self { topic, partition, records, read_at, json: OnceLock::new(), views: Mutex::default() }
    }

    /// The same records as JSON. The first subscription that needs it encodes it for all, on its own task, so that the
    /// reader does not wait.
    pub fn json(&self) -> &JsonBatch {
        self.json.get_or_init(|| JsonBatch::encode(&self.records))
    }

    /// Whether [`Self::view`] has nothing to compute.
    pub fn has_view(&self, decode: Decode, mask: Option<&Arc<MaskProfile>>) -> bool {
        let mask = mask.filter(|profile| profile.covers(&self.topic));
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let found = views.iter().find(|view| view.decode == decode && view.profile.as_ref() == mask);
        found.is_some_and(|view| view.records.get().is_some())
    }

    /// What a client with these masks and this decode setting sees; `None` if this is what Kafka has. The first subscription that
    /// needs it decodes and masks the records for all, on its own task. `decode_records`: decodes the records as `decode` says.
    pub fn view(
        &self,
        decode: Decode,
        mask: Option<&Arc<MaskProfile>>,
        decode_records: impl FnOnce(&BinaryBatch) -> BinaryBatch,
    ) -> Option<Arc<RecordsView>> {
        let mask = mask.filter(|profile| profile.covers(&self.topic));
        if decode.is_raw() && mask.is_none() {
            return None;
        }
        let view = self.find_view(decode, mask);
        // Without the lock, so that subscriptions with other views do not wait.
        view.records.get_or_init(|| match (decode.is_raw(), mask) {
            (true, None) => unreachable!("returned above"),
            (true, Some(profile)) => profile.apply(&self.topic, &self.records),
            (false, None) => decode_records(&self.records),
            (false, Some(profile)) => profile.apply(&self.topic, &decode_records(&self.records)),
        });
        if view.is_large(self.records.encoded_bytes()) {
            let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
            views.retain(|kept| !Arc::ptr_eq(kept, &view));
        }
        Some(view)
    }

    fn find_view(&self, decode: Decode, mask: Option<&Arc<MaskProfile>>) -> Arc<RecordsView> {
        // Each change is complete before anything can fail.
        let mut all = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.iter().find(|view| view.decode == decode && view.profile.as_ref() == mask) {
            return Arc::clone(found);
        }
        // More than the limit only after the access rules have changed: the oldest belong to closed sockets.
        if all.len() == MAX_VARIANTS {
            all.remove(0);
        }
        let profile = mask.map(Arc::clone);
        let view = Arc::new(RecordsView { decode, profile, records: OnceLock::new(), json: OnceLock::new() });
        all.push(Arc::clone(&view));
        view
    }

    /// Appends the records of a later batch of the same partition.
    pub(super) fn append(&mut self, later: &Self) {
        self.records.append(&later.records);
        // A subscription that has ended since may have encoded the batch without these records.
        self.json.take();
        self.views.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
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
    use protocol::{BinaryBatch, ClusterName, Decode, DecodeNote, NamePattern, RecordFormat, RecordNotes};

    use super::{Batch, MAX_VARIANTS, RecordsView};
    use crate::fixtures::{batch, key};

    fn not_decoded(_: &BinaryBatch) -> BinaryBatch {
        panic!("nothing is to be decoded")
    }

    /// The records as a user with these masks sees them.
    fn masked(batch: &Batch, profile: &Arc<MaskProfile>) -> Option<Arc<RecordsView>> {
        batch.view(Decode::default(), Some(profile), not_decoded)
    }

    /// Decodes each value to `{"n":1}`.
    fn decode(records: &BinaryBatch) -> BinaryBatch {
        let mut decoded = BinaryBatch::default();
        let note = DecodeNote { format: Some(RecordFormat::Cbor), ..DecodeNote::default() };
        let value = decoded.notes_mut().add(note).expect("one note");
        for record in records.iter() {
            let record = protocol::RecordView { value: Some(br#"{"n":1}"#), ..record };
            decoded.push_noted(record, RecordNotes { key: 0, value });
        }
        decoded
    }

    #[test]
    fn records_are_decoded_once_and_masked_after_that() {
        let cbor = Decode { value: RecordFormat::Cbor, ..Decode::default() };
        let (batch, profile) = (batch(0, [0, 1], 5), values_hidden("t"));
        assert!(!batch.has_view(cbor, None));
        let plain = batch.view(cbor, None, decode).expect("decoded");
        assert!(batch.has_view(cbor, None) && !batch.has_view(cbor, Some(&profile)));
        let again = batch.view(cbor, None, not_decoded).expect("decoded before");
        assert!(Arc::ptr_eq(&plain, &again));
        let values: Vec<_> = plain.records().iter().map(|record| record.value).collect();
        assert_eq!(values, [Some(&br#"{"n":1}"#[..]); 2]);
        assert!(plain.records().notes_of(1).value == 1);

        let hidden = batch.view(cbor, Some(&profile), decode).expect("decoded and masked");
        let values: Vec<_> = hidden.records().iter().map(|record| record.value).collect();
        assert_eq!(values, [Some(&b"***"[..]); 2]);
        assert_eq!(hidden.records().notes_of(0).value, 0, "*** is not decoded JSON");
    }

    #[test]
    fn view_that_is_much_larger_than_its_records_is_not_kept() {
        let batch = batch(0, [0], 5);
        let text = vec![b'1'; super::LARGE_VIEW_BYTES + 1];
        let grow = |records: &BinaryBatch| {
            let mut decoded = BinaryBatch::default();
            for record in records.iter() {
                decoded.push(protocol::RecordView { value: Some(text.as_slice()), ..record });
            }
            decoded
        };
        let auto = Decode { value: RecordFormat::Auto, ..Decode::default() };
        let view = batch.view(auto, None, grow).expect("decoded");
        assert!(view.records().encoded_bytes() > text.len() && !batch.has_view(auto, None));
    }

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
            let start = || masked(&batch, &profile).expect("the topic is masked");
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
        let view = batch(0, [0], 1).view(Decode::default(), Some(&values_hidden("other")), not_decoded);
        assert!(view.is_none());
    }

    #[test]
    fn records_masked_before_others_were_appended_are_masked_again() {
        let (mut waiting, profile) = (batch(0, [0], 1), values_hidden("t"));
        assert_eq!(masked(&waiting, &profile).expect("the topic is masked").records().len(), 1);
        waiting.append(&batch(0, [1], 1));
        let masked = masked(&waiting, &profile).expect("the topic is masked");
        assert_eq!((masked.records().len(), masked.records().offset(1)), (2, 1));
        assert_eq!(masked.json().body(0..2).len(), masked.json().encoded_bytes());
    }

    #[test]
    fn oldest_masked_form_makes_room_for_those_of_later_rules() {
        let batch = batch(0, [0], 1);
        let profiles: Vec<_> = (0..=MAX_VARIANTS).map(|_| values_hidden("t")).collect();
        let views: Vec<_> = profiles.iter().map(|profile| masked(&batch, profile).expect("masked")).collect();
        assert_eq!(batch.views.lock().expect("no panic").len(), MAX_VARIANTS);
        // A frame that still refers to the oldest one can be written.
        assert_eq!(views[0].records().len(), 1);
        let again = |index: usize| Arc::ptr_eq(&views[index], &masked(&batch, &profiles[index]).expect("masked"));
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
