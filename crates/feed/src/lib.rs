//! One reader's encoded records on their way to any number of subscriptions.
//!
//! A [`Feed`] is a bounded ring: the reader thread fills it, each subscription walks along it with a cursor of its own.
//! What every cursor has passed is dropped. When the ring is full, the reader waits as long as everybody waits at the
//! front and somebody asked to `block`; otherwise those in front go on, and who falls out of the ring gets a gap.
//!
//! It knows neither Kafka's client library nor sockets. Beside the ring lie the types of a partition's ends ([`ends`]) and of a
//! topic's identity ([`topic_id`]), which readers and subscriptions share.

mod acks;
mod batch;
mod commits;
mod cursor;
pub mod ends;
mod event;
mod handover;
#[cfg(test)]
mod handover_model;
mod missed;
#[cfg(test)]
mod model;
mod place;
pub mod topic_id;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use protocol::{
    ErrorBody, GapReason, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, SESSION_LINGER_SECS, TopicPartition, WhenSlow,
};
use tokio::sync::Notify;

use self::acks::Acks;
pub use self::batch::Batch;
use self::commits::Commits;
pub use self::cursor::{Cursor, Delivered, Left, Listener};
pub use self::event::{Event, ReadMode, Start, Waiting};
pub use self::handover::{HandOver, Home, Reservation, Share};
use self::missed::Missed;
use self::place::{Place, Spot};
use self::topic_id::TopicId;

/// Bytes of binary records a feed keeps for slow subscriptions. Their JSON comes on top where somebody wants it.
const CAPACITY_BYTES: usize = 8 * 1024 * 1024;

/// A blocking subscription that takes nothing for so long holds up nobody else any more.
const STALLED_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Entry {
    Records(Arc<Batch>),
    Event(Event),
    /// Records, or a gap, of a partition that was revoked before they were delivered: the next owner delivers them.
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

/// Whether the reader may take more from Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Free,
    /// Nobody takes what is here; leave the rest in Kafka.
    Full,
}

pub struct Feed {
    state: Mutex<State>,
    /// Wakes cursors: something new is there for them.
    news: Arc<Notify>,
    /// Wakes the reader: there may be room, acknowledgements or an end.
    demand: Condvar,
    /// A group's member outlives a lost socket for a while, so that a page's refresh does not rebalance the group.
    lingers: bool,
    /// Where its subscription finds the feed that all share, once it has caught up; none for a feed that is shared already or
    /// never will be.
    home: Option<Box<dyn Home>>,
    /// Counts each record once, however many subscriptions get it.
    records_read: Counter,
}

struct State {
    ring: VecDeque<Entry>,
    ring_bytes: usize,
    /// The index of `ring[0]`; indices only grow.
    front: u64,
    /// Records in all entries that left the ring at the front.
    dropped_records: u64,
    /// What left the ring at the front and some cursor has not passed.
    missed: Missed,
    /// Per partition, the offset after the last record that entered the ring, or where reading starts.
    next_offsets: BTreeMap<TopicPartition, i64>,
    /// Per partition, the end at which the reader found no further record. It lies beyond the next offset where the last offsets
    /// are markers of transactions, which are never delivered.
    ends: BTreeMap<TopicPartition, i64>,
    /// The ids of the topics, by name; none while the reader looks for topics, moves a partition or has trouble.
    settled: Option<BTreeMap<String, TopicId>>,
    /// The reader is about to be left for a shared one, or to become one, as far as can be said.
    is_about_to_share: bool,
    cursors: BTreeMap<u64, Place>,
    next_cursor: u64,
    acks: Acks,
    commits: Commits,
    /// Positions that Kafka has taken, and a counter that grows with each change.
    committed: BTreeMap<TopicPartition, i64>,
    committed_version: u64,
    /// What is wrong right now, if anything, and a counter that grows with each change.
    trouble: Option<ErrorBody>,
    trouble_version: u64,
    /// Where records are not visible yet, and a counter that grows with each change.
    waiting: Vec<Waiting>,
    waiting_version: u64,
    life: Life,
    /// The reader waits for room.
    reader_waits: bool,
    /// A cursor joined after all others were gone: read again what nobody acknowledged.
    rewind: bool,
    /// A cursor left, or fell behind: what it had not acknowledged may be nobody's now.
    may_have_orphans: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// No cursor since then; a new one may still come.
    Abandoned(Instant),
    /// No cursor may join any more.
    Ending,
    /// The reader is gone.
    Ended,
}

impl Feed {
    /// `lingers`: the feed of a group, whose member waits for a page that lost its socket. Records that enter are added to
    /// `records_read`.
    pub fn new(lingers: bool, records_read: Counter) -> Self {
        let state = State {
            ring: VecDeque::new(),
            ring_bytes: 0,
            front: 0,
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
            trouble: None,
            trouble_version: 0,
            waiting: Vec::new(),
            waiting_version: 0,
            life: Life::Running,
            reader_waits: false,
            rewind: false,
            may_have_orphans: false,
        };
        Self {
            state: Mutex::new(state),
            news: Arc::default(),
            demand: Condvar::new(),
            lingers,
            home: None,
            records_read,
        }
    }

    /// The feed of one subscription, which may become a shared one or be left for it.
    pub fn with_home(home: impl Home + 'static, records_read: Counter) -> Self {
        let feed = Self { home: Some(Box::new(home)), ..Self::new(false, records_read) };
        feed.lock().is_about_to_share = true;
        feed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere does not make the ring inconsistent: every change is complete before anything can fail.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader's side.
impl Feed {
    /// Whether to take more records, waiting up to `timeout` for room.
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

    /// Appends records. Where the ring is full, what lies in front makes room.
    pub fn push(&self, batch: Batch) {
        let mut state = self.lock();
        if state.rewind {
            // Read before the rewind; it comes again in its place.
            return;
        }
        self.records_read.inc_by(batch.records.len() as u64);
        state.drop_passed();
        state.next_offsets.insert(batch.key(), batch.next_offset());
        let listener = if batch.is_small() { state.only_listener() } else { None };
        if !state.join_waiting(&batch) {
            state.append(Entry::Records(Arc::new(batch)));
        }
        // What was taken in one go is stored, even if it exceeds the capacity and somebody holds the front.
        while state.ring_bytes > CAPACITY_BYTES && state.ring.len() > 1 && !state.front_is_held() {
            state.drop_front();
        }
        drop(state);
        if !listener.is_some_and(|listener| listener.news()) {
            self.news.notify_waiters();
        }
    }

    /// Partitions to read from now on, announced before their first record.
    pub fn assigned(&self, starts: Vec<Start>) {
        self.assigned_to_group(starts, &BTreeMap::new());
    }

    /// The same, with the positions that the group has committed.
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
        self.news.notify_waiters();
    }

    /// Takes back what was not delivered yet of these partitions, and waits up to `timeout` until what was delivered
    /// is acknowledged, so that the next owner starts behind it.
    pub fn withdraw(&self, partitions: &[TopicPartition], timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        state.withdraw(partitions);
        while !state.cursors.is_empty() && !state.acks.complete(partitions) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.demand.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// These partitions are somebody else's now.
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
        self.news.notify_waiters();
    }

    /// Records that Kafka does not have (any more); reading goes on at `to`.
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
            state.acks.lost(&partition, from, to);
        }
        state.append(Entry::Event(Event::Gap { partition, from, to, reason }));
        drop(state);
        self.news.notify_waiters();
    }

    /// What is wrong right now; `None` when all is well again.
    pub fn set_trouble(&self, trouble: Option<ErrorBody>) {
        let mut state = self.lock();
        if state.trouble == trouble {
            return;
        }
        state.trouble = trouble;
        state.trouble_version += 1;
        drop(state);
        self.news.notify_waiters();
    }

    /// The partitions in which records wait behind an open transaction; all of them.
    pub fn set_waiting(&self, waiting: Vec<Waiting>) {
        let mut state = self.lock();
        if state.waiting == waiting {
            return;
        }
        state.waiting = waiting;
        state.waiting_version += 1;
        drop(state);
        self.news.notify_waiters();
    }

    /// Where each partition is to be read next.
    pub fn next_offsets(&self) -> BTreeMap<TopicPartition, i64> {
        self.lock().next_offsets.clone()
    }

    /// Where the partition is to be read next.
    pub fn next_offset(&self, partition: &TopicPartition) -> Option<i64> {
        self.lock().next_offsets.get(partition).copied()
    }

    /// Up to where everything of the partition is acknowledged.
    pub fn acknowledged(&self, partition: &TopicPartition) -> Option<i64> {
        self.lock().acks.position(partition)
    }

    /// Positions acknowledged without a hole that are to be committed now.
    pub fn uncommitted(&self) -> Vec<Start> {
        let state = self.lock();
        let due = state.acks.positions().filter(|(partition, offset)| state.commits.is_due(partition, *offset));
        due.map(|(partition, offset)| Start { partition: partition.clone(), offset }).collect()
    }

    /// Kafka has taken these positions.
    pub fn committed(&self, positions: &[Start]) {
        if positions.is_empty() {
            return;
        }
        let mut state = self.lock();
        for Start { partition, offset } in positions {
            state.committed.insert(partition.clone(), *offset);
            let acknowledged = state.acks.position(partition);
            state.commits.taken(partition, *offset, acknowledged);
        }
        state.committed_version += 1;
        drop(state);
        self.news.notify_waiters();
    }

    /// Where to read again what was delivered and is nobody's to acknowledge any more: everywhere if every cursor was
    /// gone and a new one came, else where one left before it was done and none of the others has the same records.
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
        self.news.notify_waiters();
        Some(starts)
    }

    /// Whether the reader should end: nobody looks, and nobody is waited for.
    pub fn should_end(&self) -> bool {
        let mut state = self.lock();
        match state.life {
            Life::Running => false,
            Life::Ending | Life::Ended => true,
            Life::Abandoned(since) => {
                let over = since.elapsed() >= Duration::from_secs(SESSION_LINGER_SECS);
                if over {
                    state.life = Life::Ending;
                }
                over
            }
        }
    }

    /// Whether the reader's place is free in a moment.
    pub fn makes_room(&self) -> bool {
        let state = self.lock();
        matches!(state.life, Life::Ending | Life::Ended) || state.is_about_to_share
    }

    /// Since when the feed has had no subscription, if it waits for one to come back.
    pub fn abandoned_since(&self) -> Option<Instant> {
        match self.lock().life {
            Life::Abandoned(since) => Some(since),
            Life::Running | Life::Ending | Life::Ended => None,
        }
    }

    /// Ends the feed for everyone, now.
    pub fn end(&self) {
        let mut state = self.lock();
        if state.life != Life::Ended {
            state.life = Life::Ending;
        }
        drop(state);
        self.demand.notify_all();
    }

    /// The reader is gone; cursors learn it after the last record.
    pub fn ended(&self) {
        self.lock().life = Life::Ended;
        self.news.notify_waiters();
        self.demand.notify_all();
    }
}

impl State {
    fn append(&mut self, entry: Entry) {
        self.ring_bytes += entry.bytes();
        self.ring.push_back(entry);
    }

    /// Adds the records to an earlier batch of their partition that nobody has taken yet: small batches become one
    /// frame while the sockets are busy, and none waits while one is idle.
    fn join_waiting(&mut self, batch: &Batch) -> bool {
        /// How far to look back. Topics have more partitions, but a long search would cost more than it saves.
        const LOOK_BACK: usize = 32;
        if !batch.is_small() {
            return false;
        }
        let Some(lead) = self.cursors.values().map(Place::first_untouched).max() else { return false };
        let untouched = usize::try_from(lead.saturating_sub(self.front)).unwrap_or(usize::MAX);
        let waiting = self.ring.iter_mut().skip(untouched).rev().take(LOOK_BACK);
        for entry in waiting {
            match entry {
                Entry::Records(earlier) if earlier.partition == batch.partition && earlier.topic == batch.topic => {
                    let Some(earlier) = Arc::get_mut(earlier) else { return false };
                    let fits = earlier.records.len() + batch.records.len() <= MAX_BATCH_RECORDS
                        && earlier.records.encoded_bytes() + batch.records.encoded_bytes() <= MAX_BATCH_BYTES;
                    if fits {
                        let before = earlier.records.memory_bytes();
                        earlier.records.append(&batch.records);
                        self.ring_bytes += earlier.records.memory_bytes() - before;
                    }
                    return fits;
                }
                Entry::Records(_) | Entry::Withdrawn => {}
                // It may concern the same partition and must stay between.
                Entry::Event(_) => return false,
            }
        }
        false
    }

    /// Takes back what nobody has taken yet of these partitions.
    fn withdraw(&mut self, partitions: &[TopicPartition]) {
        let lead = self.cursors.values().map(|place| place.spot).max();
        let mut freed = 0;
        for (index, entry) in (self.front..).zip(&mut self.ring) {
            let untouched = lead.is_none_or(|lead| lead <= Spot { entry: index, record: 0 });
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

    /// Assigns anew what is nobody's to acknowledge any more, as a rebalance would, and says from where.
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
        if self.cursors.values().any(|place| place.spot.entry <= index) {
            self.missed.add(index, entry, self.dropped_records);
        }
    }

    /// Drops what every cursor has passed. Without cursors everything stays for the one that may come.
    fn drop_passed(&mut self) {
        let Some(slowest) = self.cursors.values().map(|place| place.spot.entry).min() else { return };
        while self.front < slowest && !self.ring.is_empty() {
            self.drop_front();
        }
        self.missed.forget_before(slowest);
    }

    /// Whether there is room for one more look at Kafka. What the last one brought too much makes way first: otherwise
    /// each small step of somebody ahead would let in another whole one.
    fn make_room(&mut self) -> bool {
        if self.cursors.is_empty() {
            return false;
        }
        self.drop_passed();
        while self.ring_bytes >= CAPACITY_BYTES && self.ring.len() > 1 && !self.front_is_held() {
            self.drop_front();
        }
        self.ring_bytes < CAPACITY_BYTES
    }

    /// Who blocks holds the front: alone, for as long as it takes; beside others that are ahead, while it moves.
    fn front_is_held(&self) -> bool {
        let someone_ahead = self.cursors.values().any(|place| place.spot.entry > self.front);
        let now = Instant::now();
        self.cursors.values().any(|place| {
            let moves = now.saturating_duration_since(place.moved_at) < STALLED_AFTER;
            place.when_slow == WhenSlow::Block && place.spot.entry <= self.front && (moves || !someone_ahead)
        })
    }

    /// Who carries small news on the reader's thread. Among several the reader would serve one after the other.
    fn only_listener(&self) -> Option<Arc<dyn Listener>> {
        let mut places = self.cursors.values();
        let only = places.next().filter(|_| places.next().is_none())?;
        only.listener.as_ref()?.upgrade()
    }

    fn end_index(&self) -> u64 {
        self.front + self.ring.len() as u64
    }

    /// Behind everything in the ring.
    fn end(&self) -> Spot {
        Spot { entry: self.end_index(), record: 0 }
    }

    /// Records that ever entered the ring and were not withdrawn, up to its end.
    fn records_in_all(&self) -> u64 {
        self.dropped_records + self.ring.iter().map(Entry::records).sum::<u64>()
    }
}
