//! Mounts the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    leptos::mount::mount_to_body(frontend::app::App);
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is a web page: compile it for wasm32-unknown-unknown, or run `cargo run -p bridge`, which does.");
}
