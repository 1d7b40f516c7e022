//! Moves a subscription from its private reader to the shared one once it has read up to the end. The client does not
//! notice: it gets each record once and in order, with contiguous numbers.
//!
//! Two readers of the same partitions are hardly ever at the same offsets. So the private reader first reserves a
//! position in the shared feed, whose ring keeps everything after it. Then both readers continue until, in every
//! partition,
//!
//! - the private reader has passed the offset at which the reservation began, so that nothing before it is missing;
//! - the shared reader has passed the next offset of the subscription, so that nothing comes twice.
//!
//! The private reader checks this between two polls of Kafka. When it holds, all that the subscription still needs is
//! in the ring: the records after the reservation, from the subscription's next offset on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use protocol::{TopicPartition, WhenSlow};

use super::cursor::{Inner, Progress};
use super::cursor_state::CursorState;
use super::{Batch, Cursor, Delivered, Entry, Feed, Life, State};
use crate::ends::LastStable;
use crate::topic_id::TopicId;

#[cfg(test)]
mod tests;

/// How many bytes a subscription may take along. They are kept for this subscription alone, however slow its client is.
const OVERLAP_BYTES: usize = 1024 * 1024;

/// How close to the high watermark counts as caught up while records keep coming. The last record of a transaction is
/// followed by its marker, which is never delivered, so the difference may never reach zero.
const AT_END_WITHIN: i64 = 16;

/// The result of looking for the shared feed when the private reader has caught up.
pub enum Share {
    /// There was no shared feed; this feed has become it.
    BecameShared,
    /// There is a shared feed, and this reserves a position in it.
    Reserved(Reservation),
    /// The feed cannot be shared now.
    Unavailable,
}

/// The result of an attempt to move the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// The subscription was moved. The private feed has none any more, and ends.
    Done,
    /// The private reader must read on first.
    ReadOn,
    /// The shared reader or the subscription must first catch up with the private reader, which should read nothing
    /// meanwhile.
    Wait,
    /// The subscription cannot be moved with this reservation.
    Failed,
}

/// A position in the shared feed, reserved for the subscription of a private feed.
pub struct Reservation {
    shared: Arc<Feed>,
    /// The id of the reservation among the cursors of the shared feed.
    id: u64,
    /// The first entry that the ring keeps.
    entry: u64,
    /// Per partition, the offset from which on the ring keeps every record.
    starts: BTreeMap<TopicPartition, i64>,
    is_used: bool,
}

/// Finds the feed that all subscriptions to the same topics share.
pub trait SharedFeedLookup: Send + Sync {
    /// Reserves a position in the shared feed. If there is none, and the private feed reads every partition of its
    /// topics (`reads_all`), the private feed becomes the shared one.
    fn share(&self, reads_all: bool) -> Share;
}

impl Feed {
    /// Whether the subscription may be moved to another feed.
    pub fn may_be_shared(&self) -> bool {
        self.lookup.is_some()
    }

    /// The reader found no further record of the partition. `end` is the offset that the next record will have.
    pub fn reached_end(&self, partition: TopicPartition, end: i64) {
        let mut state = self.lock();
        if state.next_offsets.contains_key(&partition) {
            state.ends.insert(partition, end);
        }
    }

    /// Sets the ids of the topics as the reader knows them. `None` while the reader may still move a partition back to
    /// offsets that subscriptions have passed.
    pub fn set_settled(&self, topics: Option<BTreeMap<String, TopicId>>) {
        self.lock().settled = topics;
    }

    /// Whether the reader has read every partition to its end, as far as it knows the ends.
    pub fn is_at_end(&self, fetched_high_watermark: impl Fn(&TopicPartition) -> Option<i64>) -> bool {
        let state = self.lock();
        let is_at_end = |(partition, next): (&TopicPartition, &i64)| {
            state.ends.get(partition).is_some_and(|end| end >= next)
                || fetched_high_watermark(partition).is_some_and(|high| high - next <= AT_END_WITHIN)
        };
        state.settled.is_some() && !state.next_offsets.is_empty() && state.next_offsets.iter().all(is_at_end)
    }

    /// The reader has caught up. `reads_all`: it reads every partition of its topics.
    pub fn share(&self, reads_all: bool) -> Share {
        self.lookup.as_ref().map_or(Share::Unavailable, |lookup| lookup.share(reads_all))
    }

    /// Whether this reader will soon end or be shared, so that a new subscription should wait for it instead of being
    /// refused.
    pub fn set_about_to_share(&self, is_about_to: bool) {
        self.lock().is_about_to_share = is_about_to;
    }

    /// Reserves a position at the end of the ring.
    pub fn reserve(self: &Arc<Self>) -> Option<Reservation> {
        let mut state = self.lock();
        if state.life != Life::Running {
            return None;
        }
        let id = state.next_cursor;
        state.next_cursor += 1;
        let end = state.end();
        // Like a slow subscription with `skip`, it keeps entries as long as the ring has room, and does not hold the
        // reader up.
        state.cursors.insert(id, CursorState::new(end, WhenSlow::Skip));
        let starts = state.next_offsets.clone();
        Some(Reservation { shared: Arc::clone(self), id, entry: end.entry, starts, is_used: false })
    }

    /// The only subscription, if there is exactly one that can be moved.
    fn only_cursor(&self) -> Option<Arc<Cursor>> {
        let state = self.lock();
        let mut cursors = state.cursors.values();
        let only = cursors.next().filter(|_| cursors.next().is_none())?;
        only.cursor.upgrade()
    }
}

impl Reservation {
    /// Moves the subscription of the private feed if possible. Called by the private feed's reader.
    pub fn hand_over(&mut self, private: &Arc<Feed>) -> HandOver {
        let Some(cursor) = private.only_cursor() else { return HandOver::Failed };
        let tried = self.try_to_move(&cursor, private);
        if tried == HandOver::Done {
            self.is_used = true;
            // The cursor's task waits for changes of the private feed.
            cursor.credited.notify_one();
        }
        tried
    }

    fn try_to_move(&self, cursor: &Cursor, private: &Arc<Feed>) -> HandOver {
        let mut inner = cursor.lock();
        let Inner { feed, id, is_leaving, progress } = &mut *inner;
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
        let Some(cursor_state) = from.cursors.remove(id) else { return HandOver::Failed };
        from.acks.remove_subscription(*id);
        from.life = Life::Ending;
        progress.overlap = overlap;
        progress.passed_records = to.records_in_all();
        progress.error_version = to.error_version;
        // The same waiting partitions are not sent again. Otherwise the version must differ from that of the shared
        // feed.
        progress.waiting_version =
            if from.waiting == to.waiting { to.waiting_version } else { to.waiting_version.wrapping_sub(1) };
        let position = to.end();
        to.cursors.insert(self.id, CursorState { position, ..cursor_state });
        drop((from, to));
        *id = self.id;
        *feed = Arc::clone(&self.shared);
        HandOver::Done
    }

    /// Whether the subscription can be moved now, or what must happen first.
    fn check(&self, from: &State, to: &State, id: u64, progress: &Progress) -> HandOver {
        if from.life != Life::Running || to.life != Life::Running {
            return HandOver::Failed;
        }
        // Different ids mean that one reader has noticed that a topic was recreated, and the other has not.
        let is_same = from.settled.is_some()
            && from.settled == to.settled
            && from.error.is_none()
            && to.error.is_none()
            && progress.partitions.keys().eq(to.next_offsets.keys())
            && progress.partitions.keys().eq(self.starts.keys())
            && have_same_open_transactions(from, to);
        if !is_same || self.entry < to.front {
            return HandOver::Failed;
        }
        let is_behind_start = |partition: &TopicPartition| {
            self.starts.get(partition).is_none_or(|start| from.reached(partition) < *start)
        };
        if progress.partitions.keys().any(is_behind_start) {
            return HandOver::ReadOn;
        }
        let has_taken_all = from.cursors.get(&id).is_some_and(|cursor| cursor.position == from.end())
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

    /// The records after the reservation that are still to be sent. `None` if they are too large, or if an event is
    /// among them.
    fn overlap(&self, to: &State, progress: &Progress) -> Option<VecDeque<(Arc<Batch>, usize)>> {
        let skipped = usize::try_from(self.entry - to.front).ok()?;
        let mut overlap = VecDeque::new();
        let mut bytes = 0;
        for entry in to.ring.iter().skip(skipped) {
            let batch = match entry {
                Entry::Records(batch) => batch,
                Entry::Withdrawn => continue,
                // The private reader has sent this event too, or will.
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
    /// The offset below which the reader has every readable record.
    fn reached(&self, partition: &TopicPartition) -> i64 {
        let next = self.next_offsets.get(partition).copied().unwrap_or(i64::MIN);
        self.ends.get(partition).map_or(next, |end| next.max(*end))
    }
}

impl Progress {
    /// The next of the records taken along in a handover, as far as the credit allows.
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
        // These records are before the cursor's ring position, so they were counted already.
        self.passed_records -= count as u64;
        Some(delivered)
    }
}

/// Whether both readers know of the same open transactions. The number of records after them may differ.
fn have_same_open_transactions(from: &State, to: &State) -> bool {
    let first_offsets = |state: &State| -> Vec<(TopicPartition, LastStable)> {
        state.waiting.iter().map(|waiting| (waiting.partition.clone(), waiting.stable)).collect()
    };
    first_offsets(from) == first_offsets(to)
}
