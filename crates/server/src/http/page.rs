//! The page's files, as the program that embeds them provides them.

use warp::http::StatusCode;
use warp::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
};
use warp::reply::{Reply, Response};

/// One file of the page. The field of an encoding that does not exist is empty.
pub struct Asset {
    pub path: &'static str,
    pub content_type: &'static str,
    /// The file name contains a hash of the content, so browsers may cache the file forever.
    pub immutable: bool,
    pub plain: &'static [u8],
    pub brotli: &'static [u8],
    pub gzip: &'static [u8],
}

/// The file at `path`, in the smallest encoding that the browser accepts.
pub(super) fn serve(assets: &[Asset], path: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = assets.iter().find(|asset| asset.path == path) else {
        return warp::reply::with_status("file not found\n", StatusCode::NOT_FOUND).into_response();
    };
    let (body, encoding) = if !asset.brotli.is_empty() && accepts(headers, "br") {
        (asset.brotli, Some("br"))
    } else if !asset.gzip.is_empty() && accepts(headers, "gzip") {
        (asset.gzip, Some("gzip"))
    } else {
        (asset.plain, None)
    };
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Whether the browser accepts this encoding; `q=0` means that it does not.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
            name.eq_ignore_ascii_case(encoding) && !refused
        })
}
