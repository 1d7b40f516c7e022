//! Checks that each flavour of Kafka starts, answers Kafka's own tools, and keeps its data when it is restarted.

use std::fs::File;
use std::io::Write as _;

use local_kafka::{Cluster, Flavour, Installation, Options};

/// A running cluster. If this machine cannot run one, the test fails; only with `PONTE_SKIP_LOG` it is skipped and this is `None`.
fn cluster(test: &str, flavour: Flavour) -> Option<Cluster> {
    match Installation::find_or_fetch(flavour) {
        Ok(installation) => Some(installation.start(&Options::for_tests()).expect("a cluster that starts")),
        Err(reason) => {
            skip(test, &reason.to_string());
            None
        }
    }
}

/// Appends the test to the file in `PONTE_SKIP_LOG`, which `cargo xtask test` prints at the end; fails if the variable is not set.
fn skip(test: &str, reason: &str) {
    let Some(log) = std::env::var_os("PONTE_SKIP_LOG") else {
        panic!(
            "local_kafka::{test} cannot run: {reason}. `cargo xtask setup` installs what the tests need; `cargo xtask test` runs \
             all of them and lists those that this machine cannot run"
        );
    };
    let line = format!("SKIPPED: local_kafka::{test}: {reason}");
    println!("{line}");
    let mut log = File::options().create(true).append(true).open(log).expect("PONTE_SKIP_LOG is writable");
    writeln!(log, "{line}").expect("PONTE_SKIP_LOG is writable");
}

/// Runs `kafka-topics` on the cluster and returns its output.
fn topics(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = cluster.tool("org.apache.kafka.tools.TopicCommand", arguments).expect("Java runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}\n{printed}\n{errors}", output.status);
    printed
}

fn check_topics_after_restarts(cluster: &mut Cluster) {
    let bootstrap_servers = cluster.bootstrap_servers();
    topics(cluster, &["--create", "--topic", "ricordi", "--partitions", "2"]);
    for how in ["stop", "kill"] {
        if how == "stop" {
            cluster.stop();
        } else {
            cluster.kill();
        }
        cluster.restart().expect("a cluster that restarts");
        assert_eq!(cluster.bootstrap_servers(), bootstrap_servers);
        assert_eq!(topics(cluster, &["--list"]).trim(), "ricordi", "after {how}");
    }
}

#[test]
fn topics_survive_a_restart_of_one_broker() {
    let Some(mut cluster) = cluster("topics_survive_a_restart_of_one_broker", Flavour::Kraft { brokers: 1 }) else {
        return;
    };
    check_topics_after_restarts(&mut cluster);
}

#[test]
fn topics_survive_a_restart_with_zookeeper() {
    let Some(mut cluster) = cluster("topics_survive_a_restart_with_zookeeper", Flavour::Zookeeper) else { return };
    check_topics_after_restarts(&mut cluster);
}

#[test]
fn three_brokers_serve_with_one_broker_down() {
    let Some(mut cluster) = cluster("three_brokers_serve_with_one_broker_down", Flavour::Kraft { brokers: 3 }) else {
        return;
    };
    topics(&cluster, &["--create", "--topic", "ricordi", "--partitions", "3"]);
    cluster.kill_broker(0);
    let description = topics(&cluster, &["--describe", "--topic", "ricordi"]);
    assert!(description.contains("ReplicationFactor: 3"), "{description}");
    cluster.restart().expect("the killed broker joins again");
}
