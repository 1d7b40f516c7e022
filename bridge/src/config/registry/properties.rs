//! The file of `--schema-registry-config`: properties in the names of Confluent's clients, in the format of Kafka's tools. Errors name
//! properties and lines, never values, which may be secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kafka::properties::file::{self, Entry, Malformed, parse};
use serdes::formats::wire::PrefixId;
use serdes::registry::{ClientCertificate, RegistryAuth, RegistryUrl};

use crate::config::value;

/// Far more than such a file needs.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Java's clients have one configuration for Kafka and the registry, in which the registry's properties have this prefix.
const PREFIX: &str = "schema.registry.";

const URL: &str = "url";
const USER_INFO: &str = "basic.auth.user.info";
const BASIC_SOURCE: &str = "basic.auth.credentials.source";
const TOKEN: &str = "bearer.auth.token";
const BEARER_SOURCE: &str = "bearer.auth.credentials.source";
const CA: &str = "ssl.ca.location";
const CERTIFICATE: &str = "ssl.certificate.location";
const KEY: &str = "ssl.key.location";

/// The names of Apicurio's serializers, whose ids have eight bytes unless another handler is chosen.
const ID_HANDLER: &str = "apicurio.registry.id-handler";
const USE_ID: &str = "apicurio.registry.use-id";

const KNOWN: [&str; 10] =
    [URL, USER_INFO, BASIC_SOURCE, TOKEN, BEARER_SOURCE, CA, CERTIFICATE, KEY, ID_HANDLER, USE_ID];

/// What a file says.
#[derive(Debug, Default)]
pub struct RegistryProperties {
    /// Empty if the file names none.
    pub urls: Vec<RegistryUrl>,
    pub auth: RegistryAuth,
    pub ca_file: Option<PathBuf>,
    pub client_certificate: Option<ClientCertificate>,
    pub prefix_id: PrefixId,
}

#[derive(Debug, thiserror::Error)]
pub enum RegistryPropertiesError {
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{}: larger than {MAX_FILE_BYTES} bytes", file.display())]
    TooLarge { file: PathBuf },
    #[error("{}, line {line}: {reason}", file.display())]
    Line { file: PathBuf, line: usize, reason: Mistake },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("{0} has no value: expected name=value")]
    NoValue(String),
    #[error("{name} is set twice, first in line {first}")]
    Twice { name: String, first: usize },
    #[error(
        "unknown property {name}{}; known properties: {}, also with the prefix {PREFIX}",
        value::suggestion(*nearest),
        KNOWN.join(", ")
    )]
    Unknown { name: String, nearest: Option<&'static str> },
    #[error(
        "{name} names a Java key store; convert it to PEM files, and name those with {CA}, {CERTIFICATE} and {KEY}"
    )]
    JavaStore { name: String },
    #[error("invalid value for {name}: {expected}")]
    Value { name: String, expected: String },
    #[error("{name} needs {missing}")]
    Incomplete { name: String, missing: &'static str },
    #[error("{name} and {other} are two ways of signing in; keep one of them")]
    TwoSignIns { name: String, other: &'static str },
}

/// A mistake and its line.
type Refusal = (usize, Mistake);

impl RegistryProperties {
    pub fn read(path: &Path) -> Result<Self, RegistryPropertiesError> {
        let named = || path.to_owned();
        let content = file::read(path, MAX_FILE_BYTES)
            .map_err(|source| RegistryPropertiesError::Unreadable { file: named(), source })?
            .ok_or_else(|| RegistryPropertiesError::TooLarge { file: named() })?;
        Self::parse(&content).map_err(|(line, reason)| RegistryPropertiesError::Line { file: named(), line, reason })
    }

    fn parse(content: &[u8]) -> Result<Self, Refusal> {
        let mut lines = Lines(BTreeMap::new());
        for entry in parse(content).map_err(|(line, why)| (line, why.into()))? {
            lines.take(entry)?;
        }
        Ok(Self {
            urls: lines.urls()?,
            auth: lines.auth()?,
            ca_file: lines.get(CA).map(|line| PathBuf::from(&line.value)),
            client_certificate: lines.client_certificate()?,
            prefix_id: lines.prefix_id()?,
        })
    }
}

/// A property of the file.
struct Line {
    at: usize,
    /// The name in the file, with or without the prefix.
    name: String,
    value: String,
}

impl Line {
    fn refused(&self, expected: impl Into<String>) -> Refusal {
        (self.at, Mistake::Value { name: self.name.clone(), expected: expected.into() })
    }

    fn incomplete(&self, missing: &'static str) -> Refusal {
        (self.at, Mistake::Incomplete { name: self.name.clone(), missing })
    }
}

/// The properties by their names without the prefix.
struct Lines(BTreeMap<&'static str, Line>);

impl Lines {
    fn take(&mut self, entry: Entry) -> Result<(), Refusal> {
        let Entry { line: at, name, value, .. } = entry;
        let plain = name.strip_prefix(PREFIX).unwrap_or(&name);
        let Some(known) = KNOWN.iter().find(|known| **known == plain) else {
            let is_java_store = plain.starts_with("ssl.truststore.") || plain.starts_with("ssl.keystore.");
            let nearest = value::nearest(plain, KNOWN);
            let mistake = if is_java_store { Mistake::JavaStore { name } } else { Mistake::Unknown { name, nearest } };
            return Err((at, mistake));
        };
        // An empty value is a variable of a template that was not set.
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Err((at, Mistake::NoValue(name))) };
        if let Some(earlier) = self.0.get(known) {
            return Err((at, Mistake::Twice { name, first: earlier.at }));
        }
        self.0.insert(known, Line { at, name, value });
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&Line> {
        self.0.get(name)
    }

    fn urls(&self) -> Result<Vec<RegistryUrl>, Refusal> {
        let Some(line) = self.get(URL) else { return Ok(Vec::new()) };
        let urls = line.value.split(',').map(|url| RegistryUrl::parse(url.trim()));
        urls.collect::<Result<_, String>>().map_err(|reason| line.refused(reason))
    }

    fn auth(&self) -> Result<RegistryAuth, Refusal> {
        self.check_source(BASIC_SOURCE, "USER_INFO", USER_INFO)?;
        self.check_source(BEARER_SOURCE, "STATIC_TOKEN", TOKEN)?;
        match (self.get(USER_INFO), self.get(TOKEN)) {
            (Some(_), Some(token)) => {
                Err((token.at, Mistake::TwoSignIns { name: token.name.clone(), other: USER_INFO }))
            }
            (Some(line), None) => match line.value.split_once(':') {
                Some((user, password)) if !user.is_empty() => {
                    Ok(RegistryAuth::Basic { user: user.to_owned(), password: password.to_owned() })
                }
                _ => Err(line.refused("expected user:password")),
            },
            (None, Some(line)) => match line.value.bytes().all(|byte| byte.is_ascii_graphic()) {
                true => Ok(RegistryAuth::Bearer { token: line.value.clone() }),
                false => Err(line.refused("a token has only printable ASCII characters, and no spaces")),
            },
            (None, None) => Ok(RegistryAuth::None),
        }
    }

    /// A source of credentials other than the file, such as `SASL_INHERIT`, is refused: the bridge would not sign in.
    fn check_source(&self, source: &str, only: &str, needs: &'static str) -> Result<(), Refusal> {
        let Some(line) = self.get(source) else { return Ok(()) };
        if line.value != only {
            return Err(line.refused(format!("only {only} is supported; write the credentials as {needs}")));
        }
        if self.get(needs).is_none() { Err(line.incomplete(needs)) } else { Ok(()) }
    }

    /// Apicurio's handlers are classes; only their last name counts, because packages differ between versions.
    fn prefix_id(&self) -> Result<PrefixId, Refusal> {
        let uses_content = match self.get(USE_ID) {
            None => false,
            Some(line) => match line.value.as_str() {
                "globalId" => false,
                "contentId" => true,
                _ => return Err(line.refused("use globalId or contentId")),
            },
        };
        let Some(handler) = self.get(ID_HANDLER) else {
            return match self.get(USE_ID) {
                Some(line) => Err(line.incomplete(ID_HANDLER)),
                None => Ok(PrefixId::FourBytes),
            };
        };
        match (handler.value.rsplit('.').next(), uses_content) {
            (Some("Default4ByteIdHandler" | "Legacy4ByteIdHandler"), _) => Ok(PrefixId::FourBytes),
            (Some("DefaultIdHandler" | "Legacy8ByteIdHandler"), false) => Ok(PrefixId::GlobalId),
            (Some("DefaultIdHandler" | "Legacy8ByteIdHandler"), true) => Ok(PrefixId::ContentId),
            _ => Err(handler.refused(
                "use DefaultIdHandler or Legacy8ByteIdHandler for ids of eight bytes, Default4ByteIdHandler or Legacy4ByteIdHandler \
                 for ids of four",
            )),
        }
    }

    fn client_certificate(&self) -> Result<Option<ClientCertificate>, Refusal> {
        match (self.get(CERTIFICATE), self.get(KEY)) {
            (Some(certificate), Some(key)) => Ok(Some(ClientCertificate {
                certificate: PathBuf::from(&certificate.value),
                key: PathBuf::from(&key.value),
            })),
            (Some(certificate), None) => Err(certificate.incomplete(KEY)),
            (None, Some(key)) => Err(key.incomplete(CERTIFICATE)),
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RegistryProperties, String> {
        RegistryProperties::parse(text.as_bytes()).map_err(|(line, mistake)| format!("line {line}: {mistake}"))
    }

    fn basic(user: &str, password: &str) -> RegistryAuth {
        RegistryAuth::Basic { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn names_of_pythons_and_of_javas_clients_are_read() {
        for (text, expected) in [
            ("", RegistryAuth::None),
            ("basic.auth.user.info=anna:a:b", basic("anna", "a:b")),
            ("basic.auth.credentials.source=USER_INFO\nbasic.auth.user.info = anna:", basic("anna", "")),
            ("schema.registry.basic.auth.user.info=anna:\\u0061b\\\\c", basic("anna", "ab\\c")),
            ("bearer.auth.token=abc", RegistryAuth::Bearer { token: "abc".to_owned() }),
            (
                "schema.registry.bearer.auth.credentials.source=STATIC_TOKEN\nschema.registry.bearer.auth.token=abc",
                RegistryAuth::Bearer { token: "abc".to_owned() },
            ),
        ] {
            assert_eq!(read(text).map(|properties| properties.auth), Ok(expected), "{text}");
        }
        let text = "schema.registry.url=http://a:8081, http://b:8081/\nssl.ca.location=ca.pem\n\
                    ssl.certificate.location=me.pem\nschema.registry.ssl.key.location=me.key\n";
        let read = read(text).expect("valid");
        assert_eq!(read.urls.iter().map(RegistryUrl::as_str).collect::<Vec<_>>(), ["http://a:8081", "http://b:8081"]);
        assert_eq!(read.ca_file, Some("ca.pem".into()));
        let expected = ClientCertificate { certificate: "me.pem".into(), key: "me.key".into() };
        assert_eq!(read.client_certificate, Some(expected));
    }

    #[test]
    fn length_of_ids_follows_apicurios_settings() {
        for (text, expected) in [
            ("", PrefixId::FourBytes),
            ("apicurio.registry.id-handler=io.apicurio.registry.serde.Default4ByteIdHandler", PrefixId::FourBytes),
            ("apicurio.registry.id-handler=io.apicurio.registry.serde.DefaultIdHandler", PrefixId::GlobalId),
            (
                "apicurio.registry.id-handler=Legacy8ByteIdHandler\napicurio.registry.use-id=contentId",
                PrefixId::ContentId,
            ),
        ] {
            assert_eq!(read(text).map(|properties| properties.prefix_id), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistake_is_reported_with_its_line_and_without_values() {
        for (text, expected) in [
            (
                "\nbasic.auth.user.inf=canary",
                &["line 2", "did you mean basic.auth.user.info?", "bearer.auth.token, "][..],
            ),
            ("security.protocol=canary", &["unknown property security.protocol;", "schema.registry."]),
            ("schema.registry.ssl.truststore.location=canary", &["Java key store", "PEM", "ssl.ca.location"]),
            ("basic.auth.user.info=canary", &["basic.auth.user.info", "user:password"]),
            ("basic.auth.user.info=:canary", &["user:password"]),
            ("basic.auth.user.info", &["has no value"]),
            ("bearer.auth.token=", &["has no value"]),
            ("bearer.auth.token=canary canary", &["printable ASCII"]),
            ("url=http://a:canary@b", &["invalid value for url", "authentication"]),
            ("bearer.auth.token=a\nschema.registry.bearer.auth.token=canary", &["line 2", "twice, first in line 1"]),
            (
                "basic.auth.user.info=a:canary\nbearer.auth.token=canary",
                &["line 2", "two ways", "basic.auth.user.info"],
            ),
            ("basic.auth.credentials.source=SASL_INHERIT", &["only USER_INFO", "basic.auth.user.info"]),
            ("basic.auth.credentials.source=USER_INFO", &["needs basic.auth.user.info"]),
            ("bearer.auth.credentials.source=OAUTHBEARER", &["only STATIC_TOKEN"]),
            ("apicurio.registry.use-id=contentId", &["use-id needs apicurio.registry.id-handler"]),
            ("apicurio.registry.id-handler=canary", &["invalid value", "DefaultIdHandler"]),
            ("ssl.certificate.location=canary", &["ssl.certificate.location needs ssl.key.location"]),
            ("ssl.key.location=canary", &["ssl.key.location needs ssl.certificate.location"]),
            ("a=\\u00g0canary", &["line 1", "hexadecimal"]),
        ] {
            let error = read(text).map(|_| ()).expect_err(text);
            for piece in expected {
                assert!(error.contains(piece), "{text}: {piece} in {error}");
            }
            assert!(!error.contains("canary"), "{text}: {error}");
        }
    }
}
