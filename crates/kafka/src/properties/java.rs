//! Properties that only Kafka's Java clients know: translated into librdkafka's, ignored where they tune Java's own machinery, or
//! refused by name where leaving them out would change what the user asked for.

use super::file::Entry;
use super::jaas::{self, LoginModule};
use super::stores::{self, Kind, StoreError};
use super::{Reading, Reason, Refusal};

/// What becomes of a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Handling {
    /// librdkafka knows it, or nobody does.
    Shared,
    /// [`translate`] makes librdkafka's settings of it.
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

/// Names that start like this are ignored as well.
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

const JAVA_CODE: &str = "it names Java code, which this bridge cannot run";

const REFUSED: &[(&str, &str)] = &[
    ("config.providers", "values such as ${file:…} are not looked up here; write the values themselves"),
    ("sasl.login.class", JAVA_CODE),
    ("sasl.oauthbearer.jwt.retriever.class", "it names Java code; use sasl.oauthbearer.method=oidc"),
    ("security.providers", JAVA_CODE),
    (
        "ssl.engine.factory.class",
        "it names Java code; use ssl.ca.location, ssl.certificate.location and ssl.key.location",
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

/// Makes librdkafka's settings of what [`handling`] set aside.
pub fn translate(reading: &mut Reading) -> Result<(), Refusal> {
    translate_dns_lookup(reading)?;
    translate_host_name_check(reading)?;
    translate_algorithms(reading)?;
    // Java does not open the stores where it does not encrypt.
    let protocol = reading.protocol();
    if protocol.is_none_or(|protocol| protocol.ends_with("SSL")) {
        translate_trust(reading)?;
        translate_identity(reading)?;
    } else {
        let unused = reading.java.keys().filter(|name| name.starts_with("ssl.")).cloned();
        reading.ignored.extend(unused);
    }
    translate_sign_in(reading)
}

fn taken(reading: &mut Reading, name: &str) -> Option<(usize, String)> {
    let Entry { line, value, .. } = reading.java.remove(name)?;
    Some((line, value.unwrap_or_default()))
}

/// Sets librdkafka's `to` from Java's `from`, and notes it where the names differ.
fn set(reading: &mut Reading, from: &str, line: usize, to: &str, value: String) -> Result<(), Refusal> {
    if from != to {
        reading.translated.push(format!("{from} → {to}"));
    }
    reading.set(to, from, line, value).map_err(|reason| (line, reason))
}

fn translate_dns_lookup(reading: &mut Reading) -> Result<(), Refusal> {
    const NAME: &str = "client.dns.lookup";
    let Some((line, value)) = taken(reading, NAME) else { return Ok(()) };
    // What Java's clients called their own choice before Kafka 2.6.
    let value = if value == "default" { "use_all_dns_ips".to_owned() } else { value };
    set(reading, NAME, line, NAME, value)
}

fn translate_host_name_check(reading: &mut Reading) -> Result<(), Refusal> {
    const NAME: &str = "ssl.endpoint.identification.algorithm";
    let Some((line, value)) = taken(reading, NAME) else { return Ok(()) };
    if value.is_empty() {
        reading.translated.push(format!("{NAME} without a value → none"));
    }
    let value = if value.is_empty() { "none".to_owned() } else { value.to_ascii_lowercase() };
    set(reading, NAME, line, NAME, value)
}

fn translate_algorithms(reading: &mut Reading) -> Result<(), Refusal> {
    const SUITES: &str = "ssl.cipher.suites";
    if let Some((line, value)) = taken(reading, SUITES) {
        if value.split([',', ':']).any(|suite| suite.trim().starts_with("TLS_")) {
            let allowed = "OpenSSL's names are expected, such as ECDHE-RSA-AES256-GCM-SHA384; TLS 1.3 chooses its own";
            return Err((line, Reason::Value { name: SUITES.to_owned(), allowed: allowed.to_owned() }));
        }
        set(reading, SUITES, line, SUITES, value)?;
    }
    const PROTOCOLS: &str = "ssl.enabled.protocols";
    if let Some((line, value)) = taken(reading, PROTOCOLS) {
        // OpenSSL offers these two. Who names either gets a connection that is as safe as the one asked for.
        if !value.split(',').any(|version| ["TLSv1.2", "TLSv1.3"].contains(&version.trim())) {
            let allowed = "the bridge speaks TLSv1.2 and TLSv1.3".to_owned();
            return Err((line, Reason::Value { name: PROTOCOLS.to_owned(), allowed }));
        }
        reading.ignored.push(PROTOCOLS.to_owned());
    }
    Ok(())
}

fn translate_trust(reading: &mut Reading) -> Result<(), Refusal> {
    const LOCATION: &str = "ssl.truststore.location";
    const CERTIFICATES: &str = "ssl.truststore.certificates";
    let declared = taken(reading, "ssl.truststore.type");
    let password = taken(reading, "ssl.truststore.password");
    if let Some((line, pem)) = taken(reading, CERTIFICATES) {
        let pem = stores::normal_pem(&pem).map_err(at(line, CERTIFICATES))?;
        set(reading, CERTIFICATES, line, "ssl.ca.pem", pem)?;
        only_one_of_the_two(reading, "ssl.ca.pem", "ssl.ca.location")?;
    }
    let Some((line, location)) = taken(reading, LOCATION) else {
        return match (declared, password) {
            (_, Some((line, _))) => Err((line, no_location("ssl.truststore.password", LOCATION))),
            _ => Ok(()),
        };
    };
    let declared = declared.as_ref().map(|(_, value)| ("ssl.truststore.type", value.as_str()));
    let (kind, content) = stores::read(&location, declared).map_err(at(line, LOCATION))?;
    match kind {
        Kind::Pem => set(reading, LOCATION, line, "ssl.ca.location", location)?,
        Kind::Pkcs12 | Kind::Jks => {
            let password = password.as_ref().map(|(_, password)| password.as_str());
            let pem = stores::certificates(&content, password).map_err(at(line, LOCATION))?;
            set(reading, LOCATION, line, "ssl.ca.pem", pem)?;
        }
    }
    only_one_of_the_two(reading, "ssl.ca.location", "ssl.ca.pem")
}

/// A store in Java's words beside one in librdkafka's: both would be trusted, which nobody asked for.
fn only_one_of_the_two(reading: &Reading, one: &str, other: &str) -> Result<(), Refusal> {
    let (Some(one), Some(other)) = (reading.settings.get(one), reading.settings.get(other)) else { return Ok(()) };
    let (first, second) = if one.line < other.line { (one, other) } else { (other, one) };
    let (name, other, first) = (second.given_as.clone(), first.given_as.clone(), first.line);
    Err((second.line, Reason::SameSetting { name, other, first }))
}

fn translate_identity(reading: &mut Reading) -> Result<(), Refusal> {
    const LOCATION: &str = "ssl.keystore.location";
    const CHAIN: &str = "ssl.keystore.certificate.chain";
    const KEY: &str = "ssl.keystore.key";
    let declared = taken(reading, "ssl.keystore.type");
    for (name, to) in [(CHAIN, "ssl.certificate.pem"), (KEY, "ssl.key.pem")] {
        if let Some((line, pem)) = taken(reading, name) {
            let pem = stores::normal_pem(&pem).map_err(at(line, name))?;
            set(reading, name, line, to, pem)?;
        }
    }
    let Some((line, location)) = taken(reading, LOCATION) else {
        return match reading.settings.get("ssl.keystore.password") {
            Some(password) => Err((password.line, no_location("ssl.keystore.password", LOCATION))),
            None => Ok(()),
        };
    };
    let declared = declared.as_ref().map(|(_, value)| ("ssl.keystore.type", value.as_str()));
    let (kind, content) = stores::read(&location, declared).map_err(at(line, LOCATION))?;
    match kind {
        Kind::Pem => {
            if let Some(password) = reading.settings.get("ssl.keystore.password") {
                let why = "a key store of PEM has no password of its own; the key's is ssl.key.password";
                return Err((password.line, Reason::Refused { name: "ssl.keystore.password".to_owned(), why }));
            }
            set(reading, LOCATION, line, "ssl.certificate.location", location.clone())?;
            set(reading, LOCATION, line, "ssl.key.location", location)
        }
        Kind::Pkcs12 | Kind::Jks => {
            stores::check_identity(&content, reading.get("ssl.keystore.password")).map_err(at(line, LOCATION))?;
            set(reading, LOCATION, line, LOCATION, location)
        }
    }
}

fn at(line: usize, property: &'static str) -> impl Fn(StoreError) -> Refusal {
    move |reason| (line, Reason::Store { property: property.to_owned(), reason })
}

fn no_location(name: &str, location: &str) -> Reason {
    Reason::SignIn(format!("{name} has no meaning without {location}"))
}

fn translate_sign_in(reading: &mut Reading) -> Result<(), Refusal> {
    const CONFIG: &str = "sasl.jaas.config";
    const HANDLER: &str = "sasl.login.callback.handler.class";
    const METHOD: &str = "sasl.oauthbearer.method";
    const CLIENT_HANDLER: &str = "sasl.client.callback.handler.class";
    if let Some((line, class)) = taken(reading, CLIENT_HANDLER) {
        if class.rsplit('.').next() != Some("IAMClientCallbackHandler") {
            return Err((line, Reason::Refused { name: CLIENT_HANDLER.to_owned(), why: JAVA_CODE }));
        }
        reading.translated.push(format!("{CLIENT_HANDLER} → the bridge's own signed tokens"));
    }
    if let Some((line, class)) = taken(reading, HANDLER) {
        if class.rsplit('.').next() != Some("OAuthBearerLoginCallbackHandler") {
            let why = "only OAuthBearerLoginCallbackHandler is known here; other Java code cannot be run";
            return Err((line, Reason::Refused { name: HANDLER.to_owned(), why }));
        }
        if reading.get(METHOD).is_none() {
            set(reading, HANDLER, line, METHOD, "oidc".to_owned())?;
        }
    }
    let Some((line, text)) = taken(reading, CONFIG) else { return Ok(()) };
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
                "the bridge knows PlainLoginModule, ScramLoginModule, OAuthBearerLoginModule and IAMLoginModule, and not this one"
                    .to_owned(),
            );
        }
    };
    match reading.get("sasl.mechanism") {
        Some(mechanism) if mechanisms.iter().any(|known| mechanism.eq_ignore_ascii_case(known)) => {}
        Some(_) => return fail(format!("{} does not go with sasl.mechanism; it needs {example}", module.class)),
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
        set(reading, CONFIG, line, name, value)?;
    }
    Ok(())
}

type Settings = Vec<(&'static str, String)>;

/// AWS credentials come from the environment.
fn no_options(module: LoginModule) -> Result<Settings, String> {
    match module.options.into_iter().next() {
        None => Ok(Settings::new()),
        Some((option, _)) => Err(format!(
            "IAMLoginModule takes no option {option} here: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in \
             the environment"
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
            // What brokers are told about their users.
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
                        "OAuthBearerLoginModule has no option {other} here; expected clientId, clientSecret, scope and extension_…"
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
