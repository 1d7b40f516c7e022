//! The beginning of everything.

use any_spawner::Executor;
use leptos::prelude::{Owner, document};

use crate::view::IntoView;

/// Puts what `app` makes into the document's body, for as long as the page is open.
pub fn mount_to_body<V: IntoView>(app: impl FnOnce() -> V) {
    // It fails only where it was done before.
    let _ = Executor::init_wasm_bindgen();
    let owner = Owner::new();
    if let Some(body) = document().body() {
        owner.with(|| app().append_to(&body));
    }
    std::mem::forget(owner);
}
