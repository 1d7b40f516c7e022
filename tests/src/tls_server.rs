//! A TLS server of the test's own, with a certificate that no broker would be given on purpose.

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

/// Shakes hands with whoever connects, and then says nothing. It lives as long as the test process.
pub struct TlsServer {
    /// `localhost:40123`
    pub address: String,
    /// PEM; signed by itself.
    pub certificate: tempfile::NamedTempFile,
}

impl TlsServer {
    /// Its certificate for `localhost` expired yesterday.
    pub fn expired() -> Self {
        let key = key();
        let certificate = certificate(&key, -2 * DAY_SECS, -DAY_SECS);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        acceptor.set_private_key(&key).expect("its key");
        acceptor.set_certificate(&certificate).expect("its certificate");
        let acceptor = Arc::new(acceptor.build());

        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("localhost:{}", listener.local_addr().expect("a bound listener").port());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let acceptor = Arc::clone(&acceptor);
                // Who does not like the certificate ends the connection.
                std::thread::spawn(move || drop(acceptor.accept(stream)));
            }
        });
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), certificate.to_pem().expect("PEM")).expect("a temporary file takes bytes");
        Self { address, certificate: file }
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

/// Valid between these times, in seconds from now.
fn certificate(key: &PKey<Private>, from_secs: i64, until_secs: i64) -> X509 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let at = |secs: i64| Asn1Time::from_unix(i64::try_from(now).expect("a small number") + secs).expect("a time");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "localhost").expect("a name");
    let name = name.build();
    let mut builder = X509::builder().expect("a certificate");
    let serial = BigNum::from_u32(1).and_then(|number| number.to_asn1_integer()).expect("a number");
    builder.set_version(2).expect("version 3");
    builder.set_serial_number(&serial).expect("a number");
    builder.set_subject_name(&name).expect("a subject");
    builder.set_issuer_name(&name).expect("an issuer");
    builder.set_not_before(&at(from_secs)).expect("a time");
    builder.set_not_after(&at(until_secs)).expect("a time");
    builder.set_pubkey(key).expect("a key");
    builder.append_extension(BasicConstraints::new().ca().build().expect("an extension")).expect("an extension");
    let host = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(host.expect("an extension")).expect("an extension");
    builder.sign(key, MessageDigest::sha256()).expect("a signature");
    builder.build()
}
