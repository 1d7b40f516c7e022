//! A running registry, which can be stopped and restarted on the same port.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_kafka::process::{POLL_INTERVAL, ServerProcess};
use local_kafka::{free_ports, target_dir};

use crate::Installation;

/// The registry answers after three to five seconds on an idle machine with two cores, and takes several times as long on a
/// loaded one.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Of one probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Confluent's API in Apicurio Registry.
pub(crate) const API_PATH: &str = "/apis/ccompat/v7";

/// JVM options for little memory and fast start-up: this JVM runs for minutes and shares a small machine.
const JVM: &[&str] = &["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// The port of the registry, which always listens on the loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// A free port, which is kept when the registry is restarted.
    Free,
    /// 8081, the default of Confluent's registry.
    WellKnown,
}

/// The options of a registry.
#[derive(Debug, Clone)]
pub struct Options {
    pub port: Port,
    /// The directory of the log. `None` creates a new directory in `target/`, which is removed when the registry is dropped
    /// (unless a test fails, to keep its log).
    pub directory: Option<PathBuf>,
}

impl Options {
    /// The options for tests: a free port, a new directory.
    #[must_use]
    pub fn for_tests() -> Self {
        Self { port: Port::Free, directory: None }
    }
}

/// A registry on this machine. It stops when this value is dropped, unless it was detached.
pub struct LocalRegistry {
    installation: Installation,
    port: u16,
    process: Option<ServerProcess>,
    directory: PathBuf,
    remove_on_drop: bool,
}

impl Installation {
    /// Starts a registry without schemas and waits until it answers.
    ///
    /// # Errors
    /// When the process ended or does not answer; the error has the end of its log.
    pub fn start(&self, options: &Options) -> Result<LocalRegistry> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let remove_on_drop = options.directory.is_none();
        let directory = options.directory.clone().unwrap_or_else(|| {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            target_dir("registry").join("tmp").join(format!("{}-{number}", std::process::id()))
        });
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let port = match options.port {
            Port::Free => free_ports(1)?[0],
            Port::WellKnown => 8081,
        };
        let mut registry = LocalRegistry { installation: self.clone(), port, process: None, directory, remove_on_drop };
        registry.restart()?;
        Ok(registry)
    }
}

impl LocalRegistry {
    /// The URL of Confluent's API, without a `/` at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{API_PATH}", self.port)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The log of the process.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("registry.log")
    }

    /// Shuts the registry down cleanly (SIGTERM; SIGKILL after ten seconds). Its schemas are gone.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.ask_to_stop();
            process.wait_until_stopped();
        }
    }

    /// Starts the registry on the same port if it is not running, and waits until it answers.
    ///
    /// # Errors
    /// When the process ended or does not answer; the error has the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_none() {
            let mut command = Command::new("java");
            command
                .args(JVM)
                .arg("-jar")
                .arg(self.installation.jar())
                .current_dir(&self.directory)
                .env("QUARKUS_HTTP_HOST", "127.0.0.1")
                .env("QUARKUS_HTTP_PORT", self.port.to_string());
            self.process = Some(ServerProcess::start(command, self.log()).context("cannot start the schema registry")?);
        }
        let deadline = Instant::now() + START_TIMEOUT;
        let log = self.log();
        while let Some(process) = &mut self.process {
            // Checked before the probe, so that another process on the same port is not mistaken for this one.
            process.require_alive().with_context(|| format!("the schema registry on port {}", self.port))?;
            if answers(self.port) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the schema registry on port {} does not answer after {} s; the end of {}:\n{}",
                    self.port,
                    START_TIMEOUT.as_secs(),
                    log.display(),
                    process.log_tail()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    pub(crate) fn jar(&self) -> PathBuf {
        self.installation.jar()
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    pub(crate) fn let_run(mut self) {
        self.remove_on_drop = false;
        if let Some(process) = self.process.take() {
            process.detach();
        }
    }
}

impl Drop for LocalRegistry {
    fn drop(&mut self) {
        // Nothing is stored, so a clean shutdown is unnecessary, and the process is killed.
        self.process = None;
        if self.remove_on_drop && !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Whether a registry on `port` lists its subjects.
pub(crate) fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PROBE_TIMEOUT)?;
        stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
        let request =
            format!("GET {API_PATH}/subjects HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(&start == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
