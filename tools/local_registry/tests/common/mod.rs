//! Starts the registry, or says why a test is skipped.

use std::fs::File;
use std::io::Write as _;

use local_registry::{Installation, LocalRegistry, Options};

/// A running registry. If this machine cannot run one, the test fails; only with `PONTE_SKIP_LOG` it is skipped and this is `None`.
pub fn registry(test: &str, options: &Options) -> Option<LocalRegistry> {
    match Installation::find_or_fetch() {
        Ok(installation) => Some(installation.start(options).expect("a registry that starts")),
        Err(reason) => {
            skip(test, &reason.to_string());
            None
        }
    }
}

/// Appends the test to the file in `PONTE_SKIP_LOG`, which `cargo xtask test` prints at the end; fails if the variable is not set.
fn skip(test: &str, reason: &str) {
    let Some(log) = std::env::var_os("PONTE_SKIP_LOG") else {
        panic!(
            "local_registry::{test} cannot run: {reason}. `cargo xtask setup` installs what the tests need; `cargo xtask test` runs \
             all of them and lists those that this machine cannot run"
        );
    };
    let line = format!("SKIPPED: local_registry::{test}: {reason}");
    println!("{line}");
    let mut log = File::options().create(true).append(true).open(log).expect("PONTE_SKIP_LOG is writable");
    writeln!(log, "{line}").expect("PONTE_SKIP_LOG is writable");
}
