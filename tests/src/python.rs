//! Confluent's serializers for Python: an independent implementation that writes typed records and reads those of the bridge.

pub mod environment;

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{OnceLock, PoisonError};

use serde::de::DeserializeOwned;
use tokio::process::Command;
use tokio::time::timeout;

use crate::program::PROCESS_STARTS;
use crate::skip::{skip, target_dir};
use crate::wait::PATIENCE;

/// The scripts, and the `.proto` files that they compile.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/python");

/// Runs scripts against one Kafka and one registry.
#[derive(Clone, Debug)]
pub struct Python {
    interpreter: PathBuf,
    bootstrap_servers: String,
    registry_url: String,
}

impl Python {
    /// `None` after a skip.
    pub async fn with(bootstrap_servers: &str, registry_url: &str) -> Option<Self> {
        static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let found = tokio::task::spawn_blocking(|| FOUND.get_or_init(|| environment::find_or_make(&target_dir())));
        match found.await.expect("making the environment does not panic") {
            Ok(interpreter) => Some(Self {
                interpreter: interpreter.clone(),
                bootstrap_servers: bootstrap_servers.to_owned(),
                registry_url: registry_url.to_owned(),
            }),
            Err(reason) => {
                skip(reason);
                None
            }
        }
    }

    /// Runs a script and returns the lines that it prints, each read from JSON. The script's first arguments are the brokers, the
    /// registry and the topic.
    pub async fn run<T: DeserializeOwned>(&self, script: &str, topic: &str, arguments: &[&str]) -> Vec<T> {
        let mut command = Command::new(&self.interpreter);
        command.arg(format!("{SCRIPTS}/{script}"));
        command.args([&self.bootstrap_servers, &self.registry_url, topic]).args(arguments);
        // No files beside the scripts.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let child = {
            let _starting = PROCESS_STARTS.read().unwrap_or_else(PoisonError::into_inner);
            command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{script} ran longer than {} s", PATIENCE.as_secs()));
        let output = output.unwrap_or_else(|error| panic!("{script}: {error}"));
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{script}: {stdout}\n{}", String::from_utf8_lossy(&output.stderr));
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{script}: {error}: {line}"));
        stdout.lines().map(read).collect()
    }
}
