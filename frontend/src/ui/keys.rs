//! Shortcuts: which key presses may trigger one, and the key of search fields.

use leptos::ev::KeyboardEvent;
use leptos::html::Input;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// Whether a key press may trigger a shortcut of the live view: the view is shown and the key is unused.
pub fn key_is_free(event: &KeyboardEvent) -> bool {
    let live = document().get_element_by_id("live");
    live.is_some_and(|live| !live.has_attribute("hidden")) && key_is_unused(event)
}

/// Whether the key is unused: no field has the focus, no dialog is open, and it is not part of a browser shortcut.
pub fn key_is_unused(event: &KeyboardEvent) -> bool {
    let takes_keys = "input, textarea, select, dialog, [contenteditable]";
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let is_taken = target.is_some_and(|element| element.closest(takes_keys).is_ok_and(|found| found.is_some()));
    !(is_taken || event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented())
}

/// The key `/` focuses this field as long as the calling component lives.
pub fn focus_with_slash(field: NodeRef<Input>) {
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "/"
            && key_is_unused(&event)
            && let Some(field) = field.get_untracked()
        {
            event.prevent_default();
            let _ = field.focus();
        }
    });
    on_cleanup(move || keys.remove());
}
