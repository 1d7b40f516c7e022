//! Fetches promtool, the checker of metrics and alert rules, without installing Debian's package: the package would
//! start a Prometheus server.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::programs::{is_on_path, show, target_dir};

const PACKAGE: &str = "prometheus";

/// Where the package has it, and the file name that the tests expect.
const PROGRAM: &str = "promtool";

/// Fetches the program unless there is one.
pub(crate) fn fetch() -> Result<()> {
    let directory = target_dir().join(PROGRAM);
    if is_on_path(PROGRAM) || directory.join(PROGRAM).is_file() {
        return Ok(());
    }
    ensure!(
        is_on_path("apt-get"),
        "apt-get is not available; install Prometheus, which contains promtool, in another way"
    );
    let unpacked = directory.join(format!("unpacked-{}", std::process::id()));
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot create {}", unpacked.display()))?;
    let unpack = || {
        // Needs no root. Writes the package into the current directory.
        output(Command::new("apt-get").current_dir(&unpacked).args(["download", PACKAGE]))?;
        let mut files = fs::read_dir(&unpacked).context("cannot list the package")?.flatten().map(|entry| entry.path());
        let package = files.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
        let package = package.context("apt-get downloaded no package")?;
        output(Command::new("dpkg-deb").arg("--extract").args([&package, &unpacked]))?;
        let found = unpacked.join("usr/bin").join(PROGRAM);
        fs::rename(&found, directory.join(PROGRAM)).with_context(|| format!("cannot move {}", found.display()))
    };
    let fetched = unpack();
    // The rest of the package is not needed.
    let _ = fs::remove_dir_all(&unpacked);
    fetched.context("cannot fetch promtool; if the package lists are old, run: sudo apt-get update")
}

fn output(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{shown}`"))?;
    ensure!(output.status.success(), "`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
