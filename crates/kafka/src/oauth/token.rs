//! An OAuth token, and the errors of fetching one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::native::TokenSlot;

/// An OAuth token with its expiry.
pub struct Token {
    pub value: String,
    /// The user name for librdkafka's log; nothing else of the token appears there.
    pub principal: String,
    pub expires_at: SystemTime,
    /// SASL extensions (RFC 7628), name and value.
    pub extensions: Vec<(String, String)>,
}

/// The messages never contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token endpoint {endpoint} cannot be reached: {reason}; check sasl.oauthbearer.token.endpoint.url")]
    Unreachable { endpoint: String, reason: String },
    #[error("no TLS connection to the token endpoint {endpoint}: {reason}; check https.ca.location")]
    Tls { endpoint: String, reason: String },
    #[error("the token endpoint {endpoint} answered {status} {reason}; check {}", to_check(.status, .reason))]
    Refused { endpoint: String, status: u16, reason: String },
    #[error("the token endpoint {endpoint} answered {status}; the bridge retries")]
    ServerError { endpoint: String, status: u16 },
    #[error("the token endpoint {endpoint} did not send a valid token: {reason}")]
    Malformed { endpoint: String, reason: String },
    #[error("the token has expired already; compare this machine's clock with the token endpoint's")]
    Expired,
    #[error("librdkafka rejects the token: {0}")]
    Rejected(String),
    #[error("this machine's clock is out of range: {0}")]
    ClockOutOfRange(String),
    #[error(
        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones), or run \
         where AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is set (ECS, EKS Pod Identity). \
         Profiles, instance metadata and web identities are not read"
    )]
    NoAwsCredentials,
    #[error("no AWS credentials from {endpoint} (AWS_CONTAINER_CREDENTIALS_…): {reason}")]
    AwsCredentials { endpoint: String, reason: String },
}

/// The property that most likely has a wrong value; the codes are those of RFC 6749, section 5.2.
fn to_check(status: &u16, reason: &str) -> &'static str {
    let code = reason.split([' ', ':']).next().unwrap_or_default();
    match (code, status) {
        ("invalid_client" | "unauthorized_client", _) | (_, 401) => {
            "sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret"
        }
        ("invalid_scope", _) => "sasl.oauthbearer.scope",
        ("unsupported_grant_type" | "invalid_grant", _) => {
            "sasl.oauthbearer.grant.type, and which grants the token endpoint allows for the client"
        }
        _ => "sasl.oauthbearer.token.endpoint.url",
    }
}

impl TokenError {
    /// Whether retrying cannot help before the configuration is changed; each retry may count as a failed sign-in.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NoAwsCredentials)
    }
}

impl Token {
    /// How long the token is still valid.
    ///
    /// # Errors
    /// If the token has expired.
    pub fn lifetime(&self) -> Result<Duration, TokenError> {
        self.expires_at.duration_since(SystemTime::now()).map_err(|_| TokenError::Expired)
    }

    /// # Errors
    /// If librdkafka rejects the token.
    pub fn set_on(&self, client: &TokenSlot) -> Result<(), TokenError> {
        let expires_at = self.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires_at_ms = i64::try_from(expires_at.as_millis()).unwrap_or(i64::MAX);
        client.set(&self.value, expires_at_ms, &self.principal, &self.extensions).map_err(TokenError::Rejected)
    }
}

/// The claims of a JSON Web Token. The signature is not verified; brokers do that.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Claims {
    pub sub: Option<String>,
    /// Seconds since 1970-01-01 UTC; some providers send fractions.
    pub exp: Option<f64>,
}

/// The claims of a JWT; `None` for tokens in another format.
pub fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_header, payload) = (parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    protocol::from_json_bytes(&payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_from_jwts_only() {
        // RFC 7519, section 3.1.
        let jwt = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                   cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(claims(jwt), Some(Claims { sub: None, exp: Some(1_300_819_380.0) }));
        for other in ["", "opaque", "a.b.c", "2YotnFZFEjr1zCsicMWpAA"] {
            assert_eq!(claims(other), None, "{other:?}");
        }
    }

    #[test]
    fn refusal_names_the_property_to_check() {
        let message = |status, reason: &str| {
            TokenError::Refused { endpoint: "https://idp/token".into(), status, reason: reason.into() }.to_string()
        };
        assert_eq!(
            message(401, "invalid_client: client authentication failed"),
            "the token endpoint https://idp/token answered 401 invalid_client: client authentication failed; check \
             sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret"
        );
        assert!(message(400, "invalid_scope").ends_with("check sasl.oauthbearer.scope"));
        assert!(message(404, "Not Found").ends_with("check sasl.oauthbearer.token.endpoint.url"));
    }
}
