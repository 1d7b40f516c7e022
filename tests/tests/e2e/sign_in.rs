//! The sign-in budget: however many clients need Kafka, brokers see at most three failed sign-ins a minute, and a password that is right
//! again is noticed without a restart. Counted in the broker's own log.

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

/// The bridge waits this long after a refused sign-in (21 s), less what a timer may differ.
const SPACING: Duration = Duration::from_secs(20);

/// Each needs several clients of Kafka.
const PAGES: usize = 4;

/// What a broker's log says of each.
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
            Kafka::of_ones_own_from(Options { secured: true, extra_properties, ..Options::for_tests() }).await?;
        let log = cluster.brokers()[0].log().to_owned();
        Some(Self { cluster, log })
    }

    fn address(&self) -> String {
        self.cluster.secured().expect("started so").address("SASL_PLAINTEXT")
    }

    /// With Kafka's own tool, over the open listener.
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

    /// Opens pages and lets each of them need Kafka in every way there is.
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

    // From the start: one attempt, whoever needs Kafka.
    eventually("the first refusal", || async { (kafka.refused() > 0).then_some(()) }).await;
    let first = Instant::now();
    let _clients = kafka.press(&bridge, &topic).await;
    let error = eventually("the reason", || async { bridge.cluster().await.error }).await;
    assert_eq!(error.code, ErrorCode::AuthenticationFailed.number(), "{error:?}");

    // The second one comes no sooner than a third of a minute later, so that no minute sees more than three.
    eventually("the second attempt", || async { (kafka.refused() > 1).then_some(()) }).await;
    // Not a performance bound: the spacing itself is what keeps an account from being locked.
    assert!(first.elapsed() > SPACING, "after {:?}", first.elapsed());
    assert_eq!(kafka.refused(), 2, "all clients together\n{}", bridge.output());

    // The right password is noticed with the next attempt.
    kafka.set_password(PASSWORD);
    let up = || async { (bridge.cluster().await.state == ClusterState::Up).then_some(()) };
    eventually("Kafka, with the right password", up).await;
    let mut client = bridge.client().await;
    let subscription = client.subscribe(&Watch::tail(&topic)).await;
    // What was sent while nobody could sign in.
    client.records(subscription, PAGES).await;
    assert_eq!(kafka.refused(), 2, "signing in succeeds for every client\n{}", bridge.output());

    // Revoked while the bridge runs: every connection ends, and its client wants a new one.
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
