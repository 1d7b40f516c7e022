//! Wrappers of browser APIs: socket, storage, clipboard, files, regular expressions. Only this folder uses web-sys for them.

pub mod browser;
pub mod files;
pub mod handshake;
pub mod regex;
pub mod sign_out;
pub mod socket;
