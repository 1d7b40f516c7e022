//! Whether the page and the bridge are connected, and when the next try is.

use leptos::prelude::*;

use super::{desk, preferences};
use crate::browser;
use crate::words::fill;
use page_model::Link;

#[component]
pub fn ConnectionPill() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let state = Memo::new(move |_| desk.link(|page| page.link().name()));
    let seconds = Memo::new(move |_| desk.link(|page| page.link().retry_in_secs(browser::now_ms())));
    let text = move || {
        let words = prefs.words();
        match state.get() {
            "open" => words.link_open.to_owned(),
            "waiting" => fill(words.link_waiting, &[("n", &seconds.get().unwrap_or(1).to_string())]),
            "closed" => words.link_closed.to_owned(),
            _ => words.link_connecting.to_owned(),
        }
    };
    let reason = move || {
        desk.link(|page| match page.link() {
            Link::Waiting { loss, .. } | Link::Closed { loss } => loss.reason.clone(),
            _ => String::new(),
        })
    };
    view! {
        <span class="pill connection" data-testid="connection" data-state=move || state.get() title=reason>
            <i class="dot" aria-hidden="true"></i>
            <span class="pill-text">{text}</span>
            <Show when=move || state.get() == "waiting">
                <button type="button" class="pill-button" data-testid="try-now" on:click=move |_| desk.connect_now()>
                    {prefs.text(|w| w.try_now)}
                </button>
            </Show>
        </span>
    }
}
