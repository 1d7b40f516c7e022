//! What a running process has used: CPU time, memory, bytes received.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// User and system time of all its threads, those that have ended included.
#[cfg(target_os = "linux")]
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid)?);
    let clock = nix::time::ClockId::pid_cpu_clock_id(pid).context("no CPU clock of the process")?;
    Ok(clock.now().context("no CPU time of the process")?.into())
}

#[cfg(not(target_os = "linux"))]
pub fn cpu_time(_pid: u32) -> Result<Duration> {
    anyhow::bail!("CPU time of another process is known how to be read on Linux only")
}

/// Resident memory now.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    status(pid, "VmRSS:")
}

/// The peak of resident memory.
pub fn peak_resident_bytes(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("{path} has no {field}"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().with_context(|| format!("{field}{line}"))?;
    Ok(kib * 1024)
}

/// What the open connections of a process to a port have received, as the kernel counts it (`tcp_info`, by `ss` of
/// iproute2).
pub struct Received(BTreeMap<String, u64>);

impl Received {
    pub fn by(pid: u32, port: u16) -> Result<Self> {
        let filter = format!("dport = :{port}");
        let output = Command::new("ss").args(["-tinpHO", &filter]).output().context("cannot run ss (iproute2)")?;
        ensure!(output.status.success(), "ss: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let owner = format!("pid={pid},");
        let connections = text.lines().filter(|line| line.contains(&owner));
        Ok(Self(connections.filter_map(connection).collect()))
    }

    /// Bytes since an earlier reading. Connections that were closed in between are not counted; those that deliver records stay
    /// open.
    pub fn since(&self, earlier: &Self) -> u64 {
        let before = |address| earlier.0.get(address).copied().unwrap_or(0);
        self.0.iter().map(|(address, bytes)| bytes.saturating_sub(before(address))).sum()
    }
}

/// The local address and the bytes received, of a line like
/// `ESTAB 0 0 127.0.0.1:33284 127.0.0.1:29803 users:(("bridge",pid=7,fd=14)) … bytes_received:972 …`.
fn connection(line: &str) -> Option<(String, u64)> {
    let local = line.split_whitespace().nth(3)?.to_owned();
    let bytes = line.split("bytes_received:").nth(1)?.split_whitespace().next()?.parse().ok()?;
    Some((local, bytes))
}

/// Raises the limit of open files for this process and its children, because thousands of sockets need more than most shells
/// allow.
pub fn allow_many_files() -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot ask how many files may be open")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise how many files may be open")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_received_since_an_earlier_reading_ignore_closed_connections() {
        let line = r#"ESTAB 0 0 127.0.0.1:33284 127.0.0.1:29803 users:(("bridge",pid=7,fd=14)) bbr bytes_received:972 segs_out:8"#;
        assert_eq!(connection(line), Some(("127.0.0.1:33284".to_owned(), 972)));
        let look = |connections: &[(&str, u64)]| {
            Received(connections.iter().map(|(address, bytes)| ((*address).to_owned(), *bytes)).collect())
        };
        let before = look(&[("closed", 5000), ("kept", 100)]);
        assert_eq!(look(&[("kept", 130), ("new", 7)]).since(&before), 37);
    }
}
