//! The accept loop. warp's own knows no time-out for slow requests, no `Host` check before every route, and panics
//! where a port is taken.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use warp::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use warp::http::{Request, StatusCode};
use warp::reply::Response;

use super::Guard;
use super::routes::{plain, routes};
use crate::websocket::Shared;

/// A client that takes longer to send its request header is cut off.
const HEADER_WITHIN: Duration = Duration::from_secs(10);

/// After a failed accept (out of file descriptors, say) others may free some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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

/// Serves until shutdown; open connections then finish their request.
pub async fn serve(listener: TcpListener, guard: Guard, shared: Arc<Shared>) {
    let guard = Arc::new(guard);
    let service = TowerToHyperService::new(warp::service(routes(Arc::clone(&shared), Arc::clone(&guard))));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.shutdown.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A frame must not wait for the previous one's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "TCP_NODELAY could not be set");
        }
        let service = service.clone();
        let guard = Arc::clone(&guard);
        let answer = hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
            let service = service.clone();
            let allowed = guard.allows_host(request.headers());
            request.extensions_mut().insert(peer);
            async move {
                let mut response = if allowed {
                    service.call(request).await?
                } else {
                    plain(StatusCode::FORBIDDEN, "this host name is not served here; see --allowed-hosts")
                };
                for (name, value) in SECURITY_HEADERS {
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
                Ok::<Response, Infallible>(response)
            }
        });
        let shutdown = shared.shutdown.clone();
        shared.tasks.spawn(connection(stream, peer, answer, shutdown));
    }
}

async fn connection<S>(stream: TcpStream, peer: SocketAddr, service: S, shutdown: tokio_util::sync::CancellationToken)
where
    S: hyper::service::Service<Request<hyper::body::Incoming>, Response = Response, Error = Infallible>,
    S::Future: Send,
{
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%peer, %error, "a connection broke off");
    }
}
