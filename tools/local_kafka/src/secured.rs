//! Listeners that want TLS or a name and a password, and what a client needs for them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::ports::free_ports;

/// What the broker's `PLAIN` mechanism knows.
pub const USER: &str = "ponte";
pub const PASSWORD: &str = "a-password-for-tests";

/// Users with the same password who may do nothing while access rules are checked, until `kafka-acls` allows it.
pub const OTHER_USERS: [&str; 2] = ["reader", "writer"];

/// Of both key stores; there is nothing in them that is worth a secret.
const STORE_PASSWORD: &str = "changeit";

/// Who signs the tokens that a broker takes (RFC 7519).
#[derive(Debug, Clone)]
pub struct TokenProvider {
    /// Where its public keys are.
    pub keys_url: String,
    pub issuer: String,
    pub audience: String,
}

impl TokenProvider {
    /// Kafka asks nobody for keys that its Java process does not allow by name.
    pub(crate) fn system_property(&self) -> String {
        format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={}", self.keys_url)
    }

    /// Connections end with the token that they were opened with, unless the client has signed in again with a newer one. A token
    /// that has expired is refused at once; Kafka's default allows for clocks that differ by 30 seconds.
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

/// A broker's secured listeners. Each is on a port of its own and named like its protocol.
#[derive(Debug, Clone)]
pub struct Secured {
    /// TLS; who connects must show `identity` as well.
    pub ssl: u16,
    pub sasl_plaintext: u16,
    pub sasl_ssl: u16,
    /// The certificate of brokers and clients, signed by itself, as PEM. It names `localhost` alone.
    pub certificate: PathBuf,
    /// The same with its key, as PKCS#12.
    pub identity: PathBuf,
}

impl Secured {
    /// Makes the certificate with Java's own tool.
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

    /// What a client's configuration says to reach the listener; its address is [`Cluster::secured`](crate::Cluster)'s.
    #[must_use]
    pub fn client_properties(&self, protocol: &str) -> String {
        self.client_properties_of(protocol, USER)
    }

    /// The same for another user.
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

    /// The address of a protocol's listener.
    #[must_use]
    pub fn address(&self, protocol: &str) -> String {
        let port = match protocol {
            "SSL" => self.ssl,
            "SASL_PLAINTEXT" => self.sasl_plaintext,
            _ => self.sasl_ssl,
        };
        format!("localhost:{port}")
    }

    /// `SSL://HOST:1,SASL_PLAINTEXT://HOST:2,…`
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
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "keytool {}: {said}", arguments.join(" "));
    Ok(())
}
