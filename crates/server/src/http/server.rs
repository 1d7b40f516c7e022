//! The accept loop. warp's own knows no time-out for slow requests, no cap on connections, no check of `Host` before every
//! route, and panics where a port is taken.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use warp::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use warp::http::{Request, StatusCode};
use warp::reply::Response;

use super::connections::{ActiveStream, Connections, Place};
use super::guard::{Guard, Refusal};
use super::page::Asset;
use super::routes::{plain, routes};
use crate::descriptors::{self, Budget, Lent, Reserve};
use crate::log_throttle::LogThrottle;
use crate::metrics::METRICS;
use crate::websocket::Shared;

/// A client that takes longer to send its request header is cut off; so is a connection that waits longer for its next
/// request.
const HEADER_WITHIN: Duration = Duration::from_secs(10);

/// Browsers send a request's header with some twenty lines; proxies in front add about as many.
const MAX_HEADERS: usize = 100;

/// Cookies of every other program on `localhost` come along.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// After a failed accept (out of file descriptors, say) others may free some; then twice as long, up to the longest.
const FIRST_ACCEPT_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Sent with every answer. The page is all there is: no inline script, no foreign address, no frame around it.
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

/// The connection of this request uses a file descriptor that was kept back, and must not keep it.
#[derive(Clone, Copy)]
pub(super) struct OnLentDescriptor(pub bool);

/// Serves until shutdown; open connections then finish their request.
pub async fn serve(listener: TcpListener, guard: Guard, budget: Budget, page: &'static [Asset], shared: Arc<Shared>) {
    let guard = Arc::new(guard);
    let service = TowerToHyperService::new(warp::service(routes(Arc::clone(&shared), Arc::clone(&guard), page)));
    let connections = Connections::new(budget.connections);
    let mut acceptor = Acceptor::new(listener, Arc::clone(&connections), budget.reserve);
    loop {
        let (stream, peer, lent) = tokio::select! {
            accepted = acceptor.accept() => accepted,
            () = shared.shutdown.cancelled() => return,
        };
        // A frame must not wait for the previous one's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
        }
        let service = service.clone();
        let guard = Arc::clone(&guard);
        let on_lent = OnLentDescriptor(lent.is_some());
        let answer = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
            let service = service.clone();
            let checked = guard.check(request.uri(), request.headers());
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(on_lent);
            async move {
                let mut response = match checked {
                    Ok(()) => service.call(request).await?,
                    Err(Refusal::Malformed(reason)) => plain(StatusCode::BAD_REQUEST, reason),
                    Err(Refusal::ForeignHost) => {
                        plain(StatusCode::FORBIDDEN, "this host name is not served here; see --allowed-hosts")
                    }
                };
                for (name, value) in SECURITY_HEADERS {
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
                Ok::<Response, Infallible>(response)
            }
        });
        let place = connections.add(peer.ip());
        shared.tasks.spawn(connection(stream, peer, place, lent, answer, shared.shutdown.clone()));
    }
}

/// Accepts connections; where no file descriptor is free, with one of those that are kept back.
struct Acceptor {
    listener: TcpListener,
    connections: Arc<Connections>,
    reserve: Arc<Reserve>,
    lent: Option<Lent>,
    pause: Duration,
    log: LogThrottle,
}

impl Acceptor {
    fn new(listener: TcpListener, connections: Arc<Connections>, reserve: usize) -> Self {
        let reserve = Reserve::new(reserve);
        Self { listener, connections, reserve, lent: None, pause: FIRST_ACCEPT_PAUSE, log: LogThrottle::new() }
    }

    /// Cancelling it loses no connection.
    async fn accept(&mut self) -> (TcpStream, SocketAddr, Option<Lent>) {
        loop {
            let error = match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.pause = FIRST_ACCEPT_PAUSE;
                    return (stream, peer, self.lent.take());
                }
                Err(error) => error,
            };
            METRICS.accept_failed();
            if let Some(unlogged) = self.log.line() {
                tracing::warn!(%error, unlogged, "a connection could not be accepted");
            }
            if descriptors::is_exhausted(&error) {
                self.connections.evict_one();
                if self.lent.is_none() {
                    self.lent = self.reserve.lend();
                    if self.lent.is_some() {
                        continue;
                    }
                }
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (2 * self.pause).min(LONGEST_ACCEPT_PAUSE);
            // Somebody may have closed a file since.
            self.lent = None;
        }
    }
}

async fn connection<S>(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    lent: Option<Lent>,
    service: S,
    shutdown: CancellationToken,
) where
    S: hyper::service::Service<Request<hyper::body::Incoming>, Response = Response, Error = Infallible>,
    S::Future: Send,
{
    let place = Arc::new(place);
    let stream = ActiveStream::new(stream, Arc::clone(&place));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEADER_BYTES)
        // The next request on this connection would keep a descriptor that others need.
        .keep_alive(lent.is_none())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    {
        let mut served = std::pin::pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = place.evicted.cancelled() => {
                tracing::trace!(%peer, "an idle connection was closed to make room for another one");
                Ok(())
            }
            () = shutdown.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%peer, %error, "a connection broke off");
        }
    }
    // The socket is closed; its descriptor is kept back again.
    drop(lent);
}
