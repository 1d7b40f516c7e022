//! The last error of each broker, taken from the errors and log lines of every client of the bridge.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

use super::native::was_not_admitted;
use super::reasons::Cause;

/// librdkafka repeats an error that stays the same every 30 seconds; an older one is over.
const VALID_FOR: Duration = Duration::from_secs(40);

/// A refused sign-in is not tried again for so long, three at once included.
const REFUSAL_VALID_FOR: Duration = Duration::from_secs(90);

/// A host name may have several addresses that fail for different causes, in turn: the most telling one stays for so long.
const STAYS_FOR: Duration = Duration::from_secs(3);

/// How many brokers are remembered. Beyond that the oldest error is forgotten.
const MAX_BROKERS: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerError {
    /// `host:port`, as configured or advertised.
    pub address: String,
    /// None for an address that was configured and whose broker has not said its id.
    pub id: Option<i32>,
    pub cause: Cause,
    /// librdkafka's words, without what changes at each attempt.
    pub detail: String,
    pub at: Instant,
}

#[derive(Debug, Default)]
pub struct BrokerErrors(Mutex<BTreeMap<String, BrokerError>>);

impl BrokerErrors {
    /// Takes a client's error, or a line of its log. Returns the cause where the text is about one broker's connection.
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
        // The same failure comes twice, as an error and as a line of the log; the log has no code.
        let stays = errors.get(&error.address).is_some_and(|known| {
            let is_repeated = code.is_none() && known.detail == error.detail;
            !is_repeated && known.cause < error.cause && known.at.elapsed() < STAYS_FOR
        });
        if stays {
            return Some(cause);
        }
        let known = errors.get(&error.address).filter(|known| code.is_none() && known.detail == error.detail);
        let error = BrokerError { cause: known.map_or(error.cause, |known| known.cause), ..error };
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

    /// Those that still hold, by address.
    pub fn recent(&self) -> Vec<BrokerError> {
        let mut errors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        errors.retain(|_, error| {
            let valid_for = if error.cause.is_refused_sign_in() { REFUSAL_VALID_FOR } else { VALID_FOR };
            error.at.elapsed() < valid_for
        });
        errors.values().cloned().collect()
    }
}

/// `[thrd:sasl_ssl://kafka:9093/1]: sasl_ssl://kafka:9093/1: What failed (after 12ms in state CONNECT)`, taken apart.
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
            // A group's coordinator is a connection of its own, and its address comes behind its name.
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
    fn librdkafkas_lines_are_taken_apart() {
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
    fn a_refused_address_does_not_hide_what_another_address_of_the_host_says() {
        let errors = BrokerErrors::default();
        errors.note(None, "localhost:9093/bootstrap: SSL handshake failed: certificate verify failed (after 3ms in state SSL_HANDSHAKE)");
        errors.note(None, "localhost:9093/bootstrap: Connect to ipv6#[::1]:9093 failed: Connection refused (after 0ms in state CONNECT)");
        let causes: Vec<_> = errors.recent().into_iter().map(|error| error.cause).collect();
        assert_eq!(causes, [Cause::CertificateRejected]);
    }

    #[test]
    fn the_number_of_remembered_brokers_is_bounded() {
        let errors = BrokerErrors::default();
        for port in 1..=2 * MAX_BROKERS {
            errors
                .note(None, &format!("kafka:{port}/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused"));
        }
        assert_eq!(errors.recent().len(), MAX_BROKERS);
    }
}
