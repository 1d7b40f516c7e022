//! Being written.

use leptos::prelude::*;

#[component]
pub fn TopicView(name: String) -> impl IntoView {
    let _ = name;
}
