//! Connection errors: socket, `/readyz`, log and terminal show the same reason with the broker's address and the property to
//! change. Kafka's own errors are tested on real Kafka, network errors on small servers.

use std::net::TcpListener;

use hyper::StatusCode;
use local_kafka::Options;
use local_kafka::secured::PASSWORD;
use protocol::{Cluster, ClusterChanged, ClusterState, ErrorCode};
use serde_json::{Value, json};
use tests::broker_proxy::Listening;
use tests::http::Request;
use tests::kafka::{Mock, unused_address};
use tests::tls_server::TlsServer;
use tests::{Bridge, Kafka, Program, eventually};

use crate::config::file;

/// A connection error: how the bridge connects, and what it must report.
struct Fault {
    what: &'static str,
    servers: String,
    properties: String,
    code: ErrorCode,
    /// Words of the message, in addition to the broker's address.
    words: &'static [&'static str],
    /// Whether the terminal is tested too. It waits ten seconds for brokers that may still start, so some errors are tested
    /// without it.
    in_terminal: bool,
}

impl Fault {
    fn new(
        what: &'static str,
        servers: &str,
        properties: &str,
        code: ErrorCode,
        words: &'static [&'static str],
    ) -> Self {
        let (servers, properties) = (servers.to_owned(), properties.to_owned());
        Self { what, servers, properties, code, words, in_terminal: true }
    }

    fn not_in_terminal(self) -> Self {
        Self { in_terminal: false, ..self }
    }

    async fn is_told_everywhere(&self) {
        let properties = file(&self.properties);
        let path = properties.path().to_str().expect("a plain path");
        let bridge = Bridge::start().option("--bootstrap-servers", &self.servers).option("--kafka-config", path).await;

        // It may take a moment until the reason is known; no other reason may stay.
        let ready: Cluster = eventually(self.what, || async {
            let ready = bridge.get("/readyz").await;
            assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}: {}", self.what, ready.text());
            let cluster: Cluster = ready.json();
            let is_told = cluster.error.as_ref().is_some_and(|error| {
                error.code == self.code.number() && self.words.iter().all(|word| error.message.contains(word))
            });
            is_told.then_some(cluster)
        })
        .await;
        let error = ready.error.clone().expect("it was looked for");
        let message = &error.message;
        assert_eq!(error.name, self.code.name());
        let broker = error.broker.clone().unwrap_or_else(|| panic!("{}: {error:?} names no broker", self.what));
        assert!(message.contains(&broker.address), "{}: {message:?} does not name {}", self.what, broker.address);
        assert!(!message.to_lowercase().contains("docker"), "{}: {message:?}", self.what);
        assert!(!bridge.output().contains(PASSWORD), "{}: a password is shown", self.what);

        let welcome = bridge.client().await.welcome.cluster.clone();
        assert_eq!(welcome.error, Some(error.clone()), "{}", self.what);
        assert_eq!(bridge.cluster().await.error, Some(error.clone()), "{}", self.what);
        bridge.logged(message).await;
        let lines = bridge.stderr.all().iter().filter(|line| line.contains(message.as_str())).count();
        assert_eq!(lines, 1, "{}: one line for each change of state", self.what);

        if self.in_terminal {
            let args = ["topics", "list", "--bootstrap-servers", &self.servers, "--kafka-config", path];
            let mut program = Program::bridge(&args);
            assert_eq!(program.exit_code().await, 1, "{}", self.what);
            let (_, said) = program.all_output().await;
            assert!(said.contains(message.as_str()), "{}: the terminal says {said:?}, not {message:?}", self.what);
        }
    }
}

#[tokio::test]
async fn each_kafka_connection_error_is_named_with_broker_and_property_to_change() {
    // The plaintext listener advertises an address on which no process listens.
    let gone = Listening::new().await.port();
    let options = Options { secured: true, advertised_port: Some(gone), ..Options::for_tests() };
    let Some(cluster) = Kafka::own_cluster_from(options).await else { return };
    let secured = cluster.secured().expect("started so");
    let of = |protocol: &str| secured.client_properties(protocol);
    let address = |protocol: &str| secured.address(protocol);
    let open = cluster.bootstrap_servers();
    let wrong_host = address("SASL_SSL").replace("localhost", "127.0.0.1");
    let certificate = format!("ssl.ca.location={}\n", secured.certificate.display());
    let without_mechanism = of("SASL_PLAINTEXT").replace("PLAIN\n", "SCRAM-SHA-512\n");
    let faults = [
        Fault::new(
            "a wrong password",
            &address("SASL_PLAINTEXT"),
            &of("SASL_PLAINTEXT").replace(PASSWORD, "another-password"),
            ErrorCode::AuthenticationFailed,
            &["sasl.password", "refuses the credentials"],
        ),
        Fault::new(
            "an unknown mechanism",
            &address("SASL_PLAINTEXT"),
            &without_mechanism,
            ErrorCode::AuthenticationFailed,
            &["sasl.mechanism", "only PLAIN"],
        ),
        Fault::new(
            "SASL to a listener without it",
            &open,
            &of("SASL_PLAINTEXT"),
            ErrorCode::AuthenticationFailed,
            &["security.protocol", "does not use SASL"],
        ),
        Fault::new(
            "no SASL to a listener with it",
            &address("SASL_PLAINTEXT"),
            "",
            ErrorCode::AuthenticationFailed,
            &["security.protocol", "SASL_PLAINTEXT"],
        ),
        Fault::new(
            "plaintext to a TLS listener",
            &address("SASL_SSL"),
            &of("SASL_PLAINTEXT"),
            ErrorCode::TlsFailed,
            &["security.protocol", "speaks TLS"],
        ),
        Fault::new(
            "TLS to a plaintext listener",
            &open,
            &format!("security.protocol=SSL\n{certificate}"),
            ErrorCode::TlsFailed,
            &["security.protocol", "does not speak TLS"],
        ),
        Fault::new(
            "an untrusted certificate",
            &address("SASL_SSL"),
            &of("SASL_SSL").replace(&certificate, ""),
            ErrorCode::CertificateRejected,
            &["ssl.ca.location", "self-signed"],
        ),
        Fault::new(
            "a certificate of another host",
            &wrong_host,
            &of("SASL_SSL"),
            ErrorCode::CertificateRejected,
            &["ssl.endpoint.identification.algorithm", "does not name the host 127.0.0.1"],
        ),
        Fault::new(
            "no client certificate",
            &address("SSL"),
            &format!("security.protocol=SSL\n{certificate}"),
            ErrorCode::CertificateRejected,
            &["ssl.certificate.location", "client certificate"],
        ),
        Fault::new(
            "an advertised address that cannot be reached",
            &open,
            "",
            ErrorCode::AdvertisedAddressUnreachable,
            &["advertised.listeners", "which this machine cannot reach", "nothing listens there"],
        ),
    ];
    for fault in &faults {
        fault.is_told_everywhere().await;
    }
    let advertised = format!("127.0.0.1:{gone}");
    let bridge = Bridge::start().option("--bootstrap-servers", &open).await;
    let unreachable = ErrorCode::AdvertisedAddressUnreachable.number();
    // A broker that answers slowly is at first one that does not answer.
    let reason = || async { bridge.cluster().await.error.filter(|error| error.code == unreachable) };
    let error = eventually("the advertised address as the reason", reason).await;
    assert!(error.message.contains(&open) && error.message.contains(&advertised), "both are named: {error:?}");
    assert_eq!(error.broker.map(|broker| (broker.id.is_some(), broker.address)), Some((true, advertised)));
}

#[tokio::test]
async fn each_network_error_is_named() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = (silent.local_addr().expect("a bound listener").to_string(), silent);
    let expired = TlsServer::expired();
    let trusted = format!("security.protocol=SSL\nssl.ca.location={}\n", expired.certificate.path().display());
    let of_unknown_issuer = TlsServer::of_own_authority();
    let nobody = unused_address();
    // `.invalid` never has an address (RFC 6761).
    let nowhere = "kafka.invalid:9092";
    for fault in [
        Fault::new(
            "a name without address",
            nowhere,
            "",
            ErrorCode::DnsFailed,
            &["--bootstrap-servers", "kafka.invalid"],
        )
        .not_in_terminal(),
        Fault::new(
            "nobody listens",
            &nobody,
            "",
            ErrorCode::ConnectionRefused,
            &["--bootstrap-servers", "nothing listens"],
        ),
        Fault::new("nobody answers", &silent.0, "", ErrorCode::ConnectionTimedOut, &["--bootstrap-servers", "in time"])
            .not_in_terminal(),
        Fault::new(
            "an expired certificate",
            &expired.address,
            &trusted,
            ErrorCode::CertificateRejected,
            &["has expired"],
        ),
        Fault::new(
            "a certificate issued by another CA than the one that is trusted",
            &of_unknown_issuer.address,
            &trusted,
            ErrorCode::CertificateRejected,
            &["issued by a CA that is not trusted here", "set ssl.ca.location to the CA's certificate"],
        ),
    ] {
        fault.is_told_everywhere().await;
    }
}

#[tokio::test]
async fn most_specific_error_of_several_bootstrap_servers_is_shown() {
    let expired = TlsServer::expired();
    let trusted = format!("security.protocol=SSL\nssl.ca.location={}\n", expired.certificate.path().display());
    let servers = format!("{},{}", unused_address(), expired.address);
    Fault::new("one of two", &servers, &trusted, ErrorCode::CertificateRejected, &["has expired"])
        .not_in_terminal()
        .is_told_everywhere()
        .await;
}

#[tokio::test]
async fn request_without_a_reachable_broker_fails_with_the_reason() {
    let nobody = unused_address();
    let bridge = Bridge::start().option("--bootstrap-servers", &nobody).await;
    eventually("the reason", || async { bridge.cluster().await.error }).await;
    let mut client = bridge.client().await;
    let refused = client.refused(protocol::TopicsRequest {}).await.error;
    assert_eq!(refused.code, ErrorCode::ConnectionRefused.number(), "{refused:?}");
    assert!(refused.message.contains("nothing listens") && refused.message.contains(&nobody), "{refused:?}");
    assert_eq!(refused.broker.map(|broker| broker.address), Some(nobody));
}

#[tokio::test]
async fn connection_error_is_cleared_when_kafka_answers() {
    let kafka = Mock::start();
    kafka.down();
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;
    let mut cluster = client.welcome.cluster.clone();
    while cluster.error.is_none() {
        cluster = client.expect::<ClusterChanged>().await.cluster;
    }
    kafka.up();
    while cluster.state == ClusterState::Down {
        cluster = client.expect::<ClusterChanged>().await.cluster;
    }
    assert_eq!(cluster.error, None);
    assert_eq!(bridge.get("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn readyz_without_access_token_shows_only_the_name_of_the_error() {
    const TOKEN: &str = "canary-51c3ab70-token";
    let nobody = unused_address();
    let bridge = Bridge::start().option("--bootstrap-servers", &nobody).env("PONTE_TOKEN", TOKEN).await;
    let expected = json!({ "state": "down", "error": { "name": "connection_refused" } });
    eventually("the name of the reason", || async {
        let ready = bridge.get("/readyz").await;
        assert!(!ready.text().contains(&nobody), "{}", ready.text());
        (ready.json::<Value>() == expected).then_some(())
    })
    .await;
    let ready = Request::get("/readyz").header("authorization", &format!("Bearer {TOKEN}")).send(&bridge.address).await;
    let error = ready.json::<Cluster>().error.expect("it is down");
    assert!(error.message.contains(&nobody), "{error:?}");
}
