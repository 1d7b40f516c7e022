//! `cargo xtask ci`: everything that must pass, in the order of how soon it can fail, with the time that each step took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::programs::{cargo, run as run_command};
use crate::{test, tidy};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 4] = [("format", format), ("tidy", tidy::run), ("clippy", clippy), ("test", all_tests)];

pub(crate) fn run() -> Result<()> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (name, step) in STEPS {
        println!("== {name}");
        let start = Instant::now();
        let result = step();
        times.push((name, start.elapsed()));
        if result.is_err() {
            print_times(&times);
        }
        result.with_context(|| format!("`{name}` failed"))?;
    }
    print_times(&times);
    Ok(())
}

fn print_times(times: &[(&str, Duration)]) {
    let steps: Vec<_> = times.iter().map(|(name, time)| format!("{name} {} s", time.as_secs())).collect();
    eprintln!("time: {}", steps.join(", "));
}

fn format() -> Result<()> {
    run_command(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    // Without the page: it would be compiled only to be looked at by nobody. The variable makes nothing but the bridge's own
    // build script run again.
    let mut native = cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
    run_command(native.env("PONTE_SKIP_PAGE", "1"))?;
    // The page's components exist for wasm only; the line above saw no more of the frontend than its state.
    let wasm = ["--package", "frontend", "--target", "wasm32-unknown-unknown", "--", "--deny", "warnings"];
    run_command(cargo(&["clippy"]).args(wasm))
}

fn all_tests() -> Result<()> {
    test::run(&test::Options::default())
}
