//! Helpers of the end-to-end tests: a bridge as a child process, a WebSocket client, the three kinds of Kafka with independent
//! checks, and a real browser. The tests are in `tests/e2e/`.

pub mod accessibility;
pub mod batches;
pub mod bridge;
pub mod broker_proxy;
pub mod browser;
pub mod certificates;
pub mod client;
pub mod collector;
pub mod configuration;
pub mod fence;
pub mod gate;
pub mod history;
pub mod http;
pub mod http_browser;
pub mod judge;
pub mod kafka;
pub mod log;
pub mod nginx;
pub mod offset_commit;
pub mod oidc_provider;
pub mod page;
pub mod payloads;
pub mod program;
pub mod promtool;
pub mod proxy;
pub mod python;
pub mod raw;
pub mod registry;
pub mod scale;
pub mod search;
pub mod skip;
pub mod socket;
pub mod survivor;
pub mod system_bundle;
pub mod tls_server;
pub mod tls_tunnel;
pub mod transaction;
pub mod wait;
pub mod watch;
pub mod wire;

pub use bridge::Bridge;
pub use browser::Browser;
pub use client::Client;
pub use kafka::Kafka;
pub use nginx::Nginx;
pub use page::Page;
pub use program::Program;
pub use proxy::Proxy;
pub use raw::Raw;
pub use socket::Socket;
pub use survivor::Survivor;
pub use wait::{PATIENCE, eventually, eventually_within, unique};
pub use watch::Watch;
pub use wire::Wire;

/// Prints a measured size or count. Times are measured by `cargo xtask bench`.
pub fn measured(name: &str, value: impl std::fmt::Display) {
    say(&format!("MEASURED {name} {value}"));
}

/// Prints even if the test passes, when the test harness would discard the output.
fn say(line: &str) {
    use std::io::Write;
    // A closed standard output must not fail a test.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
