//! The byte stream to a broker: TCP, with TLS if the properties ask for it. One deadline covers connecting, the TLS
//! handshake and all requests.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
use super::tls::{Tls, TlsError};
use crate::client_config::KafkaProperties;

pub trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

pub enum Transport {
    Plaintext,
    #[cfg(feature = "tls")]
    Tls(Box<Tls>),
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[cfg(feature = "tls")]
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[cfg(not(feature = "tls"))]
    #[error("this bridge was built without TLS")]
    NoTls,
}

impl Transport {
    /// The transport that librdkafka uses with these properties.
    ///
    /// # Errors
    /// If TLS cannot be set up with these properties.
    pub fn of(properties: &KafkaProperties) -> Result<Self, ConnectError> {
        if !properties.uses_tls() {
            return Ok(Self::Plaintext);
        }
        #[cfg(feature = "tls")]
        return Ok(Self::Tls(Box::new(Tls::of(properties)?)));
        #[cfg(not(feature = "tls"))]
        Err(ConnectError::NoTls)
    }

    /// TLS that accepts every certificate; use it only to find out whether a listener speaks TLS.
    #[cfg(feature = "tls")]
    pub fn tls_without_verification() -> Result<Self, ConnectError> {
        Ok(Self::Tls(Box::new(Tls::without_verification()?)))
    }

    pub fn connect(&self, host: &str, port: u16, deadline: Instant) -> Result<Box<dyn Stream>, ConnectError> {
        let stream = TimedStream { stream: connect_tcp(host, port, deadline)?, deadline };
        match self {
            Self::Plaintext => Ok(Box::new(stream)),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Ok(Box::new(tls.connect(host, stream)?)),
        }
    }
}

/// Tries the host's addresses one after the other, since `localhost` has two and many brokers listen on only one of
/// them.
///
/// # Errors
/// That of the last address.
pub fn connect_tcp(host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    // librdkafka writes IPv6 addresses in brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let no_address = || io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(|_| no_address())?.collect();
    let mut failure = no_address();
    for (tried, address) in addresses.iter().enumerate() {
        // An address that does not answer must leave time for the others.
        let share = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, left(deadline)? / share) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(timed_out()) } else { Ok(left) }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

/// A TCP stream whose reads and writes end at the deadline, even if the peer sends single bytes.
#[derive(Debug)]
pub struct TimedStream {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for TimedStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(into).map_err(with_timeout_named)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes).map_err(with_timeout_named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Unix reports a time-out as "would block", after which OpenSSL would retry.
fn with_timeout_named(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => timed_out(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn deadline_ends_a_read_while_the_broker_sends_single_bytes() {
        const DEADLINE: Duration = Duration::from_millis(300);
        /// Enough for a busy machine.
        const ALLOWANCE: Duration = Duration::from_secs(5);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let began = Instant::now();
        let mut stream = Transport::Plaintext.connect("127.0.0.1", port, began + DEADLINE).expect("a connection");
        let error = stream.read_exact(&mut [0; 4096]).expect_err("the deadline passes first");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < DEADLINE + ALLOWANCE);
    }
}
