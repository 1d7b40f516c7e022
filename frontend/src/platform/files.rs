//! Reads files that the user has chosen or dropped.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DragEvent, File, FileList, HtmlInputElement};

/// The file that was chosen in an `<input type="file">`. Clears the input, so that the same file can be chosen again.
pub fn chosen(event: &leptos::ev::Event) -> Option<File> {
    let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = first(input.files());
    input.set_value("");
    file
}

/// The files that were chosen in an `<input type="file" multiple>`.
pub fn all_chosen(event: &leptos::ev::Event) -> Vec<File> {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
        return Vec::new();
    };
    let files = input.files().into_iter().flat_map(|files| (0..files.length()).filter_map(move |at| files.get(at)));
    let files = files.collect();
    input.set_value("");
    files
}

/// The file that was dropped. Prevents the browser from opening it.
pub fn dropped(event: &DragEvent) -> Option<File> {
    let file = first(event.data_transfer()?.files());
    if file.is_some() {
        event.prevent_default();
        event.stop_propagation();
    }
    file
}

fn first(files: Option<FileList>) -> Option<File> {
    files?.get(0)
}

/// Reads files and calls `on_read` with their names and bytes. Does nothing if one was deleted meanwhile.
pub fn read_all(files: Vec<File>, on_read: impl FnOnce(Vec<(String, Vec<u8>)>) + 'static) {
    leptos::task::spawn_local(async move {
        let mut contents = Vec::new();
        for file in files {
            let Ok(buffer) = JsFuture::from(file.array_buffer()).await else { return };
            contents.push((file.name(), js_sys::Uint8Array::new(&buffer).to_vec()));
        }
        on_read(contents);
    });
}

/// Reads a file and calls `on_read` with its name and bytes. Does nothing if the file was deleted meanwhile.
pub fn read(file: File, on_read: impl FnOnce(String, Vec<u8>) + 'static) {
    leptos::task::spawn_local(async move {
        if let Ok(buffer) = JsFuture::from(file.array_buffer()).await {
            on_read(file.name(), js_sys::Uint8Array::new(&buffer).to_vec());
        }
    });
}
