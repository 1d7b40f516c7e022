//! Java's `client.properties` as `--kafka-config`: one file for Kafka's own tools and for the bridge, on a secured Kafka; the
//! certificates that the system trusts; and automatic creation switched off.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use local_kafka::{Cluster, Secured, secured};
use protocol::{ClusterDetailsRequest, ClusterDetailsResult};
use tests::client::{Outcome, messaggi};
use tests::skip::need_program;
use tests::system_bundle::bridge_with_system_bundle;
use tests::{Bridge, Kafka, Program, eventually, unique};

use super::config::file;

/// The password of the key stores that [`Secured`] creates.
const STORE_PASSWORD: &str = "changeit";

const CONSOLE_CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const GROUPS_TOOL: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/// A file in the syntax of Java: `:` between name and value, a continued line, an escaped letter in the password, and settings
/// that only Java has.
fn java_file(address: &str, truststore: &Path) -> String {
    let password = secured::PASSWORD.replacen('a', "\\u0061", 1);
    format!(
        "\u{feff}! for kafka-console-consumer\r\n\
         bootstrap.servers: {address}\r\n\
         security.protocol: SASL_SSL\r\n\
         sasl.mechanism: PLAIN\r\n\
         sasl.jaas.config: org.apache.kafka.common.security.plain.PlainLoginModule required \\\r\n\
         \x20   username=\"{}\" \\\r\n\
         \x20   password=\"{password}\";\r\n\
         ssl.truststore.location = {}\r\n\
         ssl.truststore.type = PKCS12\r\n\
         ssl.truststore.password {STORE_PASSWORD}\r\n\
         max.poll.records=100\r\n",
        secured::USER,
        truststore.display()
    )
}

/// Produces three records, and fails if one is not acknowledged.
async fn produces(args: &[&str], topic: &str) {
    let args = [&["produce", "--topic", topic, "--count", "3", "--interval-ms", "1"], args].concat();
    let mut producer = Program::bridge(&args);
    assert_eq!(producer.exit_code().await, 0, "{}", producer.output());
}

/// Runs one of Kafka's own tools with the same file, and returns what it prints.
async fn tool(cluster: &Cluster, address: &str, class: &'static str, arguments: &[&str]) -> String {
    let mut command = cluster.tool_command_at(address, class, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().expect("Java runs"));
    let output = output.await.expect("the tool's thread does not panic");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{class}: {out}\n{err}");
    out.into_owned()
}

async fn features_error(bridge: &Bridge) -> Option<protocol::ErrorBody> {
    let ClusterDetailsResult { details } = bridge.client().await.ask(ClusterDetailsRequest {}).await;
    details.features_error
}

/// One secured Kafka for three checks, because starting it takes seconds.
#[tokio::test]
async fn java_client_properties_reach_a_secured_kafka() {
    let Some(cluster) = Kafka::secured().await else { return };
    let secured = cluster.secured().expect("started so");
    one_file_configures_kafkas_tools_and_the_bridge(&cluster, secured).await;
    client_certificates_come_from_pkcs12_and_pem_stores(secured).await;
    system_certificates_are_trusted(secured).await;
}

async fn one_file_configures_kafkas_tools_and_the_bridge(cluster: &Cluster, secured: &Secured) {
    let (topic, group) = (unique("java-file"), unique("group"));
    let address = secured.address("SASL_SSL");
    let properties = file(&java_file(&address, &secured.identity.with_file_name("trust.p12")));
    let path = properties.path().to_str().expect("a plain path");

    // The bootstrap servers are in the file.
    let mut created = Program::bridge(&["topics", "create", "--topic", &topic, "--kafka-config", path]);
    assert_eq!(created.exit_code().await, 0, "{}", created.output());
    // The log names the properties that were translated or ignored, without their values.
    created
        .logged(&format!(
            "{path}: translated from Java's properties: ssl.truststore.location → ssl.ca.pem, sasl.jaas.config → sasl.username, \
             sasl.jaas.config → sasl.password"
        ))
        .await;
    created.logged(&format!("{path}: ignored, because they have no effect here: max.poll.records")).await;
    produces(&["--kafka-config", path], &topic).await;
    let mut consumer =
        Program::bridge(&["consume", "--topic", &topic, "--group", &group, "--count", "3", "--kafka-config", path]);
    assert_eq!(consumer.exit_code().await, 0, "{}", consumer.output());

    // Kafka's own tools do not read a byte order mark, which is the only difference.
    let judged =
        file(java_file(&address, &secured.identity.with_file_name("trust.p12")).trim_start_matches('\u{feff}'));
    let path = judged.path().to_str().expect("a plain path");
    let arguments = ["--topic", &topic, "--from-beginning", "--max-messages", "3", "--timeout-ms", "20000"];
    let read = tool(cluster, &address, CONSOLE_CONSUMER, &[&arguments[..], &["--command-config", path]].concat()).await;
    assert_eq!(read.lines().filter(|line| line.contains("messaggio")).count(), 3, "{read}");
    let arguments = ["--describe", "--group", &group, "--command-config", path];
    let described = tool(cluster, &address, GROUPS_TOOL, &arguments).await;
    assert!(described.contains(&topic), "{described}");
}

async fn client_certificates_come_from_pkcs12_and_pem_stores(secured: &Secured) {
    let Some(openssl) = need_program("openssl") else { return };
    let address = secured.address("SSL");
    let trust = secured.identity.with_file_name("trust.p12");
    let pem = pem_identity(&openssl, &secured.identity);
    let pem_text = std::fs::read_to_string(pem.path()).expect("a readable file");
    let between = |begin: &str, end: &str| {
        let from = pem_text.find(begin).expect("it begins");
        let to = pem_text[from..].find(end).expect("it ends") + from + end.len();
        pem_text[from..to].replace('\n', " \\\n ")
    };
    let certificate = between("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let key = between("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let trust = format!(
        "security.protocol=SSL\nssl.truststore.location={}\nssl.truststore.password={STORE_PASSWORD}\n",
        trust.display()
    );
    for identity in [
        format!(
            "ssl.keystore.location={}\nssl.keystore.password={STORE_PASSWORD}\nssl.keystore.type=PKCS12\n\
             ssl.key.password={STORE_PASSWORD}\n",
            secured.identity.display()
        ),
        format!("ssl.keystore.location={}\nssl.keystore.type=PEM\n", pem.path().display()),
        format!("ssl.keystore.type=PEM\nssl.keystore.certificate.chain={certificate}\nssl.keystore.key={key}\n"),
    ] {
        let properties = file(&format!("{trust}{identity}"));
        let path = properties.path().to_str().expect("a plain path");
        let bridge = Bridge::start().option("--bootstrap-servers", &address).option("--kafka-config", path).await;
        // First with the TLS of the bridge's own connection, then with that of librdkafka.
        assert_eq!(features_error(&bridge).await, None, "{identity}");
        produces(&["--bootstrap-servers", &address, "--kafka-config", path], &unique("mtls")).await;
    }
}

/// Certificate and key of the store, as Java's PEM stores hold them.
fn pem_identity(openssl: &Path, store: &Path) -> tempfile::NamedTempFile {
    let output = Command::new(openssl)
        .args(["pkcs12", "-nodes", "-passin", &format!("pass:{STORE_PASSWORD}"), "-in"])
        .arg(store)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file(&String::from_utf8(output.stdout).expect("PEM is text"))
}

/// As in a container whose system bundle has the company's certificate authority: neither the environment nor the file names it.
async fn system_certificates_are_trusted(secured: &Secured) {
    let address = secured.address("SASL_SSL");
    let with_ca = secured.client_properties("SASL_SSL");
    let without: String =
        with_ca.lines().filter(|line| !line.starts_with("ssl.ca.")).fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        });
    let properties = file(&without);
    let path = properties.path().to_str().expect("a plain path");
    let args = ["--listen", "127.0.0.1:0", "--bootstrap-servers", &address, "--kafka-config", path];

    let Some(with_the_ca) = bridge_with_system_bundle(&secured.certificate) else { return };
    let mut bridge = Program::run(with_the_ca, &args, &[]);
    let greeting = bridge.line().await;
    let listening = greeting.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
    eventually("Kafka being reached with the system's certificates", || async {
        (tests::http::Request::get("/readyz").send(listening).await.status == 200).then_some(())
    })
    .await;
    let mut client = tests::Client::hello(tests::socket::Handshake::with(listening).open().await).await;
    let ClusterDetailsResult { details } = client.ask(ClusterDetailsRequest {}).await;
    assert_eq!(details.features_error, None, "the bridge's own TLS finds the same certificates");

    // With another bundle the broker's certificate is not trusted.
    let other = file("");
    let Some(without_the_ca) = bridge_with_system_bundle(other.path()) else { return };
    let args = ["topics", "list", "--bootstrap-servers", &address, "--kafka-config", path];
    let mut refused = Program::run(without_the_ca, &args, &[]);
    assert_ne!(refused.exit_code().await, 0, "{}", refused.output());
}

/// Switched off by flag, environment and file; for the terminal and the page.
#[tokio::test]
async fn produce_creates_no_topic_if_automatic_creation_is_off() {
    let Some(kafka) = Kafka::current().await else { return };
    let servers = kafka.bootstrap_servers().expect("a real Kafka");
    let properties = file("allow.auto.create.topics=false\n");
    let path = properties.path().to_str().expect("a plain path");
    for (args, env) in [
        (&["--no-auto-create"][..], &[][..]),
        (&["--kafka-config", path], &[]),
        (&[], &[("PONTE_NO_AUTO_CREATE", "true")]),
    ] {
        let topic = unique("not-made");
        let sending = ["produce", "--bootstrap-servers", &servers, "--topic", &topic, "--count", "1"];
        let mut producer = Program::bridge_with(&[&sending, args].concat(), env);
        assert_eq!(producer.exit_code().await, 1, "{}", producer.output());
        let (_, said) = producer.all_output().await;
        assert!(said.contains("automatic creation is disabled") && said.contains(&topic), "{said}");

        let bridge =
            args.iter().fold(Bridge::start().option("--bootstrap-servers", &servers), |bridge, arg| bridge.flag(arg));
        let bridge = env.iter().fold(bridge, |bridge, (name, value)| bridge.env(name, value)).await;
        let mut client = bridge.client().await;
        let seq = client.produce(messaggi(&topic, 1)).await;
        let Outcome::Failed(error) = client.outcome(seq).await else { panic!("a record in a topic that is not there") };
        assert!(error.message.contains("automatic creation is disabled"), "{error:?}");

        let mut listed = Program::bridge(&["topics", "list", "--bootstrap-servers", &servers]);
        assert_eq!(listed.exit_code().await, 0);
        assert!(!listed.all_output().await.0.contains(&topic), "{topic} was made");
    }
}
