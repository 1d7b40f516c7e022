//! What the end-to-end tests stand on: a bridge as a child process, a client of its socket, Kafka in three forms with
//! independent judges, a real browser. The claims themselves are in `tests/e2e/`.

pub mod accessibility;
pub mod batches;
pub mod bridge;
pub mod broker_proxy;
pub mod browser;
pub mod client;
pub mod fence;
pub mod history;
pub mod http;
pub mod judge;
pub mod kafka;
pub mod log;
pub mod oidc_provider;
pub mod page;
pub mod payloads;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod scale;
pub mod skip;
pub mod socket;
pub mod survivor;
pub mod system_bundle;
pub mod tls_server;
pub mod transaction;
pub mod wait;
pub mod watch;
pub mod wire;

pub use bridge::Bridge;
pub use browser::Browser;
pub use client::Client;
pub use kafka::Kafka;
pub use page::Page;
pub use program::Program;
pub use proxy::Proxy;
pub use raw::Raw;
pub use socket::Socket;
pub use survivor::Survivor;
pub use wait::{PATIENCE, eventually, eventually_within, unique};
pub use watch::Watch;
pub use wire::Wire;

/// A number of the table, for the log: what was measured on this machine, in this run.
pub fn measured(name: &str, value: impl std::fmt::Display) {
    say(&format!("MEASURED {name} {value}"));
}

/// Past the test harness, which keeps to itself what a passing test prints.
fn say(line: &str) {
    use std::io::Write;
    // A closed standard output is no reason to fail.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
