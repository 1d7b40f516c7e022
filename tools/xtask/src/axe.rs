//! Fetches axe-core, the accessibility checker of the browser tests. It is not part of this repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::programs::{show, target_dir};

/// Deque's Java package, which contains the script. Maven is needed for Kafka anyway, and uses the mirror and proxy
/// that the user has configured.
const ARTIFACT: &str = "com.deque.html.axe-core:selenium:4.10.2";
/// The checksum of the script, from axe-core's `sri-history.json` for version 4.10.3.
const SHA256: &str = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb";

/// The file name that the tests expect.
const SCRIPT: &str = "axe.min.js";

/// Fetches the script unless a valid one exists.
pub(crate) fn fetch() -> Result<()> {
    let directory = target_dir().join("axe-core");
    let script = directory.join(SCRIPT);
    if is_intact(&script) {
        return Ok(());
    }
    let unpacked = directory.join(format!("unpacked-{}", std::process::id()));
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot create {}", unpacked.display()))?;
    let mut maven = Command::new("mvn");
    maven
        // Without a project, Maven writes marker files into the current directory.
        .current_dir(&unpacked)
        .args(["--batch-mode", "--quiet", "dependency:unpack", &format!("-Dartifact={ARTIFACT}")])
        .arg(format!("-DoutputDirectory={}", unpacked.display()))
        .arg(format!("-Dmdep.unpack.includes=**/{SCRIPT}"))
        .stdin(Stdio::null());
    let shown = show(&maven);
    let output = maven.output().with_context(|| format!("cannot run `{shown}`"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "cannot fetch axe-core; check that Maven Central is reachable: {}",
        printed.lines().find(|line| line.contains("ERROR")).unwrap_or("mvn gave no reason")
    );
    let moved = find(&unpacked).with_context(|| format!("{ARTIFACT} does not contain {SCRIPT}")).and_then(|found| {
        ensure!(is_intact(&found), "the checksum of {SCRIPT} in {ARTIFACT} is not the expected one");
        fs::rename(&found, &script).with_context(|| format!("cannot write {}", script.display()))
    });
    // The rest of the archive is not needed.
    let _ = fs::remove_dir_all(&unpacked);
    moved
}

fn is_intact(script: &Path) -> bool {
    let hex = |bytes: Vec<u8>| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    fs::read(script).is_ok_and(|bytes| hex(bytes) == SHA256)
}

fn find(directory: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => find(&path),
        false => path.ends_with(SCRIPT).then_some(path),
    })
}
