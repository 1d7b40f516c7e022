//! Several Kafka clusters in one bridge: `[clusters.NAME]` in the configuration file.

use hyper::StatusCode;
use protocol::{ErrorCode, ServerMessage, TopicsRequest, TopicsResult};
use serde_json::{Value, json};
use tests::client::{Outcome, messaggi};
use tests::kafka::unused_address;
use tests::{Bridge, Kafka, Program, Watch, eventually, unique};

use crate::config::file;

/// Two demo brokers, of which the second is read-only, and a broker that does not exist.
fn three_clusters(topic: &str) -> String {
    format!(
        "[clusters.prod]\ndemo = true\ntopic = {topic:?}\ngroup = \"readers\"\nstart = \"latest\"\ncolour = \"red\"\n\
         [clusters.dev]\ndemo = true\nread-only = true\n\
         [clusters.away]\nbootstrap-servers = {:?}\n",
        unused_address()
    )
}

#[tokio::test]
async fn clusters_of_a_bridge_have_their_own_records_defaults_and_permissions() {
    let topic = unique("orders");
    let configuration = file(&three_clusters(&topic));
    let bridge = Bridge::start().option("--config", configuration.path().to_str().expect("a plain path")).await;
    assert!(bridge.greeting.contains("prod: demo broker") && bridge.greeting.contains("away: Kafka at"));

    let mut prod = bridge.client().await;
    assert_eq!(prod.welcome.cluster_name, "prod", "the first cluster of the file");
    let defaults = &prod.welcome.defaults;
    assert_eq!((defaults.topic.as_str(), defaults.group.as_str()), (topic.as_str(), "readers"));
    let clusters = serde_json::to_value(&prod.welcome.clusters).expect("JSON");
    let expected = json!([
        {"name": "prod", "colour": "red", "read_only": false},
        {"name": "dev", "read_only": true},
        {"name": "away", "read_only": false},
    ]);
    assert_eq!(clusters, expected);

    let mut dev = bridge.client_of("dev").await;
    assert!(dev.welcome.read_only && dev.welcome.cluster_name == "dev" && !prod.welcome.read_only);
    assert_eq!(dev.welcome.defaults.topic, "foobar", "the option's default");
    assert_ne!(dev.welcome.cluster.bootstrap_servers, prod.welcome.cluster.bootstrap_servers);

    prod.write(messaggi(&topic, 3)).await;
    let watch = prod.subscribe(&Watch::tail(&topic)).await;
    assert_eq!(prod.records(watch, 3).await.len(), 3);
    let listed: TopicsResult = dev.ask(TopicsRequest {}).await;
    assert!(listed.topics.iter().all(|seen| seen.name != topic), "{listed:?}");
    let seq = dev.produce(messaggi("foobar", 1)).await;
    let outcome = dev.outcome(seq).await;
    assert!(matches!(&outcome, Outcome::Failed(error) if error.code == ErrorCode::ReadOnly.number()), "{outcome:?}");
    prod.write(messaggi(&topic, 1)).await;
}

#[tokio::test]
async fn http_routes_answer_for_the_cluster_in_the_query() {
    let configuration = file(&three_clusters("orders"));
    let path = configuration.path().to_str().expect("a plain path");
    let bridge = Bridge::start().option("--config", path).await;
    eventually("the demo brokers", || async {
        let clusters: Value = bridge.get("/api/clusters").await.json();
        let state = |index: usize| clusters[index]["state"].clone();
        (state(0) == "up" && state(1) == "up").then_some(())
    })
    .await;
    let clusters: Value = bridge.get("/api/clusters").await.json();
    let expected = json!([
        {"name": "prod", "colour": "red", "read_only": false, "default": true, "state": "up"},
        {"name": "dev", "read_only": true, "default": false, "state": "up"},
        {"name": "away", "read_only": false, "default": false, "state": "down"},
    ]);
    assert_eq!(clusters, expected);
    assert_eq!(bridge.get("/readyz").await.status, StatusCode::OK);
    assert_eq!(bridge.get("/readyz?cluster=dev").await.status, StatusCode::OK);
    assert_eq!(bridge.get("/readyz?cluster=away").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let dev: protocol::Cluster = bridge.get("/api/cluster?cluster=dev").await.json();
    assert!(dev.demo && dev.bootstrap_servers != bridge.cluster().await.bootstrap_servers);
    for route in ["/readyz?cluster=prd", "/api/cluster?cluster=prd"] {
        let missing = bridge.get(route).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{route}");
        assert_eq!(missing.text(), "no cluster \"prd\"; this bridge has: prod, dev, away\n");
    }
}

#[tokio::test]
async fn cluster_option_chooses_the_default_and_unknown_names_end_the_start() {
    let configuration = file(&three_clusters("orders"));
    let path = configuration.path().to_str().expect("a plain path");
    let bridge = Bridge::start().option("--config", path).env("PONTE_CLUSTER", "dev").await;
    assert_eq!(bridge.client().await.welcome.cluster_name, "dev");
    for (args, words) in [
        (&["--cluster", "prd"][..], &["no cluster \"prd\"", "did you mean prod?", "prod, dev, away"][..]),
        (&["--cluster", "a b"], &["--cluster", "invalid cluster name"]),
        (&["--bootstrap-servers", "kafka.example:9092"], &["--bootstrap-servers", "[clusters]", "--cluster"]),
        (&["--kafka-config", "client.properties"], &["--kafka-config", "[clusters]"]),
        (&["--demo"], &["--demo", "[clusters]"]),
    ] {
        let mut program = Program::bridge(&[&["--config", path], args].concat());
        assert_eq!(program.exit_code().await, 2, "{args:?}");
        let (_, said) = program.all_output().await;
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    }
    let mut without = Program::bridge(&["--cluster", "prod"]);
    assert_eq!(without.exit_code().await, 2);
    without.logged("has no [clusters]").await;
}

#[tokio::test]
async fn terminal_programs_use_the_chosen_cluster() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic("chosen").await;
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let configuration = file(&format!(
        "[clusters.away]\nbootstrap-servers = {:?}\n[clusters.real]\nbootstrap-servers = {servers:?}\ntopic = {topic:?}\n",
        unused_address()
    ));
    let path = configuration.path().to_str().expect("a plain path");
    let at_real = ["--config", path, "--cluster", "real"];
    let mut producer = Program::bridge(&[&["produce"], &at_real[..], &["--count", "2", "--interval-ms", "1"]].concat());
    assert_eq!(producer.exit_code().await, 0);
    let group = unique("group");
    let mut consumer = Program::bridge(&[&["consume"], &at_real[..], &["--group", &group, "--count", "2"]].concat());
    consumer.expect_line(&format!("In ascolto su '{topic}'...")).await;
    assert_eq!(consumer.exit_code().await, 0);
    let environment = [("PONTE_CONFIG", path)];
    let mut described =
        Program::bridge_with(&["topics", "describe", "--topic", &topic, "--cluster", "real"], &environment);
    assert_eq!(described.exit_code().await, 0);
    // Without --cluster, the first one of the file.
    let mut listed = Program::bridge_with(&["topics", "list"], &environment);
    assert_eq!(listed.exit_code().await, 1);
    let mut refused = Program::bridge_with(&["topics", "list", "--bootstrap-servers", &servers], &environment);
    assert_eq!(refused.exit_code().await, 2);
    refused.logged("--bootstrap-servers cannot be used with [clusters]").await;
}

/// The limit of readers belongs to the process, so the clusters share it.
#[tokio::test]
async fn clusters_share_the_limit_of_readers() {
    let configuration = file("[clusters.one]\ndemo = true\n[clusters.two]\ndemo = true\n");
    let path = configuration.path().to_str().expect("a plain path");
    let bridge = Bridge::start().option("--config", path).limited("-n 512").await;
    let (mut one, mut two) = (bridge.client_of("one").await, bridge.client_of("two").await);
    let mut started = 0;
    let refused = loop {
        let client = if started % 2 == 0 { &mut one } else { &mut two };
        let topic = unique("read");
        client.write(messaggi(&topic, 1)).await;
        let request = client.request(Watch::group(&topic, &unique("group")).message()).await;
        let refused = client.find("a reply", |frame| match &frame.message {
            ServerMessage::ErrorMessage(refused) if frame.id == Some(request) => Some(Some(refused.error.clone())),
            _ => (frame.id == Some(request)).then_some(None),
        });
        match refused.await {
            None => started += 1,
            Some(error) => break error,
        }
        assert!(started <= 32, "no limit was reached");
    };
    assert_eq!(refused.code, ErrorCode::TooManyReaders.number(), "{refused:?}");
    let limit = format!("the bridge has {started} consumers");
    assert!(refused.message.contains(&limit), "{started} in both clusters together: {refused:?}");
}
