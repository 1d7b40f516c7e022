//! `cargo xtask pictures`: screenshots of the page in every state, wide and narrow, light and dark, and those of the
//! README.

use anyhow::Result;

use crate::programs::{cargo, run as run_command, target_dir};

/// The tests that take the screenshots.
const TESTS: [&str; 2] = ["page_states::", "pictures::"];

pub(crate) fn run() -> Result<()> {
    run_command(&mut cargo(&["build", "--package", "bridge"]))?;
    let tests = ["test", "--package", "tests", "--test", "e2e", "--"];
    run_command(cargo(&tests).args(TESTS).args(["--test-threads", "2"]))?;
    println!("{}", target_dir().join("screenshots").display());
    Ok(())
}
