//! Checks that the properties for TLS and SASL are complete and consistent. librdkafka would use its defaults for
//! missing ones, and connect in plain text or with Kerberos.

use super::{ParsedFile, Reason, Refusal};

const MECHANISMS: &str = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM";

/// Settings that have no effect without TLS.
const TLS_ONLY: &[&str] = &[
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.keystore.location",
];

const SASL_ONLY: &[&str] = &["sasl.mechanism", "sasl.username", "sasl.password"];

/// # Errors
/// The first property that is missing or contradicts another, and what to write instead.
pub fn check(parsed: &ParsedFile) -> Result<(), Refusal> {
    let given = |names: &[&str]| {
        let settings = names.iter().filter_map(|name| parsed.settings.get(*name));
        settings.map(|setting| (setting.line, setting.given_as.clone())).next()
    };
    let fail = |line: usize, text: String| Err((line, Reason::SignIn(text)));
    let protocol = parsed.protocol();
    let signs_in = protocol.as_deref().is_some_and(|protocol| protocol.starts_with("SASL"));
    if !signs_in && let Some((line, name)) = given(SASL_ONLY) {
        return match protocol.as_deref() {
            None => fail(
                line,
                format!(
                    "{name} needs security.protocol, which is not set: add security.protocol=SASL_SSL (or SASL_PLAINTEXT, which \
                     does not encrypt)"
                ),
            ),
            Some(protocol) => {
                let expected = if protocol == "SSL" { "SASL_SSL" } else { "SASL_PLAINTEXT, or SASL_SSL with TLS" };
                fail(
                    line,
                    format!(
                        "{name} has no effect with security.protocol={}: set security.protocol={expected}, or remove {name}",
                        if protocol == "SSL" { "SSL" } else { "PLAINTEXT" }
                    ),
                )
            }
        };
    }
    if protocol.is_none()
        && let Some((line, name)) = given(TLS_ONLY)
    {
        return fail(
            line,
            format!(
                "{name} needs security.protocol, which is not set: add security.protocol=SSL (or SASL_SSL to sign in)"
            ),
        );
    }
    if !signs_in {
        return Ok(());
    }
    let line = parsed.settings.get("security.protocol").map_or(0, |setting| setting.line);
    let Some(mechanism) = parsed.settings.get("sasl.mechanism") else {
        return fail(
            line,
            format!("security.protocol uses SASL, but sasl.mechanism is not set: add sasl.mechanism={MECHANISMS}"),
        );
    };
    match mechanism.value.to_ascii_uppercase().as_str() {
        "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => {
            for name in ["sasl.username", "sasl.password"] {
                if parsed.get(name).is_none_or(str::is_empty) {
                    return fail(
                        mechanism.line,
                        format!("{} needs {name}, which is not set: add it, or sasl.jaas.config", mechanism.given_as),
                    );
                }
            }
            Ok(())
        }
        "OAUTHBEARER" | "AWS_MSK_IAM" => Ok(()),
        "GSSAPI" => fail(
            mechanism.line,
            format!("{}: this bridge was built without Kerberos (GSSAPI); expected {MECHANISMS}", mechanism.given_as),
        ),
        _ => fail(mechanism.line, format!("invalid value for {}: expected {MECHANISMS}", mechanism.given_as)),
    }
}
