//! A test that cannot run on this machine fails, and its message says what to install. Only if `PONTE_SKIP_LOG` names a file, the
//! test is skipped: its name and the reason are appended to that file, which `cargo xtask test` prints and counts at the end.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Fails the running test, or skips it if `PONTE_SKIP_LOG` is set. The caller returns after a skip.
pub fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(!in_ci(), "{test} cannot run: {reason}. In CI no test may be skipped: run `cargo xtask setup` first");
    let Some(log) = std::env::var_os("PONTE_SKIP_LOG") else {
        panic!(
            "{test} cannot run: {reason}. `cargo xtask setup` installs what the tests need; `cargo xtask test` runs all of \
             them and lists those that this machine cannot run"
        );
    };
    let line = format!("SKIPPED: {test}: {reason}");
    crate::say(&line);
    let written = OpenOptions::new().create(true).append(true).open(&log).and_then(|mut log| writeln!(log, "{line}"));
    written.unwrap_or_else(|error| panic!("PONTE_SKIP_LOG={}: {error}", log.display()));
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The full path of a program that a test needs; `None` after a skip.
pub fn need_program(name: &str) -> Option<PathBuf> {
    let found = find_program(name);
    if found.is_none() {
        skip(&format!("{name} is not installed (cargo xtask setup)"));
    }
    found
}

pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Server programs are in `/usr/sbin`, which is not in every user's path, or were unpacked by `cargo xtask setup`.
    let others = [PathBuf::from("/usr/sbin"), target_dir().join("debian")];
    std::env::split_paths(&path).chain(others).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Cargo's target directory.
pub fn target_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(target)
}
