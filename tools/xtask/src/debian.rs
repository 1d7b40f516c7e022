//! Server programs of Debian packages, unpacked into the target directory. Installing the packages would start a server on its usual
//! port, and would need root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::programs::{is_on_path, output, target_dir};
use crate::setup::update_package_lists;

/// Takes the program out of the package, unless it is installed or was unpacked earlier. The tests find it in `target/debian`.
pub(crate) fn unpack(package: &str, program: &str) -> Result<()> {
    let folder = target_dir().join("debian");
    // Server programs are in `/usr/sbin`, which is not in every user's path.
    if is_on_path(program) || Path::new("/usr/sbin").join(program).is_file() || folder.join(program).is_file() {
        return Ok(());
    }
    ensure!(is_on_path("apt-get"), "apt-get is not available; install {program} with your package manager");
    println!("missing: {program}, of Debian's package {package}");
    let unpacked = folder.join(format!("unpacked-{}", std::process::id()));
    let taken = take(package, program, &unpacked, &folder);
    // The rest of the package is not needed.
    let _ = fs::remove_dir_all(&unpacked);
    taken.with_context(|| format!("cannot unpack {program} of Debian's package {package}"))
}

fn take(package: &str, program: &str, unpacked: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(unpacked).with_context(|| format!("cannot create {}", unpacked.display()))?;
    // The package lists may be missing, or name a version that the mirror no longer has.
    if download(package, unpacked).is_err() {
        update_package_lists()?;
        download(package, unpacked)?;
    }
    let archive = files_in(unpacked)?.into_iter().find(|file| file.extension().is_some_and(|end| end == "deb"));
    let archive = archive.context("apt-get downloaded no package")?;
    output(Command::new("dpkg-deb").arg("--extract").args([&archive, unpacked]))?;
    let candidates = ["usr/sbin", "usr/bin"].map(|path| unpacked.join(path).join(program));
    let found = candidates.into_iter().find(|file| file.is_file()).context("the package does not contain it")?;
    fs::rename(&found, folder.join(program)).with_context(|| format!("cannot move {}", found.display()))
}

/// Writes the package into the folder; needs no root.
fn download(package: &str, folder: &Path) -> Result<()> {
    output(Command::new("apt-get").current_dir(folder).args(["download", package])).map(drop)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
