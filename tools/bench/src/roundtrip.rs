//! Sends records and receives them again, with the same procedure for the bridge and for the floor.

use std::ops::Range;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use crate::measurement::Throughput;
use crate::pace::{Latencies, Pace, Percentiles, Schedule, WARM_UP};
use crate::stopwatch::Stopwatch;

/// The result.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RoundTrips {
    pub latency: Percentiles,
    pub throughput: Throughput,
}

/// Sends records by number; numbers rise from 0 without a gap.
pub trait Send: std::marker::Send {
    fn send(&mut self, numbers: Range<u64>) -> Result<()>;

    /// Waits until no record is in flight.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Waits for records that were sent.
pub trait See {
    /// The numbers of the next received records, in order.
    fn see(&mut self, seen: &mut Vec<u64>) -> Result<()>;
}

/// Sends at this pace; the CPU time is that of the process `watched`.
pub fn measure(pace: Pace, watched: u32, mut sender: impl Send, seer: impl See) -> Result<RoundTrips> {
    let mut seer = Watcher { seer, waiting: Vec::new(), next: 0 };
    let mut latencies = Latencies::new()?;
    for number in 0..WARM_UP {
        sender.send(number..number + 1)?;
        seer.wait_for(number)?;
    }
    let stopwatch = Stopwatch::over(watched)?;
    let records = match pace {
        Pace::OneInFlight { records } => {
            for number in WARM_UP..WARM_UP + records {
                let begin = Instant::now();
                sender.send(number..number + 1)?;
                seer.wait_for(number)?;
                latencies.record(begin.elapsed())?;
            }
            records
        }
        Pace::Steady { per_second, records } => {
            let schedule = Schedule::start(per_second, WARM_UP, records);
            let sender = &mut sender;
            std::thread::scope(|scope| -> Result<()> {
                let sending = scope.spawn(move || schedule.run(|numbers| sender.send(numbers)));
                let mut see_all = || -> Result<()> {
                    for number in WARM_UP..WARM_UP + records {
                        seer.wait_for(number)?;
                        latencies.record(Instant::now().saturating_duration_since(schedule.due(number)))?;
                    }
                    Ok(())
                };
                let seen = see_all();
                // A record that was not sent cannot be received, so the sender's error is reported first.
                sending.join().map_err(|_| anyhow!("the sender panicked"))?.and(seen)
            })?;
            records
        }
    };
    let throughput = stopwatch.stop(records)?;
    sender.finish()?;
    Ok(RoundTrips { latency: latencies.percentiles(), throughput })
}

/// Returns the received numbers one by one, and checks that none is missing.
struct Watcher<S> {
    seer: S,
    waiting: Vec<u64>,
    next: u64,
}

impl<S: See> Watcher<S> {
    fn wait_for(&mut self, number: u64) -> Result<()> {
        while self.waiting.is_empty() {
            self.seer.see(&mut self.waiting)?;
            self.waiting.reverse();
        }
        let seen = self.waiting.pop();
        ensure!(seen == Some(number) && number == self.next, "record {seen:?} came where {number} was due");
        self.next += 1;
        Ok(())
    }
}
