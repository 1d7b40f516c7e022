//! The HTTP routes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use access::{Policy, Principal};
use hyper::upgrade::OnUpgrade;
use protocol::{ClusterName, ClusterState, ClusterSummary, ErrorCode, ErrorMessage, ServerMessage};
use serde::Serialize;
use warp::Filter;
use warp::http::StatusCode;
use warp::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_VERSION,
    UPGRADE, VARY, WWW_AUTHENTICATE,
};
use warp::reply::{Reply, Response};

use super::page::{self, Asset};
use super::server::{IsHttps, UsesReserveDescriptor};
use super::{Guard, Peer, sign_in};
use crate::admission::NotAdmitted;
use crate::log_throttle::LogThrottle;
use crate::metrics::{Format, METRICS, RefusalReason};
use crate::websocket::{self, Refused, Shared};

/// How many bytes of a foreign origin the log shows.
const SHOWN_ORIGIN_BYTES: usize = 200;

/// The origin of a page that asks, by a request without an upgrade, why its handshake failed.
const PAGE_ORIGIN: HeaderName = HeaderName::from_static("ponte-origin");

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
    let auth = sign_in::routes(Arc::clone(&shared), Arc::clone(&guard));
    let only_get = warp::get().or(warp::head()).unify();

    let websocket = warp::path!("ws")
        .and(warp::get())
        .and(state.clone())
        .and(warp::any().map(move || Arc::clone(&guard)))
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<Peer>())
        .and(warp::ext::get::<IsHttps>())
        .and(warp::ext::get::<UsesReserveDescriptor>())
        .map(upgrade);
    let only_by_get = warp::path!("ws").map(|| method_not_allowed("GET"));

    let alive = warp::path!("healthz").and(only_get).map(|| "ok\n".into_response());
    let ready = warp::path!("readyz")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(named_cluster())
        .then(ready);
    let cluster = warp::path!("api" / "cluster")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(named_cluster())
        .then(cluster);
    let clusters = warp::path!("api" / "clusters")
        .and(only_get)
        .and(state.clone())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .then(clusters);
    let metrics = warp::path!("metrics")
        .and(only_get)
        .and(state)
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
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
        .or(auth)
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
    peer: Peer,
    IsHttps(is_https): IsHttps,
    UsesReserveDescriptor(uses_reserve): UsesReserveDescriptor,
) -> Response {
    if uses_reserve {
        METRICS.refused(RefusalReason::Descriptors);
        let reason = "the bridge has no file descriptor free; try again later";
        return refused(Refused::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TooManySockets, reason));
    }
    if !guard.allows_origin(&headers, is_https) || !allows_page(&guard, &headers, is_https) {
        METRICS.refused(RefusalReason::Origin);
        static LOG: LogThrottle = LogThrottle::new();
        let origin = [ORIGIN, PAGE_ORIGIN].iter().find_map(|name| headers.get(name)?.to_str().ok());
        let origin = origin.unwrap_or("(unreadable)");
        let origin = &origin[..origin.floor_char_boundary(SHOWN_ORIGIN_BYTES)];
        if let Some(unlogged) = LOG.line() {
            tracing::warn!(%peer, origin, unlogged, "refused a page of another origin; --allowed-origins allows one");
        }
        let reason = format!(
            "pages of the origin {origin:?} may not connect. A proxy must pass on the page's host in the Host header; otherwise \
             start the bridge with --allowed-origins"
        );
        return refused(Refused::new(StatusCode::FORBIDDEN, ErrorCode::OriginRefused, &reason));
    }
    match websocket::upgrade(shared, &headers, on_upgrade, peer) {
        Ok(response) => response.map(|()| "").into_response(),
        Err(refusal) => {
            // Limits are counted where they are checked.
            if refusal.error.code == ErrorCode::BadHandshake.number() {
                METRICS.refused(RefusalReason::Handshake);
            }
            refused(refusal)
        }
    }
}

/// Whether the page that asks why its handshake failed could connect, as far as its origin is concerned. Browsers send no `Origin` with
/// its question.
fn allows_page(guard: &Guard, headers: &HeaderMap, is_https: bool) -> bool {
    headers
        .get(PAGE_ORIGIN)
        .is_none_or(|origin| origin.to_str().is_ok_and(|origin| guard.allows_page_of(origin, headers, is_https)))
}

/// The answer to a refused handshake. Its body is an `error` message, so that a client can show the reason.
fn refused(Refused { status, error }: Refused) -> Response {
    let body = ServerMessage::from(ErrorMessage::from(error)).to_json();
    let response = warp::reply::with_status(body, status);
    let response = warp::reply::with_header(response, CONTENT_TYPE, "application/json");
    let response = warp::reply::with_header(response, CACHE_CONTROL, "no-store");
    if status != StatusCode::UPGRADE_REQUIRED {
        return response.into_response();
    }
    // RFC 6455, 4.4: the answer names the versions that the server supports.
    let response = warp::reply::with_header(response, SEC_WEBSOCKET_VERSION, "13");
    // Required by RFC 9110, 15.5.22.
    warp::reply::with_header(response, UPGRADE, "websocket").into_response()
}

/// Whether Kafka is reachable, and if not, why. The reason names brokers, so a client that is not admitted gets only the name of the
/// error.
async fn ready(shared: Arc<Shared>, headers: HeaderMap, peer: Peer, name: Option<String>) -> Response {
    let caller = Caller::find(&shared, &headers, peer).await.ok();
    // With rules, a client that is not admitted learns about the default cluster only, not which other names exist.
    let has_rules = shared.admission.policy().borrow().has_rules();
    let first = &shared.clusters.first().name;
    let found = shared.clusters.find(name.as_deref(), |name| match &caller {
        Some(caller) => caller.may_use(name),
        None => name == first || !has_rules,
    });
    let cluster = match (found, &caller) {
        (Ok(cluster), _) => cluster.state.borrow().clone(),
        (Err(error), Some(_)) => return plain(StatusCode::NOT_FOUND, &error.message),
        // Without the names of the others.
        (Err(_), None) => return plain(StatusCode::NOT_FOUND, "no such cluster"),
    };
    let status = match cluster.state {
        ClusterState::Up => StatusCode::OK,
        ClusterState::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = match (&caller, &cluster.error) {
        (Some(_), _) => warp::reply::json(&cluster),
        (None, None) => warp::reply::json(&serde_json::json!({ "state": cluster.state })),
        (None, Some(error)) => {
            warp::reply::json(&serde_json::json!({ "state": cluster.state, "error": { "name": error.name } }))
        }
    };
    warp::reply::with_status(body, status).into_response()
}

/// The state of the cluster. It names brokers, so it is only for clients that are admitted; `/readyz` is for all.
async fn cluster(shared: Arc<Shared>, headers: HeaderMap, peer: Peer, name: Option<String>) -> Response {
    let caller = match Caller::of(&shared, &headers, peer).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    match shared.clusters.find(name.as_deref(), |name| caller.may_use(name)) {
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

/// The clusters that the client may use, in the order of the configuration.
async fn clusters(shared: Arc<Shared>, headers: HeaderMap, peer: Peer) -> Response {
    let caller = match Caller::of(&shared, &headers, peer).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let first = shared.clusters.first();
    let usable = shared.clusters.iter().filter(|cluster| caller.may_use(&cluster.name));
    let listed = usable.map(|cluster| ListedCluster {
        summary: cluster.summary(),
        default: Arc::ptr_eq(cluster, first),
        state: cluster.state.borrow().state,
    });
    warp::reply::json(&listed.collect::<Vec<_>>()).into_response()
}

async fn metrics(shared: Arc<Shared>, headers: HeaderMap, peer: Peer) -> Response {
    let caller = match Caller::of(&shared, &headers, peer).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    if !caller.policy.may_read_metrics(&caller.principal) {
        return plain(StatusCode::FORBIDDEN, "the access rules of this bridge do not allow you to read its metrics");
    }
    let format = Format::accepted(&headers);
    let reply = warp::reply::with_header(METRICS.text(&shared, format), CONTENT_TYPE, format.content_type());
    warp::reply::with_header(reply, VARY, ACCEPT).into_response()
}

/// A client that is admitted.
struct Caller {
    principal: Arc<Principal>,
    policy: Arc<Policy>,
}

impl Caller {
    async fn find(shared: &Shared, headers: &HeaderMap, peer: Peer) -> Result<Self, NotAdmitted> {
        let (token, signed_in) = (bearer_token(headers), shared.admission.signed_in(headers));
        let principal = shared.admission.identify(token, signed_in.as_ref(), peer, "Authorization").await?;
        Ok(Self { principal, policy: Arc::clone(&shared.admission.policy().borrow()) })
    }

    /// # Errors
    /// The answer to a client that is not admitted.
    async fn of(shared: &Shared, headers: &HeaderMap, peer: Peer) -> Result<Self, Response> {
        match Self::find(shared, headers, peer).await {
            Ok(caller) => Ok(caller),
            Err(refusal) => {
                let (reason, text) = match refusal {
                    NotAdmitted::NoToken | NotAdmitted::WrongToken => {
                        (RefusalReason::Token, "this bridge needs an access token: Authorization: Bearer …")
                    }
                    NotAdmitted::SignedOut => (
                        RefusalReason::SignedOut,
                        "sign in at auth/sign-in, or send an access token: Authorization: Bearer …",
                    ),
                };
                METRICS.refused(reason);
                let refusal = plain(StatusCode::UNAUTHORIZED, text);
                Err(warp::reply::with_header(refusal, WWW_AUTHENTICATE, "Bearer").into_response())
            }
        }
    }

    fn may_use(&self, cluster: &ClusterName) -> bool {
        self.policy.may_use(&self.principal, cluster)
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1); the scheme may be in any case (RFC 9110, 11.1).
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let (Some(authorization), None) = (authorizations.next(), authorizations.next()) else { return None };
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response {
    let refusal = plain(StatusCode::METHOD_NOT_ALLOWED, &format!("methods allowed here: {allowed}"));
    warp::reply::with_header(refusal, ALLOW, allowed).into_response()
}

pub(super) fn plain(status: StatusCode, text: &str) -> Response {
    warp::reply::with_status(format!("{text}\n"), status).into_response()
}
