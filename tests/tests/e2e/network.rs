//! Network failures between client and bridge: sessions continue, and no record is lost or duplicated.

use std::time::{Duration, Instant};

use protocol::CloseCode;
use tests::client::{Outcome, text_record};
use tests::kafka::Mock;
use tests::proxy::{Direction, Weather};
use tests::scale::{is_long, seeds, times};
use tests::{Bridge, Client, PATIENCE, Proxy, Survivor, Watch, eventually_within, unique};

/// A bridge on a mock broker behind a proxy that imitates a bad network.
struct Scene {
    kafka: Mock,
    topic: String,
    bridge: Bridge,
    proxy: Proxy,
}

const PARTITIONS: i32 = 2;

impl Scene {
    async fn set(noun: &str) -> Self {
        let topic = unique(noun);
        let kafka = Mock::start().with_topic(&topic, PARTITIONS);
        let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
        let proxy = Proxy::to(&bridge.address).await;
        Self { kafka, topic, bridge, proxy }
    }

    async fn client(&self) -> Client {
        Client::hello(self.bridge.handshake().via(&self.proxy.address).open().await).await
    }

    fn survivor(&self) -> Survivor {
        Survivor::new(self.bridge.handshake().via(&self.proxy.address))
    }

    fn record(&self, id: u64) -> protocol::ProduceRecord {
        use tests::client::RecordExt;
        let partition = i32::try_from(id).expect("small") % PARTITIONS;
        text_record(&self.topic, &id.to_string()).on_partition(partition)
    }

    /// Checks that the log has every record once, in order and where its outcome says, and that the reader received the same.
    async fn is_whole(&self, writer: &Survivor, reader: &Survivor) {
        assert!(reader.gaps.is_empty(), "{:?}", reader.gaps);
        let mut places = Vec::new();
        for (seq, outcome) in &writer.outcomes {
            let Outcome::Acked { partition, offset, .. } = outcome else { panic!("{seq}: {outcome:?}") };
            places.push(((*partition, *offset), seq.to_string()));
        }
        assert_eq!(places.len() as u64, writer.next_seq());
        let in_order =
            |partition| places.iter().filter(move |(place, _)| place.0 == partition).map(|(place, _)| place.1);
        for partition in 0..PARTITIONS {
            assert!(in_order(partition).is_sorted(), "partition {partition}: as they were sent");
        }
        places.sort();
        let mut received: Vec<_> = reader.received.iter().map(|got| (got.place(), got.value())).collect();
        received.sort();
        assert_eq!(received, places, "received and acknowledged are the same");
        let Some(judge) = tests::judge::Judge::of(&self.kafka.bootstrap_servers()) else { return };
        let log = judge.read(&self.topic).await;
        let log: Vec<_> = log.iter().map(|seen| ((seen.partition, seen.offset), seen.text().to_owned())).collect();
        assert_eq!(log, places, "the log holds each record once");
    }
}

#[tokio::test]
async fn segments_of_one_byte_lose_no_record() {
    let scene = Scene::set("slices").await;
    scene.proxy.weather(Weather::Slices);
    let mut client = scene.client().await;
    for watch in [Watch::tail(&scene.topic), Watch::tail(&scene.topic).binary()] {
        let first = client.produce((0..20).map(|id| scene.record(id)).collect()).await;
        client.acknowledged(first, 20).await;
        let watch = client.subscribe(&watch).await;
        assert!(client.records(watch, 20).await.len() >= 20);
        client.unsubscribe(watch).await;
    }
}

#[tokio::test]
async fn client_with_high_latency_loses_no_record() {
    let scene = Scene::set("far").await;
    let latency = if is_long() { Duration::from_secs(5) } else { Duration::from_millis(300) };
    scene.proxy.weather(Weather::Delay(latency));
    let mut client = scene.client().await;
    let watch = client.subscribe(&Watch::tail(&scene.topic)).await;
    let began = Instant::now();
    client.write((0..10).map(|id| scene.record(id)).collect()).await;
    // Not a performance bound: it shows that the proxy delays as the test wants.
    assert!(began.elapsed() >= 2 * latency, "the network is as slow as the test wants it");
    assert_eq!(client.records(watch, 10).await.len(), 10);
}

#[tokio::test]
async fn client_at_eight_kilobytes_a_second_does_not_slow_down_other_clients() {
    const EACH: usize = 400;
    let scene = Scene::set("throttled").await;
    let (mut far, mut near) = (scene.client().await, scene.bridge.client().await);
    let slow = far.subscribe(&Watch::tail(&scene.topic)).await;
    let fast = near.subscribe(&Watch::tail(&scene.topic)).await;
    scene.proxy.weather(Weather::Throttle(8 * 1024));
    let count = times(40, 400);
    let record = |_| text_record(&scene.topic, &"x".repeat(EACH));
    near.write((0..count).map(record).collect()).await;
    let count = usize::try_from(count).expect("small");
    let slowly = tokio::spawn(async move { far.records(slow, count).await.len() });
    near.records(fast, count).await;
    assert!(!slowly.is_finished(), "16 KB at 8 KB a second take two seconds; the other client has everything before");
    assert_eq!(slowly.await.expect("the slow client gets every record"), count);
}

#[tokio::test]
async fn reset_within_a_frame_loses_and_duplicates_no_record() {
    for seed in seeds(6, 60) {
        let mut random = seed.random();
        let scene = Scene::set("reset").await;
        let watch = Watch::tail(&scene.topic);
        let mut survivor = scene.survivor().watching(if random.bool() { watch } else { watch.binary() });
        let mut sent = 0;
        for _ in 0..8 {
            let direction = if random.bool() { Direction::ToBridge } else { Direction::ToClient };
            scene.proxy.reset_after(direction, random.usize(1..4000));
            while scene.proxy.reset_is_planned() {
                let count = random.u64(1..20);
                survivor.produce((sent..sent + count).map(|id| scene.record(id)).collect()).await;
                sent += count;
                survivor.live(Duration::from_millis(5)).await;
            }
        }
        survivor.until("all outcomes and records", |one| one.open() == 0 && one.received.len() as u64 == sent).await;
        assert!(survivor.sockets_lost > 0, "no reset reached the client");
        scene.is_whole(&survivor, &survivor).await;
    }
}

#[tokio::test]
async fn hundred_reconnects_of_writer_and_group_reader_lose_and_duplicate_no_record() {
    let scene = Scene::set("reconnects").await;
    let group = Watch::group(&scene.topic, &unique("group"));
    let mut random = fastrand::Rng::with_seed(7);
    let (mut writer, mut reader) = (scene.survivor(), scene.survivor().watching(group));
    let rounds = times(100, 1000);
    let mut settled = 0;
    for round in 0..rounds {
        writer.produce((round * 5..round * 5 + 5).map(|id| scene.record(id)).collect()).await;
        writer.live(Duration::from_millis(1)).await;
        reader.live(Duration::from_millis(1)).await;
        match random.u8(0..10) {
            0..3 => writer.cut(),
            3..6 => reader.cut(),
            6..9 => scene.proxy.reset(),
            // All records so far are handled and must not be delivered again.
            _ => {
                let through = (round + 1) * 5;
                writer.until("all outcomes", |one| one.open() == 0).await;
                reader.until("all records so far", |one| one.received.len() as u64 == through).await;
                reader.settle().await;
                reader.cut();
                settled += 1;
            }
        }
    }
    let sent = rounds * 5;
    writer.until("all outcomes", |one| one.open() == 0).await;
    reader.until("all records", |one| one.received.len() as u64 == sent).await;
    assert!(settled > 0);
    tests::measured("reconnects", writer.sockets_lost + reader.sockets_lost);
    tests::measured("records_repeated_after_unacknowledged_losses", reader.repeated);
    scene.is_whole(&writer, &reader).await;
}

#[tokio::test]
async fn client_that_reconnects_while_its_old_connection_hangs_misses_no_record() {
    let scene = Scene::set("half-open").await;
    // The second round also reads the records of the first one.
    for (watch, there) in [(Watch::tail(&scene.topic), 20), (Watch::group(&scene.topic, &unique("group")), 80)] {
        scene.proxy.weather(Weather::Clear);
        let mut survivor = scene.survivor().watching(watch);
        survivor.produce((0..20).map(|id| scene.record(id)).collect()).await;
        survivor.until("the first records", |one| one.open() == 0 && one.received.len() >= there).await;
        survivor.settle().await;
        let before = survivor.received.len();

        scene.proxy.weather(Weather::HalfOpen);
        survivor.produce((20..40).map(|id| scene.record(id)).collect()).await;
        // For the bridge the old socket is still open, so it sends the records of others to it.
        scene.bridge.client().await.write((40..60).map(|id| scene.record(id)).collect()).await;
        let hanging = survivor.abandon();
        survivor.connects(scene.bridge.handshake());
        survivor.until("the rest", |one| one.open() == 0 && one.received.len() == before + 40).await;
        assert!(survivor.gaps.is_empty());
        drop(hanging);
    }
}

/// Takes four heartbeats, 40 s.
#[tokio::test]
async fn connection_that_hangs_for_three_heartbeats_is_closed() {
    let scene = Scene::set("hanging").await;
    let mut hanging = scene.client().await;
    hanging.subscribe(&Watch::tail(&scene.topic)).await;
    scene.proxy.weather(Weather::HalfOpen);
    let heartbeats = Duration::from_millis(hanging.welcome.heartbeat_ms) * 4;
    let code = format!("code={}", CloseCode::NoHeartbeat.number());
    let is_closed = || async { scene.bridge.stderr.text().contains(&code).then_some(()) };
    eventually_within(heartbeats + PATIENCE, "the bridge to close the hanging connection", is_closed).await;
}
