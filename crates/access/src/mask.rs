//! Masks: fields of records that some users do not see.
//!
//! A mask fails closed. If its path goes into a value or a key that is not JSON (strictly: no byte order mark, no comments, no
//! `NaN`), or whose JSON is nested too deep or would take too long, the value or key is masked as a whole; so is a JSON string
//! on the path whose text is itself a JSON object or array, and a value or key that is a JSON text or number where a path without
//! `**` expects an object. Other JSON that does not have the field stays as it is, and so does
//! Kafka's null.

mod json;
mod path;
mod replacement;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use protocol::{
    BinaryBatch, ClusterName, Header, HeaderView, NamePattern, Record, RecordNotes, RecordView, WireBytes,
    is_plain_json,
};

use self::json::{Hidden, mask_fields, strongest};
pub use self::path::MaskPath;
use self::path::Target;
use self::replacement::replacement;
use crate::policy::Who;
use crate::principal::Principal;

/// Hides fields of the records of some topics from everyone but some users.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Empty: every cluster.
    pub clusters: Vec<ClusterName>,
    pub topics: Vec<NamePattern>,
    pub fields: Vec<MaskPath>,
    pub method: MaskMethod,
    /// Users who see the fields.
    pub except: Who,
}

/// What a masked field is replaced by. If several masks cover a field, the last one in this order applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaskMethod {
    /// `#` and 16 hexadecimal digits of a hash with a key that is random for each process. Equal values stay equal, and
    /// users cannot compute the hash of a guessed value. But a user who may also write to a topic that has the mask can write
    /// the guess there and compare.
    Hash,
    /// The text `***`.
    Replace,
    /// Nothing: the member of an object or the header is left out. An element of an array becomes null, so that the others keep
    /// their positions. A whole value or key is replaced by `***`, because null would be a tombstone.
    Remove,
}

/// The masks that apply to a subscription. Two profiles with the same id mask alike, and are equal.
#[derive(Clone, Debug)]
pub struct MaskProfile {
    id: MaskId,
    masks: Vec<Arc<Mask>>,
}

/// The number of the policy, and a bit for each of its masks.
type MaskId = (u64, u64);

/// What is hidden in the records of one topic.
#[derive(Default)]
struct TopicMask<'p> {
    key: Vec<Hidden<'p>>,
    value: Vec<Hidden<'p>>,
    headers: Vec<(&'p NamePattern, MaskMethod)>,
}

impl Mask {
    pub(crate) fn is_for(&self, principal: &Principal, cluster: &ClusterName) -> bool {
        !self.except.names(principal) && (self.clusters.is_empty() || self.clusters.contains(cluster))
    }

    /// `*` covers Kafka's own topics too. A missing right is noticed by the user who needs it; a missing mask is not.
    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.topics.iter().any(|pattern| pattern.matches_text(topic))
    }
}

impl MaskProfile {
    /// The most masks that a policy may have: a bit of [`MaskId`] for each.
    pub const MAX_MASKS: usize = u64::BITS as usize;

    pub(crate) fn of(policy: u64, masks: impl Iterator<Item = (usize, Arc<Mask>)>) -> Option<Arc<Self>> {
        let mut profile = Self { id: (policy, 0), masks: Vec::new() };
        for (index, mask) in masks {
            profile.id.1 |= 1 << index;
            profile.masks.push(mask);
        }
        (!profile.masks.is_empty()).then(|| Arc::new(profile))
    }

    pub fn id(&self) -> MaskId {
        self.id
    }

    /// The masked fields of any of the topics, as they are configured.
    pub fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> =
            self.masks.iter().flat_map(|mask| mask.fields.iter().map(MaskPath::to_string)).collect();
        fields.sort();
        fields.dedup();
        fields
    }

    /// Whether records of the topic may be masked. If not, [`Self::apply`] would only copy them.
    pub fn covers(&self, topic: &str) -> bool {
        self.masks.iter().any(|mask| mask.covers(topic))
    }

    /// The records of a topic as the user sees them: the same number of records, with the same offsets and timestamps. A
    /// record may be larger than before, since a replacement may be longer than the field.
    pub fn apply(&self, topic: &str, records: &BinaryBatch) -> BinaryBatch {
        let mask = self.of_topic(topic);
        let has_notes = !records.notes().is_empty();
        let mut masked = BinaryBatch::with_notes(records.len(), records.encoded_bytes(), records.notes().clone());
        for (index, record) in records.iter().enumerate() {
            let (key, value) = (mask.key(record.key), mask.value(record.value));
            let headers: Vec<_> = record.headers.filter_map(|header| mask.header(header)).collect();
            let mut notes = if has_notes { records.notes_of(index) } else { RecordNotes::default() };
            if key.as_deref().is_some_and(|key| is_replaced(key, record.key)) {
                notes.key = 0;
            }
            if value.as_deref().is_some_and(|value| is_replaced(value, record.value)) {
                notes.value = 0;
            }
            let record = RecordView {
                offset: record.offset,
                timestamp: record.timestamp,
                timestamp_type: record.timestamp_type,
                key: key.as_deref(),
                value: value.as_deref(),
                headers: headers.iter().map(|(name, value)| (*name, value.as_deref())),
            };
            masked.push_noted(record, notes);
        }
        masked
    }

    /// Masks records of a topic that are in their JSON form already.
    pub fn apply_to_records(&self, topic: &str, records: &mut [Record]) {
        let mask = self.of_topic(topic);
        for record in records {
            let (key, value) = (mask.key(record.key.as_kafka()), mask.value(record.value.as_kafka()));
            if key.as_deref().is_some_and(|key| is_replaced(key, record.key.as_kafka())) {
                record.key_note = None;
            }
            if value.as_deref().is_some_and(|value| is_replaced(value, record.value.as_kafka())) {
                record.value_note = None;
            }
            let (key, value) = (WireBytes::from_kafka(key.as_deref()), WireBytes::from_kafka(value.as_deref()));
            (record.key, record.value) = (key, value);
            record.headers = std::mem::take(&mut record.headers)
                .iter()
                .filter_map(|Header(name, value)| mask.header((name, value.as_kafka())))
                .map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value.as_deref())))
                .collect();
        }
    }

    fn of_topic(&self, topic: &str) -> TopicMask<'_> {
        let mut topic_mask = TopicMask::default();
        for mask in self.masks.iter().filter(|mask| mask.covers(topic)) {
            let method = mask.method;
            for field in &mask.fields {
                match &field.target {
                    Target::Key(path) => topic_mask.key.push(Hidden { path, method }),
                    Target::Value(path) => topic_mask.value.push(Hidden { path, method }),
                    Target::Headers(names) => topic_mask.headers.push((names, method)),
                }
            }
        }
        topic_mask
    }
}

impl TopicMask<'_> {
    fn key<'b>(&self, key: Option<&'b [u8]>) -> Option<Cow<'b, [u8]>> {
        Some(masked(key?, &self.key))
    }

    fn value<'b>(&self, value: Option<&'b [u8]>) -> Option<Cow<'b, [u8]>> {
        Some(masked(value?, &self.value))
    }

    /// `None` if the header is left out.
    fn header<'b>(&self, (name, value): HeaderView<'b>) -> Option<(&'b str, Option<Cow<'b, [u8]>>)> {
        if self.headers.is_empty() {
            return Some((name, value.map(Cow::Borrowed)));
        }
        let lower_case = name.to_ascii_lowercase();
        let matching = self.headers.iter().filter(|(names, _)| names.matches_text(&lower_case));
        match matching.map(|(_, method)| *method).max() {
            None => Some((name, value.map(Cow::Borrowed))),
            Some(MaskMethod::Remove) => None,
            Some(method) => Some((name, value.map(|value| whole(method, value)))),
        }
    }
}

/// Whether a key or value is masked as a whole. A note about it does not apply then: the bytes are neither decoded JSON nor those that
/// could not be decoded.
fn is_replaced(masked: &[u8], original: Option<&[u8]>) -> bool {
    Some(masked) != original && !std::str::from_utf8(masked).is_ok_and(is_plain_json)
}

/// A key or value as the user sees it.
fn masked<'b>(bytes: &'b [u8], hidden: &[Hidden<'_>]) -> Cow<'b, [u8]> {
    let Some(method) = strongest(hidden) else { return Cow::Borrowed(bytes) };
    if let Some(method) = strongest(hidden.iter().filter(|hidden| hidden.path.is_empty())) {
        return whole(method, bytes);
    }
    match std::str::from_utf8(bytes).ok().map(|text| mask_fields(text, hidden)) {
        Some(Ok(None)) => Cow::Borrowed(bytes),
        Some(Ok(Some(edited))) => Cow::Owned(edited.into_bytes()),
        Some(Err(json::Unreadable)) | None => whole(method, bytes),
    }
}

fn whole<'b>(method: MaskMethod, bytes: &[u8]) -> Cow<'b, [u8]> {
    match replacement(method, bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl PartialEq for MaskProfile {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for MaskProfile {}

impl Hash for MaskProfile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
