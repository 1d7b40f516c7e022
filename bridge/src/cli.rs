//! The terminal programs: `bridge produce`, `bridge consume`, `bridge topics`, `bridge groups`, `bridge registry`, `bridge search` and `bridge healthcheck`.

mod confirmation;
pub mod consume;
mod decoding;
mod encoding;
pub mod groups;
pub mod healthcheck;
mod http;
mod input;
pub mod output;
pub mod produce;
pub mod registry;
pub mod search;
mod target;
pub mod topics;

/// The error as the terminal programs print it: only its message.
fn failed(error: protocol::ErrorBody) -> anyhow::Error {
    anyhow::anyhow!("{}", error.message)
}
