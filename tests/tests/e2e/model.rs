//! Clients of one group and a writer, in a random order of operations, compared with a model: no more records than the credit, no
//! commit beyond handled records, every record handled by some client, one outcome for each sequence number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use protocol::{Assigned, Committed, Flow, Records, ServerMessage};
use tests::client::{RecordExt, text_record};
use tests::kafka::{Mock, committed};
use tests::scale::seeds;
use tests::{Bridge, Client, PATIENCE, Survivor, Watch, unique};

const PARTITIONS: i32 = 2;
const PAGES: usize = 3;

/// How long to wait for the next message.
const MOMENT: Duration = Duration::from_millis(3);

struct Page {
    client: Client,
    watch: u32,
    acks_by_flow: bool,
    /// The next expected offset of each partition.
    due: BTreeMap<i32, i64>,
    /// Received records that are not handled yet: number, partition, offset.
    unhandled: Vec<(u64, i32, i64)>,
    seq: u64,
    /// The highest number that the credit has ever allowed.
    limit: u64,
}

struct World {
    bridge: Bridge,
    topic: String,
    group: String,
    writer: Survivor,
    pages: Vec<Page>,
    /// The offsets of each partition that some client has handled.
    handled: BTreeMap<i32, BTreeSet<i64>>,
}

impl World {
    /// Every offset before this one is handled.
    fn handled_before(&self, partition: i32) -> i64 {
        let handled = self.handled.get(&partition);
        (0..).find(|offset| !handled.is_some_and(|handled| handled.contains(offset))).expect("offsets do not end")
    }

    async fn write(&mut self, random: &mut fastrand::Rng) {
        let (first, count) = (self.writer.next_seq(), random.u64(1..20));
        let record = |id: u64| text_record(&self.topic, &id.to_string()).on_partition(random.i32(0..PARTITIONS));
        let records = (first..first + count).map(record).collect();
        self.writer.produce(records).await;
    }

    async fn join(&mut self, random: &mut fastrand::Rng) {
        if self.pages.len() == PAGES {
            return;
        }
        let acks_by_flow = random.u8(0..3) > 0;
        let window = random.u64(1..40);
        let watch = Watch::group(&self.topic, &self.group).window(window);
        let watch = if acks_by_flow { watch } else { watch.commit_by_ack() };
        let watch = if random.bool() { watch.binary() } else { watch };
        let mut client = self.bridge.client().await;
        let watch = client.subscribe(&watch).await;
        let (due, unhandled) = (BTreeMap::new(), Vec::new());
        self.pages.push(Page { client, watch, acks_by_flow, due, unhandled, seq: 0, limit: window });
    }

    async fn leave(&mut self, random: &mut fastrand::Rng) {
        if self.pages.is_empty() {
            return;
        }
        let mut page = self.pages.swap_remove(random.usize(0..self.pages.len()));
        match random.u8(0..3) {
            0 => drop(page.client.unsubscribe(page.watch).await),
            1 => page.client.socket.close().await,
            _ => page.client.socket.cut(),
        }
    }

    /// A client reports records up to `through` as handled and gives this credit.
    async fn handle(&mut self, who: usize, through: u64, credit: u64) {
        let page = &mut self.pages[who];
        let (done, left) = std::mem::take(&mut page.unhandled).into_iter().partition(|(number, ..)| *number <= through);
        page.unhandled = left;
        let mut positions = BTreeMap::new();
        let done: Vec<(u64, i32, i64)> = done;
        for (_, partition, offset) in done {
            self.handled.entry(partition).or_default().insert(offset);
            positions.insert(partition, offset + 1);
        }
        page.limit = page.limit.max(through + credit);
        let flow = Flow { subscription: page.watch, through, records: credit, bytes: 1 << 20 };
        page.client.send(flow).await;
        if !page.acks_by_flow {
            for (partition, offset) in positions {
                page.client.ack(page.watch, &self.topic, partition, offset).await;
            }
        }
    }

    async fn handle_some(&mut self, random: &mut fastrand::Rng) {
        if self.pages.is_empty() {
            return;
        }
        let who = random.usize(0..self.pages.len());
        let through = self.pages[who].seq.saturating_sub(random.u64(0..10));
        // Sometimes zero, which pauses the subscription.
        let credit = random.u64(0..40).saturating_sub(5);
        self.handle(who, through, credit).await;
    }

    /// Processes the received messages and checks them.
    async fn listen(&mut self) {
        for who in 0..self.pages.len() {
            while let Some(message) = self.pages[who].client.next_within(MOMENT).await {
                match message {
                    ServerMessage::Assigned(assigned) => self.pages[who].assigned(assigned),
                    ServerMessage::Records(records) => self.pages[who].records(records),
                    ServerMessage::Committed(committed) => self.note_commit(committed),
                    ServerMessage::Gap(gap) => panic!("nothing was lost: {gap:?}"),
                    _ => {}
                }
            }
        }
        self.writer.live(MOMENT).await;
    }

    fn note_commit(&self, committed: Committed) {
        for position in committed.positions {
            let before = self.handled_before(position.partition);
            assert!(position.offset.0 <= before, "{position:?} is committed; handled is all before {before}");
        }
    }

    /// The remaining clients get and handle all records, and all are committed.
    async fn finish(&mut self, random: &mut fastrand::Rng) {
        if self.pages.is_empty() {
            self.join(random).await;
        }
        self.writer.until("all outcomes", |writer| writer.open() == 0).await;
        let mut ends = BTreeMap::new();
        for outcome in self.writer.outcomes.values() {
            let tests::client::Outcome::Acked { partition, offset, .. } = outcome else { panic!("{outcome:?}") };
            let end = ends.entry(*partition).or_insert(0);
            *end = (offset + 1).max(*end);
        }
        let began = Instant::now();
        let servers = self.bridge.bootstrap_servers().await;
        loop {
            // An acknowledgement may have been lost with a client's socket, so its records are delivered again.
            let committed = committed(&servers, &self.group, &self.topic).await;
            if committed == ends {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "committed is {committed:?}, written {ends:?}");
            self.listen().await;
            for who in 0..self.pages.len() {
                if !self.pages[who].unhandled.is_empty() || self.pages[who].limit < self.pages[who].seq + 100 {
                    self.handle(who, self.pages[who].seq, 1000).await;
                }
            }
        }
    }
}

impl Page {
    fn assigned(&mut self, assigned: Assigned) {
        for position in assigned.partitions {
            let due = self.due.insert(position.partition, position.offset.0);
            assert!(due.is_none_or(|due| position.offset.0 <= due), "due is {due:?}, it goes on at {position:?}");
        }
    }

    fn records(&mut self, records: Records) {
        let partition = records.partition;
        for got in self.client.numbered(records) {
            let due = self.due.get_mut(&partition).expect("assigned before its first record");
            assert_eq!(got.offset(), *due, "partition {partition}: in order, each once");
            *due += 1;
            self.seq = got.number;
            self.unhandled.push((got.number, partition, got.offset()));
        }
        assert!(self.seq <= self.limit, "{} came, {} were allowed", self.seq, self.limit);
    }
}

#[tokio::test]
async fn group_delivery_holds_under_any_interleaving_of_clients() {
    for seed in seeds(6, 200) {
        let mut random = seed.random();
        let topic = unique("model");
        let kafka = Mock::start().with_topic(&topic, PARTITIONS);
        let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
        let writer = Survivor::new(bridge.handshake());
        let (pages, handled) = (Vec::new(), BTreeMap::new());
        let mut world = World { bridge, topic, group: unique("group"), writer, pages, handled };
        for _ in 0..random.u32(20..80) {
            match random.u8(0..16) {
                0..5 => world.write(&mut random).await,
                5..8 => world.join(&mut random).await,
                8..10 => world.leave(&mut random).await,
                10..15 => world.handle_some(&mut random).await,
                _ => world.writer.cut(),
            }
            world.listen().await;
        }
        world.finish(&mut random).await;
    }
}
