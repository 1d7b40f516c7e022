//! Requests to the nodes of a registry, each node in turn until one answers. Proxies are taken from the environment
//! (`HTTPS_PROXY` …).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ureq::http::{Method, Request, StatusCode};

use super::error::RegistryError;
use super::settings::{RegistryAuth, RegistrySettings, RegistryUrl};

/// The largest answer that is read. The list of 10,000 subjects with long names takes 2 MiB.
const MAX_RESPONSE_BYTES: u64 = 8 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");
/// Apicurio's own API answers with the content of a schema, whatever type that has.
const ANYTHING: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json, application/json, */*");

/// Where Confluent's API is in an Apicurio Registry, and where its own API is.
const APICURIO_CONFLUENT_PATH: &str = "/apis/ccompat/";
const APICURIO_PATH: &str = "/apis/registry/v3";

/// One request. The path begins with `/` and is percent-encoded.
pub(super) struct Call<'a> {
    pub method: Method,
    pub api: Api,
    pub path: &'a str,
    pub body: Option<&'a str>,
}

/// The API that a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Confluent,
    Apicurio,
}

/// An answer with a status of success.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// The header with the type of a schema, of Apicurio's own API.
    pub artifact_type: Option<String>,
}

#[derive(Debug)]
pub(super) struct HttpClient {
    /// Keeps connections open, because many schemas are read in a row.
    reading: ureq::Agent,
    /// Opens a connection for each request: an idle connection that the registry has closed would otherwise make it unknown
    /// whether a change was made.
    writing: ureq::Agent,
    urls: Vec<RegistryUrl>,
    authorization: Option<HeaderValue>,
    /// The index of the URL that answered last.
    preferred: AtomicUsize,
}

/// Why one node gave no usable answer.
struct Failure {
    reason: String,
    /// Whether the request certainly did not arrive.
    is_unsent: bool,
}

impl HttpClient {
    pub(super) fn new(settings: &RegistrySettings) -> Result<Self, String> {
        if settings.urls.is_empty() {
            return Err("a schema registry needs at least one URL".to_owned());
        }
        if !cfg!(feature = "tls") {
            if let Some(url) = settings.urls.iter().find(|url| url.is_https()) {
                return Err(format!("{url} cannot be used: this program was built without TLS"));
            }
            if settings.ca_file.is_some() || settings.client_certificate.is_some() {
                return Err("certificates for the schema registry cannot be used: this program was built without TLS"
                    .to_owned());
            }
        }
        let agent = |max_idle: usize| -> Result<ureq::Agent, String> {
            let config = ureq::Agent::config_builder()
                .http_status_as_error(false)
                // A redirect could send the credentials to another host.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_global(Some(settings.timeout))
                .timeout_resolve(Some(settings.connect_timeout))
                .timeout_connect(Some(settings.connect_timeout))
                .max_idle_connections(max_idle)
                .max_idle_connections_per_host(max_idle)
                .user_agent(concat!("ponte/", env!("CARGO_PKG_VERSION")));
            #[cfg(feature = "tls")]
            let config = config.tls_config(super::tls::config(settings)?);
            Ok(config.build().new_agent())
        };
        Ok(Self {
            reading: agent(4)?,
            writing: agent(0)?,
            urls: settings.urls.clone(),
            authorization: authorization(&settings.auth)?,
            preferred: AtomicUsize::new(0),
        })
    }

    /// Blocks until a node answers, or until each has failed or timed out.
    pub(super) fn send(&self, call: &Call<'_>) -> Result<Answer, RegistryError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        let mut refusal = None;
        for step in 0..self.urls.len() {
            let index = (first + step) % self.urls.len();
            let url = &self.urls[index];
            let failure = match self.send_to(url, call) {
                Ok((status, _)) if status.is_redirection() => {
                    let reason = format!("redirects ({}); configure the URL that it redirects to", status.as_u16());
                    Failure { reason, is_unsent: true }
                }
                Ok((status, answer)) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    if status.is_success() {
                        return Ok(answer);
                    }
                    let error = RegistryError::refused(status, &answer.body);
                    // Another node may work. A change is not sent twice.
                    if !status.is_server_error() || call.method != Method::GET {
                        return Err(error);
                    }
                    refusal = Some(error);
                    continue;
                }
                Err(failure) => failure,
            };
            reasons.push(format!("{url}: {}", failure.reason));
            if call.method != Method::GET && !failure.is_unsent {
                break;
            }
        }
        // What a node says about the request is more useful than that others do not answer.
        Err(refusal.unwrap_or_else(|| RegistryError::Unreachable { reason: reasons.join("; ") }))
    }

    fn send_to(&self, url: &RegistryUrl, call: &Call<'_>) -> Result<(StatusCode, Answer), Failure> {
        let base = match call.api {
            Api::Confluent => url.as_str().to_owned(),
            Api::Apicurio => apicurio_base(url).ok_or_else(|| Failure {
                reason: format!("its path has no {APICURIO_CONFLUENT_PATH}, so it is not an Apicurio Registry"),
                is_unsent: true,
            })?,
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.exchange(&format!("{base}{}", call.path), call) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // The registry may have closed an idle connection just before it was used again.
            if attempt == 1 && call.method == Method::GET && is_broken_connection(&error) {
                continue;
            }
            return Err(Failure::from(error));
        }
    }

    fn exchange(&self, url: &str, call: &Call<'_>) -> Result<(StatusCode, Answer), ureq::Error> {
        let accept = if call.api == Api::Apicurio { ANYTHING } else { JSON };
        let mut request = Request::builder().method(call.method.clone()).uri(url).header(ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let agent = if call.method == Method::GET { &self.reading } else { &self.writing };
        let mut response = match call.body {
            Some(body) => agent.run(request.header(CONTENT_TYPE, JSON).body(body)?)?,
            None => agent.run(request.body(())?)?,
        };
        let artifact_type = response.headers().get("X-Registry-ArtifactType").and_then(|value| value.to_str().ok());
        let artifact_type = artifact_type.map(str::to_owned);
        let body = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
        Ok((response.status(), Answer { status: response.status().as_u16(), body, artifact_type }))
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        use ureq::Timeout;
        let is_unsent = match &error {
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::Tls(_) => true,
            ureq::Error::Timeout(timeout) => matches!(timeout, Timeout::Resolve | Timeout::Connect),
            ureq::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
            #[cfg(feature = "tls")]
            ureq::Error::NativeTls(_) => true,
            _ => false,
        };
        let reason = match error {
            ureq::Error::HostNotFound => "the host name cannot be resolved (DNS)".to_owned(),
            ureq::Error::Timeout(Timeout::Resolve) => "the name resolution timed out (DNS)".to_owned(),
            ureq::Error::Timeout(Timeout::Connect) => "the connection timed out".to_owned(),
            ureq::Error::Timeout(_) => "no answer in time".to_owned(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                "nothing listens there (connection refused)".to_owned()
            }
            ureq::Error::BodyExceedsLimit(_) => format!("the answer is larger than {MAX_RESPONSE_BYTES} bytes"),
            ureq::Error::Tls(reason) => tls_reason(reason),
            #[cfg(feature = "tls")]
            ureq::Error::NativeTls(error) => tls_reason(&error.to_string()),
            ureq::Error::Io(error) => tls_reason(&error.to_string()),
            other => other.to_string(),
        };
        Self { reason, is_unsent }
    }
}

/// OpenSSL's errors name its functions and files. The two that settings can solve get a sentence instead.
fn tls_reason(error: &str) -> String {
    if let Some((_, detail)) = error.split_once("certificate verify failed") {
        // Such as `:../ssl/statem/statem_clnt.c:1889: (self-signed certificate)`.
        let detail = detail.rfind('(').map_or("", |at| &detail[at..]);
        return format!("its certificate is not trusted {detail}").trim_end().to_owned();
    }
    if error.contains("alert certificate required") {
        return "it requires a client certificate".to_owned();
    }
    error.to_owned()
}

fn is_broken_connection(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, ureq::Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// The base of Apicurio's own API, if the URL is that of Confluent's API in an Apicurio Registry.
fn apicurio_base(url: &RegistryUrl) -> Option<String> {
    let at = url.as_str().find(APICURIO_CONFLUENT_PATH)?;
    Some(format!("{}{APICURIO_PATH}", &url.as_str()[..at]))
}

fn authorization(auth: &RegistryAuth) -> Result<Option<HeaderValue>, String> {
    let text = match auth {
        RegistryAuth::None => return Ok(None),
        RegistryAuth::Basic { user, .. } if user.contains(':') => {
            return Err(format!(
                "the user {user:?} of the schema registry contains a colon, which HTTP does not allow"
            ));
        }
        RegistryAuth::Basic { user, password } => {
            let text = format!("{user}:{password}");
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
        }
        RegistryAuth::Bearer { token } => format!("Bearer {token}"),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "the token of the schema registry has characters that HTTP does not allow".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// A segment of a path: everything but the unreserved characters of RFC 3986 is percent-encoded.
pub(super) fn segment(text: &str) -> String {
    // Servers and proxies remove these segments.
    let is_relative = text == "." || text == "..";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'.' if !is_relative => encoded.push('.'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{apicurio_base, segment};
    use crate::registry::settings::RegistryUrl;

    #[test]
    fn names_are_percent_encoded() {
        assert_eq!(segment("orders/a:b c-value"), "orders%2Fa%3Ab%20c-value");
        assert_eq!(segment(":.ctx:à"), "%3A.ctx%3A%C3%A0");
        assert_eq!(segment(".."), "%2E%2E");
    }

    #[test]
    fn apicurio_has_its_own_api_beside_that_of_confluent() {
        let base = |url| apicurio_base(&RegistryUrl::parse(url).expect("valid"));
        assert_eq!(base("http://a/x/apis/ccompat/v7/").as_deref(), Some("http://a/x/apis/registry/v3"));
        assert_eq!(base("http://a:8081"), None);
    }
}
