//! Runs a feed, its reader and its subscriptions in any interleaving, and checks them against a model: credit is never
//! exceeded, no record is left out without a gap, numbers jump by the records of a gap, and nothing is committed that
//! no client has acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::{BinaryBatch, CommitMode, GapReason, WhenSlow, Window};

use super::cursor::{Cursor, Delivered};
use super::fixtures::{key, push_record};
use super::{Batch, CAPACITY_BYTES, Entry, Event, Feed, Room, Start};

const PARTITIONS: i32 = 3;

/// A few of these records fill the feed's ring.
const LARGE: usize = 1_500_000;

/// More rounds of reading and taking than any number of records here needs.
const MOST_ROUNDS: usize = 10_000;

#[derive(Clone, Debug)]
enum Step {
    /// The reader reads records of a partition. If there are none, Kafka gets new ones first.
    Read {
        partition: i32,
        records: usize,
        large: bool,
        hole: i64,
    },
    /// Retention deletes everything, and also this many records that were never read.
    Truncate {
        partition: i32,
        records: usize,
    },
    Assign {
        partition: i32,
    },
    Revoke {
        partition: i32,
    },
    /// The reader rewinds if necessary, and commits.
    Turn,
    Join {
        when_slow: WhenSlow,
        commit: CommitMode,
        credit: Window,
    },
    /// The socket of a client is lost.
    Leave {
        who: usize,
    },
    /// A client unsubscribes.
    Close {
        who: usize,
    },
    /// A client receives up to this many deliveries.
    Take {
        who: usize,
        deliveries: usize,
    },
    /// A client has handled all but the last `behind` records.
    Flow {
        who: usize,
        behind: u64,
        credit: Window,
    },
    Ack {
        who: usize,
        partition: i32,
        behind: i64,
    },
}

fn credit() -> impl Strategy<Value = Window> {
    let records = prop_oneof![Just(0), 1..6_u64, Just(1_000_000)];
    let bytes = prop_oneof![1 => Just(0), 2 => 1..200_u64, 3 => Just(4_000_000), 6 => Just(1 << 40)];
    (records, bytes).prop_map(|(records, bytes)| Window { records, bytes })
}

fn step() -> impl Strategy<Value = Step> {
    let partition = || 0..PARTITIONS;
    let who = || 0..4_usize;
    let when_slow = prop_oneof![Just(WhenSlow::Block), Just(WhenSlow::Skip), Just(WhenSlow::Close)];
    let commit = prop_oneof![Just(CommitMode::Auto), Just(CommitMode::Ack)];
    prop_oneof![
        10 => (partition(), 1..5_usize, prop::bool::weighted(0.3), prop_oneof![4 => Just(0), 1 => 1..4_i64])
            .prop_map(|(partition, records, large, hole)| Step::Read { partition, records, large, hole }),
        1 => (partition(), 0..5_usize).prop_map(|(partition, records)| Step::Truncate { partition, records }),
        3 => partition().prop_map(|partition| Step::Assign { partition }),
        1 => partition().prop_map(|partition| Step::Revoke { partition }),
        3 => Just(Step::Turn),
        2 => (when_slow, commit, credit())
            .prop_map(|(when_slow, commit, credit)| Step::Join { when_slow, commit, credit }),
        1 => who().prop_map(|who| Step::Leave { who }),
        1 => who().prop_map(|who| Step::Close { who }),
        8 => (who(), 1..8_usize).prop_map(|(who, deliveries)| Step::Take { who, deliveries }),
        5 => (who(), 0..4_u64, credit()).prop_map(|(who, behind, credit)| Step::Flow { who, behind, credit }),
        3 => (who(), partition(), -2..4_i64)
            .prop_map(|(who, partition, behind)| Step::Ack { who, partition, behind }),
    ]
}

/// One partition: its records in Kafka, and the positions of the reader and the group.
#[derive(Default)]
struct Partition {
    /// Every record that was ever written, with its size.
    log: BTreeMap<i64, usize>,
    /// The log start offset.
    low: i64,
    /// The next offset to be written.
    end: i64,
    /// The next offset that the reader reads; `None` while the partition is not assigned.
    reading: Option<i64>,
    committed: i64,
    /// Offsets that entered the feed.
    pushed: BTreeSet<i64>,
    /// Offsets that a client acknowledged.
    handled: BTreeSet<i64>,
}

impl Partition {
    fn write(&mut self, records: usize, hole: i64, bytes: usize) {
        for _ in 0..records {
            self.log.insert(self.end + hole, bytes);
            self.end += hole + 1;
        }
    }

    fn offsets(&self, from: i64, to: i64) -> impl Iterator<Item = i64> {
        self.log.range(from..to.max(from)).map(|(offset, _)| *offset)
    }

    /// Whether there is something for the reader.
    fn has_more(&self) -> bool {
        self.reading.is_some_and(|reading| reading < self.low || reading < self.end)
    }
}

/// One subscription, and the state of its client.
struct Viewer {
    cursor: Cursor,
    when_slow: WhenSlow,
    commit: CommitMode,
    credit: Window,
    seq: u64,
    /// Records in gaps since the last received number.
    jump: u64,
    unhandled: VecDeque<Unhandled>,
    /// How often each partition was assigned.
    assignments: BTreeMap<i32, u32>,
    /// Per assigned partition, the next expected offset.
    due: BTreeMap<i32, i64>,
    /// Offsets that this client may acknowledge: records that it received, or skipped by its own choice.
    may_handle: BTreeMap<i32, BTreeSet<i64>>,
}

/// A record that the client received and has not handled.
struct Unhandled {
    number: u64,
    partition: i32,
    /// The partition's assignment in which the record was sent.
    assignment: u32,
    offset: i64,
    bytes: u64,
}

struct World {
    feed: Arc<Feed>,
    partitions: BTreeMap<i32, Partition>,
    viewers: Vec<Viewer>,
    /// A feed that has ended takes no more steps.
    over: bool,
    largest_batch: usize,
}

impl World {
    fn new() -> Self {
        Self {
            feed: Arc::new(Feed::new(true, Counter::default())),
            partitions: (0..PARTITIONS).map(|partition| (partition, Partition::default())).collect(),
            viewers: Vec::new(),
            over: false,
            largest_batch: 0,
        }
    }

    fn partition(&mut self, partition: i32) -> &mut Partition {
        self.partitions.get_mut(&partition).expect("a partition of the model")
    }

    fn viewer(&mut self, who: usize) -> Option<&mut Viewer> {
        let count = self.viewers.len();
        (count > 0).then(|| &mut self.viewers[who % count])
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Read { partition, records, large, hole } => self.read(partition, records, large, hole),
            Step::Truncate { partition, records } => self.truncate(partition, records),
            Step::Assign { partition } => self.assign(partition),
            Step::Revoke { partition } => self.revoke(partition),
            Step::Turn => self.turn(),
            Step::Join { when_slow, commit, credit } => self.join(when_slow, commit, credit),
            Step::Leave { who } => {
                if self.viewer(who).is_some() {
                    let index = who % self.viewers.len();
                    // Its cursor is dropped with it.
                    self.viewers.remove(index);
                }
            }
            Step::Close { who } => {
                if let Some(viewer) = self.viewer(who) {
                    viewer.cursor.close();
                    let index = who % self.viewers.len();
                    self.viewers.remove(index);
                    self.over = self.viewers.is_empty();
                }
            }
            Step::Take { who, deliveries } => {
                for _ in 0..deliveries {
                    if !self.take(who) {
                        break;
                    }
                }
            }
            Step::Flow { who, behind, credit } => self.flow(who, behind, credit),
            Step::Ack { who, partition, behind } => self.ack(who, partition, behind),
        }
        self.check_ring();
        self.check_positions();
    }

    /// The feed's sums are those of the entries in its ring, and every cursor counts the records before its position.
    fn check_ring(&self) {
        let cursors: Vec<(u64, u64)> = self
            .viewers
            .iter()
            .map(|viewer| {
                let inner = viewer.cursor.lock();
                (inner.id, inner.progress.passed_records)
            })
            .collect();
        let state = self.feed.lock();
        let held = state.ring.iter().map(Entry::bytes).sum::<usize>();
        assert_eq!(state.ring_bytes, held);
        assert!(held <= CAPACITY_BYTES + self.largest_batch, "the ring holds {held} bytes");
        for (id, passed) in cursors {
            let position = state.cursors[&id].position;
            assert!(position <= state.end(), "{position:?} is beyond the ring");
            let Some(first) = position.entry.checked_sub(state.front) else { continue };
            let first = usize::try_from(first).expect("the ring is in memory");
            let left: u64 = state.ring.iter().skip(first).map(Entry::records).sum();
            assert_eq!(passed + left - position.record as u64, state.records_in_all());
        }
    }

    /// No position that would be committed is beyond a record that no client has acknowledged.
    fn check_positions(&self) {
        for Start { partition, offset } in self.feed.uncommitted() {
            let known = &self.partitions[&partition.partition];
            let there = known.offsets(known.low, offset);
            let forgotten: Vec<i64> = there.filter(|offset| !known.handled.contains(offset)).collect();
            assert!(forgotten.is_empty(), "{partition:?} would be committed to {offset}, over {forgotten:?}");
        }
    }

    fn read(&mut self, partition: i32, records: usize, large: bool, hole: i64) {
        if self.feed.wait_for_room(Duration::ZERO) == Room::Full {
            return;
        }
        let known = self.partitions.get_mut(&partition).expect("a partition of the model");
        let Some(reading) = known.reading else { return };
        if reading < known.low {
            // Like the real reader: a gap from the feed's position to the first record that still exists.
            let from = self.feed.next_offset(&key(partition)).expect("assigned");
            if from < known.low {
                self.feed.lost(key(partition), from, known.low, GapReason::Retention);
            }
            known.reading = Some(from.max(known.low));
            return;
        }
        if !known.has_more() {
            known.write(records, hole, if large { LARGE } else { 10 });
        }
        let mut batch = BinaryBatch::default();
        for (offset, bytes) in known.log.range(reading..).take(records) {
            if batch.encoded_bytes() >= LARGE {
                break;
            }
            push_record(&mut batch, *offset, *bytes);
            known.reading = Some(offset + 1);
        }
        if !batch.is_empty() {
            known.pushed.extend((0..batch.len()).map(|index| batch.offset(index)));
            self.largest_batch = self.largest_batch.max(batch.encoded_bytes());
            self.feed.push(Batch::new("t".into(), partition, batch));
        }
    }

    fn truncate(&mut self, partition: i32, records: usize) {
        let known = self.partition(partition);
        known.write(records, 0, 10);
        known.low = known.end;
    }

    fn assign(&mut self, partition: i32) {
        let known = self.partition(partition);
        if known.reading.is_some() {
            return;
        }
        let offset = known.committed;
        known.reading = Some(offset);
        self.feed.assigned(vec![Start { partition: key(partition), offset }]);
    }

    fn revoke(&mut self, partition: i32) {
        if self.partition(partition).reading.is_none() {
            return;
        }
        self.feed.withdraw(&[key(partition)], Duration::ZERO);
        self.commit();
        self.feed.revoked(vec![key(partition)]);
        self.partition(partition).reading = None;
    }

    fn commit(&mut self) {
        let positions = self.feed.uncommitted();
        for Start { partition, offset } in &positions {
            self.partition(partition.partition).committed = *offset;
        }
        self.feed.committed(&positions);
    }

    fn turn(&mut self) {
        for Start { partition, offset } in self.feed.take_rewind().unwrap_or_default() {
            self.partition(partition.partition).reading = Some(offset);
        }
        self.commit();
    }

    fn join(&mut self, when_slow: WhenSlow, commit: CommitMode, credit: Window) {
        if self.viewers.len() == 4 {
            return;
        }
        let cursor = self.feed.join(when_slow, Some(commit), credit).expect("the feed is not about to end");
        self.viewers.push(Viewer {
            cursor,
            when_slow,
            commit,
            credit,
            seq: 0,
            jump: 0,
            unhandled: VecDeque::new(),
            assignments: BTreeMap::new(),
            due: BTreeMap::new(),
            may_handle: BTreeMap::new(),
        });
    }

    /// Receives one delivery, if there is one.
    fn take(&mut self, who: usize) -> bool {
        if self.viewers.is_empty() {
            return false;
        }
        let index = who % self.viewers.len();
        let Some(delivered) = self.viewers[index].cursor.try_next() else { return false };
        if matches!(delivered, Delivered::TooSlow) {
            assert_eq!(self.viewers[index].when_slow, WhenSlow::Close);
            self.viewers.remove(index);
            return false;
        }
        self.viewers[index].receive(delivered, &self.partitions);
        true
    }

    fn flow(&mut self, who: usize, behind: u64, credit: Window) {
        let Some(viewer) = self.viewer(who) else { return };
        let beyond = viewer.cursor.flow(viewer.seq + viewer.jump + 1_000_000, credit);
        assert!(beyond.is_err(), "numbers that were never sent cannot be handled");
        let through = viewer.seq.saturating_sub(behind);
        viewer.cursor.flow(through, credit).expect("it was sent");
        viewer.credit = credit;
        let mut handled: BTreeMap<i32, i64> = BTreeMap::new();
        while let Some(sent) = viewer.unhandled.pop_front_if(|sent| sent.number <= through) {
            // Records sent in an earlier assignment of the partition acknowledge nothing in this one.
            if viewer.assignments.get(&sent.partition) == Some(&sent.assignment) {
                handled.insert(sent.partition, sent.offset + 1);
            }
        }
        if viewer.commit == CommitMode::Auto {
            for (partition, next) in handled {
                self.handle(who, partition, next);
            }
        }
    }

    fn ack(&mut self, who: usize, partition: i32, behind: i64) {
        let Some(viewer) = self.viewer(who) else { return };
        let Some(due) = viewer.due.get(&partition) else { return };
        let next = due - behind;
        viewer.cursor.acknowledge(std::iter::once((key(partition), next)));
        self.handle(who, partition, next);
    }

    fn handle(&mut self, who: usize, partition: i32, next: i64) {
        let viewer = self.viewer(who).expect("it just acted");
        let may = viewer.may_handle.entry(partition).or_default();
        let handled: Vec<i64> = may.range(..next).copied().collect();
        self.partition(partition).handled.extend(handled);
    }

    /// With unlimited credit, every remaining client gets every record that still exists, and what they handle is
    /// committed, whichever clients left before.
    fn finish(mut self) {
        if self.over {
            return;
        }
        let plenty = Window { records: u64::MAX / 2, bytes: u64::MAX / 2 };
        for who in 0..self.viewers.len() {
            self.viewers[who].cursor.flow(0, plenty).expect("nothing is handled by that");
            self.viewers[who].credit = plenty;
        }
        self.apply(Step::Turn);
        for partition in 0..PARTITIONS {
            self.apply(Step::Assign { partition });
        }
        self.drain();
        for viewer in &self.viewers {
            for (partition, known) in &self.partitions {
                let left: Vec<i64> = known.offsets(viewer.due[partition], known.end).collect();
                assert!(left.is_empty(), "partition {partition}: {left:?} never came");
            }
        }
        // Records that come again because no client was left to acknowledge them come only once more.
        for _ in 0..3 {
            for who in 0..self.viewers.len() {
                self.apply(Step::Flow { who, behind: 0, credit: plenty });
                for partition in 0..PARTITIONS {
                    self.apply(Step::Ack { who, partition, behind: 0 });
                }
            }
            self.apply(Step::Turn);
            self.drain();
        }
        for (partition, known) in self.partitions.iter().filter(|_| !self.viewers.is_empty()) {
            let left: Vec<i64> = known.offsets(known.committed.max(known.low), known.end).collect();
            assert!(left.is_empty(), "partition {partition}: {left:?} were handled and are never committed");
        }
    }

    /// Reads until every client has every record.
    fn drain(&mut self) {
        // Receiving everything after each read makes room in the ring.
        for _ in 0..MOST_ROUNDS {
            let mut progress = false;
            let mut who = 0;
            while who < self.viewers.len() {
                let before = self.viewers.len();
                while self.take(who) {
                    progress = true;
                }
                // The client at this index was removed, so the next one has its index now.
                who += usize::from(self.viewers.len() == before);
            }
            for partition in 0..PARTITIONS {
                let known = &self.partitions[&partition];
                if known.has_more() && !self.viewers.is_empty() {
                    self.apply(Step::Read { partition, records: 5, large: false, hole: 0 });
                    progress = true;
                }
            }
            if !progress {
                return;
            }
        }
        panic!("some records are never read or never taken");
    }
}

impl Viewer {
    fn receive(&mut self, delivered: Delivered, partitions: &BTreeMap<i32, Partition>) {
        match delivered {
            Delivered::Event(Event::Assigned(starts)) => {
                for Start { partition, offset } in starts {
                    self.due.insert(partition.partition, offset);
                    *self.assignments.entry(partition.partition).or_default() += 1;
                    self.may_handle.remove(&partition.partition);
                }
            }
            Delivered::Event(Event::Revoked(revoked)) => {
                for partition in revoked {
                    self.due.remove(&partition.partition);
                    self.may_handle.remove(&partition.partition);
                }
            }
            Delivered::Event(Event::Gap { partition, from, to, reason }) => {
                let number = partition.partition;
                let due = self.due.get_mut(&number).unwrap_or_else(|| panic!("a gap in {partition:?}, not assigned"));
                assert_eq!(from, *due, "{reason:?} gap to {to} in {partition:?}");
                *due = to;
                let known = &partitions[&number];
                let lost: Vec<i64> = known.offsets(from, to).filter(|offset| known.pushed.contains(offset)).collect();
                if reason == GapReason::Slow {
                    assert_ne!(self.when_slow, WhenSlow::Close);
                    self.jump += lost.len() as u64;
                    if self.when_slow == WhenSlow::Skip {
                        self.may_handle.entry(number).or_default().extend(lost);
                    }
                }
            }
            Delivered::Records { seq, batch, range } => {
                assert!(!range.is_empty(), "an empty delivery");
                let count = range.len() as u64;
                assert_eq!(seq, self.seq + self.jump + count, "numbers jump by what gaps lost, {} now", self.jump);
                (self.seq, self.jump) = (seq, 0);
                let bytes: u64 = batch.records.payload_bytes(range.clone());
                let due = self.due.get_mut(&batch.partition).expect("assigned before its first record");
                let partition = &partitions[&batch.partition];
                let first = seq + 1 - count;
                let in_flight = self.unhandled.len() as u64;
                let bytes_in_flight: u64 = self.unhandled.iter().map(|sent| sent.bytes).sum();
                let assignment = self.assignments[&batch.partition];
                for (number, index) in (first..).zip(range) {
                    let offset = batch.records.offset(index);
                    let expected = partition.offsets(*due, i64::MAX).next();
                    assert_eq!(Some(offset), expected, "partition {}: something was left out", batch.partition);
                    *due = offset + 1;
                    let bytes = batch.records.payload_bytes(index..index + 1);
                    let partition = batch.partition;
                    self.unhandled.push_back(Unhandled { number, partition, assignment, offset, bytes });
                    self.may_handle.entry(batch.partition).or_default().insert(offset);
                }
                assert!(in_flight + count <= self.credit.records, "{in_flight} + {count} beyond {:?}", self.credit);
                let alone = count == 1 && in_flight == 0 && self.credit.bytes > 0;
                let fits = bytes_in_flight + bytes <= self.credit.bytes;
                assert!(alone || fits, "{bytes_in_flight} + {bytes} bytes beyond {:?}", self.credit);
            }
            Delivered::Committed(_) | Delivered::Error(_) | Delivered::Waiting(_) => {}
            Delivered::TooSlow | Delivered::Ended => panic!("unexpected delivery: {delivered:?}"),
        }
    }
}

proptest! {
    #[test]
    fn group_delivery_holds_under_any_interleaving(steps in vec(step(), 1..80)) {
        let mut world = World::new();
        world.apply(Step::Assign { partition: 0 });
        world.apply(Step::Join {
            when_slow: WhenSlow::Block,
            commit: CommitMode::Auto,
            credit: Window { records: 1000, bytes: 1 << 40 },
        });
        for step in steps {
            if world.over {
                break;
            }
            world.apply(step);
        }
        world.finish();
    }
}
