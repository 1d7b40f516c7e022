//! The frame around every feature: layout, store, navigation, banner, toasts and confirmation dialog.

pub mod banner;
pub mod broker_pill;
pub mod confirm_dialog;
pub mod connection_pill;
pub mod error_text;
pub mod lazy;
pub mod navigation;
pub mod permissions;
pub mod request_error;
pub mod root;
pub mod settings;
pub mod shortcuts;
pub mod store;
pub mod toasts;
pub mod top_bar;
pub mod view_frame;

pub use root::App;

use leptos::prelude::expect_context;

use self::confirm_dialog::Confirmations;
use self::navigation::Navigation;
use self::settings::Preferences;
use self::store::Store;

// `App` provides these contexts to every component.

pub fn store() -> Store {
    expect_context()
}

pub fn preferences() -> Preferences {
    expect_context()
}

pub fn navigation() -> Navigation {
    expect_context()
}

pub fn confirmations() -> Confirmations {
    expect_context()
}
