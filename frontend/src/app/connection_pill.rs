//! Shows whether the page is connected to the bridge, and when the next attempt begins.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::platform::browser;
use page_model::{Link, ReadState};

#[component]
pub fn ConnectionPill() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let state = Memo::new(move |_| store.read(|state| state.link().name()));
    let seconds = Memo::new(move |_| store.read(|state| state.link().retry_in_secs(browser::now_ms())));
    let text = move || {
        let words = prefs.words();
        match state.get() {
            "open" => words.link_open.to_owned(),
            "waiting" => words.link_waiting.with_n(&seconds.get().unwrap_or(1).to_string()),
            "closed" => words.link_closed.to_owned(),
            _ => words.link_connecting.to_owned(),
        }
    };
    let reason = move || {
        store.read(|state| match state.link() {
            Link::Waiting { loss, .. } | Link::Closed { loss } => loss.reason.clone(),
            _ => String::new(),
        })
    };
    view! {
        <span class="pill connection" data-testid="connection" data-state=move || state.get() title=reason>
            <i class="dot" aria-hidden="true"></i>
            <span class="pill-text">{text}</span>
            <Show when=move || state.get() == "waiting">
                <button type="button" class="pill-button" data-testid="try-now" on:click=move |_| store.connect_now()>
                    {prefs.text(|w| w.try_now)}
                </button>
            </Show>
        </span>
    }
}
