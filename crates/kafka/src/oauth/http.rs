//! HTTP requests to token and credentials endpoints, and to the provider of the users' sign-in. Proxies are taken from the environment
//! (`HTTPS_PROXY` …).

use std::io;
use std::path::Path;
use std::time::Duration;

use ureq::http::{Request, StatusCode};

/// For the whole request: DNS, connection, TLS and response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Far more than any token needs.
const MAX_RESPONSE_BYTES: u64 = 256 * 1024;

/// Which certificates are trusted.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// The certificates of the system. They are searched on the usual paths, because the path that is compiled into
    /// OpenSSL may not exist.
    #[default]
    System,
    /// Only these certificates, in DER.
    Only(Vec<Vec<u8>>),
}

impl Roots {
    /// Only the certificates of a PEM file.
    ///
    /// # Errors
    /// If the file cannot be read or has no certificate.
    pub fn read(file: &Path) -> Result<Self, String> {
        let pem = std::fs::read(file).map_err(|error| error.to_string())?;
        certificates(&pem).map(Self::Only)
    }
}

/// The certificates of a PEM file, in DER.
#[cfg(feature = "tls")]
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let found = openssl::x509::X509::stack_from_pem(pem).map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err("no PEM certificate found".to_owned());
    }
    found.iter().map(|one| one.to_der().map_err(|error| error.to_string())).collect()
}

#[cfg(not(feature = "tls"))]
fn certificates(_: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    Err("this program was built without TLS".to_owned())
}

#[derive(Debug)]
pub struct HttpClient(ureq::Agent);

pub struct Response {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub enum HttpError {
    Unreachable(String),
    Tls(String),
}

impl HttpClient {
    pub fn new(roots: &Roots) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could send the credentials to another host.
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            // Requests are minutes apart; an idle connection would be closed by then.
            .max_idle_connections(0)
            .user_agent(concat!("ponte/", env!("CARGO_PKG_VERSION")));
        #[cfg(feature = "tls")]
        let config = config.tls_config(tls_config(roots));
        #[cfg(not(feature = "tls"))]
        let _ = roots;
        Self(config.build().new_agent())
    }

    /// Blocks for at most 10 s. Error statuses are returned as responses.
    ///
    /// # Errors
    /// If there is no complete response of at most 256 KiB.
    pub fn send(&self, request: Request<String>) -> Result<Response, HttpError> {
        let response = self.0.run(request).and_then(|mut response| {
            let body = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
            Ok(Response { status: response.status(), body })
        });
        response.map_err(|error| match error {
            ureq::Error::HostNotFound => HttpError::Unreachable("the host name is not known (DNS)".to_owned()),
            ureq::Error::Timeout(_) => HttpError::Unreachable(format!("no answer within {} s", TIMEOUT.as_secs())),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                HttpError::Unreachable("nothing listens there (connection refused)".to_owned())
            }
            ureq::Error::Tls(reason) => HttpError::Tls(reason.to_owned()),
            #[cfg(feature = "tls")]
            ureq::Error::NativeTls(error) => HttpError::Tls(error.to_string()),
            other => HttpError::Unreachable(other.to_string()),
        })
    }
}

#[cfg(feature = "tls")]
fn tls_config(roots: &Roots) -> ureq::tls::TlsConfig {
    use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
    let roots = match roots {
        Roots::System => RootCerts::PlatformVerifier,
        Roots::Only(certificates) => {
            let certificates: Vec<_> = certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            RootCerts::new_with_certs(&certificates)
        }
    };
    // OpenSSL, which librdkafka links to as well.
    TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build()
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, as forms and AWS signatures require.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The first 200 characters of a server's text without control characters, for logs and the page.
pub fn single_line(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let plain: String = plain.take(MAX_CHARS).collect();
    plain.trim().to_owned()
}
