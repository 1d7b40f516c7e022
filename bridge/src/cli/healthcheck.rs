//! `bridge healthcheck`: asks a running bridge whether its process is up. A container image without a shell has no other
//! program that could ask.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http_body_util::Empty;
use hyper::header::HOST;
use hyper::{StatusCode, Uri};
use server::http::connect_unverified;
use tokio::net::TcpStream;

use super::{http, output};
use crate::config::HealthcheckArgs;

/// Shorter than the time-outs of Docker (30 s) and of the shipped Dockerfile (5 s), so that the reason is printed before they apply.
const WITHIN: Duration = Duration::from_secs(4);

pub async fn run(args: HealthcheckArgs) -> anyhow::Result<()> {
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let url = args.url.unwrap_or_else(|| format!("{scheme}://{}/healthz", reachable(args.listen)));
    let answer = tokio::time::timeout(WITHIN, ask(&url)).await;
    let status = answer.map_err(|_| anyhow::anyhow!("no answer within {} s", WITHIN.as_secs())).flatten();
    let status = status.with_context(|| format!("{url} does not answer"))?;
    ensure!(status.is_success(), "{url} answered {status}");
    output::print(&format!("{url} answered {status}\n"))
}

/// The loopback address if the bridge listens on every address: those cannot be connected to on every system.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let loopback = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(loopback, listen.port())
}

async fn ask(url: &str) -> anyhow::Result<StatusCode> {
    let uri: Uri = url.parse().context("this is not a URL")?;
    let host = uri.authority().context("the URL has no host")?.as_str().to_owned();
    let (default_port, has_tls) = match uri.scheme_str() {
        Some("http") => (80, false),
        Some("https") => (443, true),
        _ => bail!("the URL must begin with http:// or https://"),
    };
    let address = if uri.port().is_some() { host.clone() } else { format!("{host}:{default_port}") };
    let stream = TcpStream::connect(&address).await.with_context(|| format!("cannot connect to {address}"))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = hyper::Request::get(path).header(HOST, host).body(Empty::new())?;
    let answer = match has_tls {
        false => http::send(stream, request).await?,
        true => http::send(connect_unverified(stream).await.context("TLS failed")?, request).await?,
    };
    Ok(answer.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspecified_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:3030", "127.0.0.1:3030"),
            ("[::]:3030", "[::1]:3030"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("127.0.0.1:3030", "127.0.0.1:3030"),
        ] {
            let listen: SocketAddr = listen.parse().expect("an address");
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }
}
