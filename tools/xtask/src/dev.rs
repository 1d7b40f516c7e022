//! `cargo xtask dev`: the page with hot reload (trunk) beside a bridge that answers its `/ws` and `/api`.

use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::programs::{cargo, is_on_path, show, workspace_root};

const POLL_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) fn run() -> Result<()> {
    if !is_on_path("trunk") {
        bail!("trunk is not installed. It takes some minutes once: cargo install trunk --locked --version 0.21.14");
    }
    let mut trunk = Command::new("trunk");
    trunk.current_dir(workspace_root()).arg("serve");
    let mut children = [start(&mut cargo(&["run", "--package", "bridge"]))?, start(&mut trunk)?];
    println!("The page with hot reload: http://127.0.0.1:8080 (once both are built)");

    // Ctrl+C reaches all three of us. Whichever ends first takes the other one with it.
    loop {
        for child in &mut children {
            if let Some(status) = child.0.try_wait().context("cannot ask for the state of a child process")? {
                return if status.success() { Ok(()) } else { bail!("one of the two ended ({status})") };
            }
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Ends with the function that started it.
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
