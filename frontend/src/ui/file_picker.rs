//! A button that opens the browser's file dialog.

use leptos::html::Input;
use leptos::prelude::*;
use web_sys::File;

use crate::context::preferences;
use crate::i18n::Words;
use crate::platform::files;

#[component]
pub fn FilePicker(
    label: fn(&Words) -> &'static str,
    /// The test id of the button.
    testid: &'static str,
    /// The test id of the hidden `<input type="file">`.
    picker_testid: &'static str,
    /// The value of the attribute `accept`; all files by default.
    #[prop(optional)]
    accept: Option<&'static str>,
    #[prop(default = "link")] class: &'static str,
    on_file: impl Fn(File) + 'static,
) -> impl IntoView {
    let prefs = preferences();
    let picker = NodeRef::<Input>::new();
    view! {
        <button
            type="button"
            class=class
            data-testid=testid
            on:click=move |_| {
                if let Some(picker) = picker.get_untracked() {
                    picker.click();
                }
            }
        >
            {prefs.text(label)}
        </button>
        <input
            type="file"
            accept=accept
            class="out-of-sight"
            tabindex="-1"
            node_ref=picker
            data-testid=picker_testid
            aria-label=prefs.text(label)
            on:change=move |event| {
                if let Some(file) = files::chosen(&event) {
                    on_file(file);
                }
            }
        />
    }
}
