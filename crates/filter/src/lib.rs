//! Filters of records: [`CompiledFilter`] is what a user wrote, checked and compiled once; a [`Matcher`] decides for each record
//! of one thread whether it matches.
//!
//! A filter is data of a user, and runs in the bridge over records of any size. So each condition takes time in proportion to the record, and
//! an expression has a limit besides (see `expression`).

mod error;
mod expression;
mod json;
mod matcher;
mod pattern;
mod record;
#[cfg(test)]
mod tests;
mod text;

pub use error::{FilterError, FilterField};
pub use formats::Spot;
pub use matcher::{CompiledFilter, Matcher};
pub use record::{Record, Verdict};
