//! A closer look where librdkafka's words leave open why a connection failed: a connection of our own, with the same settings.

use std::collections::HashMap;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use protocol::{Broker, ErrorBody, ErrorCode};
use rdkafka::error::RDKafkaErrorCode;

use super::api_versions;
use super::broker_errors::BrokerError;
use super::broker_stream::Security;
use super::client_config::{Connection, KafkaProperties};
use super::error::kafka_error;
use super::reasons::{self, Cause};
use super::sasl_handshake::{self, Listener};
#[cfg(feature = "tls")]
use super::{
    broker_stream::ConnectError,
    tls::{Tls, TlsError},
};

/// Whoever waits for the reason waits for this as well.
const LOOK_WITHIN: Duration = Duration::from_millis(300);

/// A certificate is looked at for longer: nobody waits for the news that a broker is gone.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(1);

/// A finding holds for so long.
const HOLDS_FOR: Duration = Duration::from_secs(30);

/// An advertised address that accepts no connection in this time counts as unreachable.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// So many advertised addresses are tried at the same time; one that can be reached is enough.
const MAX_TRIED: usize = 16;

/// Finds the reason why no broker answers.
pub struct Diagnosis {
    connection: Connection,
    findings: HashMap<(String, Cause), (Instant, Cause)>,
}

impl Diagnosis {
    pub fn new(connection: Connection) -> Self {
        Self { connection, findings: HashMap::new() }
    }

    /// The most telling of the brokers' errors. `code` is what librdkafka said of the cluster as a whole.
    pub fn reason(&mut self, code: RDKafkaErrorCode) -> ErrorBody {
        let error = match (self.connection.tokens.failure(), self.causes().into_iter().min_by_key(|error| error.cause))
        {
            // Without a token no broker is even asked.
            (Some(failure), _) => ErrorBody::new(ErrorCode::AuthenticationFailed, failure.to_string()),
            (None, Some(error)) => reasons::explain(&error),
            (None, None) => reasons::no_answer(&self.connection.bootstrap_servers),
        };
        let kafka = kafka_error(ErrorCode::KafkaUnreachable, code, "").kafka;
        ErrorBody { kafka, ..error }
    }

    /// Whether every configured address has failed for a reason that only a changed setting ends, or one has refused a sign-in.
    pub fn is_final(&mut self) -> bool {
        if self.connection.tokens.failure().is_some_and(|failure| failure.is_refusal()) {
            return true;
        }
        let causes = self.causes();
        let servers = self.connection.bootstrap_servers.split(',').count();
        causes.iter().any(|error| error.cause.is_refused_sign_in())
            || (causes.len() >= servers && causes.iter().all(|error| error.cause.needs_a_change()))
    }

    /// A broker has answered: what was wrong before does not count any more.
    pub fn forget(&mut self) {
        self.connection.hooks.errors.clear();
        self.findings.clear();
    }

    fn causes(&mut self) -> Vec<BrokerError> {
        let mut errors = self.connection.hooks.errors.recent();
        for error in &mut errors {
            if matches!(error.cause, Cause::CertificateRejected | Cause::ClosedBeforeAnswer | Cause::Closed) {
                error.cause = self.look_closer(error);
            }
        }
        errors
    }

    fn look_closer(&mut self, error: &BrokerError) -> Cause {
        let key = (error.address.clone(), error.cause);
        self.findings.retain(|_, (at, _)| at.elapsed() < HOLDS_FOR);
        if let Some((_, found)) = self.findings.get(&key) {
            return *found;
        }
        // Nothing found: the same look may find something the next time.
        let Some(found) = find(&self.connection.properties, error) else { return error.cause };
        self.findings.insert(key, (Instant::now(), found));
        found
    }
}

fn find(properties: &KafkaProperties, error: &BrokerError) -> Option<Cause> {
    let (host, port) = error.address.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let is_certificate = error.cause == Cause::CertificateRejected;
    let deadline = Instant::now() + if is_certificate { HANDSHAKE_WITHIN } else { LOOK_WITHIN };
    let uses_tls = matches!(Security::of(properties), Ok(security) if !matches!(security, Security::Plain));
    match error.cause {
        #[cfg(feature = "tls")]
        Cause::CertificateRejected => match Security::of(properties).ok()?.connect(host, port, deadline).err()? {
            ConnectError::Tls(TlsError::Certificate { code, .. }) => Some(certificate_cause(code)),
            _ => None,
        },
        Cause::ClosedBeforeAnswer if uses_tls => {
            let mut stream = Security::Plain.connect(host, port, deadline).ok()?;
            api_versions::ask(&mut *stream).ok().map(|_| Cause::ListenerWithoutTls)
        }
        #[cfg(feature = "tls")]
        Cause::ClosedBeforeAnswer => {
            let anybody = Security::Tls(Box::new(Tls::of_anybody().ok()?));
            match anybody.connect(host, port, deadline) {
                Ok(_) => Some(Cause::ListenerWithTls),
                // It speaks TLS well enough to say no in it.
                Err(ConnectError::Tls(TlsError::Handshake(why))) if why.contains("alert") => {
                    Some(Cause::ListenerWithTls)
                }
                Err(_) => None,
            }
        }
        // librdkafka asked for something that a broker answers to nobody before a sign-in.
        Cause::Closed if !properties.signs_in() => {
            let mut stream = Security::of(properties).ok()?.connect(host, port, deadline).ok()?;
            match sasl_handshake::ask(&mut *stream).ok()? {
                Listener::WithSasl(_) => Some(Cause::ListenerWithSasl),
                Listener::WithoutSasl => None,
            }
        }
        _ => None,
    }
}

/// OpenSSL's results of a verification (`x509_vfy.h`).
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

/// Where none of the addresses that the brokers advertise can be reached from here: why not. One TCP connection each, which is closed
/// at once. Nothing where one can be reached, or there is no broker.
pub fn unreachable_advertised_address(bootstrap_servers: &str, brokers: &[Broker]) -> Option<ErrorBody> {
    let (tried, results) = mpsc::channel();
    let mut waiting = 0;
    for broker in brokers.iter().take(MAX_TRIED).cloned() {
        let tried = tried.clone();
        // A thread that still looks up a name when the time is over ends by itself.
        let thread = std::thread::Builder::new().name("kafka-reach".to_owned()).spawn(move || {
            let reached = reach(&broker);
            // Nobody listens any more where another broker was reached first.
            let _ = tried.send((broker, reached));
        });
        waiting += usize::from(thread.is_ok());
    }
    drop(tried);
    let deadline = Instant::now() + CONNECT_WITHIN + LOOK_WITHIN;
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

fn reach(broker: &Broker) -> Result<(), String> {
    let host = broker.host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (host, broker.port).to_socket_addrs().map_err(|_| "its host name has no address".to_owned())?;
    let mut failure = "its host name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_WITHIN) {
            Ok(_) => return Ok(()),
            Err(error) => {
                failure = match error.kind() {
                    io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
                    io::ErrorKind::TimedOut => "no answer in time".to_owned(),
                    _ => error.to_string(),
                };
            }
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn broker(id: i32, host: &str, port: u16) -> Broker {
        Broker { id, host: host.to_owned(), port }
    }

    #[test]
    fn one_advertised_address_that_can_be_reached_is_enough() {
        let listening = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listening.local_addr().expect("a bound listener").port();
        let gone = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port();
        let (good, bad) = (broker(1, "127.0.0.1", port), broker(2, "127.0.0.1", gone));
        assert_eq!(unreachable_advertised_address("localhost:1", &[]), None);
        assert_eq!(unreachable_advertised_address("localhost:1", &[bad.clone(), good]), None);
        let error = unreachable_advertised_address("localhost:1", &[bad]).expect("nothing listens there");
        assert_eq!(error.code, protocol::ErrorCode::AdvertisedAddressUnreachable.number());
        assert!(error.message.contains("nothing listens there"), "{}", error.message);
    }
}
