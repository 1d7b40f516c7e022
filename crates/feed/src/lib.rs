//! Encoded records of one reader, on their way to any number of subscriptions.
//!
//! A [`Feed`] is a bounded ring: the reader thread fills it, and each subscription reads it with a cursor of its own.
//! Entries that every cursor has passed are dropped. When the ring is full, the reader waits while a subscription that
//! asked to `block` is at the front, as long as that subscription makes progress or no other one is ahead of it.
//! Otherwise entries are dropped, and a subscription that falls out of the ring gets a gap.
//!
//! This crate knows neither Kafka's client library nor sockets. It also has the types of a partition's ends ([`ends`])
//! and of a topic's id ([`topic_id`]), which readers and subscriptions share.

mod acks;
mod batch;
mod closing_cursor;
mod commits;
mod cursor;
mod cursor_state;
pub mod ends;
mod event;
#[cfg(test)]
mod fixtures;
mod handover;
#[cfg(test)]
mod handover_model;
mod key;
mod missed;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
pub mod topic_id;
mod totals;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use protocol::{
    ErrorBody, GapReason, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, SESSION_LINGER_SECS, TopicPartition, WhenSlow,
};
use tokio::sync::Notify;

use self::acks::Acks;
pub use self::batch::{Batch, MAX_VARIANTS, RecordsView};
pub use self::closing_cursor::ClosingCursor;
use self::commits::Commits;
pub use self::cursor::{Cursor, Delivered, Listener};
use self::cursor_state::{CursorState, RingPosition};
pub use self::event::{Event, ReadMode, Start, Waiting};
pub use self::handover::{HandOver, Reservation, Share, SharedFeedLookup};
pub use self::key::Variant;
use self::missed::Missed;
use self::topic_id::TopicId;

/// How many bytes of binary records a feed keeps for slow subscriptions. Their JSON, if a subscription wants it, comes
/// on top, and so do their decoded and masked forms, at most [`MAX_VARIANTS`].
const CAPACITY_BYTES: usize = 8 * 1024 * 1024;

/// A blocking subscription that has taken nothing for this long no longer holds up subscriptions that are ahead.
const STALLED_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Entry {
    Records(Arc<Batch>),
    Event(Event),
    /// Records or a gap of a partition that was revoked before they were sent; the partition's next owner delivers
    /// them.
    Withdrawn,
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Records(batch) => size_of::<Batch>() + batch.records.memory_bytes(),
            Self::Event(_) | Self::Withdrawn => 0,
        }
    }

    fn records(&self) -> u64 {
        match self {
            Self::Records(batch) => batch.records.len() as u64,
            Self::Event(_) | Self::Withdrawn => 0,
        }
    }
}

/// Whether the reader may fetch more from Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Free,
    /// The subscriptions do not take the records in the ring; leave further ones in Kafka.
    Full,
}

pub struct Feed {
    state: Mutex<State>,
    /// Wakes the tasks of cursors: something new is available.
    changed: Arc<Notify>,
    /// Wakes the reader: there may be room, acknowledgements, or a request to end.
    demand: Condvar,
    /// Whether the feed of a group outlives its last subscription for a while, so that reloading a page does not
    /// rebalance the group.
    lingers: bool,
    /// Finds the shared feed once the subscription has caught up. `None` for a feed that is shared already or never can
    /// be.
    lookup: Option<Box<dyn SharedFeedLookup>>,
    /// Counts each record once for any number of subscriptions.
    records_read: Counter,
}

struct State {
    ring: VecDeque<Entry>,
    ring_bytes: usize,
    /// The index of `ring[0]`. Indexes only grow.
    front: u64,
    /// Per partition, the high watermark of the last fetch; only of feeds that acknowledge records.
    high_watermarks: BTreeMap<TopicPartition, i64>,
    /// The number of records in all entries that left the ring at the front.
    dropped_records: u64,
    /// Entries that left the ring at the front before every cursor had passed them.
    missed: Missed,
    /// Per partition, the offset after the last record in the ring, or where reading starts.
    next_offsets: BTreeMap<TopicPartition, i64>,
    /// Per partition, the end at which the reader found no further record. It is beyond the next offset if the last
    /// offsets are transaction markers, which are never delivered.
    ends: BTreeMap<TopicPartition, i64>,
    /// The ids of the topics, by name. `None` while the reader looks for topics, moves a partition, or has an error.
    settled: Option<BTreeMap<String, TopicId>>,
    /// Whether this reader will probably soon be left for a shared one, or become one.
    is_about_to_share: bool,
    cursors: BTreeMap<u64, CursorState>,
    next_cursor: u64,
    acks: Acks,
    commits: Commits,
    /// The committed positions, and a counter that grows with each change.
    committed: BTreeMap<TopicPartition, i64>,
    committed_version: u64,
    /// The current error, and a counter that grows with each change.
    error: Option<ErrorBody>,
    error_version: u64,
    /// Where records are not visible yet, and a counter that grows with each change.
    waiting: Vec<Waiting>,
    waiting_version: u64,
    life: Life,
    /// Whether the reader waits for room.
    reader_waits: bool,
    /// A cursor joined after all others were gone: the reader must read again what was not acknowledged.
    rewind: bool,
    /// A cursor left or fell behind, so no cursor may be left to acknowledge some records.
    may_have_orphans: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// There has been no cursor since then; one may still join.
    Abandoned(Instant),
    /// No cursor may join any more.
    Ending,
    /// The reader has ended.
    Ended,
}

impl Feed {
    /// `lingers`: whether the feed outlives its last subscription for a while, as a group's does. Records that enter
    /// the ring are added to `records_read`.
    pub fn new(lingers: bool, records_read: Counter) -> Self {
        let state = State {
            ring: VecDeque::new(),
            ring_bytes: 0,
            front: 0,
            high_watermarks: BTreeMap::new(),
            dropped_records: 0,
            missed: Missed::default(),
            next_offsets: BTreeMap::new(),
            ends: BTreeMap::new(),
            settled: None,
            is_about_to_share: false,
            cursors: BTreeMap::new(),
            next_cursor: 0,
            acks: Acks::default(),
            commits: Commits::default(),
            committed: BTreeMap::new(),
            committed_version: 0,
            error: None,
            error_version: 0,
            waiting: Vec::new(),
            waiting_version: 0,
            life: Life::Running,
            reader_waits: false,
            rewind: false,
            may_have_orphans: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Arc::default(),
            demand: Condvar::new(),
            lingers,
            lookup: None,
            records_read,
        }
    }

    /// The feed of one subscription, which may become the shared one or be left for it.
    pub fn private(lookup: impl SharedFeedLookup + 'static, records_read: Counter) -> Self {
        let feed = Self { lookup: Some(Box::new(lookup)), ..Self::new(false, records_read) };
        feed.lock().is_about_to_share = true;
        feed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state consistent: every change is complete before anything can fail.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Methods for the reader and for the registry of feeds.
impl Feed {
    /// Whether the reader may fetch more records. Waits up to `timeout` for room.
    pub fn wait_for_room(&self, timeout: Duration) -> Room {
        let mut state = self.lock();
        if state.make_room() || state.life == Life::Ending {
            return Room::Free;
        }
        state.reader_waits = true;
        let (mut state, _) = self.demand.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner);
        state.reader_waits = false;
        if state.make_room() { Room::Free } else { Room::Full }
    }

    /// Appends records. If the ring is full, entries at the front are dropped for them.
    pub fn push(&self, batch: Batch) {
        let mut state = self.lock();
        if state.rewind {
            // Read before the rewind; the reader reads it again.
            return;
        }
        self.records_read.inc_by(batch.records.len() as u64);
        state.drop_passed();
        state.next_offsets.insert(batch.key(), batch.next_offset());
        let listener = if batch.is_small() { state.only_listener() } else { None };
        if !state.merge_into_waiting(&batch) {
            state.append(Entry::Records(Arc::new(batch)));
        }
        // A whole poll is stored even if it exceeds the capacity and the front is held.
        while state.ring_bytes > CAPACITY_BYTES && state.ring.len() > 1 && !state.front_is_held(Instant::now()) {
            state.drop_front();
        }
        drop(state);
        if !listener.is_some_and(|listener| listener.notify()) {
            self.changed.notify_waiters();
        }
    }

    /// Adds partitions, which must be announced before their first record.
    pub fn assigned(&self, starts: Vec<Start>) {
        self.assigned_to_group(starts, &BTreeMap::new());
    }

    /// Like [`Self::assigned`], with the positions that the group has committed.
    pub fn assigned_to_group(&self, starts: Vec<Start>, committed: &BTreeMap<TopicPartition, i64>) {
        let mut state = self.lock();
        for Start { partition, offset } in &starts {
            state.next_offsets.insert(partition.clone(), *offset);
            state.ends.remove(partition);
            state.commits.assigned(partition, *offset, committed.get(partition).copied());
            state.acks.start(partition.clone(), *offset);
        }
        state.append(Entry::Event(Event::Assigned(starts)));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Removes the unsent records of these partitions from the ring, and waits up to `timeout` until the sent ones are
    /// acknowledged, so that the next owner starts after them.
    pub fn withdraw(&self, partitions: &[TopicPartition], timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        state.withdraw(partitions);
        while !state.cursors.is_empty() && !state.acks.complete(partitions) {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return;
            }
            state = self.demand.wait_timeout(state, remaining).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Another member owns these partitions now.
    pub fn revoked(&self, partitions: Vec<TopicPartition>) {
        let mut state = self.lock();
        for partition in &partitions {
            state.acks.stop(partition);
            state.next_offsets.remove(partition);
            state.ends.remove(partition);
            state.commits.revoked(partition);
            state.committed.remove(partition);
        }
        state.append(Entry::Event(Event::Revoked(partitions)));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Adds a gap of records that Kafka does not have, or no longer has. Reading continues at `to`.
    pub fn lost(&self, partition: TopicPartition, from: i64, to: i64, reason: GapReason) {
        let mut state = self.lock();
        state.next_offsets.insert(partition.clone(), to);
        state.ends.remove(&partition);
        match reason {
            GapReason::Recreated => state.commits.recreated(&partition),
            GapReason::OutOfRange => state.commits.out_of_range(&partition, to),
            GapReason::Slow | GapReason::Retention => {}
        }
        if to < from {
            // Offsets that were passed come again, with other records.
            state.acks.start(partition.clone(), to);
        } else {
            state.acks.skip(&partition, from, to);
        }
        state.append(Entry::Event(Event::Gap { partition, from, to, reason }));
        drop(state);
        self.changed.notify_waiters();
    }

    /// Sets the current error; `None` when there is none any more.
    pub fn set_error(&self, error: Option<ErrorBody>) {
        let mut state = self.lock();
        if state.error == error {
            return;
        }
        state.error = error;
        state.error_version += 1;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Sets all partitions in which records wait for the end of an open transaction.
    pub fn set_waiting(&self, waiting: Vec<Waiting>) {
        let mut state = self.lock();
        if state.waiting == waiting {
            return;
        }
        state.waiting = waiting;
        state.waiting_version += 1;
        drop(state);
        self.changed.notify_waiters();
    }

    /// The next offset to read of each partition.
    pub fn next_offsets(&self) -> BTreeMap<TopicPartition, i64> {
        self.lock().next_offsets.clone()
    }

    /// The next offset to read of the partition.
    pub fn next_offset(&self, partition: &TopicPartition) -> Option<i64> {
        self.lock().next_offsets.get(partition).copied()
    }

    /// The offset below which every record of the partition is acknowledged.
    pub fn acknowledged(&self, partition: &TopicPartition) -> Option<i64> {
        self.lock().acks.position(partition)
    }

    /// Contiguously acknowledged positions that should be committed now.
    pub fn uncommitted(&self) -> Vec<Start> {
        let state = self.lock();
        let due = state.acks.positions().filter(|(partition, offset)| state.commits.is_due(partition, *offset));
        due.map(|(partition, offset)| Start { partition: partition.clone(), offset }).collect()
    }

    /// Kafka has committed these positions.
    pub fn committed(&self, positions: &[Start]) {
        if positions.is_empty() {
            return;
        }
        let mut state = self.lock();
        for Start { partition, offset } in positions {
            state.committed.insert(partition.clone(), *offset);
            let acknowledged = state.acks.position(partition);
            state.commits.committed(partition, *offset, acknowledged);
        }
        state.committed_version += 1;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Where to read again records that were delivered and that no subscription can acknowledge any more: in all
    /// partitions if a cursor joined after all others were gone, else in those where a cursor left without
    /// acknowledging its records and no other cursor got them.
    pub fn take_rewind(&self) -> Option<Vec<Start>> {
        let mut state = self.lock();
        if std::mem::take(&mut state.rewind) {
            let positions = state.acks.positions();
            return Some(positions.map(|(partition, offset)| Start { partition: partition.clone(), offset }).collect());
        }
        let starts = self.lingers.then(|| state.take_orphans())?;
        if starts.is_empty() {
            return None;
        }
        drop(state);
        self.changed.notify_waiters();
        Some(starts)
    }

    /// Whether the reader should end: there is no subscription, and the time to wait for one is over.
    pub fn should_end(&self) -> bool {
        let mut state = self.lock();
        match state.life {
            Life::Running => false,
            Life::Ending | Life::Ended => true,
            Life::Abandoned(since) => {
                let is_over = since.elapsed() >= Duration::from_secs(SESSION_LINGER_SECS);
                if is_over {
                    state.life = Life::Ending;
                }
                is_over
            }
        }
    }

    /// Whether the reader will soon end, or at least probably so.
    pub fn frees_its_reader_soon(&self) -> bool {
        let state = self.lock();
        matches!(state.life, Life::Ending | Life::Ended) || state.is_about_to_share
    }

    /// Since when the feed has had no subscription, if it waits for one.
    pub fn abandoned_since(&self) -> Option<Instant> {
        match self.lock().life {
            Life::Abandoned(since) => Some(since),
            Life::Running | Life::Ending | Life::Ended => None,
        }
    }

    /// Ends the feed for all subscriptions now.
    pub fn end(&self) {
        let mut state = self.lock();
        if state.life != Life::Ended {
            state.life = Life::Ending;
        }
        drop(state);
        self.demand.notify_all();
    }

    /// The reader has ended; cursors notice it after the last record.
    pub fn ended(&self) {
        self.lock().life = Life::Ended;
        self.changed.notify_waiters();
        self.demand.notify_all();
    }
}

impl State {
    fn append(&mut self, entry: Entry) {
        self.ring_bytes += entry.bytes();
        self.ring.push_back(entry);
    }

    /// Appends the records to a batch of the same partition that no cursor has taken yet. So small batches become one
    /// frame while the sockets are busy, and are sent at once while a socket is idle.
    fn merge_into_waiting(&mut self, batch: &Batch) -> bool {
        /// How many entries to search. Topics may have more partitions, but a longer search would cost more than it
        /// saves.
        const LOOK_BACK: usize = 32;
        if !batch.is_small() {
            return false;
        }
        let Some(furthest) = self.cursors.values().map(CursorState::first_untouched).max() else { return false };
        let untouched = usize::try_from(furthest.saturating_sub(self.front)).unwrap_or(usize::MAX);
        let waiting = self.ring.iter_mut().skip(untouched).rev().take(LOOK_BACK);
        for entry in waiting {
            match entry {
                Entry::Records(earlier) if earlier.partition == batch.partition && earlier.topic == batch.topic => {
                    let Some(earlier) = Arc::get_mut(earlier) else { return false };
                    let fits = earlier.records.len() + batch.records.len() <= MAX_BATCH_RECORDS
                        && earlier.records.encoded_bytes() + batch.records.encoded_bytes() <= MAX_BATCH_BYTES;
                    if fits {
                        let before = earlier.records.memory_bytes();
                        earlier.append(batch);
                        self.ring_bytes += earlier.records.memory_bytes() - before;
                    }
                    return fits;
                }
                Entry::Records(_) | Entry::Withdrawn => {}
                // The event may concern the same partition, so the records must not move before it.
                Entry::Event(_) => return false,
            }
        }
        false
    }

    /// Removes records and gaps of these partitions that no cursor has taken yet.
    fn withdraw(&mut self, partitions: &[TopicPartition]) {
        let furthest = self.cursors.values().map(|cursor| cursor.position).max();
        let mut freed = 0;
        for (index, entry) in (self.front..).zip(&mut self.ring) {
            let untouched = furthest.is_none_or(|furthest| furthest <= RingPosition { entry: index, record: 0 });
            let concerned = match entry {
                Entry::Records(batch) => partitions.contains(&batch.key()),
                Entry::Event(Event::Gap { partition, .. }) => partitions.contains(partition),
                Entry::Event(_) | Entry::Withdrawn => false,
            };
            if untouched && concerned {
                freed += entry.bytes();
                *entry = Entry::Withdrawn;
            }
        }
        self.ring_bytes -= freed;
    }

    /// Assigns partitions anew, as a rebalance would, if no subscription can acknowledge their records any more.
    /// Returns where the reader starts again.
    fn take_orphans(&mut self) -> Vec<Start> {
        if self.cursors.is_empty() || !std::mem::take(&mut self.may_have_orphans) {
            return Vec::new();
        }
        let cursors: Vec<u64> = self.cursors.keys().copied().collect();
        let orphaned = self.acks.orphaned(&cursors);
        if orphaned.is_empty() {
            return Vec::new();
        }
        let partitions: Vec<TopicPartition> = orphaned.iter().map(|(partition, _)| partition.clone()).collect();
        self.withdraw(&partitions);
        for (partition, offset) in &orphaned {
            self.acks.start(partition.clone(), *offset);
            self.next_offsets.insert(partition.clone(), *offset);
        }
        let starts: Vec<Start> = orphaned.into_iter().map(|(partition, offset)| Start { partition, offset }).collect();
        self.append(Entry::Event(Event::Revoked(partitions)));
        self.append(Entry::Event(Event::Assigned(starts.clone())));
        starts
    }

    fn drop_front(&mut self) {
        let Some(entry) = self.ring.pop_front() else { return };
        let index = self.front;
        self.front += 1;
        self.ring_bytes -= entry.bytes();
        self.dropped_records += entry.records();
        if self.cursors.values().any(|cursor| cursor.position.entry <= index) {
            self.missed.add(index, entry, self.dropped_records);
        }
    }

    /// Drops entries that every cursor has passed. Without cursors everything is kept for the next one.
    fn drop_passed(&mut self) {
        let Some(slowest) = self.cursors.values().map(|cursor| cursor.position.entry).min() else { return };
        while self.front < slowest && !self.ring.is_empty() {
            self.drop_front();
        }
        self.missed.forget_before(slowest);
    }

    /// Whether there is room for another poll of Kafka. Entries beyond the capacity, which the last poll may have
    /// added, are dropped first. Otherwise each small step of the fastest cursor would admit another whole poll.
    fn make_room(&mut self) -> bool {
        if self.cursors.is_empty() {
            return false;
        }
        self.drop_passed();
        while self.ring_bytes >= CAPACITY_BYTES && self.ring.len() > 1 && !self.front_is_held(Instant::now()) {
            self.drop_front();
        }
        self.ring_bytes < CAPACITY_BYTES
    }

    /// Whether a blocking cursor keeps the front of the ring: without other cursors ahead, for any time; else, as long
    /// as it makes progress.
    fn front_is_held(&self, now: Instant) -> bool {
        let is_another_ahead = self.cursors.values().any(|cursor| cursor.position.entry > self.front);
        self.cursors.values().any(|cursor| {
            let is_moving = now.saturating_duration_since(cursor.moved_at) < STALLED_AFTER;
            cursor.when_slow == WhenSlow::Block
                && cursor.position.entry <= self.front
                && (is_moving || !is_another_ahead)
        })
    }

    /// The listener to notify on the reader's thread. With several subscriptions the reader would serve them one after
    /// the other, so their own tasks do it.
    fn only_listener(&self) -> Option<Arc<dyn Listener>> {
        let mut cursors = self.cursors.values();
        let only = cursors.next().filter(|_| cursors.next().is_none())?;
        only.listener.as_ref()?.upgrade()
    }

    fn end_index(&self) -> u64 {
        self.front + self.ring.len() as u64
    }

    /// The position after everything in the ring.
    fn end(&self) -> RingPosition {
        RingPosition { entry: self.end_index(), record: 0 }
    }

    /// The number of records that ever entered the ring and were not withdrawn.
    fn records_in_all(&self) -> u64 {
        self.dropped_records + self.ring.iter().map(Entry::records).sum::<u64>()
    }
}
