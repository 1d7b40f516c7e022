//! Mounts the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    // Not of leptos, which sets its own executor when the page is mounted.
    wasm_bindgen_futures::spawn_local(async {
        frontend::load_texts().await;
        leptos::mount::mount_to_body(frontend::App);
        // index.html shows this element until here: the logo, and an error message if the page does not start.
        if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
            boot.remove();
        }
    });
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is a web page: compile it for wasm32-unknown-unknown, or run `cargo run -p bridge`, which does.");
}
