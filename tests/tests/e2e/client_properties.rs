//! `--kafka-config`: a Java client's file as Kafka's own tools read it, certificates of the system, automatic creation of topics.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use local_kafka::{Cluster, Secured, secured};
use protocol::{ClusterDetailsRequest, ClusterDetailsResult, ErrorCode, ProduceRecord, WireBytes};
use tempfile::NamedTempFile;
use tests::client::{Outcome, messaggi};
use tests::kafka::create_topic;
use tests::program::bridge_binary;
use tests::skip::skip;
use tests::socket::Handshake;
use tests::{Bridge, Client, Kafka, Program, eventually, unique};

const TOPICS_TOOL: &str = "org.apache.kafka.tools.TopicCommand";

/// Where Debian keeps the certificates of the authorities that the machine trusts.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(content.as_bytes()).expect("a temporary file takes bytes");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a plain path")
}

/// A `client.properties` as Kafka's documentation shows it, for each secured listener.
fn java_files(secured: &Secured) -> [(&'static str, String); 2] {
    let store = secured.identity.display();
    let trust = secured.identity.with_file_name("trust.p12");
    let trust = format!(
        "ssl.truststore.location={}\nssl.truststore.password : changeit\nssl.truststore.type=PKCS12\n",
        trust.display()
    );
    let sasl = format!(
        "# With every way to write a property\n! that java.util.Properties knows.\nbootstrap.servers={}\r\n\
         security.protocol: SASL_SSL\nsasl.mechanism PLAIN\n\
         sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\\n    \
         username=\"{}\" \\\n    password=\"{}\";\n{trust}\
         key.deserializer=org.apache.kafka.common.serialization.StringDeserializer\nmax.poll.records=10\n",
        secured.address("SASL_SSL"),
        secured::USER,
        secured::PASSWORD,
    );
    let tls = format!(
        "bootstrap.servers = {}\nsecurity.protocol = SSL\n{trust}ssl.keystore.location={store}\n\
         ssl.keystore.password=changeit\nssl.key.password=change\\u0069t\nacks=all\nenable.idempotence=true\n",
        secured.address("SSL"),
    );
    [("SASL_SSL", sasl), ("SSL", tls)]
}

/// What Kafka's own tool lists with this file.
fn listed_by_kafkas_tool(cluster: &Cluster, secured: &Secured, protocol: &str, config: &str) -> String {
    // The tool takes its last `--bootstrap-server`; the first is that of the open listener.
    let address = secured.address(protocol);
    let mut command = cluster.tool_command(TOPICS_TOOL, &["--command-config", config, "--list"]);
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_owned()).collect();
    let open = cluster.bootstrap_servers();
    let arguments =
        arguments.into_iter().map(|argument| if *argument == *open { address.clone().into() } else { argument });
    let mut secured_command = Command::new(command.get_program());
    let output = secured_command.args(arguments).stdin(Stdio::null()).output().expect("Java runs");
    command.stdin(Stdio::null());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{protocol}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test]
async fn one_java_file_serves_kafkas_own_tool_and_the_bridge() {
    let Some(cluster) = Kafka::secured().await else { return };
    let secured = cluster.secured().expect("started so");
    let topic = unique("java-file");
    create_topic(&cluster.bootstrap_servers(), &topic, 1).await;
    for (protocol, content) in java_files(secured) {
        let config = file(&content);
        let judged = listed_by_kafkas_tool(&cluster, secured, protocol, path(&config));
        assert!(judged.lines().any(|line| line == topic), "{protocol}: {judged}");

        // No address on the command line: the file's is used.
        let mut program = Program::bridge(&["topics", "list", "--kafka-config", path(&config)]);
        let (listed, log) = program.all_output().await;
        assert!(listed.contains(&topic), "{protocol}: {listed}{log}");
        assert!(!log.contains(secured::PASSWORD) && !log.contains("changeit"), "{protocol}: {log}");

        let bridge = Bridge::start().option("--kafka-config", path(&config)).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 1)).await;
        // The bridge's own requests take the same way.
        let ClusterDetailsResult { details } = client.ask(ClusterDetailsRequest {}).await;
        assert_eq!(details.features_error, None, "{protocol}");
        let translated = if protocol == "SASL_SSL" { "sasl.jaas.config" } else { "ssl.truststore.location" };
        assert!(bridge.output().contains(translated), "what was translated is listed: {}", bridge.output());
        assert!(!bridge.output().contains(secured::PASSWORD), "{}", bridge.output());
    }
    trust_of_the_system(secured).await;
}

/// As in a container: the authority is in the system's bundle, and no variable of the environment says where that is.
async fn trust_of_the_system(secured: &Secured) {
    if !Path::new(SYSTEM_BUNDLE).exists() {
        return skip(&format!("{SYSTEM_BUNDLE} does not exist on this system"));
    }
    let unshared = Command::new("unshare").args(["--mount", "true"]).status();
    if !unshared.is_ok_and(|status| status.success()) {
        return skip("no mount namespace of its own (unshare --mount)");
    }
    let config = file(&format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username={}\nsasl.password={}\n",
        secured::USER,
        secured::PASSWORD
    ));
    let address = secured.address("SASL_SSL");
    let start = |bundle: &Path| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", &format!("mount --bind \"$0\" {SYSTEM_BUNDLE} && exec \"$@\"")])
            .arg(bundle)
            .arg(bridge_binary())
            .args(["--listen", "127.0.0.1:0", "--bootstrap-servers", &address, "--kafka-config", path(&config)])
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR");
        Program::started_by(command, "bridge in a mount namespace of its own", &[])
    };
    let state = async |program: &mut Program, wanted: &'static str| {
        let greeting = program.line().await;
        let address = greeting.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let address = address.unwrap_or_else(|| panic!("{greeting}")).to_owned();
        eventually(wanted, || async {
            let ready = tests::http::Request::get("/readyz").send(&address).await;
            ready.text().contains(wanted).then_some(())
        })
        .await;
        address
    };
    let mut trusting = start(&secured.certificate);
    let address = state(&mut trusting, "\"state\":\"up\"").await;
    let mut client = Client::hello(Handshake::with(&address).open().await).await;
    let ClusterDetailsResult { details } = client.ask(ClusterDetailsRequest {}).await;
    assert_eq!(details.features_error, None, "the bridge's own TLS connection finds the same authority");

    // The same bridge with another bundle: the trust came from there.
    let other = file("");
    let mut refusing = start(other.path());
    state(&mut refusing, "\"state\":\"down\"").await;
}

#[tokio::test]
async fn topics_are_not_created_where_the_user_forbids_it() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("a real Kafka");
    let forbidding = file("allow.auto.create.topics=false\n");
    let by_file = Bridge::start().on(&kafka).option("--kafka-config", path(&forbidding));
    for (how, bridge) in [("flag", Bridge::start().on(&kafka).flag("--no-auto-create")), ("file", by_file)] {
        let bridge = bridge.await;
        let topic = unique("never-created");
        let mut client = bridge.client().await;
        let record =
            ProduceRecord { topic: topic.clone(), value: WireBytes::Text("x".into()), ..ProduceRecord::default() };
        let seq = client.produce(vec![record]).await;
        let Outcome::Failed(error) = client.outcome(seq).await else { panic!("{how}: acknowledged") };
        assert_eq!(error.name, ErrorCode::UnknownTopic.name(), "{how}: {error:?}");
        assert!(
            error.message.contains("--no-auto-create") || error.message.contains("allow.auto.create.topics"),
            "{error:?}"
        );

        let mut producer = Program::bridge(&[
            "produce",
            "--bootstrap-servers",
            &servers,
            "--topic",
            &topic,
            "--count",
            "1",
            "--kafka-config",
            path(&forbidding),
        ]);
        assert_eq!(producer.exit_code().await, 1, "{how}");
        let listed = kafka.tool(TOPICS_TOOL, &["--list"]).await;
        assert!(!listed.contains(&topic), "{how}: {listed}");
    }
}

/// A file that leaves something open is refused at the start, with what to add.
#[tokio::test]
async fn a_file_that_would_connect_otherwise_than_meant_is_refused() {
    let jaas = "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"canary-secret\";\n";
    for (content, words) in [
        ("sasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=canary-secret\n".to_owned(), &["security.protocol"][..]),
        ("security.protocol=SASL_SSL\nsasl.username=u\nsasl.password=canary-secret\n".to_owned(), &["sasl.mechanism"]),
        ("ssl.ca.location=/ca.pem\n".to_owned(), &["ssl.ca.location", "security.protocol=SSL"]),
        (format!("security.protocol=SASL_SSL\n{jaas}"), &["sasl.mechanism"]),
        (
            format!("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n{jaas}sasl.username=other\n"),
            &["sasl.username", "sasl.jaas.config"],
        ),
        (
            "security.protocol=SSL\nssl.truststore.location=/not/there.jks\n".to_owned(),
            &["ssl.truststore.location", "line 2"],
        ),
        ("acks=1\n".to_owned(), &["acks", "line 1"]),
        ("security.protocl=SSL\n".to_owned(), &["security.protocl", "security.protocol"]),
    ] {
        let config = file(&content);
        let mut program = Program::bridge(&["--kafka-config", path(&config)]);
        assert_eq!(program.exit_code().await, 2, "{content}");
        let (_, log) = program.all_output().await;
        for word in words {
            assert!(log.contains(word), "{word:?} for {content:?}: {log}");
        }
        assert!(!log.contains("canary-secret"), "{log}");
    }
}
