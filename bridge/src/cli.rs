//! The two terminal programs: `bridge produce` and `bridge consume`.

pub mod consume;
pub mod produce;
mod target;
