//! Unsigned tokens for brokers under development (`enable.sasl.oauthbearer.unsecure.jwt`), configured by
//! `sasl.oauthbearer.config` as in librdkafka.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::token::Token;

#[derive(Debug, PartialEq)]
pub struct Unsecured {
    principal_claim: String,
    principal: String,
    scope_claim: String,
    scope: Vec<String>,
    lifetime: Duration,
    extensions: Vec<(String, String)>,
}

impl Unsecured {
    /// Parses `principal=admin scope=role1,role2 lifeSeconds=600 extension_traceId=123`.
    ///
    /// # Errors
    /// The part that is invalid, or the missing principal.
    pub fn of(config: &str) -> Result<Self, String> {
        let mut unsecured = Self {
            principal_claim: "sub".to_owned(),
            principal: String::new(),
            scope_claim: "scope".to_owned(),
            scope: Vec::new(),
            lifetime: Duration::from_secs(3600),
            extensions: Vec::new(),
        };
        for pair in config.split_ascii_whitespace() {
            let (name, value) = pair.split_once('=').ok_or("each part must be name=value")?;
            if value.is_empty() {
                return Err(format!("{name} has no value"));
            }
            match name {
                "principalClaimName" => unsecured.principal_claim = value.to_owned(),
                "principal" => unsecured.principal = value.to_owned(),
                "scopeClaimName" => unsecured.scope_claim = value.to_owned(),
                "scope" => {
                    unsecured.scope = value.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
                }
                "lifeSeconds" => {
                    let seconds = value.parse::<u32>().ok().filter(|seconds| *seconds > 0);
                    let seconds = seconds.ok_or("lifeSeconds must be a number above 0")?;
                    unsecured.lifetime = Duration::from_secs(seconds.into());
                }
                name => match name.strip_prefix("extension_") {
                    Some(extension) if !extension.is_empty() => {
                        unsecured.extensions.push((extension.to_owned(), value.to_owned()));
                    }
                    _ => return Err(format!("unknown name {name}")),
                },
            }
        }
        if unsecured.principal.is_empty() {
            return Err("principal=… is missing".to_owned());
        }
        Ok(unsecured)
    }

    pub fn create_token(&self) -> Token {
        let now = SystemTime::now();
        let expires_at = now + self.lifetime;
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut claims = Map::new();
        claims.insert(self.principal_claim.clone(), json!(self.principal));
        claims.insert("iat".to_owned(), json!(seconds(now)));
        claims.insert("exp".to_owned(), json!(seconds(expires_at)));
        if !self.scope.is_empty() {
            claims.insert(self.scope_claim.clone(), json!(self.scope));
        }
        // The signature of an unsigned JWT is empty (RFC 7515, appendix A.5).
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let value = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&Value::Object(claims)));
        Token { value, principal: self.principal.clone(), expires_at, extensions: self.extensions.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::token;
    use super::*;

    #[test]
    fn token_has_the_configured_claims() {
        let config = "principal=admin scopeClaimName=roles scope=role1,role2 lifeSeconds=600 extension_traceId=123";
        let token = Unsecured::of(config).expect("a configuration").create_token();
        let [header, payload, signature] = token.value.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts")
        };
        assert_eq!((header, signature), ("eyJhbGciOiJub25lIn0", ""), "unsigned");
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON");
        assert_eq!(payload["sub"], "admin");
        assert_eq!(payload["roles"], json!(["role1", "role2"]));
        let life = payload["exp"].as_f64().expect("exp") - payload["iat"].as_f64().expect("iat");
        assert!((life - 600.0).abs() < 0.01, "{life}");
        assert_eq!(token.extensions, [("traceId".to_owned(), "123".to_owned())]);
        assert_eq!(token::claims(&token.value).expect("claims").sub.as_deref(), Some("admin"));
    }

    #[test]
    fn error_names_the_invalid_part() {
        for (config, reason) in [
            ("", "principal=… is missing"),
            ("principal", "each part must be name=value"),
            ("principal=", "principal has no value"),
            ("principal=a lifeSeconds=0", "lifeSeconds must be a number above 0"),
            ("principal=a lifeTime=3", "unknown name lifeTime"),
        ] {
            assert_eq!(Unsecured::of(config), Err(reason.to_owned()), "{config:?}");
        }
    }
}
