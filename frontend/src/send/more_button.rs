//! The button that opens the whole form on a narrow screen.

use leptos::prelude::*;

use crate::context::preferences;

/// Expands the one line of a narrow screen to the whole form, and collapses it again.
#[component]
pub fn MoreButton(is_open: RwSignal<bool>) -> impl IntoView {
    let prefs = preferences();
    view! {
        <button
            type="button"
            class="button more"
            data-testid="compose-more"
            aria-expanded=move || is_open.get().to_string()
            aria-label=move || if is_open.get() { prefs.words().fewer_fields } else { prefs.words().more_fields }
            on:click=move |_| is_open.update(|open| *open = !*open)
        >
            <span aria-hidden="true">{move || if is_open.get() { "⌄" } else { "⌃" }}</span>
        </button>
    }
}
