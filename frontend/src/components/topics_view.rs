//! Being written.

use leptos::prelude::*;

#[component]
pub fn TopicsView() -> impl IntoView {
    
}
