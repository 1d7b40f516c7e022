//! An element that accepts a dropped file. It has the class `drop-here` while a file is dragged over it.

use leptos::prelude::*;
use web_sys::File;

use crate::platform::files;

#[component]
pub fn DropZone(
    class: &'static str,
    #[prop(optional)] testid: Option<&'static str>,
    on_file: impl Fn(File) + 'static,
    children: Children,
) -> impl IntoView {
    let is_over = RwSignal::new(false);
    view! {
        <div
            class=class
            class:drop-here=move || is_over.get()
            data-testid=testid
            on:dragover=move |event| {
                event.prevent_default();
                is_over.set(true);
            }
            on:dragleave=move |_| is_over.set(false)
            on:drop=move |event| {
                is_over.set(false);
                if let Some(file) = files::dropped(&event) {
                    on_file(file);
                }
            }
        >
            {children()}
        </div>
    }
}
