//! Features and versions of the brokers, compared with Kafka's own tool, over every kind of listener.

use std::io::Write;

use protocol::{ClusterDetails, ClusterDetailsRequest, ClusterDetailsResult, ClusterFeature, ErrorCode};
use tempfile::NamedTempFile;
use tests::{Bridge, Kafka, eventually, on_every_kafka, unique};

const FEATURES_TOOL: &str = "org.apache.kafka.tools.FeatureCommand";

async fn details(bridge: &Bridge) -> ClusterDetails {
    let ClusterDetailsResult { details } = bridge.client().await.ask(ClusterDetailsRequest {}).await;
    details
}

/// Name, lowest and highest supported level, and finalized level, as `kafka-features describe` prints them.
fn described(printed: &str) -> Vec<[String; 4]> {
    let field = |line: &str, name: &str| {
        let mut words = line.split_whitespace().skip_while(|word| word.strip_suffix(':') != Some(name));
        words.nth(1).unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
    };
    let names = ["Feature", "SupportedMinVersion", "SupportedMaxVersion", "FinalizedVersionLevel"];
    printed.lines().map(|line| names.map(|name| field(line, name))).collect()
}

fn feature<'d>(details: &'d ClusterDetails, name: &str) -> &'d ClusterFeature {
    let found = details.features.iter().flatten().find(|feature| feature.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {details:?}"))
}

on_every_kafka! {
    real
    async fn features_and_versions_equal_those_of_kafka_features_tool(kafka: Kafka) {
        let bridge = Bridge::start().on(&kafka).await;
        let described = described(&kafka.tool(FEATURES_TOOL, &["describe"]).await);
        let details = details(&bridge).await;
        assert_eq!(details.features_error, None);
        let told = details.features.as_ref().expect("the broker tells");
        let names: Vec<&str> = told.iter().map(|feature| feature.name.as_str()).collect();
        let expected: Vec<&str> = described.iter().map(|[name, ..]| name.as_str()).collect();
        assert_eq!(names, expected, "by name");
        let broker = &details.brokers[0];
        assert!(!broker.version_or_newer, "{broker:?}");
        for [name, min, max, level] in &described {
            let feature = feature(&details, name);
            let [supported] = feature.supported.as_slice() else { panic!("one broker: {feature:?}") };
            assert_eq!(supported.broker, broker.id);
            if name == "metadata.version" {
                // The tool prints the names of these levels.
                assert_eq!(feature.release.as_ref(), Some(level));
                let release = broker.version.as_deref().expect("a version");
                assert_eq!(max.split('-').next(), Some(release), "the broker's version is that of its newest level");
            } else {
                let told = [supported.min, supported.max, feature.finalized.expect("told")].map(|level| level.to_string());
                assert_eq!(told, [min.clone(), max.clone(), level.clone()], "{name}");
                assert_eq!(feature.release, None);
            }
        }
        if described.is_empty() {
            assert_eq!(broker.version.as_deref(), Some("3.9-IV0"), "with ZooKeeper, by the protocol among brokers");
        } else {
            assert_eq!(broker.version.as_deref(), Some("4.3"));
            assert!(names.contains(&"group.version"), "{names:?}");
        }
    }
}

#[tokio::test]
async fn features_are_read_over_every_secured_listener_and_follow_changes() {
    let Some(cluster) = Kafka::secured().await else { return };
    let secured = cluster.secured().expect("started so");
    let open = Bridge::start().option("--bootstrap-servers", &cluster.bootstrap_servers()).await;
    let expected = details(&open).await;
    for protocol in ["SSL", "SASL_PLAINTEXT", "SASL_SSL"] {
        let mut config = NamedTempFile::new().expect("a temporary file");
        config.write_all(secured.client_properties(protocol).as_bytes()).expect("a temporary file takes bytes");
        let bridge = Bridge::start().option("--bootstrap-servers", &secured.address(protocol));
        let bridge = bridge.option("--kafka-config", config.path().to_str().expect("a plain path")).await;
        let told = details(&bridge).await;
        assert_eq!((&told.features, &told.features_error), (&expected.features, &None), "{protocol}");
        assert_eq!(told.brokers[0].version, expected.brokers[0].version, "{protocol}");
    }

    assert_eq!(feature(&expected, "transaction.version").finalized, Some(2));
    let output = tokio::task::spawn_blocking(move || {
        let output = cluster.tool(FEATURES_TOOL, &["downgrade", "--feature", "transaction.version=1"]);
        (cluster, output.expect("Java runs"))
    });
    let (_cluster, output) = output.await.expect("the tool's thread does not panic");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eventually("the change", || async {
        (feature(&details(&open).await, "transaction.version").finalized == Some(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn demo_broker_reports_that_it_has_no_features() {
    let bridge = Bridge::start().demo().topic(&unique("featureless")).await;
    let details = details(&bridge).await;
    assert_eq!((details.features, details.brokers[0].version.clone()), (None, None));
    let error = details.features_error.expect("a reason");
    assert_eq!(error.code, ErrorCode::NotOnThisCluster.number(), "{error:?}");
}
