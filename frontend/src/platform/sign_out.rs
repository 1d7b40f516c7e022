//! Ends the user's sign-in at the bridge.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response};

use crate::platform::browser;

/// Signs out, and leaves the page for the address that the bridge names. Returns whether that succeeded.
pub async fn sign_out() -> bool {
    match location().await {
        Some(location) => leptos::prelude::window().location().assign(&location).is_ok(),
        None => false,
    }
}

/// The address after the sign-out: the provider's page, or this page.
async fn location() -> Option<String> {
    let options = RequestInit::new();
    options.set_method("POST");
    let address = format!("{}auth/sign-out", browser::base_path());
    let request = leptos::prelude::window().fetch_with_str_and_init(&address, &options);
    let response: Response = JsFuture::from(request).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let answer = JsFuture::from(response.json().ok()?).await.ok()?;
    js_sys::Reflect::get(&answer, &JsValue::from_str("location")).ok()?.as_string()
}
