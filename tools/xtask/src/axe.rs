//! axe-core, which finds what keeps people out who cannot see a page well or use no mouse. Fetched once, for the browser
//! tests; nothing of it is in this repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::programs::{show, target_dir};

/// Deque's own package for Java, which has the script inside. Maven is here for Kafka already, and keeps to the mirror and the
/// proxy that its user has configured.
const ARTIFACT: &str = "com.deque.html.axe-core:selenium:4.10.2";
/// Of the script, as axe-core's own `sri-history.json` has it for version 4.10.3: whoever packed it has changed nothing.
const SHA256: &str = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb";

/// Where the tests look for it.
const SCRIPT: &str = "axe.min.js";

/// Fetches the script unless it is there.
pub(crate) fn fetch() -> Result<()> {
    let directory = target_dir().join("axe-core");
    let script = directory.join(SCRIPT);
    if is_intact(&script) {
        return Ok(());
    }
    let unpacked = directory.join(format!("unpacked-{}", std::process::id()));
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot make {}", unpacked.display()))?;
    let mut maven = Command::new("mvn");
    maven
        // Without a project it leaves marks where it runs.
        .current_dir(&unpacked)
        .args(["--batch-mode", "--quiet", "dependency:unpack", &format!("-Dartifact={ARTIFACT}")])
        .arg(format!("-DoutputDirectory={}", unpacked.display()))
        .arg(format!("-Dmdep.unpack.includes=**/{SCRIPT}"))
        .stdin(Stdio::null());
    let shown = show(&maven);
    let output = maven.output().with_context(|| format!("cannot run `{shown}`"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "axe-core could not be fetched; is Maven Central reachable? {}",
        said.lines().find(|line| line.contains("ERROR")).unwrap_or("mvn gave no reason")
    );
    let moved = find(&unpacked).with_context(|| format!("{ARTIFACT} holds no {SCRIPT}")).and_then(|found| {
        ensure!(is_intact(&found), "{ARTIFACT} is not what it was: its {SCRIPT} has another checksum");
        fs::rename(&found, &script).with_context(|| format!("cannot write {}", script.display()))
    });
    // What is left of the archive; the next run would unpack it anew.
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
