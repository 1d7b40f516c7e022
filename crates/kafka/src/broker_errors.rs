//! The last connection error of each broker, from the errors and log lines of all librdkafka clients of the bridge.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::native::was_not_admitted;
use super::reasons::Cause;

/// librdkafka repeats a persistent error every 30 seconds, so an older one is resolved.
const VALID_FOR: Duration = Duration::from_secs(40);

/// The next sign-in after a refused one starts at the latest after this time, even if three were refused at once.
const REFUSAL_VALID_FOR: Duration = Duration::from_secs(90);

/// A host name may have several addresses that fail alternately for different causes: the most specific cause is kept
/// this long.
const SPECIFIC_KEPT_FOR: Duration = Duration::from_secs(3);

/// How many brokers have a stored error; beyond this number the oldest error is removed.
const MAX_BROKERS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerError {
    /// `host:port`, as configured or advertised.
    pub address: String,
    /// `None` for a bootstrap address, as long as the id of its broker is unknown.
    pub id: Option<i32>,
    pub cause: Cause,
    /// librdkafka's message without the parts that differ at each attempt.
    pub detail: String,
    pub at: Instant,
}

#[derive(Debug, Default)]
pub struct BrokerErrors(Mutex<BTreeMap<String, BrokerError>>);

impl BrokerErrors {
    /// Stores the error in a client's error message or log line. Returns the cause if the text is about the connection
    /// to one broker.
    pub fn note(&self, code: Option<RDKafkaErrorCode>, text: &str) -> Option<Cause> {
        if was_not_admitted(text) {
            return None;
        }
        let failure = Failure::parse(text)?;
        let cause = Cause::of(code, failure.detail, failure.state);
        let error = BrokerError {
            address: failure.address.to_owned(),
            id: failure.id,
            cause,
            detail: failure.detail.to_owned(),
            at: Instant::now(),
        };
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // librdkafka reports each failure twice: as an error with a code, and as a log line without one. The line keeps
        // the error's cause.
        let is_repeated = |known: &BrokerError| code.is_none() && known.detail == error.detail;
        let error = match errors.get(&error.address) {
            Some(known) if is_repeated(known) => BrokerError { cause: known.cause, ..error },
            Some(known) if known.cause < error.cause && known.at.elapsed() < SPECIFIC_KEPT_FOR => return Some(cause),
            _ => error,
        };
        errors.insert(error.address.clone(), error);
        if errors.len() > MAX_BROKERS {
            let oldest = errors.values().min_by_key(|error| error.at).map(|error| error.address.clone());
            oldest.and_then(|address| errors.remove(&address));
        }
        Some(cause)
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The errors that are not resolved, sorted by address.
    pub fn recent(&self) -> Vec<BrokerError> {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        errors.retain(|_, error| {
            let valid_for = if error.cause.is_refused_sign_in() { REFUSAL_VALID_FOR } else { VALID_FOR };
            error.at.elapsed() < valid_for
        });
        errors.values().cloned().collect()
    }
}

/// The parts of `[thrd:sasl_ssl://kafka:9093/1]: sasl_ssl://kafka:9093/1: What failed (after 12ms in state CONNECT)`.
#[derive(Debug, PartialEq, Eq)]
struct Failure<'t> {
    address: &'t str,
    id: Option<i32>,
    detail: &'t str,
    state: &'t str,
}

impl<'t> Failure<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let text = match text.strip_prefix("[thrd:") {
            Some(rest) => rest.split_once("]: ")?.1,
            None => text,
        };
        let (name, rest) = text.split_once(": ")?;
        let (address, id, rest) = match name.rsplit_once('/') {
            Some((address, id)) => (address, id.parse().ok(), rest),
            // The connection to a group's coordinator has a name of its own, followed by the address.
            None if name == "GroupCoordinator" => {
                let (address, rest) = rest.split_once(": ")?;
                (address, None, rest)
            }
            None => return None,
        };
        let address = address.rsplit_once("://").map_or(address, |(_, address)| address);
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if !has_port {
            return None;
        }
        let (detail, state) = match rest.rsplit_once(" (after ") {
            Some((detail, timing)) => {
                let state = timing.split_once("in state ").map_or("", |(_, state)| state);
                (detail, state.split([')', ',']).next().unwrap_or(state))
            }
            None => (rest, ""),
        };
        Some(Self { address, id, detail: detail.trim(), state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure<'t>(address: &'t str, id: Option<i32>, detail: &'t str, state: &'t str) -> Option<Failure<'t>> {
        Some(Failure { address, id, detail, state })
    }

    #[test]
    fn librdkafka_messages_are_parsed() {
        for (text, expected) in [
            (
                "localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
                failure("localhost:9092", None, "Connect to ipv4#127.0.0.1:9092 failed: Connection refused", "CONNECT"),
            ),
            (
                "[thrd:sasl_ssl://kafka-1:9093/1]: sasl_ssl://kafka-1:9093/1: SASL authentication error: Authentication failed (after \
                 312ms in state AUTH_REQ, 4 identical error(s) suppressed)",
                failure("kafka-1:9093", Some(1), "SASL authentication error: Authentication failed", "AUTH_REQ"),
            ),
            (
                "ssl://[::1]:9093/bootstrap: Disconnected (after 1ms in state SSL_HANDSHAKE)",
                failure("[::1]:9093", None, "Disconnected", "SSL_HANDSHAKE"),
            ),
            (
                "GroupCoordinator: kafka-1:9092: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 2ms in state CONNECT)",
                failure("kafka-1:9092", None, "Connect to ipv4#10.0.0.1:9092 failed: Connection refused", "CONNECT"),
            ),
            ("1/1 brokers are down", None),
            ("Failed to acquire SASL OAUTHBEARER token: no answer", None),
            ("rdkafka#consumer-1: something else", None),
        ] {
            assert_eq!(Failure::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn refused_connection_does_not_replace_a_more_specific_cause_of_the_same_host() {
        let errors = BrokerErrors::default();
        errors.note(None, "localhost:9093/bootstrap: SSL handshake failed: certificate verify failed (after 3ms in state SSL_HANDSHAKE)");
        errors.note(None, "localhost:9093/bootstrap: Connect to ipv6#[::1]:9093 failed: Connection refused (after 0ms in state CONNECT)");
        let causes: Vec<_> = errors.recent().into_iter().map(|error| error.cause).collect();
        assert_eq!(causes, [Cause::CertificateRejected]);
    }

    #[test]
    fn number_of_stored_errors_is_bounded() {
        let errors = BrokerErrors::default();
        for port in 1..=2 * MAX_BROKERS {
            errors
                .note(None, &format!("kafka:{port}/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused"));
        }
        assert_eq!(errors.recent().len(), MAX_BROKERS);
    }
}
