//! The header of the PROXY protocol, versions 1 and 2, with which a proxy that forwards TCP reports its client
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::IpAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Every header has at least as many bytes: those that version 2 begins with, and less than `PROXY UNKNOWN` with its line break.
const SIGNATURE: usize = 12;

/// The longest header of version 1, with its line break (section 2.1).
const LONGEST_LINE: usize = 107;

/// What version 2 has before the addresses.
const FIXED: usize = 16;

/// Addresses and the extensions that load balancers add take a few hundred bytes.
const LONGEST_REST: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum ProxyHeaderError {
    #[error("the connection ended before its PROXY header: {0}")]
    Incomplete(#[from] io::Error),
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    #[error("the PROXY header is invalid: {0}")]
    Invalid(String),
}

/// Reads the header, and nothing after it. Returns the client's address; `None` if the proxy itself is the client, for example
/// for its health checks, or if the client is not on an IP network.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let mut header = vec![0; SIGNATURE];
    stream.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        read_more(stream, &mut header, FIXED - SIGNATURE).await?;
        let rest = u16::from_be_bytes([header[FIXED - 2], header[FIXED - 1]]).into();
        if rest > LONGEST_REST {
            return Err(ProxyHeaderError::Invalid(format!("{rest} bytes; at most {LONGEST_REST} are allowed")));
        }
        read_more(stream, &mut header, rest).await?;
    } else if header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        while !header.ends_with(b"\r\n") {
            if header.len() == LONGEST_LINE {
                return Err(ProxyHeaderError::Invalid(format!("its line has more than {LONGEST_LINE} bytes")));
            }
            read_more(stream, &mut header, 1).await?;
        }
    } else {
        return Err(ProxyHeaderError::Missing);
    }
    client(&header)
}

async fn read_more(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>, bytes: usize) -> io::Result<()> {
    let start = header.len();
    header.resize(start + bytes, 0);
    stream.read_exact(&mut header[start..]).await.map(drop)
}

fn client(header: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let address: Option<IpAddr> = match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => match header.addresses {
            v1::Addresses::Unknown => None,
            v1::Addresses::Tcp4(addresses) => Some(addresses.source_address.into()),
            v1::Addresses::Tcp6(addresses) => Some(addresses.source_address.into()),
        },
        HeaderResult::V2(Ok(header)) => match (header.command, header.addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(addresses)) => Some(addresses.source_address.into()),
            (v2::Command::Proxy, v2::Addresses::IPv6(addresses)) => Some(addresses.source_address.into()),
            (v2::Command::Local, _) | (v2::Command::Proxy, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => None,
        },
        HeaderResult::V1(Err(error)) => return Err(ProxyHeaderError::Invalid(error.to_string())),
        HeaderResult::V2(Err(error)) => return Err(ProxyHeaderError::Invalid(error.to_string())),
    };
    Ok(address.map(|address| address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// The result of reading, and what is left of the stream.
    async fn read_from(bytes: &[u8]) -> (Result<Option<String>, String>, Vec<u8>) {
        let mut stream = bytes;
        let read = read(&mut stream).await;
        (read.map(|client| client.map(|client| client.to_string())).map_err(|error| error.to_string()), stream.to_vec())
    }

    fn version_2(command: v2::Command, from: &str, to: &str) -> Vec<u8> {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        v2::Builder::with_addresses(v2::Version::Two | command, v2::Protocol::Stream, (address(from), address(to)))
            .write_tlv(v2::Type::NoOp, b"more")
            .and_then(v2::Builder::build)
            .expect("a header")
    }

    #[tokio::test]
    async fn client_is_read_and_nothing_after_the_header() {
        let local = version_2(v2::Command::Local, "198.51.100.7:1", "192.0.2.1:3030");
        let four = version_2(v2::Command::Proxy, "198.51.100.7:1", "192.0.2.1:3030");
        let six = version_2(v2::Command::Proxy, "[2001:db8::7]:1", "[2001:db8::1]:3030");
        let mapped = version_2(v2::Command::Proxy, "[::ffff:198.51.100.7]:1", "[2001:db8::1]:3030");
        for (header, client) in [
            (b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 3030\r\n".to_vec(), Some("198.51.100.7")),
            (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 3030\r\n".to_vec(), Some("2001:db8::7")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff:f... 65535\r\n".to_vec(), None),
            (four, Some("198.51.100.7")),
            (six, Some("2001:db8::7")),
            (mapped, Some("198.51.100.7")),
            (local, None),
        ] {
            let (read, rest) = read_from(&[&header, &b"GET / HTTP/1.1\r\n"[..]].concat()).await;
            assert_eq!(read, Ok(client.map(str::to_owned)), "{}", header.escape_ascii());
            assert_eq!(rest, b"GET / HTTP/1.1\r\n");
        }
    }

    #[tokio::test]
    async fn connection_without_a_valid_header_is_refused() {
        let mut long = version_2(v2::Command::Proxy, "198.51.100.7:1", "192.0.2.1:3030");
        long[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
        for (bytes, reason) in [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "does not begin with"),
            (b"PROXY TCP4 198.51.100.7 192.0.2.1 56324\r\n".to_vec(), "invalid"),
            (b"PROXY TCP4 198.51.100.777 192.0.2.1 1 2\r\n".to_vec(), "invalid"),
            ([b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat(), "107 bytes"),
            (long, "at most 4096"),
            (b"PROXY TCP4".to_vec(), "ended"),
            (b"PROXY TCP4 198.51.100.7".to_vec(), "ended"),
            (Vec::new(), "ended"),
        ] {
            let (read, _) = read_from(&bytes).await;
            let error = read.expect_err("it is invalid");
            assert!(error.contains(reason), "{}: {error}", bytes.escape_ascii());
        }
    }
}
