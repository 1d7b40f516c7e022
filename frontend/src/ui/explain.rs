//! A small "?" beside a term of Kafka. A click opens a short explanation.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::Words;

/// `thing`: the name of the explained term, for screen readers.
#[component]
pub fn Explain(thing: fn(&Words) -> &'static str, text: fn(&Words) -> &'static str) -> impl IntoView {
    let prefs = preferences();
    let is_open = RwSignal::new(false);
    let label = move || prefs.words().what_is.with_thing(thing(prefs.words()));
    view! {
        <span class="explain">
            <button
                type="button"
                class="explain-button"
                aria-label=label
                aria-expanded=move || is_open.get().to_string()
                on:click=move |_| is_open.update(|open| *open = !*open)
                on:blur=move |_| is_open.set(false)
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        event.stop_propagation();
                        is_open.set(false);
                    }
                }
            >
                "?"
            </button>
            <Show when=move || is_open.get()>
                <span class="popover" role="status">
                    {move || text(prefs.words())}
                </span>
            </Show>
        </span>
    }
}
