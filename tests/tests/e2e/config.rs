//! Invalid settings end the start with exit code 2 before a port is bound; the message has the flag, its value, and what is
//! allowed.

use std::io::Write;

use tempfile::NamedTempFile;
use tests::fence::all_before_reply;
use tests::kafka::unused_address;
use tests::{Bridge, PATIENCE, Program, eventually, unique};

/// A password that must not appear in any output.
const CANARY: &str = "canary-3f9a1c-password";

/// Starts the bridge, and expects exit code 2, all these words on standard error, and nothing on standard output.
async fn refuses(args: &[&str], env: &[(&str, &str)], words: &[&str]) {
    let mut program = Program::bridge_with(args, env);
    assert_eq!(program.exit_code().await, 2, "{args:?} {env:?}");
    eventually("the end of its standard error", || async {
        let said = program.stderr.text();
        words.iter().all(|word| said.contains(word)).then_some(())
    })
    .await;
    assert_eq!(program.stdout.text(), "", "{args:?} {env:?}: it never listened");
}

pub fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(content.as_bytes()).expect("a temporary file takes bytes");
    file
}

#[tokio::test]
async fn invalid_flag_is_named_with_its_value_and_the_allowed_values() {
    for (args, words) in [
        (&["--listen", "nowhere"][..], &["--listen", "nowhere"][..]),
        (&["--listen", "127.0.0.1:99999"], &["--listen", "127.0.0.1:99999"]),
        (&["--bootstrap-servers", "kafka"], &["--bootstrap-servers", "kafka", "host:port"]),
        (&["--bootstrap-servers", "kafka:0"], &["--bootstrap-servers", "kafka:0", "1 to 65535"]),
        (&["--bootstrap-servers", ""], &["--bootstrap-servers"]),
        (&["--topic", "a b"], &["--topic", "a b", "letters"]),
        (&["--topic", ".."], &["--topic", ".."]),
        (&["--group", ""], &["--group"]),
        (&["--start", "soon"], &["--start", "soon", "earliest"]),
        (&["--kafka-config", "/not/there"], &["--kafka-config", "/not/there"]),
        (&["--allowed-origins", "example.com"], &["--allowed-origins", "example.com"]),
        (&["--demo", "--bootstrap-servers", "localhost:9092"], &["--demo", "--bootstrap-servers"]),
        (&["--demo", "--no-demo"], &["--demo", "--no-demo"]),
        (&["--colour", "red"], &["--colour"]),
        (&["produce", "--count", "many"], &["--count", "many"]),
        (&["produce", "--interval-ms=-1"], &["--interval-ms", "-1"]),
        (&["produce", "--stdin", "--count", "3"], &["--stdin", "--count"]),
        (&["produce", "--topic", "a/b"], &["--topic", "a/b"]),
        (&["consume", "--start", "never"], &["--start", "never", "latest"]),
        (&["fly"], &["fly"]),
        (&["--read-only", "serve"], &["--read-only"]),
        (&["--bootstrap-servers", "staging:9092", "produce"], &["--bootstrap-servers"]),
        (&["--kafka-config", "/not/there", "topics", "list"], &["--kafka-config"]),
    ] {
        refuses(args, &[], words).await;
    }
}

#[tokio::test]
async fn invalid_environment_variable_is_named_with_its_value() {
    for (name, value, words) in [
        ("PONTE_LISTEN", "nowhere", &["nowhere"][..]),
        ("PONTE_BOOTSTRAP_SERVERS", "kafka", &["kafka", "host:port"]),
        ("PONTE_TOPIC", "a b", &["a b"]),
        ("PONTE_START", "soon", &["soon", "earliest"]),
        ("PONTE_DEMO", "perhaps", &["perhaps"]),
    ] {
        refuses(&[], &[(name, value)], words).await;
    }
}

#[tokio::test]
async fn environment_variables_set_the_same_options_as_flags() {
    let topic = unique("environment");
    let bridge = Bridge::start()
        .env("PONTE_DEMO", "true")
        .env("PONTE_TOPIC", &topic)
        .env("PONTE_GROUP", "their-group")
        .env("PONTE_START", "latest")
        .await;
    let welcome = bridge.client().await.welcome.clone();
    assert!(welcome.cluster.demo);
    assert_eq!((welcome.defaults.topic, welcome.defaults.group.as_str()), (topic, "their-group"));
    assert_eq!(welcome.defaults.start, protocol::GroupStart::Latest);
}

/// Does not need a free port 9092: with a broker there, the bridge must use that broker.
#[tokio::test]
async fn no_demo_connects_to_the_local_address_and_waits_for_a_broker() {
    for (flag, environment) in [(Some("--no-demo"), None), (None, Some("true"))] {
        let mut builder = Bridge::start();
        if let Some(flag) = flag {
            builder = builder.flag(flag);
        }
        if let Some(value) = environment {
            builder = builder.env("PONTE_NO_DEMO", value);
        }
        let bridge = builder.await;
        assert!(bridge.greeting.ends_with("Kafka at localhost:9092"), "{}", bridge.greeting);
        let cluster = bridge.cluster().await;
        assert!(!cluster.demo && !cluster.named_by_user, "{cluster:?}");
        let is_occupied = std::net::TcpStream::connect("localhost:9092").is_ok();
        if is_occupied {
            continue;
        }
        eventually("the reason", || async { bridge.cluster().await.error }).await;
        assert_eq!(bridge.get("/readyz").await.status, hyper::StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn demo_broker_can_be_chosen_although_the_environment_names_no_demo() {
    let bridge = Bridge::start().demo().env("PONTE_NO_DEMO", "false").await;
    assert!(bridge.cluster().await.demo);
    refuses(&["--demo"], &[("PONTE_NO_DEMO", "true")], &["--demo", "PONTE_NO_DEMO"]).await;
}

#[tokio::test]
async fn listener_beyond_loopback_needs_insecure_no_token() {
    refuses(&["--demo", "--listen", "0.0.0.0:0"], &[], &["0.0.0.0:0", "--insecure-no-token"]).await;
    refuses(&["--demo", "--listen", "[::]:0"], &[], &["--insecure-no-token"]).await;

    let mut program = Program::bridge(&["--demo", "--listen", "0.0.0.0:0", "--insecure-no-token"]);
    let line = program.line().await;
    assert!(line.starts_with("Ponte is listening on http://"), "{line}");
}

#[tokio::test]
async fn occupied_port_is_named_and_ends_the_start() {
    let bridge = Bridge::start().demo().await;
    let mut second = Program::bridge(&["--demo", "--listen", &bridge.address]);
    assert_ne!(second.exit_code().await, 0);
    second.logged(&bridge.address).await;
    assert_eq!(second.stdout.text(), "");
}

#[tokio::test]
async fn property_that_the_bridge_relies_on_is_refused_with_name_and_line() {
    for property in [
        "sasl.kerberos.kinit.cmd",
        "plugin.library.paths",
        "group.id",
        "enable.idempotence",
        "acks",
        "partitioner",
        "isolation.level",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "test.mock.num.brokers",
        "transactional.id",
        "ssl.engine.location",
    ] {
        let properties = file(&format!("# ours\n\nclient.id=me\n{property}={CANARY}\n"));
        let path = properties.path().to_str().expect("a plain path");
        let args = ["--kafka-config", path, "--bootstrap-servers", "localhost:9092"];
        refuses(&args, &[], &["--kafka-config", path, "line 4", property]).await;
    }
}

#[tokio::test]
async fn invalid_properties_file_is_refused_with_line_and_reason() {
    for (content, words) in [
        ("security.protocol", &["line 1"][..]),
        ("client.id=a\nclient.id=b\n", &["line 2", "client.id"]),
        ("no.such.property=1\n", &["line 1", "no.such.property"]),
        ("socket.timeout.ms=soon\n", &["line 1", "socket.timeout.ms", "expected"]),
        ("bootstrap.servers=kafka\n", &["line 1", "bootstrap.servers", "host:port"]),
        ("linger.ms=1\nqueue.buffering.max.ms=2\n", &["line 2", "linger.ms", "queue.buffering.max.ms"]),
        ("ssl.trustore.location=x\n", &["line 1", "did you mean ssl.truststore.location?"]),
        ("sasl.mechanism=PLAIN\n", &["line 1", "add security.protocol=SASL_SSL"]),
        ("security.protocol=SASL_SSL\n", &["line 1", "add sasl.mechanism="]),
    ] {
        let properties = file(content);
        let path = properties.path().to_str().expect("a plain path");
        for command in [&[][..], &["topics", "list"], &["consume"]] {
            let args = [command, &["--kafka-config", path]].concat();
            refuses(&args, &[], &[&["--kafka-config", path], words].concat()).await;
        }
    }
}

#[tokio::test]
async fn password_appears_in_no_log_response_or_message() {
    let properties = file(&format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=me\nsasl.password={CANARY}\n"
    ));
    let path = properties.path().to_str().expect("a plain path");
    let servers = unused_address();
    let mut bridge = Bridge::start()
        .option("--bootstrap-servers", &servers)
        .option("--kafka-config", path)
        .env("PONTE_LOG", "trace")
        .await;
    let mut client = bridge.client().await;
    client.produce(tests::client::messaggi("foobar", 1)).await;
    let seen = eventually("Kafka being down", || async {
        let answer = bridge.get("/readyz").await;
        (answer.status == 503).then(|| answer.text().to_owned())
    })
    .await;
    assert!(!seen.contains(CANARY), "{seen}");
    for route in ["/api/cluster", "/healthz", "/metrics", "/"] {
        assert!(!String::from_utf8_lossy(&bridge.get(route).await.body).contains(CANARY), "{route}");
    }
    for message in all_before_reply(&mut client).await {
        assert!(!format!("{message:?}").contains(CANARY), "{message:?}");
    }
    bridge.ctrl_c();
    bridge.wait_exit(PATIENCE).await;
    assert!(!bridge.output().contains(CANARY), "{}", bridge.output());

    // The same for a refused file: an error in one line must not print the next line.
    let broken = file(&format!("security.protocol=SASL\nsasl.password={CANARY}\n"));
    let mut program = Program::bridge(&["--kafka-config", broken.path().to_str().expect("a plain path")]);
    assert_eq!(program.exit_code().await, 2);
    program.logged("security.protocol").await;
    assert!(!program.output().contains(CANARY), "{}", program.output());
}

#[tokio::test]
async fn help_and_version_are_printed() {
    for (args, word) in
        [(&["--help"][..], "--bootstrap-servers"), (&["--version"], "bridge"), (&["produce", "--help"], "--count")]
    {
        let mut program = Program::bridge(args);
        assert_eq!(program.exit_code().await, 0, "{args:?}");
        eventually("the help", || async { program.stdout.text().contains(word).then_some(()) }).await;
    }
}
