//! A registry that keeps running after the program that started it; a file with its process id finds it again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_kafka::process::{POLL_INTERVAL, signal};
use local_kafka::target_dir;

use crate::LocalRegistry;
use crate::server::{API_PATH, answers};

const STOP_GRACE: Duration = Duration::from_secs(15);

/// A registry that runs in the background, in `target/registry/run`; only one at a time.
pub struct Detached {
    process_id: u32,
    port: u16,
    /// The jar on its command line, which distinguishes it from an unrelated process with the same id.
    jar: String,
}

impl LocalRegistry {
    /// Leaves the registry running when this program ends; [`Detached::find`] finds it.
    ///
    /// # Errors
    /// When the file with the process id cannot be written; then the registry is stopped.
    pub fn detach(self) -> Result<()> {
        let id = self.process_id().context("the schema registry is not running")?;
        let text = format!("{id} {} {}\n", self.port(), self.jar().display());
        let state_file = Detached::state_file();
        fs::create_dir_all(Detached::directory())
            .and_then(|()| fs::write(&state_file, text))
            .with_context(|| format!("cannot write {}", state_file.display()))?;
        self.let_run();
        Ok(())
    }
}

impl Detached {
    /// The directory of a registry that will be detached.
    #[must_use]
    pub fn directory() -> PathBuf {
        target_dir("registry").join("run")
    }

    /// The registry in the background, if it is still running.
    ///
    /// # Errors
    /// When the file with the process id cannot be read or is invalid.
    pub fn find() -> Result<Option<Self>> {
        let state_file = Self::state_file();
        let text = match fs::read_to_string(&state_file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", state_file.display())),
        };
        let found = Self::parse(text.trim_end()).with_context(|| {
            format!("{} is invalid; remove it, and stop the process that it names", state_file.display())
        })?;
        Ok(found.is_running().then_some(found))
    }

    /// The URL of Confluent's API, without a `/` at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{API_PATH}", self.port)
    }

    /// Whether the registry answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.is_running() && answers(self.port)
    }

    /// Stops the registry.
    ///
    /// # Errors
    /// When the process does not end, or the file cannot be removed.
    pub fn stop(self) -> Result<()> {
        for (name, grace) in [("-TERM", STOP_GRACE), ("-KILL", Duration::from_secs(2))] {
            if self.is_running() {
                signal(name, self.process_id);
            }
            let deadline = Instant::now() + grace;
            while Instant::now() < deadline {
                if !self.is_running() {
                    let file = Self::state_file();
                    return fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()));
                }
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        bail!("cannot kill the process {} of the schema registry", self.process_id)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let process_id = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok()?;
        Some(Self { process_id, port, jar: words.next()?.to_owned() })
    }

    fn is_running(&self) -> bool {
        let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &self.process_id.to_string()]).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&self.jar))
    }

    fn state_file() -> PathBuf {
        Self::directory().join("process")
    }
}
