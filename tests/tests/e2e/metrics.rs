//! `/metrics` as Prometheus reads it: values after real traffic, both formats, promtool's checks; and the documentation, the
//! dashboard and the alert rules, which must name only metrics that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hyper::StatusCode;
use protocol::{
    ClusterRequest, CreateTopic, Flow, Gap, GroupChanged, ServerMessage, TopicRequest, TopicsRequest, TopicsResult,
    WatchGroup, Watching, WhenSlow,
};
use serde_json::Value;
use tests::client::{messaggi, text_record};
use tests::http::{Request, Response};
use tests::promtool::Promtool;
use tests::socket::Heard;
use tests::{Bridge, Client, Kafka, Watch, eventually, measured, on_every_kafka, unique};

use crate::config::file;

/// One answer of `/metrics` in Prometheus' text format.
struct Scraped {
    text: String,
    /// The value of each sample, by its name and its labels sorted by name, such as `name{a="1",b="2"}`.
    samples: BTreeMap<String, f64>,
}

async fn get(bridge: &Bridge, accept: &str) -> Response {
    Request::get("/metrics").header("accept", accept).send(&bridge.address).await
}

async fn scrape(bridge: &Bridge) -> Scraped {
    Scraped::parse(get(bridge, "*/*").await.text())
}

impl Scraped {
    fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            let name = match name.split_once('{') {
                None => name.to_owned(),
                Some((name, labels)) => {
                    // No label value in these tests contains a comma.
                    let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
                    labels.sort_unstable();
                    format!("{name}{{{}}}", labels.join(","))
                }
            };
            (name, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        };
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
        Self { text: text.to_owned(), samples }
    }

    /// The value of a sample; its labels are sorted by name.
    fn value(&self, sample: &str) -> Option<f64> {
        self.samples.get(sample).copied()
    }

    #[track_caller]
    fn expect(&self, sample: &str, expected: f64) {
        assert_eq!(self.value(sample), Some(expected), "{sample} in\n{}", self.text);
    }

    /// The names of all families, with their types.
    fn families(&self) -> BTreeMap<String, String> {
        let typed = self.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        typed.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    }
}

/// Waits until a sample has this value.
async fn becomes(bridge: &Bridge, sample: &str, expected: f64) {
    eventually(&format!("{sample} {expected}"), || async {
        (scrape(bridge).await.value(sample) == Some(expected)).then_some(())
    })
    .await;
}

/// Waits for a sample with a value above zero.
async fn positive(bridge: &Bridge, sample: &str) -> f64 {
    eventually(sample, || async { scrape(bridge).await.value(sample).filter(|value| *value > 0.0) }).await
}

/// A bridge that has done a bit of everything, so that every metric has a sample, and the answer of `/metrics`.
async fn busy_bridge() -> (Bridge, Scraped) {
    let (topic, group) = (unique("busy"), unique("group"));
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;
    let tail = client.subscribe(&Watch::tail(&topic)).await;
    client.records(tail, 3).await;
    let member = client.subscribe(&Watch::group(&topic, &group)).await;
    client.records(member, 3).await;
    // Its close frame has no code.
    bridge.client().await.socket.close().await;
    positive(&bridge, r#"ponte_socket_closes_total{by="client",code="1005"}"#).await;
    // librdkafka reports its statistics every 5 s.
    let of_producer = |labels: &str| labels.contains("round_trip_p50") && labels.contains(r#"client="producer""#);
    let scraped = eventually("the statistics of both clients, and the lag", || async {
        let scraped = scrape(&bridge).await;
        let names = || scraped.samples.keys();
        let is_complete = names().any(|name| of_producer(name))
            && names().any(|name| name.contains("round_trip_p50") && name.contains(r#"client="metadata""#))
            && names().any(|name| name.starts_with("ponte_group_lag_records{"));
        is_complete.then_some(scraped)
    });
    let scraped = scraped.await;
    // The socket of the tail and the group is open until here.
    drop(client);
    (bridge, scraped)
}

#[tokio::test]
async fn accept_header_chooses_the_format() {
    let bridge = Bridge::start().demo().await;
    let open_metrics = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, content_type) in [
        (open_metrics, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let response = get(&bridge, accept).await;
        assert_eq!(response.header("content-type"), content_type, "{accept}");
        assert_eq!(response.header("vary").to_lowercase(), "accept");
        let is_open_metrics = content_type.starts_with("application/openmetrics-text");
        assert_eq!(response.text().ends_with("# EOF\n"), is_open_metrics, "{accept}:\n{}", response.text());
        let family = if is_open_metrics {
            "# TYPE ponte_records_read counter\n"
        } else {
            "# TYPE ponte_records_read_total counter\n"
        };
        assert!(response.text().contains(family), "{accept}:\n{}", response.text());
    }
}

#[tokio::test]
async fn promtool_finds_no_problem_in_metrics() {
    let Some(promtool) = Promtool::find() else { return };
    let (_bridge, scraped) = busy_bridge().await;
    promtool.finds_nothing(&["check", "metrics"], &scraped.text).await;
    measured("metrics_bytes", scraped.text.len());
}

on_every_kafka! {
    async fn latencies_are_observed_once_for_each_record(kafka: Kafka) {
        let topic = kafka.topic("latency").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let none = scrape(&bridge).await;
        for name in ["ack_latency", "delivery_latency", "delivered_record_age"] {
            none.expect(&format!(r#"ponte_{name}_seconds_count{{cluster="default"}}"#), 0.0);
        }
        let started = Instant::now();
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let (json, binary) = (Watch::tail(&topic), Watch::tail(&topic).binary());
        for watch in [&json, &binary] {
            let watch = client.subscribe(watch).await;
            client.records(watch, 10).await;
        }
        becomes(&bridge, r#"ponte_delivery_latency_seconds_count{cluster="default"}"#, 20.0).await;
        let scraped = scrape(&bridge).await;
        let elapsed = started.elapsed().as_secs_f64();
        for (name, records) in [("ack_latency", 10.0), ("delivery_latency", 20.0), ("delivered_record_age", 20.0)] {
            scraped.expect(&format!(r#"ponte_{name}_seconds_count{{cluster="default"}}"#), records);
            scraped.expect(&format!(r#"ponte_{name}_seconds_bucket{{cluster="default",le="+Inf"}}"#), records);
            let sum = scraped.value(&format!(r#"ponte_{name}_seconds_sum{{cluster="default"}}"#)).expect("a sum");
            assert!((0.0..=elapsed * records).contains(&sum), "{name}: {sum} s within {elapsed} s");
        }
        let ack_sum = scraped.value(r#"ponte_ack_latency_seconds_sum{cluster="default"}"#);
        assert!(ack_sum > Some(0.0), "Kafka needs some time: {ack_sum:?}");
    }

    async fn lag_of_a_group_is_that_of_its_member_and_of_its_live_view(kafka: Kafka) {
        let (topic, group) = (kafka.topic("lag").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let member = client.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
        client.records(member, 10).await;
        let lag = |source: &str| format!(r#"ponte_group_lag_records{{cluster="default",group="{group}",source="{source}"}}"#);
        becomes(&bridge, &lag("member"), 10.0).await;
        client.ack(member, &topic, 0, 4).await;
        becomes(&bridge, &lag("member"), 6.0).await;
        assert_eq!(scrape(&bridge).await.value(&lag("view")), None, "no view of the group is open");

        let Watching { .. } = client.ask(WatchGroup { group: group.clone() }).await;
        client.expect::<GroupChanged>().await;
        becomes(&bridge, &lag("view"), 6.0).await;
        scrape(&bridge).await.expect(r#"ponte_group_lags_left_out{cluster="default"}"#, 0.0);
    }

    async fn librdkafkas_connections_are_those_of_producer_and_metadata_client(kafka: Kafka) {
        let topic = kafka.topic("brokers").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let (id, address) = eventually("the brokers", || async {
            let broker = bridge.cluster().await.brokers.into_iter().next()?;
            Some((broker.id, format!("{}:{}", broker.host, broker.port)))
        })
        .await;
        for of in ["producer", "metadata"] {
            let labels = format!(r#"{{address="{address}",broker="{id}",client="{of}",cluster="default"}}"#);
            becomes(&bridge, &format!("ponte_kafka_broker_up{labels}"), 1.0).await;
            positive(&bridge, &format!("ponte_kafka_broker_sent_bytes_total{labels}")).await;
            positive(&bridge, &format!("ponte_kafka_broker_received_bytes_total{labels}")).await;
            positive(&bridge, &format!("ponte_kafka_broker_connection_attempts_total{labels}")).await;
            let p99 = positive(&bridge, &format!("ponte_kafka_broker_round_trip_p99_seconds{labels}")).await;
            assert!(p99 < 60.0, "in seconds: {p99}");
        }
        let scraped = scrape(&bridge).await;
        scraped.expect(r#"ponte_cluster_brokers{cluster="default"}"#, 1.0);
        scraped.expect(r#"ponte_kafka_producer_queue_limit_bytes{cluster="default"}"#, 65536.0 * 1024.0);
        scraped.expect(r#"ponte_kafka_producer_queue_records{cluster="default"}"#, 0.0);
        let readers = scraped.samples.keys().filter(|name| name.starts_with("ponte_kafka_broker_up"));
        assert!(readers.clone().all(|name| !name.contains(r#"client="reader""#)), "{:?}", readers.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn readers_subscriptions_and_sessions_are_counted_by_kind() {
    let (topic, group) = (unique("readers"), unique("group"));
    let bridge = Bridge::start().demo().topic(&topic).await;
    let [mut first, mut second] = [bridge.client().await, bridge.client().await];
    first.write(messaggi(&topic, 2)).await;
    for client in [&mut first, &mut second] {
        client.subscribe(&Watch::group(&topic, &group)).await;
        client.subscribe(&Watch::tail(&topic).latest()).await;
    }
    // Subscriptions that block never share a consumer.
    let blocking = first.subscribe(&Watch::tail(&topic).when_slow(WhenSlow::Block)).await;
    first.records(blocking, 2).await;

    let scraped = scrape(&bridge).await;
    for (kind, readers, subscriptions) in [("group", 1.0, 2.0), ("tail", 1.0, 2.0), ("private", 1.0, 1.0)] {
        scraped.expect(&format!(r#"ponte_readers{{cluster="default",kind="{kind}"}}"#), readers);
        scraped.expect(&format!(r#"ponte_subscriptions{{cluster="default",kind="{kind}"}}"#), subscriptions);
    }
    becomes(&bridge, r#"ponte_readers{cluster="default",kind="standby"}"#, 1.0).await;
    scraped.expect(r#"ponte_sessions{cluster="default",state="open"}"#, 2.0);
    scraped.expect(r#"ponte_sessions{cluster="default",state="lingering"}"#, 0.0);
    assert!(scraped.value("ponte_sockets_limit") >= Some(2.0), "{}", scraped.text);

    second.socket.cut();
    becomes(&bridge, r#"ponte_sessions{cluster="default",state="lingering"}"#, 1.0).await;
    becomes(&bridge, r#"ponte_sessions{cluster="default",state="open"}"#, 1.0).await;
    becomes(&bridge, r#"ponte_subscriptions{cluster="default",kind="group"}"#, 1.0).await;
    positive(&bridge, r#"ponte_socket_closes_total{by="network",code="1006"}"#).await;
}

#[tokio::test]
async fn gaps_are_counted_with_their_reason_and_waiting_bytes_are_known() {
    let topic = unique("gaps");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let [mut slow, mut writer] = [bridge.client().await, bridge.client().await];
    writer.write(vec![text_record(&topic, "first")]).await;
    let watch = slow.subscribe(&Watch::tail(&topic).window(1).when_slow(WhenSlow::Skip)).await;
    slow.records(watch, 1).await;
    // More than a feed keeps.
    let value = "z".repeat(64 * 1024);
    for _ in 0..20 {
        writer.write((0..10).map(|_| text_record(&topic, &value)).collect()).await;
    }
    // The slow client has no credit until the last record was read.
    becomes(&bridge, "ponte_records_read_total", 201.0).await;
    positive(&bridge, r#"ponte_feed_bytes{cluster="default"}"#).await;
    slow.send(Flow { subscription: watch, through: 1, records: 1_000_000, bytes: 1 << 30 }).await;
    let (mut next, mut missed, mut gaps) = (1, 0, 0);
    while next < 201 {
        let message = slow.find("Records or Gap", |frame| match &frame.message {
            message @ (ServerMessage::Records(_) | ServerMessage::Gap(_)) => Some(message.clone()),
            _ => None,
        });
        match message.await {
            ServerMessage::Gap(Gap { from, to, .. }) => {
                (next, missed, gaps) = (to.0, missed + to.0 - from.0, gaps + 1);
            }
            ServerMessage::Records(records) => next = records.records.last().expect("not empty").offset.0 + 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(missed > 0, "13 MB fit into no feed");
    let scraped = scrape(&bridge).await;
    scraped.expect(r#"ponte_gaps_total{cluster="default",reason="slow"}"#, f64::from(gaps));
    scraped.expect(r#"ponte_gap_records_total{cluster="default",reason="slow"}"#, missed as f64);
    scraped.expect("ponte_records_missed_total", missed as f64);
    for reason in ["retention", "recreated", "out_of_range"] {
        scraped.expect(&format!(r#"ponte_gaps_total{{cluster="default",reason="{reason}"}}"#), 0.0);
    }
    becomes(&bridge, "ponte_outbox_bytes", 0.0).await;
}

#[tokio::test]
async fn refusals_are_counted_by_reason() {
    const TOKEN: &str = "a-token-for-metrics";
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", TOKEN).option("--max-sockets", "1").await;
    let authorized = async || {
        let request =
            Request::get("/metrics").header("accept", "*/*").header("authorization", &format!("Bearer {TOKEN}"));
        Scraped::parse(request.send(&bridge.address).await.text())
    };
    let reasons = ["host", "malformed_host", "origin", "handshake", "token", "frame_too_large", "sockets", "rate"];
    let none = authorized().await;
    for reason in reasons {
        none.expect(&format!(r#"ponte_refusals_total{{reason="{reason}"}}"#), 0.0);
    }
    for (host, status) in [("evil.example", StatusCode::FORBIDDEN), ("localhost:", StatusCode::BAD_REQUEST)] {
        assert_eq!(Request::get("/").header("host", host).send(&bridge.address).await.status, status, "{host}");
    }
    assert_eq!(bridge.handshake().origin("https://evil.example").refused().await, StatusCode::FORBIDDEN);
    assert_eq!(bridge.handshake().subprotocol(Some("chat")).refused().await, StatusCode::BAD_REQUEST);
    assert_eq!(bridge.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    let mut large = bridge.socket().await;
    large.text(&"x".repeat(protocol::MAX_HELLO_BYTES + 1)).await;
    large.closed().await;

    let hello = format!(r#"{{"type":"hello","protocol":"ponte.v1","client":"test/1","token":"{TOKEN}"}}"#);
    let mut socket = bridge.socket().await;
    socket.text(&hello).await;
    socket.hears("welcome").await;
    assert_eq!(bridge.handshake().refused().await, StatusCode::SERVICE_UNAVAILABLE);
    // Requests are answered until there are too many in a second.
    let mut sent = 0;
    let (code, _) = loop {
        socket.text(r#"{"type":"cluster","id":1}"#).await;
        sent += 1;
        assert!(sent < 10_000, "no limit after {sent} requests");
        if let Heard::Closed(code, reason) = socket.next().await {
            break (code, reason);
        }
    };
    let scraped = authorized().await;
    for reason in reasons {
        scraped.expect(&format!(r#"ponte_refusals_total{{reason="{reason}"}}"#), 1.0);
    }
    scraped.expect(&format!(r#"ponte_socket_closes_total{{by="bridge",code="{code}"}}"#), 1.0);
    scraped.expect(r#"ponte_socket_closes_total{by="bridge",code="1009"}"#, 1.0);
    scraped.expect("ponte_tokens_refused_total", 0.0);
}

#[tokio::test]
async fn requests_are_counted_by_type_and_outcome() {
    let topic = unique("requests");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    for _ in 0..2 {
        let TopicsResult { .. } = client.ask(TopicsRequest {}).await;
    }
    let protocol::ClusterResult { .. } = client.ask(ClusterRequest {}).await;
    client.refused(TopicRequest { name: "no/name".to_owned() }).await;
    let config = Default::default();
    client.refused(CreateTopic { name: topic.clone(), partitions: Some(1), replication: Some(1), config }).await;
    client.socket.text(r#"{"type":"no_such_request","id":900}"#).await;
    client.socket.text(r#"{"type":"subscribe","id":901,"topics":7}"#).await;
    let scraped = eventually("the last refusal", || async {
        let scraped = scrape(&bridge).await;
        scraped.value(r#"ponte_requests_total{outcome="bad_request",type="subscribe"}"#).map(|_| scraped)
    })
    .await;
    for (request, outcome, count) in [
        ("topics", "ok", 2.0),
        ("cluster", "ok", 1.0),
        ("topic", "invalid_topic", 1.0),
        ("create_topic", "topic_exists", 1.0),
        ("unknown", "unknown_type", 1.0),
        ("subscribe", "bad_request", 1.0),
    ] {
        scraped.expect(&format!(r#"ponte_requests_total{{outcome="{outcome}",type="{request}"}}"#), count);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn process_metrics_have_their_standard_names() {
    let bridge = Bridge::start().demo().limited("-n 512").await;
    let clients: Vec<Client> = vec![bridge.client().await, bridge.client().await];
    // Linux counts CPU time in steps of 10 ms.
    let scraped = eventually("CPU time", || async {
        let scraped = scrape(&bridge).await;
        scraped.value("process_cpu_seconds_total").is_some_and(|seconds| seconds > 0.0).then_some(scraped)
    })
    .await;
    let value = |name: &str| scraped.value(name).unwrap_or_else(|| panic!("no {name} in\n{}", scraped.text));
    assert!(value("process_resident_memory_bytes") > 1e6, "{}", value("process_resident_memory_bytes"));
    assert!(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
    assert!(value("process_threads") > 2.0);
    assert!((clients.len() as f64..512.0).contains(&value("process_open_fds")), "{}", value("process_open_fds"));
    assert_eq!(value("process_max_fds"), 512.0);
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
    let age = since - value("process_start_time_seconds");
    assert!((0.0..120.0).contains(&age), "started {age} s ago");
}

#[tokio::test]
async fn refused_sign_in_is_counted() {
    let Some(cluster) = Kafka::secured().await else { return };
    let address = cluster.secured().expect("started so").address("SASL_PLAINTEXT");
    let properties = file(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=nobody\nsasl.password=not-the-password\n",
    );
    let path = properties.path().to_str().expect("a plain path");
    let bridge = Bridge::start().option("--bootstrap-servers", &address).option("--kafka-config", path).await;
    positive(&bridge, r#"ponte_kafka_sign_in_failures_total{cluster="default"}"#).await;
    scrape(&bridge).await.expect(r#"ponte_cluster_up{cluster="default"}"#, 0.0);
}

fn repository_file(path: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, text)
}

#[tokio::test]
async fn documentation_lists_exactly_the_metrics_that_exist() {
    let (_, text) = repository_file("docs/monitoring.md");
    // | `name` | type | labels | meaning |
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let (name, kind) = (cells.next()?.trim_end_matches('`'), cells.next()?);
        matches!(kind, "counter" | "gauge" | "histogram").then(|| (name.to_owned(), kind.to_owned()))
    };
    let documented: BTreeMap<String, String> = text.lines().filter_map(row).collect();
    let (_bridge, scraped) = busy_bridge().await;
    assert_eq!(documented, scraped.families());
}

/// The names in a PromQL expression that can only be metrics of the bridge.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("ponte_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// The names under which the samples of these families are queried.
fn queryable(families: &BTreeMap<String, String>) -> BTreeSet<String> {
    let names = |(name, kind): (&String, &String)| match kind.as_str() {
        "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")).to_vec(),
        _ => vec![name.clone()],
    };
    families.iter().flat_map(names).collect()
}

/// The values of all fields with one of these names, at any depth.
fn strings<'j>(json: &'j Value, names: &[&str], found: &mut Vec<&'j str>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if names.contains(&name.as_str()) => found.push(text),
                    other => strings(other, names, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, names, found)),
        _ => {}
    }
}

#[tokio::test]
async fn dashboard_and_alerts_query_only_metrics_that_exist() {
    let (_, dashboard) = repository_file("deploy/grafana/ponte.json");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("the dashboard is JSON");
    let (_, alerts) = repository_file("deploy/prometheus/alerts.yaml");
    let (_bridge, scraped) = busy_bridge().await;
    let exist = queryable(&scraped.families());

    let mut queries = Vec::new();
    strings(&dashboard, &["expr", "query", "definition"], &mut queries);
    let of_dashboard: BTreeSet<String> = queries.iter().flat_map(|query| metrics_in(query)).collect();
    assert!(of_dashboard.len() > 20, "{of_dashboard:?}");
    let of_alerts = metrics_in(&alerts);
    assert!(of_alerts.len() > 5, "{of_alerts:?}");
    for (place, queried) in [("dashboard", &of_dashboard), ("alert rules", &of_alerts)] {
        let unknown: Vec<&String> = queried.difference(&exist).collect();
        assert!(unknown.is_empty(), "the {place} query metrics that do not exist: {unknown:?}");
    }
}

#[tokio::test]
async fn alert_rules_pass_promtools_checks_and_tests() {
    let Some(promtool) = Promtool::find() else { return };
    let (rules, _) = repository_file("deploy/prometheus/alerts.yaml");
    let (rule_tests, _) = repository_file("deploy/prometheus/alerts_test.yaml");
    promtool.finds_nothing(&["check", "rules", rules.to_str().expect("a plain path")], "").await;
    promtool.finds_nothing(&["test", "rules", rule_tests.to_str().expect("a plain path")], "").await;
}
