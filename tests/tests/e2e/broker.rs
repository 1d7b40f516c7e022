//! The broker responds late, with errors, under another leader, or not at all: no acknowledged record is lost, duplicated or
//! reordered, and work continues afterwards. On a mock cluster, which can be told to fail.

use std::time::{Duration, Instant};

use protocol::{Assigned, ErrorCode, ErrorMessage, ProduceRecord};
use tests::client::{Outcome, RecordExt, messaggi, text_record};
use tests::fence::nothing_before_reply;
use tests::history::check;
use tests::kafka::{Mock, RDKafkaApiKey as Request, RDKafkaRespErr as Answer};
use tests::log::Log;
use tests::proxy::Direction;
use tests::scale::{is_long, seeds, times};
use tests::{Bridge, PATIENCE, Proxy, Survivor, Watch, unique};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 3;

struct Scene {
    kafka: Mock,
    topic: String,
    bridge: Bridge,
}

impl Scene {
    async fn set(noun: &str) -> Self {
        let topic = unique(noun);
        let kafka = Mock::with_brokers(BROKERS).with_topic(&topic, PARTITIONS);
        let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
        Self { kafka, topic, bridge }
    }

    fn survivor(&self, name: &str) -> Survivor {
        Survivor::new(self.bridge.handshake()).named(name)
    }

    /// Records over all partitions, with values that no other client sends.
    fn records(&self, sender: &Survivor, count: u64) -> Vec<ProduceRecord> {
        let from = sender.next_seq();
        let record = |seq: u64| {
            let partition = i32::try_from(seq).expect("small") % PARTITIONS;
            text_record(&self.topic, &format!("{}/{seq}", sender.history.client)).on_partition(partition)
        };
        (from..from + count).map(record).collect()
    }

    async fn write(&self, sender: &mut Survivor, count: u64) {
        let records = self.records(sender, count);
        sender.produce(records).await;
    }

    /// The topic's log now, read by a new client.
    async fn log(&self) -> Option<Log> {
        let judge = tests::judge::Judge::of(&self.kafka.bootstrap_servers())?;
        Some(judge.log_of_mock(&self.topic).await)
    }

    /// Waits for all outcomes and records, and checks the histories against the log.
    async fn judge(&self, mut survivors: Vec<Survivor>) {
        for survivor in &mut survivors {
            survivor.until("all outcomes", |one| one.open() == 0).await;
        }
        let Some(log) = self.log().await else { return };
        if log.copies() > 0 {
            tests::measured("copies_that_only_a_mock_keeps", log.copies());
        }
        for survivor in survivors.iter_mut().filter(|survivor| survivor.is_watching()) {
            let records = log.records().len();
            survivor.until(&format!("all {records} records"), |one| one.received.len() >= records).await;
        }
        let histories: Vec<_> = survivors.into_iter().map(|survivor| survivor.history).collect();
        let anomalies = check(&histories, &log);
        assert!(anomalies.is_empty(), "{anomalies:#?}");
    }
}

#[tokio::test]
async fn broker_round_trips_of_up_to_seconds_lose_no_record() {
    for round_trip_ms in [0, 50, 500, 3000].into_iter().take(if is_long() { 4 } else { 3 }) {
        let scene = Scene::set("round-trip").await;
        let mut survivor = scene.survivor("one").watching(Watch::tail(&scene.topic));
        scene.write(&mut survivor, 3).await;
        survivor.until("the first records", |one| one.received.len() == 3).await;
        scene.kafka.slow(Duration::from_millis(round_trip_ms));
        for _ in 0..5 {
            scene.write(&mut survivor, 20).await;
            survivor.live(Duration::from_millis(20)).await;
        }
        survivor.until("outcomes over the distance", |one| one.open() == 0).await;
        scene.kafka.slow(Duration::ZERO);
        scene.judge(vec![survivor]).await;
    }
}

#[tokio::test]
async fn leader_changes_under_load_lose_duplicate_and_reorder_no_record() {
    let scene = Scene::set("leaders").await;
    let mut random = fastrand::Rng::with_seed(11);
    let mut survivor = scene.survivor("one").watching(Watch::tail(&scene.topic));
    for _ in 0..times(25, 100) {
        scene.kafka.lead(&scene.topic, random.i32(0..PARTITIONS), random.i32(1..=BROKERS));
        for _ in 0..3 {
            scene.write(&mut survivor, 5).await;
            survivor.live(Duration::from_millis(10)).await;
        }
    }
    survivor.until("everything", |one| one.open() == 0 && one.has_seen_all_it_sent()).await;
    scene.judge(vec![survivor]).await;
}

#[tokio::test]
async fn broker_outage_of_seconds_loses_duplicates_and_reorders_no_record() {
    for seconds in [1, 10, 60].into_iter().take(if is_long() { 3 } else { 1 }) {
        let scene = Scene::set("outage").await;
        let mut survivor = scene.survivor("one").watching(Watch::tail(&scene.topic));
        scene.write(&mut survivor, 20).await;
        survivor.until("the first records", |one| one.received.len() == 20).await;
        scene.kafka.down();
        let outage = Instant::now();
        while outage.elapsed() < Duration::from_secs(seconds) {
            if survivor.open() < 1000 {
                scene.write(&mut survivor, 3).await;
            }
            survivor.live(Duration::from_millis(20)).await;
        }
        scene.kafka.up();
        survivor.until("everything", |one| one.open() == 0 && one.has_seen_all_it_sent()).await;
        scene.judge(vec![survivor]).await;
    }
}

/// Shows that a mock really keeps batches that a broker would drop, and that the check recognises them.
#[tokio::test]
async fn judge_recognises_a_batch_that_only_the_mock_keeps_twice() {
    let scene = Scene::set("copy").await;
    let mut survivor = scene.survivor("one").watching(Watch::tail(&scene.topic));
    scene.write(&mut survivor, 3).await;
    survivor.until("the first outcomes", |one| one.open() == 0).await;
    let began = Instant::now();
    loop {
        scene.kafka.slow(Duration::from_millis(500));
        scene.write(&mut survivor, 3).await;
        // The records reach the mock in this time, but its response does not come back.
        survivor.live(Duration::from_millis(50)).await;
        scene.kafka.down();
        // The mock is woken until it responds, because it may sleep.
        while survivor.open() > 0 {
            assert!(began.elapsed() < PATIENCE * 2, "the mock stays away");
            scene.kafka.up();
            scene.kafka.slow(Duration::ZERO);
            survivor.live(Duration::from_secs(1)).await;
        }
        let Some(log) = scene.log().await else { return };
        if log.copies() > 0 {
            assert_eq!(log.records().len() as u64, survivor.next_seq() + log.copies() as u64);
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the mock drops what is sent again");
    }
    scene.judge(vec![survivor]).await;
}

/// Errors of a broker. The bridge must retry, or report the records as failed.
const ERRORS: [Answer; 16] = [
    Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    Answer::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
    Answer::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    Answer::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    Answer::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
    Answer::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
    Answer::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
    Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    Answer::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    Answer::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    Answer::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
    Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    Answer::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    Answer::RD_KAFKA_RESP_ERR_UNKNOWN,
];

/// Writes and reads while requests of these kinds fail with each error in turn.
async fn errors_on(noun: &str, requests: &[Request], in_a_group: bool) {
    let scene = Scene::set(noun).await;
    let group = unique("group");
    let watch = if in_a_group { Watch::group(&scene.topic, &group) } else { Watch::tail(&scene.topic) };
    let mut survivor = scene.survivor("one").watching(watch);
    scene.write(&mut survivor, 30).await;
    survivor.until("the first records", |one| one.open() == 0 && one.received.len() == 30).await;
    for error in ERRORS {
        let before = survivor.received.len() as u64;
        for request in requests {
            scene.kafka.fail(*request, &[error; 3]);
        }
        for _ in 0..3 {
            scene.write(&mut survivor, 5).await;
            survivor.live(Duration::from_millis(20)).await;
        }
        for request in requests {
            scene.kafka.fail_no_more(*request);
        }
        survivor.until(&format!("outcomes after {error:?}"), |one| one.open() == 0).await;
        // Failed records need not be delivered; those sent afterwards must be.
        let first = survivor.next_seq();
        scene.write(&mut survivor, 3).await;
        survivor
            .until(&format!("records after {error:?}"), |one| {
                (first..first + 3).all(|seq| {
                    matches!(one.outcomes.get(&seq), Some(tests::client::Outcome::Acked { .. }))
                        && one.received.iter().rev().any(|got| got.value() == format!("one/{seq}"))
                })
            })
            .await;
        assert!(survivor.received.len() as u64 > before, "{error:?}");
    }
    scene.judge(vec![survivor]).await;
}

#[tokio::test]
async fn produce_errors_lose_and_duplicate_no_record() {
    errors_on("produce-errors", &[Request::Produce, Request::InitProducerId], false).await;
}

#[tokio::test]
async fn fetch_errors_lose_and_duplicate_no_record() {
    errors_on("fetch-errors", &[Request::Fetch, Request::ListOffsets], false).await;
}

#[tokio::test]
async fn metadata_errors_lose_and_duplicate_no_record() {
    errors_on("metadata-errors", &[Request::Metadata], false).await;
}

#[tokio::test]
async fn group_coordinator_errors_lose_and_duplicate_no_record() {
    let requests =
        [Request::FindCoordinator, Request::OffsetCommit, Request::OffsetFetch, Request::Heartbeat, Request::JoinGroup];
    errors_on("coordinator-errors", &requests, true).await;
}

/// A broker's error after it has lost track of a producer's sequence numbers: librdkafka's producer then fails for good.
#[tokio::test]
async fn fatal_producer_error_makes_records_in_flight_unknown_and_a_new_producer_continues() {
    for binary in [false, true] {
        let scene = Scene::set("fatal").await;
        let mut client = scene.bridge.client().await;
        let (mut sent, mut unknown) = (Vec::new(), 0);
        for round in 0..3 {
            let records: Vec<ProduceRecord> = (0..30)
                .map(|id| text_record(&scene.topic, &format!("{round}/{id}")).on_partition(id % PARTITIONS))
                .collect();
            if round == 1 {
                scene.kafka.fail(Request::Produce, &[Answer::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
            }
            let values =
                records.iter().map(|record| String::from_utf8_lossy(record.value.as_kafka().unwrap_or_default()));
            let values: Vec<String> = values.map(|value| value.into_owned()).collect();
            let first = if binary { client.produce_binary(&records).await } else { client.produce(records).await };
            for (seq, value) in (first..).zip(values) {
                let outcome = client.outcome(seq).await;
                if let Outcome::Failed(error) = &outcome {
                    assert_eq!(round, 1, "only what was on its way suffers: {value} {error:?}");
                    assert_eq!(error.unknown, error.code == ErrorCode::DeliveryUnknown.number(), "{error:?}");
                    assert!(error.unknown || error.code == ErrorCode::NotDelivered.number(), "{error:?}");
                    unknown += u32::from(error.unknown);
                }
                sent.push((value, outcome));
            }
        }
        assert!(unknown > 0, "the broker's answer reached nobody");
        scene.bridge.logged("the producer failed").await;
        let Some(log) = scene.log().await else { return };
        for (value, outcome) in sent {
            let there = log.records().iter().filter(|logged| logged.2 == value);
            let places: Vec<_> = there.map(|logged| (logged.0, logged.1)).collect();
            match outcome {
                Outcome::Acked { partition, offset, .. } => assert_eq!(places, [(partition, offset)], "{value}"),
                Outcome::Failed(error) if error.unknown => assert!(places.len() <= 1, "{value}: {places:?}"),
                Outcome::Failed(error) => assert_eq!(places, [], "{value}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn records_of_one_topic_do_not_clear_the_error_of_another_topic() {
    let (calm, troubled) = (unique("calm"), unique("troubled"));
    let kafka = Mock::start().with_topic(&calm, 1).with_topic(&troubled, 1);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let both = Watch::tail(&calm).and(&troubled).latest();
    let mut first = bridge.client().await;
    let watch = first.subscribe(&both).await;
    let mut assigned = 0;
    while assigned < 2 {
        assigned += first.expect::<Assigned>().await.partitions.len();
    }
    kafka.fail(Request::Fetch, &[Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 3]);
    let told = first.expect::<ErrorMessage>().await;
    assert_eq!((told.subscription, told.error.code), (Some(watch), ErrorCode::Forbidden.number()));
    assert!(told.error.retriable, "the bridge goes on trying: {told:?}");
    kafka.fail_no_more(Request::Fetch);
    first.write(messaggi(&calm, 5)).await;
    first.records(watch, 5).await;

    // The bridge does not know yet that the other topic can be read again.
    let mut second = bridge.client().await;
    let watching = second.subscribe(&both).await;
    assert_eq!(second.expect::<ErrorMessage>().await.subscription, Some(watching));
    first.write(messaggi(&troubled, 1)).await;
    first.records(watch, 1).await;
    let mut third = bridge.client().await;
    let watching = third.subscribe(&both).await;
    let mut assigned = 0;
    while assigned < 2 {
        assigned += third.expect::<Assigned>().await.partitions.len();
    }
    first.write(messaggi(&troubled, 1)).await;
    third.records(watching, 1).await;
    nothing_before_reply::<ErrorMessage>(&mut third).await;
}

/// Several clients and partitions, with random faults.
#[tokio::test]
async fn random_faults_cause_no_anomaly_in_any_history() {
    for seed in seeds(12, 500) {
        let mut random = seed.random();
        let scene = Scene::set("history").await;
        let proxy = Proxy::to(&scene.bridge.address).await;
        let mut survivors = Vec::new();
        for index in 0..3 {
            let survivor = Survivor::new(scene.bridge.handshake().via(&proxy.address)).named(&format!("c{index}"));
            survivors.push(match random.u8(0..3) {
                0 => survivor,
                1 => survivor.watching(Watch::tail(&scene.topic)),
                _ => survivor.watching(Watch::tail(&scene.topic).binary()),
            });
        }
        let mut is_down = false;
        for _ in 0..random.u32(20..60) {
            match random.u8(0..40) {
                0 if !is_down => {
                    scene.kafka.down();
                    is_down = true;
                }
                0..3 if is_down => {
                    scene.kafka.up();
                    is_down = false;
                }
                3..6 => scene.kafka.lead(&scene.topic, random.i32(0..PARTITIONS), random.i32(1..=BROKERS)),
                6 => scene.kafka.fail(Request::Produce, &[ERRORS[random.usize(0..8)]; 2]),
                7 => scene.kafka.fail(Request::Fetch, &[ERRORS[random.usize(0..8)]; 2]),
                8 => proxy.reset(),
                9 | 10 => proxy.reset_after(Direction::ToBridge, random.usize(1..3000)),
                11 | 12 => proxy.reset_after(Direction::ToClient, random.usize(1..3000)),
                13 | 14 => survivors[random.usize(0..3)].cut(),
                _ => {
                    let sender = &mut survivors[random.usize(0..3)];
                    let records = scene.records(sender, random.u64(1..20));
                    sender.produce(records).await;
                }
            }
            for survivor in &mut survivors {
                survivor.live(Duration::from_millis(random.u64(0..6))).await;
            }
        }
        if is_down {
            scene.kafka.up();
        }
        for request in [Request::Produce, Request::Fetch] {
            scene.kafka.fail_no_more(request);
        }
        scene.judge(survivors).await;
    }
}
