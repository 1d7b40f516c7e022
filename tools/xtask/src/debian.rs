//! Server programs of Debian packages, unpacked into the target directory. Installing the packages would start a server on its usual
//! port, and would need root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::programs::{is_on_path, run, target_dir};

/// Unpacks the package unless the program is installed or was unpacked earlier. The tests find it below `target/debian`.
pub(crate) fn unpack(package: &str, program: &str) -> Result<()> {
    if is_on_path(program) || find(program).is_some() {
        return Ok(());
    }
    if !is_on_path("apt-get") {
        bail!("apt-get is not available; install {program} with your package manager");
    }
    let root = root();
    let downloads = root.join("downloads");
    fs::create_dir_all(&downloads).with_context(|| format!("cannot create {}", downloads.display()))?;
    println!("missing: {program}; unpacking Debian's package {package}");
    // The package lists may be missing, or name a version that the mirror no longer has.
    if download(package, &downloads).is_err() {
        crate::setup::update_package_lists()?;
        download(package, &downloads)?;
    }
    let archive = fs::read_dir(&downloads)?.flatten().map(|entry| entry.path()).find(|file| is_of(file, package));
    let archive = archive.with_context(|| format!("apt-get did not download {package}"))?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&root))?;
    find(program).map(drop).with_context(|| format!("{package} does not contain {program}"))
}

fn download(package: &str, folder: &Path) -> Result<()> {
    run(Command::new("apt-get").current_dir(folder).args(["--quiet", "download", package]))
}

fn root() -> PathBuf {
    target_dir().join("debian")
}

fn find(program: &str) -> Option<PathBuf> {
    let system = PathBuf::from("/usr/sbin");
    let folders = [system, root().join("usr/sbin"), root().join("usr/bin")];
    folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Debian's file names are `package_version_architecture.deb`.
fn is_of(file: &Path, package: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix(package).is_some_and(|rest| rest.starts_with('_'))
}
