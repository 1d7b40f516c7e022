//! The sign-in budget: whatever the number of clients, a broker sees at most three failed sign-ins a minute, and a corrected
//! password is noticed without a restart. Counted in the broker's own log.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use local_kafka::{Cluster, Options};
use protocol::{ClusterState, ErrorCode, GroupsRequest, TopicsRequest, WatchGroups};
use tests::client::messaggi;
use tests::{Bridge, Kafka, PATIENCE, Watch, eventually, eventually_within, unique};

use crate::config::file;

const CONFIGS_TOOL: &str = "kafka.admin.ConfigCommand";

const USER: &str = "alice";
const PASSWORD: &str = "canary-77aa01-password";

/// How long connections are admitted after a successful sign-in.
const ADMIT_FOR: Duration = Duration::from_secs(2);

/// The bridge waits 21 s after a refused sign-in; one second is left for the accuracy of timers.
const SPACING: Duration = Duration::from_secs(20);

/// How many clients connect; each needs several Kafka clients.
const PAGES: usize = 4;

/// The text of a failed sign-in in the broker's log.
const REFUSED: &str = "Failed authentication with";

struct Scram {
    cluster: Cluster,
    log: PathBuf,
}

impl Scram {
    async fn start() -> Option<Self> {
        let listener = "listener.name.sasl_plaintext";
        let extra_properties = format!(
            "{listener}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256\n\
             {listener}.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        );
        let cluster =
            Kafka::own_cluster_from(Options { secured: true, extra_properties, ..Options::for_tests() }).await?;
        let log = cluster.brokers()[0].log().to_owned();
        Some(Self { cluster, log })
    }

    fn address(&self) -> String {
        self.cluster.secured().expect("started so").address("SASL_PLAINTEXT")
    }

    /// Sets the password with Kafka's own tool, over the plaintext listener.
    fn set_password(&self, password: &str) {
        let config = format!("SCRAM-SHA-256=[iterations=4096,password={password}]");
        let arguments = ["--alter", "--add-config", &config, "--entity-type", "users", "--entity-name", USER];
        let output = self.cluster.tool(CONFIGS_TOOL, &arguments).expect("Java runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn refused(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).expect("the broker writes a log");
        log.lines().filter(|line| line.contains(REFUSED)).count()
    }

    /// Connects clients that use Kafka in every way.
    async fn press(&self, bridge: &Bridge, topic: &str) -> Vec<tests::Client> {
        let mut clients = Vec::new();
        for index in 0..PAGES {
            let mut client = bridge.client().await;
            client.produce(messaggi(topic, 1)).await;
            client.request(Watch::tail(topic).message()).await;
            client.request(Watch::group(topic, &format!("{topic}-{index}")).message()).await;
            client.request(WatchGroups {}).await;
            client.request(TopicsRequest {}).await;
            client.request(GroupsRequest {}).await;
            clients.push(client);
        }
        clients
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_fails_at_most_three_times_a_minute_and_the_right_one_is_noticed() {
    let Some(mut kafka) = Scram::start().await else { return };
    kafka.set_password("another-password");
    let topic = unique("sign-in");
    tests::kafka::create_topic(&kafka.cluster.bootstrap_servers(), &topic, 3).await;
    let properties = file(&format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.username={USER}\nsasl.password={PASSWORD}\n"
    ));
    let bridge = Bridge::start()
        .option("--bootstrap-servers", &kafka.address())
        .option("--kafka-config", properties.path().to_str().expect("a plain path"))
        .await;

    // At the start there is one attempt, whatever needs Kafka.
    eventually("the first refusal", || async { (kafka.refused() > 0).then_some(()) }).await;
    let first = Instant::now();
    let _clients = kafka.press(&bridge, &topic).await;
    let error = eventually("the reason", || async { bridge.cluster().await.error }).await;
    assert_eq!(error.code, ErrorCode::AuthenticationFailed.number(), "{error:?}");

    // The second attempt comes at least 20 s later, so that no minute has more than three.
    eventually("the second attempt", || async { (kafka.refused() > 1).then_some(()) }).await;
    // Not a performance bound: the spacing itself is what keeps an account from being locked.
    assert!(first.elapsed() > SPACING, "after {:?}", first.elapsed());
    assert_eq!(kafka.refused(), 2, "all clients together\n{}", bridge.output());

    // The right password is used with the next attempt.
    kafka.set_password(PASSWORD);
    let up = || async { (bridge.cluster().await.state == ClusterState::Up).then_some(()) };
    eventually("Kafka, with the right password", up).await;
    let mut client = bridge.client().await;
    let subscription = client.subscribe(&Watch::tail(&topic)).await;
    // Records that were produced while sign-in failed.
    client.records(subscription, PAGES).await;
    assert_eq!(kafka.refused(), 2, "signing in succeeds for every client\n{}", bridge.output());

    // Connections of the two seconds after a successful sign-in are admitted without another one (SECURITY.md, "Known limits").
    let connected = Instant::now();
    eventually("the end of two seconds", || async { (connected.elapsed() > ADMIT_FOR).then_some(()) }).await;

    // The password is changed while the bridge runs: every connection ends, and its client must sign in again.
    kafka.set_password("a-third-password");
    kafka.cluster.stop();
    kafka.cluster.restart().expect("Kafka starts again");
    let before = kafka.refused();
    eventually("the first refusal after the change", || async { (kafka.refused() > before).then_some(()) }).await;
    kafka.set_password(PASSWORD);
    // The next attempt comes when the spacing is over.
    eventually_within(SPACING + PATIENCE, "Kafka, once more", up).await;
    assert_eq!(kafka.refused(), before + 1, "all clients together\n{}", bridge.output());
}

/// The properties of a client with this password.
fn properties_of(password: &str) -> String {
    format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.username={USER}\nsasl.password={password}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_password_in_the_properties_file_is_used_without_a_restart() {
    const NEXT: &str = "canary-50be12-password";
    let Some(mut kafka) = Scram::start().await else { return };
    kafka.set_password(PASSWORD);
    let topic = unique("rotated");
    tests::kafka::create_topic(&kafka.cluster.bootstrap_servers(), &topic, 3).await;
    let properties = file(&properties_of(PASSWORD));
    let path = properties.path().to_str().expect("a plain path");
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.address()).option("--kafka-config", path).await;
    let up = || async { (bridge.cluster().await.state == ClusterState::Up).then_some(()) };
    eventually("Kafka", up).await;
    let mut client = bridge.client().await;
    let subscription = client.subscribe(&Watch::tail(&topic)).await;
    client.write(messaggi(&topic, 10)).await;
    client.records(subscription, 10).await;

    kafka.set_password(NEXT);
    // A line that only a new client of librdkafka could use is reported and not applied.
    std::fs::write(path, format!("{}socket.timeout.ms=5000\n", properties_of(NEXT))).expect("the file is writable");
    bridge.logged("used from now on: sasl.password").await;
    let line = bridge.logged("restart the bridge to use it").await;
    assert!(line.contains("socket.timeout.ms"), "{line}");
    // Every connection ends, and its client must sign in again.
    kafka.cluster.stop();
    kafka.cluster.restart().expect("Kafka starts again");
    eventually_within(SPACING + PATIENCE, "Kafka, with the new password", up).await;
    // The producer, the reader and a new reader.
    client.write(messaggi(&topic, 10)).await;
    client.records(subscription, 10).await;
    let mut second = bridge.client().await;
    let from_start = second.subscribe(&Watch::tail(&topic)).await;
    second.records(from_start, 20).await;
    assert_eq!(kafka.refused(), 0, "no client used the old password\n{}", bridge.output());
    assert!(!bridge.output().contains("canary"), "{}", bridge.output());
}
