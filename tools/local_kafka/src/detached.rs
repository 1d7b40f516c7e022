//! A cluster that keeps running after the program that started it; a file of process ids finds it again.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{BackgroundProcess, Cluster, installation, probe};

/// A cluster that runs in the background, in `target/kafka/run`; only one at a time.
pub struct Detached {
    state_file: PathBuf,
    /// The flavour of the running cluster, as text.
    pub description: String,
    processes: Vec<BackgroundProcess>,
}

impl Cluster {
    /// Leaves the cluster running when this program ends; [`Detached::find`] finds it.
    ///
    /// # Errors
    /// When the file of process ids cannot be written; then the cluster is stopped.
    pub fn detach(self) -> Result<()> {
        let mut text = format!("{}\n", self.flavour());
        for node in self.nodes() {
            let id = node.process_id().with_context(|| format!("{} is not running", node.name()))?;
            text.push_str(&format!("{}\n", BackgroundProcess::new(id, node.port(), node.properties())));
        }
        let state_file = Detached::state_file();
        fs::write(&state_file, text).with_context(|| format!("cannot write {}", state_file.display()))?;
        self.let_run();
        Ok(())
    }
}

impl Detached {
    /// The data directory of a cluster that will be detached; one for each flavour.
    #[must_use]
    pub fn directory(flavour: crate::Flavour) -> PathBuf {
        let name = match flavour {
            crate::Flavour::Kraft { brokers } => format!("kraft-{brokers}"),
            crate::Flavour::Zookeeper => "zookeeper".into(),
        };
        Self::run_dir().join(name)
    }

    /// The cluster in the background, if any of its processes is still running.
    ///
    /// # Errors
    /// When the file of process ids cannot be read or is invalid.
    pub fn find() -> Result<Option<Self>> {
        let state_file = Self::state_file();
        let text = match fs::read_to_string(&state_file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", state_file.display())),
        };
        let mut lines = text.lines();
        let description = lines.next().unwrap_or_default().to_owned();
        let processes = lines.map(BackgroundProcess::parse).collect::<Option<Vec<_>>>().with_context(|| {
            format!("{} is invalid; remove it, and stop the processes that it lists", state_file.display())
        })?;
        let found = Self { state_file, description, processes };
        Ok(found.processes.iter().any(BackgroundProcess::is_running).then_some(found))
    }

    /// Whether every process is running and every broker answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.processes.iter().all(|process| {
            process.is_running()
                && (probe::known_brokers(process.port()).is_ok()
                    || probe::zookeeper_is_ok(process.port()).unwrap_or(false))
        })
    }

    /// Stops every process, brokers first, since they cannot shut down without ZooKeeper.
    ///
    /// # Errors
    /// When a process does not end, or the file cannot be removed.
    pub fn stop(self) -> Result<()> {
        let (zookeeper, brokers): (Vec<_>, Vec<_>) =
            self.processes.iter().partition(|process| process.argument().ends_with("zookeeper.properties"));
        for group in [brokers, zookeeper] {
            BackgroundProcess::stop_all(&group)?;
        }
        fs::remove_file(&self.state_file).with_context(|| format!("cannot remove {}", self.state_file.display()))
    }

    fn run_dir() -> PathBuf {
        installation::kafka_dir().join("run")
    }

    fn state_file() -> PathBuf {
        Self::run_dir().join("processes")
    }
}
