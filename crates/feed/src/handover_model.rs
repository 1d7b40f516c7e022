//! Runs a private feed whose subscription moves to a shared one, in any interleaving of writers, readers and clients,
//! and checks it against a model of the log: each record comes once and in order, or is in a gap; numbers jump by the
//! records of a gap; no partition is assigned twice.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::{BinaryBatch, GapReason, TopicPartition, WhenSlow, Window};

use super::cursor::{Cursor, Delivered, Listener};
use super::fixtures::{PLENTY, key, push_record};
use super::handover::{HandOver, Reservation};
use super::{Batch, CAPACITY_BYTES, Event, Feed, Room, Start};

const PARTITIONS: i32 = 3;

/// A few of these records fill the ring.
const LARGE: usize = 1_500_000;

/// More rounds of reading and taking than any number of records here needs.
const MOST_ROUNDS: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Which {
    Private,
    Shared,
}

#[derive(Clone, Debug)]
enum Step {
    /// Writes records, and after them offsets without one, as transaction markers take.
    Write {
        partition: i32,
        records: usize,
        large: bool,
        markers: i64,
    },
    /// A reader reads this many records, or finds the end.
    Read {
        which: Which,
        partition: i32,
        records: usize,
    },
    /// A reader notices the partition that was added.
    Grow {
        which: Which,
    },
    Take {
        which: Which,
        deliveries: usize,
    },
    Flow {
        which: Which,
        behind: u64,
        credit: Window,
    },
    Reserve,
    HandOver,
    GiveUp,
}

fn step() -> impl Strategy<Value = Step> {
    let which = || prop_oneof![Just(Which::Private), Just(Which::Shared)];
    let records = prop_oneof![Just(0), 1..6_u64, Just(1_000_000)];
    let bytes = prop_oneof![1 => 1..200_u64, 6 => Just(1 << 40)];
    let credit = (records, bytes).prop_map(|(records, bytes)| Window { records, bytes });
    prop_oneof![
        6 => (0..=PARTITIONS, 0..4_usize, prop::bool::weighted(0.2), prop_oneof![3 => Just(0), 1 => 1..3_i64])
            .prop_map(|(partition, records, large, markers)| Step::Write { partition, records, large, markers }),
        14 => (which(), 0..=PARTITIONS, 1..6_usize)
            .prop_map(|(which, partition, records)| Step::Read { which, partition, records }),
        1 => which().prop_map(|which| Step::Grow { which }),
        10 => (which(), 1..8_usize).prop_map(|(which, deliveries)| Step::Take { which, deliveries }),
        3 => (which(), 0..4_u64, credit).prop_map(|(which, behind, credit)| Step::Flow { which, behind, credit }),
        3 => Just(Step::Reserve),
        8 => Just(Step::HandOver),
        1 => Just(Step::GiveUp),
    ]
}

/// One partition in Kafka: the sizes of its records, and the next offset.
#[derive(Default)]
struct Log {
    records: BTreeMap<i64, usize>,
    end: i64,
}

struct Reader {
    feed: Arc<Feed>,
    /// Per partition, the next offset to read.
    positions: BTreeMap<i32, i64>,
}

/// One subscription, and the state of its client.
struct Client {
    cursor: Arc<Cursor>,
    seq: u64,
    /// Records in gaps since the last received number.
    jump: u64,
    /// Per partition, the next expected offset.
    due: BTreeMap<i32, i64>,
    credit: u64,
    /// Numbers that were sent and not handled.
    unhandled: VecDeque<u64>,
}

struct World {
    logs: BTreeMap<i32, Log>,
    readers: BTreeMap<Which, Reader>,
    clients: BTreeMap<Which, Client>,
    reservation: Option<Reservation>,
    is_moved: bool,
    /// Whether the client that is moved has named its partitions. The partition that is added later is not among them.
    is_named: bool,
}

/// A listener that leaves every change to the cursor's task.
struct NoListener;

impl Listener for NoListener {
    fn notify(&self) -> bool {
        false
    }
}

fn client_of(feed: &Arc<Feed>, credit: Window) -> Client {
    let cursor = Arc::new(feed.join(WhenSlow::Skip, None, credit).expect("the feed is new"));
    cursor.set_listener(Weak::<NoListener>::new());
    Client { cursor, seq: 0, jump: 0, due: BTreeMap::new(), credit: credit.records, unhandled: VecDeque::new() }
}

impl Reader {
    fn start(positions: BTreeMap<i32, i64>) -> Self {
        let feed = Arc::new(Feed::new(false, Counter::default()));
        feed.set_settled(Some(BTreeMap::new()));
        let starts = positions.iter().map(|(partition, offset)| Start { partition: key(*partition), offset: *offset });
        feed.assigned(starts.collect());
        Self { feed, positions }
    }

    fn read(&mut self, partition: i32, log: &Log, records: usize) {
        let Some(position) = self.positions.get_mut(&partition) else { return };
        if self.feed.wait_for_room(Duration::ZERO) == Room::Full {
            return;
        }
        let mut batch = BinaryBatch::default();
        for (offset, bytes) in log.records.range(*position..).take(records) {
            push_record(&mut batch, *offset, *bytes);
            *position = offset + 1;
            if batch.encoded_bytes() >= LARGE {
                break;
            }
        }
        if batch.is_empty() {
            *position = log.end;
            self.feed.reached_end(key(partition), log.end);
        } else {
            self.feed.push(Batch::new("t".into(), partition, batch));
        }
    }
}

impl World {
    /// The private reader starts at the beginning, the shared one at the end.
    fn new(before: &[(i32, usize, i64)], credit: Window, is_named: bool) -> Self {
        let mut logs: BTreeMap<i32, Log> = (0..=PARTITIONS).map(|partition| (partition, Log::default())).collect();
        for (partition, records, markers) in before {
            let markers = if is_named { 0 } else { *markers };
            logs.get_mut(partition).expect("a partition of the model").write(*records, 10, markers);
        }
        let ends = (0..PARTITIONS).map(|partition| (partition, logs[&partition].end)).collect();
        let starts = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        let readers = BTreeMap::from([(Which::Private, Reader::start(starts)), (Which::Shared, Reader::start(ends))]);
        let clients: BTreeMap<Which, Client> =
            readers.iter().map(|(which, reader)| (*which, client_of(&reader.feed, credit))).collect();
        if is_named {
            clients[&Which::Private].cursor.restrict_to((0..PARTITIONS).map(key).collect());
        }
        Self { logs, readers, clients, reservation: None, is_moved: false, is_named }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Write { partition, records, large, markers } => {
                let log = self.logs.get_mut(&partition).expect("a partition of the model");
                // A subscription to named partitions counts missed records by offsets, so markers would be counted too.
                let markers = if self.is_named { 0 } else { markers };
                log.write(records, if large { LARGE } else { 10 }, markers);
            }
            Step::Read { which, partition, records } => self.read(which, partition, records),
            Step::Grow { which } => {
                // A reader of named partitions ignores the added one, unless its subscription has moved to the shared
                // reader.
                if self.is_named && !(self.is_moved && which == Which::Shared) {
                    return;
                }
                let reader = self.readers.get_mut(&which).expect("both readers exist");
                if let Entry::Vacant(position) = reader.positions.entry(PARTITIONS) {
                    position.insert(0);
                    reader.feed.assigned(vec![Start { partition: key(PARTITIONS), offset: 0 }]);
                }
            }
            Step::Take { which, deliveries } => {
                for _ in 0..deliveries {
                    self.take(which);
                }
            }
            Step::Flow { which, behind, credit } => {
                let client = self.clients.get_mut(&which).expect("both clients exist");
                let through = client.seq.saturating_sub(behind);
                client.cursor.flow(through, credit).expect("it was sent");
                client.credit = credit.records;
                client.unhandled.retain(|number| *number > through);
            }
            Step::Reserve => {
                if !self.is_moved && self.reservation.is_none() {
                    self.reservation = self.readers[&Which::Shared].feed.reserve();
                    assert!(self.reservation.is_some(), "the shared feed has a subscription");
                }
            }
            Step::HandOver => self.hand_over(),
            Step::GiveUp => self.reservation = None,
        }
        for reader in self.readers.values() {
            let held = reader.feed.lock().ring_bytes;
            assert!(held <= CAPACITY_BYTES + 2 * LARGE, "the ring holds {held} bytes");
        }
    }

    fn read(&mut self, which: Which, partition: i32, records: usize) {
        if which == Which::Private && self.is_moved {
            return;
        }
        self.readers.get_mut(&which).expect("both readers exist").read(partition, &self.logs[&partition], records);
    }

    fn hand_over(&mut self) {
        let Some(reservation) = &mut self.reservation else { return };
        let private = &self.readers[&Which::Private].feed;
        match reservation.hand_over(private) {
            HandOver::Done => {
                assert!(private.should_end(), "the private feed has no subscription any more");
                self.is_moved = true;
                self.reservation = None;
            }
            HandOver::Failed => self.reservation = None,
            HandOver::ReadOn | HandOver::Wait => {}
        }
    }

    /// Receives one delivery, if there is one.
    fn take(&mut self, which: Which) -> bool {
        let client = self.clients.get_mut(&which).expect("both clients exist");
        let Some(delivered) = client.cursor.try_next() else { return false };
        client.receive(delivered, &self.logs);
        true
    }

    fn drain(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let mut progress = false;
            for which in [Which::Private, Which::Shared] {
                while self.take(which) {
                    progress = true;
                }
                for partition in 0..=PARTITIONS {
                    let reader = &self.readers[&which];
                    let is_over = which == Which::Private && self.is_moved;
                    if !is_over && reader.positions.get(&partition).is_some_and(|at| *at < self.logs[&partition].end) {
                        self.read(which, partition, 100);
                        progress = true;
                    }
                }
            }
            if !progress {
                return;
            }
        }
        panic!("some records are never read or never taken");
    }

    /// With unlimited credit and no more writes, the subscription is moved and every client gets every record.
    fn finish(mut self) {
        for which in [Which::Private, Which::Shared] {
            self.apply(Step::Flow { which, behind: 0, credit: PLENTY });
            self.apply(Step::Grow { which });
        }
        self.drain();
        for which in [Which::Private, Which::Shared] {
            for partition in 0..=PARTITIONS {
                self.read(which, partition, 1);
            }
        }
        // The subscription is moved while it has no credit and the shared reader is ahead; then it falls out of the
        // ring.
        let paused = Window { records: 0, bytes: 0 };
        self.apply(Step::Flow { which: Which::Private, behind: 0, credit: paused });
        self.apply(Step::GiveUp);
        self.apply(Step::Reserve);
        self.apply(Step::Write { partition: 2, records: 3, large: false, markers: 0 });
        self.apply(Step::Read { which: Which::Shared, partition: 2, records: 3 });
        self.apply(Step::HandOver);
        assert!(self.is_moved, "the private reader is where the reservation began");
        for _ in 0..2 * CAPACITY_BYTES / LARGE {
            self.apply(Step::Write { partition: 2, records: 1, large: true, markers: 0 });
            self.apply(Step::Read { which: Which::Shared, partition: 2, records: 1 });
            self.apply(Step::Take { which: Which::Shared, deliveries: 2 });
        }
        self.apply(Step::Flow { which: Which::Private, behind: 0, credit: PLENTY });
        self.drain();
        self.apply(Step::Grow { which: Which::Shared });
        for partition in 0..=PARTITIONS {
            self.apply(Step::Write { partition, records: 2, large: false, markers: 0 });
        }
        self.drain();
        for (which, client) in &self.clients {
            for (partition, log) in &self.logs {
                if self.is_named && *which == Which::Private && *partition == PARTITIONS {
                    assert_eq!(client.due.get(partition), None, "a partition that the client did not name");
                    continue;
                }
                let missing: Vec<i64> = log.offsets(client.due[partition], log.end).collect();
                assert!(missing.is_empty(), "partition {partition}: {missing:?} never came");
            }
        }
        let shared = &self.readers[&Which::Shared].feed;
        assert_eq!(shared.lock().cursors.len(), 2);
        self.clients.clear();
        assert!(shared.should_end(), "no subscription and no reservation is left");
    }
}

impl Log {
    fn write(&mut self, records: usize, bytes: usize, markers: i64) {
        for _ in 0..records {
            self.records.insert(self.end, bytes);
            self.end += 1;
        }
        self.end += markers;
    }

    fn offsets(&self, from: i64, to: i64) -> impl Iterator<Item = i64> {
        self.records.range(from..to.max(from)).map(|(offset, _)| *offset)
    }
}

impl Client {
    fn receive(&mut self, delivered: Delivered, logs: &BTreeMap<i32, Log>) {
        match delivered {
            Delivered::Event(Event::Assigned(starts)) => {
                for Start { partition, offset } in starts {
                    let before = self.due.insert(partition.partition, offset);
                    assert_eq!(before, None, "{partition:?} is assigned twice");
                }
            }
            Delivered::Event(Event::Gap { partition: TopicPartition { partition, .. }, from, to, reason }) => {
                assert_eq!(reason, GapReason::Slow);
                let due = self.due.insert(partition, to);
                assert_eq!(Some(from), due, "a gap to {to} in partition {partition}");
                self.jump += logs[&partition].offsets(from, to).count() as u64;
            }
            Delivered::Records { seq, batch, range } => {
                let count = range.len() as u64;
                assert_eq!(seq, self.seq + self.jump + count, "numbers jump by what gaps lost, {} now", self.jump);
                self.unhandled.extend(seq + 1 - count..=seq);
                let in_flight = self.unhandled.len() as u64;
                assert!(in_flight <= self.credit, "{in_flight} in flight, {} allowed", self.credit);
                (self.seq, self.jump) = (seq, 0);
                let due = self.due.get_mut(&batch.partition).expect("assigned before its first record");
                for index in range {
                    let offset = batch.records.offset(index);
                    let expected = logs[&batch.partition].offsets(*due, i64::MAX).next();
                    assert_eq!(Some(offset), expected, "partition {}", batch.partition);
                    *due = offset + 1;
                }
            }
            other => panic!("unexpected delivery: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn moved_subscription_gets_each_record_once(
        before in vec((0..PARTITIONS, 0..5_usize, 0..2_i64), 0..8),
        is_allowed_plenty: bool,
        is_named: bool,
        steps in vec(step(), 1..120),
    ) {
        let credit = if is_allowed_plenty { PLENTY } else { Window { records: 3, bytes: 1 << 40 } };
        let mut world = World::new(&before, credit, is_named);
        for step in steps {
            world.apply(step);
        }
        world.finish();
    }
}
