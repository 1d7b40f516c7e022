//! The dialog that lists the keyboard shortcuts.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::Words;
use crate::ui::dialog::Dialog;
use crate::ui::lazy::{Lazy, lazy_part};

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

lazy_part! {
    /// The keys and what they do.
    dialogs, load_shortcuts, pub fn shortcuts() -> LoadedView {
        Ok(view! { <ShortcutList /> }.into_any())
    }
}

#[component]
pub fn Shortcuts(open: RwSignal<bool>) -> impl IntoView {
    let prefs = preferences();
    view! {
        <Dialog open=open testid="shortcut-list" title=Signal::derive(move || prefs.words().shortcuts.to_owned())>
            <Lazy preload=load_shortcuts view=shortcuts />
        </Dialog>
    }
}

#[component]
fn ShortcutList() -> impl IntoView {
    let prefs = preferences();
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
    view! { <dl class="shortcuts">{rows}</dl> }
}
