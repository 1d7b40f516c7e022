//! Where this machine keeps the certificates of the authorities that it trusts.

use std::fs;
use std::path::{Path, PathBuf};

/// What librdkafka calls looking for them (`ssl.ca.location`).
pub const PROBE: &str = "probe";

/// OpenSSL's own variables: whoever sets one names the certificates.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// librdkafka's list for `ssl.ca.location=probe`, in its order (`rd_kafka_ssl_probe_and_set_default_ca_location`).
const PLACES: &[&str] = &[
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

/// Whether OpenSSL is told by the environment where they are. Then it is left to find them; a variable that names nothing is
/// as good as none.
pub fn is_named_by_environment() -> bool {
    let named = VARIABLES.iter().filter_map(std::env::var_os);
    named.flat_map(|value| std::env::split_paths(&value).collect::<Vec<PathBuf>>()).any(|path| path.exists())
}

/// The places that have any, the likeliest first.
pub fn places() -> impl Iterator<Item = &'static Path> {
    PLACES.iter().map(Path::new).filter(|place| match fs::read_dir(place) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => place.exists(),
    })
}
