//! Tails that have caught up share one consumer: their clients notice nothing, and the bridge needs fewer threads and
//! connections.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use protocol::{
    Assigned, ClusterRequest, ClusterResult, Flow, Gap, GapReason, ProduceRecord, Records, RecordsWaiting,
    ServerMessage, WhenSlow,
};
use tests::client::{RecordExt, text_record};
use tests::fence::{all_before_reply, nothing_before_reply};
use tests::kafka::{delete_topic, grow_topic, try_create_topic};
use tests::transaction::Transaction;
use tests::{Bridge, Client, Kafka, Watch, eventually, on_every_kafka, unique};

/// As many partitions as the demo broker's topics have, on real Kafka as well.
const PARTITIONS: i32 = 4;

const KIB: usize = 1024;

/// How many threads (`task`) or descriptors (`fd`) the bridge has.
fn entries(bridge: &Bridge, of: &str) -> usize {
    fs::read_dir(format!("/proc/{}/{of}", bridge.id())).map_or(0, Iterator::count)
}

/// How many consumers read topics: each has a thread of this name.
fn consumers(bridge: &Bridge) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", bridge.id())).expect("the bridge runs");
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().map(name).filter(|name| name.trim_end() == "kafka-reader").count()
}

async fn consumers_become(bridge: &Bridge, count: usize) {
    let what = format!("{count} consumers, at last there were {}", consumers(bridge));
    eventually(&what, || async { (consumers(bridge) == count).then_some(()) }).await;
}

/// This number of records for each partition.
fn records(topic: &str, each: usize) -> Vec<ProduceRecord> {
    let numbered = (0..each).flat_map(|id| (0..PARTITIONS).map(move |partition| (id, partition)));
    numbered.map(|(id, partition)| text_record(topic, &format!("v{id}")).on_partition(partition)).collect()
}

/// The end of each partition, from the acknowledgements.
#[derive(Clone, Debug, Default)]
struct Ends(BTreeMap<i32, i64>);

impl Ends {
    fn note(&mut self, acknowledged: Vec<(i32, i64)>) {
        for (partition, offset) in acknowledged {
            let end = self.0.entry(partition).or_default();
            *end = (*end).max(offset + 1);
        }
    }
}

/// A subscription, and the next offset in each of its partitions.
#[derive(Debug)]
struct Tail {
    subscription: u32,
    next: BTreeMap<i32, i64>,
}

impl Tail {
    async fn begin(client: &mut Client, watch: &Watch) -> Self {
        let subscription = client.subscribe(watch).await;
        let assigned = client
            .find("Assigned", |frame| match &frame.message {
                ServerMessage::Assigned(assigned) if assigned.subscription == subscription => Some(assigned.clone()),
                _ => None,
            })
            .await;
        let next = assigned.partitions.iter().map(|start| (start.partition, start.offset.0)).collect();
        Self { subscription, next }
    }

    /// Reads up to these ends, and checks that each record comes once, in order, with consecutive numbers. No partition has
    /// holes.
    async fn read_to(&mut self, client: &mut Client, ends: &Ends) {
        while self.next.iter().any(|(partition, next)| *next < ends.0[partition]) {
            for received in client.records(self.subscription, 1).await {
                let next = self.next.get_mut(&received.partition).expect("assigned before its first record");
                assert_eq!(received.offset(), *next, "subscription {}: {received:?}", self.subscription);
                *next += 1;
            }
        }
    }
}

/// Checks that no other message came, and that nothing was reported twice.
async fn heard_nothing_else(client: &mut Client) {
    for message in all_before_reply(client).await {
        assert!(matches!(message, ServerMessage::Produced(_) | ServerMessage::ClusterChanged(_)), "{message:?}");
    }
}

/// Writes small batches until it is stopped, and returns the ends of the partitions.
fn keep_writing(
    mut writer: Client,
    topic: &str,
    mut ends: Ends,
) -> (Arc<AtomicBool>, tokio::task::JoinHandle<(Client, Ends)>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, topic) = (Arc::clone(&stop), topic.to_owned());
    let writing = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            ends.note(writer.write(records(&topic, 2)).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (writer, ends)
    });
    (stop, writing)
}

async fn stopped(stop: Arc<AtomicBool>, writing: tokio::task::JoinHandle<(Client, Ends)>) -> (Client, Ends) {
    stop.store(true, Ordering::Relaxed);
    writing.await.expect("the writer is not refused")
}

on_every_kafka! {
    async fn sixty_tails_share_one_consumer_and_lose_no_record(kafka: Kafka) {
        const SOCKETS: usize = 4;
        const EACH: usize = 15;
        let topic = kafka.topic_with("sixty", PARTITIONS).await;
        let bridge = Bridge::start().on(&kafka).await;
        let (mut writer, mut ends) = (bridge.client().await, Ends::default());
        ends.note(writer.write(records(&topic, 150)).await);
        let first = ends.clone();

        let mut clients = Vec::new();
        for _ in 0..SOCKETS {
            let mut client = bridge.client().await;
            let mut tails = Vec::new();
            for _ in 0..EACH {
                let tail = Tail::begin(&mut client, &Watch::tail(&topic).last(100)).await;
                assert!(tail.next.iter().all(|(partition, next)| *next >= first.0[partition] - 100), "{tail:?}");
                tails.push(tail);
                // During the hand-overs.
                ends.note(writer.write(records(&topic, 1)).await);
            }
            clients.push((client, tails));
        }
        for (client, tails) in &mut clients {
            for tail in tails {
                tail.read_to(client, &ends).await;
            }
        }
        consumers_become(&bridge, 1).await;
        ends.note(writer.write(records(&topic, 20)).await);
        for (client, tails) in &mut clients {
            for tail in tails {
                tail.read_to(client, &ends).await;
            }
            heard_nothing_else(client).await;
        }
        // With one consumer for each tail there were 355 threads and 527 descriptors.
        let (threads, descriptors) = (entries(&bridge, "task"), entries(&bridge, "fd"));
        tests::measured("sixty_tails_threads_and_descriptors", format!("{threads} {descriptors}"));
        assert!(threads < 60 && descriptors < 100, "{threads} threads, {descriptors} descriptors");
        // A new tail starts at the end and shares the same consumer.
        let mut late = bridge.client().await;
        let mut latest = Tail::begin(&mut late, &Watch::tail(&topic).latest()).await;
        assert_eq!(latest.next, ends.0);
        ends.note(writer.write(records(&topic, 1)).await);
        latest.read_to(&mut late, &ends).await;
        assert_eq!(consumers(&bridge), 1);
        drop((clients, late));
        consumers_become(&bridge, 0).await;
    }

    async fn tails_of_every_start_are_handed_over_under_load_and_lose_no_record(kafka: Kafka) {
        let topic = kafka.topic_with("starts", PARTITIONS).await;
        let bridge = Bridge::start().on(&kafka).await;
        let (mut writer, mut ends) = (bridge.client().await, Ends::default());
        ends.note(writer.write(records(&topic, 100)).await);
        let positions = || (0..PARTITIONS).map(|partition| (partition, 10));
        let starts = [
            Watch::tail(&topic),
            Watch::tail(&topic).from_positions(positions()),
            Watch::tail(&topic).latest(),
            Watch::tail(&topic).last(5).when_slow(WhenSlow::Close).binary(),
            Watch::tail(&topic).resuming(positions().take(2)),
            Watch::tail(&topic).last(0),
            Watch::tail(&topic).window_bytes(20, 1 << 20).binary(),
        ];
        let (stop, writing) = keep_writing(writer, &topic, ends);
        let mut clients = Vec::new();
        for watch in &starts {
            let mut client = bridge.client().await;
            let tail = Tail::begin(&mut client, watch).await;
            clients.push((client, tail));
        }
        // The tail with the small window needs credit while it reads.
        let (mut frugal, mut sparing) = clients.pop().expect("the last one");
        let frugal = tokio::spawn(async move {
            let mut through = 0;
            loop {
                let batch = frugal.records(sparing.subscription, 1).await;
                for received in &batch {
                    let next = sparing.next.get_mut(&received.partition).expect("assigned");
                    assert_eq!(received.offset(), *next);
                    *next += 1;
                    through = received.number;
                }
                frugal.flow(sparing.subscription, through, 20).await;
                if batch.iter().any(|received| received.value() == "last") {
                    return through;
                }
            }
        });
        consumers_become(&bridge, 1).await;
        let (mut writer, mut ends) = stopped(stop, writing).await;
        let written: i64 = ends.0.values().sum();
        for (client, tail) in &mut clients {
            tail.read_to(client, &ends).await;
            heard_nothing_else(client).await;
        }
        ends.note(writer.write(vec![text_record(&topic, "last").on_partition(0)]).await);
        for (client, tail) in &mut clients {
            tail.read_to(client, &ends).await;
        }
        let through = frugal.await.expect("nothing is lost on the way");
        assert!(i64::try_from(through).expect("small") <= written + 1);
        assert_eq!(consumers(&bridge), 1);
    }
}

#[tokio::test]
async fn tail_that_blocks_keeps_its_own_consumer() {
    let topic = unique("blocks");
    let bridge = Bridge::start().demo().await;
    let (mut client, mut ends) = (bridge.client().await, Ends::default());
    ends.note(client.write(records(&topic, 5)).await);
    let mut tails = Vec::new();
    for watch in [Watch::tail(&topic).when_slow(WhenSlow::Block), Watch::tail(&topic), Watch::tail(&topic).last(1)] {
        tails.push(Tail::begin(&mut client, &watch).await);
    }
    consumers_become(&bridge, 2).await;
    for _ in 0..20 {
        ends.note(client.write(records(&topic, 1)).await);
        for tail in &mut tails {
            tail.read_to(&mut client, &ends).await;
        }
        assert_eq!(consumers(&bridge), 2);
    }
    // The two tails that share a consumer end; the one that blocks stays.
    for tail in tails.drain(1..) {
        client.unsubscribe(tail.subscription).await;
    }
    consumers_become(&bridge, 1).await;
    ends.note(client.write(records(&topic, 1)).await);
    tails[0].read_to(&mut client, &ends).await;
}

/// 16 MiB: twice what a feed keeps, and less than the demo broker forgets.
async fn flood(writer: &mut Client, topic: &str, ends: &mut Ends) {
    let value = "z".repeat(4 * KIB);
    for _ in 0..10 {
        let chunk = (0..400).map(|id| text_record(topic, &value).on_partition(id % PARTITIONS));
        ends.note(writer.write(chunk.collect()).await);
    }
}

/// The state of a slow client, which checks that gaps and records together are complete and that numbers jump by the missed
/// records.
struct Slow {
    tail: Tail,
    seq: u64,
    jump: u64,
    gaps: usize,
}

impl Slow {
    fn new(tail: Tail) -> Self {
        Self { tail, seq: 0, jump: 0, gaps: 0 }
    }

    async fn read_to(&mut self, client: &mut Client, ends: &Ends) {
        while self.tail.next.iter().any(|(partition, next)| *next < ends.0[partition]) {
            let subscription = self.tail.subscription;
            let message = client.find("Records or Gap", |frame| match &frame.message {
                ServerMessage::Records(records) if records.subscription == subscription => Some(frame.message.clone()),
                ServerMessage::Gap(gap) if gap.subscription == subscription => Some(frame.message.clone()),
                _ => None,
            });
            match message.await {
                ServerMessage::Gap(Gap { partition, from, to, reason, .. }) => {
                    let next = self.tail.next.get_mut(&partition).expect("assigned");
                    assert_eq!((from.0, reason), (*next, GapReason::Slow), "partition {partition}");
                    // Without holes, offsets count records.
                    self.jump += u64::try_from(to.0 - from.0).expect("forwards");
                    self.gaps += 1;
                    *next = to.0;
                }
                ServerMessage::Records(batch) => {
                    let next = self.tail.next.get_mut(&batch.partition).expect("assigned");
                    for record in &batch.records {
                        assert_eq!(record.offset.0, *next, "partition {}", batch.partition);
                        *next += 1;
                    }
                    assert_eq!(
                        batch.seq,
                        self.seq + self.jump + batch.records.len() as u64,
                        "numbers jump by the gaps"
                    );
                    (self.seq, self.jump) = (batch.seq, 0);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    async fn allow(&self, client: &mut Client, records: u64) {
        client.send(Flow { subscription: self.tail.subscription, through: self.seq, records, bytes: 1 << 30 }).await;
    }
}

#[tokio::test]
async fn slow_tail_gets_its_gaps_before_and_after_it_shares_a_consumer() {
    let topic = unique("slow");
    let bridge = Bridge::start().demo().await;
    let (mut writer, mut keen, mut slow) = (bridge.client().await, bridge.client().await, bridge.client().await);
    let mut ends = Ends::default();
    ends.note(writer.write(records(&topic, 1)).await);
    // This tail reads only between the floods, so it may get gaps as well.
    let mut latest = Slow::new(Tail::begin(&mut keen, &Watch::tail(&topic).latest()).await);
    let mut one = Slow::new(Tail::begin(&mut slow, &Watch::tail(&topic).window(2)).await);
    for gaps_before in [false, true] {
        // The slow tail has no credit for this flood.
        flood(&mut writer, &topic, &mut ends).await;
        latest.read_to(&mut keen, &ends).await;
        assert_eq!(consumers(&bridge), if gaps_before { 1 } else { 2 }, "who has not caught up keeps its own");
        one.allow(&mut slow, 1_000_000).await;
        let before = one.gaps;
        one.read_to(&mut slow, &ends).await;
        assert!(one.gaps > before, "twice what a feed keeps was written meanwhile");
        consumers_become(&bridge, 1).await;
        ends.note(writer.write(records(&topic, 3)).await);
        one.read_to(&mut slow, &ends).await;
        latest.read_to(&mut keen, &ends).await;
        one.allow(&mut slow, 0).await;
        // Messages after this reply come after the `flow` was processed.
        slow.ask::<ClusterResult>(ClusterRequest {}).await;
    }
}

#[tokio::test]
async fn subscriptions_that_end_during_a_hand_over_leave_no_consumer() {
    let topic = unique("midst");
    let bridge = Bridge::start().demo().await;
    let (mut writer, mut ends) = (bridge.client().await, Ends::default());
    ends.note(writer.write(records(&topic, 10)).await);
    let mut steady = bridge.client().await;
    let mut tail = Tail::begin(&mut steady, &Watch::tail(&topic)).await;
    consumers_become(&bridge, 1).await;
    let (stop, writing) = keep_writing(writer, &topic, ends);
    for round in 0..40_u64 {
        let mut client = bridge.client().await;
        let watch = client.subscribe(&Watch::tail(&topic).last(3)).await;
        client.records(watch, 1).await;
        // Not a wait for anything: the rounds end before, within and after a hand-over.
        tokio::time::sleep(Duration::from_millis(round % 20)).await;
        if round % 2 == 0 {
            client.unsubscribe(watch).await;
        } else {
            client.socket.cut();
        }
    }
    let (_writer, ends) = stopped(stop, writing).await;
    tail.read_to(&mut steady, &ends).await;
    heard_nothing_else(&mut steady).await;
    consumers_become(&bridge, 1).await;
    steady.unsubscribe(tail.subscription).await;
    consumers_become(&bridge, 0).await;
}

#[tokio::test]
async fn tails_share_a_consumer_despite_markers_and_open_transactions() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let topic = kafka.topic_with("markers", 2).await;
    let bridge = Bridge::start().on(&kafka).await;
    // Each partition ends with a marker, and the second one begins with a marker too.
    Transaction::begin(&servers, &topic, 1, 3).await.commit().await;
    Transaction::begin(&servers, &topic, 2, 2).await.abort().await;
    let mut client = bridge.client().await;
    let latest = Tail::begin(&mut client, &Watch::tail(&topic).latest()).await;
    let earliest = Tail::begin(&mut client, &Watch::tail(&topic)).await;
    assert_eq!(client.records(earliest.subscription, 3).await.len(), 3);
    consumers_become(&bridge, 1).await;

    let open = Transaction::begin(&servers, &topic, 2, 4).await;
    for _ in 0..2 {
        assert_eq!(client.expect::<RecordsWaiting>().await.partitions.len(), 2);
    }
    // A tail that starts while records wait.
    let last = Tail::begin(&mut client, &Watch::tail(&topic).last(100)).await;
    assert_eq!(client.records(last.subscription, 3).await.len(), 3);
    assert_eq!(client.expect::<RecordsWaiting>().await.subscription, last.subscription);
    consumers_become(&bridge, 1).await;
    open.commit().await;
    for tail in [&latest, &earliest, &last] {
        let mut of_partition = [0; 2];
        for received in client.records(tail.subscription, 8).await {
            of_partition[usize::try_from(received.partition).expect("0 or 1")] += 1;
        }
        assert_eq!(of_partition, [4, 4], "{tail:?}");
    }
    // The next record of the topic is also the next one of each tail.
    let written = client.write(vec![text_record(&topic, "next").on_partition(0)]).await;
    for tail in [&latest, &earliest, &last] {
        let next: Vec<_> = client.records(tail.subscription, 1).await.iter().map(|got| got.place()).collect();
        assert_eq!(next, written, "{tail:?}");
    }
    nothing_before_reply::<Records>(&mut client).await;
}

#[tokio::test]
async fn shared_tails_follow_added_partitions_and_a_recreated_topic() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let topic = kafka.topic_with("follows", PARTITIONS).await;
    let bridge = Bridge::start().on(&kafka).await;
    let Some(judge) = bridge.judge().await else { return };
    // kcat writes these: the bridge's producer knows the topic and might create it again by requesting its metadata, and it
    // learns of new partitions only when librdkafka refreshes its metadata, which takes minutes.
    let write = async |partition: i32, ends: &mut Ends| {
        judge.write(&topic, &["-p", &partition.to_string()], b"a record").await;
        *ends.0.entry(partition).or_default() += 1;
    };
    let mut ends = Ends::default();
    for _ in 0..2 {
        for partition in 0..PARTITIONS {
            write(partition, &mut ends).await;
        }
    }
    let positions = (0..PARTITIONS).map(|partition| (partition, 1));
    let mut clients = Vec::new();
    for watch in [Watch::tail(&topic).from_positions(positions), Watch::tail(&topic), Watch::tail(&topic).last(1)] {
        let mut client = bridge.client().await;
        let tail = Tail::begin(&mut client, &watch).await;
        clients.push((client, tail));
    }
    for (client, tail) in &mut clients {
        tail.read_to(client, &ends).await;
    }
    consumers_become(&bridge, 1).await;

    grow_topic(&servers, &topic, usize::try_from(PARTITIONS).expect("small") + 1).await;
    for (client, tail) in &mut clients[1..] {
        let added = client.expect::<Assigned>().await;
        let added: Vec<(i32, i64)> = added.partitions.iter().map(|start| (start.partition, start.offset.0)).collect();
        assert_eq!(added, [(PARTITIONS, 0)], "once, and it alone");
        tail.next.extend(added);
    }
    for partition in 0..=PARTITIONS {
        write(partition, &mut ends).await;
    }
    for (client, tail) in &mut clients {
        tail.read_to(client, &ends).await;
        heard_nothing_else(client).await;
    }
    assert!(!clients[0].1.next.contains_key(&PARTITIONS), "partitions that were not named are not read");

    delete_topic(&servers, &topic).await;
    eventually("a topic of the same name", || async {
        try_create_topic(&servers, &topic, PARTITIONS + 1, &[]).await.ok()
    })
    .await;
    for (client, tail) in &mut clients {
        let mut begun_anew = BTreeMap::new();
        while begun_anew.len() < tail.next.len() {
            let gap = client.expect::<Gap>().await;
            assert_eq!((gap.reason, gap.from.0), (GapReason::Recreated, tail.next[&gap.partition]), "{gap:?}");
            assert_eq!(begun_anew.insert(gap.partition, gap.to.0), None, "told once");
        }
        tail.next = begun_anew;
    }
    let mut ends = Ends::default();
    for partition in 0..=PARTITIONS {
        write(partition, &mut ends).await;
    }
    for (client, tail) in &mut clients {
        tail.read_to(client, &ends).await;
    }
    assert_eq!(consumers(&bridge), 1);
}
