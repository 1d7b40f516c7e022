//! What the browser offers: socket, storage, clipboard, files, regular expressions. No other folder touches web-sys for these.

pub mod browser;
pub mod files;
pub mod regex;
pub mod socket;
