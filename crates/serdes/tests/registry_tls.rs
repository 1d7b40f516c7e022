//! The client of the registry over TLS, with certificates of its own authority. The server is that of the program `openssl`.

#![cfg(feature = "tls")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serdes::registry::{
    ClientCertificate, Deleted, Registry, RegistryError, RegistrySettings, RegistryState, RegistryUrl, SchemaId,
};

const LONG: Duration = Duration::from_secs(20);

/// A registry with one schema that requires a certificate from its clients.
struct Server {
    process: Child,
    port: u16,
    directory: PathBuf,
}

impl Server {
    fn start() -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-tls-{}", std::process::id()));
        fs::create_dir_all(directory.join("schemas/ids")).expect("a directory");
        for (name, body) in [("schemas/ids/1", r#"{"schema":"\"string\""}"#), ("subjects", r#"["orders-value"]"#)] {
            let answer = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            fs::write(directory.join(name), answer).expect("a file");
        }
        openssl(
            &directory,
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out certificate.pem -days 2 \
             -subj /CN=localhost -addext subjectAltName=DNS:localhost",
        );
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = port.expect("a free port").port();
        let arguments =
            format!("s_server -accept 127.0.0.1:{port} -cert certificate.pem -key key.pem -CAfile certificate.pem");
        let process = Command::new("openssl")
            .current_dir(&directory)
            .args(arguments.split(' '))
            .args(["-Verify", "1", "-verify_return_error", "-HTTP", "-quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        Self { process, port, directory }
    }

    fn settings(&self, host: &str) -> RegistrySettings {
        let url = RegistryUrl::parse(&format!("https://{host}:{}", self.port)).expect("a URL");
        RegistrySettings {
            ca_file: Some(self.directory.join("certificate.pem")),
            client_certificate: Some(ClientCertificate {
                certificate: self.directory.join("certificate.pem"),
                key: self.directory.join("key.pem"),
            }),
            ..RegistrySettings::new(vec![url])
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(directory).args(arguments.split_whitespace()).output();
    let output = output.expect("openssl runs; `cargo xtask setup` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn subjects(settings: &RegistrySettings) -> Result<Vec<String>, RegistryError> {
    let registry = Registry::new(settings, |_| Ok(())).expect("valid settings");
    registry.client().subjects(Deleted::Excluded).await
}

fn reason(result: Result<Vec<String>, RegistryError>) -> String {
    result.expect_err("a TLS error").to_string()
}

#[tokio::test]
async fn own_authority_and_client_certificate_are_used() {
    let server = Server::start();
    let settings = server.settings("localhost");
    let deadline = Instant::now() + LONG;
    // The server may not listen yet.
    while let Err(error) = subjects(&settings).await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let registry = Registry::new(&settings, |schema| Ok(schema.text.clone())).expect("valid settings");
    let id = SchemaId::Id(1);
    registry.load(&[id], LONG).await;
    assert_eq!(*registry.get(id).into_result(id).expect("a schema"), "\"string\"");
    assert_eq!(*registry.state().borrow(), RegistryState::Up);

    let reasons = [
        reason(subjects(&RegistrySettings { ca_file: None, ..settings.clone() }).await),
        reason(subjects(&server.settings("127.0.0.1")).await),
        reason(subjects(&RegistrySettings { client_certificate: None, ..settings.clone() }).await),
    ];
    assert!(reasons[0].contains(": its certificate is not trusted (self-signed certificate)"), "{reasons:?}");
    assert!(reasons[1].contains(": its certificate is not trusted (IP address mismatch)"), "{reasons:?}");
    assert!(reasons[2].ends_with(": it requires a client certificate"), "{reasons:?}");

    let missing = RegistrySettings { ca_file: Some("missing.pem".into()), ..settings.clone() };
    let error = Registry::new(&missing, |_| Ok(())).expect_err("no file");
    assert!(error.starts_with("cannot read the certificates in missing.pem: "), "{error}");
    let key = Some(ClientCertificate {
        certificate: server.directory.join("certificate.pem"),
        key: server.directory.join("certificate.pem"),
    });
    let error =
        Registry::new(&RegistrySettings { client_certificate: key, ..settings }, |_| Ok(())).expect_err("no key");
    assert!(error.contains("is not an unencrypted PKCS#8 key"), "{error}");
}
