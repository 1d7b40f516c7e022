//! Checks an ID token: its signature, and that it was issued by this provider, for this bridge, for this sign-in, now (OpenID Connect
//! Core 1.0, 3.1.3.7).

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::claims::Claims;
use super::signatures;

/// How much the clocks of bridge and provider may differ.
const CLOCK_SKEW_SECS: u64 = 60;

/// What the token must say.
pub struct Expected<'e> {
    pub issuer: &'e str,
    pub client_id: &'e str,
    pub nonce: &'e str,
    /// Those that the provider says it uses.
    pub algorithms: &'e [Algorithm],
}

#[derive(Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The token may be signed by a key that the provider has published since.
    UnknownKey,
    Invalid(String),
}

/// The algorithms of this list that the bridge accepts: neither `none` nor those with a shared secret.
pub fn accepted_algorithms(names: &[String]) -> Vec<Algorithm> {
    let known = names.iter().filter_map(|name| name.parse::<Algorithm>().ok());
    known.filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac).collect()
}

/// The token's claims.
pub fn verify(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims, TokenError> {
    signatures::install();
    let header = decode_header(token).map_err(|error| TokenError::Invalid(format!("it cannot be read: {error}")))?;
    if !expected.algorithms.contains(&header.alg) {
        return Err(TokenError::Invalid(format!(
            "it is signed with {:?}, which the bridge does not accept",
            header.alg
        )));
    }
    let mut validation = Validation::new(header.alg);
    validation.leeway = CLOCK_SKEW_SECS;
    validation.validate_nbf = true;
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let mut last = TokenError::UnknownKey;
    for key in keys.iter().filter_map(|key| decoding_key(key, &header)) {
        match decode::<Claims>(token, &key, &validation) {
            Ok(decoded) => return check_claims(decoded.claims, expected),
            // Without a key id, another key may be the right one.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) && header.kid.is_none() => {}
            Err(error) => last = TokenError::Invalid(in_words(error.kind())),
        }
    }
    Err(last)
}

/// The key if the token may be signed with it.
fn decoding_key(key: &Jwk, header: &Header) -> Option<DecodingKey> {
    let common = &key.common;
    let is_for_signatures = !matches!(common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)));
    let is_named = header.kid.is_none() || header.kid == common.key_id;
    let is_for_algorithm =
        common.key_algorithm.is_none_or(|algorithm| Algorithm::try_from(algorithm).is_ok_and(|a| a == header.alg));
    let is_usable = is_for_signatures && is_named && is_for_algorithm;
    let decoding_key = DecodingKey::from_jwk(key).ok().filter(|_| is_usable)?;
    (decoding_key.family() == header.alg.family()).then_some(decoding_key)
}

/// The claims that `jsonwebtoken` does not know.
fn check_claims(claims: Claims, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    let invalid = |reason: &str| Err(TokenError::Invalid(reason.to_owned()));
    let is_text =
        |claim: &str| claims.get(claim).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    if !is_text("iss") || !is_text("sub") {
        return invalid("its issuer or its subject is not a text");
    }
    let nonce = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return invalid("it belongs to another sign-in (nonce)");
    }
    match claims.get("azp") {
        Some(azp) if azp != expected.client_id => invalid("it was issued to another client (azp)"),
        _ => Ok(claims),
    }
}

fn in_words(error: &ErrorKind) -> String {
    match error {
        ErrorKind::InvalidSignature => "its signature is wrong".to_owned(),
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => format!(
            "it is not valid at this time; check that the clocks of the bridge and the provider differ by less than {CLOCK_SKEW_SECS} s"
        ),
        ErrorKind::InvalidIssuer => "it is of another issuer".to_owned(),
        ErrorKind::InvalidAudience => "it is for another client (aud)".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no claim “{claim}”"),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'static> = Expected {
        issuer: "https://idp.example",
        client_id: "ponte",
        nonce: "the-nonce",
        algorithms: &[Algorithm::ES256, Algorithm::RS256],
    };

    struct Provider {
        pair: EcdsaKeyPair,
        kid: &'static str,
    }

    impl Provider {
        fn new(kid: &'static str) -> Self {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
            Self { pair: pair.expect("a key"), kid }
        }

        fn key(&self, more: &Value) -> Jwk {
            let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
            let mut key = json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": encoded(x), "y": encoded(y)});
            key.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value(key).expect("a key")
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
            let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
            format!("{message}.{}", encoded(signature))
        }

        /// A token with changed claims; null leaves one out.
        fn token(&self, changes: &Value) -> String {
            let now = now();
            let mut claims = json!({"iss": EXPECTED.issuer, "aud": "ponte", "sub": "1", "exp": now + 600, "iat": now, "nonce": EXPECTED.nonce});
            let claims_of = claims.as_object_mut().expect("an object");
            claims_of.extend(changes.as_object().expect("an object").clone());
            claims_of.retain(|_, value| !value.is_null());
            self.sign(&json!({"alg": "ES256", "kid": self.kid}), &claims)
        }
    }

    fn encoded(bytes: impl AsRef<[u8]>) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
    }

    fn refused(token: &str, keys: &[Jwk]) -> String {
        match verify(token, keys, &EXPECTED) {
            Err(TokenError::Invalid(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn token_of_this_sign_in_is_accepted() {
        let provider = Provider::new("a");
        let keys = [Provider::new("b").key(&json!({})), provider.key(&json!({"use": "sig", "alg": "ES256"}))];
        for changes in [
            json!({}),
            json!({"aud": ["ponte", "other"], "azp": "ponte"}),
            json!({"exp": now() - 30}),
            json!({"nbf": now() + 30}),
        ] {
            let claims = verify(&provider.token(&changes), &keys, &EXPECTED);
            assert_eq!(claims.expect("accepted")["sub"], "1", "{changes}");
        }
    }

    #[test]
    fn token_that_says_something_else_is_refused() {
        let provider = Provider::new("a");
        let keys = [provider.key(&json!({}))];
        for (changes, reason) in [
            (json!({"iss": "https://idp.example/"}), "issuer"),
            (json!({"iss": null}), "iss"),
            (json!({"iss": ["https://idp.example"]}), ""),
            (json!({"aud": "other"}), "another client"),
            (json!({"aud": null}), "aud"),
            (json!({"azp": "other"}), "azp"),
            (json!({"sub": null}), "sub"),
            (json!({"exp": now() - 90}), "clocks"),
            (json!({"exp": null}), "exp"),
            (json!({"exp": "tomorrow"}), ""),
            (json!({"nbf": now() + 90}), "clocks"),
            (json!({"nbf": "yesterday"}), ""),
            (json!({"nonce": "another-one"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"nonce": 7}), "nonce"),
        ] {
            let refusal = refused(&provider.token(&changes), &keys);
            assert!(refusal.contains(reason), "{changes}: {refusal}");
        }
    }

    #[test]
    fn changed_or_unsigned_token_is_refused() {
        let provider = Provider::new("a");
        let keys = [provider.key(&json!({}))];
        let token = provider.token(&json!({}));
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let (header, _) = message.split_once('.').expect("three parts");
        let other = provider.token(&json!({"sub": "2"}));
        let (other_message, _) = other.rsplit_once('.').expect("three parts");
        assert!(refused(&format!("{other_message}.{signature}"), &keys).contains("signature"));
        assert!(refused(&format!("{message}."), &keys).contains("signature"));
        let unsigned = json!({"alg": "none", "kid": "a"}).to_string();
        let (_, claims) = message.split_once('.').expect("three parts");
        refused(&format!("{}.{claims}.", encoded(unsigned)), &keys);
        for text in ["", "a", "a.b.c", &format!("{header}.{claims}"), &format!("{token}.{signature}")] {
            refused(text, &keys);
        }
    }

    #[test]
    fn signature_with_a_shared_secret_is_refused() {
        let provider = Provider::new("a");
        let secret = json!({"kty": "oct", "kid": "a", "k": encoded("secret")});
        let keys = [provider.key(&json!({})), serde_json::from_value(secret).expect("a key")];
        // The classic attack: an HMAC with the public key as its secret.
        let claims = provider.token(&json!({}));
        let claims = claims.split('.').nth(1).expect("three parts");
        let message = format!("{}.{claims}", encoded(json!({"alg": "HS256", "kid": "a"}).to_string()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"secret");
        let token = format!("{message}.{}", encoded(ring::hmac::sign(&key, message.as_bytes())));
        assert!(refused(&token, &keys).contains("HS256"));
        let names = ["none", "HS256", "RS256", "PS512", "ES256", "ES384", "EdDSA", "XX"].map(str::to_owned);
        let accepted = accepted_algorithms(&names);
        assert_eq!(
            accepted,
            [Algorithm::RS256, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA]
        );
    }

    #[test]
    fn key_that_is_not_published_is_unknown() {
        let (provider, other) = (Provider::new("a"), Provider::new("b"));
        let token = provider.token(&json!({}));
        let unknown = Err(TokenError::UnknownKey);
        assert_eq!(verify(&token, &[other.key(&json!({}))], &EXPECTED), unknown);
        for unusable in [json!({"use": "enc"}), json!({"alg": "RS256"}), json!({"kid": null})] {
            assert_eq!(verify(&token, &[provider.key(&unusable)], &EXPECTED), unknown, "{unusable}");
        }
        // Another key with the same id.
        assert!(refused(&token, &[other.key(&json!({"kid": "a"}))]).contains("signature"));
    }

    #[test]
    fn token_without_key_id_is_verified_with_every_key() {
        let (provider, other) = (Provider::new("a"), Provider::new("b"));
        let claims = provider.token(&json!({}));
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.split('.').nth(1).expect("three parts")).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        let token = provider.sign(&json!({"alg": "ES256"}), &claims);
        let both = [other.key(&json!({})), provider.key(&json!({}))];
        assert!(verify(&token, &both, &EXPECTED).is_ok());
        assert_eq!(verify(&token, &both[..1], &EXPECTED), Err(TokenError::UnknownKey), "the keys may have changed");
    }
}
