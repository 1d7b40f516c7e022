//! A button that opens a box below it. Escape or a click outside of the box closes it.

use leptos::html::Details;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

#[component]
pub fn Menu<L>(label: L, testid: &'static str, class: &'static str, children: Children) -> impl IntoView
where
    L: Fn() -> String + Copy + Send + Sync + 'static,
{
    let details = NodeRef::<Details>::new();
    let close = move || {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    let listener = window_event_listener(leptos::ev::click, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        if details.get_untracked().is_some_and(|details| !details.contains(target.as_ref())) {
            close();
        }
    });
    on_cleanup(move || listener.remove());
    view! {
        <details
            class="menu"
            node_ref=details
            on:keydown=move |event| {
                let is_open = details.get_untracked().is_some_and(|details| details.open());
                if event.key() == "Escape" && is_open {
                    event.stop_propagation();
                    close();
                }
            }
        >
            <summary class=format!("button quiet {class}") data-testid=testid>
                {label}
            </summary>
            <div class="menu-box">{children()}</div>
        </details>
    }
}
