//! Who sends a request. Behind a proxy the peer of the connection is the proxy; if the user trusts it, the client is the address that
//! the proxy reports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Once;

use ipnet::IpNet;
use warp::http::header::{HeaderMap, HeaderName, HeaderValue};

pub(super) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// More addresses than this in `X-Forwarded-For` come from no chain of proxies.
const MAX_PROXIES: usize = 32;

/// The client of a request or a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    connection: SocketAddr,
    /// The client's address according to a trusted proxy.
    forwarded: Option<IpAddr>,
}

impl Peer {
    pub fn direct(connection: SocketAddr) -> Self {
        Self { connection, forwarded: None }
    }

    /// The address that the limits per client count.
    pub fn ip(&self) -> IpAddr {
        self.forwarded.unwrap_or(self.connection.ip())
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteEnd {
    pub connection: SocketAddr,
    /// The client that a proxy forwards the connection for, according to its PROXY header.
    pub reported: Option<IpAddr>,
    /// The proxy has sent a PROXY header. Then it forwards TCP, and the client has written the request with all its headers.
    pub forwards_tcp: bool,
}

impl RemoteEnd {
    fn ip(self) -> IpAddr {
        self.reported.unwrap_or(self.connection.ip())
    }
}

/// As the log shows it: `198.51.100.7 via 10.0.0.2:41022`, or `10.0.0.2:41022` without a proxy.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.forwarded {
            Some(client) => write!(f, "{client} via {}", self.connection),
            None => self.connection.fmt(f),
        }
    }
}

/// A network of `--trusted-proxies`: `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyNetwork(IpNet);

impl FromStr for ProxyNetwork {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = |text: &str| text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let network = text.parse::<IpNet>().or_else(|_| address(text));
        network.map(Self).map_err(|_| "use an address or a network, such as 10.0.0.2 or 10.0.0.0/8")
    }
}

/// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Any other client could write there what it likes.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<ProxyNetwork>);

impl TrustedProxies {
    pub fn new(networks: Vec<ProxyNetwork>) -> Self {
        Self(networks)
    }

    /// Whether connections from this address come from a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|ProxyNetwork(network)| network.contains(&address))
    }

    /// Whether the request comes from a proxy that adds its own headers.
    fn trusts_headers_of(&self, remote: RemoteEnd) -> bool {
        self.trusts(remote.ip()) && (!remote.forwards_tcp || remote.reported.is_some())
    }

    /// The client of a request. Each proxy adds the address that it was called from at the end of `X-Forwarded-For`, so the client is
    /// the last address that is not a trusted proxy; what comes before it was written by the client itself.
    pub fn client(&self, remote: RemoteEnd, headers: &HeaderMap) -> Peer {
        let RemoteEnd { connection, reported, .. } = remote;
        if !self.trusts_headers_of(remote) {
            if headers.contains_key(FORWARDED_FOR) {
                log_untrusted(remote.ip().to_canonical());
            }
            return Peer { connection, forwarded: reported };
        }
        let mut forwarded = reported;
        for address in list(headers, &FORWARDED_FOR).rev().take(MAX_PROXIES) {
            // An unreadable address: the proxy before it is the last one that is known.
            let Some(address) = parse_address(address) else { break };
            // Loopback has no limits per address, so it must not be a client's own claim.
            if address.to_canonical().is_loopback() && !self.trusts(address) {
                break;
            }
            forwarded = Some(address.to_canonical());
            if !self.trusts(address) {
                break;
            }
        }
        Peer { connection, forwarded }
    }

    /// Whether a trusted proxy reports that the page has been loaded over HTTPS. The value counts that the nearest proxy has added. If it
    /// is `http`, another proxy before it may still have ended TLS.
    pub fn reports_https(&self, remote: RemoteEnd, headers: &HeaderMap) -> bool {
        let scheme = || list(headers, &FORWARDED_PROTO).next_back();
        self.trusts_headers_of(remote) && scheme().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }
}

/// Logged once in the life of the process, because any client can cause it.
fn log_untrusted(proxy: IpAddr) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::info!(
            "X-Forwarded-For of {proxy} is ignored; if {proxy} is your proxy, pass --trusted-proxies {proxy}"
        );
    });
}

/// The elements of a comma-separated header, in all of its lines. An element that is not text is empty: a proxy appends to whatever the
/// client has sent, so a line with such bytes still ends with the proxy's own element.
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'h str> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let elements = lines.into_iter().flat_map(|line| line.split(|byte| *byte == b','));
    elements.map(|element| std::str::from_utf8(element).unwrap_or_default().trim())
}

/// `192.0.2.1`, `2001:db8::1`, or either with a port, as some proxies write it.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> TrustedProxies {
        TrustedProxies::new(networks.iter().map(|network| network.parse().expect("a network")).collect())
    }

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        // In Latin-1, so that a test can name bytes beyond ASCII.
        let value = |line: &str| {
            let bytes: Vec<u8> = line.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
            HeaderValue::from_bytes(&bytes).expect("a header value")
        };
        lines.iter().map(|line| (name.clone(), value(line))).collect()
    }

    fn direct(connection: SocketAddr) -> RemoteEnd {
        RemoteEnd { connection, reported: None, forwards_tcp: false }
    }

    #[test]
    fn client_of_a_proxy_header_may_be_a_proxy_itself() {
        let trusted = proxies(&["10.0.0.0/8"]);
        let connection = "10.0.0.2:1".parse().expect("an address");
        for (reported, forwarded, expected) in [
            ("198.51.100.7", &[][..], "198.51.100.7"),
            // The client's own claim.
            ("198.51.100.7", &["203.0.113.9"], "198.51.100.7"),
            ("10.0.0.3", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.3", &[], "10.0.0.3"),
        ] {
            let reported = Some(reported.parse().expect("an address"));
            let remote = RemoteEnd { connection, reported, forwards_tcp: true };
            let client = trusted.client(remote, &headers(FORWARDED_FOR, forwarded));
            assert_eq!(client.ip().to_string(), expected, "{reported:?} {forwarded:?}");
            assert_eq!(client.to_string(), format!("{expected} via 10.0.0.2:1"));
        }
        // The header names no client, so any client of the proxy may have written the request.
        let remote = RemoteEnd { connection, reported: None, forwards_tcp: true };
        assert_eq!(trusted.client(remote, &headers(FORWARDED_FOR, &["127.0.0.1"])), Peer::direct(connection));
        assert!(!trusted.reports_https(remote, &headers(FORWARDED_PROTO, &["https"])));
    }

    fn client(networks: &[&str], connection: &str, forwarded: &[&str]) -> String {
        let connection = connection.parse().expect("an address");
        proxies(networks).client(direct(connection), &headers(FORWARDED_FOR, forwarded)).ip().to_string()
    }

    #[test]
    fn client_is_the_last_address_that_is_no_trusted_proxy() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        for (forwarded, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7, 10.0.0.9"], "198.51.100.7"),
            (&["1.1.1.1", "198.51.100.7", "10.0.0.9"], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["[2001:db9::1]:4711"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            // All are proxies: the first of them called.
            (&["10.0.0.3, 10.0.0.4"], "10.0.0.3"),
            (&["198.51.100.7, unknown, 10.0.0.4"], "10.0.0.4"),
            (&["unknown"], "10.0.0.2"),
            (&["à, 198.51.100.7"], "198.51.100.7"),
            // Not even a client within the trusted networks is on this machine.
            (&["127.0.0.1, 10.0.0.7"], "10.0.0.7"),
            (&["::1"], "10.0.0.2"),
            (&[], "10.0.0.2"),
        ] {
            assert_eq!(client(&trusted, "10.0.0.2:1", forwarded), expected, "{forwarded:?}");
        }
        assert_eq!(client(&trusted, "[::ffff:10.0.0.2]:1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["::ffff:10.0.0.2"], "[::ffff:10.0.0.2]:1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn untrusted_peer_cannot_name_another_client() {
        for networks in [&[][..], &["10.0.0.1"], &["127.0.0.1/32"]] {
            assert_eq!(client(networks, "10.0.0.2:1", &["198.51.100.7"]), "10.0.0.2");
        }
    }

    #[test]
    fn https_is_known_from_the_nearest_trusted_proxy_only() {
        let of = |peer: &str, lines: &[&str]| {
            proxies(&["10.0.0.2"])
                .reports_https(direct(peer.parse().expect("an address")), &headers(FORWARDED_PROTO, lines))
        };
        assert!(of("10.0.0.2:1", &["https"]));
        assert!(of("10.0.0.2:1", &["http", "HTTPS"]));
        assert!(!of("10.0.0.2:1", &["https, http"]));
        assert!(!of("10.0.0.2:1", &[]));
        assert!(!of("10.0.0.3:1", &["https"]));
    }

    #[test]
    fn log_shows_client_and_proxy() {
        let connection = "10.0.0.2:4711".parse().expect("an address");
        let peer = proxies(&["10.0.0.2"]).client(direct(connection), &headers(FORWARDED_FOR, &["198.51.100.7"]));
        assert_eq!(peer.to_string(), "198.51.100.7 via 10.0.0.2:4711");
        assert_eq!(Peer::direct(connection).to_string(), "10.0.0.2:4711");
    }
}
