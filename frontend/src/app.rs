//! The frame around the features: layout, top bar, banner, toasts and shortcuts. Features do not depend on it.

pub mod account;
pub mod banner;
pub mod broker_pill;
mod cluster_switch;
pub mod connection_pill;
pub mod root;
pub mod shortcuts;
pub mod toasts;
pub mod top_bar;

pub use root::App;
