//! Whether librdkafka takes each value, asked of librdkafka itself. Its own messages would repeat the value.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::{Reading, Reason, Refusal, names, oauth};

/// What librdkafka allows where its message does not tell.
const ALLOWED: &[(&str, &str)] = &[
    ("security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
    ("isolation.level", "read_uncommitted or read_committed"),
    ("compression.type", "none, gzip, snappy, lz4 or zstd"),
    ("client.dns.lookup", "use_all_dns_ips or resolve_canonical_bootstrap_servers_only"),
    ("broker.address.family", "any, v4 or v6"),
    ("ssl.endpoint.identification.algorithm", "https, or none (or nothing) to accept any host name"),
    ("metadata.recovery.strategy", "none or rebootstrap"),
];

pub fn check(reading: &Reading) -> Result<(), Refusal> {
    // What the bridge does in librdkafka's place is checked there.
    for (name, setting) in reading.settings.iter().filter(|(name, _)| !oauth::is_token_setting(name)) {
        let mut config = ClientConfig::new();
        config.set(name, &setting.value);
        let Err(error) = config.create_native_config() else { continue };
        let given_as = setting.given_as.clone();
        let reason = match error {
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
                Reason::Unknown { nearest: names::nearest(&given_as), name: given_as }
            }
            KafkaError::ClientConfig(_, said, ..) => Reason::Value { allowed: allowed(name, &said), name: given_as },
            other => Reason::Value { allowed: other.to_string().replace(&setting.value, "…"), name: given_as },
        };
        return Err((setting.line, reason));
    }
    Ok(())
}

/// What librdkafka allows, by what it says of a value that it does not.
fn allowed(name: &str, said: &str) -> String {
    if let Some((_, range)) = said.split_once("outside allowed range ") {
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
        ("not supported in this build", "this bridge was built without what it needs"),
        ("must be set through", "only a program can set it"),
        ("not settable", "only librdkafka itself sets it"),
        ("Invalid value for configuration property", "expected one that librdkafka's CONFIGURATION.md lists"),
    ];
    let found = known.iter().find(|(part, _)| said.contains(part));
    found.map_or("see librdkafka's CONFIGURATION.md", |(_, allowed)| allowed).to_owned()
}

/// A value of librdkafka's and Java's words for true and false.
pub fn is_false(name: &str, value: &str) -> Result<bool, Reason> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "f" | "0" => Ok(true),
        "true" | "t" | "1" => Ok(false),
        _ => Err(Reason::Value { name: name.to_owned(), allowed: "expected true or false".to_owned() }),
    }
}

pub fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientCreation(reason) => reason.clone(),
        other => other.to_string(),
    }
}
