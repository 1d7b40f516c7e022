//! A child process that exchanges lines of JSON with the benchmark over its standard streams.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;

/// A process that is silent for so long hangs.
const SILENCE: Duration = Duration::from_secs(120);

/// Exit times are measured in tens of milliseconds and more.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A child process, which ends when this is dropped.
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    name: String,
}

impl Process {
    /// Starts any program whose lines are read.
    pub fn spawn(mut command: Command, name: String) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = (input.context("no input")?, output.context("no output")?);
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Without a receiver the pipe is still emptied, so that the process does not block.
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, input, lines, name })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its output.
    pub fn line(&mut self) -> Result<String> {
        self.line_within(SILENCE)
    }

    pub fn line_within(&mut self, silence: Duration) -> Result<String> {
        match self.lines.recv_timeout(silence) {
            Ok(line) => Ok(line),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => bail!("silent for {silence:?}: {}", self.name),
            Err(_) => {
                let status = self.child.wait().map_err(|error| anyhow!(error))?;
                bail!("ended ({status}) without an answer: {}", self.name)
            }
        }
    }

    /// The next message of the process.
    pub fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.hear_within(SILENCE)
    }

    pub fn hear_within<T: DeserializeOwned>(&mut self, silence: Duration) -> Result<T> {
        let line = self.line_within(silence)?;
        serde_json::from_str(&line).with_context(|| format!("{} said {line:?}", self.name))
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?);
        kill(id, signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Waits until the process has ended.
    pub fn exited(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + SILENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "still running after {SILENCE:?}: {}", self.name);
            std::thread::sleep(EXIT_POLL_INTERVAL);
        }
    }

    /// Lets the process continue.
    pub fn go(&mut self) -> Result<()> {
        self.input.write_all(b"\n").context("cannot speak to a process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
