//! `cargo xtask test`: prepares the machine, builds the bridge, runs every test and counts them, the skipped ones by name.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, run as run_command, show, target_dir};
use crate::setup;

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Run only tests whose name contains this
    #[arg(long)]
    filter: Option<String>,
    /// Repeat what is random, and wait for what takes long: hundreds of seeds and minutes of faults instead of a share
    /// that everybody waits for. Sets PONTE_LONG and PROPTEST_CASES; PONTE_SEED=n runs one failing seed again
    #[arg(long)]
    long: bool,
}

/// Of each property, instead of proptest's 256.
const LONG_RUN_CASES: &str = "5000";

pub(crate) fn run(options: &Options) -> Result<()> {
    // What is missing shows as skipped tests, each with its reason; a machine without Java can still run all the others.
    if let Err(error) = setup::run() {
        eprintln!("warning: {error:#}");
    }
    let skip_log = target_dir().join("skipped-tests");
    remove_file(&skip_log)?;
    // Left by test programs that were killed.
    let _ = fs::remove_dir_all(target_dir().join("kafka").join("tmp"));

    // The whole workspace at once, here and below: cargo unites the features of what it builds together, so a bridge built
    // alone would compile half of the dependencies a second time.
    run_command(&mut cargo(&["build", "--workspace", "--bins"]))?;

    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    tests.env("PONTE_BRIDGE_BIN", bridge_binary()).env("PONTE_SKIP_LOG", &skip_log);
    if options.long {
        tests.env("PONTE_LONG", "1");
        if std::env::var_os("PROPTEST_CASES").is_none() {
            tests.env("PROPTEST_CASES", LONG_RUN_CASES);
        }
    }
    if let Some(filter) = &options.filter {
        tests.args(["--", filter]);
    }
    let mut count = count_while_running(&mut tests)?;

    let skipped = skipped_tests(&skip_log)?;
    skipped.iter().for_each(|line| println!("{line}"));
    // To the test harness a test that returns early has passed. It did not.
    count.passed = count.passed.saturating_sub(skipped.len());
    count.skipped += skipped.len();

    let Count { passed, failed, skipped } = count;
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    match count {
        Count { failed: 1.., .. } => bail!("tests failed"),
        Count { skipped: 1.., .. } if in_ci => bail!("with CI=true a skipped test is a failure; the reasons are above"),
        _ => Ok(()),
    }
}

fn bridge_binary() -> PathBuf {
    target_dir().join("debug").join(format!("bridge{}", std::env::consts::EXE_SUFFIX))
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Count {
    /// Reads the closing line of one test program: `test result: ok. 2 passed; 0 failed; 1 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let number_of = |what: &str| -> Option<usize> {
            let part = numbers.split(';').find_map(|part| part.trim().strip_suffix(what))?;
            part.trim().parse().ok()
        };
        Some(Self { passed: number_of("passed")?, failed: number_of("failed")?, skipped: number_of("ignored")? })
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

fn count_while_running(command: &mut Command) -> Result<Count> {
    let shown = show(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let mut count = Count::default();
    let output = child.stdout.take().context("the child's output is a pipe")?;
    for line in BufReader::new(output).split(b'\n') {
        // Tests may print anything, invalid UTF-8 included.
        let line = String::from_utf8_lossy(&line.context("cannot read the tests' output")?).into_owned();
        println!("{line}");
        if let Some(program) = Count::parse(&line) {
            count.add(program);
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{shown}`"))?;
    if !status.success() && count.failed == 0 {
        // A program that crashed or did not compile prints no closing line.
        count.failed = 1;
    }
    Ok(count)
}

fn skipped_tests(log: &Path) -> Result<Vec<String>> {
    match fs::read_to_string(log) {
        Ok(text) => Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", log.display())),
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_of_a_test_program_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(Count::parse(line), Some(Count { passed: 12, failed: 3, skipped: 1 }));
        assert_eq!(Count::parse("test result_is_printed ... ok"), None);
    }
}
