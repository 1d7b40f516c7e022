//! TLS with the same validated properties, the same interpretation of them and the same OpenSSL as librdkafka.

use std::fs;
use std::io;
use std::path::Path;

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{HandshakeError, SslConnector, SslConnectorBuilder, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;

use super::transport::TimedStream;
use crate::client_config::KafkaProperties;
use crate::system_ca;

pub struct Tls {
    connector: SslConnector,
    checks_host_name: bool,
}

/// The messages never contain the value of a property.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("OpenSSL rejects {property}: {reason}")]
    Setting { property: &'static str, reason: ErrorStack },
    #[error("cannot read the file of {property}: {reason}")]
    Unreadable { property: &'static str, reason: io::Error },
    #[error("{0} is supported only by librdkafka")]
    Unsupported(&'static str),
    #[error("cannot set up TLS: {0}")]
    OpenSsl(#[from] ErrorStack),
    #[error("no TLS connection: {0}")]
    Handshake(String),
    #[error("no TLS connection: the broker's certificate is not accepted: {reason}")]
    Certificate {
        /// OpenSSL's error number `X509_V_ERR_…`.
        code: i32,
        reason: &'static str,
    },
}

impl Tls {
    /// # Errors
    /// If a file cannot be read, OpenSSL rejects a property, or `ssl.engine.id` is set.
    pub fn of(properties: &KafkaProperties) -> Result<Self, TlsError> {
        // An engine is loaded code that holds the private key; only librdkafka supports it.
        if properties.get("ssl.engine.id").is_some() {
            return Err(TlsError::Unsupported("ssl.engine.id"));
        }
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        choose_algorithms(&mut builder, properties)?;
        set_trusted_certificates(&mut builder, properties)?;
        set_client_certificate(&mut builder, properties)?;
        if properties.is_false("enable.ssl.certificate.verification") {
            builder.set_verify(SslVerifyMode::NONE);
        }
        let identification = properties.get("ssl.endpoint.identification.algorithm").unwrap_or("https");
        Ok(Self { connector: builder.build(), checks_host_name: !identification.eq_ignore_ascii_case("none") })
    }

    pub fn without_verification() -> Result<Self, TlsError> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_verify(SslVerifyMode::NONE);
        Ok(Self { connector: builder.build(), checks_host_name: false })
    }

    pub fn connect(&self, host: &str, stream: TimedStream) -> Result<SslStream<TimedStream>, TlsError> {
        let configuration = self.connector.configure()?.verify_hostname(self.checks_host_name);
        configuration.connect(host, stream).map_err(|error| match error {
            HandshakeError::SetupFailure(error) => TlsError::OpenSsl(error),
            HandshakeError::Failure(failed) | HandshakeError::WouldBlock(failed) => {
                // The error says only that verification failed; the verify result says why.
                let verified = failed.ssl().verify_result();
                match verified.as_raw() {
                    0 => TlsError::Handshake(failed.error().to_string()),
                    code => TlsError::Certificate { code, reason: verified.error_string() },
                }
            }
        })
    }
}

fn choose_algorithms(builder: &mut SslConnectorBuilder, properties: &KafkaProperties) -> Result<(), TlsError> {
    let mut set = |property, set: fn(&mut SslConnectorBuilder, &str) -> Result<(), ErrorStack>| {
        let Some(list) = properties.get(property) else { return Ok(()) };
        set(builder, list).map_err(refused(property))
    };
    set("ssl.cipher.suites", |builder, list| builder.set_cipher_list(list))?;
    set("ssl.curves.list", |builder, list| builder.set_groups_list(list))?;
    set("ssl.sigalgs.list", |builder, list| builder.set_sigalgs_list(list))
}

/// Sets the CAs whose signature under a broker's certificate is accepted.
fn set_trusted_certificates(builder: &mut SslConnectorBuilder, properties: &KafkaProperties) -> Result<(), TlsError> {
    let pem = properties.get("ssl.ca.pem");
    let location = properties.get("ssl.ca.location").filter(|location| !location.is_empty());
    let is_named = location.is_some_and(|location| location != system_ca::PROBE);
    if is_named || pem.is_some() {
        // Certificates that the user names replace those of the system.
        builder.set_cert_store(X509StoreBuilder::new()?.build());
    } else if location.is_some() || !system_ca::is_named_by_environment() {
        // As in librdkafka: the first path that OpenSSL can read.
        let path = system_ca::paths().find(|path| load(builder, path).is_ok());
        tracing::debug!(?path, "loaded the certificates that this system trusts");
    }
    if let Some(location) = location.filter(|_| is_named) {
        load(builder, Path::new(location)).map_err(refused("ssl.ca.location"))?;
    }
    if let Some(pem) = pem {
        let refused = refused("ssl.ca.pem");
        for certificate in X509::stack_from_pem(pem.as_bytes()).map_err(refused)? {
            builder.cert_store_mut().add_cert(certificate).map_err(refused)?;
        }
    }
    if let Some(revoked) = properties.get("ssl.crl.location") {
        builder.load_verify_locations(Some(Path::new(revoked)), None).map_err(refused("ssl.crl.location"))?;
        builder.cert_store_mut().set_flags(X509VerifyFlags::CRL_CHECK)?;
    }
    Ok(())
}

/// `path`: a file of certificates, or a directory with one file per certificate, named by its hash.
fn load(builder: &mut SslConnectorBuilder, path: &Path) -> Result<(), ErrorStack> {
    match path.is_dir() {
        true => builder.load_verify_locations(None, Some(path)),
        false => builder.load_verify_locations(Some(path), None),
    }
}

/// Sets the client certificate, for brokers that require one.
fn set_client_certificate(builder: &mut SslConnectorBuilder, properties: &KafkaProperties) -> Result<(), TlsError> {
    if let Some(file) = properties.get("ssl.certificate.location") {
        builder.set_certificate_chain_file(file).map_err(refused("ssl.certificate.location"))?;
    }
    if let Some(pem) = properties.get("ssl.certificate.pem") {
        let refused = refused("ssl.certificate.pem");
        let mut chain = X509::stack_from_pem(pem.as_bytes()).map_err(refused)?.into_iter();
        if let Some(own) = chain.next() {
            builder.set_certificate(&own).map_err(refused)?;
        }
        chain.try_for_each(|issuer| builder.add_extra_chain_cert(issuer)).map_err(refused)?;
    }
    let password = properties.get("ssl.key.password").unwrap_or_default();
    if let Some(file) = properties.get("ssl.key.location") {
        let key = private_key(&read("ssl.key.location", file)?, password);
        builder.set_private_key(&*key.map_err(refused("ssl.key.location"))?).map_err(refused("ssl.key.location"))?;
    }
    if let Some(pem) = properties.get("ssl.key.pem") {
        let refused = refused("ssl.key.pem");
        builder.set_private_key(&*private_key(pem.as_bytes(), password).map_err(refused)?).map_err(refused)?;
    }
    if let Some(file) = properties.get("ssl.keystore.location") {
        let refused = refused("ssl.keystore.location");
        let store = Pkcs12::from_der(&read("ssl.keystore.location", file)?).map_err(refused)?;
        let password = properties.get("ssl.keystore.password").unwrap_or_default();
        let store = store.parse2(password).map_err(refused)?;
        if let (Some(certificate), Some(key)) = (store.cert, store.pkey) {
            builder.set_certificate(&certificate).map_err(refused)?;
            builder.set_private_key(&key).map_err(refused)?;
        }
        let mut issuers = store.ca.into_iter().flatten();
        issuers.try_for_each(|issuer| builder.add_extra_chain_cert(issuer)).map_err(refused)?;
    }
    Ok(())
}

/// Always passes a password, possibly an empty one; without it OpenSSL would prompt at the terminal.
fn private_key(pem: &[u8], password: &str) -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem_passphrase(pem, password.as_bytes())
}

fn read(property: &'static str, file: &str) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|reason| TlsError::Unreadable { property, reason })
}

fn refused(property: &'static str) -> impl Fn(ErrorStack) -> TlsError + Copy {
    move |reason| TlsError::Setting { property, reason }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::ssl::SslAcceptor;
    use openssl::symm::Cipher;
    use openssl::x509::X509NameBuilder;
    use openssl::x509::extension::SubjectAlternativeName;

    use super::*;
    use crate::broker_connection::{ConnectError, Transport};

    const PASSWORD: &str = "a password";

    struct Identity {
        certificate: X509,
        key: PKey<Private>,
    }

    impl Identity {
        /// A self-signed certificate for one host name.
        fn of(host: &str) -> Self {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
            let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
            let mut name = X509NameBuilder::new().expect("a name");
            name.append_entry_by_text("CN", host).expect("a name");
            let name = name.build();
            let mut builder = X509::builder().expect("a builder");
            builder.set_version(2).expect("X.509 v3");
            builder.set_subject_name(&name).expect("a subject");
            builder.set_issuer_name(&name).expect("an issuer");
            builder.set_pubkey(&key).expect("a public key");
            builder.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("a beginning");
            builder.set_not_after(&Asn1Time::days_from_now(1).expect("a time")).expect("an end");
            let alternative = SubjectAlternativeName::new().dns(host).build(&builder.x509v3_context(None, None));
            builder.append_extension(alternative.expect("a host name")).expect("an extension");
            builder.sign(&key, MessageDigest::sha256()).expect("a signature");
            Self { certificate: builder.build(), key }
        }
    }

    /// Sends a greeting after each successful handshake. With `client` it requires that client certificate.
    fn server(identity: &Identity, client: Option<&Identity>) -> u16 {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        acceptor.set_certificate(&identity.certificate).expect("a certificate");
        acceptor.set_private_key(&identity.key).expect("a key");
        if let Some(client) = client {
            acceptor.cert_store_mut().add_cert(client.certificate.clone()).expect("a certificate");
            acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if let Ok(mut stream) = acceptor.accept(stream.expect("a connection")) {
                    let _ = stream.write_all(b"ciao");
                }
            }
        });
        port
    }

    /// The server's greeting, or the error of the connection.
    fn greeting(port: u16, host: &str, properties: &[(&str, &str)]) -> Result<String, String> {
        const DEADLINE: Duration = Duration::from_secs(20);
        let properties = [&[("security.protocol", "SASL_SSL")], properties].concat();
        let transport = Transport::of(&KafkaProperties::of(&properties)).map_err(|error| error.to_string())?;
        let stream = transport.connect(host, port, Instant::now() + DEADLINE);
        let mut stream = stream.map_err(|error: ConnectError| error.to_string())?;
        let mut received = [0; 4];
        // In TLS 1.3 a server refuses a client certificate only after the handshake of the client is complete.
        stream.read_exact(&mut received).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&received).into_owned())
    }

    fn file(directory: &Path, name: &str, content: &[u8]) -> String {
        let path: PathBuf = directory.join(name);
        fs::write(&path, content).expect("the file can be written");
        path.to_str().expect("a plain path").to_owned()
    }

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("ponte-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        directory
    }

    #[test]
    fn broker_certificate_is_verified_as_the_ssl_properties_say() {
        let directory = directory("trust");
        let broker = Identity::of("localhost");
        let port = server(&broker, None);
        let pem = broker.certificate.to_pem().expect("PEM");
        let ca = file(&directory, "ca.pem", &pem);
        let other = file(&directory, "other.pem", &Identity::of("localhost").certificate.to_pem().expect("PEM"));

        let pem = String::from_utf8(pem).expect("PEM is text");
        assert_eq!(greeting(port, "localhost", &[("ssl.ca.location", &ca)]).as_deref(), Ok("ciao"));
        assert_eq!(greeting(port, "localhost", &[("ssl.ca.pem", &pem)]).as_deref(), Ok("ciao"));
        for refused in [&[("ssl.ca.location", &*other)][..], &[]] {
            let why = greeting(port, "localhost", refused).expect_err("the issuer is not trusted");
            assert!(why.contains("certificate is not accepted"), "{why}");
        }
        assert_eq!(
            greeting(port, "localhost", &[("enable.ssl.certificate.verification", "false")]).as_deref(),
            Ok("ciao")
        );

        let why =
            greeting(port, "127.0.0.1", &[("ssl.ca.location", &ca)]).expect_err("the certificate names localhost");
        assert!(why.contains("mismatch"), "{why}");
        let any_name = [("ssl.ca.location", &*ca), ("ssl.endpoint.identification.algorithm", "none")];
        assert_eq!(greeting(port, "127.0.0.1", &any_name).as_deref(), Ok("ciao"));
        let _ = fs::remove_dir_all(directory);
    }

    #[test]
    fn client_certificate_is_read_from_pem_files_pem_properties_and_key_stores() {
        let directory = directory("identity");
        let (broker, client) = (Identity::of("localhost"), Identity::of("ponte"));
        let port = server(&broker, Some(&client));
        let ca = file(&directory, "ca.pem", &broker.certificate.to_pem().expect("PEM"));
        let certificate = client.certificate.to_pem().expect("PEM");
        let key = client.key.private_key_to_pem_pkcs8().expect("PEM");
        let locked = client.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), PASSWORD.as_bytes());
        let (certificate_file, key_file, locked_file) = (
            file(&directory, "certificate.pem", &certificate),
            file(&directory, "key.pem", &key),
            file(&directory, "locked.pem", &locked.expect("PEM")),
        );
        let mut store = Pkcs12::builder();
        store.pkey(&client.key).cert(&client.certificate);
        let store = store.build2(PASSWORD).and_then(|store| store.to_der()).expect("PKCS#12");
        let store = file(&directory, "store.p12", &store);
        let (certificate, key) = (String::from_utf8_lossy(&certificate), String::from_utf8_lossy(&key));

        let ways: [&[(&str, &str)]; 4] = [
            &[("ssl.certificate.location", &certificate_file), ("ssl.key.location", &key_file)],
            &[
                ("ssl.certificate.location", &certificate_file),
                ("ssl.key.location", &locked_file),
                ("ssl.key.password", PASSWORD),
            ],
            &[("ssl.certificate.pem", &certificate), ("ssl.key.pem", &key)],
            &[("ssl.keystore.location", &store), ("ssl.keystore.password", PASSWORD)],
        ];
        let with_ca = |way: &[(&str, &str)]| greeting(port, "localhost", &[&[("ssl.ca.location", &*ca)], way].concat());
        for way in ways {
            assert_eq!(with_ca(way).as_deref(), Ok("ciao"), "{:?}", way[0].0);
        }
        with_ca(&[]).expect_err("the server requires a client certificate");

        let wrong = with_ca(&[("ssl.certificate.location", &certificate_file), ("ssl.key.location", &locked_file)]);
        let why = wrong.expect_err("the key is encrypted and the password is missing");
        assert!(why.contains("ssl.key.location") && !why.contains(&locked_file), "names only the property: {why}");
        let missing = with_ca(&[("ssl.keystore.location", "/not/there")]).expect_err("the file does not exist");
        assert!(missing.contains("ssl.keystore.location"), "{missing}");
        let _ = fs::remove_dir_all(directory);
    }
}
