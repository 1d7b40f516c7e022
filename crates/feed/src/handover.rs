//! How a subscription leaves the reader of its own for the one that all share, once it has read up to the end. Its client notices
//! nothing: each record comes once and in order, with contiguous numbers.
//!
//! Two readers of the same partitions hardly ever stand at the same offsets. So the private reader first reserves a place in the
//! shared feed, whose ring keeps everything behind it. Then both go on until, in every partition,
//!
//! - the private reader has passed the offset at which the reservation began: before it nothing is missing;
//! - the shared reader has passed the offset that the subscription gets next: after it nothing comes twice.
//!
//! The private reader checks this between two looks at Kafka. When it holds, what the subscription still needs is known and lies
//! in the ring: the records behind the reservation, from the subscription's next offset on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protocol::{TopicPartition, WhenSlow};

use super::cursor::{Progress, Seat};
use super::place::Place;
use super::{Batch, Cursor, Delivered, Entry, Feed, Life, State};
use crate::ends::LastStable;
use crate::topic_id::TopicId;

/// How much a subscription may take along at most: it is kept for this subscription, however slowly its client takes it.
const OVERLAP_BYTES: usize = 1024 * 1024;

/// How near the end counts as the end where records keep coming. Behind the last record of a transaction lies its marker, which
/// is never delivered.
const AT_END_WITHIN: i64 = 16;

/// What a private feed found when its reader had caught up.
pub enum Share {
    /// There was no shared feed; from now on this one is it.
    Here,
    /// There is one, and this is a place in it.
    There(Reservation),
    NotNow,
}

/// What became of an attempt to hand over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// The private feed has no subscription any more, and ends.
    Done,
    /// The private reader has to read on first.
    ReadOn,
    /// The shared reader, or the subscription, has to come as far as the private reader, which should read nothing meanwhile.
    Wait,
    /// This reservation is of no use.
    Failed,
}

/// A place in the shared feed, kept for a subscription of a private feed.
pub struct Reservation {
    shared: Arc<Feed>,
    /// Of the place among the cursors of the shared feed.
    id: u64,
    /// The first entry that is kept.
    entry: u64,
    /// Per partition, the offset from which on every record lies behind the place.
    starts: BTreeMap<TopicPartition, i64>,
    is_used: bool,
}

/// Where the reader of a private feed finds the feed that all subscriptions of the same topics share.
pub trait Home: Send + Sync {
    /// A place in the shared feed; or the private feed becomes the shared one, if there is none and it reads every partition of
    /// its topics (`reads_all`).
    fn share(&self, reads_all: bool) -> Share;
}

impl Feed {
    /// Whether its subscription may go over to another feed some day.
    pub fn may_be_shared(&self) -> bool {
        self.home.is_some()
    }

    /// The reader found no further record of the partition; `end` is where the next one will be.
    pub fn reached_end(&self, partition: TopicPartition, end: i64) {
        let mut state = self.lock();
        if state.next_offsets.contains_key(&partition) {
            state.ends.insert(partition, end);
        }
    }

    /// The ids of the topics as the reader knows them; none while subscriptions may be told of something that lies before what
    /// they were told already.
    pub fn set_settled(&self, topics: Option<BTreeMap<String, TopicId>>) {
        self.lock().settled = topics;
    }

    /// Whether the reader has read every partition to its end, as far as it has been told where that is.
    pub fn is_at_end(&self, fetched_high_watermark: impl Fn(&TopicPartition) -> Option<i64>) -> bool {
        let state = self.lock();
        let is_at_end = |(partition, next): (&TopicPartition, &i64)| {
            state.ends.get(partition).is_some_and(|end| end >= next)
                || fetched_high_watermark(partition).is_some_and(|high| high - next <= AT_END_WITHIN)
        };
        state.settled.is_some() && !state.next_offsets.is_empty() && state.next_offsets.iter().all(is_at_end)
    }

    /// The reader has caught up. `reads_all`: every partition of its topics.
    pub fn share(&self, reads_all: bool) -> Share {
        self.home.as_ref().map_or(Share::NotNow, |home| home.share(reads_all))
    }

    /// Whether who wants a reader should wait for the place of this one.
    pub fn set_about_to_share(&self, is_about_to: bool) {
        self.lock().is_about_to_share = is_about_to;
    }

    /// A place at the end, for a subscription that is to come.
    pub fn reserve(self: &Arc<Self>) -> Option<Reservation> {
        let mut state = self.lock();
        if state.life != Life::Running {
            return None;
        }
        let id = state.next_cursor;
        state.next_cursor += 1;
        let end = state.end();
        // Like a slow subscription it keeps what comes, as far as there is room, and holds up nobody.
        state.cursors.insert(id, Place::new(end, WhenSlow::Skip));
        let starts = state.next_offsets.clone();
        Some(Reservation { shared: Arc::clone(self), id, entry: end.entry, starts, is_used: false })
    }

    /// The only subscription, if it can be handed over.
    fn only_cursor(&self) -> Option<Arc<Cursor>> {
        let state = self.lock();
        let mut places = state.cursors.values();
        let only = places.next().filter(|_| places.next().is_none())?;
        only.cursor.upgrade()
    }
}

impl Reservation {
    /// Hands the private feed's subscription over, if it is time. To be called by the private feed's reader.
    pub fn hand_over(&mut self, private: &Arc<Feed>) -> HandOver {
        let Some(cursor) = private.only_cursor() else { return HandOver::Failed };
        let tried = self.try_to_move(&cursor, private);
        if tried == HandOver::Done {
            self.is_used = true;
            // It waits for news of the private feed.
            cursor.credited.notify_one();
        }
        tried
    }

    fn try_to_move(&self, cursor: &Cursor, private: &Arc<Feed>) -> HandOver {
        let mut seat = cursor.lock();
        let Seat { feed, id, is_leaving, progress } = &mut *seat;
        if *is_leaving || !Arc::ptr_eq(feed, private) {
            return HandOver::Failed;
        }
        let mut from = private.lock();
        let mut to = self.shared.lock();
        let checked = self.check(&from, &to, *id, progress);
        if checked != HandOver::Done {
            return checked;
        }
        let Some(overlap) = self.overlap(&to, progress) else { return HandOver::Failed };
        let Some(place) = from.cursors.remove(id) else { return HandOver::Failed };
        from.acks.left(*id);
        from.life = Life::Ending;
        progress.overlap = overlap;
        progress.passed_records = to.records_in_all();
        progress.trouble_version = to.trouble_version;
        // What is told already is no news. Otherwise the number must differ, from later ones too.
        progress.waiting_version =
            if from.waiting == to.waiting { to.waiting_version } else { to.waiting_version.wrapping_sub(1) };
        let spot = to.end();
        to.cursors.insert(self.id, Place { spot, ..place });
        drop((from, to));
        *id = self.id;
        *feed = Arc::clone(&self.shared);
        HandOver::Done
    }

    /// Whether the subscription can go over now, or what it waits for.
    fn check(&self, from: &State, to: &State, id: u64, progress: &Progress) -> HandOver {
        if from.life != Life::Running || to.life != Life::Running {
            return HandOver::Failed;
        }
        // Different ids: one of the readers has noticed that a topic is another one now, and the other has not.
        let is_same = from.settled.is_some()
            && from.settled == to.settled
            && from.trouble.is_none()
            && to.trouble.is_none()
            && progress.partitions.keys().eq(to.next_offsets.keys())
            && progress.partitions.keys().eq(self.starts.keys())
            && wait_for_the_same(from, to);
        if !is_same || self.entry < to.front {
            return HandOver::Failed;
        }
        let is_behind_start = |partition: &TopicPartition| {
            self.starts.get(partition).is_none_or(|start| from.reached(partition) < *start)
        };
        if progress.partitions.keys().any(is_behind_start) {
            return HandOver::ReadOn;
        }
        let has_taken_all = from.cursors.get(&id).is_some_and(|place| place.spot == from.end())
            && progress.pending.is_empty()
            && progress.overlap.is_empty()
            && progress.waiting_version == from.waiting_version;
        if !has_taken_all
            || progress.partitions.iter().any(|(partition, position)| to.reached(partition) < position.next)
        {
            return HandOver::Wait;
        }
        HandOver::Done
    }

    /// What lies behind the reservation and is still to be sent; none if it is too much, or if there is something else between.
    fn overlap(&self, to: &State, progress: &Progress) -> Option<VecDeque<(Arc<Batch>, usize)>> {
        let skipped = usize::try_from(self.entry - to.front).ok()?;
        let mut overlap = VecDeque::new();
        let mut bytes = 0;
        for entry in to.ring.iter().skip(skipped) {
            let batch = match entry {
                Entry::Records(batch) => batch,
                Entry::Withdrawn => continue,
                // The private reader has told of it as well, or will.
                Entry::Event(_) => return None,
            };
            let next = progress.partitions.get(&batch.key())?.next;
            let Some(first) = (0..batch.records.len()).find(|&index| batch.records.offset(index) >= next) else {
                continue;
            };
            bytes += batch.records.memory_bytes();
            if bytes > OVERLAP_BYTES {
                return None;
            }
            overlap.push_back((Arc::clone(batch), first));
        }
        Some(overlap)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.is_used {
            self.shared.leave(self.id, false);
        }
    }
}

impl State {
    /// The offset below which the reader has every record that can be read.
    fn reached(&self, partition: &TopicPartition) -> i64 {
        let next = self.next_offsets.get(partition).copied().unwrap_or(i64::MIN);
        self.ends.get(partition).map_or(next, |end| next.max(*end))
    }
}

impl Progress {
    /// The next of the records that were taken along, as far as the credit goes.
    pub(super) fn take_overlap(&mut self) -> Option<Delivered> {
        let (batch, first) = self.overlap.front_mut()?;
        let (batch, first) = (Arc::clone(batch), *first);
        let count = self.allowed(&batch, first);
        if count == 0 {
            return None;
        }
        let end = first + count;
        if end == batch.records.len() {
            self.overlap.pop_front();
        } else if let Some((_, first)) = self.overlap.front_mut() {
            *first = end;
        }
        let delivered = self.send(batch, first..end);
        // They lie before the cursor's place, where all was counted.
        self.passed_records -= count as u64;
        Some(delivered)
    }
}

/// Whether both have told the same about records behind open transactions. How many there are by now may differ.
fn wait_for_the_same(from: &State, to: &State) -> bool {
    let begun = |state: &State| -> Vec<(TopicPartition, LastStable)> {
        state.waiting.iter().map(|waiting| (waiting.partition.clone(), waiting.stable)).collect()
    };
    begun(from) == begun(to)
}
