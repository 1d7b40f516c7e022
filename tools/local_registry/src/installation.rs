//! Finds Java, Maven and Apicurio Registry, or returns why they are missing.

use std::fs;
use std::path::{Path, PathBuf};

use local_kafka::{Unavailable, run_maven, target_dir};

/// The last line of versions that runs with Java 17.
pub const VERSION: &str = "3.0.9";

/// Apicurio Registry, unpacked.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(crate) directory: PathBuf,
}

impl Installation {
    /// Finds Apicurio Registry in `target/registry/<version>`, and downloads it the first time (109 MB).
    ///
    /// # Errors
    /// Why the registry cannot run on this machine.
    pub fn find_or_fetch() -> Result<Self, Unavailable> {
        local_kafka::Installation::check_java()?;
        let directory = target_dir("registry").join(VERSION);
        if !jar(&directory).is_file() {
            fetch(&directory)?;
        }
        Ok(Self { directory })
    }

    pub(crate) fn jar(&self) -> PathBuf {
        jar(&self.directory)
    }
}

fn jar(directory: &Path) -> PathBuf {
    directory.join(format!("apicurio-registry-app-{VERSION}-runner.jar"))
}

fn fetch(directory: &Path) -> Result<(), Unavailable> {
    let name = format!("Apicurio Registry {VERSION}");
    let failed = |reason: String| Unavailable::NoJars { name: name.clone(), reason };
    let unfinished = directory.with_extension(format!("unfinished-{}", std::process::id()));
    fs::create_dir_all(&unfinished)
        .map_err(|error| failed(format!("cannot make the directory {}: {error}", unfinished.display())))?;
    let artifact = format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all");
    let output = format!("-DoutputDirectory={}", unfinished.display());
    let unpacked = run_maven(&unfinished, &["dependency:unpack", &artifact, &output], &name);
    // The first process to rename succeeds; the files of all are the same, and no process sees an incomplete directory.
    if unpacked.is_err() || fs::rename(&unfinished, directory).is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    unpacked?;
    if jar(directory).is_file() {
        return Ok(());
    }
    Err(failed(format!("{} is not in the archive, or cannot be moved to its place", jar(directory).display())))
}
