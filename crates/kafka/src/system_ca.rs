//! The paths of the certificate authorities that this machine trusts.

use std::fs;
use std::path::{Path, PathBuf};

/// The value of `ssl.ca.location` with which librdkafka searches the usual paths.
pub const PROBE: &str = "probe";

/// OpenSSL's variables that name the certificates.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// librdkafka's list for `ssl.ca.location=probe`, in its order (`rd_kafka_ssl_probe_and_set_default_ca_location`).
const PATHS: &[&str] = &[
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/cacert.pem",
    "/etc/certs/ca-certificates.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cacert.pem",
    "/usr/local/etc/ssl/certs/cert.pem",
    "/usr/local/etc/ssl/certs/cacert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/openssl/certs/ca-certificates.crt",
    #[cfg(target_os = "macos")]
    "/private/etc/ssl/cert.pem",
    #[cfg(target_os = "macos")]
    "/private/etc/ssl/certs",
];

/// Whether the environment names the certificates for OpenSSL, which then loads them itself. A variable whose path does
/// not exist is ignored.
pub fn is_named_by_environment() -> bool {
    let named = VARIABLES.iter().filter_map(std::env::var_os);
    named.flat_map(|value| std::env::split_paths(&value).collect::<Vec<PathBuf>>()).any(|path| path.exists())
}

/// The existing files and non-empty directories among the usual paths, in librdkafka's order.
pub fn paths() -> impl Iterator<Item = &'static Path> {
    PATHS.iter().map(Path::new).filter(|path| match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.exists(),
    })
}
