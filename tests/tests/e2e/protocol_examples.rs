//! The example clients of `docs/examples`, which know nothing but the specification.

use std::process::Stdio;

use serde_json::{Value, json};
use tests::skip::{need_program, skip, target_dir};
use tests::{Bridge, PATIENCE, Watch, on_every_kafka, unique};
use tokio::process::Command;
use tokio::time::timeout;

/// How many records an example sends and reads.
const COUNT: usize = 5;

/// The example in Python; `None` after a skip.
fn python() -> Option<Command> {
    let packages = target_dir().join("python");
    if !packages.join("websockets").is_dir() {
        skip(&format!("no websockets in {}; to fetch it: cargo xtask setup", packages.display()));
        return None;
    }
    let mut command = Command::new(need_program("python3")?);
    command.env("PYTHONPATH", packages.canonicalize().unwrap_or(packages)).arg(example("client.py"));
    // The library would use a proxy of this machine for the loopback address, too.
    command.env("no_proxy", "127.0.0.1");
    Some(command)
}

/// The example for Node.js; `None` after a skip.
fn node() -> Option<Command> {
    let mut command = Command::new(need_program("node")?);
    // Node 20 has the browser's WebSocket behind this option; later versions accept the option and need it no more.
    command.arg("--experimental-websocket").arg(example("client.mjs"));
    Some(command)
}

fn example(name: &str) -> String {
    format!("{}/../docs/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs the example; the offset and the value of each record that it has read.
async fn run(mut command: Command, bridge: &Bridge, topic: &str, group: &str) -> Vec<(i64, Value)> {
    let url = format!("ws://{}/ws", bridge.address);
    command.args([&url, topic, group, &COUNT.to_string()]).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.unwrap_or_else(|_| panic!("{command:?} does not end"));
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{printed}\n{errors}", output.status);
    assert!(errors.split_whitespace().any(|word| word == topic), "it lists the topics: {errors}");
    let record = |line: &str| {
        let mut words = line.splitn(3, ' ').skip(1);
        let offset = words.next().and_then(|offset| offset.parse().ok());
        let value = words.next().and_then(|value| serde_json::from_str(value).ok());
        offset.zip(value).unwrap_or_else(|| panic!("no offset and value: {line}"))
    };
    printed.lines().map(record).collect()
}

fn expected(from: usize) -> Vec<(i64, Value)> {
    let value = |number: usize| json!({ "json": { "number": number, "text": "ciao" } });
    (0..COUNT).map(|number| (i64::try_from(from + number).expect("few"), value(number))).collect()
}

/// The second run of a group continues behind the records that the first one has acknowledged.
async fn reads_what_it_sends(bridge: &Bridge, topic: &str, command: impl Fn() -> Option<Command>) {
    let group = unique("example");
    for run_number in 0..2 {
        let Some(command) = command() else { return };
        assert_eq!(run(command, bridge, topic, &group).await, expected(run_number * COUNT), "run {run_number}");
    }
    let mut client = bridge.client().await;
    let subscription = client.subscribe(&Watch::tail(topic)).await;
    let records = client.records(subscription, 2 * COUNT).await;
    assert_eq!(records.len(), 2 * COUNT, "no record is written twice");
}

on_every_kafka! {
    async fn python_example_reads_what_it_sends(kafka: Kafka) {
        let topic = kafka.topic("python").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        reads_what_it_sends(&bridge, &topic, python).await;
    }

    async fn node_example_reads_what_it_sends(kafka: Kafka) {
        let topic = kafka.topic("node").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        reads_what_it_sends(&bridge, &topic, node).await;
    }
}

#[tokio::test]
async fn examples_report_errors_of_the_bridge() {
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", "a-token-for-this-test").await;
    for mut command in [python(), node()].into_iter().flatten() {
        command.args([&format!("ws://{}/ws", bridge.address), "foobar", "group", "1"]).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.expect("it ends").expect("it starts");
        assert!(!output.status.success(), "{command:?}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("4500"), "the close code is shown: {errors}");
    }
}
