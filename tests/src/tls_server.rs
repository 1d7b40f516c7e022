//! A TLS server with a certificate that a real broker would not have.

use std::net::TcpListener;
use std::sync::Arc;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Completes TLS handshakes and sends nothing else. It lives as long as the test process.
pub struct TlsServer {
    /// `localhost:40123`
    pub address: String,
    /// The certificate that a client must trust, as PEM.
    pub certificate: tempfile::NamedTempFile,
}

impl TlsServer {
    /// A server whose self-signed certificate for `localhost` expired yesterday.
    pub fn expired() -> Self {
        let key = key();
        let certificate = certificate("localhost", &key, (-2 * DAY_SECS, -DAY_SECS), None);
        Self::listening(&key, &certificate, &certificate)
    }

    /// A server whose valid certificate for `localhost` was issued by a certificate authority that it does not send.
    pub fn of_own_authority() -> Self {
        const VALID: (i64, i64) = (-DAY_SECS, DAY_SECS);
        let (authority_key, key) = (key(), key());
        let authority = certificate("an authority for tests", &authority_key, VALID, None);
        let certificate = certificate("localhost", &key, VALID, Some((&authority, &authority_key)));
        Self::listening(&key, &certificate, &authority)
    }

    fn listening(key: &PKey<Private>, certificate: &X509, trusted: &X509) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        acceptor.set_private_key(key).expect("its key");
        acceptor.set_certificate(certificate).expect("its certificate");
        let acceptor = Arc::new(acceptor.build());

        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("localhost:{}", listener.local_addr().expect("a bound listener").port());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let acceptor = Arc::clone(&acceptor);
                // A client that rejects the certificate ends the connection.
                std::thread::spawn(move || drop(acceptor.accept(stream)));
            }
        });
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), trusted.to_pem().expect("PEM")).expect("a temporary file takes bytes");
        Self { address, certificate: file }
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

/// A certificate for this name, valid between these times (in seconds from now), signed by its issuer. Without an issuer it is a
/// self-signed certificate authority.
fn certificate(
    common_name: &str,
    key: &PKey<Private>,
    (from_secs, until_secs): (i64, i64),
    issuer: Option<(&X509, &PKey<Private>)>,
) -> X509 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let at = |secs: i64| Asn1Time::from_unix(i64::try_from(now).expect("a small number") + secs).expect("a time");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", common_name).expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    let serial = BigNum::from_u32(1).and_then(|number| number.to_asn1_integer()).expect("a number");
    builder.set_version(2).expect("version 3");
    builder.set_serial_number(&serial).expect("a number");
    builder.set_subject_name(&name).expect("a subject");
    let issuer_name = issuer.map_or(&*name, |(issuer, _)| issuer.subject_name());
    builder.set_issuer_name(issuer_name).expect("an issuer");
    builder.set_not_before(&at(from_secs)).expect("a time");
    builder.set_not_after(&at(until_secs)).expect("a time");
    builder.set_pubkey(key).expect("a key");
    let mut constraints = BasicConstraints::new();
    if issuer.is_none() {
        constraints.ca();
    }
    builder.append_extension(constraints.build().expect("an extension")).expect("an extension");
    let host = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(host.expect("an extension")).expect("an extension");
    let signer = issuer.map_or(key, |(_, signer)| signer);
    builder.sign(signer, MessageDigest::sha256()).expect("a signature");
    builder.build()
}
