//! `cargo xtask bench`: measures Ponte and baselines on the same machine in the same run. Most targets are ratios, not absolute
//! times.
//!
//! [`rows`] has what is measured, [`roles`] the processes that take part, [`suite`] the rounds and verdicts, [`report`] and
//! [`plot`] the output.

mod browser;
mod case;
mod child;
mod client;
mod counted_registry;
mod frames;
mod kafka_config;
mod lab;
mod measurement;
mod native;
mod pace;
mod parent;
mod payload;
mod plot;
mod process;
mod report;
mod role;
mod roles;
mod roundtrip;
mod rows;
mod stats;
mod stopwatch;
mod suite;
mod tally;
mod values;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

use crate::lab::{Lab, Scale};
use crate::report::{Report, Verdict};
use crate::rows::{ROWS, Row};

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Measure Ponte against the floors of the same run")]
struct Arguments {
    /// The rows to measure, `B1` for example; all of them unless named
    rows: Vec<String>,
    /// Of these only the cases whose name contains this, `1 KiB` for example
    #[arg(long, value_name = "TEXT", default_value = "")]
    case: String,
    /// How often each is measured
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// One round of a few records: do the benchmarks still work? No verdict, no file
    #[arg(long)]
    quick: bool,
    /// The rows that watch memory take their time: B7 five minutes instead of one, B5 ten more
    #[arg(long)]
    long: bool,
    /// The release build of the bridge
    #[arg(long, value_name = "FILE")]
    bridge: PathBuf,
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let outcome = match (words.next().as_deref(), words.next()) {
        (Some(role::COMMAND), Some(text)) => role::play(&text),
        _ => run(Arguments::parse()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let rows = chosen(&arguments.rows)?;
    process::allow_many_files()?;
    let lab = Lab::open(Scale { quick: arguments.quick, long: arguments.long }, arguments.bridge)?;
    let rounds = if arguments.quick { 1 } else { arguments.rounds };
    let mut lines = Vec::new();
    for row in rows {
        eprintln!("{}: {}", row.name, row.about);
        lines.extend(rows::measure(row, &lab, &arguments.case, rounds, !arguments.quick).with_context(|| row.name)?);
    }
    drop(lab);

    let report = Report::new(lines);
    println!("{}\n\n{}", suite::rule(), report.table());
    if arguments.quick {
        let failed = report.lines.iter().any(|line| line.verdict == Verdict::Failed);
        ensure!(!failed, "not every measurement came to its end; the reasons are above");
        return Ok(());
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    println!("{}", report.save(&directory)?.display());
    plot::draw(&Report::history(&directory)?, &directory)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    let find = |name: &String| match ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name)) {
        Some(row) => Ok(row),
        None => {
            bail!("{name:?} is no row; there are {}", ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", "))
        }
    };
    if names.is_empty() { Ok(ROWS.iter().collect()) } else { names.iter().map(find).collect() }
}
