//! A button that opens a box below it. Escape or a click outside of the box closes it. The contents of the box are created
//! when it is first opened.

use leptos::html::Details;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

#[component]
pub fn Menu<L>(label: L, testid: &'static str, class: &'static str, children: ChildrenFn) -> impl IntoView
where
    L: Fn() -> String + Copy + Send + Sync + 'static,
{
    let details = NodeRef::<Details>::new();
    let was_opened = RwSignal::new(false);
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
            on:toggle=move |_| was_opened.set(true)
            on:keydown=move |event| {
                let is_open = details.get_untracked().is_some_and(|details| details.open());
                if event.key() == "Escape" && is_open {
                    event.stop_propagation();
                    close();
                }
            }
        >
            <summary class=format!("button quiet {class}") data-testid=testid>
                <span>{label}</span>
            </summary>
            <div class="menu-box">
                <Show when=move || was_opened.get()>{children()}</Show>
            </div>
        </details>
    }
}
