//! The results: a table for people, and a file for the history.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::measurement::Unit;
use crate::stats::Summary;

/// One metric of one case against one floor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub row: String,
    pub case: String,
    pub metric: String,
    pub unit: Unit,
    pub floor_name: String,
    pub ours: Value,
    pub floor: Value,
    /// Our value divided by the floor, for each round.
    pub ratio: Option<Summary>,
    /// The target of the ratio: at least, or at most if less is better.
    pub target: Option<f64>,
    /// The limit of our value itself.
    pub limit: Option<f64>,
    pub verdict: Verdict,
    /// How many rounds counted, and how many did not.
    pub rounds: usize,
    pub void: usize,
    /// Why rounds failed.
    pub failures: Vec<String>,
    /// All complete rounds, in order.
    pub samples: Vec<Sample>,
}

/// One round of one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    pub ours: f64,
    /// The floor before and after ours; empty if the case has no floor.
    pub floor: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Value {
    pub value: Option<Summary>,
    pub cpu_ns: Option<Summary>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Missed,
    /// No target, or a smoke test.
    NotJudged,
    /// No round counted.
    Void,
    /// No round came to an end.
    Failed,
}

/// A run of the benchmarks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// UTC, `2026-11-22`.
    pub date: String,
    /// The short hash, `+` behind it when there were changes.
    pub commit: String,
    pub machine: Machine,
    pub lines: Vec<Line>,
}

/// The machine of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub kernel: String,
}

impl Report {
    pub fn new(lines: Vec<Line>) -> Self {
        let date = time::OffsetDateTime::now_utc().date().to_string();
        Self { date, commit: commit(), machine: Machine::this(), lines }
    }

    /// Writes `<date>-<commit>.json` into the directory of the history.
    pub fn save(&self, directory: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join(format!("{}-{}.json", self.date, self.commit));
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Every saved run, oldest first.
    pub fn history(directory: &Path) -> Result<Vec<Self>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let written = path.metadata()?.modified()?;
                paths.push((written, path));
            }
        }
        let read = |(_, path): &(_, PathBuf)| -> Result<Self> {
            let text = std::fs::read_to_string(path)?;
            serde_json::from_str(&text).with_context(|| format!("{} is no report", path.display()))
        };
        paths.sort();
        let mut reports = paths.iter().map(read).collect::<Result<Vec<Self>>>()?;
        // In a clone every file has the same time, so runs are ordered by date and then by time of writing.
        reports.sort_by(|a, b| a.date.cmp(&b.date));
        Ok(reports)
    }

    pub fn table(&self) -> String {
        let header =
            ["row", "case", "metric", "ours", "floor", "", "ratio", "target", "", "CPU ns ours / floor", "rounds"];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        rows.extend(self.lines.iter().map(Line::cells));
        let widths: Vec<usize> = (0..header.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut table = String::new();
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(line, "{cell}{}  ", " ".repeat(width - cell.chars().count()));
            }
            let _ = writeln!(table, "{}", line.trim_end());
        }
        table
    }
}

impl Line {
    fn cells(&self) -> Vec<String> {
        let value = |value: Option<Summary>| value.map_or("–".to_owned(), |value| self.unit.show(value.median));
        let ratio = self.ratio.map_or("–".to_owned(), |ratio| format!("{:.3} ± {:.3}", ratio.median, ratio.mad));
        let sign = if self.unit.more_is_better() { "≥" } else { "≤" };
        let targets = [
            self.target.map(|target| format!("{sign} {target:.2}")),
            self.limit.map(|limit| format!("{sign} {}", self.unit.show(limit))),
        ];
        let target = targets.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let cpu = match (self.ours.cpu_ns, self.floor.cpu_ns) {
            (Some(ours), Some(floor)) => format!("{:.0} / {:.0}", ours.median, floor.median),
            (Some(ours), None) => format!("{:.0}", ours.median),
            _ => String::new(),
        };
        let rounds =
            if self.void == 0 { self.rounds.to_string() } else { format!("{} ({} void)", self.rounds, self.void) };
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Missed => "MISSED",
            Verdict::NotJudged => "",
            Verdict::Void => "VOID",
            Verdict::Failed => "FAILED",
        };
        vec![
            self.row.clone(),
            self.case.clone(),
            self.metric.clone(),
            value(self.ours.value),
            value(self.floor.value),
            self.floor_name.clone(),
            ratio,
            target,
            verdict.to_owned(),
            cpu,
            rounds,
        ]
    }
}

impl Machine {
    fn this() -> Self {
        let field = |path: &str, name: &str| {
            let text = std::fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.rsplit(':').next()?.trim().to_owned())
        };
        Self {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            kernel: field("/proc/sys/kernel/osrelease", "").unwrap_or_default(),
        }
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(hash) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    // Changed result files are no change of what was measured.
    let changes = git(&["status", "--porcelain", "--", "..", ":!results"]).unwrap_or_default();
    if changes.is_empty() { hash } else { format!("{hash}+") }
}
