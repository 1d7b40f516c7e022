//! The message of a list without rows.

use leptos::prelude::*;

use crate::context::{navigation, preferences};
use crate::i18n::Words;
use crate::ui::view_frame::EmptyState;

type Word = fn(&'static Words) -> &'static str;

/// Why the list has no rows: the search matches none, the user may see none, or there are none.
#[component]
pub fn EmptyList(
    find: Memo<String>,
    /// Whether the user may not see all rows.
    is_limited: Memo<bool>,
    none: Word,
    none_allowed: Word,
    /// What to do if there are none.
    next: Word,
) -> impl IntoView {
    let prefs = preferences();
    let is_searching = move || !find.get().is_empty();
    let title = move || match is_limited.get() {
        _ if is_searching() => prefs.words().nothing_found,
        true => none_allowed(prefs.words()),
        false => none(prefs.words()),
    };
    let next = move || if is_searching() || is_limited.get() { "" } else { next(prefs.words()) };
    view! {
        <EmptyState
            reason="nothing"
            title=Signal::derive(move || title().to_owned())
            next=Signal::derive(move || next().to_owned())
        />
        <Show when=is_searching>
            <ClearFind />
        </Show>
    }
}

/// The button that ends the search.
#[component]
pub fn ClearFind() -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    view! {
        <p class="instead-action">
            <button
                type="button"
                class="button"
                data-testid="find-clear"
                on:click=move |_| navigation.set_detail("find", String::new())
            >
                {prefs.text(|w| w.find_clear)}
            </button>
        </p>
    }
}
