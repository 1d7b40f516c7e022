//! One measured number.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The unit of a number, which decides how it is printed and whether more is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    RecordsPerSecond,
    Records,
    Microseconds,
    Bytes,
    FramesPerSecond,
    /// The number of processors that were busy all the time.
    Cores,
}

impl Unit {
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::RecordsPerSecond | Self::FramesPerSecond)
    }

    /// Whether a value, or a ratio of values, is as good as its target.
    pub fn reaches(self, value: f64, target: f64) -> bool {
        if self.more_is_better() { value >= target } else { value <= target }
    }

    /// A value in this unit, short enough for a table.
    pub fn show(self, value: f64) -> String {
        let scaled = |steps: &[(f64, &str); 3]| {
            let (factor, name) = steps.iter().find(|(factor, _)| value >= *factor).copied().unwrap_or(steps[2]);
            let digits = if value / factor >= 100.0 { 0 } else { 2 };
            format!("{:.digits$} {name}", value / factor)
        };
        match self {
            Self::RecordsPerSecond => scaled(&[(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")]),
            Self::Records => format!("{value:.0}"),
            Self::Microseconds => scaled(&[(1e6, "s"), (1e3, "ms"), (1.0, "µs")]),
            Self::FramesPerSecond => format!("{value:.1} fps"),
            Self::Cores => format!("{value:.2} cores"),
            Self::Bytes => scaled(&[(1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "B")]),
        }
    }
}

/// A value in the unit of its metric, and its CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    pub value: f64,
    /// User and system time of the measured process for each record.
    pub cpu_ns: Option<f64>,
}

impl Measurement {
    pub fn of(value: f64) -> Self {
        Self { value, cpu_ns: None }
    }

    /// In microseconds.
    pub fn of_time(time: Duration) -> Self {
        Self::of(time.as_secs_f64() * 1e6)
    }
}

/// How fast records went through a process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    pub records: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
}

impl From<Throughput> for Measurement {
    #[expect(clippy::cast_precision_loss, reason = "counts of records are far below 2^52")]
    fn from(run: Throughput) -> Self {
        let records = run.records as f64;
        Self { value: records / run.seconds, cpu_ns: Some(run.cpu_seconds * 1e9 / records) }
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Unit::RecordsPerSecond.show(Measurement::from(*self).value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_shown_with_a_fitting_unit() {
        assert_eq!(Unit::RecordsPerSecond.show(2_345_678.0), "2.35 M/s");
        assert_eq!(Unit::Microseconds.show(330.0), "330 µs");
        assert_eq!(Unit::Microseconds.show(0.5), "0.50 µs");
        assert_eq!(Unit::Bytes.show(20.0 * 1024.0 * 1024.0), "20.00 MiB");
    }
}
