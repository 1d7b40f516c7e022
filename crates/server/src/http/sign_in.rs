//! The routes of sign-in and sign-out. Browsers go to the first two by themselves; the page sends the third, and goes where the answer says.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;
use url::form_urlencoded;
use warp::Filter;
use warp::http::StatusCode;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE};
use warp::reply::{Reply, Response};

use super::routes::{method_not_allowed, plain};
use super::server::IsHttps;
use super::{Guard, Peer};
use crate::metrics::{METRICS, RefusalReason};
use crate::sign_in::{Callback, Failed, Failure, Next, SignIn};
use crate::websocket::Shared;

/// Where the page goes after a sign-out.
#[derive(Serialize)]
struct SignedOut {
    location: String,
}

/// `auth/sign-in`, `auth/callback` and `auth/sign-out`.
pub(super) fn routes(
    shared: Arc<Shared>,
    guard: Arc<Guard>,
) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    let request =
        warp::any().map(move || Arc::clone(&shared)).and(warp::header::headers_cloned()).and(warp::ext::get::<Peer>());
    let guard = warp::any().map(move || Arc::clone(&guard));

    let begin = warp::path!("auth" / "sign-in").and(warp::get()).and(request.clone()).and(query()).then(begin);
    let complete = warp::path!("auth" / "callback").and(warp::get()).and(request.clone()).and(query()).then(complete);
    let end = warp::path!("auth" / "sign-out")
        .and(warp::post())
        .and(request)
        .and(guard)
        .and(warp::ext::get::<IsHttps>())
        .then(end);
    let only_get = warp::path!("auth" / "sign-in").or(warp::path!("auth" / "callback")).unify();
    let only_get = only_get.map(|| method_not_allowed("GET"));
    let only_post = warp::path!("auth" / "sign-out").map(|| method_not_allowed("POST"));

    let routes = begin.or(complete).unify().or(end).unify();
    routes.or(only_get).unify().or(only_post).unify().map(not_stored)
}

/// The query's text; empty without one.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

async fn begin(shared: Arc<Shared>, headers: HeaderMap, peer: Peer, query: String) -> Response {
    let Some(sign_in) = shared.admission.sign_in() else { return not_configured() };
    let next = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next").map(|(_, value)| value);
    match sign_in.begin(next.as_deref(), &headers, peer).await {
        Ok(next) => see_other(next),
        Err(failed) => error_page(sign_in, &failed),
    }
}

async fn complete(shared: Arc<Shared>, headers: HeaderMap, peer: Peer, query: String) -> Response {
    let Some(sign_in) = shared.admission.sign_in() else { return not_configured() };
    let mut callback = Callback::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.into_owned();
        match &*name {
            "state" => callback.state = value,
            "code" => callback.code = Some(value),
            "error" => callback.error = Some(value),
            "error_description" => callback.error_description = Some(value),
            "iss" => callback.issuer = Some(value),
            _ => {}
        }
    }
    match sign_in.complete(callback, &headers, peer).await {
        Ok(next) => see_other(next),
        Err(failed) => error_page(sign_in, &failed),
    }
}

async fn end(
    shared: Arc<Shared>,
    headers: HeaderMap,
    peer: Peer,
    guard: Arc<Guard>,
    IsHttps(is_https): IsHttps,
) -> Response {
    let Some(sign_in) = shared.admission.sign_in() else { return not_configured() };
    if !guard.allows_origin(&headers, is_https) {
        METRICS.refused(RefusalReason::Origin);
        return plain(StatusCode::FORBIDDEN, "pages of this origin may not sign users out");
    }
    let Next { location, cookie } = sign_in.end(&headers, peer);
    let mut response = warp::reply::json(&SignedOut { location }).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

fn see_other(Next { location, cookie }: Next) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let Ok(location) = HeaderValue::try_from(location) else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the address to go to is not usable");
    };
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

fn error_page(sign_in: &SignIn, failed: &Failed) -> Response {
    let status = match failed.failure {
        Failure::Unknown => StatusCode::BAD_REQUEST,
        Failure::Refused(_) | Failure::Claims(_) => StatusCode::FORBIDDEN,
        Failure::Unreachable(_) | Failure::CodeRefused(_) | Failure::InvalidToken(_) => StatusCode::BAD_GATEWAY,
    };
    let page = warp::reply::with_status(sign_in.error_page(failed), status);
    warp::reply::with_header(page, CONTENT_TYPE, "text/html; charset=utf-8").into_response()
}

fn not_configured() -> Response {
    plain(StatusCode::NOT_FOUND, "sign-in is not configured")
}

/// The answers are for one browser and one moment.
fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
