//! Checks each value with librdkafka, and describes the allowed values. librdkafka's messages are not used, because
//! they contain the value.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::{ParsedFile, Reason, Refusal, names, oauth};

/// The spellings of booleans that librdkafka accepts, in any case.
pub const TRUE: &[&str] = &["true", "t", "1"];
pub const FALSE: &[&str] = &["false", "f", "0"];

/// The allowed values of properties for which librdkafka's message does not list them.
const ALLOWED: &[(&str, &str)] = &[
    ("security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
    ("isolation.level", "read_uncommitted or read_committed"),
    ("compression.type", "none, gzip, snappy, lz4 or zstd"),
    ("client.dns.lookup", "use_all_dns_ips or resolve_canonical_bootstrap_servers_only"),
    ("broker.address.family", "any, v4 or v6"),
    ("ssl.endpoint.identification.algorithm", "https, or none (or nothing) to accept any host name"),
    ("metadata.recovery.strategy", "none or rebootstrap"),
];

/// # Errors
/// The first property that librdkafka does not have or whose value it refuses.
pub fn check(parsed: &ParsedFile) -> Result<(), Refusal> {
    // Properties for OAuth tokens are checked by `oauth::check`.
    for (name, setting) in parsed.settings.iter().filter(|(name, _)| !oauth::is_token_setting(name)) {
        let mut config = ClientConfig::new();
        config.set(name, &setting.value);
        let Err(error) = config.create_native_config() else { continue };
        let given_as = setting.given_as.clone();
        let reason = match error {
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
                Reason::Unknown { nearest: names::nearest(&given_as), name: given_as }
            }
            KafkaError::ClientConfig(_, message, ..) => {
                Reason::Value { allowed: allowed(name, &message), name: given_as }
            }
            other => Reason::Value { allowed: other.to_string().replace(&setting.value, "…"), name: given_as },
        };
        return Err((setting.line, reason));
    }
    Ok(())
}

/// The allowed values, from librdkafka's message about an invalid one.
fn allowed(name: &str, message: &str) -> String {
    if let Some((_, range)) = message.split_once("outside allowed range ") {
        let (from, to) = range.trim().split_once("..").unwrap_or((range, ""));
        return format!("expected a number from {from} to {to}");
    }
    if let Some((_, values)) = ALLOWED.iter().find(|(known, _)| *known == name) {
        return format!("expected {values}");
    }
    let known: &[(&str, &str)] = &[
        ("Expected bool", "expected true or false"),
        ("Bool configuration", "expected true or false"),
        ("Integer configuration", "expected a number"),
        ("Float configuration", "expected a number"),
        ("not supported in this build", "this bridge was built without support for it"),
        ("must be set through", "a file cannot set this property"),
        ("not settable", "a file cannot set this property"),
        ("Invalid value for configuration property", "expected a value that librdkafka's CONFIGURATION.md lists"),
    ];
    let found = known.iter().find(|(part, _)| message.contains(part));
    found.map_or("see librdkafka's CONFIGURATION.md", |(_, allowed)| allowed).to_owned()
}

/// Whether a boolean is false.
///
/// # Errors
/// If the value is not a boolean.
pub fn is_false(name: &str, value: &str) -> Result<bool, Reason> {
    if is_one_of(value, FALSE) {
        return Ok(true);
    }
    if is_one_of(value, TRUE) {
        return Ok(false);
    }
    Err(Reason::Value { name: name.to_owned(), allowed: "expected true or false".to_owned() })
}

pub fn is_one_of(value: &str, spellings: &[&str]) -> bool {
    spellings.iter().any(|spelling| value.eq_ignore_ascii_case(spelling))
}

/// librdkafka's message, without the prefix of the `rdkafka` crate.
pub fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientCreation(reason) => reason.clone(),
        other => other.to_string(),
    }
}
