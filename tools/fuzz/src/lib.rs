//! What `cargo xtask fuzz` checks. Each function takes any bytes, and panics if a reader breaks a promise. The inputs in
//! `corpus/` are also checked by an ordinary test, so that no mistake that was found once comes back.

mod files;
mod filters;
mod protocol;
mod records;
mod schemas;

pub use files::files;
pub use filters::filters;
pub use protocol::protocol;
pub use records::records;
pub use schemas::schemas;
