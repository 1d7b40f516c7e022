//! SHA256SUMS: `sha256sum --check SHA256SUMS` checks the packages.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

const FILE: &str = "SHA256SUMS";

/// For the files that are downloaded, not for those of the image context.
pub(super) fn write(folder: &Path) -> Result<()> {
    let mut lines = String::new();
    for path in packages(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        writeln!(lines, "{}  {name}", sha256(&path)?)?;
    }
    fs::write(folder.join(FILE), lines).context("cannot write the checksums")
}

/// The files of the folder itself, sorted.
pub(super) fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.is_file() && path.file_name().is_some_and(|name| name != FILE));
    paths.sort();
    Ok(paths)
}

pub(super) fn sha256(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    io::copy(&mut file, &mut hash)?;
    Ok(format!("{:x}", hash.finalize()))
}
