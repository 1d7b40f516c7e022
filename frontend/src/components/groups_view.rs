//! Consumer groups: the list, or one of them.

use leptos::prelude::*;

#[component]
pub fn GroupsView(name: Option<String>) -> impl IntoView {
    let _ = name;
}
