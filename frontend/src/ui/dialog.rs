//! A modal dialog. Escape, the close button or a press outside of the dialog closes it; the focus then returns to the element
//! that had it before.

use leptos::ev::PointerEvent;
use leptos::html::Dialog as DialogElement;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::preferences;

/// The contents are created when the dialog opens, so that its fields are empty each time. The element with `autofocus` gets
/// the focus.
#[component]
pub fn Dialog(
    open: RwSignal<bool>,
    testid: &'static str,
    #[prop(into)] title: Signal<String>,
    children: ChildrenFn,
) -> impl IntoView {
    let prefs = preferences();
    let dialog = NodeRef::<DialogElement>::new();
    let title_id = format!("{testid}-title");
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            (true, false) => {
                // Fails only for a dialog that is not in the document.
                let _ = dialog.show_modal();
                // In the next frame the contents are in the document.
                request_animation_frame(move || {
                    let field = dialog.query_selector("[autofocus]").ok().flatten();
                    if let Some(field) = field.and_then(|field| field.dyn_into::<web_sys::HtmlElement>().ok()) {
                        let _ = field.focus();
                    }
                });
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let labelled_by = title_id.clone();
    let children = StoredValue::new(children);
    let close_if_outside = move |event: PointerEvent| {
        // The target of a press outside of the box is the dialog element itself.
        if event.target() == event.current_target() {
            open.set(false);
        }
    };
    view! {
        <dialog
            class="dialog"
            data-testid=testid
            node_ref=dialog
            aria-labelledby=labelled_by
            on:close=move |_| open.set(false)
            on:pointerdown=close_if_outside
        >
            <div class="dialog-box">
                <div class="dialog-head">
                    <h2 id=title_id>{move || title.get()}</h2>
                    <button
                        type="button"
                        class="icon"
                        aria-label=prefs.text(|w| w.close)
                        on:click=move |_| open.set(false)
                    >
                        "×"
                    </button>
                </div>
                <Show when=move || open.get()>{move || children.with_value(|children| children())}</Show>
            </div>
        </dialog>
    }
}
