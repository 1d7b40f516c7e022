//! Searches through the history of topics: their order, their pages, filters, and what happens to the topic meanwhile.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::{
    ErrorCode, Filter, Header, Isolation, Offset, Order, Partitioner, ProduceRecord, RangeBound, Search, SearchEnd,
    SearchProgress, SearchStarted, SearchStop, SearchStopResult, TimelineRequest, TimelineResult, WireBytes,
};
use tests::client::{messaggi, text_record};
use tests::kafka::{create_topic_with, delete_records_before, delete_topic, grow_topic};
use tests::search::search;
use tests::transaction::Transaction;
use tests::{Bridge, Kafka, Program, eventually, unique};

/// The time of the first record: three hours ago, because Kafka deletes records that are older than a week.
static START: LazyLock<i64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    1000 * (i64::try_from(now).expect("a time before the end of time") - 3 * 60 * 60)
});

/// Records with the values `0`, `1` … a second apart, in turn in each partition.
fn timed(topic: &str, partitions: i32, count: usize) -> Vec<ProduceRecord> {
    let record = |index: usize| {
        let number = i64::try_from(index).expect("small");
        ProduceRecord {
            topic: topic.to_owned(),
            // Not a plain rotation, so that partitions have runs of records.
            partition: Some(i32::try_from(index * index / 3).expect("small") % partitions),
            key: WireBytes::text(format!("key {}", index % 7)),
            value: WireBytes::text(index.to_string()),
            headers: vec![Header("even".to_owned(), WireBytes::text(index.is_multiple_of(2).to_string()))],
            timestamp: Some(*START + 1000 * number),
        }
    };
    (0..count).map(record).collect()
}

fn numbers(range: impl Iterator<Item = usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn filter(json: &str) -> Box<Filter> {
    protocol::from_json(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

async fn pages_have_every_record_once_in_the_order_of_time(kafka: Kafka) {
    let topic = kafka.topic_with("paged", 4).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 4, 230)).await;

    let pages = client.pages(search(&topic, 50)).await;
    let values: Vec<String> = pages.iter().flat_map(|page| page.values()).collect();
    assert_eq!(values, numbers((0..230).rev()), "newest first");
    let sizes: Vec<usize> = pages.iter().map(|page| page.records.len()).collect();
    assert_eq!(sizes, [50, 50, 50, 50, 30]);
    let reasons: Vec<SearchEnd> = pages.iter().map(|page| page.done.reason).collect();
    assert_eq!(reasons, [vec![SearchEnd::Count; 4], vec![SearchEnd::Complete]].concat());

    let oldest = client.pages(Search { order: Order::Oldest, ..search(&topic, 50) }).await;
    let values: Vec<String> = oldest.iter().flat_map(|page| page.values()).collect();
    assert_eq!(values, numbers(0..230), "oldest first");

    // Records that are produced later do not move the pages.
    let first = client.search(search(&topic, 10)).await;
    client.write(timed(&topic, 4, 20)).await;
    let second = client.search(Search { cursor: first.done.cursor, ..search(&topic, 10) }).await;
    assert_eq!(second.values(), numbers((210..220).rev()));
}

#[tokio::test]
async fn pages_have_every_record_once_in_the_order_of_time_on_the_demo_broker() {
    pages_have_every_record_once_in_the_order_of_time(Kafka::Demo).await;
}

#[tokio::test]
async fn pages_have_every_record_once_in_the_order_of_time_on_kafka() {
    let Some(kafka) = Kafka::current().await else { return };
    pages_have_every_record_once_in_the_order_of_time(kafka).await;
}

#[tokio::test]
async fn ranges_begin_and_end_at_times_offsets_and_the_last_records() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("ranges", 2).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 2, 100)).await;
    let mut values = async |from: RangeBound, to: RangeBound| {
        let found = client.search(Search { from, to, order: Order::Oldest, ..search(&topic, 1000) }).await;
        assert_eq!((found.done.reason, found.done.cursor.clone()), (SearchEnd::Complete, None));
        found.values()
    };
    let at = |second: i64| RangeBound::Timestamp(*START + 1000 * second);
    assert_eq!(values(at(20), at(30)).await, numbers(20..30));
    assert_eq!(values(at(90), RangeBound::Latest).await, numbers(90..100));
    assert_eq!(values(at(500), RangeBound::Latest).await, numbers(0..0));
    assert_eq!(values(RangeBound::Earliest, at(500)).await, numbers(0..100), "no record is that late");
    assert_eq!(
        values(RangeBound::Offset(Offset(0)), RangeBound::Offset(Offset(1))).await.len(),
        2,
        "one of each partition"
    );
    assert_eq!(values(RangeBound::Last(3), RangeBound::Latest).await.len(), 6, "three of each partition");
    assert_eq!(values(RangeBound::Latest, RangeBound::Latest).await, numbers(0..0));

    let one = client.search(Search { partitions: vec![1], ..search(&topic, 1000) }).await;
    assert!(!one.records.is_empty() && one.records.iter().all(|found| found.partition == 1));
    let refused = client.refused(Search { partitions: vec![7], ..search(&topic, 1) }).await;
    assert_eq!(refused.error.code, ErrorCode::UnknownPartition.number());
}

#[tokio::test]
async fn filters_find_records_by_text_key_header_regex_and_expression() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("filtered", 3).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 3, 100)).await;
    client.write(messaggi(&topic, 30)).await;
    let sevens = numbers((0..100).filter(|number| number % 10 == 7).rev());
    let evens = numbers((0..100).filter(|number| number % 2 == 0).rev());
    let thirds = numbers((0..100).filter(|number| number % 7 == 3).rev());
    let cases = [
        (r#"{"regex":{"regex":"^[0-9]?7$","part":"value"}}"#, sevens),
        (r#"{"header":{"name":"even","value":"true"}}"#, evens.clone()),
        (r#"{"text":{"text":"TRUE","part":"headers"}}"#, evens),
        (r#"{"key":"key 3"}"#, thirds.clone()),
        (r#"{"expression":"key == 'key 3'"}"#, thirds),
        (r#"{"expression":"value.id == 17"}"#, vec![r#"{"id": 17, "text": "messaggio 17"}"#.to_owned()]),
        (
            r#"{"expression":"value.id >= 28 && value.text.endsWith('9')"}"#,
            vec![r#"{"id": 29, "text": "messaggio 29"}"#.to_owned()],
        ),
        (r#"{"path":{"path":"value.id","equals":"3"}}"#, vec![r#"{"id": 3, "text": "messaggio 3"}"#.to_owned()]),
    ];
    for (json, expected) in cases {
        for order in [Order::Newest, Order::Oldest] {
            let found = client.search(Search { filter: filter(json), order, ..search(&topic, 1000) }).await;
            let mut values = found.values();
            if order == Order::Oldest {
                values.reverse();
            }
            assert_eq!(values, expected, "{json} {order:?}");
            assert_eq!((found.progress.scanned, found.progress.left), (130, 0), "{json}");
        }
    }

    // Only the partition of the key is read, which Ponte's producer chooses as Java clients do.
    let mut keyed: Vec<ProduceRecord> = timed(&topic, 3, 50);
    keyed.iter_mut().for_each(|record| record.partition = None);
    let places = client.write(keyed).await;
    let by_key = Search {
        filter: filter(r#"{"key":"key 5"}"#),
        partitioner: Some(Partitioner::Murmur2),
        from: RangeBound::Earliest,
        ..search(&topic, 1000)
    };
    let found = client.search(by_key).await;
    let [range] = found.started.ranges.as_slice() else { panic!("{:?}", found.started) };
    assert_eq!(range.partition, places[5].0);
    assert!(found.places().contains(&places[5]), "{:?} {:?}", found.places(), places[5]);
}

#[tokio::test]
async fn search_that_was_interrupted_goes_on_exactly() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("resumed", 3).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 3, 300)).await;
    for order in [Order::Newest, Order::Oldest] {
        let request = Search { filter: filter(r#"{"expression":"int(value) % 3 == 0"}"#), order, ..search(&topic, 7) };
        let pages = client.pages(request).await;
        let mut values: Vec<String> = pages.iter().flat_map(|page| page.values()).collect();
        if order == Order::Newest {
            values.reverse();
        }
        assert_eq!(values, numbers((0..300).step_by(3)), "{order:?}");
    }
}

#[tokio::test]
async fn invalid_searches_are_refused_with_the_place_of_the_mistake() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let mut refused = async |json: &str| {
        let request = Search { filter: filter(json), ..search("foobar", 1) };
        client.refused(request).await.error
    };
    for (json, parts) in [
        (r#"{"expression":"value.id =="}"#, &["expression", "column"][..]),
        (r#"{"expression":"valu.id == 1"}"#, &["valu", "value"]),
        (r#"{"regex":{"regex":"a(b"}}"#, &["regex"]),
        (r#"{"path":{"path":"value..id"}}"#, &["path"]),
    ] {
        let error = refused(json).await;
        assert_eq!(error.code, ErrorCode::InvalidFilter.number(), "{error:?}");
        assert!(parts.iter().all(|part| error.message.contains(part)), "{error:?}");
    }
    let missing = client.refused(search("no-such-topic", 1)).await.error;
    assert_eq!(missing.code, ErrorCode::TopicMissing.number(), "{missing:?}");
    let unknown = client.refused(SearchStop { search: 99 }).await.error;
    assert_eq!(unknown.code, ErrorCode::UnknownSearch.number(), "{unknown:?}");
}

#[tokio::test]
async fn stopped_search_keeps_what_it_has_found_and_goes_on() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("stopped", 1).await;
    // A search of these records would take a minute.
    let bridge = Bridge::start().on(&kafka).option("--search-bytes-per-second", "1024").await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 1, 2000)).await;
    let request = Search {
        order: Order::Oldest,
        filter: filter(r#"{"regex":{"regex":"^[01]$","part":"value"}}"#),
        ..search(&topic, 10)
    };
    let started: SearchStarted = client.ask(request.clone()).await;
    let _: SearchProgress = client.expect().await;
    let stopped_at = Instant::now();
    let _: SearchStopResult = client.ask(SearchStop { search: started.search }).await;
    let found = client.found(started).await;
    assert!(stopped_at.elapsed() < Duration::from_secs(1), "{:?}", stopped_at.elapsed());
    assert_eq!(found.done.reason, SearchEnd::Stopped);
    let cursor = found.done.cursor.clone().expect("a rest");
    assert!(cursor.ranges[0].to.0 == 2000, "{cursor:?}");
    drop(bridge);

    let fast = Bridge::start().on(&kafka).await;
    let rest = fast.client().await.search(Search { cursor: Some(cursor), ..request }).await;
    assert_eq!([found.values(), rest.values()].concat(), ["0", "1"]);
}

#[tokio::test]
async fn searches_beyond_the_limits_are_refused_until_one_has_ended() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("many", 1).await;
    let bridge =
        Bridge::start().on(&kafka).option("--search-bytes-per-second", "1024").option("--max-searches", "1").await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 1, 2000)).await;
    let slow = Search { filter: filter(r#"{"text":{"text":"never"}}"#), ..search(&topic, 10) };
    let started: SearchStarted = client.ask(slow.clone()).await;
    let refused = bridge.client().await.refused(slow.clone()).await.error;
    assert_eq!((refused.code, refused.retriable), (ErrorCode::TooManySearches.number(), true), "{refused:?}");
    assert!(refused.message.contains("--max-searches"), "{refused:?}");
    assert_eq!(started.search, 1);

    // A page that is closed stops its search.
    let closed_at = Instant::now();
    drop(client);
    eventually("room for another search", || async {
        bridge.client().await.refusal(slow.clone()).await.is_none().then_some(())
    })
    .await;
    assert!(closed_at.elapsed() < Duration::from_secs(2), "{:?}", closed_at.elapsed());
}

#[tokio::test]
async fn records_of_aborted_transactions_are_found_only_uncommitted() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("a real Kafka");
    let topic = kafka.topic_with("transactions", 1).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;
    Transaction::begin(&servers, &topic, 1, 4).await.abort().await;
    Transaction::begin(&servers, &topic, 1, 5).await.commit().await;
    let open = Transaction::begin(&servers, &topic, 1, 6).await;
    let mut count = async |isolation: Isolation, order: Order| {
        client.search(Search { isolation, order, ..search(&topic, 1000) }).await.records.len()
    };
    for order in [Order::Newest, Order::Oldest] {
        assert_eq!(count(Isolation::Committed, order).await, 3 + 5, "{order:?}");
        assert_eq!(count(Isolation::Uncommitted, order).await, 3 + 4 + 5 + 6, "{order:?}");
    }
    open.abort().await;
    eventually("the end of the transaction", || async {
        let found = bridge.client().await.search(search(&topic, 1000)).await;
        (found.progress.left == 0 && found.records.len() == 8).then_some(())
    })
    .await;
}

#[tokio::test]
async fn deleted_offsets_are_reported_and_the_rest_is_searched() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("a real Kafka");
    let topic = kafka.topic_with("retained", 1).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 1, 100)).await;
    let first = client.search(Search { order: Order::Oldest, ..search(&topic, 10) }).await;
    let newest = client.search(search(&topic, 10)).await;
    delete_records_before(&servers, &topic, 0, 40).await;
    grow_topic(&servers, &topic, 2).await;

    let rest = client.search(Search { order: Order::Oldest, cursor: first.done.cursor, ..search(&topic, 1000) }).await;
    assert_eq!(rest.values(), numbers(40..100));
    let [deleted] = rest.progress.deleted.as_slice() else { panic!("{:?}", rest.progress) };
    assert_eq!((deleted.from, deleted.to), (Offset(10), Offset(40)));

    let rest = client.search(Search { cursor: newest.done.cursor, ..search(&topic, 1000) }).await;
    assert_eq!(rest.values(), numbers((40..90).rev()));

    delete_topic(&servers, &topic).await;
    let refused =
        eventually("the deletion of the topic", || async { bridge.client().await.refusal(search(&topic, 10)).await });
    assert_eq!(refused.await.code, ErrorCode::TopicMissing.number());
}

#[tokio::test]
async fn search_finds_every_record_once_while_a_broker_is_killed_and_leaders_move() {
    let Some(mut cluster) = Kafka::own_cluster_with(3).await else { return };
    let (topic, servers) = (unique("killed"), cluster.bootstrap_servers());
    create_topic_with(&servers, &topic, 6, &[("min.insync.replicas", "2")]).await;
    // Slow enough that the broker is killed in the middle.
    let options = ["--bootstrap-servers", &servers, "--search-bytes-per-second", "16384"];
    let bridge = options.chunks(2).fold(Bridge::start(), |bridge, option| bridge.option(option[0], option[1])).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 6, 3000)).await;
    let request = Search {
        order: Order::Oldest,
        filter: filter(r#"{"expression":"int(value) >= 0"}"#),
        ..search(&topic, 10_000)
    };
    let started: SearchStarted = client.ask(request).await;
    let _: SearchProgress = client.expect().await;
    let cluster = tokio::task::spawn_blocking(move || {
        cluster.kill_broker(1);
        cluster
    });
    let (found, _cluster) = tokio::join!(client.found(started), cluster);
    assert_eq!(found.done.error, None);
    assert_eq!((found.values(), found.progress.scanned), (numbers(0..3000), 3000));
}

/// The client checks the size of each frame.
#[tokio::test]
async fn large_records_share_a_message_only_if_it_stays_within_the_limit() {
    let topic = unique("large");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let sizes = [500_000, 600_000, 10, 500_000, 600_000, 500_000];
    client.write(sizes.iter().map(|size| text_record(&topic, &"x".repeat(*size))).collect()).await;
    let found = client.search(Search { order: Order::Oldest, ..search(&topic, 10) }).await;
    assert_eq!(found.values().iter().map(String::len).collect::<Vec<_>>(), sizes);
}

/// The consumer of a search is assigned again for each part, while librdkafka has fetched far beyond the part before.
#[tokio::test]
async fn search_back_through_many_parts_reads_every_record_each_time() {
    const RECORDS: u64 = 150_000;
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("parts", 1).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    for _ in 0..RECORDS / 10_000 {
        client.write(messaggi(&topic, 10_000)).await;
    }
    let request = Search { filter: filter(r#"{"text":{"text":"no record has this text"}}"#), ..search(&topic, 10) };
    for _ in 0..6 {
        let found = client.search(request.clone()).await;
        assert_eq!((found.progress.scanned, found.done.reason), (RECORDS, SearchEnd::Complete), "{found:?}");
    }
}

#[tokio::test]
async fn timeline_counts_the_records_of_each_bucket() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic_with("timeline", 3).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(timed(&topic, 3, 100)).await;
    let request = |from: i64, to: i64, buckets: u32| TimelineRequest {
        topic: topic.clone(),
        partitions: Vec::new(),
        from: *START + 1000 * from,
        to: *START + 1000 * to,
        buckets,
    };
    let whole: TimelineResult = client.ask(request(0, 100, 10)).await;
    assert_eq!(whole.counts, [10; 10]);
    let beyond: TimelineResult = client.ask(request(90, 290, 20)).await;
    assert_eq!(beyond.counts, [vec![10], vec![0; 19]].concat());
    let one: TimelineResult = client.ask(TimelineRequest { partitions: vec![1], ..request(0, 100, 1) }).await;
    assert!((1..100).contains(&one.counts[0]), "{one:?}");
    let refused = client.refused(request(10, 10, 1)).await.error;
    assert_eq!(refused.code, ErrorCode::BadRequest.number(), "{refused:?}");
    let demo = Bridge::start().demo().await;
    let refused =
        demo.client().await.refused(TimelineRequest { topic: "foobar".to_owned(), ..request(0, 1, 1) }).await.error;
    assert_eq!(refused.code, ErrorCode::NotOnThisCluster.number(), "{refused:?}");
}

#[tokio::test]
async fn terminal_prints_each_match_as_a_line_of_json() {
    let topic = unique("terminal");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    bridge.client().await.write(messaggi(&topic, 30)).await;
    let run = async |options: &[&str]| {
        let arguments = [&["search", "--bootstrap-servers", &servers, "--topic", &topic], options].concat();
        let mut program = Program::bridge(&arguments);
        let code = program.exit_code().await;
        let (out, err) = program.all_output().await;
        (code, out, err)
    };
    let (code, out, err) = run(&["--where", "value.id == 4"]).await;
    assert_eq!(code, 0, "{err}");
    let line: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!((&line["topic"], &line["offset"]), (&topic.as_str().into(), &"4".into()), "{out}");
    assert_eq!(line["value"]["json"]["text"], "messaggio 4", "{out}");
    assert!(err.contains("1 of 30 scanned records match"), "{err}");

    let (code, out, _) = run(&["--order", "oldest", "--count", "3"]).await;
    assert_eq!((code, out.lines().count()), (0, 3), "{out}");
    assert!(out.lines().next().is_some_and(|line| line.contains("messaggio 0")), "{out}");

    let (code, out, err) = run(&["--text", "nowhere"]).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let (code, _, err) = run(&["--where", "value.id =="]).await;
    assert!(code == 1 && err.contains("expression"), "{code} {err}");
    let (code, _, err) = run(&["--from", "soon"]).await;
    assert!(code == 2 && err.contains("-2h"), "{code} {err}");
}
