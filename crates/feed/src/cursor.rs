//! One subscription's position in a feed: sequence numbers, credit, and what its client has acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use protocol::{CommitMode, ErrorBody, GapReason, TopicPartition, WhenSlow, Window};
use tokio::sync::Notify;
use tokio::sync::futures::{Notified, OwnedNotified};

use super::acks::Acks;
use super::closing_cursor::ClosingCursor;
use super::cursor_state::{CursorState, RingPosition};
use super::missed::MissedPiece;
use super::{Batch, Entry, Event, Feed, Life, Start, State, Waiting};

#[cfg(test)]
mod tests;

/// The next thing to send to a subscription.
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
    Error(ErrorBody),
    /// All partitions whose next records are not visible yet.
    Waiting(Vec<Waiting>),
    /// The subscription fell out of the ring, and asked to be closed in that case.
    TooSlow,
    /// The feed has ended; nothing follows.
    Ended,
}

/// Is notified of small changes on the thread that makes them.
pub trait Listener: Send + Sync {
    /// Something new is available. Returns whether the listener took all of it; otherwise the cursor's task is woken.
    fn notify(&self) -> bool;
}

/// `flow` named a record that was never sent.
#[derive(Debug, PartialEq, Eq)]
pub struct NeverSent {
    pub last_sent: u64,
}

pub struct Cursor {
    when_slow: WhenSlow,
    /// How the client acknowledges; `None` without a group.
    commit: Option<CommitMode>,
    inner: Mutex<Inner>,
    /// Wakes the cursor's task: there is new credit, or the cursor was moved to another feed.
    pub(super) credited: Notify,
}

/// The feed that the cursor reads, and how far it has read.
pub(super) struct Inner {
    pub(super) feed: Arc<Feed>,
    /// The cursor's id in the feed.
    pub(super) id: u64,
    /// The subscription is ending, so the cursor must not be moved to another feed.
    pub(super) is_leaving: bool,
    pub(super) progress: Progress,
}

pub(super) struct Progress {
    /// The number of the last record that was sent, or skipped by a gap.
    seq: u64,
    credit: Window,
    /// Records sent and not yet handled, oldest first.
    sent: VecDeque<Sent>,
    sent_records: u64,
    sent_bytes: u64,
    /// How often partitions were assigned.
    assignments: u64,
    /// Records in entries that this cursor has passed, comparable with [`State::dropped_records`].
    pub(super) passed_records: u64,
    pub(super) partitions: BTreeMap<TopicPartition, Position>,
    /// The partitions that the client named, if it did. A shared feed reads all partitions; this cursor ignores the
    /// others.
    named: Option<BTreeSet<TopicPartition>>,
    /// To be sent before anything from the ring.
    pub(super) pending: VecDeque<Delivered>,
    /// To be sent after `pending`: batches of the ring before the cursor's position, and the next record in each.
    /// Filled by a handover only; nothing is added to `pending` until they are sent.
    pub(super) overlap: VecDeque<(Arc<Batch>, usize)>,
    committed: BTreeMap<TopicPartition, i64>,
    committed_version: u64,
    pub(super) error_version: u64,
    pub(super) waiting_version: u64,
}

struct Sent {
    first_seq: u64,
    batch: Arc<Batch>,
    range: Range<usize>,
    /// The assignment of the partition in which it was sent; see [`Position::assignment`].
    assignment: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Position {
    /// The next offset to send.
    pub(super) next: i64,
    /// The number of the partition's assignment. Records sent in an earlier assignment must not acknowledge records of
    /// this one.
    assignment: u64,
}

impl Feed {
    /// The cursor of a new subscription, or `None` if the feed is about to end.
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
        let cursor_state = CursorState::new(state.end(), when_slow);
        state.cursors.insert(id, cursor_state);
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
            // A new subscription is sent the current error.
            error_version: 0,
            // It is not sent an empty list of waiting partitions.
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
            // A new subscription is notified of held commits too: the subscription that was notified first may be gone
            // when they are to be confirmed.
            progress.pending.extend(held.map(Delivered::Event));
        }
        drop(state);
        self.demand.notify_all();
        let inner = Inner { feed: Arc::clone(self), id, is_leaving: false, progress };
        Some(Cursor { when_slow, commit, inner: Mutex::new(inner), credited: Notify::new() })
    }

    pub(super) fn leave(&self, id: u64, may_come_back: bool) {
        let mut state = self.lock();
        if state.cursors.remove(&id).is_none() {
            return;
        }
        state.acks.remove_subscription(id);
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
    /// The reader returns to the acknowledged positions. The new cursor begins after all that is in the ring now.
    fn prepare_rewind(&mut self) {
        self.rewind = true;
        for (partition, offset) in self.acks.positions() {
            self.next_offsets.insert(partition.clone(), offset);
        }
    }
}

impl Cursor {
    /// Sets the listener that the reader notifies of small changes while this is the feed's only cursor. It also allows
    /// the reader to move the cursor to a shared feed.
    pub fn set_listener(self: &Arc<Self>, listener: Weak<dyn Listener>) {
        let inner = self.lock();
        if let Some(cursor_state) = inner.feed.lock().cursors.get_mut(&inner.id) {
            cursor_state.listener = Some(listener);
            cursor_state.cursor = Arc::downgrade(self);
        }
    }

    /// Ignores all other partitions that the feed reads.
    pub fn restrict_to(&self, named: BTreeSet<TopicPartition>) {
        self.lock().progress.named = Some(named);
    }

    /// Resolves when something new may be available. Call it before `try_next`, so that no change is missed. After a
    /// handover the feed is another one; [`Self::credited`] resolves then.
    pub fn changed(&self) -> OwnedNotified {
        Arc::clone(&self.lock().feed.changed).notified_owned()
    }

    /// Resolves when there was new credit or a handover since the last call. No call is missed, since only this cursor
    /// is notified.
    pub fn credited(&self) -> Notified<'_> {
        self.credited.notified()
    }

    /// The client has handled all records through number `through`, and accepts `credit` beyond it.
    pub fn flow(&self, through: u64, credit: Window) -> Result<(), NeverSent> {
        let mut inner = self.lock();
        let Inner { feed, id, progress, .. } = &mut *inner;
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
        drop(inner);
        // Only this cursor is woken: a feed has many cursors, and each of their clients gives credit all the time.
        self.credited.notify_one();
        Ok(())
    }

    /// The client has handled everything below the given offset in each partition, as far as it was sent.
    pub fn acknowledge(&self, positions: impl Iterator<Item = (TopicPartition, i64)>) {
        if self.commit.is_none() {
            return;
        }
        let inner = self.lock();
        let mut state = inner.feed.lock();
        for (partition, next) in positions {
            inner.progress.acknowledge(&mut state, inner.id, &partition, next);
        }
        drop(state);
        inner.feed.demand.notify_all();
    }

    /// The user confirms that the group's positions may move back in these partitions (none means all), because Kafka
    /// does not have them any more. Returns those that were waiting for it.
    pub fn resume_commits(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let inner = self.lock();
        let resumed = inner.feed.lock().commits.confirmed(partitions);
        inner.feed.demand.notify_all();
        resumed
    }

    /// Marks the subscription as ending, so that no handover moves it. The returned handle shows when its resources are
    /// freed.
    pub fn start_closing(&self) -> ClosingCursor {
        let mut inner = self.lock();
        inner.is_leaving = true;
        ClosingCursor::new(Arc::clone(&inner.feed), inner.id)
    }

    /// The client unsubscribed: the feed of a group ends at once.
    pub fn close(&self) {
        // The lock is held, so that no handover moves the cursor meanwhile.
        let inner = self.lock();
        inner.feed.leave(inner.id, false);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // As for the feed: every change is complete before anything can fail.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next delivery, if there is one.
    // Lock order: cursor, then feed. A handover locks two feeds: first the private one, then the shared one.
    pub fn try_next(&self) -> Option<Delivered> {
        let mut inner = self.lock();
        let Inner { feed, id, progress, .. } = &mut *inner;
        if !progress.only_gaps_wait()
            && let Some(delivered) = progress.pending.pop_front()
        {
            return Some(delivered);
        }
        let mut state = feed.lock();
        if let Some(delivered) = progress.take_status(&state) {
            return Some(delivered);
        }
        let mut position = state.cursors.get(id)?.position;
        if position.entry < state.front && self.when_slow == WhenSlow::Close {
            return Some(Delivered::TooSlow);
        }
        if !progress.overlap.is_empty() {
            // A gap for what left the ring meanwhile is sent after these records.
            return progress.take_overlap();
        }
        if position.entry < state.front {
            progress.fall_behind(&mut state, *id, position.entry, self.when_slow);
            position = RingPosition { entry: state.front, record: 0 };
        }
        let delivered = if progress.only_gaps_wait() && !progress.may_go_on(&state, position) {
            // The gaps wait here, and records skipped meanwhile extend them. So a client that pauses gets one gap for
            // each partition, not many.
            None
        } else {
            match progress.pending.pop_front() {
                Some(gap) => Some(gap),
                None => progress.walk(&mut state, *id, &mut position, self.commit.is_some()),
            }
        };
        if let Some(cursor_state) = state.cursors.get_mut(id) {
            cursor_state.position = position;
            // Only records count as progress; a gap means that the cursor was too slow.
            if matches!(delivered, Some(Delivered::Records { .. })) {
                cursor_state.moved_at = Instant::now();
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

/// The socket is lost; the client may come back.
impl Drop for Cursor {
    fn drop(&mut self) {
        let inner = self.lock();
        inner.feed.leave(inner.id, true);
    }
}

impl Progress {
    fn assign(&mut self, acks: &mut Acks, id: u64, starts: &[Start]) {
        self.assignments += 1;
        for Start { partition, offset } in starts {
            let position = Position { next: *offset, assignment: self.assignments };
            self.partitions.insert(partition.clone(), position);
            acks.expect_from(id, partition, *offset);
        }
    }

    /// A change that is not part of the ring: an error, waiting partitions, or committed positions.
    fn take_status(&mut self, state: &State) -> Option<Delivered> {
        if self.error_version != state.error_version {
            self.error_version = state.error_version;
            if let Some(error) = &state.error {
                return Some(Delivered::Error(error.clone()));
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

    /// Handles entries that left the ring before they were sent: records become one gap for each partition, events are
    /// sent in order.
    fn fall_behind(&mut self, state: &mut State, id: u64, since: u64, when_slow: WhenSlow) {
        for piece in state.missed.since(since) {
            match piece {
                MissedPiece::Event(event) => {
                    if let Some(event) = self.restricted(event) {
                        self.apply(&mut state.acks, id, &event);
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
                    // The dropped records include records of partitions that this cursor ignores.
                    self.seq += if self.named.is_some() { dropped.min(skipped) } else { dropped };
                }
            }
        }
        state.may_have_orphans = true;
    }

    /// Adds a gap up to `through`; returns how many offsets it adds.
    fn skip(&mut self, acks: &mut Acks, id: u64, partition: &TopicPartition, through: i64, when_slow: WhenSlow) -> u64 {
        let Some(position) = self.partitions.get_mut(partition) else { return 0 };
        let from = position.next;
        let Some(skipped) = u64::try_from(through - from).ok().filter(|skipped| *skipped > 0) else { return 0 };
        position.next = through;
        // A client that asked to skip accepts the gap as handled. A client that asked to block has not seen these
        // records, so only the acknowledgement of another subscription may move the commit over them.
        if when_slow != WhenSlow::Skip {
            acks.expect_from(id, partition, through);
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

    /// Whether `pending` has only gaps of skipped records. They are sent together with the next record, so that there
    /// is at most one for each partition.
    fn only_gaps_wait(&self) -> bool {
        let is_gap = |due: &Delivered| matches!(due, Delivered::Event(Event::Gap { reason: GapReason::Slow, .. }));
        !self.pending.is_empty() && self.pending.iter().all(is_gap)
    }

    /// Whether something can follow the waiting gaps: a record that the credit allows, or an event.
    fn may_go_on(&self, state: &State, position: RingPosition) -> bool {
        let Ok(index) = usize::try_from(position.entry - state.front) else { return true };
        match state.ring.iter().skip(index).find(|entry| !matches!(entry, Entry::Withdrawn)) {
            Some(Entry::Records(batch)) => self.allowed(batch, position.record) > 0,
            Some(_) => true,
            None => self.credit.records > self.sent_records || state.life == Life::Ended,
        }
    }

    /// Takes the next record or event from the ring, as far as the credit allows.
    fn walk(&mut self, state: &mut State, id: u64, position: &mut RingPosition, in_group: bool) -> Option<Delivered> {
        loop {
            let index = usize::try_from(position.entry - state.front).ok()?;
            match state.ring.get(index) {
                None => return (state.life == Life::Ended).then_some(Delivered::Ended),
                Some(Entry::Withdrawn) => {}
                Some(Entry::Event(event)) => {
                    if let Some(event) = self.restricted(event) {
                        self.apply(&mut state.acks, id, &event);
                        position.entry += 1;
                        return Some(Delivered::Event(event));
                    }
                }
                Some(Entry::Records(batch)) if self.named.is_some() && !self.partitions.contains_key(&batch.key()) => {
                    self.passed_records += batch.records.len() as u64;
                }
                Some(Entry::Records(batch)) => {
                    let count = self.allowed(batch, position.record);
                    if count == 0 {
                        return None;
                    }
                    let batch = Arc::clone(batch);
                    let range = position.record..position.record + count;
                    if range.end == batch.records.len() {
                        *position = RingPosition { entry: position.entry + 1, record: 0 };
                    } else {
                        position.record = range.end;
                    }
                    if in_group {
                        state.acks.delivered(&batch.key(), batch.records.offset(range.end - 1) + 1);
                    }
                    return Some(self.send(batch, range));
                }
            }
            *position = RingPosition { entry: position.entry + 1, record: 0 };
        }
    }

    /// The event as far as it concerns the partitions of this cursor.
    fn restricted(&self, event: &Event) -> Option<Event> {
        self.named.as_ref().map_or_else(|| Some(event.clone()), |named| event.restricted_to(named))
    }

    /// Updates the positions for an event that is about to be sent.
    fn apply(&mut self, acks: &mut Acks, id: u64, event: &Event) {
        match event {
            Event::Assigned(starts) => self.assign(acks, id, starts),
            Event::Revoked(partitions) => {
                for partition in partitions {
                    self.partitions.remove(partition);
                }
            }
            Event::Gap { partition, from, to, .. } if to < from => {
                // Offsets of a recreated topic start over.
                self.assign(acks, id, &[Start { partition: partition.clone(), offset: *to }]);
            }
            Event::Gap { partition, to, .. } => match self.partitions.get_mut(partition) {
                Some(position) => position.next = *to,
                None => self.assign(acks, id, &[Start { partition: partition.clone(), offset: *to }]),
            },
        }
    }

    /// How many records of the batch the credit allows now, starting with record `start`.
    pub(super) fn allowed(&self, batch: &Batch, start: usize) -> usize {
        let records = self.credit.records.saturating_sub(self.sent_records);
        if records == 0 {
            return 0;
        }
        let bytes = self.credit.bytes.saturating_sub(self.sent_bytes);
        match batch.records.fitting(start, records, bytes) {
            // A record larger than the whole window would never fit, so it is sent when no other record is in flight.
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

    /// Removes the records that were handled, and returns the next unhandled offset of each partition.
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
