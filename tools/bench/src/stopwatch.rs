//! Time and another process's CPU time between two moments.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::measurement::Throughput;
use crate::process::cpu_time;

pub struct Stopwatch {
    pid: u32,
    begin: Instant,
    cpu_before: Duration,
}

impl Stopwatch {
    /// Starts to watch a process.
    pub fn over(pid: u32) -> Result<Self> {
        Ok(Self { pid, cpu_before: cpu_time(pid)?, begin: Instant::now() })
    }

    /// What it took for so many records.
    pub fn stop(&self, records: u64) -> Result<Throughput> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let cpu_seconds = (cpu_time(self.pid)? - self.cpu_before).as_secs_f64();
        Ok(Throughput { records, seconds, cpu_seconds })
    }
}
