//! The properties that configure the source of tokens, with the names and the meaning that they have in librdkafka.

use std::fmt;

use ureq::http::Uri;

use super::http::{HttpClient, Roots};
use super::msk_iam::{MskIam, region_of};
use super::oidc::Oidc;
use super::token::{Token, TokenError};
use super::unsecured::Unsecured;
use crate::client_config::KafkaProperties;

const OAUTHBEARER: &str = "OAUTHBEARER";

/// The mechanism of Java clients for MSK's IAM access control. Brokers accept the same tokens with OAUTHBEARER.
const AWS_MSK_IAM: &str = "AWS_MSK_IAM";

/// The properties that the bridge uses to fetch tokens. They are not passed to librdkafka, which refuses most of them
/// when built without libcurl.
const TOKEN_SETTINGS: &[&str] = &[
    METHOD,
    CLIENT_ID,
    CLIENT_SECRET,
    SCOPE,
    EXTENSIONS,
    ENDPOINT,
    GRANT_TYPE,
    CONFIG,
    UNSECURED,
    CA_LOCATION,
    CA_PEM,
];

const METHOD: &str = "sasl.oauthbearer.method";
const CLIENT_ID: &str = "sasl.oauthbearer.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.secret";
const SCOPE: &str = "sasl.oauthbearer.scope";
const EXTENSIONS: &str = "sasl.oauthbearer.extensions";
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const GRANT_TYPE: &str = "sasl.oauthbearer.grant.type";
const CONFIG: &str = "sasl.oauthbearer.config";
const UNSECURED: &str = "enable.sasl.oauthbearer.unsecure.jwt";
const CA_LOCATION: &str = "https.ca.location";
const CA_PEM: &str = "https.ca.pem";

/// Whether the bridge uses the property to fetch tokens, so that it is not passed to librdkafka.
pub fn is_token_setting(name: &str) -> bool {
    TOKEN_SETTINGS.contains(&name)
}

/// # Errors
/// If there is a property of a token source that only librdkafka supports: without an error it would have no effect.
pub fn refuse_unsupported(properties: &KafkaProperties) -> Result<(), SettingsError> {
    let is_unsupported = |name: &&str| name.starts_with("sasl.oauthbearer.") && !is_token_setting(name);
    match properties.names().find(is_unsupported) {
        Some(name) => Err(SettingsError::Unsupported(name.to_owned())),
        None => Ok(()),
    }
}

/// The mechanism that is passed to librdkafka for the one in the user's file.
pub fn mechanism_for_librdkafka(mechanism: &str) -> &str {
    if mechanism == AWS_MSK_IAM { OAUTHBEARER } else { mechanism }
}

/// The messages never contain a value that may be secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "sasl.mechanism=OAUTHBEARER needs a source of tokens: set {METHOD}=oidc with {ENDPOINT}, {CLIENT_ID} and {CLIENT_SECRET}, or \
         {UNSECURED}=true with {CONFIG} for a broker under development"
    )]
    NoSource,
    #[error(
        "{0} is not supported: the bridge fetches tokens by client credentials ({METHOD}=oidc), creates unsigned ones ({UNSECURED}), or \
         signs them for Amazon MSK (sasl.mechanism={AWS_MSK_IAM})"
    )]
    Unsupported(String),
    #[error("{METHOD}=oidc needs {0}")]
    Missing(&'static str),
    #[error("{METHOD} must be default or oidc")]
    UnknownMethod,
    #[error("{METHOD}=oidc and {UNSECURED}=true cannot be combined")]
    TwoSources,
    #[error("{GRANT_TYPE}: the bridge supports only client_credentials")]
    GrantType,
    #[error("{ENDPOINT} must be a URL that begins with https:// or http://")]
    Endpoint,
    #[error("{EXTENSIONS} must be a list like name=value,other=value")]
    Extensions,
    #[error("{CONFIG}: {0}")]
    Unsecured(String),
    #[error("{property}: {reason}")]
    Certificates { property: &'static str, reason: String },
    #[error("{CA_LOCATION} and {CA_PEM} cannot be combined")]
    TwoCertificateSources,
    #[error(
        "sasl.mechanism={AWS_MSK_IAM} needs a region, which is not in the brokers' host names: set the environment variable \
         AWS_REGION, such as AWS_REGION=eu-south-1"
    )]
    NoRegion,
}

/// The source of tokens.
pub enum Source {
    Oidc(Oidc),
    Unsecured(Unsecured),
    MskIam(MskIam),
}

impl Source {
    /// `None` if the properties do not use tokens.
    pub fn of(properties: &KafkaProperties, bootstrap_servers: &str) -> Result<Option<Self>, SettingsError> {
        match mechanism(properties) {
            Some(OAUTHBEARER) => Self::of_oauthbearer(properties).map(Some),
            Some(AWS_MSK_IAM) => {
                let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
                let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
                let region = region.or_else(|| region_of(bootstrap_servers).map(str::to_owned));
                Ok(Some(Self::MskIam(MskIam::in_region(region.ok_or(SettingsError::NoRegion)?))))
            }
            _ => Ok(None),
        }
    }

    fn of_oauthbearer(properties: &KafkaProperties) -> Result<Self, SettingsError> {
        let is_unsecured = properties.is_true(UNSECURED);
        let is_oidc = match properties.get(METHOD).map(str::to_ascii_lowercase).as_deref() {
            None | Some("default") => false,
            Some("oidc") => true,
            Some(_) => return Err(SettingsError::UnknownMethod),
        };
        match (is_oidc, is_unsecured) {
            (true, true) => Err(SettingsError::TwoSources),
            (true, false) => oidc(properties).map(Self::Oidc),
            (false, true) => {
                let unsecured = Unsecured::of(properties.get(CONFIG).unwrap_or_default());
                unsecured.map(Self::Unsecured).map_err(SettingsError::Unsecured)
            }
            (false, false) => Err(SettingsError::NoSource),
        }
    }

    /// Fetches or creates a token. Blocks for at most 10 s.
    pub fn fetch(&self) -> Result<Token, TokenError> {
        match self {
            Self::Oidc(oidc) => oidc.fetch(),
            Self::Unsecured(unsecured) => Ok(unsecured.create_token()),
            Self::MskIam(msk_iam) => msk_iam.create_token(),
        }
    }
}

/// For log lines.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oidc(oidc) => f.write_str(&oidc.endpoint()),
            Self::Unsecured(_) => f.write_str(UNSECURED),
            Self::MskIam(msk_iam) => write!(f, "AWS credentials, region {}", msk_iam.region),
        }
    }
}

fn mechanism(properties: &KafkaProperties) -> Option<&str> {
    properties.get("sasl.mechanism")
}

fn oidc(properties: &KafkaProperties) -> Result<Oidc, SettingsError> {
    if properties.get(GRANT_TYPE).is_some_and(|grant| grant != "client_credentials") {
        return Err(SettingsError::GrantType);
    }
    let required = |name| properties.get(name).map(str::to_owned).ok_or(SettingsError::Missing(name));
    let endpoint = properties.get(ENDPOINT).ok_or(SettingsError::Missing(ENDPOINT))?;
    let endpoint: Uri = endpoint.parse().map_err(|_| SettingsError::Endpoint)?;
    let is_http = matches!(endpoint.scheme_str(), Some("https" | "http"));
    if !is_http || endpoint.host().is_none_or(str::is_empty) {
        return Err(SettingsError::Endpoint);
    }
    Ok(Oidc {
        endpoint,
        client_id: required(CLIENT_ID)?,
        client_secret: required(CLIENT_SECRET)?,
        scope: properties.get(SCOPE).filter(|scope| !scope.is_empty()).map(str::to_owned),
        extensions: extensions(properties.get(EXTENSIONS).unwrap_or_default())?,
        http: HttpClient::new(&roots(properties)?),
    })
}

fn extensions(list: &str) -> Result<Vec<(String, String)>, SettingsError> {
    let pairs = list.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=')?;
        // RFC 7628, section 3.1; the name "auth" is reserved for the token.
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) && name != "auth";
        is_name.then(|| (name.to_owned(), value.to_owned()))
    });
    pairs.collect::<Option<_>>().ok_or(SettingsError::Extensions)
}

#[cfg(not(feature = "tls"))]
fn roots(_: &KafkaProperties) -> Result<Roots, SettingsError> {
    Ok(Roots::System)
}

#[cfg(feature = "tls")]
fn roots(properties: &KafkaProperties) -> Result<Roots, SettingsError> {
    let (location, pem) = (properties.get(CA_LOCATION), properties.get(CA_PEM));
    match (location.filter(|location| !matches!(*location, "" | "probe")), pem) {
        (Some(_), Some(_)) => Err(SettingsError::TwoCertificateSources),
        (None, None) => Ok(Roots::System),
        (None, Some(pem)) => certificates(CA_PEM, pem.as_bytes()).map(Roots::Only),
        (Some(location), None) => {
            let unreadable = |error: std::io::Error| SettingsError::Certificates {
                property: CA_LOCATION,
                reason: error.to_string(),
            };
            let location = std::path::Path::new(location);
            if !location.is_dir() {
                let pem = std::fs::read(location).map_err(unreadable)?;
                return certificates(CA_LOCATION, &pem).map(Roots::Only);
            }
            let mut all = Vec::new();
            for entry in std::fs::read_dir(location).map_err(unreadable)? {
                // Files that are not certificates are skipped.
                let pem = std::fs::read(entry.map_err(unreadable)?.path()).unwrap_or_default();
                all.extend(certificates(CA_LOCATION, &pem).unwrap_or_default());
            }
            Ok(Roots::Only(all))
        }
    }
}

#[cfg(feature = "tls")]
fn certificates(property: &'static str, pem: &[u8]) -> Result<Vec<Vec<u8>>, SettingsError> {
    super::http::certificates(pem).map_err(|reason| SettingsError::Certificates { property, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OIDC: &[(&str, &str)] = &[
        ("sasl.mechanism", "OAUTHBEARER"),
        (METHOD, "oidc"),
        (ENDPOINT, "https://idp.example/token"),
        (CLIENT_ID, "ponte"),
        (CLIENT_SECRET, "s3cret"),
    ];

    fn source(properties: &[(&str, &str)]) -> Result<Option<Source>, String> {
        Source::of(&KafkaProperties::of(properties), "localhost:9092").map_err(|error| error.to_string())
    }

    /// The properties for OIDC with another value for one of them; `None` leaves it out.
    fn oidc_but(name: &str, value: Option<&str>) -> Result<Option<Source>, String> {
        let others = OIDC.iter().copied().filter(|(other, _)| *other != name);
        source(&others.chain(value.map(|value| (name, value))).collect::<Vec<_>>())
    }

    #[test]
    fn other_mechanisms_need_no_tokens() {
        assert!(matches!(source(&[]), Ok(None)));
        assert!(matches!(source(&[("sasl.mechanism", "PLAIN"), (CONFIG, "principal=a")]), Ok(None)));
    }

    #[test]
    fn librdkafka_names_and_aliases_are_accepted() {
        let aliased = [
            ("sasl.mechanisms", "OAUTHBEARER"),
            (METHOD, "OIDC"),
            (ENDPOINT, "http://idp.example/token"),
            ("sasl.oauthbearer.client.credentials.client.id", "ponte"),
            ("sasl.oauthbearer.client.credentials.client.secret", "s3cret"),
            (SCOPE, "kafka.read kafka.write"),
            (EXTENSIONS, "logicalCluster=lkc-1, identityPoolId=pool-2"),
        ];
        let Ok(Some(Source::Oidc(oidc))) = source(&aliased) else { panic!("OIDC") };
        assert_eq!((oidc.client_id.as_str(), oidc.scope.as_deref()), ("ponte", Some("kafka.read kafka.write")));
        let names: Vec<&str> = oidc.extensions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["logicalCluster", "identityPoolId"]);
        assert!(matches!(source(OIDC), Ok(Some(Source::Oidc(_)))));
    }

    #[test]
    fn error_names_the_property_and_not_its_value() {
        let failure = |source: Result<Option<Source>, String>| source.err().expect("an error");
        for (name, value, expected) in [
            (ENDPOINT, None, "sasl.oauthbearer.method=oidc needs sasl.oauthbearer.token.endpoint.url"),
            (CLIENT_SECRET, None, "sasl.oauthbearer.method=oidc needs sasl.oauthbearer.client.secret"),
            (METHOD, Some("oauth"), "sasl.oauthbearer.method must be default or oidc"),
            (
                ENDPOINT,
                Some("idp"),
                "sasl.oauthbearer.token.endpoint.url must be a URL that begins with https:// or http://",
            ),
            (EXTENSIONS, Some("auth=x"), "sasl.oauthbearer.extensions must be a list like name=value,other=value"),
            (
                GRANT_TYPE,
                Some("urn:ietf:params:oauth:grant-type:jwt-bearer"),
                "sasl.oauthbearer.grant.type: the bridge supports only client_credentials",
            ),
        ] {
            assert_eq!(failure(oidc_but(name, value)), expected, "{name}={value:?}");
        }
        assert!(failure(oidc_but(METHOD, None)).contains("needs a source of tokens"));
        assert!(failure(oidc_but(UNSECURED, Some("true"))).contains("cannot be combined"));
        assert!(failure(oidc_but(CA_LOCATION, Some("/nowhere"))).starts_with("https.ca.location: "));
        assert!(failure(oidc_but(CA_PEM, Some("no certificate"))).starts_with("https.ca.pem: "));
    }

    #[test]
    fn unsecured_tokens_need_a_principal() {
        let unsecured = |config| source(&[("sasl.mechanism", "OAUTHBEARER"), (UNSECURED, "true"), (CONFIG, config)]);
        assert!(matches!(unsecured("principal=admin"), Ok(Some(Source::Unsecured(_)))));
        assert_eq!(unsecured("").err().as_deref(), Some("sasl.oauthbearer.config: principal=… is missing"));
    }
}
