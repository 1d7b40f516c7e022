//! Short JSON answers over HTTP, for token endpoints and credentials. Proxies are taken from the environment (`HTTPS_PROXY` …).

use std::io;
use std::time::Duration;

use ureq::http::{Request, StatusCode};

/// For everything together: name, connection, TLS, answer.
const WITHIN: Duration = Duration::from_secs(10);

/// Far more than any token needs.
const LARGEST_ANSWER_BYTES: u64 = 256 * 1024;

/// Which certificates are trusted.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// Those of the system, wherever it keeps them; also in a container, where OpenSSL's built-in path leads nowhere.
    #[default]
    System,
    /// These alone, in DER.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "without TLS nothing is trusted"))]
    Only(Vec<Vec<u8>>),
}

pub struct HttpClient(ureq::Agent);

pub struct Answer {
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
            // A redirect would carry the credentials elsewhere.
            .max_redirects(0)
            .timeout_global(Some(WITHIN))
            // Minutes lie between two requests; an idle connection would be dead by then.
            .max_idle_connections(0)
            .user_agent(concat!("ponte/", env!("CARGO_PKG_VERSION")));
        #[cfg(feature = "tls")]
        let config = config.tls_config(tls_config(roots));
        #[cfg(not(feature = "tls"))]
        let _ = roots;
        Self(config.build().new_agent())
    }

    pub fn send(&self, request: Request<String>) -> Result<Answer, HttpError> {
        let answer = self.0.run(request).and_then(|mut response| {
            let body = response.body_mut().with_config().limit(LARGEST_ANSWER_BYTES).read_to_vec()?;
            Ok(Answer { status: response.status(), body })
        });
        answer.map_err(|error| match error {
            ureq::Error::HostNotFound => HttpError::Unreachable("its host name is not known (DNS)".to_owned()),
            ureq::Error::Timeout(_) => HttpError::Unreachable(format!("no answer within {} s", WITHIN.as_secs())),
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

/// Percent-encodes everything but RFC 3986's unreserved characters, as forms and AWS signatures want it.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A server's words, fit for a log line and a page: one line, no control characters, not too long.
pub fn readable(text: &str) -> String {
    const LONGEST: usize = 200;
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let plain: String = plain.take(LONGEST).collect();
    plain.trim().to_owned()
}
