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
/// Bytes of replies that are kept before they are applied.
const MAX_ANSWER_BYTES: usize = 16 << 20;
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
    /// How many records of the list wait for a schema in it.
    waiting: usize,
}

/// The replies about one partition that are not applied to the list yet.
#[derive(Debug, Default)]
struct Answers {
    fetched: BTreeMap<i64, Entry>,
    /// Offsets whose replies are complete: a record that waits at one of them and was not fetched has left Kafka.
    complete: Vec<std::ops::Range<i64>>,
}

impl Answers {
    /// Prepares the search in [`Self::is_complete_at`]. The same offsets may have been fetched twice, first because the user looked at them.
    fn sort(&mut self) {
        self.complete.sort_unstable_by_key(|offsets| offsets.start);
        let mut merged: Vec<std::ops::Range<i64>> = Vec::with_capacity(self.complete.len());
        for offsets in self.complete.drain(..) {
            match merged.last_mut().filter(|last| offsets.start <= last.end) {
                Some(last) => last.end = last.end.max(offsets.end),
                None => merged.push(offsets),
            }
        }
        self.complete = merged;
    }

    fn is_complete_at(&self, offset: i64) -> bool {
        let after = self.complete.partition_point(|offsets| offsets.start <= offset);
        after.checked_sub(1).and_then(|at| self.complete.get(at)).is_some_and(|offsets| offsets.contains(&offset))
    }
}

#[derive(Debug, Default)]
pub struct Rereads {
    planned: VecDeque<Range>,
    /// No range: cancelled, so that the reply is ignored.
    in_flight: Vec<(RequestId, Option<Range>)>,
    /// The replies that are not applied yet, of each topic and partition.
    answers: BTreeMap<(Rc<str>, i32), Answers>,
    answer_bytes: usize,
    /// How many waiting records `answers` are about.
    answered: usize,
    /// How many waiting records the replies were about that are applied since the registry answered.
    applied: usize,
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
        self.answers.clear();
        (self.answer_bytes, self.answered, self.applied) = (0, 0, 0);
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

    /// Whether the replies are applied now. Each time, the whole list is searched: so the first replies are applied at once, and later
    /// ones once they add a quarter to what was applied. The number of searches then grows with the logarithm of the number of records.
    fn should_apply(&self) -> bool {
        let is_last = self.planned.is_empty() && self.in_flight.is_empty();
        let is_enough = self.answered.saturating_mul(4) >= self.applied || self.answer_bytes > MAX_ANSWER_BYTES;
        !self.answers.is_empty() && (is_last || is_enough)
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
                    range.waiting += 1;
                    *first = order.min(*first);
                }
                _ => {
                    let topic = Rc::clone(&topic);
                    let range = Range { topic, partition, from: offset, to: offset + 1, waiting: 1 };
                    found.extend(open.replace((order, range)));
                }
            }
        }
        found.extend(open);
    }
    found.sort_unstable_by_key(|(first, _)| *first);
    found.into_iter().map(|(_, range)| range).collect()
}

/// Replaces the waiting records that the replies are about. Returns whether the list has changed.
fn replace(feed: &mut Feed, notes: &mut SharedNotes, mut answers: BTreeMap<(Rc<str>, i32), Answers>) -> bool {
    answers.values_mut().for_each(Answers::sort);
    feed.update_records(|entry| {
        if !entry.waits_for_schema() {
            return None;
        }
        let record = entry.record()?;
        let answers = answers.get(&(Rc::clone(record.topic), record.partition))?;
        let same = answers.fetched.get(&record.offset).filter(|fetched| {
            // After a topic was recreated, another record may have the offset.
            let is_same = |other| record.is_same_as(&other);
            fetched.record().is_some_and(is_same)
        });
        match same {
            Some(fetched) => Some(fetched.clone()),
            None if answers.is_complete_at(record.offset) => entry.expired(notes),
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
        self.cancel_rereads();
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
            let Range { topic, partition, from, to, .. } = &range;
            let (from, to) = (Offset(*from), Offset(*to));
            let request = self.request(&Fetch { topic: topic.to_string(), partition: *partition, from, to, decode });
            self.rereads.in_flight.push((request, Some(range)));
        }
    }

    /// Takes a reply. Returns whether it was one to these requests.
    pub(super) fn was_read_again(&mut self, id: Option<RequestId>, fetched: &Fetched) -> bool {
        let Some(range) = self.rereads.replied(id) else { return false };
        if let Some(range) = range {
            let Range { topic, partition, from, to, waiting } = range.clone();
            let masked = MaskedFields::new(fetched.masked.clone());
            let batch = ReceivedBatch::fetched(&topic, partition, &fetched.records, masked, &mut self.shared_notes);
            // A reply without progress means that the partition ends before the range.
            let has_rest = (from + 1..to).contains(&fetched.next.0);
            let next = if has_rest { fetched.next.0 } else { to };
            let is_readable = batch.is_some() || fetched.records.is_empty();
            let is_complete = is_readable && fetched.waits_from.is_none();
            let covered = if has_rest { waiting.min(fetched.records.len()) } else { waiting };
            let answers = self.rereads.answers.entry((topic, partition)).or_default();
            for (offset, entry) in batch.iter().flat_map(ReceivedBatch::entries) {
                self.rereads.answer_bytes += entry.bytes();
                answers.fetched.insert(offset, entry);
            }
            if is_complete {
                answers.complete.push(from..next);
            }
            self.rereads.answered += covered;
            if has_rest {
                self.rereads.planned.push_front(Range { from: next, waiting: waiting - covered, ..range });
            }
        }
        if self.rereads.should_apply() {
            self.apply_rereads();
        }
        self.read_again();
        true
    }

    /// Fetches no further records. Those that were fetched are replaced.
    pub(super) fn cancel_rereads(&mut self) {
        self.apply_rereads();
        self.rereads.cancel();
    }

    /// Applies the replies to the list, in one search of it.
    fn apply_rereads(&mut self) {
        let answers = std::mem::take(&mut self.rereads.answers);
        self.rereads.applied += std::mem::take(&mut self.rereads.answered);
        self.rereads.answer_bytes = 0;
        if !answers.is_empty() && replace(&mut self.feed, &mut self.shared_notes, answers) {
            self.rereads.revision += 1;
            self.feed.shrink();
            self.changes.mark_list();
        }
    }

    /// The bridge could not fetch the records, which stay as they are. Returns whether the request was one of these.
    pub(super) fn reading_again_failed(&mut self, id: Option<RequestId>) -> bool {
        let is_reread = self.rereads.replied(id).is_some();
        if is_reread {
            if self.rereads.should_apply() {
                self.apply_rereads();
            }
            self.read_again();
        }
        is_reread
    }
}
