//! Runs a real schema registry on this machine without Docker: Apicurio Registry from Maven Central, run by Java.
//!
//! [`Installation::find_or_fetch`] → [`Installation::start`] → [`LocalRegistry`]. Schemas are kept in memory and are gone after
//! a restart. Tests use it as a real registry; `cargo xtask registry up` runs it in the background
//! ([`LocalRegistry::detach`], [`Detached`]).

mod detached;
mod installation;
mod server;

pub use detached::Detached;
pub use installation::{Installation, VERSION};
pub use local_kafka::Unavailable;
pub use server::{LocalRegistry, Options, Port};
