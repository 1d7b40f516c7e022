//! One subscription's walk along a feed: numbering, credit, and what its client has acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use protocol::{CommitMode, ErrorBody, GapReason, TopicPartition, WhenSlow, Window};
use tokio::sync::Notify;
use tokio::sync::futures::{Notified, OwnedNotified};

use super::acks::Acks;
use super::missed::MissedPiece;
use super::{Batch, Entry, Event, Feed, Life, Place, Spot, Start, State, Waiting};

/// What a subscription gets next.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// `seq` is the number of the range's last record.
    Records {
        seq: u64,
        batch: Arc<Batch>,
        range: Range<usize>,
    },
    Event(Event),
    Committed(Vec<Start>),
    Trouble(ErrorBody),
    /// The partitions in which records are not visible yet; all of them.
    Waiting(Vec<Waiting>),
    /// It fell out of the ring and asked to be closed in that case.
    TooSlow,
    /// The feed is over; nothing follows.
    Ended,
}

/// Who wants to hear of small news on the very thread that brings them.
pub trait Listener: Send + Sync {
    /// Something is there. Says whether all of it was taken; whoever waits for news is not woken then.
    fn news(&self) -> bool;
}

/// `flow` named a record that was never sent.
#[derive(Debug, PartialEq, Eq)]
pub struct NeverSent {
    pub last_sent: u64,
}

/// A subscription that ends or has ended, and the reader that it may leave behind.
pub struct Left {
    feed: Arc<Feed>,
    id: u64,
}

impl Left {
    /// Until it has left the feed and, if no other subscription reads the same, until the reader has ended too: a Kafka client
    /// has threads and sockets, and takes a while to close where Kafka is silent.
    pub fn still_counts(&self) -> bool {
        let state = self.feed.lock();
        state.cursors.contains_key(&self.id) || state.life == Life::Ending
    }
}

pub struct Cursor {
    when_slow: WhenSlow,
    /// How its client acknowledges; none without a group.
    commit: Option<CommitMode>,
    seat: Mutex<Seat>,
    /// There is new credit, or another feed.
    pub(super) credited: Notify,
}

/// The feed along which the cursor walks, and how far it is.
pub(super) struct Seat {
    pub(super) feed: Arc<Feed>,
    /// The cursor's own among those of the feed.
    pub(super) id: u64,
    /// The subscription ends: it goes over to no other feed any more.
    pub(super) is_leaving: bool,
    pub(super) progress: Progress,
}

pub(super) struct Progress {
    /// The number of the last record sent, or lost in a gap.
    seq: u64,
    credit: Window,
    /// Sent and not yet handled, oldest first.
    sent: VecDeque<Sent>,
    sent_records: u64,
    sent_bytes: u64,
    /// How often a partition was assigned.
    assignments: u64,
    /// Records in entries that this cursor has passed, counted as [`State::dropped_records`] counts them.
    pub(super) passed_records: u64,
    pub(super) partitions: BTreeMap<TopicPartition, Position>,
    /// The only partitions of which it wants anything, if its client named them: a shared feed reads all.
    named: Option<BTreeSet<TopicPartition>>,
    /// Due before anything from the ring.
    pub(super) pending: VecDeque<Delivered>,
    /// After `pending`: batches of the ring that lie before the cursor's place, and the next record in each. Only after a
    /// hand-over; nothing is added to `pending` meanwhile.
    pub(super) overlap: VecDeque<(Arc<Batch>, usize)>,
    committed: BTreeMap<TopicPartition, i64>,
    committed_version: u64,
    pub(super) trouble_version: u64,
    pub(super) waiting_version: u64,
}

struct Sent {
    first_seq: u64,
    batch: Arc<Batch>,
    range: Range<usize>,
    /// Of which [`Position`] it is.
    assignment: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Position {
    /// The next offset to be sent.
    pub(super) next: i64,
    /// The number of its assignment. What was sent in an earlier one says nothing about what comes again in this one.
    assignment: u64,
}

impl Feed {
    /// A new subscription's cursor, or none if the feed is about to end.
    pub fn join(self: &Arc<Self>, when_slow: WhenSlow, commit: Option<CommitMode>, credit: Window) -> Option<Cursor> {
        let mut state = self.lock();
        match state.life {
            Life::Ending | Life::Ended => return None,
            Life::Abandoned(_) => state.prepare_rewind(),
            Life::Running => {}
        }
        state.life = Life::Running;
        let id = state.next_cursor;
        state.next_cursor += 1;
        let place = Place::new(state.end(), when_slow);
        state.cursors.insert(id, place);
        let starts: Vec<Start> =
            state.next_offsets.iter().map(|(p, offset)| Start { partition: p.clone(), offset: *offset }).collect();
        let mut progress = Progress {
            seq: 0,
            credit,
            sent: VecDeque::new(),
            sent_records: 0,
            sent_bytes: 0,
            assignments: 0,
            passed_records: state.records_in_all(),
            partitions: BTreeMap::new(),
            named: None,
            pending: VecDeque::new(),
            overlap: VecDeque::new(),
            committed: state.committed.clone(),
            committed_version: state.committed_version,
            // What is wrong already is news to a newcomer.
            trouble_version: 0,
            // That nothing waits is not.
            waiting_version: if state.waiting.is_empty() { state.waiting_version } else { 0 },
        };
        if !starts.is_empty() {
            progress.assign(&mut state.acks, id, &starts);
            let next_offsets = &state.next_offsets;
            let held = state.commits.held().filter_map(|(partition, committed)| {
                let (partition, to) = (partition.clone(), *next_offsets.get(partition)?);
                Some(Event::Gap { partition, from: committed, to, reason: GapReason::OutOfRange })
            });
            progress.pending.push_back(Delivered::Event(Event::Assigned(starts)));
            // A new subscription is told of held commits too: the one that was told first may be gone when they are to be confirmed.
            progress.pending.extend(held.map(Delivered::Event));
        }
        drop(state);
        self.demand.notify_all();
        let seat = Seat { feed: Arc::clone(self), id, is_leaving: false, progress };
        Some(Cursor { when_slow, commit, seat: Mutex::new(seat), credited: Notify::new() })
    }

    pub(super) fn leave(&self, id: u64, may_come_back: bool) {
        let mut state = self.lock();
        if state.cursors.remove(&id).is_none() {
            return;
        }
        state.acks.left(id);
        state.may_have_orphans = true;
        if state.cursors.is_empty() && state.life == Life::Running {
            let linger = self.lingers && may_come_back;
            state.life = if linger { Life::Abandoned(Instant::now()) } else { Life::Ending };
        }
        drop(state);
        self.demand.notify_all();
    }
}

impl State {
    /// Forgets what the ring holds; the reader goes back to what was acknowledged.
    fn prepare_rewind(&mut self) {
        while !self.ring.is_empty() {
            self.drop_front();
        }
        self.missed.clear();
        self.rewind = true;
        for (partition, offset) in self.acks.positions() {
            self.next_offsets.insert(partition.clone(), offset);
        }
    }
}

impl Cursor {
    /// From now on the reader tells the listener of small news, while this is the feed's only cursor; and it may hand the cursor
    /// over to a shared feed.
    pub fn listen(self: &Arc<Self>, listener: Weak<dyn Listener>) {
        let seat = self.lock();
        if let Some(place) = seat.feed.lock().cursors.get_mut(&seat.id) {
            place.listener = Some(listener);
            place.cursor = Arc::downgrade(self);
        }
    }

    /// Only these partitions are of interest, whatever else the feed reads.
    pub fn reads_only(&self, named: BTreeSet<TopicPartition>) {
        self.lock().progress.named = Some(named);
    }

    /// Resolves when something new may be there; made before the look that finds nothing, so that nothing is missed. After a
    /// hand-over it is another feed's: [`Self::credited`] resolves then.
    pub fn news(&self) -> OwnedNotified {
        Arc::clone(&self.lock().feed.news).notified_owned()
    }

    /// Resolves when there was new credit, or a hand-over, since the last time. Nothing is missed: it is one cursor's own.
    pub fn credited(&self) -> Notified<'_> {
        self.credited.notified()
    }

    /// The client has handled everything through number `through`, and takes `credit` beyond it.
    pub fn flow(&self, through: u64, credit: Window) -> Result<(), NeverSent> {
        let mut seat = self.lock();
        let Seat { feed, id, progress, .. } = &mut *seat;
        if through > progress.seq {
            return Err(NeverSent { last_sent: progress.seq });
        }
        let handled = progress.settle(through);
        progress.credit = credit;
        if self.commit == Some(CommitMode::Auto) {
            let mut state = feed.lock();
            for (partition, next) in handled {
                progress.acknowledge(&mut state, *id, &partition, next);
            }
            drop(state);
            feed.demand.notify_all();
        }
        drop(seat);
        // Nobody else's: a feed has many cursors, and each of their clients gives credit all the time.
        self.credited.notify_one();
        Ok(())
    }

    /// The client is done with everything below the offset in each of these partitions, as far as it was sent.
    pub fn acknowledge(&self, positions: impl Iterator<Item = (TopicPartition, i64)>) {
        if self.commit.is_none() {
            return;
        }
        let seat = self.lock();
        let mut state = seat.feed.lock();
        for (partition, next) in positions {
            seat.progress.acknowledge(&mut state, seat.id, &partition, next);
        }
        drop(state);
        seat.feed.demand.notify_all();
    }

    /// The user agrees that the group's positions move back in these partitions (none named: in all) where Kafka did not have
    /// them. Says in which that was waited for.
    pub fn resume_commits(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let seat = self.lock();
        let resumed = seat.feed.lock().commits.confirmed(partitions);
        seat.feed.demand.notify_all();
        resumed
    }

    /// What this subscription costs after its end. From now on it stays in its feed.
    pub fn left(&self) -> Left {
        let mut seat = self.lock();
        seat.is_leaving = true;
        Left { feed: Arc::clone(&seat.feed), id: seat.id }
    }

    /// The subscription ends on the client's wish: a group is left at once.
    pub fn close(&self) {
        // With the lock held, so that no hand-over takes it elsewhere meanwhile.
        let seat = self.lock();
        seat.feed.leave(seat.id, false);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Seat> {
        // As for the feed: no change is left half done.
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes next, if it is there.
    // Lock order: seat, then feed. A hand-over holds two feeds: first the private one, then the shared one.
    pub fn try_next(&self) -> Option<Delivered> {
        let mut seat = self.lock();
        let Seat { feed, id, progress, .. } = &mut *seat;
        if !progress.only_gaps_wait()
            && let Some(delivered) = progress.pending.pop_front()
        {
            return Some(delivered);
        }
        let mut state = feed.lock();
        if let Some(delivered) = progress.catch_up_with_news(&state) {
            return Some(delivered);
        }
        let mut spot = state.cursors.get(id)?.spot;
        if spot.entry < state.front && self.when_slow == WhenSlow::Close {
            return Some(Delivered::TooSlow);
        }
        if !progress.overlap.is_empty() {
            // What the ring lost meanwhile comes after these, as a gap.
            return progress.take_overlap();
        }
        if spot.entry < state.front {
            progress.fall_behind(&mut state, *id, spot.entry, self.when_slow);
            spot = Spot { entry: state.front, record: 0 };
        }
        let delivered = if progress.only_gaps_wait() && !progress.may_go_on(&state, spot) {
            // What is skipped meanwhile makes these gaps longer: a client that pauses gets one for each partition, not many.
            None
        } else {
            match progress.pending.pop_front() {
                Some(gap) => Some(gap),
                None => progress.walk(&mut state, *id, &mut spot, self.commit.is_some()),
            }
        };
        if let Some(place) = state.cursors.get_mut(id) {
            place.spot = spot;
            // A gap is no progress of its own: it tells that there was none.
            if matches!(delivered, Some(Delivered::Records { .. })) {
                place.moved_at = Instant::now();
            }
        }
        let reader_waits = state.reader_waits;
        drop(state);
        if reader_waits {
            feed.demand.notify_all();
        }
        delivered
    }
}

/// The socket is gone, the client may come back.
impl Drop for Cursor {
    fn drop(&mut self) {
        let seat = self.lock();
        seat.feed.leave(seat.id, true);
    }
}

impl Progress {
    fn assign(&mut self, acks: &mut Acks, id: u64, starts: &[Start]) {
        self.assignments += 1;
        for Start { partition, offset } in starts {
            let position = Position { next: *offset, assignment: self.assignments };
            self.partitions.insert(partition.clone(), position);
            acks.owes_from(id, partition, *offset);
        }
    }

    /// What is not tied to a place among the records.
    fn catch_up_with_news(&mut self, state: &State) -> Option<Delivered> {
        if self.trouble_version != state.trouble_version {
            self.trouble_version = state.trouble_version;
            if let Some(trouble) = &state.trouble {
                return Some(Delivered::Trouble(trouble.clone()));
            }
        }
        if self.waiting_version != state.waiting_version {
            self.waiting_version = state.waiting_version;
            let is_read =
                |waiting: &&Waiting| self.named.as_ref().is_none_or(|named| named.contains(&waiting.partition));
            return Some(Delivered::Waiting(state.waiting.iter().filter(is_read).cloned().collect()));
        }
        if self.committed_version != state.committed_version {
            self.committed_version = state.committed_version;
            let mut moved = Vec::new();
            for (partition, offset) in &state.committed {
                if self.committed.insert(partition.clone(), *offset) != Some(*offset) {
                    moved.push(Start { partition: partition.clone(), offset: *offset });
                }
            }
            if !moved.is_empty() {
                return Some(Delivered::Committed(moved));
            }
        }
        None
    }

    /// What left the ring before it was sent: records become a gap per partition, everything else is told in its place.
    fn fall_behind(&mut self, state: &mut State, id: u64, since: u64, when_slow: WhenSlow) {
        for piece in state.missed.since(since) {
            match piece {
                MissedPiece::Event(event) => {
                    if let Some(event) = self.of_interest(event) {
                        self.note(&mut state.acks, id, &event);
                        self.pending.push_back(Delivered::Event(event));
                    }
                }
                MissedPiece::Records { next_offsets, dropped_records } => {
                    let dropped = dropped_records.saturating_sub(self.passed_records);
                    self.passed_records = self.passed_records.max(*dropped_records);
                    let mut skipped = 0;
                    for (partition, through) in next_offsets {
                        skipped += self.skip(&mut state.acks, id, partition, *through, when_slow);
                    }
                    // Records of partitions that it does not read are among those that were dropped.
                    self.seq += if self.named.is_some() { dropped.min(skipped) } else { dropped };
                }
            }
        }
        state.may_have_orphans = true;
    }

    /// Makes a gap up to there; says how many offsets it adds.
    fn skip(&mut self, acks: &mut Acks, id: u64, partition: &TopicPartition, through: i64, when_slow: WhenSlow) -> u64 {
        let Some(position) = self.partitions.get_mut(partition) else { return 0 };
        let from = position.next;
        let Some(skipped) = u64::try_from(through - from).ok().filter(|skipped| *skipped > 0) else { return 0 };
        position.next = through;
        // Whoever asked to skip accepts the gap as handled. Who asked to block has not seen these records: only another
        // page's acknowledgement may move the commit over them.
        if when_slow != WhenSlow::Skip {
            acks.owes_from(id, partition, through);
        }
        if self.only_gaps_wait() {
            let waiting = self.pending.iter_mut().find_map(|waiting| match waiting {
                Delivered::Event(Event::Gap { partition: of, to, .. }) if of == partition && *to == from => Some(to),
                _ => None,
            });
            if let Some(to) = waiting {
                *to = through;
                return skipped;
            }
        }
        self.pending.push_back(Delivered::Event(Event::Gap {
            partition: partition.clone(),
            from,
            to: through,
            reason: GapReason::Slow,
        }));
        skipped
    }

    /// Nothing but gaps of records that were skipped is due. They wait for the record that comes after them, so that there is
    /// at most one for each partition.
    fn only_gaps_wait(&self) -> bool {
        let is_gap = |due: &Delivered| matches!(due, Delivered::Event(Event::Gap { reason: GapReason::Slow, .. }));
        !self.pending.is_empty() && self.pending.iter().all(is_gap)
    }

    /// Whether something can follow the gaps that wait: a record that the credit allows, or an event.
    fn may_go_on(&self, state: &State, spot: Spot) -> bool {
        let Ok(index) = usize::try_from(spot.entry - state.front) else { return true };
        match state.ring.iter().skip(index).find(|entry| !matches!(entry, Entry::Withdrawn)) {
            Some(Entry::Records(batch)) => self.allowed(batch, spot.record) > 0,
            Some(_) => true,
            None => self.credit.records > self.sent_records || state.life == Life::Ended,
        }
    }

    /// Takes the next thing from the ring that the credit allows.
    fn walk(&mut self, state: &mut State, id: u64, spot: &mut Spot, in_group: bool) -> Option<Delivered> {
        loop {
            let index = usize::try_from(spot.entry - state.front).ok()?;
            match state.ring.get(index) {
                None => return (state.life == Life::Ended).then_some(Delivered::Ended),
                Some(Entry::Withdrawn) => {}
                Some(Entry::Event(event)) => {
                    if let Some(event) = self.of_interest(event) {
                        self.note(&mut state.acks, id, &event);
                        spot.entry += 1;
                        return Some(Delivered::Event(event));
                    }
                }
                Some(Entry::Records(batch)) if self.named.is_some() && !self.partitions.contains_key(&batch.key()) => {
                    self.passed_records += batch.records.len() as u64;
                }
                Some(Entry::Records(batch)) => {
                    let count = self.allowed(batch, spot.record);
                    if count == 0 {
                        return None;
                    }
                    let batch = Arc::clone(batch);
                    let range = spot.record..spot.record + count;
                    if range.end == batch.records.len() {
                        *spot = Spot { entry: spot.entry + 1, record: 0 };
                    } else {
                        spot.record = range.end;
                    }
                    if in_group {
                        state.acks.delivered(&batch.key(), batch.records.offset(range.end - 1) + 1);
                    }
                    return Some(self.send(batch, range));
                }
            }
            *spot = Spot { entry: spot.entry + 1, record: 0 };
        }
    }

    fn of_interest(&self, event: &Event) -> Option<Event> {
        self.named.as_ref().map_or_else(|| Some(event.clone()), |named| event.among(named))
    }

    fn note(&mut self, acks: &mut Acks, id: u64, event: &Event) {
        match event {
            Event::Assigned(starts) => self.assign(acks, id, starts),
            Event::Revoked(partitions) => {
                for partition in partitions {
                    self.partitions.remove(partition);
                }
            }
            Event::Gap { partition, from, to, .. } if to < from => {
                // A recreated topic counts from the beginning again.
                self.assign(acks, id, &[Start { partition: partition.clone(), offset: *to }]);
            }
            Event::Gap { partition, to, .. } => match self.partitions.get_mut(partition) {
                Some(position) => position.next = *to,
                None => self.assign(acks, id, &[Start { partition: partition.clone(), offset: *to }]),
            },
        }
    }

    /// How many records of the batch the credit allows now.
    pub(super) fn allowed(&self, batch: &Batch, start: usize) -> usize {
        let records = self.credit.records.saturating_sub(self.sent_records);
        if records == 0 {
            return 0;
        }
        let bytes = self.credit.bytes.saturating_sub(self.sent_bytes);
        match batch.records.fitting(start, records, bytes) {
            // Larger than the whole window: it would never fit, so it travels when nothing else does.
            0 if self.sent.is_empty() && self.credit.bytes > 0 => 1,
            count => count,
        }
    }

    pub(super) fn send(&mut self, batch: Arc<Batch>, range: Range<usize>) -> Delivered {
        let count = range.len() as u64;
        let first_seq = self.seq + 1;
        self.seq += count;
        self.passed_records += count;
        self.sent_records += count;
        self.sent_bytes += batch.records.payload_bytes(range.clone());
        let mut assignment = 0;
        if let Some(position) = self.partitions.get_mut(&batch.key()) {
            position.next = batch.records.offset(range.end - 1) + 1;
            assignment = position.assignment;
        }
        self.sent.push_back(Sent { first_seq, batch: Arc::clone(&batch), range: range.clone(), assignment });
        Delivered::Records { seq: self.seq, batch, range }
    }

    /// Forgets what is handled, and says how far each partition is.
    fn settle(&mut self, through: u64) -> BTreeMap<TopicPartition, i64> {
        let mut handled = BTreeMap::new();
        while let Some(sent) = self.sent.front_mut() {
            let Some(count) = (through + 1).checked_sub(sent.first_seq).filter(|count| *count > 0) else { break };
            let end = sent.range.len().min(usize::try_from(count).unwrap_or(usize::MAX)) + sent.range.start;
            let done = sent.range.start..end;
            self.sent_records -= done.len() as u64;
            self.sent_bytes -= sent.batch.records.payload_bytes(done.clone());
            let partition = sent.batch.key();
            if self.partitions.get(&partition).is_some_and(|position| position.assignment == sent.assignment) {
                handled.insert(partition, sent.batch.records.offset(end - 1) + 1);
            }
            if end < sent.range.end {
                sent.first_seq += done.len() as u64;
                sent.range.start = end;
                break;
            }
            self.sent.pop_front();
        }
        handled
    }

    fn acknowledge(&self, state: &mut State, id: u64, partition: &TopicPartition, next: i64) {
        if let Some(position) = self.partitions.get(partition) {
            state.acks.acknowledged_by(id, partition, next.min(position.next));
        }
    }
}
