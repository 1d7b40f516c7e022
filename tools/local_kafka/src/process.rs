//! One server process: started, asked to stop, killed; never left behind.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often a condition is looked at again. Well below everything that is waited for here (a JVM takes a second to start).
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A broker that takes longer to shut down than this is waiting for others that are gone; its log is safe to cut off.
const STOP_GRACE: Duration = Duration::from_secs(10);
const LOG_TAIL_LINES: usize = 20;

pub(crate) struct ServerProcess {
    child: Child,
    guard: Guard,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `command`, its output appended to `log`.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("cannot open {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl+C in the terminal is for us; what it means for a broker is ours to decide.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
        let guard = Guard::over(child.id())?;
        Ok(Self { child, guard, log })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// When the process has ended, with the end of its log.
    pub(crate) fn require_alive(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot ask for the state of a child process")? {
            None => Ok(()),
            Some(status) => {
                anyhow::bail!("it ended ({status}); the end of {}:\n{}", self.log.display(), self.log_tail())
            }
        }
    }

    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    /// Asks the process to end, without waiting for it.
    pub(crate) fn ask_to_stop(&self) {
        signal("-TERM", self.child.id());
    }

    /// Waits for a process that was asked to stop, and kills it after [`STOP_GRACE`].
    pub(crate) fn wait_until_stopped(mut self) {
        let deadline = Instant::now() + STOP_GRACE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        self.kill();
    }

    /// Ends the process without a chance to write anything down.
    pub(crate) fn kill(self) {
        // Drop does it.
    }

    /// Lets the process outlive us.
    pub(crate) fn detach(self) {
        let mut process = std::mem::ManuallyDrop::new(self);
        process.guard.dismiss();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // The guard goes first: after `wait` the process id may belong to somebody else.
        self.guard.dismiss();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a server when we end without dropping it: by Ctrl+C, a crash, or as a static of a test binary. A shell that reads
/// from a pipe which nobody but us holds open, and which the system closes when we are gone.
struct Guard(Child);

impl Guard {
    fn over(id: u32) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", "cat; kill -KILL \"$1\"", "guard", &id.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh, which would end the server if we cannot")?;
        Ok(Self(shell))
    }

    fn dismiss(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal by the system's `kill`: the C function would be unsafe code for the same effect. Whether it arrived shows in
/// the process being gone.
pub(crate) fn signal(name: &str, id: u32) {
    let _ = Command::new("kill").args([name, &id.to_string()]).stderr(Stdio::null()).status();
}
