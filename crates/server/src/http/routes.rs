//! The HTTP routes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use protocol::{ClusterState, ClusterSummary};
use serde::Serialize;
use warp::Filter;
use warp::http::StatusCode;
use warp::http::header::{
    ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, ORIGIN, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use warp::reply::{Reply, Response};

use super::Guard;
use super::page::{self, Asset};
use super::server::UsesReserveDescriptor;
use crate::log_throttle::LogThrottle;
use crate::metrics::{self, METRICS};
use crate::websocket::{self, Refused, Shared};

/// How many bytes of a foreign origin the log shows.
const SHOWN_ORIGIN_BYTES: usize = 200;

/// All routes. The guard has checked the `Host` header before.
pub fn routes(
    shared: Arc<Shared>,
    guard: Arc<Guard>,
    page: &'static [Asset],
) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone + Send + Sync + 'static {
    let state = {
        let shared = Arc::clone(&shared);
        warp::any().map(move || Arc::clone(&shared))
    };
    let only_get = warp::get().or(warp::head()).unify();

    let websocket = warp::path!("ws")
        .and(warp::get())
        .and(state.clone())
        .and(warp::any().map(move || Arc::clone(&guard)))
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<SocketAddr>())
        .and(warp::ext::get::<UsesReserveDescriptor>())
        .map(upgrade);
    let only_by_get = warp::path!("ws").map(|| method_not_allowed("GET"));

    let alive = warp::path!("healthz").and(only_get).map(|| "ok\n".into_response());
    let ready = warp::path!("readyz")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<SocketAddr>())
        .and(named_cluster())
        .then(ready);
    let cluster = warp::path!("api" / "cluster")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<SocketAddr>())
        .and(named_cluster())
        .then(cluster);
    let clusters = warp::path!("api" / "clusters")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<SocketAddr>())
        .then(clusters);
    let metrics = warp::path!("metrics")
        .and(only_get)
        .and(state)
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<SocketAddr>())
        .then(metrics);
    let page = only_get
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .map(|path: warp::path::FullPath, headers: HeaderMap| page::serve(page, path.as_str(), &headers));

    websocket
        .or(only_by_get)
        .unify()
        .or(alive)
        .unify()
        .or(ready)
        .unify()
        .or(cluster)
        .unify()
        .or(clusters)
        .unify()
        .or(metrics)
        .unify()
        .or(page)
        .unify()
        .or(warp::any().map(|| method_not_allowed("GET, HEAD")))
        .unify()
}

/// The value of `?cluster=NAME`.
fn named_cluster() -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Clone {
    warp::query::<HashMap<String, String>>()
        .map(|mut query: HashMap<String, String>| query.remove("cluster"))
        .or(warp::any().map(|| None))
        .unify()
}

fn upgrade(
    shared: Arc<Shared>,
    guard: Arc<Guard>,
    headers: HeaderMap,
    on_upgrade: Option<OnUpgrade>,
    peer: SocketAddr,
    UsesReserveDescriptor(uses_reserve): UsesReserveDescriptor,
) -> Response {
    if uses_reserve {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the bridge has no file descriptor free; try again later");
    }
    if !guard.allows_origin(&headers) {
        static LOG: LogThrottle = LogThrottle::new();
        if let Some(unlogged) = LOG.line() {
            let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("(unreadable)");
            let origin = &origin[..origin.floor_char_boundary(SHOWN_ORIGIN_BYTES)];
            tracing::warn!(%peer, origin, unlogged, "refused a page of another origin; --allowed-origins allows one");
        }
        return plain(StatusCode::FORBIDDEN, "pages of this origin may not connect; see --allowed-origins");
    }
    match websocket::upgrade(shared, &headers, on_upgrade, peer) {
        Ok(response) => response.map(|()| "").into_response(),
        Err(Refused { status: StatusCode::UPGRADE_REQUIRED, reason }) => {
            // RFC 6455, 4.4: the answer names the versions that the server supports.
            let refusal = plain(StatusCode::UPGRADE_REQUIRED, reason);
            let refusal = warp::reply::with_header(refusal, SEC_WEBSOCKET_VERSION, "13");
            // Required by RFC 9110, 15.5.22.
            warp::reply::with_header(refusal, UPGRADE, "websocket").into_response()
        }
        Err(Refused { status, reason }) => plain(status, reason),
    }
}

/// Whether Kafka is reachable, and if not, why. The reason names brokers, so a client without the access token (if the
/// bridge has one) gets only the name of the error.
async fn ready(shared: Arc<Shared>, headers: HeaderMap, peer: SocketAddr, name: Option<String>) -> Response {
    let is_admitted = shared.admits(bearer_token(&headers), peer, "Authorization").await;
    let cluster = match shared.clusters.find(name.as_deref()) {
        Ok(cluster) => cluster.state.borrow().clone(),
        Err(error) if is_admitted => return plain(StatusCode::NOT_FOUND, &error.message),
        // Without the names of the others.
        Err(_) => return plain(StatusCode::NOT_FOUND, "no such cluster"),
    };
    let status = match cluster.state {
        ClusterState::Up => StatusCode::OK,
        ClusterState::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = match (is_admitted, &cluster.error) {
        (true, _) => warp::reply::json(&cluster),
        (false, None) => warp::reply::json(&serde_json::json!({ "state": cluster.state })),
        (false, Some(error)) => {
            warp::reply::json(&serde_json::json!({ "state": cluster.state, "error": { "name": error.name } }))
        }
    };
    warp::reply::with_status(body, status).into_response()
}

/// The state of the cluster. It names brokers, so it needs the access token if the bridge has one; `/readyz` works
/// without.
async fn cluster(shared: Arc<Shared>, headers: HeaderMap, peer: SocketAddr, name: Option<String>) -> Response {
    if let Some(refusal) = refusal(&shared, &headers, peer).await {
        return refusal;
    }
    match shared.clusters.find(name.as_deref()) {
        Ok(cluster) => warp::reply::json(&*cluster.state.borrow()).into_response(),
        Err(error) => plain(StatusCode::NOT_FOUND, &error.message),
    }
}

/// A cluster in the answer of `/api/clusters`.
#[derive(Serialize)]
struct ListedCluster {
    #[serde(flatten)]
    summary: ClusterSummary,
    /// Whether it is the cluster for clients that name none.
    default: bool,
    state: ClusterState,
}

/// All clusters, in the order of the configuration; with the access token, as `/api/cluster`.
async fn clusters(shared: Arc<Shared>, headers: HeaderMap, peer: SocketAddr) -> Response {
    if let Some(refusal) = refusal(&shared, &headers, peer).await {
        return refusal;
    }
    let first = shared.clusters.first();
    let listed = shared.clusters.iter().map(|cluster| ListedCluster {
        summary: cluster.summary(),
        default: Arc::ptr_eq(cluster, first),
        state: cluster.state.borrow().state,
    });
    warp::reply::json(&listed.collect::<Vec<_>>()).into_response()
}

async fn metrics(shared: Arc<Shared>, headers: HeaderMap, peer: SocketAddr) -> Response {
    if let Some(refusal) = refusal(&shared, &headers, peer).await {
        return refusal;
    }
    let kafka_is_up = shared.clusters.first().state.borrow().state == ClusterState::Up;
    let text = METRICS.text(kafka_is_up, shared.slots.taken());
    warp::reply::with_header(text, CONTENT_TYPE, metrics::CONTENT_TYPE).into_response()
}

/// The answer to a client without the access token, if the bridge has one.
async fn refusal(shared: &Shared, headers: &HeaderMap, peer: SocketAddr) -> Option<Response> {
    if shared.admits(bearer_token(headers), peer, "Authorization").await {
        return None;
    }
    let refusal = plain(StatusCode::UNAUTHORIZED, "this bridge needs its access token: Authorization: Bearer …");
    Some(warp::reply::with_header(refusal, WWW_AUTHENTICATE, "Bearer").into_response())
}

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1); the scheme may be in any case (RFC 9110, 11.1).
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let (Some(authorization), None) = (authorizations.next(), authorizations.next()) else { return None };
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

fn method_not_allowed(allowed: &'static str) -> Response {
    let refusal = plain(StatusCode::METHOD_NOT_ALLOWED, &format!("methods allowed here: {allowed}"));
    warp::reply::with_header(refusal, ALLOW, allowed).into_response()
}

pub(super) fn plain(status: StatusCode, text: &str) -> Response {
    warp::reply::with_status(format!("{text}\n"), status).into_response()
}
