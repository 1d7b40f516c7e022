//! The `<form>` element of a tab of the composer: sends on submit and on Ctrl+Enter.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

#[component]
pub fn SendForm(class: &'static str, send: impl Fn() + Copy + 'static, children: Children) -> impl IntoView {
    view! {
        <form
            class=class
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
            on:keydown=move |event| {
                if is_send_key(&event) {
                    event.prevent_default();
                    send();
                }
            }
        >
            {children()}
        </form>
    }
}

/// Ctrl+Enter or Cmd+Enter anywhere in the form, except on a button, which the key activates.
fn is_send_key(event: &KeyboardEvent) -> bool {
    let on_button = event.target().is_some_and(|target| {
        target.dyn_ref::<web_sys::Element>().is_some_and(|element| element.matches("button").unwrap_or(false))
    });
    event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && !on_button
}
