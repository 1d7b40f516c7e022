//! The accept loop. warp's own has no timeout for slow requests, no limit on connections and no `Host` check before
//! every route, and it panics if a port is in use.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warp::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{Request, StatusCode};
use warp::reply::{Reply as _, Response};

use super::base_path::{BasePath, Resolved};
use super::connections::{ActiveStream, ConnectionSlot, Connections};
use super::guard::{Guard, Refusal};
use super::page::Asset;
use super::peer::{FORWARDED_FOR, RemoteEnd, TrustedProxies};
use super::proxy_header::{self, ProxyHeaderError};
use super::routes::{plain, routes};
use super::stream::Stream;
use crate::descriptors::{self, BorrowedDescriptor, Budget, Reserve};
use crate::log_throttle::LogThrottle;
use crate::metrics::{METRICS, RefusalReason};
use crate::websocket::Shared;

/// A client that takes longer to send a request header is disconnected; so is a connection that waits longer for its
/// next request.
const HEADER_WITHIN: Duration = Duration::from_secs(10);

/// Browsers send some twenty header lines; proxies in front add about as many.
const MAX_HEADERS: usize = 100;

/// Browsers also send the cookies that other programs on `localhost` have set.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// How long to wait after a failed accept, for example when no file descriptor is free. The pause doubles up to the
/// longest.
const FIRST_ACCEPT_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Sent with every response. The page needs no inline script, no other origin, and may not be framed.
const SECURITY_HEADERS: [(HeaderName, &str); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'; \
         img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Whether the connection of this request uses a file descriptor of the reserve, which it must give back after the
/// response.
#[derive(Clone, Copy)]
pub(super) struct UsesReserveDescriptor(pub bool);

/// Whether the page that sends this request was loaded over HTTPS.
#[derive(Clone, Copy)]
pub(super) struct IsHttps(pub bool);

/// Where the bridge listens, and how it is reached.
pub struct Listening {
    pub listener: TcpListener,
    pub guard: Guard,
    pub base_path: BasePath,
    pub trusted_proxies: TrustedProxies,
    /// Connections from trusted proxies begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Without it, connections are not encrypted.
    pub tls: Option<TlsAcceptor>,
}

/// Serves until shutdown; then open connections finish their current request.
pub async fn serve(listening: Listening, budget: Budget, page: &'static [Asset], shared: Arc<Shared>) {
    // Metrics have the time of the start, which must not be that of the first request.
    LazyLock::force(&METRICS);
    let Listening { listener, guard, base_path, trusted_proxies, proxy_protocol, tls } = listening;
    let guard = Arc::new(guard);
    let service = TowerToHyperService::new(warp::service(routes(Arc::clone(&shared), Arc::clone(&guard), page)));
    let site = Arc::new(Site { service, guard, base_path, trusted_proxies, has_tls: tls.is_some() });
    let connections = Connections::new(budget.connections);
    let mut acceptor = Acceptor::new(listener, Arc::clone(&connections), budget.reserve);
    loop {
        let (stream, peer, borrowed) = tokio::select! {
            accepted = acceptor.accept() => accepted,
            () = shared.shutdown.cancelled() => return,
        };
        // A frame must not wait for the acknowledgement of the previous one (Nagle's algorithm).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
        }
        let is_trusted_proxy = site.trusted_proxies.trusts(peer.ip());
        let accepted = Accepted {
            peer,
            has_proxy_header: proxy_protocol && is_trusted_proxy,
            slot: connections.add(peer.ip(), is_trusted_proxy),
            borrowed,
            shutdown: shared.shutdown.clone(),
        };
        let (site, tls) = (Arc::clone(&site), tls.clone());
        shared.tasks.spawn(accepted.serve(stream, tls, site));
    }
}

/// Answers requests: checks them before any route does, and adds the security headers.
struct Site<S> {
    service: S,
    guard: Arc<Guard>,
    base_path: BasePath,
    trusted_proxies: TrustedProxies,
    has_tls: bool,
}

impl<S> Site<S>
where
    S: hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    async fn answer(
        &self,
        request: Request<Incoming>,
        remote: RemoteEnd,
        uses_reserve: UsesReserveDescriptor,
    ) -> Result<Response, Infallible> {
        let mut response = self.route(request, remote, uses_reserve).await?;
        for (name, value) in SECURITY_HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(response)
    }

    async fn route(
        &self,
        mut request: Request<Incoming>,
        remote: RemoteEnd,
        uses_reserve: UsesReserveDescriptor,
    ) -> Result<Response, Infallible> {
        match self.guard.check(request.uri(), request.headers()) {
            Ok(()) => {}
            Err(Refusal::Malformed(reason)) => {
                METRICS.refused(RefusalReason::MalformedHost);
                return Ok(plain(StatusCode::BAD_REQUEST, reason));
            }
            Err(Refusal::ForeignHost(host)) => {
                METRICS.refused(RefusalReason::Host);
                let reason =
                    format!("the host name {host} is not served here; if it is right, pass --allowed-hosts {host}");
                return Ok(plain(StatusCode::FORBIDDEN, &reason));
            }
        }
        match self.base_path.resolve(request.uri()) {
            Resolved::Path(target) => *request.uri_mut() = target,
            // The redirect would come back without the path, again and again.
            Resolved::Redirect(_) if request.uri().path() == "/" && request.headers().contains_key(FORWARDED_FOR) => {
                let reason =
                    format!("a proxy removes the path {}: start the bridge without --base-path", self.base_path);
                return Ok(plain(StatusCode::NOT_FOUND, &reason));
            }
            Resolved::Redirect(target) => return Ok(redirect(&target)),
            Resolved::Outside => {
                let reason = format!("this bridge is served below {}", self.base_path);
                return Ok(plain(StatusCode::NOT_FOUND, &reason));
            }
        }
        let peer = self.trusted_proxies.client(remote, request.headers());
        let is_https = self.has_tls || self.trusted_proxies.reports_https(remote, request.headers());
        let extensions = request.extensions_mut();
        extensions.insert(peer);
        extensions.insert(IsHttps(is_https));
        extensions.insert(uses_reserve);
        self.service.call(request).await
    }
}

fn redirect(target: &str) -> Response {
    let response = plain(StatusCode::TEMPORARY_REDIRECT, &format!("the page is at {target}"));
    warp::reply::with_header(response, LOCATION, target).into_response()
}

/// A proxy that sends no PROXY header is configured wrongly, and none of its clients gets through.
fn log_without_proxy_header(peer: SocketAddr, error: &ProxyHeaderError) {
    static LOG: LogThrottle = LogThrottle::new();
    METRICS.refused(RefusalReason::ProxyHeader);
    // The health checks of many load balancers only connect.
    if !matches!(error, ProxyHeaderError::Incomplete(_))
        && let Some(unlogged) = LOG.line()
    {
        tracing::warn!(%peer, %error, unlogged, "refused a connection of a trusted proxy; --proxy-protocol needs a PROXY header from each");
    }
}

/// Accepts connections; if no file descriptor is free, with one of the reserve.
struct Acceptor {
    listener: TcpListener,
    connections: Arc<Connections>,
    reserve: Arc<Reserve>,
    borrowed: Option<BorrowedDescriptor>,
    pause: Duration,
    log: LogThrottle,
}

impl Acceptor {
    fn new(listener: TcpListener, connections: Arc<Connections>, reserve: usize) -> Self {
        let reserve = Reserve::new(reserve);
        Self { listener, connections, reserve, borrowed: None, pause: FIRST_ACCEPT_PAUSE, log: LogThrottle::new() }
    }

    /// Cancel-safe: no accepted connection is lost.
    async fn accept(&mut self) -> (TcpStream, SocketAddr, Option<BorrowedDescriptor>) {
        loop {
            let error = match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.pause = FIRST_ACCEPT_PAUSE;
                    return (stream, peer, self.borrowed.take());
                }
                Err(error) => error,
            };
            METRICS.accept_failed();
            if let Some(unlogged) = self.log.line() {
                tracing::warn!(%error, unlogged, "a connection could not be accepted");
            }
            if descriptors::is_exhausted(&error) {
                self.connections.evict_one();
                if self.borrowed.is_none() {
                    self.borrowed = self.reserve.borrow_one();
                    if self.borrowed.is_some() {
                        continue;
                    }
                }
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (2 * self.pause).min(LONGEST_ACCEPT_PAUSE);
            // A descriptor may have been freed during the pause.
            self.borrowed = None;
        }
    }
}

/// An accepted connection.
struct Accepted {
    peer: SocketAddr,
    has_proxy_header: bool,
    slot: ConnectionSlot,
    borrowed: Option<BorrowedDescriptor>,
    shutdown: CancellationToken,
}

impl Accepted {
    async fn serve<S>(self, mut stream: TcpStream, tls: Option<TlsAcceptor>, site: Arc<Site<S>>)
    where
        S: hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible>,
        S::Future: Send,
        S: Send + Sync + 'static,
    {
        let Self { peer, has_proxy_header, slot, borrowed, shutdown } = self;
        let mut remote = RemoteEnd { connection: peer, reported: None, forwards_tcp: has_proxy_header };
        if has_proxy_header {
            let read = tokio::select! {
                read = timeout(HEADER_WITHIN, proxy_header::read(&mut stream)) => read,
                () = slot.evicted.cancelled() => return,
                () = shutdown.cancelled() => return,
            };
            match read {
                Ok(Ok(reported)) => remote.reported = reported,
                Ok(Err(error)) => return log_without_proxy_header(peer, &error),
                Err(_) => return tracing::debug!(%peer, "a PROXY header was not completed in time"),
            }
        }
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(acceptor) => {
                let accepted = tokio::select! {
                    accepted = timeout(HEADER_WITHIN, acceptor.accept(stream)) => accepted,
                    () = slot.evicted.cancelled() => return,
                    () = shutdown.cancelled() => return,
                };
                match accepted {
                    Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                    Ok(Err(error)) => {
                        METRICS.tls_handshake_failed();
                        return tracing::debug!(%peer, %error, "a TLS handshake failed");
                    }
                    Err(_) => return tracing::debug!(%peer, "a TLS handshake was not completed in time"),
                }
            }
        };
        let slot = Arc::new(slot);
        let uses_reserve = UsesReserveDescriptor(borrowed.is_some());
        let answer = hyper::service::service_fn(move |request| {
            let site = Arc::clone(&site);
            async move { site.answer(request, remote, uses_reserve).await }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WITHIN)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEADER_BYTES)
            // Another request on this connection would keep a descriptor that new connections need.
            .keep_alive(borrowed.is_none())
            .serve_connection(TokioIo::new(ActiveStream::new(stream, Arc::clone(&slot))), answer)
            .with_upgrades();
        {
            let mut served = std::pin::pin!(served);
            let ended = tokio::select! {
                ended = served.as_mut() => ended,
                () = slot.evicted.cancelled() => {
                    tracing::trace!(%peer, "closed an idle connection to make room for another one");
                    Ok(())
                }
                () = shutdown.cancelled() => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            };
            if let Err(error) = ended {
                tracing::trace!(%peer, %error, "connection error");
            }
        }
        // The socket is closed; the reserve opens its descriptor again.
        drop(borrowed);
    }
}
