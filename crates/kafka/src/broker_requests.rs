//! Requests that each broker answers for itself, on a connection of its own: a slow broker does not delay the others.

use std::collections::HashMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Broker, ErrorBody, ErrorCode};

use crate::broker_connection::{BrokerConnection, ConnectError, RequestError, Transport};
use crate::client_config::KafkaProperties;

/// How many brokers are asked at the same time.
const MAX_CONCURRENT: usize = 16;

/// Asks each broker with the function. Blocks until all brokers have answered or the time is over. A thread that is still
/// resolving a host name then ends by itself. `subject`: what is requested, such as "its features", for errors.
pub fn ask_each<T: Clone + Send + 'static>(
    properties: &KafkaProperties,
    brokers: Vec<Broker>,
    timeout: Duration,
    subject: &'static str,
    ask: impl Fn(&Broker, &mut BrokerConnection) -> Result<T, RequestError> + Send + Sync + 'static,
) -> Vec<(Broker, Result<T, ErrorBody>)> {
    if brokers.is_empty() {
        return Vec::new();
    }
    let deadline = Instant::now() + timeout;
    let transport = match Transport::of(properties) {
        Ok(transport) => Arc::new(transport),
        Err(error) => {
            let failed = |broker: Broker| (broker.clone(), Err(not_connected(&broker, subject, &error)));
            return brokers.into_iter().map(failed).collect();
        }
    };
    let (answered, answers) = mpsc::channel();
    let ask = Arc::new(ask);
    let waiting = Arc::new(Mutex::new((0..brokers.len()).zip(brokers.clone()).collect::<Vec<_>>()));
    for _ in 0..brokers.len().min(MAX_CONCURRENT) {
        let (waiting, transport) = (Arc::clone(&waiting), Arc::clone(&transport));
        let (answered, ask) = (answered.clone(), Arc::clone(&ask));
        std::thread::spawn(move || {
            let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some((at, broker)) = next() {
                let answer = ask_one(&transport, &broker, deadline, subject, &*ask);
                // After the deadline the receiver is dropped.
                if answered.send((at, answer)).is_err() {
                    return;
                }
            }
        });
    }
    drop(answered);
    let mut answered: HashMap<usize, Result<T, ErrorBody>> = HashMap::new();
    while let Ok((at, answer)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        answered.insert(at, answer);
    }
    let late = |broker: &Broker| {
        let message = format!("{} did not report {subject} in time", label(broker));
        Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message))
    };
    let answer = |(at, broker): (usize, Broker)| {
        let answer = answered.remove(&at).unwrap_or_else(|| late(&broker));
        (broker, answer)
    };
    brokers.into_iter().enumerate().map(answer).collect()
}

fn ask_one<T>(
    transport: &Transport,
    broker: &Broker,
    deadline: Instant,
    subject: &str,
    ask: &impl Fn(&Broker, &mut BrokerConnection) -> Result<T, RequestError>,
) -> Result<T, ErrorBody> {
    let opened = BrokerConnection::open(transport, &broker.host, broker.port, deadline);
    let mut connection = opened.map_err(|error| not_connected(broker, subject, &error))?;
    ask(broker, &mut connection).map_err(|error| {
        let code = match error {
            RequestError::Io(_) => ErrorCode::KafkaUnreachable,
            RequestError::NotSupported { .. } => ErrorCode::NotOnThisCluster,
            _ => ErrorCode::AdminRefused,
        };
        tracing::debug!(broker = broker.id, %error, "a broker did not report {subject}");
        ErrorBody::new(code, format!("{} did not report {subject}: {error}", label(broker)))
    })
}

fn not_connected(broker: &Broker, subject: &str, error: &ConnectError) -> ErrorBody {
    let code = match error {
        ConnectError::Io(_) => ErrorCode::KafkaUnreachable,
        #[cfg(feature = "tls")]
        ConnectError::Tls(_) => ErrorCode::AdminRefused,
        #[cfg(not(feature = "tls"))]
        ConnectError::NoTls => ErrorCode::NotOnThisCluster,
    };
    tracing::debug!(broker = broker.id, %error, "cannot connect to a broker to request {subject}");
    ErrorBody::new(code, format!("cannot connect to {} to request {subject}: {error}", label(broker)))
}

fn label(broker: &Broker) -> String {
    format!("broker {} ({}:{})", broker.id, broker.host, broker.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker_connection::api_versions;

    #[test]
    fn broker_that_does_not_answer_and_broker_that_refuses_are_both_unreachable() {
        const TIMEOUT: Duration = Duration::from_secs(1);
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = |listener: &std::net::TcpListener| listener.local_addr().expect("a bound listener").port();
        let broker = |id, port| Broker { id, host: "127.0.0.1".to_owned(), port };
        let (hanging, refusing) = (broker(1, port(&silent)), broker(2, port(&closed)));
        drop(closed);
        let began = Instant::now();
        let brokers = vec![hanging, refusing];
        let answers = ask_each(&KafkaProperties::default(), brokers, TIMEOUT, "its features", |_, connection| {
            api_versions::fetch(connection)
        });
        assert!(began.elapsed() >= TIMEOUT);
        let codes: Vec<_> = answers.into_iter().map(|(_, answer)| answer.expect_err("no broker").code).collect();
        assert_eq!(codes, [ErrorCode::KafkaUnreachable.number(); 2]);
    }
}
