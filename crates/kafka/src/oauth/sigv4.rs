//! Presigned URLs: AWS Signature Version 4 in the query of a GET request.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::http::percent_encoded;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The hash of an empty body.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Only for temporary credentials.
    pub session_token: Option<String>,
}

/// The request to sign; its path is `/`.
pub struct Presigned<'a> {
    pub host: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    /// Names and values, not percent-encoded.
    pub query: &'a [(&'a str, &'a str)],
    pub expires_in: Duration,
}

impl Presigned<'_> {
    /// The signed URL, valid from `at` on.
    ///
    /// # Errors
    /// If `at` is out of range.
    pub fn url(&self, credentials: &Credentials, at: SystemTime) -> Result<String, jiff::Error> {
        let at = jiff::Timestamp::try_from(at)?;
        let (date, time) = (at.strftime("%Y%m%d").to_string(), at.strftime("%Y%m%dT%H%M%SZ").to_string());
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let credential = format!("{}/{scope}", credentials.access_key_id);
        let expires = self.expires_in.as_secs().to_string();
        let mut parameters: Vec<(String, String)> = self
            .query
            .iter()
            .copied()
            .chain([
                ("X-Amz-Algorithm", ALGORITHM),
                ("X-Amz-Credential", &credential),
                ("X-Amz-Date", &time),
                ("X-Amz-Expires", &expires),
                ("X-Amz-SignedHeaders", "host"),
            ])
            .chain(credentials.session_token.as_deref().map(|token| ("X-Amz-Security-Token", token)))
            .map(|(name, value)| (percent_encoded(name), percent_encoded(value)))
            .collect();
        // The signature requires the order of encoded names, then values.
        parameters.sort_unstable();
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");
        let canonical = format!("GET\n/\n{query}\nhost:{}\n\nhost\n{EMPTY_SHA256}", self.host);
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut key = hmac(format!("AWS4{}", credentials.secret_access_key).as_bytes(), &date);
        for part in [self.region, self.service, "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex(&hmac(&key, &to_sign));
        Ok(format!("https://{}/?{query}&X-Amz-Signature={signature}", self.host))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the case, its query, its session token, and the expected signature.
    type Case = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>, &'static str);

    /// AWS's published test suite for Signature Version 4 (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4): cases
    /// that sign the query and have the path `/`, each with its `query-signature.txt`. All have the same context.
    const SUITE: &[Case] = &[
        ("get-vanilla", &[], None, "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"),
        (
            "get-vanilla-query-order-encoded",
            &[("Param-3", "Value3"), ("Param", "Value2"), ("\u{1234}", "Value1")],
            None,
            "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787",
        ),
        (
            "get-vanilla-query-order-key-case",
            &[("Param2", "value2"), ("Param1", "value1")],
            None,
            "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5",
        ),
        (
            "get-vanilla-with-session-token",
            &[],
            Some("6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"),
            "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c",
        ),
    ];

    #[test]
    fn signatures_equal_those_of_the_published_test_suite() {
        for (name, query, session_token, signature) in SUITE {
            let credentials = Credentials {
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
                session_token: session_token.map(Into::into),
            };
            let request = Presigned {
                host: "example.amazonaws.com",
                region: "us-east-1",
                service: "service",
                query,
                expires_in: Duration::from_secs(3600),
            };
            let at: jiff::Timestamp = "2015-08-30T12:36:00Z".parse().expect("a time");
            let url = request.url(&credentials, at.into()).expect("a URL");
            assert!(url.ends_with(&format!("&X-Amz-Signature={signature}")), "{name}: {url}");
        }
    }
}
