//! Being written.

use leptos::prelude::*;

#[component]
pub fn ClusterView() -> impl IntoView {
    
}
