//! `cargo xtask dev`: serves the page with hot reload (trunk), and runs a bridge for its `/ws` and `/api`.

use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, is_on_path, show, workspace_root};

const POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) fn run() -> Result<()> {
    if !is_on_path("trunk") {
        bail!("trunk is not installed; run (it takes some minutes): cargo install trunk --locked --version 0.21.14");
    }
    let mut trunk = Command::new("trunk");
    trunk.current_dir(workspace_root()).arg("serve");
    let mut children = [start(&mut cargo(&["run", "--package", "bridge"]))?, start(&mut trunk)?];
    println!("The page with hot reload: http://127.0.0.1:8080 (once both are built)");

    // Ctrl+C reaches all three processes. When one child ends, the other one is killed.
    loop {
        for child in &mut children {
            if let Some(status) = child.0.try_wait().context("cannot read the state of a child process")? {
                return if status.success() { Ok(()) } else { bail!("the bridge or trunk ended ({status})") };
            }
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// A child process that is killed when this is dropped.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Result<KilledOnDrop> {
    command.spawn().map(KilledOnDrop).with_context(|| format!("cannot run `{}`", show(command)))
}
