//! TLS for a client that asks the bridge on the same machine: it accepts the bridge's own certificate and no other. The name in the
//! certificate is not that of the loopback address, and its authority may be unknown here.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError as RejectedCertificate, ClientConfig, DigitallySignedStruct, Error, SignatureScheme, version,
};

use super::certificate::{CertificateError, read_chain};

/// Begins TLS with a server that shows the first certificate of this file and has its key.
///
/// # Errors
/// If the file cannot be read or contains no certificate, or if the server shows another certificate.
pub async fn connect_to_own_certificate(
    stream: TcpStream,
    certificate_file: &Path,
) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    let connector = connector(certificate_file).map_err(io::Error::other)?;
    // The name is not checked, but the client must name one.
    connector.connect(ServerName::from(IpAddr::V4(Ipv4Addr::LOCALHOST)), stream).await
}

fn connector(certificate_file: &Path) -> Result<TlsConnector, CertificateError> {
    let chain = read_chain(certificate_file)?;
    let provider = Arc::new(ring::default_provider());
    let verifier = OnlyThis { certificate: chain[0].clone(), provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| CertificateError::Certificate {
            file: certificate_file.to_owned(),
            reason: error.to_string(),
        })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match *shown == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(RejectedCertificate::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
