//! A registry that keeps running after the program that started it; a file with its process id finds it again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use local_kafka::{BackgroundProcess, target_dir};

use crate::LocalRegistry;
use crate::server::{API_PATH, answers};

/// A registry that runs in the background, in `target/registry/run`; only one at a time.
pub struct Detached(BackgroundProcess);

impl LocalRegistry {
    /// Leaves the registry running when this program ends; [`Detached::find`] finds it.
    ///
    /// # Errors
    /// When the file with the process id cannot be written; then the registry is stopped.
    pub fn detach(self) -> Result<()> {
        let id = self.process_id().context("the schema registry is not running")?;
        let text = format!("{}\n", BackgroundProcess::new(id, self.port(), &self.jar()));
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
        let found = BackgroundProcess::parse(text.trim_end()).with_context(|| {
            format!("{} is invalid; remove it, and stop the process that it names", state_file.display())
        })?;
        Ok(found.is_running().then_some(Self(found)))
    }

    /// The URL of Confluent's API, without a `/` at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{API_PATH}", self.0.port())
    }

    /// Whether the registry answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.0.is_running() && answers(self.0.port())
    }

    /// Stops the registry.
    ///
    /// # Errors
    /// When the process does not end, or the file cannot be removed.
    pub fn stop(self) -> Result<()> {
        BackgroundProcess::stop_all(&[&self.0]).context("the schema registry is still running")?;
        let file = Self::state_file();
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))
    }

    fn state_file() -> PathBuf {
        Self::directory().join("process")
    }
}
