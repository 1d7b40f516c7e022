//! What cannot run here is named and counted, never passed over; in CI it is a failure.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Says that the running test cannot run, and why. `cargo xtask test` counts the lines of `PONTE_SKIP_LOG`.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(!in_ci(), "{test} cannot run: {reason}. In CI everything runs: cargo xtask setup");

    let line = format!("SKIPPED: {test}: {reason}");
    crate::say(&line);
    if let Some(log) = std::env::var_os("PONTE_SKIP_LOG") {
        let written =
            OpenOptions::new().create(true).append(true).open(&log).and_then(|mut log| writeln!(log, "{line}"));
        written.unwrap_or_else(|error| panic!("PONTE_SKIP_LOG={}: {error}", log.display()));
    }
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The full path of a program that a test wants, or the skip.
pub fn need_program(name: &str) -> Option<PathBuf> {
    let found = find_program(name);
    if found.is_none() {
        skip(&format!("{name} is not installed (apt-get install {name})"));
    }
    found
}

pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
