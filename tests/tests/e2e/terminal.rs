//! `bridge produce` and `bridge consume`, whose output is that of the original Python programs, line by line.

use std::time::Duration;

use tests::kafka::{committed, unused_address};
use tests::{Bridge, PATIENCE, Program, Watch, eventually, on_every_kafka, unique};

const DEFAULT_LISTEN: &str = "127.0.0.1:3030";
const DEFAULT_KAFKA: &str = "127.0.0.1:9092";

fn messaggio(id: usize) -> String {
    format!(r#"{{"id": {id}, "text": "messaggio {id}"}}"#)
}

fn produce(servers: &str, topic: &str, more: &[&str]) -> Program {
    let args = ["produce", "--bootstrap-servers", servers, "--topic", topic];
    // Faster than the default, unless the test chooses a rate.
    let rhythm: &[&str] = if more.contains(&"--interval-ms") { &[] } else { &["--interval-ms", "20"] };
    Program::bridge(&[&args, rhythm, more].concat())
}

fn consume(servers: &str, topic: &str, group: &str, more: &[&str]) -> Program {
    let mut args = vec!["consume", "--bootstrap-servers", servers, "--topic", topic, "--group", group];
    args.extend(more);
    Program::bridge(&args)
}

/// Checks the output of a complete run of the producer.
async fn is_the_seeds_producer(mut producer: Program, count: usize) {
    assert_eq!(producer.exit_code().await, 0);
    let seed: Vec<String> =
        (0..count).flat_map(|id| ["→ PALLEEE".to_owned(), format!("→ Inviato: {}", messaggio(id))]).collect();
    assert_eq!(producer.stdout.all(), seed, "the seed prints → PALLEEE before each message, and nothing else");
}

on_every_kafka! {
    async fn scenario_1_running_consumer_prints_all_ten_records(kafka: Kafka) {
        let (topic, group) = (kafka.topic("scenario-1").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        let mut consumer = consume(&servers, &topic, &group, &[]);
        consumer.expect_line(&format!("In ascolto su '{topic}'...")).await;

        is_the_seeds_producer(produce(&servers, &topic, &[]), 10).await;
        for id in 0..10 {
            consumer.expect_line(&format!("← Consumato: {}", messaggio(id))).await;
        }
        consumer.ctrl_c();
        assert_eq!(consumer.exit_code().await, 0);
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 10)].into());
    }

    async fn scenario_2_running_consumer_prints_records_of_several_producer_runs(kafka: Kafka) {
        let (topic, group) = (kafka.topic("scenario-2").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        let mut consumer = consume(&servers, &topic, &group, &[]);
        consumer.expect_line(&format!("In ascolto su '{topic}'...")).await;
        for _ in 0..3 {
            is_the_seeds_producer(produce(&servers, &topic, &["--count", "3"]), 3).await;
            for id in 0..3 {
                consumer.expect_line(&format!("← Consumato: {}", messaggio(id))).await;
            }
        }
    }

    async fn page_and_terminal_read_records_of_each_other(kafka: Kafka) {
        let (topic, group) = (kafka.topic("mixed").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        let mut page = bridge.client().await;
        let watch = page.subscribe(&Watch::tail(&topic)).await;
        let mut consumer = consume(&servers, &topic, &group, &["--count", "6"]);
        consumer.expect_line(&format!("In ascolto su '{topic}'...")).await;

        page.write(tests::client::messaggi(&topic, 3)).await;
        is_the_seeds_producer(produce(&servers, &topic, &["--count", "3"]), 3).await;

        let expected: Vec<String> = [0, 1, 2, 0, 1, 2].map(messaggio).into();
        let seen: Vec<String> = page.records(watch, 6).await.iter().map(|got| got.value()).collect();
        assert_eq!(seen, expected);
        for value in &expected {
            consumer.expect_line(&format!("← Consumato: {value}")).await;
        }
        assert_eq!(consumer.exit_code().await, 0, "it stops after --count");
    }

    async fn restarted_consumer_continues_at_its_committed_offset(kafka: Kafka) {
        let (topic, group) = (kafka.topic("again").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        bridge.client().await.write(tests::client::messaggi(&topic, 10)).await;
        let mut first = consume(&servers, &topic, &group, &["--count", "4"]);
        assert_eq!(first.exit_code().await, 0);
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 4)].into(), "what it printed, and no more");

        let mut without_commit = consume(&servers, &topic, &group, &["--count", "2", "--no-commit"]);
        without_commit.line().await;
        without_commit.expect_line(&format!("← Consumato: {}", messaggio(4))).await;
        assert_eq!(without_commit.exit_code().await, 0);
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 4)].into());

        let mut second = consume(&servers, &topic, &group, &["--count", "6"]);
        second.line().await;
        for id in 4..10 {
            second.expect_line(&format!("← Consumato: {}", messaggio(id))).await;
        }
        assert_eq!(second.exit_code().await, 0);
    }
}

#[tokio::test]
async fn values_are_printed_as_they_are_in_the_log() {
    let topic = unique("raw");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let values = [r#"{"z":9007199254740993,  "a":1.0}"#, "città ✓", "", "plain"];
    let mut client = bridge.client().await;
    client.write(values.iter().map(|value| tests::client::text_record(&topic, value)).collect()).await;
    let mut consumer = consume(&servers, &topic, &unique("group"), &["--count", "4"]);
    consumer.line().await;
    for value in values {
        consumer.expect_line(&format!("← Consumato: {value}")).await;
    }
}

#[tokio::test]
async fn each_line_of_standard_input_becomes_a_record() {
    let topic = unique("stdin");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut producer = produce(&bridge.bootstrap_servers().await, &topic, &["--stdin", "--interval-ms", "0"]);
    producer.type_and_end("one\ncittà\n{\"n\": 9007199254740993}\nlast without an end");
    assert_eq!(producer.exit_code().await, 0);
    assert_eq!(producer.stdout.all()[..4], ["→ PALLEEE", "→ Inviato: one", "→ PALLEEE", "→ Inviato: città"]);

    let Some(judge) = bridge.judge().await else { return };
    let log: Vec<String> = judge.read(&topic).await.iter().map(|seen| seen.text().to_owned()).collect();
    assert_eq!(log, ["one", "città", "{\"n\": 9007199254740993}", "last without an end"]);
}

#[tokio::test]
async fn template_counter_counts_records() {
    let topic = unique("template");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let mut producer = produce(&servers, &topic, &["--count", "3", "--template", "n={{i}} {{i 100}}"]);
    for id in 0..3 {
        producer.expect_line("→ PALLEEE").await;
        producer.expect_line(&format!("→ Inviato: n={id} {}", id + 100)).await;
    }
    assert_eq!(producer.exit_code().await, 0);
}

#[tokio::test]
async fn produce_waits_half_a_second_between_records_by_default() {
    let topic = unique("rhythm");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let began = std::time::Instant::now();
    let args = ["produce", "--bootstrap-servers", &servers, "--topic", &topic, "--count", "4"];
    assert_eq!(Program::bridge(&args).exit_code().await, 0);
    // Not a performance bound: half a second between messages is the default of `--interval-ms`. Row B14 has the upper bound.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?} for four messages");
}

#[tokio::test]
async fn produce_and_consume_without_a_broker_fail_and_name_the_address() {
    let servers = unused_address();
    let mut producer = produce(&servers, &unique("nowhere"), &["--count", "1"]);
    let mut consumer = consume(&servers, &unique("nowhere"), "group", &[]);
    for program in [&mut producer, &mut consumer] {
        assert_eq!(program.exit_code().await, 1);
        program.logged(&servers).await;
        assert!(!program.stdout.text().contains("Inviato"), "{}", program.stdout.text());
    }
}

#[tokio::test]
async fn ctrl_c_ends_produce_and_printed_records_are_in_the_log() {
    let topic = unique("interrupted");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let servers = bridge.bootstrap_servers().await;
    let mut producer = produce(&servers, &topic, &["--count", "1000", "--interval-ms", "50"]);
    for _ in 0..6 {
        producer.line().await;
    }
    producer.ctrl_c();
    // All records would take 50 s, which is longer than a test waits.
    producer.wait_exit(PATIENCE).await;
    let printed = producer.stdout.all().iter().filter(|line| line.starts_with("→ Inviato")).count();
    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), printed, "what it says is sent is in the log");
}

/// The only test with fixed ports, because it is about the default ports. It cannot run if another process uses them.
#[tokio::test]
async fn produce_and_consume_find_the_demo_broker_of_a_running_bridge() {
    let occupied = |address: &str| std::net::TcpStream::connect(address).is_ok();
    if occupied(DEFAULT_KAFKA) || occupied(DEFAULT_LISTEN) {
        tests::skip::skip(&format!("{DEFAULT_KAFKA} or {DEFAULT_LISTEN} is taken by something else"));
        return;
    }
    let (topic, group) = (unique("found"), unique("group"));
    let mut bridge = Program::bridge(&["--demo", "--topic", &topic]);
    assert!(bridge.line().await.contains(DEFAULT_LISTEN));
    let mut consumer = Program::bridge(&["consume", "--topic", &topic, "--group", &group, "--count", "2"]);
    consumer.expect_line(&format!("In ascolto su '{topic}'...")).await;
    let producer = Program::bridge(&["produce", "--topic", &topic, "--count", "2", "--interval-ms", "1"]);
    is_the_seeds_producer(producer, 2).await;
    for id in 0..2 {
        consumer.expect_line(&format!("← Consumato: {}", messaggio(id))).await;
    }
    assert_eq!(consumer.exit_code().await, 0);
    eventually("word of where it was found", || async {
        consumer.stderr.text().contains(DEFAULT_LISTEN).then_some(())
    })
    .await;
}
