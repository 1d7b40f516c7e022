//! Records that arrived while their schema was not available. Once the schema registry answers again, they are fetched again,
//! decoded, and replaced in the list.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use protocol::{Fetch, Fetched, Offset, RegistryChanged, RegistryState, RequestId};

use super::app_state::AppState;
use super::entry::{Entry, ReceivedBatch};
use super::feed::Feed;
use super::masked::MaskedFields;
use super::notes::SharedNotes;
use super::slice::Slice;

/// Requests in flight: the bridge processes eight at the same time, and the user's own must not wait.
const IN_FLIGHT: usize = 2;
/// Records between two records without a schema that are fetched as well, since a further request costs more.
const MAX_SKIPPED: i64 = 64;
/// Offsets of one range: a few replies, so that the records of other partitions do not wait for long.
const MAX_RANGE: i64 = 1024;
/// How long records still arrive that were encoded before the registry answered again. After that, a record without a schema
/// has another reason, and fetching it again would not help.
const LATE_MS: f64 = 10_000.0;

/// Offsets `from` (inclusive) to `to` (exclusive) of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    topic: Rc<str>,
    partition: i32,
    from: i64,
    to: i64,
}

#[derive(Debug, Default)]
pub struct Rereads {
    planned: VecDeque<Range>,
    /// No range: cancelled, so that the reply is ignored.
    in_flight: Vec<(RequestId, Option<Range>)>,
    /// Until when records that arrive without a schema are fetched again.
    late_until_ms: f64,
    /// Incremented when records were replaced.
    revision: u64,
}

impl Rereads {
    /// Changes when records were replaced.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Fetches no further records.
    pub fn cancel(&mut self) {
        self.planned.clear();
        self.late_until_ms = 0.0;
        self.in_flight.iter_mut().for_each(|(_, range)| *range = None);
    }

    /// No reply will arrive.
    pub fn socket_lost(&mut self) {
        self.cancel();
        self.in_flight.clear();
    }

    /// Whether the reply belongs to a range, and to which one unless it was cancelled.
    fn replied(&mut self, id: Option<RequestId>) -> Option<Option<Range>> {
        let at = self.in_flight.iter().position(|(request, _)| Some(*request) == id)?;
        Some(self.in_flight.swap_remove(at).1)
    }

    fn take_next(&mut self) -> Option<Range> {
        if self.in_flight.len() < IN_FLIGHT { self.planned.pop_front() } else { None }
    }
}

/// The ranges of these entries that wait for a schema; the range of the first entry is the first.
fn ranges<'a>(entries: impl Iterator<Item = &'a Entry>) -> VecDeque<Range> {
    let mut waiting: BTreeMap<(&str, i32), Vec<(i64, usize)>> = BTreeMap::new();
    let mut topics: BTreeMap<&str, &Rc<str>> = BTreeMap::new();
    for (order, entry) in entries.enumerate().filter(|(_, entry)| entry.waits_for_schema()) {
        let Some(record) = entry.record() else { continue };
        topics.insert(record.topic, record.topic);
        waiting.entry((record.topic, record.partition)).or_default().push((record.offset, order));
    }
    let mut found: Vec<(usize, Range)> = Vec::new();
    for ((topic, partition), mut offsets) in waiting {
        offsets.sort_unstable();
        let topic = topics.get(topic).map_or_else(|| topic.into(), |topic| Rc::clone(topic));
        let mut open: Option<(usize, Range)> = None;
        for (offset, order) in offsets {
            match &mut open {
                Some((first, range)) if offset - range.to <= MAX_SKIPPED && offset - range.from < MAX_RANGE => {
                    range.to = offset + 1;
                    *first = order.min(*first);
                }
                _ => {
                    let range = Range { topic: Rc::clone(&topic), partition, from: offset, to: offset + 1 };
                    found.extend(open.replace((order, range)));
                }
            }
        }
        found.extend(open);
    }
    found.sort_unstable_by_key(|(first, _)| *first);
    found.into_iter().map(|(_, range)| range).collect()
}

/// Replaces the waiting records of the range up to `next`. A record that the reply does not have, although it would be there, has
/// left Kafka. Returns whether the list has changed.
fn replace(
    feed: &mut Feed,
    notes: &mut SharedNotes,
    range: &Range,
    next: i64,
    batch: Option<&ReceivedBatch>,
    is_complete: bool,
) -> bool {
    let fetched: BTreeMap<i64, Entry> = batch.into_iter().flat_map(ReceivedBatch::entries).collect();
    feed.update_records(|entry| {
        if !entry.waits_for_schema() {
            return None;
        }
        let record = entry.record()?;
        let is_inside = (range.from..next).contains(&record.offset);
        if !is_inside || record.partition != range.partition || *record.topic != range.topic {
            return None;
        }
        let same = fetched.get(&record.offset).filter(|fetched| {
            // After a topic was recreated, another record may have the offset.
            let is_same = |other| record.is_same_as(&other);
            fetched.record().is_some_and(is_same)
        });
        match same {
            Some(fetched) => Some(fetched.clone()),
            None if is_complete => entry.expired(notes),
            None => None,
        }
    })
}

impl AppState {
    /// The bridge has reported whether the schema registry answers.
    pub(super) fn registry_changed(&mut self, registry: RegistryChanged, now_ms: f64) {
        let is_up = registry.state == RegistryState::Up;
        self.registry = Some(registry);
        self.changes.mark(Slice::Cluster);
        self.rereads.cancel();
        if is_up && !self.listening.intent().decode.is_raw() {
            self.rereads.late_until_ms = now_ms + LATE_MS;
            self.rereads.planned = ranges(self.feed.entries_newest_first());
            self.read_again();
        }
    }

    /// Fetches these records before the others, since the user looks at them.
    pub fn read_again_first(&mut self, entries: &[Entry]) {
        if self.rereads.planned.is_empty() {
            return;
        }
        for range in ranges(entries.iter()).into_iter().rev() {
            self.rereads.planned.push_front(range);
        }
        self.read_again();
    }

    /// Records have arrived that were encoded before the registry answered again.
    pub(super) fn read_late_records_again(&mut self, batch: &ReceivedBatch, now_ms: f64) {
        if now_ms < self.rereads.late_until_ms && batch.waits_for_schema() {
            let entries: Vec<Entry> = batch.entries().map(|(_, entry)| entry).collect();
            self.rereads.planned.extend(ranges(entries.iter()));
            self.read_again();
        }
    }

    /// Requests the next ranges, if the bridge has the schemas that they need.
    pub(super) fn read_again(&mut self) {
        if self.rereads.planned.is_empty() || !self.link.is_open() || !self.add_missing_schemas() {
            return;
        }
        let decode = self.schemas_of(self.listening.intent().decode);
        while let Some(range) = self.rereads.take_next() {
            let Range { topic, partition, from, to } = &range;
            let (from, to) = (Offset(*from), Offset(*to));
            let request = self.request(&Fetch { topic: topic.to_string(), partition: *partition, from, to, decode });
            self.rereads.in_flight.push((request, Some(range)));
        }
    }

    /// Applies a reply. Returns whether it was one to these requests.
    pub(super) fn was_read_again(&mut self, id: Option<RequestId>, fetched: &Fetched) -> bool {
        let Some(range) = self.rereads.replied(id) else { return false };
        if let Some(range) = range {
            let Range { topic, partition, from, to } = range.clone();
            let masked = MaskedFields::new(fetched.masked.clone());
            let batch = ReceivedBatch::fetched(&topic, partition, &fetched.records, masked, &mut self.shared_notes);
            // A reply without progress means that the partition ends before the range.
            let has_rest = (from + 1..to).contains(&fetched.next.0);
            let next = if has_rest { fetched.next.0 } else { to };
            let is_readable = batch.is_some() || fetched.records.is_empty();
            let is_complete = is_readable && fetched.waits_from.is_none();
            if replace(&mut self.feed, &mut self.shared_notes, &range, next, batch.as_ref(), is_complete) {
                self.rereads.revision += 1;
                self.feed.shrink();
                self.changes.mark_list();
            }
            if has_rest {
                self.rereads.planned.push_front(Range { from: next, ..range });
            }
        }
        self.read_again();
        true
    }

    /// The bridge could not fetch the records, which stay as they are. Returns whether the request was one of these.
    pub(super) fn reading_again_failed(&mut self, id: Option<RequestId>) -> bool {
        let is_reread = self.rereads.replied(id).is_some();
        if is_reread {
            self.read_again();
        }
        is_reread
    }
}
