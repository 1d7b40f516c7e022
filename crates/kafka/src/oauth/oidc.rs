//! Tokens of an OAuth or OpenID Connect provider by the client credentials grant (RFC 6749, section 4.4).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::{Request, StatusCode, Uri, header};

use super::http::{HttpClient, HttpError, Response, percent_encoded, single_line};
use super::token::{self, Token, TokenError};

pub struct Oidc {
    pub endpoint: Uri,
    pub client_id: String,
    pub client_secret: String,
    pub scope: Option<String>,
    pub extensions: Vec<(String, String)>,
    pub http: HttpClient,
}

/// The successful response of RFC 6749, section 5.1.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    /// Seconds; a number, but some providers send a string.
    expires_in: Option<serde_json::Value>,
}

/// The error response of RFC 6749, section 5.2.
#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
    error_description: Option<String>,
}

impl Oidc {
    /// Requests a token. Blocks for at most 10 s.
    ///
    /// # Errors
    /// If the endpoint cannot be reached, refuses the request, or does not return a valid token.
    pub fn fetch(&self) -> Result<Token, TokenError> {
        let mut form = "grant_type=client_credentials".to_owned();
        if let Some(scope) = &self.scope {
            form.push_str("&scope=");
            form.push_str(&percent_encoded(scope));
        }
        let credentials = STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret));
        let request = Request::post(&self.endpoint)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, format!("Basic {credentials}"))
            .body(form)
            .map_err(|error| TokenError::Unreachable { endpoint: self.endpoint(), reason: error.to_string() })?;
        let requested_at = SystemTime::now();
        let response = self.http.send(request).map_err(|error| match error {
            HttpError::Unreachable(reason) => TokenError::Unreachable { endpoint: self.endpoint(), reason },
            HttpError::Tls(reason) => TokenError::Tls { endpoint: self.endpoint(), reason },
        })?;
        self.read(&response, requested_at)
    }

    /// The endpoint's URL without user information and query, which may contain secrets.
    pub fn endpoint(&self) -> String {
        let host = self.endpoint.authority().map_or("", |authority| authority.as_str());
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        format!("{}://{host}{}", self.endpoint.scheme_str().unwrap_or("https"), self.endpoint.path())
    }

    fn read(&self, response: &Response, requested_at: SystemTime) -> Result<Token, TokenError> {
        let (endpoint, status) = (self.endpoint(), response.status.as_u16());
        if response.status.is_server_error() || response.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(TokenError::ServerError { endpoint, status });
        }
        if !response.status.is_success() {
            let reason = match protocol::from_json_bytes(&response.body) {
                Ok(ErrorResponse { error, error_description: Some(description) }) => format!("{error}: {description}"),
                Ok(ErrorResponse { error, error_description: None }) => error,
                Err(_) => response.status.canonical_reason().unwrap_or_default().to_owned(),
            };
            let reason = single_line(&reason.replace(&self.client_secret, "…"));
            return Err(TokenError::Refused { endpoint, status, reason });
        }
        let malformed = |reason: &str| TokenError::Malformed { endpoint: endpoint.clone(), reason: reason.to_owned() };
        let granted: TokenResponse = protocol::from_json_bytes(&response.body)
            .map_err(|_| malformed("the response is not JSON with an access_token"))?;
        let claims = token::claims(&granted.access_token).unwrap_or_default();
        // The lifetime counts from the request, so the clocks of both sides may differ.
        let seconds_left = granted.expires_in.as_ref().and_then(|seconds| match seconds {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_f64(),
        });
        let expires_at = match (seconds_left, claims.exp) {
            (Some(seconds), _) => after(requested_at, seconds),
            (None, Some(exp)) => after(UNIX_EPOCH, exp),
            (None, None) => {
                return Err(malformed("the response has neither expires_in nor a token with the claim exp"));
            }
        };
        let expires_at = expires_at.ok_or_else(|| malformed("the token's expiry time is out of range"))?;
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
        oidc().read(&Response { status, body: body.as_bytes().to_vec() }, UNIX_EPOCH)
    }

    #[test]
    fn lifetime_counts_from_the_request() {
        for body in [r#"{"access_token":"opaque","expires_in":300}"#, r#"{"access_token":"opaque","expires_in":"300"}"#]
        {
            let token = read(200, body).unwrap_or_else(|error| panic!("{body}: {error}"));
            assert_eq!(token.expires_at, UNIX_EPOCH + Duration::from_secs(300));
            assert_eq!((token.value.as_str(), token.principal.as_str()), ("opaque", "ponte"));
        }
    }

    #[test]
    fn response_without_a_valid_token_is_malformed() {
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
    fn error_contains_neither_the_client_secret_nor_credentials_in_the_url() {
        let body = r#"{"error":"invalid_client","error_description":"wrong s3cret\nfor ponte"}"#;
        let error = read(401, body).err().expect("refused").to_string();
        assert!(!error.contains("s3cret") && !error.contains("hidden") && !error.contains('\n'), "{error}");
        assert!(
            error.starts_with("the token endpoint https://idp.example/token answered 401 invalid_client: wrong"),
            "{error}"
        );
    }

    #[test]
    fn server_error_is_not_a_refusal() {
        for status in [429, 500, 503] {
            assert!(!read(status, "").err().expect("an error").is_refusal(), "{status}");
        }
        assert!(read(302, "").err().expect("an error").is_refusal(), "a redirect is not followed");
    }
}
