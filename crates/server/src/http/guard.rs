//! Checks the `Host` header of every request and the `Origin` header of every upgrade before anything else.
//!
//! A page of another site can make the user's browser connect to localhost (DNS rebinding, cross-site WebSocket
//! hijacking). These two headers reveal it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use warp::http::Uri;
use warp::http::header::{HOST, HeaderMap, ORIGIN};

#[derive(Clone, Debug)]
pub struct Guard {
    port: u16,
    /// The listener has TLS, so its default port is 443 and its pages have https origins.
    has_tls: bool,
    /// True if the bridge listens beyond loopback: then a request may name any IP address. A host name must always be
    /// in `hosts`.
    any_address: bool,
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// Why a request is refused, whatever its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request violates HTTP's rules about hosts.
    Malformed(&'static str),
    /// The request is for another host than this bridge: this name, without its port.
    ForeignHost(String),
}

impl Guard {
    pub fn new(listening: SocketAddr, has_tls: bool, allowed_hosts: &[String], allowed_origins: &[String]) -> Self {
        Self {
            port: listening.port(),
            has_tls,
            any_address: !listening.ip().is_loopback(),
            hosts: allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: allowed_origins.to_vec(),
        }
    }

    /// Checks that the request is for this bridge: its `Host`, and that its target names no other host.
    pub fn check(&self, target: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refusal::Malformed("a request must have exactly one Host header"));
        };
        let host = host.to_str().map_err(|_| Refusal::Malformed("the Host header is not readable"))?;
        let host = Host::parse(host).ok_or(Refusal::Malformed("the Host header is not a host name with a port"))?;
        if !self.knows(&host) {
            return Err(Refusal::ForeignHost(host.name));
        }
        // The target may be in absolute form (RFC 9112, 3.2.2), as for a proxy. Its host must be the one of the `Host`
        // header.
        if let Some(scheme) = target.scheme_str()
            && scheme != "http"
            && scheme != "https"
        {
            return Err(Refusal::Malformed("the request's target must begin with /"));
        }
        match target.authority() {
            Some(named) if Host::parse(named.as_str()).as_ref() != Some(&host) => {
                Err(Refusal::Malformed("the request's target names another host than the Host header"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a page of the request's origin may open the WebSocket. Browsers always send an origin; other programs send none,
    /// and are allowed. `is_https`: a proxy in front is known to be reached over HTTPS.
    pub fn allows_origin(&self, headers: &HeaderMap, is_https: bool) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        match (origin.to_str(), origins.next()) {
            (Ok(origin), None) => self.allows_page_of(origin, headers, is_https),
            _ => false,
        }
    }

    /// The same for the origin that a page says it has.
    pub fn allows_page_of(&self, origin: &str, headers: &HeaderMap, is_https: bool) -> bool {
        let origin = origin.to_ascii_lowercase();
        if self.origins.contains(&origin) {
            return true;
        }
        let plain = origin.strip_prefix("http://").filter(|_| !is_https && !self.has_tls);
        let authority = plain.or_else(|| origin.strip_prefix("https://"));
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match (authority, host) {
            (Some(authority), Some(host)) => {
                authority == host.to_ascii_lowercase() && Host::parse(host).is_some_and(|host| self.knows(&host))
            }
            _ => false,
        }
    }

    fn knows(&self, host: &Host) -> bool {
        let allows = |name: &str| self.hosts.iter().any(|allowed| allowed == name);
        if allows(&host.name) || allows(&host.to_string()) {
            return true;
        }
        let default_port = if self.has_tls { 443 } else { 80 };
        if host.port.unwrap_or(default_port) != self.port {
            return false;
        }
        match host.address {
            Some(address) => address.is_loopback() || self.any_address,
            None => host.name == "localhost",
        }
    }
}

/// The value of a `Host` header (RFC 9110, 7.2): a name, an IPv4 address or an IPv6 address in brackets, with an
/// optional port.
#[derive(Debug, PartialEq, Eq)]
struct Host {
    /// In lower case; an IPv6 address keeps its brackets.
    name: String,
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.rsplit_once(':') {
            // A colon inside the brackets does not separate a port.
            Some((name, port)) if !port.ends_with(']') => (name, Some(parse_port(port)?)),
            _ => (text, None),
        };
        let name = name.to_ascii_lowercase();
        let address = match name.strip_prefix('[') {
            Some(rest) => Some(IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?)),
            None => name.parse().ok().map(IpAddr::V4),
        };
        let is_name = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
        let is_valid = address.is_some() || (!name.is_empty() && name.bytes().all(is_name));
        is_valid.then_some(Self { name, address, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Accepts digits only; Rust's own parser also accepts a sign.
fn parse_port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn guard(listening: &str) -> Guard {
        Guard::new(listening.parse().expect("an address"), false, &["ponte.example".to_owned()], &[])
    }

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).expect("a header"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        }
        headers
    }

    fn check(guard: &Guard, host: &str) -> Result<(), Refusal> {
        guard.check(&Uri::from_static("/"), &headers(host, None))
    }

    fn is_malformed(checked: Result<(), Refusal>) -> bool {
        matches!(checked, Err(Refusal::Malformed(_)))
    }

    #[test]
    fn loopback_bridge_accepts_only_its_own_host_names() {
        let guard = guard("127.0.0.1:3030");
        for host in ["127.0.0.1:3030", "localhost:3030", "LOCALHOST:3030", "[::1]:3030", "ponte.example"] {
            assert_eq!(check(&guard, host), Ok(()), "{host}");
        }
        for host in [
            "evil.example:3030",
            "localhost:3031",
            "localhost",
            "localhost.evil.example:3030",
            "192.168.1.7:3030",
            "127.0.0.1.evil.example:3030",
            "127.1:3030",
            "localhost.:3030",
            "[::2]:3030",
        ] {
            assert!(matches!(check(&guard, host), Err(Refusal::ForeignHost(_))), "{host}");
        }
    }

    #[test]
    fn invalid_host_header_is_malformed() {
        let guard = guard("127.0.0.1:3030");
        for host in [
            "",
            ":3030",
            "localhost:",
            "localhost:+3030",
            "localhost:-1",
            "localhost:03030",
            "localhost:65536",
            "localhost:3030:3030",
            "localhost :3030",
            "user@localhost:3030",
            "localhost/:3030",
            "[[127.0.0.1]]:3030",
            "[127.0.0.1]:3030",
            "[localhost]:3030",
            "::1:3030",
            "[::1:3030",
            "[::1]3030",
            "[::1%25lo]:3030",
        ] {
            assert!(is_malformed(check(&guard, host)), "{host}: {:?}", check(&guard, host));
        }
        let mut twice = headers("localhost:3030", None);
        twice.append(HOST, HeaderValue::from_static("localhost:3030"));
        assert!(is_malformed(guard.check(&Uri::from_static("/"), &twice)));
        assert!(is_malformed(guard.check(&Uri::from_static("/"), &HeaderMap::new())));
    }

    #[test]
    fn target_with_another_host_is_malformed() {
        let guard = guard("127.0.0.1:3030");
        let check = |target: &'static str| guard.check(&Uri::from_static(target), &headers("localhost:3030", None));
        for target in ["/", "*", "http://localhost:3030/", "http://LOCALHOST:3030/healthz"] {
            assert_eq!(check(target), Ok(()), "{target}");
        }
        for target in [
            "http://evil.example/",
            "http://localhost/",
            "http://127.0.0.1:3030/",
            "http://user@localhost:3030/",
            "ftp://localhost:3030/",
            "evil.example:443",
        ] {
            assert!(is_malformed(check(target)), "{target}");
        }
    }

    #[test]
    fn public_bridge_accepts_addresses_and_allowed_names() {
        let guard = guard("0.0.0.0:3030");
        assert_eq!(check(&guard, "192.168.1.7:3030"), Ok(()));
        assert_eq!(check(&guard, "[2001:db8::1]:3030"), Ok(()));
        assert_eq!(check(&guard, "ponte.example:443"), Ok(()));
        let refusal = Refusal::ForeignHost("rebound.example".to_owned());
        assert_eq!(check(&guard, "rebound.example:3030"), Err(refusal));
    }

    #[test]
    fn only_the_same_origin_may_open_the_websocket() {
        let guard = guard("127.0.0.1:3030");
        assert!(guard.allows_origin(&headers("localhost:3030", None), false));
        assert!(guard.allows_origin(&headers("localhost:3030", Some("http://localhost:3030")), false));
        for origin in [
            "null",
            "http://localhost:3031",
            "http://localhost",
            "http://127.0.0.1:3030",
            "http://localhost:3030.evil.example",
            "http://evil.example/localhost:3030",
            "file://",
        ] {
            assert!(!guard.allows_origin(&headers("localhost:3030", Some(origin)), false), "{origin}");
        }
    }

    #[test]
    fn http_origin_is_refused_where_the_page_is_served_over_https() {
        let plain = headers("ponte.example", Some("http://ponte.example"));
        let secure = headers("ponte.example", Some("https://ponte.example"));
        for (has_tls, is_https, allows_plain) in [(false, false, true), (false, true, false), (true, false, false)] {
            let listening = "127.0.0.1:3030".parse().expect("an address");
            let guard = Guard::new(listening, has_tls, &["ponte.example".to_owned()], &[]);
            assert!(guard.allows_origin(&secure, is_https));
            assert_eq!(guard.allows_origin(&plain, is_https), allows_plain, "{has_tls} {is_https}");
        }
    }

    #[test]
    fn default_port_of_a_host_depends_on_tls() {
        for (listening, has_tls, allowed) in
            [("127.0.0.1:443", true, true), ("127.0.0.1:443", false, false), ("127.0.0.1:80", true, false)]
        {
            let guard = Guard::new(listening.parse().expect("an address"), has_tls, &[], &[]);
            assert_eq!(check(&guard, "localhost").is_ok(), allowed, "{listening} {has_tls}");
        }
    }
}
