//! Properties that only Kafka's Java clients have. They are translated to librdkafka's properties, ignored if they
//! concern only the implementation of Java clients, or refused by name if ignoring them would change the meaning of the
//! file.

use super::file::Entry;
use super::jaas::{self, LoginModule};
use super::stores::{self, Kind, StoreError};
use super::{ParsedFile, Reason, Refusal};

/// How the bridge handles a property.
#[derive(Debug, PartialEq, Eq)]
pub enum Handling {
    /// librdkafka has the property, or neither client has it.
    Shared,
    /// [`translate`] converts the property.
    Translated,
    Ignored,
    Refused(&'static str),
}

const TRANSLATED: &[&str] = &[
    "client.dns.lookup",
    "sasl.client.callback.handler.class",
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

const IGNORED: &[&str] = &[
    "auto.include.jmx.reporter",
    "buffer.memory",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.zstd.level",
    "default.api.timeout.ms",
    "exclude.internal.topics",
    "interceptor.classes",
    "internal.leave.group.on.close",
    "key.deserializer",
    "key.serializer",
    "max.block.ms",
    "max.poll.records",
    "metadata.max.idle.ms",
    "metric.reporters",
    "partitioner.class",
    "partitioner.ignore.keys",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.oauthbearer.clock.skew.seconds",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.jwt.validator.class",
    "sasl.oauthbearer.scope.claim.name",
    "sasl.oauthbearer.sub.claim.name",
    "socket.connection.setup.timeout.max.ms",
    "ssl.keymanager.algorithm",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "transaction.two.phase.commit.enable",
    "value.deserializer",
    "value.serializer",
];

/// Properties whose names have these prefixes are ignored as well.
const IGNORED_PREFIXES: &[&str] = &[
    "basic.auth.",
    "bearer.auth.",
    "metrics.",
    "partitioner.adaptive.",
    "partitioner.availability.",
    "sasl.kerberos.ticket.",
    "sasl.login.refresh.",
    "sasl.login.retry.",
    "sasl.oauthbearer.expected.",
    "sasl.oauthbearer.jwks.",
    "schema.registry.",
    "share.",
];

const JAVA_CODE: &str = "the value names Java code, which this bridge cannot run";

const REFUSED: &[(&str, &str)] = &[
    ("config.providers", "references such as ${file:…} are not supported; write the values themselves"),
    ("sasl.login.class", JAVA_CODE),
    ("sasl.oauthbearer.jwt.retriever.class", "the value names Java code; use sasl.oauthbearer.method=oidc"),
    ("security.providers", JAVA_CODE),
    (
        "ssl.engine.factory.class",
        "the value names Java code; use ssl.ca.location, ssl.certificate.location and ssl.key.location",
    ),
];

pub fn handling(name: &str) -> Handling {
    if TRANSLATED.contains(&name) {
        return Handling::Translated;
    }
    if IGNORED.contains(&name) || IGNORED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Handling::Ignored;
    }
    let refused = REFUSED
        .iter()
        .find(|(refused, _)| name.strip_prefix(refused).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    refused.map_or(Handling::Shared, |(_, why)| Handling::Refused(why))
}

/// Converts the properties for which [`handling`] returned [`Handling::Translated`].
///
/// # Errors
/// The first property whose value cannot be converted.
pub fn translate(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    translate_dns_lookup(parsed)?;
    translate_host_name_check(parsed)?;
    translate_algorithms(parsed)?;
    // Without TLS Java does not open the stores.
    let protocol = parsed.protocol();
    if protocol.is_none_or(|protocol| protocol.ends_with("SSL")) {
        translate_trust(parsed)?;
        translate_identity(parsed)?;
    } else {
        let unused = parsed.java.keys().filter(|name| name.starts_with("ssl.")).cloned();
        parsed.ignored.extend(unused);
    }
    translate_sign_in(parsed)
}

/// Removes Java's property and returns its line and value.
fn take(parsed: &mut ParsedFile, name: &str) -> Option<(usize, String)> {
    let Entry { line, value, .. } = parsed.java.remove(name)?;
    Some((line, value.unwrap_or_default()))
}

/// Sets librdkafka's property `to` instead of Java's `from`, and notes the translation for the log if the names differ.
fn set(parsed: &mut ParsedFile, from: &str, line: usize, to: &str, value: String) -> Result<(), Refusal> {
    if from != to {
        parsed.translated.push(format!("{from} → {to}"));
    }
    parsed.set(to, from, line, value).map_err(|reason| (line, reason))
}

fn translate_dns_lookup(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    const NAME: &str = "client.dns.lookup";
    let Some((line, value)) = take(parsed, NAME) else { return Ok(()) };
    // Before Kafka 2.6 this was the name of Java's default.
    let value = if value == "default" { "use_all_dns_ips".to_owned() } else { value };
    set(parsed, NAME, line, NAME, value)
}

fn translate_host_name_check(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    const NAME: &str = "ssl.endpoint.identification.algorithm";
    let Some((line, value)) = take(parsed, NAME) else { return Ok(()) };
    if value.is_empty() {
        parsed.translated.push(format!("{NAME} without a value → none"));
    }
    let value = if value.is_empty() { "none".to_owned() } else { value.to_ascii_lowercase() };
    set(parsed, NAME, line, NAME, value)
}

fn translate_algorithms(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    const SUITES: &str = "ssl.cipher.suites";
    if let Some((line, value)) = take(parsed, SUITES) {
        if value.split([',', ':']).any(|suite| suite.trim().starts_with("TLS_")) {
            let allowed = "expected OpenSSL's names, such as ECDHE-RSA-AES256-GCM-SHA384; the suites of TLS 1.3 cannot be configured";
            return Err((line, Reason::Value { name: SUITES.to_owned(), allowed: allowed.to_owned() }));
        }
        set(parsed, SUITES, line, SUITES, value)?;
    }
    const PROTOCOLS: &str = "ssl.enabled.protocols";
    if let Some((line, value)) = take(parsed, PROTOCOLS) {
        // The bridge always offers these two versions, so a file that names either is satisfied.
        if !value.split(',').any(|version| ["TLSv1.2", "TLSv1.3"].contains(&version.trim())) {
            let allowed = "the bridge supports TLSv1.2 and TLSv1.3".to_owned();
            return Err((line, Reason::Value { name: PROTOCOLS.to_owned(), allowed }));
        }
        parsed.ignored.push(PROTOCOLS.to_owned());
    }
    Ok(())
}

fn translate_trust(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    const LOCATION: &str = "ssl.truststore.location";
    const CERTIFICATES: &str = "ssl.truststore.certificates";
    let declared = take(parsed, "ssl.truststore.type");
    let password = take(parsed, "ssl.truststore.password");
    if let Some((line, pem)) = take(parsed, CERTIFICATES) {
        let pem = stores::normal_pem(&pem).map_err(at(line, CERTIFICATES))?;
        set(parsed, CERTIFICATES, line, "ssl.ca.pem", pem)?;
        require_only_one(parsed, "ssl.ca.pem", "ssl.ca.location")?;
    }
    let Some((line, location)) = take(parsed, LOCATION) else {
        return match (declared, password) {
            (_, Some((line, _))) => Err((line, no_location("ssl.truststore.password", LOCATION))),
            _ => Ok(()),
        };
    };
    let declared = declared.as_ref().map(|(_, value)| ("ssl.truststore.type", value.as_str()));
    let (kind, content) = stores::read(&location, declared).map_err(at(line, LOCATION))?;
    match kind {
        Kind::Pem => set(parsed, LOCATION, line, "ssl.ca.location", location)?,
        Kind::Pkcs12 | Kind::Jks => {
            let password = password.as_ref().map(|(_, password)| password.as_str());
            let pem = stores::certificates(&content, password).map_err(at(line, LOCATION))?;
            set(parsed, LOCATION, line, "ssl.ca.pem", pem)?;
        }
    }
    require_only_one(parsed, "ssl.ca.location", "ssl.ca.pem")
}

/// Refuses a Java trust store together with librdkafka's property, because librdkafka would trust the certificates of
/// both.
fn require_only_one(parsed: &ParsedFile, one: &str, other: &str) -> Result<(), Refusal> {
    let (Some(one), Some(other)) = (parsed.settings.get(one), parsed.settings.get(other)) else { return Ok(()) };
    let (first, second) = if one.line < other.line { (one, other) } else { (other, one) };
    let (name, other, first) = (second.given_as.clone(), first.given_as.clone(), first.line);
    Err((second.line, Reason::SameSetting { name, other, first }))
}

fn translate_identity(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    const LOCATION: &str = "ssl.keystore.location";
    const CHAIN: &str = "ssl.keystore.certificate.chain";
    const KEY: &str = "ssl.keystore.key";
    let declared = take(parsed, "ssl.keystore.type");
    for (name, to) in [(CHAIN, "ssl.certificate.pem"), (KEY, "ssl.key.pem")] {
        if let Some((line, pem)) = take(parsed, name) {
            let pem = stores::normal_pem(&pem).map_err(at(line, name))?;
            set(parsed, name, line, to, pem)?;
        }
    }
    let Some((line, location)) = take(parsed, LOCATION) else {
        return match parsed.settings.get("ssl.keystore.password") {
            Some(password) => Err((password.line, no_location("ssl.keystore.password", LOCATION))),
            None => Ok(()),
        };
    };
    let declared = declared.as_ref().map(|(_, value)| ("ssl.keystore.type", value.as_str()));
    let (kind, content) = stores::read(&location, declared).map_err(at(line, LOCATION))?;
    match kind {
        Kind::Pem => {
            if let Some(password) = parsed.settings.get("ssl.keystore.password") {
                let why = "a PEM key store has no password; the password of the key is ssl.key.password";
                return Err((password.line, Reason::Refused { name: "ssl.keystore.password".to_owned(), why }));
            }
            set(parsed, LOCATION, line, "ssl.certificate.location", location.clone())?;
            set(parsed, LOCATION, line, "ssl.key.location", location)
        }
        Kind::Pkcs12 | Kind::Jks => {
            stores::check_identity(&content, parsed.get("ssl.keystore.password")).map_err(at(line, LOCATION))?;
            set(parsed, LOCATION, line, LOCATION, location)
        }
    }
}

fn at(line: usize, property: &'static str) -> impl Fn(StoreError) -> Refusal {
    move |reason| (line, Reason::Store { property: property.to_owned(), reason })
}

fn no_location(name: &str, location: &str) -> Reason {
    Reason::SignIn(format!("{name} has no effect without {location}"))
}

fn translate_sign_in(parsed: &mut ParsedFile) -> Result<(), Refusal> {
    const CONFIG: &str = "sasl.jaas.config";
    const HANDLER: &str = "sasl.login.callback.handler.class";
    const METHOD: &str = "sasl.oauthbearer.method";
    const CLIENT_HANDLER: &str = "sasl.client.callback.handler.class";
    if let Some((line, class)) = take(parsed, CLIENT_HANDLER) {
        if class.rsplit('.').next() != Some("IAMClientCallbackHandler") {
            return Err((line, Reason::Refused { name: CLIENT_HANDLER.to_owned(), why: JAVA_CODE }));
        }
        parsed.translated.push(format!("{CLIENT_HANDLER} → the bridge's own signed tokens"));
    }
    if let Some((line, class)) = take(parsed, HANDLER) {
        if class.rsplit('.').next() != Some("OAuthBearerLoginCallbackHandler") {
            let why = "only OAuthBearerLoginCallbackHandler is supported; the bridge cannot run other Java code";
            return Err((line, Reason::Refused { name: HANDLER.to_owned(), why }));
        }
        if parsed.get(METHOD).is_none() {
            set(parsed, HANDLER, line, METHOD, "oidc".to_owned())?;
        }
    }
    let Some((line, text)) = take(parsed, CONFIG) else { return Ok(()) };
    let module = jaas::parse(&text).map_err(|error| (line, error.into()))?;
    let fail = |text: String| Err((line, Reason::LoginModule(text)));
    let (mechanisms, example): (&[&str], _) = match module.class.as_str() {
        "PlainLoginModule" => (&["PLAIN"], "PLAIN"),
        "ScramLoginModule" => (&["SCRAM-SHA-256", "SCRAM-SHA-512"], "SCRAM-SHA-512 (or SCRAM-SHA-256)"),
        "OAuthBearerLoginModule" => (&["OAUTHBEARER"], "OAUTHBEARER"),
        "IAMLoginModule" => (&["AWS_MSK_IAM"], "AWS_MSK_IAM"),
        "Krb5LoginModule" => return fail("this bridge was built without Kerberos".to_owned()),
        _ => {
            return fail(
                "unknown login module; the bridge supports PlainLoginModule, ScramLoginModule, OAuthBearerLoginModule and \
                 IAMLoginModule"
                    .to_owned(),
            );
        }
    };
    match parsed.get("sasl.mechanism") {
        Some(mechanism) if mechanisms.iter().any(|known| mechanism.eq_ignore_ascii_case(known)) => {}
        Some(_) => return fail(format!("{} does not support this sasl.mechanism; set it to {example}", module.class)),
        None => {
            return fail(format!(
                "{} needs sasl.mechanism, which is not set: add sasl.mechanism={example}",
                module.class
            ));
        }
    }
    let settings = match module.class.as_str() {
        "OAuthBearerLoginModule" => oauth(module),
        "IAMLoginModule" => no_options(module),
        _ => name_and_password(module),
    };
    for (name, value) in settings.map_err(|text| (line, Reason::LoginModule(text)))? {
        set(parsed, CONFIG, line, name, value)?;
    }
    Ok(())
}

type Settings = Vec<(&'static str, String)>;

/// IAMLoginModule has no options here, because AWS credentials come from the environment.
fn no_options(module: LoginModule) -> Result<Settings, String> {
    match module.options.into_iter().next() {
        None => Ok(Settings::new()),
        Some((option, _)) => Err(format!(
            "the option {option} of IAMLoginModule is not supported: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
             AWS_SESSION_TOKEN in the environment"
        )),
    }
}

fn name_and_password(module: LoginModule) -> Result<Settings, String> {
    let mut settings = Settings::new();
    for (option, value) in module.options {
        match option.as_str() {
            "username" => settings.push(("sasl.username", value)),
            "password" => settings.push(("sasl.password", value)),
            "tokenauth" if value.eq_ignore_ascii_case("false") => {}
            "tokenauth" => return Err("delegation tokens (tokenauth) are not supported".to_owned()),
            // Brokers define their users with these options; clients ignore them.
            user if user.starts_with("user_") => {}
            other => return Err(format!("{} has no option {other}; expected username and password", module.class)),
        }
    }
    Ok(settings)
}

fn oauth(module: LoginModule) -> Result<Settings, String> {
    let mut settings = Settings::new();
    let (mut extensions, mut unsecured) = (Vec::new(), None);
    for (option, value) in module.options {
        match option.as_str() {
            "clientId" => settings.push(("sasl.oauthbearer.client.id", value)),
            "clientSecret" => settings.push(("sasl.oauthbearer.client.secret", value)),
            "scope" => settings.push(("sasl.oauthbearer.scope", value)),
            "unsecuredLoginStringClaim_sub" => unsecured = Some(value),
            "unsecuredLoginLifetimeSeconds" => {}
            other => match other.strip_prefix("extension_") {
                Some(extension) => extensions.push(format!("{extension}={value}")),
                None => {
                    return Err(format!(
                        "the option {other} of OAuthBearerLoginModule is not supported; expected clientId, clientSecret, scope and \
                         extension_…"
                    ));
                }
            },
        }
    }
    if let Some(principal) = unsecured {
        settings.push(("enable.sasl.oauthbearer.unsecure.jwt", "true".to_owned()));
        settings.push(("sasl.oauthbearer.config", format!("principal={principal}")));
    }
    if !extensions.is_empty() {
        settings.push(("sasl.oauthbearer.extensions", extensions.join(",")));
    }
    Ok(settings)
}
