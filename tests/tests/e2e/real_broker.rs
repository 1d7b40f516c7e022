//! Real Kafka is stopped and killed, its topics are truncated, compacted, extended and recreated: acknowledged records are in the
//! log once, readers continue, and missing records are reported.

use std::io::Write;
use std::time::{Duration, Instant};

use local_kafka::Cluster;
use protocol::{Gap, GapReason, Order, ProduceRecord, Search, ServerMessage, WireBytes};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tests::client::{Outcome, RecordExt, messaggi, text_record};
use tests::fence::nothing_before_reply;
use tests::history::check;
use tests::kafka::{
    client_config, create_topic, create_topic_with, delete_records_before, delete_topic, grow_topic, try_create_topic,
};
use tests::scale::times;
use tests::search::search;
use tests::{Bridge, Client, Kafka, PATIENCE, Survivor, Watch, eventually, on_every_kafka, unique};

const PARTITIONS: i32 = 3;

fn records(topic: &str, sender: &Survivor, count: u64) -> Vec<ProduceRecord> {
    let from = sender.next_seq();
    let record = |seq: u64| {
        let partition = i32::try_from(seq).expect("small") % PARTITIONS;
        text_record(topic, &seq.to_string()).on_partition(partition)
    };
    (from..from + count).map(record).collect()
}

async fn is_whole(servers: &str, topic: &str, survivor: Survivor) {
    let Some(judge) = tests::judge::Judge::of(servers) else { return };
    let log = judge.log(topic).await;
    assert_eq!(log.records().len() as u64, survivor.next_seq(), "each record once");
    let anomalies = check(&[survivor.history], &log);
    assert!(anomalies.is_empty(), "{anomalies:#?}");
}

/// Writes and reads while the blocking work is done, and returns the cluster.
async fn meanwhile(
    mut cluster: Cluster,
    topic: &str,
    survivor: &mut Survivor,
    work: impl FnOnce(&mut Cluster) + Send + 'static,
) -> Cluster {
    let mut task = tokio::task::spawn_blocking(move || {
        work(&mut cluster);
        cluster
    });
    loop {
        if survivor.open() < 2000 {
            let records = records(topic, survivor, 5);
            survivor.produce(records).await;
        }
        tokio::select! {
            done = &mut task => return done.expect("the cluster does as it is told"),
            () = survivor.live(Duration::from_millis(20)) => {}
        }
    }
}

#[tokio::test]
async fn broker_stopped_and_killed_under_load_loses_and_duplicates_no_record() {
    let Some(mut cluster) = Kafka::own_cluster().await else { return };
    let (topic, servers) = (unique("again"), cluster.bootstrap_servers());
    create_topic(&servers, &topic, PARTITIONS).await;
    let bridge = Bridge::start().option("--bootstrap-servers", &servers).await;
    let mut survivor = Survivor::new(bridge.handshake()).named("one").watching(Watch::tail(&topic));
    for round in 0..times(2, 20) {
        let kill = round % 2 == 0;
        cluster = meanwhile(cluster, &topic, &mut survivor, move |cluster| {
            if kill {
                cluster.kill();
            } else {
                cluster.stop();
            }
            cluster.restart().expect("Kafka starts again");
        })
        .await;
        let through = survivor.next_seq();
        survivor.until("everything so far", |one| one.open() == 0 && one.received.len() as u64 == through).await;
    }
    assert!(survivor.gaps.is_empty(), "{:?}", survivor.gaps);
    is_whole(&servers, &topic, survivor).await;
}

#[tokio::test]
async fn one_of_three_brokers_killed_under_load_loses_and_duplicates_no_record() {
    let Some(cluster) = Kafka::own_cluster_with(3).await else { return };
    let (topic, servers) = (unique("three"), cluster.bootstrap_servers());
    create_topic_with(&servers, &topic, PARTITIONS, &[("min.insync.replicas", "2")]).await;
    let bridge = Bridge::start().option("--bootstrap-servers", &servers).await;
    let mut survivor = Survivor::new(bridge.handshake()).named("one").watching(Watch::tail(&topic));
    survivor.produce(records(&topic, &survivor, 300)).await;
    survivor.until("the first records", |one| one.open() == 0 && one.received.len() == 300).await;

    let cluster = meanwhile(cluster, &topic, &mut survivor, |cluster| cluster.kill_broker(1)).await;
    // Partitions without a leader wait for an election; each of these records is sent after the kill.
    survivor.produce(records(&topic, &survivor, 30)).await;
    let through = survivor.next_seq();
    survivor.until("everything", |one| one.open() == 0 && one.received.len() as u64 == through).await;
    assert!(survivor.gaps.is_empty(), "{:?}", survivor.gaps);
    is_whole(&servers, &topic, survivor).await;
    drop(cluster);
}

on_every_kafka! {
    real
    async fn bridge_killed_under_load_loses_no_acknowledged_record_and_its_group_continues(kafka: Kafka) {
        let (topic, group) = (kafka.topic_with("killed", PARTITIONS).await, unique("group"));
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let mut bridge = Bridge::start().on(&kafka).await;
        let survivor = |name| Survivor::new(bridge.handshake()).named(name).outliving_bridges();
        let mut survivors = [
            survivor("writer"),
            survivor("member").watching(Watch::group(&topic, &group)),
            survivor("onlooker").watching(Watch::tail(&topic)),
        ];
        let mut on_their_way = 0;
        for _ in 0..times(2, 20) {
            let [writer, member, onlooker] = &mut survivors;
            let (through, seen) = (writer.next_seq() + 300, member.received.len() + 300);
            while writer.next_seq() < through || member.received.len() < seen {
                if writer.open() < 2000 {
                    writer.produce(records(&topic, writer, 5)).await;
                }
                for one in [&mut *writer, &mut *member, &mut *onlooker] {
                    one.live(Duration::from_millis(2)).await;
                }
            }
            // The last records have hardly left the client when the bridge is killed.
            writer.produce(records(&topic, writer, 1000)).await;
            writer.live(Duration::from_millis(5)).await;
            on_their_way += writer.open();
            bridge.kill().await;
            let lost = member.sockets_lost;
            member.until("the end of its socket", |one| one.sockets_lost > lost).await;
            bridge.start_again().await;
            // Kafka must first notice that the group member is dead.
            let (began, seen) = (Instant::now(), member.received.len());
            while member.received.len() == seen {
                assert!(began.elapsed() < PATIENCE, "its group does not go on");
                if writer.open() == 0 {
                    writer.produce(records(&topic, writer, 5)).await;
                }
                writer.live(Duration::from_millis(5)).await;
                member.live(Duration::from_millis(20)).await;
            }
        }
        assert!(on_their_way > 0, "no record was on its way when the bridge was killed");
        let [writer, member, onlooker] = &mut survivors;
        writer.until("all outcomes", |one| one.open() == 0).await;
        let Some(judge) = tests::judge::Judge::of(&servers) else { return };
        let log = judge.log(&topic).await;
        let records = log.records().len();
        for one in [member, onlooker] {
            one.until(&format!("all {records} records"), |one| one.received.len() >= records).await;
            assert!(one.gaps.is_empty(), "{:?}", one.gaps);
        }
        let acked = survivors[0].outcomes.values().filter(|outcome| matches!(outcome, Outcome::Acked { .. })).count();
        tests::measured("records_acked_before_kills", acked);
        let anomalies = check(&survivors.map(|one| one.history), &log);
        assert!(anomalies.is_empty(), "{anomalies:#?}");
    }
}

async fn next_gap(client: &mut Client) -> Gap {
    client.expect::<Gap>().await
}

on_every_kafka! {
    real
    async fn records_deleted_by_retention_before_a_group_returns_are_a_gap(kafka: Kafka) {
        let (topic, group) = (kafka.topic("deleted").await, unique("group"));
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        client.records(watch, 10).await;
        client.flow(watch, 3, 100).await;
        while client.expect::<protocol::Committed>().await.positions[0].offset.0 < 3 {}
        client.unsubscribe(watch).await;

        delete_records_before(&servers, &topic, 0, 7).await;
        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        let gap = next_gap(&mut client).await;
        assert_eq!((gap.from.0, gap.to.0, gap.reason), (3, 7, GapReason::Retention));
        assert_eq!(client.records(watch, 3).await[0].offset(), 7);
    }

    async fn records_deleted_by_retention_ahead_of_a_reader_are_a_gap(kafka: Kafka) {
        /// More than the bridge and librdkafka hold: 32 MiB.
        const RECORDS: usize = 320;
        const EACH: usize = 100_000;
        let topic = kafka.topic("overtaken").await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let watch = Watch::tail(&topic).window(1).when_slow(protocol::WhenSlow::Block);
        let watch = client.subscribe(&watch).await;
        for _ in 0..RECORDS / 20 {
            client.write((0..20).map(|_| text_record(&topic, &"x".repeat(EACH))).collect()).await;
        }
        client.records(watch, 1).await;
        let last = i64::try_from(RECORDS).expect("small") - 5;
        delete_records_before(&servers, &topic, 0, last).await;
        client.send(protocol::Flow { subscription: watch, through: 1, records: 1_000_000, bytes: 1 << 30 }).await;

        let (mut due, mut gap) = (1, None);
        while due < last + 5 {
            let message = client.find("Records or Gap", |frame| match &frame.message {
                message @ (ServerMessage::Records(_) | ServerMessage::Gap(_)) => Some(message.clone()),
                _ => None,
            });
            match message.await {
                ServerMessage::Gap(told) => {
                    assert_eq!((told.from.0, told.to.0, told.reason), (due, last, GapReason::Retention));
                    assert!(gap.replace(told).is_none(), "one gap");
                    due = last;
                }
                ServerMessage::Records(records) => {
                    for record in records.records {
                        assert_eq!(record.offset.0, due);
                        due += 1;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(gap.is_some(), "the reader was overtaken");
    }

    async fn offsets_removed_by_compaction_are_no_gap(kafka: Kafka) {
        let topic = unique("compacted");
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let soon = [
            ("cleanup.policy", "compact"),
            ("segment.ms", "100"),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("max.compaction.lag.ms", "100"),
            ("delete.retention.ms", "100"),
        ];
        create_topic_with(&servers, &topic, 1, &soon).await;
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write((0..50).map(|id| text_record(&topic, &id.to_string()).with_key("same")).collect()).await;
        let Some(judge) = bridge.judge().await else { return };
        let mut count = 50;
        let log = eventually("compaction", || {
            count += 1;
            let another = text_record(&topic, &count.to_string()).with_key("same");
            // The active segment is never compacted, so each record begins another one.
            let (client, judge, topic) = (&bridge, &judge, &topic);
            async move {
                client.client().await.write(vec![another]).await;
                let log = judge.read(topic).await;
                let is_hole = |pair: &[tests::judge::Seen]| pair[0].offset + 1 < pair[1].offset;
                (log[0].offset > 0 || log.windows(2).any(is_hole)).then_some(())
            }
        });
        log.await;
        let last = client.write(vec![text_record(&topic, "last").with_key("last")]).await[0].1;
        let watch = client.subscribe(&Watch::tail(&topic)).await;
        let mut offsets = Vec::new();
        while offsets.last() != Some(&last) {
            offsets.extend(client.records(watch, 1).await.iter().map(|got| got.offset()));
        }
        assert!(offsets.is_sorted() && (offsets.len() as i64) < last + 1, "holes: {offsets:?}");
        nothing_before_reply::<Gap>(&mut client).await;

        for order in [Order::Newest, Order::Oldest] {
            let found = client.search(Search { order, ..search(&topic, 1000) }).await;
            let mut searched: Vec<i64> = found.places().into_iter().map(|(_, offset)| offset).collect();
            if order == Order::Newest {
                searched.reverse();
            }
            assert_eq!((found.done.cursor, found.progress.left), (None, 0));
            // Compaction goes on.
            let is_one = |offset: &i64| offsets.contains(offset);
            assert!(searched.is_sorted() && searched.iter().all(is_one) && searched.last() == Some(&last), "{searched:?}");
        }
    }

    async fn aborted_records_are_not_delivered_and_transaction_markers_are_no_gap(kafka: Kafka) {
        let topic = kafka.topic("transactions").await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let name = topic.clone();
        let written = tokio::task::spawn_blocking(move || {
            const PATIENCE: Duration = Duration::from_secs(20);
            let mut config = client_config(&servers);
            let producer: BaseProducer = config.set("transactional.id", &name).create().expect("a producer");
            producer.init_transactions(PATIENCE).expect("transactions");
            for (round, commit) in [true, false, true, false, false, true].into_iter().enumerate() {
                producer.begin_transaction().expect("a transaction");
                for id in 0..3 {
                    let value = format!("{round}/{id}");
                    producer.send(BaseRecord::<(), str>::to(&name).payload(&value)).expect("room");
                }
                producer.flush(PATIENCE).expect("written");
                let done =
                    if commit { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) };
                done.expect("the transaction ends");
            }
        });
        written.await.expect("transactions are written");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let mut expected = ["0/0", "0/1", "0/2", "2/0", "2/1", "2/2", "5/0", "5/1", "5/2"].to_vec();
        for watch in [Watch::tail(&topic), Watch::group(&topic, &unique("group"))] {
            let watch = client.subscribe(&watch).await;
            let got = client.records(watch, expected.len()).await;
            assert_eq!(got.iter().map(|got| got.value()).collect::<Vec<_>>(), expected);
            // A gap for the marker behind the last record would come before the next record.
            client.write(vec![text_record(&topic, "next")]).await;
            expected.push("next");
            assert_eq!(client.records(watch, 1).await[0].value(), "next");
            nothing_before_reply::<Gap>(&mut client).await;
            client.unsubscribe(watch).await;
        }
    }

    async fn added_partitions_are_read_from_their_first_record(kafka: Kafka) {
        let topic = kafka.topic("grows").await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let bridge = Bridge::start().on(&kafka).await;
        let (mut one, mut two) = (bridge.client().await, bridge.client().await);
        let tail = one.subscribe(&Watch::tail(&topic)).await;
        let group = two.subscribe(&Watch::group(&topic, &unique("group"))).await;
        one.write(messaggi(&topic, 1)).await;
        one.records(tail, 1).await;
        two.records(group, 1).await;

        grow_topic(&servers, &topic, 8).await;
        let Some(judge) = bridge.judge().await else { return };
        for partition in 1..8 {
            judge.write(&topic, &["-p", &partition.to_string()], b"new").await;
        }
        for (client, watch) in [(&mut one, tail), (&mut two, group)] {
            let mut places: Vec<_> = client.records(watch, 7).await.iter().map(|got| got.place()).collect();
            places.sort_unstable();
            assert_eq!(places, (1..8).map(|partition| (partition, 0)).collect::<Vec<_>>());
        }
    }

    async fn deleted_topic_stays_deleted_until_a_client_produces_to_it(kafka: Kafka) {
        let topic = unique("deleted-for-good");
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        // librdkafka refreshes metadata every five minutes or when a broker is lost; here it does so all the time.
        let mut properties = tempfile::NamedTempFile::new().expect("a file");
        properties.write_all(b"topic.metadata.refresh.interval.ms=200\n").expect("room for a line");
        let file = properties.path().to_str().expect("a path is text");
        let bridge = Bridge::start().on(&kafka).option("--kafka-config", file).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 3)).await;
        delete_topic(&servers, &topic).await;
        let is_there = |topics: &protocol::TopicsResult| topics.topics.iter().any(|one| one.name == topic);
        // The topic may be marked for deletion and still exist.
        while is_there(&client.ask::<protocol::TopicsResult>(protocol::TopicsRequest {}).await) {}
        // Not a performance bound: librdkafka asks again by its own timer and says so nowhere. This is fifteen times its interval.
        let deleted = Instant::now();
        while deleted.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let topics = client.ask::<protocol::TopicsResult>(protocol::TopicsRequest {}).await;
            assert!(!is_there(&topics), "it came back by itself after {:?}", deleted.elapsed());
        }
        assert_eq!(client.write(messaggi(&topic, 2)).await.len(), 2, "made again, as it was the first time");
    }

    async fn recreated_topic_is_a_gap_and_is_read_from_its_first_record(kafka: Kafka) {
        let topic = kafka.topic("again").await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let Some(judge) = bridge.judge().await else { return };
        // kcat writes this: the bridge's producer knows the topic and might create it again by requesting its metadata.
        judge.write_lines(&topic, &[], &"old\n".repeat(10)).await;
        let watch = client.subscribe(&Watch::tail(&topic)).await;
        client.records(watch, 10).await;

        delete_topic(&servers, &topic).await;
        // The topic may be marked for deletion and still exist.
        let make_again = || async { try_create_topic(&servers, &topic, 1, &[]).await.ok() };
        eventually("room for a topic of the same name", make_again).await;
        judge.write(&topic, &[], b"first of the new one").await;

        let gap = next_gap(&mut client).await;
        assert_eq!((gap.from.0, gap.to.0), (10, 0));
        // If the topic is deleted before the bridge has seen its id, the bridge cannot distinguish this from a truncated topic.
        assert!(matches!(gap.reason, GapReason::Recreated | GapReason::OutOfRange), "{gap:?}");
        let got = client.records(watch, 1).await.remove(0);
        assert_eq!((got.offset(), got.value().as_str()), (0, "first of the new one"));
    }
}

on_every_kafka! {
    async fn largest_record_and_record_with_a_hundred_headers_are_delivered_in_both_formats(kafka: Kafka) {
        let topic = unique("large");
        if let Some(servers) = kafka.bootstrap_servers() {
            // Kafka's default limit of 1 MiB includes the overhead of the batch.
            create_topic_with(&servers, &topic, 1, &[("max.message.bytes", "2000000")]).await;
        }
        let bridge = Bridge::start().on(&kafka).topic(&topic).option("--max-message-bytes", "1048576").await;
        let mut client = bridge.client().await;
        let limit = usize::try_from(client.welcome.limits.message_bytes).expect("64 bits");
        let large = ProduceRecord { value: WireBytes::Base64(vec![0xff; limit]), ..text_record(&topic, "") };
        let many = (0..100).fold(text_record(&topic, "v"), |record, id| {
            record.with_header(&format!("header-{}", id % 50), WireBytes::text(id.to_string()))
        });
        client.write(vec![large.clone(), many.clone()]).await;
        for watch in [Watch::tail(&topic), Watch::tail(&topic).binary()] {
            let watch = client.subscribe(&watch).await;
            let got = client.records(watch, 2).await;
            assert_eq!((&got[0].record.value, &got[1].record.headers), (&large.value, &many.headers));
        }
    }
}
