//! Who may ask: the `Host` of every request and the `Origin` of every upgrade are checked before anything else.
//!
//! A page of another site can make the user's browser connect to localhost (DNS rebinding, cross-site WebSockets);
//! these two headers give it away.

use std::net::{IpAddr, SocketAddr};

use warp::http::header::{HOST, HeaderMap, ORIGIN};

#[derive(Clone, Debug)]
pub struct Guard {
    port: u16,
    /// Beyond loopback any IP address may be how this machine is reached; a name must be one of `hosts`.
    any_address: bool,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    pub fn new(listening: SocketAddr, allowed_hosts: &[String], allowed_origins: &[String]) -> Self {
        Self {
            port: listening.port(),
            any_address: !listening.ip().is_loopback(),
            hosts: allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: allowed_origins.to_vec(),
        }
    }

    /// Whether the request names a host that this bridge answers for.
    pub fn allows_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        host.to_str().is_ok_and(|host| self.knows(host))
    }

    /// Whether a page of that origin may open the WebSocket. Programs send no origin; browsers always do.
    pub fn allows_origin(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
        let origin = origin.to_ascii_lowercase();
        if self.origins.contains(&origin) {
            return true;
        }
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match (authority, host) {
            (Some(authority), Some(host)) => authority == host.to_ascii_lowercase() && self.knows(host),
            _ => false,
        }
    }

    fn knows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.hosts.contains(&host) {
            return true;
        }
        let (name, port) = split_port(&host);
        if self.hosts.iter().any(|allowed| allowed == name) {
            return true;
        }
        if port != Some(self.port) && !(port.is_none() && self.port == 80) {
            return false;
        }
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || self.any_address,
            Err(_) => name == "localhost",
        }
    }
}

/// `host:port`, `[::1]:port` or a host alone.
fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && (!name.contains(':') || name.ends_with(']')) => {
            // An unreadable port must not count as no port.
            (name, Some(port.parse().unwrap_or(0)))
        }
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn guard(listening: &str) -> Guard {
        Guard::new(listening.parse().expect("an address"), &["ponte.example".to_owned()], &[])
    }

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).expect("a header"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
        }
        headers
    }

    #[test]
    fn loopback_answers_to_its_own_names_alone() {
        let guard = guard("127.0.0.1:3030");
        for host in ["127.0.0.1:3030", "localhost:3030", "LOCALHOST:3030", "[::1]:3030", "ponte.example"] {
            assert!(guard.allows_host(&headers(host, None)), "{host}");
        }
        for host in [
            "evil.example:3030",
            "localhost:3031",
            "localhost",
            "localhost.evil.example:3030",
            "192.168.1.7:3030",
            "",
            ":3030",
            "localhost:",
            "127.0.0.1.evil.example:3030",
        ] {
            assert!(!guard.allows_host(&headers(host, None)), "{host}");
        }
    }

    #[test]
    fn a_public_listener_answers_to_addresses_and_listed_names() {
        let guard = guard("0.0.0.0:3030");
        assert!(guard.allows_host(&headers("192.168.1.7:3030", None)));
        assert!(guard.allows_host(&headers("ponte.example:443", None)));
        assert!(!guard.allows_host(&headers("rebound.example:3030", None)));
    }

    #[test]
    fn only_the_same_origin_opens_the_socket() {
        let guard = guard("127.0.0.1:3030");
        assert!(guard.allows_origin(&headers("localhost:3030", None)));
        assert!(guard.allows_origin(&headers("localhost:3030", Some("http://localhost:3030"))));
        for origin in [
            "null",
            "http://localhost:3031",
            "http://localhost",
            "http://127.0.0.1:3030",
            "http://localhost:3030.evil.example",
            "http://evil.example/localhost:3030",
            "file://",
        ] {
            assert!(!guard.allows_origin(&headers("localhost:3030", Some(origin))), "{origin}");
        }
    }
}
