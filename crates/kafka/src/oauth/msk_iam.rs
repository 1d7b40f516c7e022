//! Tokens for Amazon MSK's IAM access control: a URL that is signed with AWS credentials, in the same form as by AWS's
//! signers for librdkafka clients (aws-msk-iam-sasl-signer).

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::credentials::{self, ExpiringCredentials};
use super::http::{HttpClient, Roots, percent_encoded};
use super::sigv4::{Credentials, Presigned};
use super::token::{Token, TokenError};

/// The same as in AWS's signers.
const LIFETIME: Duration = Duration::from_secs(900);

pub struct MskIam {
    pub region: String,
    http: HttpClient,
}

impl MskIam {
    pub fn in_region(region: String) -> Self {
        Self { region, http: HttpClient::new(&Roots::System) }
    }

    /// Signs a token. Blocks while the credentials are fetched.
    ///
    /// # Errors
    /// If there are no AWS credentials, or the clock is out of range.
    pub fn create_token(&self) -> Result<Token, TokenError> {
        let ExpiringCredentials { credentials, expires_at: credentials_expire_at } = credentials::obtain(&self.http)?;
        let now = SystemTime::now();
        let value =
            token(&self.region, &credentials, now).map_err(|error| TokenError::ClockOutOfRange(error.to_string()))?;
        let expires_at = now + LIFETIME;
        Ok(Token {
            value,
            principal: credentials.access_key_id,
            // The signature is not valid any more once the credentials have expired.
            expires_at: credentials_expire_at.map_or(expires_at, |end| end.min(expires_at)),
            extensions: Vec::new(),
        })
    }
}

fn token(region: &str, credentials: &Credentials, at: SystemTime) -> Result<String, jiff::Error> {
    let request = Presigned {
        host: &format!("kafka.{region}.amazonaws.com"),
        region,
        service: "kafka-cluster",
        query: &[("Action", "kafka-cluster:Connect")],
        expires_in: LIFETIME,
    };
    // Not signed, as in AWS's signers.
    let agent = percent_encoded(concat!("ponte/", env!("CARGO_PKG_VERSION")));
    let url = format!("{}&User-Agent={agent}", request.url(credentials, at)?);
    Ok(URL_SAFE_NO_PAD.encode(url))
}

/// The region in the name of an MSK broker: `b-1.demo.abc123.c2.kafka.eu-south-1.amazonaws.com`, or `kafka-serverless`
/// in its place.
pub fn region_of(bootstrap_servers: &str) -> Option<&str> {
    bootstrap_servers.split(',').find_map(|server| {
        let host = server.trim().rsplit_once(':').map_or(server.trim(), |(host, _)| host);
        let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
        let (before, region) = host.rsplit_once('.')?;
        let service = before.rsplit('.').next()?;
        matches!(service, "kafka" | "kafka-serverless").then_some(region)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signatures of aws-msk-iam-sasl-signer-python 1.0.2 for these credentials, with its clock set to this time.
    const BY_AWS: &[(Option<&str>, &str)] = &[
        (None, "cac9a7bfef63206c50b71187ca81934f56a9bcfa7d98dffcb5d2f61b357db8fa"),
        (Some("a/session+token=="), "3379607e9b3b77bd6b3bbb8e4634917677b2d33639a22cfb9780c6ada677ac18"),
    ];

    #[test]
    fn signatures_equal_those_of_awss_signer() {
        for (session_token, signature) in BY_AWS {
            let credentials = Credentials {
                access_key_id: "AKIDEXAMPLE".into(),
                secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
                session_token: session_token.map(Into::into),
            };
            let at: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
            let token = token("eu-south-1", &credentials, at.into()).expect("a token");
            let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token).expect("base64 for URLs")).expect("a URL");
            let security_token = match session_token {
                None => "",
                Some(_) => "&X-Amz-Security-Token=a%2Fsession%2Btoken%3D%3D",
            };
            assert_eq!(
                url,
                format!(
                    "https://kafka.eu-south-1.amazonaws.com/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                     &X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-south-1%2Fkafka-cluster%2Faws4_request\
                     &X-Amz-Date=20260102T030405Z&X-Amz-Expires=900{security_token}&X-Amz-SignedHeaders=host\
                     &X-Amz-Signature={signature}&User-Agent=ponte%2F{}",
                    env!("CARGO_PKG_VERSION")
                )
            );
        }
    }

    #[test]
    fn region_is_read_from_the_brokers_host_names() {
        for (servers, region) in [
            (
                "b-1.demo.abc123.c2.kafka.eu-south-1.amazonaws.com:9098,b-2.demo.abc123.c2.kafka.eu-south-1.amazonaws.com:9098",
                Some("eu-south-1"),
            ),
            ("boot-abc.c2.kafka-serverless.us-west-2.amazonaws.com:9098", Some("us-west-2")),
            ("b-1.demo.abc123.c2.kafka.cn-north-1.amazonaws.com.cn:9098", Some("cn-north-1")),
            ("localhost:9098", None),
            ("ec2-1-2-3-4.compute.eu-south-1.amazonaws.com:9098", None),
        ] {
            assert_eq!(region_of(servers), region, "{servers}");
        }
    }
}
