//! What answers where.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use protocol::ClusterState;
use warp::Filter;
use warp::http::StatusCode;
use warp::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, ORIGIN, WWW_AUTHENTICATE};
use warp::reply::{Reply, Response};

use super::Guard;
use super::page;
use crate::metrics::{self, METRICS};
use crate::websocket::{self, Refused, Shared};

/// Every route; the guard has seen the `Host` already.
pub fn routes(
    shared: Arc<Shared>,
    guard: Arc<Guard>,
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
        .map(upgrade);

    let alive = warp::path!("healthz").and(only_get).map(|| "ok\n".into_response());
    let ready = warp::path!("readyz").and(only_get).and(state.clone()).and(warp::header::headers_cloned()).map(ready);
    let cluster = warp::path!("api" / "cluster")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .map(cluster);
    let metrics = warp::path!("metrics").and(only_get).and(state).and(warp::header::headers_cloned()).map(metrics);
    let page = only_get
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .map(|path: warp::path::FullPath, headers: HeaderMap| page::serve(path.as_str(), &headers));

    websocket
        .or(alive)
        .unify()
        .or(ready)
        .unify()
        .or(cluster)
        .unify()
        .or(metrics)
        .unify()
        .or(page)
        .unify()
        .or(warp::any().map(|| plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here")))
        .unify()
}

fn upgrade(
    shared: Arc<Shared>,
    guard: Arc<Guard>,
    headers: HeaderMap,
    on_upgrade: Option<OnUpgrade>,
    peer: SocketAddr,
) -> Response {
    if !guard.allows_origin(&headers) {
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("(unreadable)");
        tracing::warn!(%peer, origin, "a page of another origin was refused; --allowed-origins lets one in");
        return plain(StatusCode::FORBIDDEN, "pages of this origin may not connect; see --allowed-origins");
    }
    match websocket::upgrade(shared, &headers, on_upgrade, peer) {
        Ok(response) => response.map(|()| "").into_response(),
        Err(Refused { status, reason }) => plain(status, reason),
    }
}

/// Whether Kafka answers, and if not, why. The reason names brokers: without the access token, where there is one, it is a name alone.
fn ready(shared: Arc<Shared>, headers: HeaderMap) -> Response {
    let cluster = shared.cluster.borrow().clone();
    let status = match cluster.state {
        ClusterState::Up => StatusCode::OK,
        ClusterState::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    let told = match (admits(&shared, &headers), &cluster.error) {
        (true, _) => warp::reply::json(&cluster),
        (false, None) => warp::reply::json(&serde_json::json!({ "state": cluster.state })),
        (false, Some(error)) => {
            warp::reply::json(&serde_json::json!({ "state": cluster.state, "error": { "name": error.name } }))
        }
    };
    warp::reply::with_status(told, status).into_response()
}

/// It names brokers, which are nobody's business where the bridge asks for a token. Whether Kafka answers is everybody's.
fn cluster(shared: Arc<Shared>, headers: HeaderMap) -> Response {
    if let Some(refusal) = refusal(&shared, &headers) {
        return refusal;
    }
    warp::reply::json(&*shared.cluster.borrow()).into_response()
}

fn metrics(shared: Arc<Shared>, headers: HeaderMap) -> Response {
    if let Some(refusal) = refusal(&shared, &headers) {
        return refusal;
    }
    let kafka_is_up = shared.cluster.borrow().state == ClusterState::Up;
    let text = METRICS.text(kafka_is_up, shared.slots.taken());
    warp::reply::with_header(text, CONTENT_TYPE, metrics::CONTENT_TYPE).into_response()
}

/// What is said to who asks without the access token, where there is one.
fn refusal(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    if admits(shared, headers) {
        return None;
    }
    let refusal = plain(StatusCode::UNAUTHORIZED, "this bridge asks for its access token: Authorization: Bearer …");
    Some(warp::reply::with_header(refusal, WWW_AUTHENTICATE, "Bearer").into_response())
}

/// Whether the request carries the access token, or there is none.
fn admits(shared: &Shared, headers: &HeaderMap) -> bool {
    let authorization = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    shared.admits(authorization.and_then(|header| header.strip_prefix("Bearer ")))
}

pub(super) fn plain(status: StatusCode, text: &str) -> Response {
    warp::reply::with_status(format!("{text}\n"), status).into_response()
}
