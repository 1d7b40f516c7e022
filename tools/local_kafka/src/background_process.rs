//! A process that outlives the program that started it. A line of a file finds it again.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::process::{POLL_INTERVAL, signal};

const STOP_GRACE: Duration = Duration::from_secs(15);

/// A process in the background. Its text is a line with process id, port and argument.
pub struct BackgroundProcess {
    id: u32,
    port: u16,
    /// A file on its command line, which distinguishes it from an unrelated process with the same id.
    argument: String,
}

impl BackgroundProcess {
    #[must_use]
    pub fn new(id: u32, port: u16, argument: &Path) -> Self {
        Self { id, port, argument: argument.display().to_string() }
    }

    /// `None` if the line is invalid.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let id = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok()?;
        Some(Self { id, port, argument: words.next()?.to_owned() })
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    #[must_use]
    pub fn argument(&self) -> &Path {
        Path::new(&self.argument)
    }

    #[must_use]
    pub fn is_running(&self) -> bool {
        let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &self.id.to_string()]).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&self.argument))
    }

    /// Stops the processes, and kills those that have not ended after 15 s.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn stop_all(processes: &[&Self]) -> Result<()> {
        for (name, grace) in [("-TERM", STOP_GRACE), ("-KILL", Duration::from_secs(2))] {
            processes.iter().filter(|process| process.is_running()).for_each(|process| signal(name, process.id));
            let deadline = Instant::now() + grace;
            while Instant::now() < deadline {
                if !processes.iter().any(|process| process.is_running()) {
                    return Ok(());
                }
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        let ids: Vec<_> = processes.iter().map(|process| process.id.to_string()).collect();
        bail!("cannot kill these processes: {}", ids.join(", "))
    }
}

impl fmt::Display for BackgroundProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.id, self.port, self.argument)
    }
}
