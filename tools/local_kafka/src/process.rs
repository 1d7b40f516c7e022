//! A server process, which is stopped or killed when this program ends.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The interval between two checks of a condition. Much shorter than what is waited for here (a JVM takes a second to
/// start).
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A broker that takes longer to shut down waits for other brokers that are gone, and can be killed safely.
const STOP_GRACE: Duration = Duration::from_secs(10);
const LOG_TAIL_LINES: usize = 20;

pub struct ServerProcess {
    child: Child,
    guard: Guard,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `command` and appends its output to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be run.
    pub fn start(mut command: Command, log: PathBuf) -> Result<Self> {
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
            // In a process group of its own, so that Ctrl+C in the terminal does not reach it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
        let guard = Guard::start(child.id())?;
        Ok(Self { child, guard, log })
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// When the process has ended; the error has the end of its log.
    pub fn require_alive(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot get the state of a child process")? {
            None => Ok(()),
            Some(status) => {
                anyhow::bail!("the process ended ({status}); the end of {}:\n{}", self.log.display(), self.log_tail())
            }
        }
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    /// Sends SIGTERM without waiting.
    pub fn ask_to_stop(&self) {
        signal("-TERM", self.child.id());
    }

    /// Waits for a process after SIGTERM, and kills it after [`STOP_GRACE`].
    pub fn wait_until_stopped(mut self) {
        let deadline = Instant::now() + STOP_GRACE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        self.kill();
    }

    /// Kills the process with SIGKILL.
    pub fn kill(self) {
        // Dropping it kills the process.
    }

    /// Lets the process outlive this program.
    pub fn detach(self) {
        let mut process = std::mem::ManuallyDrop::new(self);
        process.guard.dismiss();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // The guard first: after `wait` the process id may be reused.
        self.guard.dismiss();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a server if this program ends without dropping it: by Ctrl+C, a crash, or as a static of a test binary. It is
/// a shell that reads from a pipe, which the operating system closes when this program ends.
struct Guard(Child);

impl Guard {
    fn start(id: u32) -> Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", "cat; kill -KILL \"$1\"", "guard", &id.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh, which kills the server if this program ends unexpectedly")?;
        Ok(Self(shell))
    }

    fn dismiss(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal with the `kill` program, because calling the C function needs unsafe code. Callers check whether the
/// process has ended.
pub fn signal(name: &str, id: u32) {
    let _ = Command::new("kill").args([name, &id.to_string()]).stderr(Stdio::null()).status();
}
