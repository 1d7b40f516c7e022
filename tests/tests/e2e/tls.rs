//! HTTPS served by the bridge itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::StatusCode;
use tests::certificates::{CertificateFiles, Identity, VALID};
use tests::client::messaggi;
use tests::tls_tunnel::TlsTunnel;
use tests::{Bridge, Client, Program, Watch, eventually, unique};

/// A bridge with a certificate of an own authority.
struct Scene {
    authority: Identity,
    files: CertificateFiles,
    bridge: Bridge,
    tunnel: TlsTunnel,
    topic: String,
}

impl Scene {
    async fn set() -> Self {
        let authority = Identity::self_signed("an authority for tests", VALID);
        let files = CertificateFiles::of(&Identity::signed_by(&authority, "first"));
        let (certificate, key) = (files.certificate(), files.key());
        let topic = unique("tls");
        let bridge = Bridge::start()
            .demo()
            .topic(&topic)
            .option("--tls-cert", certificate.to_str().expect("a path"))
            .option("--tls-key", key.to_str().expect("a path"))
            .await;
        let tunnel = TlsTunnel::to(&bridge.address, &authority).await;
        Self { authority, files, bridge, tunnel, topic }
    }

    async fn client(&self) -> Client {
        Client::hello(self.bridge.handshake().via(&self.tunnel.address).open().await).await
    }

    /// The common name of the certificate that a new connection is shown.
    async fn shown(&self) -> Option<String> {
        self.client().await;
        self.tunnel.shown()
    }
}

#[tokio::test]
async fn records_are_sent_and_received_over_tls() {
    let scene = Scene::set().await;
    assert!(scene.bridge.greeting.contains("https://127.0.0.1:"), "{}", scene.bridge.greeting);
    let mut client = scene.client().await;
    assert_eq!(scene.tunnel.shown().as_deref(), Some("first"));
    let subscription = client.subscribe(&Watch::tail(&scene.topic)).await;
    // Several frames of the largest size: TLS divides them into records of 16 KiB.
    let count = 5_000;
    client.write(messaggi(&scene.topic, count)).await;
    let received = client.records(subscription, count).await;
    assert_eq!(received.len(), count);
    assert!((0..).zip(&received).all(|(offset, record)| record.offset() == offset), "in order");
}

#[tokio::test]
async fn http_origin_is_refused_over_tls() {
    let scene = Scene::set().await;
    let handshake = scene.bridge.handshake().via(&scene.tunnel.address);
    let status = handshake.origin(&format!("http://{}", scene.bridge.address)).refused().await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn healthcheck_asks_over_https() {
    let mut scene = Scene::set().await;
    let certificate = scene.files.certificate();
    let certificate = certificate.to_str().expect("a path").to_owned();
    let check = |address: &str| Program::bridge(&["healthcheck", "--listen", address, "--tls-cert", &certificate]);
    assert_eq!(check(&scene.bridge.address).exit_code().await, 0);
    // A new file that cannot be used does not make a running bridge unhealthy.
    scene.files.write(b"no certificate", &scene.authority.key_pem());
    assert_eq!(check(&scene.bridge.address).exit_code().await, 0);
    scene.bridge.ctrl_c();
    scene.bridge.exit_code().await;
    assert_eq!(check(&scene.bridge.address).exit_code().await, 1);
}

#[tokio::test]
async fn renewed_certificate_is_used_without_a_restart_and_open_sockets_stay() {
    let scene = Scene::set().await;
    // A socket of the first certificate sends and receives all the time.
    let load = Load::start(&scene).await;

    scene.files.replace(&Identity::signed_by(&scene.authority, "second"));
    eventually("the second certificate", || async { (scene.shown().await.as_deref() == Some("second")).then_some(()) })
        .await;
    // Files that cannot be used are reported, and change nothing.
    scene.files.write(b"no certificate", &scene.authority.key_pem());
    let line = scene.bridge.logged("the earlier one stays").await;
    assert!(line.contains("--tls-cert") && line.contains("no certificate"), "{line}");
    assert_eq!(scene.shown().await.as_deref(), Some("second"));
    // The certificate and the key of different identities are refused too.
    let third = Identity::signed_by(&scene.authority, "third");
    scene.files.write(&third.certificate_pem(), &scene.authority.key_pem());
    scene.bridge.logged("does not belong to").await;
    assert_eq!(scene.shown().await.as_deref(), Some("second"));
    scene.files.replace(&third);
    eventually("the third certificate", || async { (scene.shown().await.as_deref() == Some("third")).then_some(()) })
        .await;

    let count = load.stop().await;
    assert!(count > 0, "the socket of the first certificate has sent");
}

/// A client that sends records and receives each of them, on one socket, until it is stopped.
struct Load {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<usize>,
}

impl Load {
    async fn start(scene: &Scene) -> Self {
        let (mut client, topic) = (scene.client().await, scene.topic.clone());
        let subscription = client.subscribe(&Watch::tail(&topic)).await;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut count = 0;
            while !stopped.load(Ordering::Relaxed) {
                client.write(messaggi(&topic, 10)).await;
                count += client.records(subscription, 10).await.len();
            }
            count
        });
        Self { stop, task }
    }

    /// Returns the number of records that were received. Fails if the socket was closed, or a record was lost.
    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the socket stays open and loses no record")
    }
}

#[tokio::test]
async fn invalid_certificates_stop_the_start() {
    let first = Identity::self_signed("first", VALID);
    let second = Identity::self_signed("second", VALID);
    let files = CertificateFiles::of(&first);
    let path = |path: std::path::PathBuf| path.to_str().expect("a path").to_owned();
    let (certificate, key) = (path(files.certificate()), path(files.key()));
    let run = async |options: &[&str]| {
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--demo"];
        arguments.extend(options);
        let mut program = Program::bridge(&arguments);
        assert_eq!(program.exit_code().await, 2, "{options:?}");
        program.all_output().await.1
    };
    let stderr = run(&["--tls-cert", &certificate]).await;
    assert!(stderr.contains("--tls-cert needs --tls-key"), "{stderr}");
    let stderr = run(&["--tls-key", &key]).await;
    assert!(stderr.contains("--tls-key needs --tls-cert"), "{stderr}");
    let stderr = run(&["--tls-cert", "/nonexistent.pem", "--tls-key", &key]).await;
    assert!(stderr.contains("--tls-cert /nonexistent.pem: No such file"), "{stderr}");
    let stderr = run(&["--tls-cert", &key, "--tls-key", &key]).await;
    assert!(stderr.contains("no certificate"), "{stderr}");
    let stderr = run(&["--tls-cert", &certificate, "--tls-key", &certificate]).await;
    assert!(stderr.contains("no private key"), "{stderr}");
    files.write(&first.certificate_pem(), &second.key_pem());
    let stderr = run(&["--tls-cert", &certificate, "--tls-key", &key]).await;
    assert!(stderr.contains("does not belong to"), "{stderr}");
}
