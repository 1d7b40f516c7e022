//! Lets clients without TLS talk to a server with TLS: each connection to the tunnel becomes a TLS connection to the server.

use std::sync::{Arc, Mutex};

use openssl::x509::X509;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::certificates::{Identity, common_name};

pub struct TlsTunnel {
    pub address: String,
    /// The common name of the certificate that the latest connection was shown.
    shown: Arc<Mutex<Option<String>>>,
    listener: tokio::task::JoinHandle<()>,
}

impl TlsTunnel {
    /// Trusts certificates of this authority only.
    pub async fn to(server: &str, authority: &Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener").to_string();
        let connector = connector(authority);
        let shown: Arc<Mutex<Option<String>>> = Arc::default();
        let (server, latest) = (server.to_owned(), Arc::clone(&shown));
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, connector, latest) = (server.clone(), connector.clone(), Arc::clone(&latest));
                tokio::spawn(carry(client, server, connector, latest));
            }
        });
        Self { address, shown, listener }
    }

    pub fn shown(&self) -> Option<String> {
        self.shown.lock().expect("no holder panics").clone()
    }
}

impl Drop for TlsTunnel {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn carry(mut client: TcpStream, server: String, connector: TlsConnector, shown: Arc<Mutex<Option<String>>>) {
    let Ok(stream) = TcpStream::connect(&server).await else { return };
    let _ = (client.set_nodelay(true), stream.set_nodelay(true));
    let host = ServerName::try_from("localhost").expect("a host name");
    let Ok(mut stream) = connector.connect(host, stream).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).expect("a server shows one");
    let certificate = X509::from_der(certificate).expect("a certificate");
    *shown.lock().expect("no holder panics") = Some(common_name(&certificate));
    let _ = copy_bidirectional(&mut client, &mut stream).await;
}

fn connector(authority: &Identity) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let root = authority.certificate.to_der().expect("a certificate");
    roots.add(CertificateDer::from(root)).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A resumed TLS session shows the certificate with which it began.
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}
