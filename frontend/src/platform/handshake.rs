//! Finds out why a WebSocket could not be opened. The browser hides the answer to a failed handshake, so the page sends a plain HTTP
//! request to the same address, which takes the same way through proxies.

use page_model::ConnectError;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestInit, RequestRedirect, Response, ResponseType};

use crate::platform::browser;

/// Longer answers come from no bridge.
const MAX_BODY_CHARS: u32 = 64 * 1024;

/// `None` if nothing answers.
pub async fn connect_error() -> Option<ConnectError> {
    let response: Response = JsFuture::from(request().ok()?).await.ok()?.dyn_into().ok()?;
    let is_redirect = response.type_() == ResponseType::Opaqueredirect;
    let body = match response.text() {
        Ok(text) => JsFuture::from(text).await.unwrap_or_default(),
        Err(_) => JsValue::default(),
    };
    let body: Option<&js_sys::JsString> = body.dyn_ref();
    let body = body.filter(|body| body.length() <= MAX_BODY_CHARS).map(String::from).unwrap_or_default();
    Some(ConnectError::of_answer(response.status(), is_redirect, &body))
}

fn request() -> Result<js_sys::Promise, JsValue> {
    let options = RequestInit::new();
    // A redirect leads to the page where a proxy lets users sign in.
    options.set_redirect(RequestRedirect::Manual);
    options.set_cache(RequestCache::NoStore);
    let headers = web_sys::Headers::new()?;
    // Browsers send `Origin` with a handshake, but not with this request.
    headers.append("ponte-origin", &browser::origin())?;
    options.set_headers(&headers);
    Ok(leptos::prelude::window().fetch_with_str_and_init(&browser::websocket_path(), &options))
}
