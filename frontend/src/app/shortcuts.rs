//! Keyboard shortcuts: the dialog that lists them, and whether a key press may trigger one.

use leptos::ev::MouseEvent;
use leptos::html::Dialog;
use leptos::prelude::*;

use crate::context::preferences;

use crate::i18n::Words;

/// A key and what it does.
type Shortcut = (fn(&Words) -> String, fn(&Words) -> &'static str);

const SHORTCUTS: [Shortcut; 9] = [
    (|words| format!("{} ↵", words.keys_ctrl), |words| words.keys_send),
    (|_| "/".to_owned(), |words| words.keys_filter),
    (|words| words.keys_space.to_owned(), |words| words.keys_pause),
    (|_| "↑ ↓".to_owned(), |words| words.keys_move),
    (|words| words.keys_enter.to_owned(), |words| words.keys_open),
    (|_| "r".to_owned(), |words| words.keys_replay),
    (|_| "g G".to_owned(), |words| words.keys_ends),
    (|_| "Esc".to_owned(), |words| words.keys_close),
    (|_| "?".to_owned(), |words| words.keys_help),
];

#[component]
pub fn Shortcuts(open: RwSignal<bool>) -> impl IntoView {
    let prefs = preferences();
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            // Fails only for a dialog that is not in the document.
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let rows = move || {
        let words = prefs.words();
        SHORTCUTS
            .into_iter()
            .map(|(keys, what)| {
                view! {
                    <div>
                        <dt>
                            <kbd>{keys(words)}</kbd>
                        </dt>
                        <dd>{what(words)}</dd>
                    </div>
                }
            })
            .collect::<Vec<_>>()
    };
    let close_if_outside = move |event: MouseEvent| {
        // The target of a click outside of the box is the dialog element itself.
        if event.target() == event.current_target() {
            open.set(false);
        }
    };
    view! {
        <dialog
            class="shortcuts"
            node_ref=dialog
            aria-labelledby="shortcuts-title"
            on:close=move |_| open.set(false)
            on:click=close_if_outside
        >
            <div class="shortcuts-box">
                <div class="shortcuts-head">
                    <h2 id="shortcuts-title">{prefs.text(|w| w.shortcuts)}</h2>
                    <button
                        type="button"
                        class="icon"
                        aria-label=prefs.text(|w| w.close)
                        on:click=move |_| open.set(false)
                    >
                        "×"
                    </button>
                </div>
                <dl>{rows}</dl>
            </div>
        </dialog>
    }
}
