//! `cargo xtask test`: prepares the machine, builds the bridge, runs all tests, and reports their number and the
//! skipped ones.

mod report;

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::programs::{ALL_PACKAGES, cargo, in_ci, run as run_command, show, target_dir};
use crate::setup;
use report::{Count, Report};

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Run only tests whose name contains this
    #[arg(long)]
    filter: Option<String>,
    /// Run randomised tests with hundreds of seeds, and slow tests for minutes. Sets PONTE_LONG and PROPTEST_CASES;
    /// PONTE_SEED=n repeats one failing seed
    #[arg(long)]
    long: bool,
}

/// The number of tests that run at the same time. A test mostly waits: for Kafka, for timers, for the browser. Half as many tests again
/// as there are cores keep the cores busy, and no time-out is reached.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// The number of cases of each property test; proptest's default is 256.
const LONG_RUN_CASES: &str = "5000";

pub(crate) fn run(options: &Options) -> Result<()> {
    // Tests whose requirements are missing are skipped with a reason, so a machine without Java can run the others.
    if let Err(error) = setup::run() {
        eprintln!("warning: {error:#}");
    }
    let skip_log = target_dir().join("skipped-tests");
    remove_file(&skip_log)?;
    // Directories of test programs that were killed.
    let _ = fs::remove_dir_all(target_dir().join("kafka").join("tmp"));

    run_command(&mut cargo(&["build", "--bins", ALL_PACKAGES]))?;

    let mut tests = cargo(&["test", "--no-fail-fast", ALL_PACKAGES]);
    tests.env("PONTE_BRIDGE_BIN", bridge_binary()).env("PONTE_SKIP_LOG", &skip_log);
    if std::env::var_os(TEST_THREADS).is_none() {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        tests.env(TEST_THREADS, (cores + cores.div_ceil(2)).to_string());
    }
    if options.long {
        tests.env("PONTE_LONG", "1");
        if std::env::var_os("PROPTEST_CASES").is_none() {
            tests.env("PROPTEST_CASES", LONG_RUN_CASES);
        }
    }
    if let Some(filter) = &options.filter {
        tests.args(["--", filter]);
    }
    let report = report_while_running(&mut tests)?;
    let mut count = report.count;

    let skipped = skipped_tests(&skip_log)?;
    report.reasons().iter().for_each(|line| println!("{line}"));
    skipped.iter().for_each(|line| println!("{line}"));
    // The test harness counts skipped tests as passed, because they return early.
    count.passed = count.passed.saturating_sub(skipped.len());
    count.skipped += skipped.len();

    let Count { passed, failed, skipped } = count;
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    match count {
        Count { failed: 1.., .. } => bail!("tests failed"),
        Count { skipped: 1.., .. } if in_ci() => {
            bail!("with CI=true a skipped test is a failure; the reasons are above")
        }
        _ => Ok(()),
    }
}

fn bridge_binary() -> PathBuf {
    target_dir().join("debug").join(format!("bridge{}", std::env::consts::EXE_SUFFIX))
}

fn report_while_running(command: &mut Command) -> Result<Report> {
    let shown = show(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{shown}`"))?;
    let mut report = Report::default();
    let output = child.stdout.take().context("the child's output is a pipe")?;
    for line in BufReader::new(output).split(b'\n') {
        // The output of tests may contain invalid UTF-8.
        let line = String::from_utf8_lossy(&line.context("cannot read the tests' output")?).into_owned();
        println!("{line}");
        report.read(&line);
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{shown}`"))?;
    if !status.success() && report.count.failed == 0 {
        // A test program that crashed or did not compile prints no summary line.
        report.count.failed = 1;
    }
    Ok(report)
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
