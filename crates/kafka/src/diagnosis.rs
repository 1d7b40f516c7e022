//! Finds out why a connection failed, if librdkafka's message is ambiguous, with a `broker_connection` of the same
//! settings.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use protocol::{Broker, ErrorBody, ErrorCode};
use rdkafka::error::RDKafkaErrorCode;

use super::broker_connection::sasl_handshake::{self, Listener};
use super::broker_connection::{BrokerConnection, Transport, api_versions, connect_tcp};
#[cfg(feature = "tls")]
use super::broker_connection::{ConnectError, TlsError};
use super::broker_errors::BrokerError;
use super::client_config::{Connection, KafkaProperties};
use super::error::kafka_error;
use super::reasons::{self, Cause};

/// The time limit of a probe. It adds to the time until the reason is shown.
const PROBE_TIMEOUT: Duration = Duration::from_millis(300);

/// The time limit of a TLS handshake, which may take longer than the other probes.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the result of a probe is cached.
const CACHED_FOR: Duration = Duration::from_secs(30);

/// The pause after a probe without a result, whose repetition may have one (the broker may be starting). The reason is
/// looked for every 500 ms, and brokers log each probe as a failed authentication.
const PAUSE_WITHOUT_RESULT: Duration = Duration::from_secs(5);

/// An advertised address that does not accept a connection within this time counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How many advertised addresses are tried at the same time; one reachable address is enough.
const MAX_TRIED: usize = 16;

/// Finds out why no broker answers.
pub struct Diagnosis {
    connection: Connection,
    /// Whether a broker has answered. The kind of its listener then matches the settings and is not probed.
    has_answered: bool,
    /// The results of probes, by address and librdkafka's cause.
    probed: HashMap<(String, Cause), (Instant, Option<Cause>)>,
}

impl Diagnosis {
    pub fn new(connection: Connection) -> Self {
        Self { connection, has_answered: false, probed: HashMap::new() }
    }

    /// The most specific of the brokers' errors. `code` is librdkafka's error for the cluster as a whole.
    pub fn reason(&mut self, code: RDKafkaErrorCode) -> ErrorBody {
        let error = match (self.connection.tokens.failure(), self.causes().into_iter().min_by_key(|error| error.cause))
        {
            // Without a token clients do not send requests, so the brokers' errors are outdated.
            (Some(failure), _) => ErrorBody::new(ErrorCode::AuthenticationFailed, failure.to_string()),
            (None, Some(error)) => reasons::explain(&error),
            (None, None) => reasons::no_answer(&self.connection.bootstrap_servers),
        };
        let kafka = kafka_error(ErrorCode::KafkaUnreachable, code, "").kafka;
        ErrorBody { kafka, ..error }
    }

    /// Whether retrying cannot help before a setting is changed: every configured address failed for such a cause, or a
    /// broker refused the sign-in.
    pub fn is_final(&mut self) -> bool {
        if self.connection.tokens.failure().is_some_and(|failure| failure.is_refusal()) {
            return true;
        }
        let causes = self.causes();
        let servers = self.connection.bootstrap_servers.split(',').count();
        causes.iter().any(|error| error.cause.is_refused_sign_in())
            || (causes.len() >= servers && causes.iter().all(|error| error.cause.needs_changed_settings()))
    }

    /// Removes earlier errors. Call it when a broker has answered.
    pub fn clear(&mut self) {
        self.has_answered = true;
        self.connection.hooks.errors.clear();
        self.probed.clear();
    }

    fn causes(&mut self) -> Vec<BrokerError> {
        let mut errors = self.connection.hooks.errors.recent();
        for error in &mut errors {
            let is_ambiguous = match error.cause {
                Cause::CertificateRejected => true,
                Cause::ClosedBeforeAnswer | Cause::Closed => !self.has_answered,
                _ => false,
            };
            if is_ambiguous {
                error.cause = self.probed_cause(error);
            }
        }
        errors
    }

    fn probed_cause(&mut self, error: &BrokerError) -> Cause {
        let key = (error.address.clone(), error.cause);
        self.probed
            .retain(|_, (at, found)| at.elapsed() < if found.is_some() { CACHED_FOR } else { PAUSE_WITHOUT_RESULT });
        if let Some((_, found)) = self.probed.get(&key) {
            return found.unwrap_or(error.cause);
        }
        let found = probe(&self.connection.properties, error);
        self.probed.insert(key, (Instant::now(), found));
        found.unwrap_or(error.cause)
    }
}

fn probe(properties: &KafkaProperties, error: &BrokerError) -> Option<Cause> {
    let (host, port) = error.address.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let is_certificate = error.cause == Cause::CertificateRejected;
    let deadline = Instant::now() + if is_certificate { HANDSHAKE_TIMEOUT } else { PROBE_TIMEOUT };
    match error.cause {
        #[cfg(feature = "tls")]
        Cause::CertificateRejected => match Transport::of(properties).ok()?.connect(host, port, deadline).err()? {
            ConnectError::Tls(TlsError::Certificate { code, .. }) => Some(certificate_cause(code)),
            _ => None,
        },
        Cause::ClosedBeforeAnswer if properties.uses_tls() => {
            let mut connection = BrokerConnection::open(&Transport::Plaintext, host, port, deadline).ok()?;
            api_versions::fetch(&mut connection).ok().map(|_| Cause::ListenerWithoutTls)
        }
        #[cfg(feature = "tls")]
        Cause::ClosedBeforeAnswer => {
            match Transport::tls_without_verification().ok()?.connect(host, port, deadline) {
                Ok(_) => Some(Cause::ListenerWithTls),
                // A TLS alert: the listener speaks TLS and refuses the handshake.
                Err(ConnectError::Tls(TlsError::Handshake(why))) if why.contains("alert") => {
                    Some(Cause::ListenerWithTls)
                }
                Err(_) => None,
            }
        }
        // The listener may have closed the connection because the client did not sign in.
        Cause::Closed if !properties.signs_in() => {
            let transport = Transport::of(properties).ok()?;
            let mut connection = BrokerConnection::open(&transport, host, port, deadline).ok()?;
            match sasl_handshake::probe(&mut connection).ok()? {
                Listener::WithSasl => Some(Cause::ListenerWithSasl),
                Listener::WithoutSasl => None,
            }
        }
        _ => None,
    }
}

/// Maps OpenSSL's verification errors (`x509_vfy.h`).
#[cfg(feature = "tls")]
fn certificate_cause(code: i32) -> Cause {
    match code {
        9 => Cause::CertificateNotYetValid,
        10 => Cause::CertificateExpired,
        18 | 19 => Cause::CertificateSelfSigned,
        2 | 20 | 21 => Cause::CertificateOfUnknownIssuer,
        62 | 64 => Cause::CertificateForOtherHost,
        _ => Cause::CertificateRejected,
    }
}

/// The error if none of the brokers' advertised addresses accepts a TCP connection; `None` if one does, or if there are
/// no brokers. Blocks for at most 1.3 s.
pub fn unreachable_advertised_address(bootstrap_servers: &str, brokers: &[Broker]) -> Option<ErrorBody> {
    let (tried, results) = mpsc::channel();
    let mut waiting = 0;
    for broker in brokers.iter().take(MAX_TRIED).cloned() {
        let tried = tried.clone();
        // A thread that is still resolving the host name after the deadline ends by itself.
        let thread = std::thread::Builder::new().name("kafka-reach".to_owned()).spawn(move || {
            let result = try_connect(&broker);
            // The receiver is dropped if another broker was reached first.
            let _ = tried.send((broker, result));
        });
        waiting += usize::from(thread.is_ok());
    }
    drop(tried);
    let deadline = Instant::now() + CONNECT_TIMEOUT + PROBE_TIMEOUT;
    let mut failed: Option<(Broker, String)> = None;
    while waiting > 0 {
        match results.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((_, Ok(()))) => return None,
            Ok((broker, Err(why))) => failed = failed.or(Some((broker, why))),
            Err(_) => break,
        }
        waiting -= 1;
    }
    let late = || brokers.first().map(|broker| (broker.clone(), "no answer in time".to_owned()));
    let (broker, why) = failed.or_else(late)?;
    let address = format!("{}:{}", broker.host, broker.port);
    Some(reasons::advertised_address(bootstrap_servers, broker.id, &address, &why))
}

fn try_connect(broker: &Broker) -> Result<(), String> {
    let connected = connect_tcp(&broker.host, broker.port, Instant::now() + CONNECT_TIMEOUT);
    connected.map(drop).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_closing_listener_is_probed_once_and_not_after_a_broker_has_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound listener").to_string();
        let connection = Connection::to(address.clone(), KafkaProperties::default()).expect("no OAuth settings");
        let mut diagnosis = Diagnosis::new(connection.clone());
        let closed = format!("{address}/bootstrap: Disconnected (after 1ms in state UP)");
        let probes_of = |diagnosis: &mut Diagnosis| {
            connection.hooks.errors.note(Some(RDKafkaErrorCode::BrokerTransportFailure), &closed);
            for _ in 0..3 {
                let error = diagnosis.reason(RDKafkaErrorCode::BrokerTransportFailure);
                assert!(error.message.contains("failed: Disconnected"), "{}", error.message);
            }
            std::iter::from_fn(|| listener.accept().ok()).count()
        };
        assert_eq!(probes_of(&mut diagnosis), 1);
        diagnosis.clear();
        assert_eq!(probes_of(&mut diagnosis), 0);
    }

    fn broker(id: i32, host: &str, port: u16) -> Broker {
        Broker { id, host: host.to_owned(), port }
    }

    #[test]
    fn one_reachable_advertised_address_is_enough() {
        let listening = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listening.local_addr().expect("a bound listener").port();
        let closed_port =
            TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let (good, bad) = (broker(1, "127.0.0.1", port), broker(2, "127.0.0.1", closed_port));
        assert_eq!(unreachable_advertised_address("localhost:1", &[]), None);
        assert_eq!(unreachable_advertised_address("localhost:1", &[bad.clone(), good]), None);
        let error = unreachable_advertised_address("localhost:1", &[bad]).expect("nothing listens there");
        assert_eq!(error.code, protocol::ErrorCode::AdvertisedAddressUnreachable.number());
        assert!(error.message.contains("nothing listens there"), "{}", error.message);
    }
}
