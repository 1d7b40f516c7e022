//! `cargo xtask ci`: everything that must pass, in the order of how soon it can fail, with the time that each step took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::programs::{ALL_PACKAGES, cargo, run as run_command, target_dir};
use crate::{format, test, tidy};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 4] = [("format", check_format), ("tidy", tidy::run), ("clippy", clippy), ("test", all_tests)];

const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];

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

fn check_format() -> Result<()> {
    format::run(format::Mode::Check)
}

fn clippy() -> Result<()> {
    // The page is built here too, although no lint needs it: its last crate compiles on one core for minutes. Here OpenSSL and
    // librdkafka compile on the other core meanwhile, and the tests use the same page.
    run_command(cargo(&["clippy", "--all-targets", ALL_PACKAGES]).args(DENY_WARNINGS))?;
    // The page's components exist for wasm only; the line above saw no more of the frontend than its state. Where the page was
    // built, since the macros that it needs were compiled there.
    let wasm =
        ["--package", "frontend", "--features", "split", "--target", "wasm32-unknown-unknown", "--profile", "page"];
    run_command(cargo(&["clippy", "--target-dir"]).arg(target_dir().join("page")).args(wasm).args(DENY_WARNINGS))
}

fn all_tests() -> Result<()> {
    test::run(&test::Options::default())
}
