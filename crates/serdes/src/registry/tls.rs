//! Certificates for connections to a registry.

use std::path::Path;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::settings::RegistrySettings;

pub(super) fn config(settings: &RegistrySettings) -> Result<TlsConfig, String> {
    let roots = match &settings.ca_file {
        None => RootCerts::PlatformVerifier,
        Some(file) => RootCerts::new_with_certs(&certificates(file)?),
    };
    let client = match &settings.client_certificate {
        None => None,
        Some(files) => Some(ClientCert::new_with_certs(&certificates(&files.certificate)?, private_key(&files.key)?)),
    };
    // OpenSSL, which librdkafka links to as well.
    Ok(TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).client_cert(client).build())
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let failed = |reason: String| format!("cannot read the certificates in {}: {reason}", file.display());
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| failed(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(failed("no PEM certificate found".to_owned()));
    }
    Ok(certificates)
}

fn private_key(file: &Path) -> Result<PrivateKey<'static>, String> {
    let failed = |reason: &str| format!("cannot read the private key in {}: {reason}", file.display());
    let pem = std::fs::read(file).map_err(|error| failed(&error.to_string()))?;
    // OpenSSL is given the key in PKCS#8.
    if !pem.windows(27).any(|window| window == b"-----BEGIN PRIVATE KEY-----") {
        return Err(failed(
            "it is not an unencrypted PKCS#8 key in PEM; convert it with `openssl pkcs8 -topk8 -nodes`",
        ));
    }
    PrivateKey::from_pem(&pem).map_err(|error| failed(&error.to_string()))
}
