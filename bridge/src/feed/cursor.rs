//! One subscription's walk along a feed: numbering, credit, and what its client has acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use protocol::{CommitMode, ErrorBody, GapReason, TopicPartition, WhenSlow, Window};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::acks::Acks;
use super::missed::MissedPiece;
use super::{Batch, Entry, Event, Feed, Life, Place, Start, State, Waiting};

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
    feed: Arc<Feed>,
    id: u64,
    when_slow: WhenSlow,
    /// How its client acknowledges; none without a group.
    commit: Option<CommitMode>,
    progress: Mutex<Progress>,
    /// There is new credit.
    credited: Notify,
}

struct Progress {
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
    passed_records: u64,
    partitions: BTreeMap<TopicPartition, Position>,
    /// Due before anything from the ring.
    pending: VecDeque<Delivered>,
    committed: BTreeMap<TopicPartition, i64>,
    committed_version: u64,
    trouble_version: u64,
    waiting_version: u64,
}

struct Sent {
    first_seq: u64,
    batch: Arc<Batch>,
    range: Range<usize>,
    /// Of which [`Position`] it is.
    assignment: u64,
}

#[derive(Clone, Copy)]
struct Position {
    /// The next offset to be sent.
    next: i64,
    /// The number of its assignment. What was sent in an earlier one says nothing about what comes again in this one.
    assignment: u64,
}

impl Feed {
    /// A new subscription's cursor, or none if the feed is about to end.
    pub(super) fn join(
        self: &Arc<Self>,
        when_slow: WhenSlow,
        commit: Option<CommitMode>,
        credit: Window,
    ) -> Option<Cursor> {
        let mut state = self.lock();
        match state.life {
            Life::Ending | Life::Ended => return None,
            Life::Abandoned(_) => state.prepare_rewind(),
            Life::Running => {}
        }
        state.life = Life::Running;
        let id = state.next_cursor;
        state.next_cursor += 1;
        let place = Place { entry: state.end_index(), record: 0, when_slow, moved_at: Instant::now(), listener: None };
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
            passed_records: state.dropped_records + state.ring.iter().map(Entry::records).sum::<u64>(),
            partitions: BTreeMap::new(),
            pending: VecDeque::new(),
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
        Some(Cursor {
            feed: Arc::clone(self),
            id,
            when_slow,
            commit,
            progress: Mutex::new(progress),
            credited: Notify::new(),
        })
    }

    fn leave(&self, id: u64, may_come_back: bool) {
        let mut state = self.lock();
        if state.cursors.remove(&id).is_none() {
            return;
        }
        state.acks.left(id);
        state.may_have_orphans = true;
        if state.cursors.is_empty() && state.life == Life::Running {
            let linger = self.lingers && may_come_back;
            state.life = if linger { Life::Abandoned(std::time::Instant::now()) } else { Life::Ending };
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
    /// From now on the reader tells it of small news, while this is the feed's only cursor.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        if let Some(place) = self.feed.lock().cursors.get_mut(&self.id) {
            place.listener = Some(listener);
        }
    }

    /// Resolves when something new may be there; made before the look that finds nothing, so that nothing is missed.
    pub fn news(&self) -> Notified<'_> {
        self.feed.news.notified()
    }

    /// Resolves when there was new credit since the last time. Nothing is missed: it is one cursor's own.
    pub fn credited(&self) -> Notified<'_> {
        self.credited.notified()
    }

    /// The client has handled everything through number `through`, and takes `credit` beyond it.
    pub fn flow(&self, through: u64, credit: Window) -> Result<(), NeverSent> {
        let mut progress = self.lock();
        if through > progress.seq {
            return Err(NeverSent { last_sent: progress.seq });
        }
        let handled = progress.settle(through);
        progress.credit = credit;
        if self.commit == Some(CommitMode::Auto) {
            let mut state = self.feed.lock();
            for (partition, next) in handled {
                progress.acknowledge(&mut state, self.id, &partition, next);
            }
            drop(state);
            self.feed.demand.notify_all();
        }
        drop(progress);
        // Nobody else's: a feed has many cursors, and each of their clients gives credit all the time.
        self.credited.notify_one();
        Ok(())
    }

    /// The client is done with everything below the offset in each of these partitions, as far as it was sent.
    pub fn acknowledge(&self, positions: impl Iterator<Item = (TopicPartition, i64)>) {
        if self.commit.is_none() {
            return;
        }
        let progress = self.lock();
        let mut state = self.feed.lock();
        for (partition, next) in positions {
            progress.acknowledge(&mut state, self.id, &partition, next);
        }
        drop((progress, state));
        self.feed.demand.notify_all();
    }

    /// The user agrees that the group's positions move back in these partitions (none named: in all) where Kafka did not have
    /// them. Says in which that was waited for.
    pub fn resume_commits(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let resumed = self.feed.lock().commits.confirmed(partitions);
        self.feed.demand.notify_all();
        resumed
    }

    /// What this subscription costs after its end.
    pub fn left(&self) -> Left {
        Left { feed: Arc::clone(&self.feed), id: self.id }
    }

    /// The subscription ends on the client's wish: a group is left at once.
    pub fn close(&self) {
        self.feed.leave(self.id, false);
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // As for the feed: no change is left half done.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes next, if it is there.
    // Lock order: progress, then feed.
    pub fn try_next(&self) -> Option<Delivered> {
        let mut progress = self.lock();
        if !progress.only_gaps_wait()
            && let Some(delivered) = progress.pending.pop_front()
        {
            return Some(delivered);
        }
        let mut state = self.feed.lock();
        if let Some(delivered) = progress.catch_up_with_news(&state) {
            return Some(delivered);
        }
        let mut place = state.cursors.get(&self.id)?.clone();
        if place.entry < state.front {
            if self.when_slow == WhenSlow::Close {
                return Some(Delivered::TooSlow);
            }
            progress.fall_behind(&mut state, self.id, place.entry, self.when_slow);
            place = Place { entry: state.front, record: 0, ..place };
        }
        let delivered = if progress.only_gaps_wait() && !progress.may_go_on(&state, &place) {
            // What is skipped meanwhile makes these gaps longer: a client that pauses gets one for each partition, not many.
            None
        } else {
            match progress.pending.pop_front() {
                Some(gap) => Some(gap),
                None => progress.walk(&mut state, self.id, &mut place, self.commit.is_some()),
            }
        };
        // A gap is no progress of its own: it tells that there was none.
        if matches!(delivered, Some(Delivered::Records { .. })) {
            place.moved_at = Instant::now();
        }
        state.cursors.insert(self.id, place);
        let reader_waits = state.reader_waits;
        drop(state);
        if reader_waits {
            self.feed.demand.notify_all();
        }
        delivered
    }
}

/// The socket is gone, the client may come back.
impl Drop for Cursor {
    fn drop(&mut self) {
        self.feed.leave(self.id, true);
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
            return Some(Delivered::Waiting(state.waiting.clone()));
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
                    self.note(&mut state.acks, id, event);
                    self.pending.push_back(Delivered::Event(event.clone()));
                }
                MissedPiece::Records { next_offsets, dropped_records } => {
                    self.seq += dropped_records.saturating_sub(self.passed_records);
                    self.passed_records = self.passed_records.max(*dropped_records);
                    for (partition, through) in next_offsets {
                        self.skip(&mut state.acks, id, partition, *through, when_slow);
                    }
                }
            }
        }
        state.may_have_orphans = true;
    }

    fn skip(&mut self, acks: &mut Acks, id: u64, partition: &TopicPartition, through: i64, when_slow: WhenSlow) {
        let Some(position) = self.partitions.get_mut(partition) else { return };
        let from = position.next;
        if from >= through {
            return;
        }
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
                return;
            }
        }
        self.pending.push_back(Delivered::Event(Event::Gap {
            partition: partition.clone(),
            from,
            to: through,
            reason: GapReason::Slow,
        }));
    }

    /// Nothing but gaps of records that were skipped is due. They wait for the record that comes after them, so that there is
    /// at most one for each partition.
    fn only_gaps_wait(&self) -> bool {
        let is_gap = |due: &Delivered| matches!(due, Delivered::Event(Event::Gap { reason: GapReason::Slow, .. }));
        !self.pending.is_empty() && self.pending.iter().all(is_gap)
    }

    /// Whether something can follow the gaps that wait: a record that the credit allows, or an event.
    fn may_go_on(&self, state: &State, place: &Place) -> bool {
        let Ok(index) = usize::try_from(place.entry - state.front) else { return true };
        match state.ring.iter().skip(index).find(|entry| !matches!(entry, Entry::Withdrawn)) {
            Some(Entry::Records(batch)) => self.allowed(batch, place.record) > 0,
            Some(_) => true,
            None => self.credit.records > self.sent_records || state.life == Life::Ended,
        }
    }

    /// Takes the next thing from the ring that the credit allows.
    fn walk(&mut self, state: &mut State, id: u64, place: &mut Place, in_group: bool) -> Option<Delivered> {
        loop {
            let index = usize::try_from(place.entry - state.front).ok()?;
            match state.ring.get(index) {
                None => return (state.life == Life::Ended).then_some(Delivered::Ended),
                Some(Entry::Withdrawn) => {}
                Some(Entry::Event(event)) => {
                    let event = event.clone();
                    self.note(&mut state.acks, id, &event);
                    place.entry += 1;
                    return Some(Delivered::Event(event));
                }
                Some(Entry::Records(batch)) => {
                    let count = self.allowed(batch, place.record);
                    if count == 0 {
                        return None;
                    }
                    let batch = Arc::clone(batch);
                    let range = place.record..place.record + count;
                    if range.end == batch.records.len() {
                        place.entry += 1;
                        place.record = 0;
                    } else {
                        place.record = range.end;
                    }
                    if in_group {
                        state.acks.delivered(&batch.key(), batch.records.offset(range.end - 1) + 1);
                    }
                    return Some(self.send(batch, range));
                }
            }
            place.entry += 1;
            place.record = 0;
        }
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
    fn allowed(&self, batch: &Batch, start: usize) -> usize {
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

    fn send(&mut self, batch: Arc<Batch>, range: Range<usize>) -> Delivered {
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
