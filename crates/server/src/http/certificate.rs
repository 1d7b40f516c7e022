//! The listener's TLS certificate and key (`--tls-cert`, `--tls-key`), which can be read again, so that a renewed certificate needs no
//! restart.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, version};

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("--tls-cert {}: {reason}", file.display())]
    Certificate { file: PathBuf, reason: String },
    #[error("--tls-key {}: {reason}", file.display())]
    Key { file: PathBuf, reason: String },
    #[error("--tls-cert {} does not belong to --tls-key {}: {reason}", certificate.display(), key.display())]
    Mismatch { certificate: PathBuf, key: PathBuf, reason: String },
}

pub struct Certificate {
    certificate_file: PathBuf,
    key_file: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads a certificate chain and its private key, both PEM.
    ///
    /// # Errors
    /// If a file cannot be read or contains something else, or if the key is the key of another certificate.
    pub fn read(certificate_file: PathBuf, key_file: PathBuf) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let current = read(&certificate_file, &key_file, &provider)?;
        Ok(Arc::new(Self { certificate_file, key_file, provider, current: RwLock::new(Arc::new(current)) }))
    }

    pub fn files(&self) -> [&Path; 2] {
        [&self.certificate_file, &self.key_file]
    }

    /// Reads the files again, and returns whether the certificate is another one. If they cannot be used, the earlier certificate stays in
    /// use.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let read = read(&self.certificate_file, &self.key_file, &self.provider)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = current.cert != read.cert;
        *current = Arc::new(read);
        Ok(is_other)
    }

    /// Accepts TLS 1.2 and 1.3 with this certificate. New connections use the latest one, except those that resume a TLS session.
    ///
    /// # Errors
    /// If the cryptography library lacks what these versions need.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, tokio_rustls::rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        // WebSockets need HTTP/1.1.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Without the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("certificate_file", &self.certificate_file).finish_non_exhaustive()
    }
}

fn read(certificate_file: &Path, key_file: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let bad_key = |reason: String| CertificateError::Key { file: key_file.to_owned(), reason };
    let chain = read_chain(certificate_file)?;
    let pem = fs::read(key_file).map_err(|error| bad_key(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| bad_key("the file contains no private key in PEM without a password".to_owned()))?;
    let signing = provider.key_provider.load_private_key(key).map_err(|error| bad_key(error.to_string()))?;
    let key = CertifiedKey::new(chain, signing);
    key.keys_match().map_err(|error| CertificateError::Mismatch {
        certificate: certificate_file.to_owned(),
        key: key_file.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(key)
}

/// The certificates of a PEM file; at least one.
fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let bad = |reason: String| CertificateError::Certificate { file: file.to_owned(), reason };
    let pem = fs::read(file).map_err(|error| bad(error.to_string()))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(format!("not PEM: {error}")))?;
    match chain.is_empty() {
        true => Err(bad("the file contains no certificate (-----BEGIN CERTIFICATE-----)".to_owned())),
        false => Ok(chain),
    }
}
