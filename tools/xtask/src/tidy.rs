//! `cargo xtask tidy`: checks the rules that neither the compiler nor clippy checks. Each finding names the file, the
//! line and what to do.

mod documents;
mod source;

use std::fmt;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::programs::workspace_root;

/// A violation of a rule.
struct Finding {
    path: String,
    /// From 1; 0 for the whole file.
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// A text file of the repository.
pub(crate) struct SourceFile {
    /// Relative to the workspace's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn run() -> Result<()> {
    let files = repository_files()?;
    let mut findings = Vec::new();
    for file in &files {
        source::check(file, &mut findings);
    }
    documents::check(&files, &mut findings);

    if findings.is_empty() {
        println!("tidy: no findings in {} files", files.len());
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("tidy has {} findings", findings.len())
}

/// All text files that are tracked, or would be after `git add --all`.
pub(crate) fn repository_files() -> Result<Vec<SourceFile>> {
    let root = workspace_root();
    let output = Command::new("git")
        .current_dir(&root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("cannot run git to list the files of this repository")?;
    ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));

    let mut paths: Vec<_> = String::from_utf8_lossy(&output.stdout).split_terminator('\0').map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    // Skips images, and deleted files whose deletion is not committed yet.
    let read = |path: String| fs::read_to_string(root.join(&path)).ok().map(|text| SourceFile { path, text });
    Ok(paths.into_iter().filter_map(read).collect())
}
