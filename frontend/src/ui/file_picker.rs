//! A button that opens the browser's file dialog.

use leptos::ev::Event;
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
    let on_change = move |event: Event| {
        if let Some(file) = files::chosen(&event) {
            on_file(file);
        }
    };
    picker(label, testid, picker_testid, accept, class, false, Box::new(on_change))
}

/// The same for several files at once.
#[component]
pub fn FilesPicker(
    label: fn(&Words) -> &'static str,
    testid: &'static str,
    picker_testid: &'static str,
    accept: &'static str,
    on_files: impl Fn(Vec<File>) + 'static,
) -> impl IntoView {
    let on_change = move |event: Event| {
        let files = files::all_chosen(&event);
        if !files.is_empty() {
            on_files(files);
        }
    };
    picker(label, testid, picker_testid, Some(accept), "link", true, Box::new(on_change))
}

fn picker(
    label: fn(&Words) -> &'static str,
    testid: &'static str,
    picker_testid: &'static str,
    accept: Option<&'static str>,
    class: &'static str,
    is_multiple: bool,
    on_change: Box<dyn Fn(Event)>,
) -> AnyView {
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
            multiple=is_multiple
            class="out-of-sight"
            tabindex="-1"
            node_ref=picker
            data-testid=picker_testid
            aria-label=prefs.text(label)
            on:change=on_change
        />
    }
    .into_any()
}
