//! Tokens of an OAuth or OpenID Connect provider for the bridge's own client (RFC 6749, section 4.4: client credentials).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::{Request, StatusCode, Uri, header};

use super::http::{Answer, HttpClient, HttpError, encoded, readable};
use super::token::{self, Token, TokenError};

pub struct Oidc {
    pub endpoint: Uri,
    pub client_id: String,
    pub client_secret: String,
    pub scope: Option<String>,
    pub extensions: Vec<(String, String)>,
    pub http: HttpClient,
}

/// RFC 6749, section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds. A number; some providers send it as a string.
    expires_in: Option<serde_json::Value>,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize)]
struct Refused {
    error: String,
    error_description: Option<String>,
}

impl Oidc {
    pub fn fetch(&self) -> Result<Token, TokenError> {
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.scope {
            form.push_str("&scope=");
            form.push_str(&encoded(scope));
        }
        let credentials = STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret));
        let request = Request::post(&self.endpoint)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, format!("Basic {credentials}"))
            .body(form)
            .map_err(|error| TokenError::Unreachable { endpoint: self.endpoint(), reason: error.to_string() })?;
        let asked_at = SystemTime::now();
        let answer = self.http.send(request).map_err(|error| match error {
            HttpError::Unreachable(reason) => TokenError::Unreachable { endpoint: self.endpoint(), reason },
            HttpError::Tls(reason) => TokenError::Tls { endpoint: self.endpoint(), reason },
        })?;
        self.read(&answer, asked_at)
    }

    /// The endpoint without what may be secret in an address.
    pub fn endpoint(&self) -> String {
        let host = self.endpoint.authority().map_or("", |authority| authority.as_str());
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        format!("{}://{host}{}", self.endpoint.scheme_str().unwrap_or("https"), self.endpoint.path())
    }

    fn read(&self, answer: &Answer, asked_at: SystemTime) -> Result<Token, TokenError> {
        let (endpoint, status) = (self.endpoint(), answer.status.as_u16());
        if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(TokenError::Failing { endpoint, status });
        }
        if !answer.status.is_success() {
            let reason = match serde_json::from_slice(&answer.body) {
                Ok(Refused { error, error_description: Some(description) }) => format!("{error}: {description}"),
                Ok(Refused { error, error_description: None }) => error,
                Err(_) => answer.status.canonical_reason().unwrap_or_default().to_owned(),
            };
            let reason = readable(&reason.replace(&self.client_secret, "…"));
            return Err(TokenError::Refused { endpoint, status, reason });
        }
        let malformed = |reason: &str| TokenError::Malformed { endpoint: endpoint.clone(), reason: reason.to_owned() };
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| malformed("its answer is no JSON with an access_token"))?;
        let claims = token::claims(&granted.access_token).unwrap_or_default();
        // Counted from the request, so that the clocks of both sides need not agree.
        let seconds_left = granted.expires_in.as_ref().and_then(|seconds| match seconds {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_f64(),
        });
        let expires_at = match (seconds_left, claims.exp) {
            (Some(seconds), _) => after(asked_at, seconds),
            (None, Some(exp)) => after(UNIX_EPOCH, exp),
            (None, None) => return Err(malformed("neither expires_in nor a claim exp says when it expires")),
        };
        let expires_at = expires_at.ok_or_else(|| malformed("the time of its expiry is out of range"))?;
        Ok(Token {
            value: granted.access_token,
            principal: claims.sub.unwrap_or_else(|| self.client_id.clone()),
            expires_at,
            extensions: self.extensions.clone(),
        })
    }
}

fn after(time: SystemTime, seconds: f64) -> Option<SystemTime> {
    time.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::http::Roots;
    use super::*;

    fn oidc() -> Oidc {
        Oidc {
            endpoint: Uri::from_static("https://user:hidden@idp.example/token?key=hidden"),
            client_id: "ponte".into(),
            client_secret: "s3cret".into(),
            scope: None,
            extensions: Vec::new(),
            http: HttpClient::new(&Roots::System),
        }
    }

    fn read(status: u16, body: &str) -> Result<Token, TokenError> {
        let status = StatusCode::from_u16(status).expect("a status");
        oidc().read(&Answer { status, body: body.as_bytes().to_vec() }, UNIX_EPOCH)
    }

    #[test]
    fn lifetime_is_counted_from_the_request_whatever_the_clocks_say() {
        for body in [r#"{"access_token":"opaque","expires_in":300}"#, r#"{"access_token":"opaque","expires_in":"300"}"#]
        {
            let token = read(200, body).unwrap_or_else(|error| panic!("{body}: {error}"));
            assert_eq!(token.expires_at, UNIX_EPOCH + Duration::from_secs(300));
            assert_eq!((token.value.as_str(), token.principal.as_str()), ("opaque", "ponte"));
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_is_an_error() {
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"access_token":"opaque"}"#,
            r#"{"access_token":"opaque","expires_in":-1}"#,
            r#"{"access_token":"opaque","expires_in":1e300}"#,
        ] {
            let error = read(200, body).err();
            assert!(matches!(error, Some(TokenError::Malformed { .. })), "{body}: {error:?}");
        }
    }

    #[test]
    fn no_error_repeats_the_secret_or_the_credentials_in_the_address() {
        let body = r#"{"error":"invalid_client","error_description":"wrong s3cret\nfor ponte"}"#;
        let error = read(401, body).err().expect("refused").to_string();
        assert!(!error.contains("s3cret") && !error.contains("hidden") && !error.contains('\n'), "{error}");
        assert!(
            error.starts_with("the token endpoint https://idp.example/token answered 401 invalid_client: wrong"),
            "{error}"
        );
    }

    #[test]
    fn a_failing_endpoint_is_not_a_refusal() {
        for status in [429, 500, 503] {
            assert!(!read(status, "").err().expect("an error").is_refusal(), "{status}");
        }
        assert!(read(302, "").err().expect("an error").is_refusal(), "a redirect is not followed");
    }
}
