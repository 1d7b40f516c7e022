//! A text that the browser did not let the page copy, for the user to copy.

use leptos::html::Textarea;
use leptos::prelude::*;

use crate::context::preferences;

/// The text in a field, which has the focus. `uncopied`: the signal that shows it.
#[component]
pub fn Uncopied(text: String, uncopied: RwSignal<Option<String>>) -> impl IntoView {
    let prefs = preferences();
    let field = NodeRef::<Textarea>::new();
    // Once the field is in the document and has its text.
    field.on_load(|field| {
        request_animation_frame(move || {
            let _ = field.focus();
            field.select();
        });
    });
    // The field replaces carriage returns, so the text itself is copied if the user copies all of it.
    let copied = text.clone();
    let on_copy = move |event: leptos::ev::ClipboardEvent| {
        let Some(field) = field.get_untracked() else { return };
        let end = field.selection_end().ok().flatten();
        let is_all = field.selection_start().ok().flatten() == Some(0) && end == Some(field.text_length());
        let data = event.clipboard_data().filter(|_| is_all);
        if data.is_some_and(|data| data.set_data("text/plain", &copied).is_ok()) {
            event.prevent_default();
        }
    };
    view! {
        <div class="uncopied">
            <label for="uncopied">{prefs.text(|w| w.copy_failed)}</label>
            <button type="button" class="button small" on:click=move |_| uncopied.set(None)>
                {prefs.text(|w| w.close)}
            </button>
            <textarea
                id="uncopied"
                data-testid="uncopied"
                readonly
                rows="3"
                node_ref=field
                prop:value=text
                on:copy=on_copy
            ></textarea>
        </div>
    }
}
