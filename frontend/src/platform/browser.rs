//! Small wrappers of browser APIs: clock, URL, storage, title, clipboard, downloads.

use leptos::prelude::{document, window};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

const STORAGE_KEY: &str = "ponte.settings";
const TOKEN_KEY: &str = "ponte.token";

/// Milliseconds on a monotonic clock that starts at 0 when the page is opened.
pub fn now_ms() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}

/// The URL of the bridge's WebSocket, beside the page.
pub fn websocket_url() -> String {
    let location = window().location();
    let scheme = if location.protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}{}", location.host().unwrap_or_default(), websocket_path())
}

/// `/ws`, or below the path of the page.
pub fn websocket_path() -> String {
    format!("{}ws", base_path())
}

/// Where the user signs in. The bridge then leads back to this page, with its view.
pub fn sign_in_href() -> String {
    let location = window().location();
    let here = format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default());
    format!("{}auth/sign-in?{}", base_path(), query_of([("next".to_owned(), here)]))
}

/// The path below which the bridge is served, with a slash at its end.
pub fn base_path() -> String {
    let path = window().location().pathname().unwrap_or_default();
    path.rfind('/').map_or_else(|| "/".to_owned(), |end| path[..=end].to_owned())
}

pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

pub fn tab_is_hidden() -> bool {
    document().hidden()
}

/// The stored settings; empty if the browser does not allow storage.
pub fn stored_settings() -> String {
    stored(STORAGE_KEY)
}

/// Stores the settings, if the browser allows storage.
pub fn store_settings(json: &str) {
    store(STORAGE_KEY, json);
}

/// The stored text of a key; an empty text if the key has no value.
pub fn stored(key: &str) -> String {
    read(window().local_storage(), key)
}

pub fn store(key: &str, text: &str) {
    write(window().local_storage(), key, text);
}

/// Removes the text of a key.
pub fn remove_stored(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(&of_this_bridge(key));
    }
}

/// The bridge's access token. Stored for the tab's session only, so that later users of the computer do not have it.
pub fn stored_token() -> String {
    read(window().session_storage(), TOKEN_KEY)
}

pub fn store_token(token: &str) {
    write(window().session_storage(), TOKEN_KEY, token);
}

/// A storage, if the browser allows it.
type MaybeStorage = Result<Option<web_sys::Storage>, JsValue>;

fn read(storage: MaybeStorage, key: &str) -> String {
    let key = of_this_bridge(key);
    storage.ok().flatten().and_then(|storage| storage.get_item(&key).ok().flatten()).unwrap_or_default()
}

/// Bridges below different paths of one host share the browser's storage, but neither a token nor drafts.
fn of_this_bridge(key: &str) -> String {
    match base_path().as_str() {
        "/" => key.to_owned(),
        path => format!("{key} {path}"),
    }
}

fn write(storage: MaybeStorage, key: &str, text: &str) {
    if let Ok(Some(storage)) = storage {
        // Fails if the storage is full or not allowed; the page works without it.
        let _ = storage.set_item(&of_this_bridge(key), text);
    }
}

/// A seed for random test values. Not suitable for secrets.
pub fn random_seed() -> u64 {
    let half = || (js_sys::Math::random() * f64::from(u32::MAX)) as u64;
    half() << 32 | half()
}

/// The user's languages, such as `["it-CH", "en"]`.
pub fn preferred_languages() -> Vec<String> {
    window().navigator().languages().iter().filter_map(|tag| tag.as_string()).collect()
}

/// Sets an attribute of the `html` element.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

/// `<html data-parts="loaded">`
pub fn mark_parts_loaded() {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-parts", "loaded");
    }
}

pub fn set_title(title: &str) {
    document().set_title(title);
}

/// Copies a text to the clipboard. Returns whether that succeeded.
pub async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    let clipboard = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard"));
    // Browsers have the clipboard's API on https and localhost only.
    let has_clipboard = clipboard.is_ok_and(|clipboard| !clipboard.is_undefined());
    if has_clipboard && JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok() {
        return true;
    }
    copy_by_command(text).unwrap_or(false)
}

/// The old way, which also works on plain http: a command that copies the selection of a field.
fn copy_by_command(text: &str) -> Option<bool> {
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    let document: web_sys::HtmlDocument = document().dyn_into().ok()?;
    let focused = document.active_element().and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    let field: web_sys::HtmlTextAreaElement = document.create_element("textarea").ok()?.dyn_into().ok()?;
    field.set_class_name("out-of-sight");
    field.set_read_only(true);
    field.set_value(text);
    // A field replaces carriage returns, so the text itself is copied instead of the selection.
    let text = text.to_owned();
    let on_copy = Closure::<dyn Fn(web_sys::ClipboardEvent)>::new(move |event: web_sys::ClipboardEvent| {
        let data = event.clipboard_data();
        if data.is_some_and(|data| data.set_data("text/plain", &text).is_ok()) {
            event.prevent_default();
        }
    });
    document.body()?.append_child(&field).ok()?;
    let _ = field.add_event_listener_with_callback("copy", on_copy.as_ref().unchecked_ref());
    let _ = field.focus();
    field.select();
    let is_copied = document.exec_command("copy").ok();
    field.remove();
    let _ = focused.map(|focused| focused.focus());
    is_copied
}

pub fn focus(element_id: &str) {
    use wasm_bindgen::JsCast;
    let element = document().get_element_by_id(element_id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// The local date and time of a Kafka timestamp; `None` beyond the years 1 to 275760, where the browser has none.
fn local_time(timestamp_ms: i64) -> Option<js_sys::Date> {
    let is_known = (-62_135_596_800_000..=8_640_000_000_000_000).contains(&timestamp_ms);
    is_known.then(|| js_sys::Date::new(&JsValue::from_f64(timestamp_ms as f64)))
}

/// Local time of day of a Kafka timestamp: `11:04:31.207`; its number if it has no date.
pub fn time_of_day(timestamp_ms: i64) -> String {
    let Some(date) = local_time(timestamp_ms) else { return timestamp_ms.to_string() };
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        date.get_hours(),
        date.get_minutes(),
        date.get_seconds(),
        date.get_milliseconds()
    )
}

/// The value of an `<input type="datetime-local">`: `2025-11-22T11:04:31`.
pub fn local_date_time(timestamp_ms: i64) -> String {
    format!("{}T{}", date(timestamp_ms), time_of_day(timestamp_ms))
}

pub fn parse_local_date_time(text: &str) -> Option<i64> {
    let ms = js_sys::Date::parse(text);
    (!ms.is_nan()).then_some(ms as i64)
}

/// Names and values of the URL's parameters.
pub fn address_pairs() -> Vec<(String, String)> {
    pairs_of_query(&window().location().search().unwrap_or_default())
}

/// The value of a parameter of the URL; an empty value counts as none.
pub fn address_parameter(name: &str) -> Option<String> {
    address_pairs().into_iter().find_map(|(known, value)| (known == name && !value.is_empty()).then_some(value))
}

/// Names and values of the parameters of another URL.
pub fn pairs_of(address: &str) -> Vec<(String, String)> {
    pairs_of_query(address.split_once('?').map_or("", |(_, query)| query))
}

fn pairs_of_query(search: &str) -> Vec<(String, String)> {
    let Ok(parameters) = web_sys::UrlSearchParams::new_with_str(search) else { return Vec::new() };
    let pair = |pair: JsValue| {
        let pair = js_sys::Array::from(&pair);
        Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
    };
    js_sys::Array::from(&parameters).iter().filter_map(pair).collect()
}

/// The page's URL without parameters.
pub fn page_url() -> String {
    let location = window().location();
    format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default())
}

/// The percent-encoded parameters of a URL, without the question mark.
pub fn query_of(pairs: impl IntoIterator<Item = (String, String)>) -> String {
    let Ok(parameters) = web_sys::UrlSearchParams::new() else { return String::new() };
    pairs.into_iter().for_each(|(name, value)| parameters.append(&name, &value));
    String::from(parameters.to_string())
}

/// Replaces the URL in the address bar without a history entry: typing in a filter would add one for each letter.
pub fn show_address(address: &str) {
    if let Ok(history) = window().history() {
        // Browsers refuse more than about a hundred calls in 30 s. The URL in the address bar is then outdated.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// Changes the URL in the address bar with a history entry, so that Back leads to the previous view.
pub fn push_address(address: &str) {
    if let Ok(history) = window().history() {
        // Browsers limit these calls, too; see `show_address`.
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// Local date of a Kafka timestamp: `2025-11-22`; empty if it has none.
pub fn date(timestamp_ms: i64) -> String {
    let Some(date) = local_time(timestamp_ms) else { return String::new() };
    format!("{:04}-{:02}-{:02}", date.get_full_year(), date.get_month() + 1, date.get_date())
}

/// The parts of a file to save. The texts are in the browser's memory, not in that of the wasm module.
pub struct FileParts(js_sys::Array);

impl FileParts {
    pub fn new() -> Self {
        Self(js_sys::Array::new())
    }

    pub fn push(&mut self, text: &str) {
        self.0.push(&JsValue::from_str(text));
    }

    /// Starts a download of the file.
    pub fn save(self, name: &str, media_type: &str) {
        let options = web_sys::BlobPropertyBag::new();
        options.set_type(media_type);
        let blob = web_sys::Blob::new_with_str_sequence_and_options(&self.0, &options);
        let Ok(url) = blob.and_then(|blob| web_sys::Url::create_object_url_with_blob(&blob)) else { return };
        if let Ok(anchor) = document().create_element("a") {
            use wasm_bindgen::JsCast;
            let anchor: web_sys::HtmlElement = anchor.unchecked_into();
            let _ = anchor.set_attribute("href", &url);
            let _ = anchor.set_attribute("download", name);
            anchor.click();
        }
        // Otherwise the file would stay in memory until the page is closed. After a minute the download has started.
        leptos::prelude::set_timeout(
            move || drop(web_sys::Url::revoke_object_url(&url)),
            std::time::Duration::from_secs(60),
        );
    }
}

/// Returns to the browser's event loop once, so that the page is redrawn and reacts to input.
pub async fn yield_to_browser() {
    wait(0).await;
}

pub async fn wait(ms: i32) {
    let wait = js_sys::Promise::new(&mut |resolve, _| {
        // Fails only without a window; the promise would then never resolve.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
    });
    let _ = JsFuture::from(wait).await;
}

pub fn reload() {
    // Fails only in documents without a window.
    let _ = leptos::prelude::window().location().reload();
}

/// Whether the focused element is activated with Enter or Space, so that these keys must not trigger a shortcut.
pub fn focus_is_on_a_button() -> bool {
    let pressable = "button, a, summary, [role=button]";
    document().active_element().is_some_and(|element| element.matches(pressable).unwrap_or(false))
}
