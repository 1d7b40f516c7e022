//! A role's side of the connection to the benchmark: lines of JSON over the standard streams.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context, Result};
use serde::Serialize;

/// The benchmark that a role works for.
pub struct Parent(Receiver<()>);

impl Parent {
    /// Reads the benchmark's lines, and ends this process when the benchmark has ended.
    pub fn listen() -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                if line.is_err() || sender.send(()).is_err() {
                    break;
                }
            }
            std::process::exit(0);
        });
        Self(receiver)
    }

    /// Waits until the benchmark lets this process continue.
    pub fn wait(&self) -> Result<()> {
        self.0.recv().context("the benchmark is gone")
    }

    /// The same, while the runtime goes on with other tasks.
    pub async fn waited(self) -> Result<()> {
        tokio::task::spawn_blocking(move || self.wait()).await?
    }
}

/// Sends a message to the parent.
pub fn tell(message: &impl Serialize) -> Result<()> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, message)?;
    output.write_all(b"\n")?;
    output.flush().context("cannot speak to the benchmark")
}
