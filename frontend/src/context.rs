//! What every component can reach: store, preferences and navigation. `App` provides them.

pub mod error_text;
pub mod format_word;
pub mod navigation;
pub mod permissions;
pub mod request_error;
pub mod settings;
pub mod store;

use leptos::prelude::expect_context;

use self::navigation::Navigation;
use self::settings::Preferences;
use self::store::Store;

pub fn store() -> Store {
    expect_context()
}

pub fn preferences() -> Preferences {
    expect_context()
}

pub fn navigation() -> Navigation {
    expect_context()
}
