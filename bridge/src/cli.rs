//! The terminal programs: `bridge produce` and `bridge consume`, `bridge topics` and `bridge groups`.

mod confirmation;
pub mod consume;
pub mod groups;
pub mod output;
pub mod produce;
mod target;
pub mod topics;

/// A typed error as a terminal shows it; what to do stands in its message.
fn failed(error: protocol::ErrorBody) -> anyhow::Error {
    anyhow::anyhow!("{}", error.message)
}
