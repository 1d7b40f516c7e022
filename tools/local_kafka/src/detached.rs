//! A cluster that keeps running after the program that started it; a file of process ids finds it again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{POLL_INTERVAL, signal};
use crate::{Cluster, installation, probe};

const STOP_GRACE: Duration = Duration::from_secs(15);

/// A cluster that runs in the background, in `target/kafka/run`; only one at a time.
pub struct Detached {
    state_file: PathBuf,
    /// The flavour of the running cluster, as text.
    pub description: String,
    processes: Vec<Process>,
}

struct Process {
    id: u32,
    port: u16,
    /// The properties file on its command line, which distinguishes it from an unrelated process with the same id.
    properties: String,
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
            text.push_str(&format!("{id} {} {}\n", node.port(), node.properties().display()));
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
        let processes = lines.map(Process::parse).collect::<Option<Vec<_>>>().with_context(|| {
            format!("{} is invalid; remove it, and stop the processes that it lists", state_file.display())
        })?;
        let found = Self { state_file, description, processes };
        Ok(found.processes.iter().any(Process::is_running).then_some(found))
    }

    /// Whether every process is running and every broker answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.processes.iter().all(|process| {
            process.is_running()
                && (probe::known_brokers(process.port).is_ok() || probe::zookeeper_is_ok(process.port).unwrap_or(false))
        })
    }

    /// Stops every process, brokers first, since they cannot shut down without ZooKeeper.
    ///
    /// # Errors
    /// When a process does not end, or the file cannot be removed.
    pub fn stop(self) -> Result<()> {
        let (zookeeper, brokers): (Vec<_>, Vec<_>) =
            self.processes.iter().partition(|process| Path::new(&process.properties).ends_with("zookeeper.properties"));
        for group in [brokers, zookeeper] {
            stop_all(&group)?;
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

fn stop_all(processes: &[&Process]) -> Result<()> {
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

impl Process {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let id = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok()?;
        Some(Self { id, port, properties: words.next()?.to_owned() })
    }

    fn is_running(&self) -> bool {
        let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &self.id.to_string()]).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&self.properties))
    }
}
