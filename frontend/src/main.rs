//! Mounts the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    leptos::mount::mount_to_body(frontend::App);
    // What stood in its place meanwhile, with the words for the case that it does not get so far.
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        boot.remove();
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is a web page: compile it for wasm32-unknown-unknown, or run `cargo run -p bridge`, which does.");
}
