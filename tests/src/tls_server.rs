//! A TLS server with a certificate that a real broker would not have.

use std::net::TcpListener;
use std::sync::Arc;

use openssl::ssl::{SslAcceptor, SslMethod};

use crate::certificates::{EXPIRED, Identity, VALID};

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
        let identity = Identity::self_signed("localhost", EXPIRED);
        Self::listening(&identity, &identity)
    }

    /// A server whose valid certificate for `localhost` was issued by a certificate authority that it does not send.
    pub fn of_own_authority() -> Self {
        let authority = Identity::self_signed("an authority for tests", VALID);
        Self::listening(&Identity::signed_by(&authority, "localhost"), &authority)
    }

    fn listening(identity: &Identity, trusted: &Identity) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("an acceptor");
        acceptor.set_private_key(&identity.key).expect("its key");
        acceptor.set_certificate(&identity.certificate).expect("its certificate");
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
        std::fs::write(file.path(), trusted.certificate_pem()).expect("a temporary file takes bytes");
        Self { address, certificate: file }
    }
}
