//! Listeners with TLS or SASL, and the client configuration for them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::ports::free_ports;

/// The user of the broker's `PLAIN` mechanism.
pub const USER: &str = "ponte";
pub const PASSWORD: &str = "a-password-for-tests";

/// Users with the same password who have no permissions while ACLs are checked, until `kafka-acls` grants some.
pub const OTHER_USERS: [&str; 2] = ["reader", "writer"];

/// The password of both key stores, which contain no secrets.
const STORE_PASSWORD: &str = "changeit";

/// The issuer of the tokens that a broker accepts (RFC 7519).
#[derive(Debug, Clone)]
pub struct TokenProvider {
    /// The URL of its public keys.
    pub keys_url: String,
    pub issuer: String,
    pub audience: String,
}

impl TokenProvider {
    /// Kafka requests keys only from URLs that its Java process allows by this property.
    pub(crate) fn system_property(&self) -> String {
        format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={}", self.keys_url)
    }

    /// A connection ends when its token expires, unless the client has authenticated again with a newer one. The clock
    /// skew is 0 instead of Kafka's 30 seconds, so that an expired token is refused at once.
    fn to_properties(&self, listener: &str) -> String {
        let Self { keys_url, issuer, audience } = self;
        let prefix = format!("listener.name.{listener}.oauthbearer");
        let package = "org.apache.kafka.common.security.oauthbearer";
        format!(
            "{prefix}.sasl.jaas.config={package}.OAuthBearerLoginModule required;\n\
             {prefix}.sasl.server.callback.handler.class={package}.OAuthBearerValidatorCallbackHandler\n\
             {prefix}.sasl.oauthbearer.jwks.endpoint.url={keys_url}\n\
             {prefix}.sasl.oauthbearer.expected.issuer={issuer}\n\
             {prefix}.sasl.oauthbearer.expected.audience={audience}\n\
             {prefix}.sasl.oauthbearer.clock.skew.seconds=0\n\
             {prefix}.connections.max.reauth.ms=3600000\n"
        )
    }
}

/// The secured listeners of a broker. Each has its own port and is named like its protocol.
#[derive(Debug, Clone)]
pub struct Secured {
    /// TLS; clients must present `identity` too.
    pub ssl: u16,
    pub sasl_plaintext: u16,
    pub sasl_ssl: u16,
    /// The self-signed certificate of brokers and clients as PEM. It is valid only for `localhost`.
    pub certificate: PathBuf,
    /// The certificate and its private key as PKCS#12.
    pub identity: PathBuf,
}

impl Secured {
    /// Creates the certificate with Java's keytool.
    pub(crate) fn prepare(directory: &Path) -> Result<Self> {
        let ports = free_ports(3)?;
        let secured = Self {
            ssl: ports[0],
            sasl_plaintext: ports[1],
            sasl_ssl: ports[2],
            certificate: directory.join("certificate.pem"),
            identity: directory.join("identity.p12"),
        };
        if secured.certificate.exists() {
            return Ok(secured);
        }
        let (certificate, identity) = (secured.certificate.as_path(), secured.identity.as_path());
        let make =
            ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "2", "-dname", "CN=localhost"];
        keytool(identity, &[&make[..], &["-ext", "san=dns:localhost"]].concat(), None)?;
        keytool(identity, &["-exportcert", "-rfc"], Some(certificate))?;
        keytool(&directory.join("trust.p12"), &["-importcert", "-noprompt"], Some(certificate))?;
        Ok(secured)
    }

    /// The client properties for the listener of `protocol`; [`Secured::address`] has its address.
    #[must_use]
    pub fn client_properties(&self, protocol: &str) -> String {
        self.client_properties_of(protocol, USER)
    }

    /// Like [`Self::client_properties`], for another user.
    #[must_use]
    pub fn client_properties_of(&self, protocol: &str, user: &str) -> String {
        let mut text = format!("security.protocol={protocol}\n");
        if protocol.ends_with("SSL") {
            let _ = writeln!(text, "ssl.ca.location={}", self.certificate.display());
        }
        if protocol.starts_with("SASL") {
            let _ = write!(text, "sasl.mechanism=PLAIN\nsasl.username={user}\nsasl.password={PASSWORD}\n");
        } else {
            let identity = self.identity.display();
            let _ = write!(text, "ssl.keystore.location={identity}\nssl.keystore.password={STORE_PASSWORD}\n");
        }
        text
    }

    /// The address of the listener of `protocol`.
    #[must_use]
    pub fn address(&self, protocol: &str) -> String {
        let port = match protocol {
            "SSL" => self.ssl,
            "SASL_PLAINTEXT" => self.sasl_plaintext,
            _ => self.sasl_ssl,
        };
        format!("localhost:{port}")
    }

    /// The listeners in Kafka's format: `SSL://HOST:1,SASL_PLAINTEXT://HOST:2,…`
    pub(crate) fn listeners(&self, host: &str) -> String {
        let Self { ssl, sasl_plaintext, sasl_ssl, .. } = self;
        format!("SSL://{host}:{ssl},SASL_PLAINTEXT://{host}:{sasl_plaintext},SASL_SSL://{host}:{sasl_ssl}")
    }

    pub(crate) fn to_properties(&self, token_provider: Option<&TokenProvider>) -> String {
        let (identity, trust) = (self.identity.display(), self.identity.with_file_name("trust.p12"));
        let mut text = format!(
            "ssl.keystore.location={identity}\n\
             ssl.keystore.password={STORE_PASSWORD}\n\
             ssl.keystore.type=PKCS12\n\
             ssl.truststore.location={}\n\
             ssl.truststore.password={STORE_PASSWORD}\n\
             ssl.truststore.type=PKCS12\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,\
             SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
             listener.name.ssl.ssl.client.auth=required\n\
             sasl.enabled.mechanisms=PLAIN{}\n",
            trust.display(),
            if token_provider.is_some() { ",OAUTHBEARER" } else { "" }
        );
        for listener in ["sasl_plaintext", "sasl_ssl"] {
            let users = [USER].into_iter().chain(OTHER_USERS).map(|user| format!(" user_{user}=\"{PASSWORD}\""));
            let _ = writeln!(
                text,
                "listener.name.{listener}.plain.sasl.jaas.config=\
                 org.apache.kafka.common.security.plain.PlainLoginModule required{};",
                users.collect::<String>()
            );
            if let Some(provider) = token_provider {
                text.push_str(&provider.to_properties(listener));
            }
        }
        text
    }
}

fn keytool(store: &Path, arguments: &[&str], file: Option<&Path>) -> Result<()> {
    let mut command = Command::new("keytool");
    command.args(arguments).args([
        "-alias",
        "ponte",
        "-storetype",
        "PKCS12",
        "-storepass",
        STORE_PASSWORD,
        "-keystore",
    ]);
    command.arg(store).stdin(Stdio::null());
    if let Some(file) = file {
        command.arg("-file").arg(file);
    }
    let output = command.output().context("cannot run Java's keytool")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "keytool {}: {printed}", arguments.join(" "));
    Ok(())
}
