//! A connection to one broker, for what librdkafka does not ask: TCP, with TLS where the user's settings say so, and a
//! deadline for everything together.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::client_config::KafkaProperties;
#[cfg(feature = "tls")]
use super::tls::{Tls, TlsError};

pub trait BrokerStream: Read + Write {}
impl<S: Read + Write> BrokerStream for S {}

/// How brokers are spoken to. Who logs in (SASL) does so after what is asked here.
pub enum Security {
    Plain,
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

impl Security {
    pub fn of(properties: &KafkaProperties) -> Result<Self, ConnectError> {
        let protocol = properties.get("security.protocol").unwrap_or("plaintext").to_ascii_lowercase();
        if !protocol.ends_with("ssl") {
            return Ok(Self::Plain);
        }
        #[cfg(feature = "tls")]
        return Ok(Self::Tls(Box::new(Tls::of(properties)?)));
        #[cfg(not(feature = "tls"))]
        Err(ConnectError::NoTls)
    }

    pub fn connect(&self, host: &str, port: u16, deadline: Instant) -> Result<Box<dyn BrokerStream>, ConnectError> {
        let stream = TimedStream { stream: connect(host, port, deadline)?, deadline };
        match self {
            Self::Plain => Ok(Box::new(stream)),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Ok(Box::new(tls.shake_hands(host, stream)?)),
        }
    }
}

/// Tries the host's addresses one after the other: `localhost` has two, and many brokers listen on one.
fn connect(host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    // librdkafka writes IPv6 addresses as they stand in URLs.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        // An address that swallows everything must not take the others' time.
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
    if left.is_zero() { Err(too_late()) } else { Ok(left) }
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

/// Every read and write ends at the deadline. A peer that sends a byte now and then gains no time.
#[derive(Debug)]
pub struct TimedStream {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for TimedStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(into).map_err(in_words)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes).map_err(in_words)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A timeout is "would block" to Unix, which OpenSSL would try again.
fn in_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => too_late(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_broker_that_dawdles_gets_no_more_time_than_one_that_is_silent() {
        const DEADLINE: Duration = Duration::from_millis(300);
        /// What a busy machine may add.
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
        let mut stream = Security::Plain.connect("127.0.0.1", port, began + DEADLINE).expect("it listens");
        let error = stream.read_exact(&mut [0; 4096]).expect_err("it never gets there");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < DEADLINE + ALLOWANCE);
    }
}
