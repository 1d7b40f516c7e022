//! Installs the Python packages of the tests: `websockets`, with which the example client in Python runs, and the serializers of
//! typed records.

#[path = "../../../tests/src/python/environment.rs"]
mod environment;

use std::process::{Command, Stdio};

use anyhow::{Context, Error, Result, ensure};

use crate::programs::{show, target_dir};

const VERSION: &str = "15.0.1";

/// Installs the packages unless they are installed.
pub(crate) fn install() -> Result<()> {
    environment::find_or_make(&target_dir()).map_err(Error::msg)?;
    install_websockets()
}

fn install_websockets() -> Result<()> {
    let directory = target_dir().join("python");
    let is_installed = || directory.join(format!("websockets-{VERSION}.dist-info")).is_dir();
    if is_installed() {
        return Ok(());
    }
    let mut pip = Command::new("python3");
    // Nothing outside the target directory is changed. The version is replaced if another one is installed.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade", "--target"])
        .arg(&directory)
        .arg(format!("websockets=={VERSION}"))
        .stdin(Stdio::null());
    let shown = show(&pip);
    let output = pip.output().with_context(|| format!("cannot run `{shown}`"))?;
    ensure!(
        output.status.success() && is_installed(),
        "cannot install websockets; check that PyPI is reachable: `{shown}`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
