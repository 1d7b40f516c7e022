//! How to reach a registry.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::Uri;

use crate::formats::wire::PrefixId;

/// The registries of a cluster, and how to sign in to them.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// Several URLs are nodes of the same registry. A request that one of them does not answer goes to the next one.
    pub urls: Vec<RegistryUrl>,
    pub auth: RegistryAuth,
    /// A PEM file of the only certificate authorities that are trusted, instead of those of the system.
    pub ca_file: Option<PathBuf>,
    pub client_certificate: Option<ClientCertificate>,
    /// Which id comes before the bytes of records.
    pub prefix_id: PrefixId,
    /// For the name resolution and for the connection, each.
    pub connect_timeout: Duration,
    /// For a whole request to one URL, with the connection and the answer.
    pub timeout: Duration,
}

impl RegistrySettings {
    /// A registry without authentication, with the default time-outs.
    pub fn new(urls: Vec<RegistryUrl>) -> Self {
        Self {
            urls,
            auth: RegistryAuth::None,
            ca_file: None,
            client_certificate: None,
            prefix_id: PrefixId::default(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
        }
    }
}

/// PEM files for TLS with a client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The private key in PKCS#8, without a password.
    pub key: PathBuf,
}

/// How the bridge signs in to a registry. Debug output has no secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum RegistryAuth {
    #[default]
    None,
    Basic {
        user: String,
        password: String,
    },
    Bearer {
        token: String,
    },
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
            Self::Bearer { .. } => f.debug_struct("Bearer").finish_non_exhaustive(),
        }
    }
}

/// The address of a registry's API, such as `http://registry:8081` or `https://registry/apis/ccompat/v7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryUrl {
    /// Without a `/` at the end.
    text: String,
    is_https: bool,
}

impl RegistryUrl {
    /// # Errors
    /// A sentence that names what is wrong. It does not repeat a user name or password that the URL contains.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Checked first, because every other error repeats the URL.
        if text.split("://").nth(1).is_some_and(|rest| rest.split('/').next().is_some_and(|host| host.contains('@'))) {
            return Err(
                "the URL of a schema registry must not contain a user name or password; configure them as the \
                 authentication of the registry"
                    .to_owned(),
            );
        }
        let uri: Uri = text.parse().map_err(|error| format!("{text:?} is not a URL: {error}"))?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => {
                return Err(format!(
                    "{text:?} is not the URL of a schema registry: it must begin with http:// or https://"
                ));
            }
        };
        if uri.host().is_none_or(str::is_empty) {
            return Err(format!("{text:?} is not the URL of a schema registry: it has no host"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(format!("{text:?} is not the URL of a schema registry: it must end with the path"));
        }
        Ok(Self { text: text.trim_end_matches('/').to_owned(), is_https })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_https(&self) -> bool {
        self.is_https
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{RegistryAuth, RegistrySettings, RegistryUrl};

    #[test]
    fn url_is_checked() {
        assert_eq!(RegistryUrl::parse("http://a:8081/").expect("valid").as_str(), "http://a:8081");
        assert_eq!(
            RegistryUrl::parse("https://a/apis/ccompat/v7").expect("valid").as_str(),
            "https://a/apis/ccompat/v7"
        );
        for (text, part) in [
            ("a:8081", "must begin with http://"),
            ("ftp://a", "must begin with http://"),
            ("http://a?x=1", "must end with the path"),
            ("http://a/#x", "must end with the path"),
            ("http:///path", "not"),
            ("", "not"),
        ] {
            let error = RegistryUrl::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
        let error = RegistryUrl::parse("http://anna:geheim@a:8081").expect_err("credentials");
        assert!(error.contains("authentication") && !error.contains("geheim"), "{error}");
    }

    #[test]
    fn debug_output_has_no_secrets() {
        let mut settings = RegistrySettings::new(vec![RegistryUrl::parse("http://a").expect("valid")]);
        settings.auth = RegistryAuth::Basic { user: "anna".to_owned(), password: "geheim".to_owned() };
        let text = format!("{settings:?}");
        assert!(text.contains("anna") && !text.contains("geheim"), "{text}");
        settings.auth = RegistryAuth::Bearer { token: "geheim".to_owned() };
        assert!(!format!("{settings:?}").contains("geheim"));
    }
}
