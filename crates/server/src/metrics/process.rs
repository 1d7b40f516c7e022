//! The metrics of the process, under the names that Prometheus' client libraries have in common. All but the start time
//! come from `/proc`, so they are for Linux only.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::scrape::Scrape;

/// Not computed from `/proc/stat`, which the systemd unit hides (`ProcSubset=pid`).
static STARTED_AT: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

/// Keeps the time of the first call as the start of the process.
pub fn keep_start_time() {
    LazyLock::force(&STARTED_AT);
}

pub fn add(scrape: &mut Scrape) {
    let started_at = STARTED_AT.duration_since(UNIX_EPOCH).unwrap_or_default();
    scrape.seconds(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds",
        started_at.as_secs_f64(),
    );
    #[cfg(target_os = "linux")]
    add_from_proc(scrape);
}

/// Adds nothing if `/proc` cannot be read.
#[cfg(target_os = "linux")]
fn add_from_proc(scrape: &mut Scrape) {
    use procfs::process::{LimitValue, Process};

    let Ok(process) = Process::myself() else { return };
    if let Ok(stat) = process.stat() {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        let help = "User and system CPU time spent in seconds";
        scrape.seconds_counter("process_cpu_seconds", help, seconds(stat.utime + stat.stime));
        let resident = stat.rss.saturating_mul(procfs::page_size());
        scrape.gauge("process_resident_memory_bytes", "Resident memory size in bytes", whole(resident));
        scrape.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes", whole(stat.vsize));
        scrape.gauge("process_threads", "Number of OS threads in the process", stat.num_threads);
    }
    if let Ok(open) = process.fd_count() {
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        scrape.gauge("process_open_fds", "Number of open file descriptors", open);
    }
    if let Ok(limits) = process.limits()
        && let LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        scrape.gauge("process_max_fds", "Maximum number of open file descriptors", whole(most));
    }
}

#[cfg(target_os = "linux")]
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
