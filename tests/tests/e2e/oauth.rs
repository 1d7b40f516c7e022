//! SASL OAUTHBEARER on real Kafka with tokens that live for seconds: every client of the bridge gets new tokens in time, and
//! errors are named. The broker closes each connection when its token expires.

use std::cell::Cell;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use local_kafka::{Cluster, Options};
use protocol::{
    ClusterDetailsRequest, ClusterDetailsResult, ClusterState, Fetch, Fetched, Gap, GroupRequest, GroupResult, Offset,
    TopicsRequest, TopicsResult,
};
use tempfile::NamedTempFile;
use tests::client::text_record;
use tests::fence::nothing_before_reply;
use tests::kafka::create_topic;
use tests::oidc_provider::{OidcProvider, SECRET};
use tests::system_bundle::bridge_with_system_bundle;
use tests::{Bridge, Client, Kafka, Program, Watch, eventually, unique};

/// The expiry of a token is in whole seconds, so a token lives for 7 to 8 s. The renewal at 80 % leaves a busy machine at least
/// 1.4 s.
const TOKEN_LIFETIME_SECS: u32 = 8;

/// The earliest renewal of a token: 80 % of 7 s.
const RENEWED_AFTER: Duration = Duration::from_millis(5600);

/// How many times in a row a client must get a new token.
const LIFETIMES: u64 = 3;

/// The password of the test certificate's store (`local_kafka`).
const STORE_PASSWORD: &str = "changeit";

/// The broker accepts unsigned tokens on its TLS listener, so that one cluster serves all checks.
const UNSECURED_WITH_TLS: &str = "listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=\
     org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler\n";

struct Setting {
    provider: OidcProvider,
    cluster: Cluster,
}

impl Setting {
    fn servers(&self, protocol: &str) -> String {
        self.cluster.secured().expect("started so").address(protocol)
    }

    fn certificate(&self) -> String {
        self.cluster.secured().expect("started so").certificate.display().to_string()
    }

    /// `bridge …` on the listener without TLS, with tokens for this client.
    fn program(&self, config: &NamedTempFile, args: &[&str]) -> Program {
        let servers = self.servers("SASL_PLAINTEXT");
        let options = ["--bootstrap-servers", &servers, "--kafka-config", path(config)];
        Program::bridge(&[args, &options].concat())
    }
}

fn properties(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a temporary file takes bytes");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a plain path")
}

fn without_tls(sasl: &str) -> NamedTempFile {
    properties(&format!("security.protocol=SASL_PLAINTEXT\n{sasl}"))
}

async fn bridge_on(servers: &str, config: &NamedTempFile) -> Bridge {
    Bridge::start().option("--bootstrap-servers", servers).option("--kafka-config", path(config)).await
}

/// How many renewals at most are due in this time. Not a performance bound: a slow machine has more time and may renew more often.
fn renewals_in(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / RENEWED_AFTER.as_millis()).expect("a few")
}

/// One Kafka and one provider for all checks, because starting them takes longest.
#[tokio::test]
async fn oauth_tokens_are_renewed_and_refusals_are_named() {
    let Some(provider) = OidcProvider::start(TOKEN_LIFETIME_SECS, &["ponte", "terminal", "https"]).await else {
        return;
    };
    let options = Options {
        secured: true,
        token_provider: Some(provider.for_kafka()),
        extra_properties: UNSECURED_WITH_TLS.to_owned(),
        ..Options::for_tests()
    };
    let Some(cluster) = Kafka::own_cluster_from(options).await else { return };
    let setting = Setting { provider, cluster };
    tokio::join!(
        every_client_gets_new_tokens_in_time(&setting),
        unsecured_tokens_are_renewed(&setting),
        certificates_of_the_token_endpoint_are_checked(&setting),
    );
    refused_credentials_are_named_until_they_are_accepted(&setting).await;
}

/// Every kind of client: producer, group member, tail, metadata client, offsets, standby consumer, and the terminal's consumer.
async fn every_client_gets_new_tokens_in_time(setting: &Setting) {
    let Setting { provider, cluster } = setting;
    let (topic, group) = (unique("tokens"), unique("group"));
    create_topic(&cluster.bootstrap_servers(), &topic, 1).await;
    let config = without_tls(&provider.client_properties("ponte"));
    let began = Instant::now();
    let bridge = bridge_on(&setting.servers("SASL_PLAINTEXT"), &config).await;
    let of_terminal = without_tls(&provider.client_properties("terminal"));
    let of_terminal_group = unique("group");
    let mut terminal = setting.program(&of_terminal, &["consume", "--topic", &topic, "--group", &of_terminal_group]);
    terminal.expect_line(&format!("In ascolto su '{topic}'...")).await;

    let mut client = bridge.client().await;
    let joined = client.subscribe(&Watch::group(&topic, &group)).await;
    let tail = client.subscribe(&Watch::tail(&topic)).await;
    let log_so_far = log_once_connected(&bridge).await;
    let mut written = 0;
    for lifetime in 0..=LIFETIMES {
        provider.has_issued("ponte", lifetime + 1).await;
        provider.has_issued("terminal", lifetime + 1).await;
        written += 1;
        let value = format!("record {written}");
        client.write(vec![text_record(&topic, &value)]).await;
        for subscription in [joined, tail] {
            let received = client.records(subscription, 1).await;
            assert_eq!(received.iter().map(|record| record.value()).collect::<Vec<_>>(), std::slice::from_ref(&value));
        }
        terminal.expect_line(&format!("← Consumato: {value}")).await;
    }
    // Clients that exist from the start, and clients that are created now.
    let TopicsResult { topics } = client.ask(TopicsRequest {}).await;
    assert!(topics.iter().any(|listed| listed.name == topic), "{topics:?}");
    let GroupResult { .. } = client.ask(GroupRequest { group: group.clone() }).await;
    let range = Fetch {
        topic: topic.clone(),
        partition: 0,
        from: Offset(0),
        to: Offset(2),
        decode: protocol::Decode::default(),
    };
    let fetched: Fetched = client.ask(range).await;
    assert_eq!(fetched.records.len(), 2);
    let later = client.subscribe(&Watch::tail(&topic)).await;
    assert_eq!(client.records(later, written).await.len(), written);
    client.write(vec![text_record(&unique("made"), "on demand")]).await;

    let ClusterDetailsResult { details } = client.ask(ClusterDetailsRequest {}).await;
    assert_eq!(details.features_error, None, "asked over a connection of the bridge's own");

    never_lost_kafka(&mut client, &bridge, log_so_far).await;
    // One token serves all clients of the bridge: the first, and one for each renewal.
    let asked = provider.asked("ponte").await;
    assert!(asked <= 1 + renewals_in(began.elapsed()), "{asked} requests for tokens in {:?}", began.elapsed());
    terminal.ctrl_c();
    assert_eq!(terminal.exit_code().await, 0);
}

/// How many lines the log has when Kafka answers. A broker that has just been started may keep the bridge waiting.
async fn log_once_connected(bridge: &Bridge) -> usize {
    bridge.logged("Kafka answers").await;
    bridge.stderr.all().len()
}

async fn never_lost_kafka(client: &mut Client, bridge: &Bridge, since_line: usize) {
    nothing_before_reply::<Gap>(client).await;
    let log = bridge.stderr.all()[since_line..].join("\n");
    assert!(!log.contains("no Kafka broker answers") && !log.contains("no fresh OAuth token"), "{log}");
    assert_eq!(bridge.cluster().await.state, ClusterState::Up);
}

async fn unsecured_tokens_are_renewed(setting: &Setting) {
    const RENEWED: &str = "a fresh OAuth token";
    let topic = unique("unsecured");
    create_topic(&setting.cluster.bootstrap_servers(), &topic, 1).await;
    let config = properties(&format!(
        "security.protocol=SASL_SSL\nssl.ca.location={}\nsasl.mechanism=OAUTHBEARER\n\
         enable.sasl.oauthbearer.unsecure.jwt=true\n\
         sasl.oauthbearer.config=principal=ponte lifeSeconds={TOKEN_LIFETIME_SECS}\n",
        setting.certificate()
    ));
    let bridge = bridge_on(&setting.servers("SASL_SSL"), &config).await;
    let mut client = bridge.client().await;
    let tail = client.subscribe(&Watch::tail(&topic)).await;
    let log_so_far = log_once_connected(&bridge).await;
    for lifetime in 1..=usize::try_from(LIFETIMES).expect("a few") {
        eventually("a new token", || async {
            (bridge.stderr.all().iter().filter(|line| line.contains(RENEWED)).count() > lifetime).then_some(())
        })
        .await;
        client.write(vec![text_record(&topic, "still here")]).await;
        client.records(tail, 1).await;
    }
    never_lost_kafka(&mut client, &bridge, log_so_far).await;
}

async fn certificates_of_the_token_endpoint_are_checked(setting: &Setting) {
    let identity = &setting.cluster.secured().expect("started so").identity;
    let endpoint = setting.provider.with_tls(identity, STORE_PASSWORD).await;
    let sasl = OidcProvider::client_properties_at(&endpoint, "https");
    let servers = setting.servers("SASL_PLAINTEXT");
    let list = |config| ["topics", "list", "--bootstrap-servers", &servers, "--kafka-config", config];
    let ended = async |mut program: Program| {
        let code = program.exit_code().await;
        (code, program.all_output().await.1)
    };
    let unnamed = without_tls(&sasl);

    let (code, said) = ended(Program::bridge(&list(path(&unnamed)))).await;
    assert!(code != 0 && said.contains(&endpoint) && said.contains("https.ca.location"), "{code}: {said}");
    let certificate = setting.certificate();
    let named = without_tls(&format!("{sasl}https.ca.location={certificate}\n"));
    let (code, said) = ended(Program::bridge_with(&list(path(&named)), &[("PONTE_LOG", "trace")])).await;
    assert_eq!(code, 0, "named by https.ca.location: {said}");
    // A JWT begins with `{"` in base64.
    for secret in [SECRET, "Basic ", "eyJ"] {
        assert!(!said.contains(secret), "the most detailed log holds {secret:?}");
    }
    let variable = [("SSL_CERT_FILE", certificate.as_str())];
    let (code, said) = ended(Program::bridge_with(&list(path(&unnamed)), &variable)).await;
    assert_eq!(code, 0, "named by OpenSSL's variable: {said}");
    // On a system that trusts the authority, neither the environment nor the file names it.
    let Some(trusting) = bridge_with_system_bundle(Path::new(&certificate)) else { return };
    let (code, said) = ended(Program::run(trusting, &list(path(&unnamed)), &[])).await;
    assert_eq!(code, 0, "trusted by the system: {said}");
}

async fn refused_credentials_are_named_until_they_are_accepted(setting: &Setting) {
    const REASON: &str = "answered 401 invalid_client: client authentication failed; check sasl.oauthbearer.client.id and \
                          sasl.oauthbearer.client.secret";
    let provider = &setting.provider;
    provider.refuse().await;
    let config = without_tls(&provider.client_properties("ponte"));
    let bridge = bridge_on(&setting.servers("SASL_PLAINTEXT"), &config).await;
    let error = eventually("the reason", || async { bridge.cluster().await.error }).await;
    assert!(error.message.contains(REASON), "{error:?}");
    assert_eq!((error.name.as_str(), error.retriable), ("authentication_failed", true));
    bridge.logged(REASON).await;

    let mut list = setting.program(&config, &["topics", "list"]);
    assert_eq!(list.exit_code().await, 1);
    let (_, said) = list.all_output().await;
    assert!(said.contains(REASON), "{said}");

    let issued = provider.issued("ponte").await;
    let none_yet = Cell::new(Instant::now());
    provider.accept().await;
    eventually("the first token", || async {
        let looked_at = Instant::now();
        if provider.issued("ponte").await > issued {
            return Some(());
        }
        none_yet.set(looked_at);
        None
    })
    .await;
    eventually("Kafka again", || async { (bridge.cluster().await.state == ClusterState::Up).then_some(()) }).await;
    let tokens = provider.issued("ponte").await - issued;
    let since = none_yet.get().elapsed();
    assert!(tokens <= 1 + renewals_in(since), "{tokens} tokens in {since:?}: one serves all of the bridge's clients");
    let output = bridge.output();
    assert_eq!(output.matches(REASON).count(), 1, "one line a change: {output}");
    assert!(!output.contains(SECRET), "{output}");
}

#[tokio::test]
async fn msk_iam_names_the_missing_aws_environment_variables() {
    const NONE: [(&str, &str); 5] = [
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", ""),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""),
    ];
    let config = properties("security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\n");
    let servers = tests::kafka::unused_address();
    let args = ["topics", "list", "--bootstrap-servers", &servers, "--kafka-config", path(&config)];
    let mut without_region = Program::bridge_with(&args, &NONE);
    assert_ne!(without_region.exit_code().await, 0);
    let (_, said) = without_region.all_output().await;
    assert!(said.contains("set the environment variable AWS_REGION"), "{said}");

    let with_region = [&NONE[1..], &[("AWS_REGION", "eu-south-1")]].concat();
    let mut without_credentials = Program::bridge_with(&args, &with_region);
    assert_ne!(without_credentials.exit_code().await, 0);
    let (_, said) = without_credentials.all_output().await;
    assert!(said.contains("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{said}");
}

#[tokio::test]
async fn invalid_token_setting_is_named_before_the_bridge_listens() {
    for (text, reason) in [
        ("sasl.mechanism=OAUTHBEARER\n", "needs a source of tokens"),
        (
            "sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.method=oidc\nsasl.oauthbearer.client.id=ponte\n",
            "sasl.oauthbearer.method=oidc needs sasl.oauthbearer.token.endpoint.url",
        ),
        ("sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.clientid=ponte\n", "unknown property sasl.oauthbearer.clientid"),
        ("sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.assertion.file=f\n", "sasl.oauthbearer.assertion.file"),
    ] {
        let config = without_tls(text);
        let mut program = Program::bridge(&["--listen", "127.0.0.1:0", "--demo", "--kafka-config", path(&config)]);
        assert_eq!(program.exit_code().await, 2, "{text}");
        let (_, said) = program.all_output().await;
        assert!(said.contains(reason), "{text}: {said}");
    }
}
