//! A Kafka with ACLs: clients without permission to write, read or join get the name of the missing ACL, and the bridge retries
//! only while that is useful.

use std::io::Write;
use std::time::Duration;

use local_kafka::{Cluster, Options};
use protocol::{Decode, ErrorBody, ErrorCode, ErrorMessage, Fetch, Fetched, Offset, ProduceRecord};
use tests::client::{Outcome, messaggi, text_record};
use tests::kafka::{create_topic, create_topic_with};
use tests::{Bridge, Client, Kafka, Program, Watch, eventually, unique};

/// Kafka's own tool for ACLs.
const ACLS: &str = "org.apache.kafka.tools.AclCommand";

/// Users without any permission at first.
const USERS: [&str; 2] = ["reader", "writer"];

/// A Kafka with ACLs, and the client properties of each user for its SASL listener.
struct Guarded {
    cluster: Cluster,
    /// The client properties of each user.
    configs: [tempfile::NamedTempFile; 2],
}

impl Guarded {
    async fn start() -> Option<Self> {
        let options = Options { secured: true, access_rules: true, ..Options::for_tests() };
        let cluster = Kafka::own_cluster_from(options).await?;
        let secured = cluster.secured().expect("started so");
        let configs = USERS.map(|user| {
            let mut config = tempfile::NamedTempFile::new().expect("a temporary file");
            let properties = secured.client_properties_of("SASL_PLAINTEXT", user);
            config.write_all(properties.as_bytes()).expect("a temporary file takes bytes");
            config
        });
        Some(Self { cluster, configs })
    }

    fn arguments(&self, user: &str) -> [String; 4] {
        let address = self.cluster.secured().expect("started so").address("SASL_PLAINTEXT");
        let index = USERS.iter().position(|known| *known == user).expect("one of the users");
        let config = self.configs[index].path().to_str().expect("a path in UTF-8").to_owned();
        ["--bootstrap-servers".to_owned(), address, "--kafka-config".to_owned(), config]
    }

    async fn bridge(&self, user: &str) -> Bridge {
        self.arguments(user).into_iter().fold(Bridge::start(), |bridge, argument| bridge.flag(&argument)).await
    }

    fn program(&self, user: &str, command: &str, more: &[&str]) -> Program {
        let arguments = self.arguments(user);
        let arguments: Vec<&str> =
            [command].into_iter().chain(arguments.iter().map(String::as_str)).chain(more.iter().copied()).collect();
        Program::bridge(&arguments)
    }

    fn allow(&self, user: &str, operation: &str, resource: &[&str]) {
        let principal = format!("User:{user}");
        let rule = ["--add", "--allow-principal", &principal, "--operation", operation];
        let output = self.cluster.tool(ACLS, &[&rule[..], resource].concat()).expect("the tool runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

async fn failure(client: &mut Client, topic: &str) -> ErrorBody {
    let seq = client.produce(messaggi(topic, 1)).await;
    match client.outcome(seq).await {
        Outcome::Failed(error) => error,
        acked @ Outcome::Acked { .. } => panic!("{acked:?}"),
    }
}

fn is_forbidden(error: &ErrorBody, words: &str) {
    assert_eq!(error.code, ErrorCode::Forbidden.number(), "{error:?}");
    assert!(error.message.contains(words), "{error:?}");
    assert!(error.kafka.as_ref().is_some_and(|kafka| kafka.name.contains("AuthorizationFailed")), "{error:?}");
}

/// One Kafka for all checks, because starting it takes longest.
#[tokio::test]
async fn missing_acl_is_named_and_its_grant_is_noticed() {
    let Some(kafka) = Guarded::start().await else { return };
    user_without_write_acl_gets_it_named_and_writes_after_the_grant(&kafka).await;
    user_without_read_acl_gets_it_named_and_reads_after_the_grant(&kafka).await;
}

async fn user_without_write_acl_gets_it_named_and_writes_after_the_grant(kafka: &Guarded) {
    let topic = unique("readable");
    create_topic(&kafka.cluster.bootstrap_servers(), &topic, 1).await;
    kafka.allow("reader", "Read", &["--topic", &topic]);
    let bridge = kafka.bridge("reader").await;
    let mut client = bridge.client().await;
    let write = format!("not authorised to write to topic {topic:?}: it needs the ACL Write on the topic");
    let words = "the producer failed";

    // Reading alone starts no producer.
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    Program::bridge(&[
        "produce",
        "--bootstrap-servers",
        &kafka.cluster.bootstrap_servers(),
        "--topic",
        &topic,
        "--count",
        "1",
    ])
    .exit_code()
    .await;
    assert_eq!(client.records(watch, 1).await.len(), 1);
    assert!(!bridge.output().contains(words), "{}", bridge.output());

    // Many records over several attempts: each fails with the reason, and the log has one line.
    for _ in 0..20 {
        is_forbidden(&failure(&mut client, &topic).await, &write);
        // Not a wait for anything: the failures spread over several attempts of the bridge to start a producer.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = bridge.output().lines().filter(|line| line.contains(words)).count();
    assert_eq!(told, 1, "{}", bridge.output());
    let mut program = kafka.program("reader", "produce", &["--topic", &topic, "--count", "1"]);
    assert_ne!(program.exit_code().await, 0);
    assert!(program.output().contains(&write), "{}", program.output());

    kafka.allow("reader", "Write", &["--topic", &topic]);
    let closed = unique("closed");
    create_topic(&kafka.cluster.bootstrap_servers(), &closed, 1).await;
    let mut granted = false;
    while !granted {
        let seq = client.produce(messaggi(&topic, 1)).await;
        match client.outcome(seq).await {
            Outcome::Acked { .. } => granted = true,
            Outcome::Failed(error) => {
                is_forbidden(&error, &write);
                let wait = error.retry_after_ms.map_or(Duration::from_millis(200), Duration::from_millis);
                assert!(wait <= Duration::from_secs(30), "{error:?}");
                tokio::time::sleep(wait.min(Duration::from_secs(2))).await;
            }
        }
    }
    bridge.logged("the producer delivers records again").await;

    // A forbidden topic does not affect others, and is written once the permission exists.
    let write_closed = format!("not authorised to write to topic {closed:?}: it needs the ACL Write on the topic");
    is_forbidden(&failure(&mut client, &closed).await, &write_closed);
    kafka.allow("reader", "Describe", &["--topic", &closed]);
    is_forbidden(&failure(&mut client, &closed).await, &write_closed);
    client.write(messaggi(&topic, 1)).await;
    kafka.allow("reader", "Write", &["--topic", &closed]);
    eventually("the right to write", || async {
        let mut client = bridge.client().await;
        let seq = client.produce(messaggi(&closed, 1)).await;
        matches!(client.outcome(seq).await, Outcome::Acked { .. }).then_some(())
    })
    .await;
}

async fn user_without_read_acl_gets_it_named_and_reads_after_the_grant(kafka: &Guarded) {
    let topic = unique("writable");
    create_topic(&kafka.cluster.bootstrap_servers(), &topic, 1).await;
    kafka.allow("writer", "Write", &["--topic", &topic]);
    let bridge = kafka.bridge("writer").await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;

    let read = format!("not authorised to read topic {topic:?}: it needs the ACL Read on the topic");
    let refused = client
        .refused(Fetch {
            topic: topic.clone(),
            partition: 0,
            from: Offset(0),
            to: Offset(3),
            decode: Decode::default(),
        })
        .await;
    is_forbidden(&refused.error, &read);
    let tail = client.subscribe(&Watch::tail(&topic)).await;
    let told = client.expect::<ErrorMessage>().await;
    assert_eq!(told.subscription, Some(tail));
    is_forbidden(&told.error, &read);

    // A group needs its own permission first, then that of the topic.
    let group = unique("group");
    let joined = client.subscribe(&Watch::group(&topic, &group)).await;
    let told = client.find("a refused group", |frame| match &frame.message {
        protocol::ServerMessage::ErrorMessage(told) if told.subscription == Some(joined) => Some(told.clone()),
        _ => None,
    });
    let words = format!("not authorised to use group {group:?}: it needs the ACL Read on the group");
    is_forbidden(&told.await.error, &words);
    let mut program = kafka.program("writer", "consume", &["--topic", &topic, "--group", &group, "--count", "1"]);
    assert_ne!(program.exit_code().await, 0);
    assert!(program.output().contains(&words), "{}", program.output());

    // The subscription continues once the permissions exist.
    kafka.allow("writer", "Read", &["--topic", &topic, "--group", &group]);
    let records = client.records(tail, 3).await;
    assert_eq!(records.len(), 3);
    let fetched: Fetched = client
        .ask(Fetch { topic: topic.clone(), partition: 0, from: Offset(0), to: Offset(3), decode: Decode::default() })
        .await;
    assert_eq!(fetched.records.len(), 3);

    // A topic that the user may not describe is reported as forbidden, not as an unknown partition.
    let hidden = unique("hidden");
    create_topic(&kafka.cluster.bootstrap_servers(), &hidden, 1).await;
    let refused = client
        .refused(Fetch {
            topic: hidden.clone(),
            partition: 0,
            from: Offset(0),
            to: Offset(3),
            decode: Decode::default(),
        })
        .await;
    is_forbidden(&refused.error, &hidden);
}

#[tokio::test]
async fn setting_that_refuses_a_record_is_named() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    let (compacted, hour) = (unique("compacted"), unique("hour"));
    create_topic_with(&servers, &compacted, 1, &[("cleanup.policy", "compact")]).await;
    create_topic_with(&servers, &hour, 1, &[("message.timestamp.after.max.ms", "3600000")]).await;
    let bridge = Bridge::start().on(&kafka).topic(&hour).await;
    let mut client = bridge.client().await;
    let outcome = async |client: &mut Client, record: ProduceRecord| {
        let seq = client.produce(vec![record]).await;
        match client.outcome(seq).await {
            Outcome::Failed(error) => error,
            acked @ Outcome::Acked { .. } => panic!("{acked:?}"),
        }
    };
    let error = outcome(&mut client, text_record(&compacted, "no key")).await;
    assert_eq!(error.code, ErrorCode::ProduceRefused.number(), "{error:?}");
    assert!(error.message.contains("no key") && error.message.contains("cleanup.policy"), "{error:?}");
    let year_9999 = 253_370_764_800_000;
    let late = |topic: &str| ProduceRecord { timestamp: Some(year_9999), ..text_record(topic, "late") };
    let error = outcome(&mut client, late(&hour)).await;
    assert_eq!(error.code, ErrorCode::ProduceRefused.number(), "{error:?}");
    assert!(error.message.contains("message.timestamp.after.max.ms"), "{error:?}");

    // Kafka refuses a whole batch; the others of it were valid and can be sent again. With several invalid records, the code of each
    // is InvalidRecord.
    let records = vec![text_record(&hour, "a"), late(&hour), text_record(&hour, "b"), late(&hour)];
    let first = client.produce(records).await;
    for (seq, is_late) in (first..).zip([false, true, false, true]) {
        match client.outcome(seq).await {
            // Not in the same batch of librdkafka.
            Outcome::Acked { .. } => assert!(!is_late),
            Outcome::Failed(error) if is_late => {
                assert!(error.message.contains("message.timestamp.after.max.ms"), "{error:?}");
            }
            Outcome::Failed(error) => {
                assert_eq!((error.code, error.retriable), (ErrorCode::NotDelivered.number(), true), "{error:?}");
                assert!(error.message.contains("another record of the same batch"), "{error:?}");
            }
        }
    }

    let mut program =
        Program::bridge(&["produce", "--bootstrap-servers", &servers, "--topic", &compacted, "--count", "1"]);
    assert_eq!(program.exit_code().await, 1);
    assert!(program.output().contains("cleanup.policy"), "{}", program.output());
}

#[tokio::test]
async fn read_only_bridge_starts_no_producer() {
    let Some(kafka) = Kafka::current().await else { return };
    let topic = kafka.topic("unwritten").await;
    let bridge = Bridge::start().on(&kafka).flag("--read-only").await;
    let mut client = bridge.client().await;
    let error = failure(&mut client, &topic).await;
    assert_eq!(error.code, ErrorCode::ReadOnly.number(), "{error:?}");
    let threads = std::fs::read_dir(format!("/proc/{}/task", bridge.id())).expect("the bridge runs");
    let names: Vec<String> = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("kafka-producer"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}
