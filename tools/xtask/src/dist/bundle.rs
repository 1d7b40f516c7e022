//! The files of the archive: the program, its man pages and completions, documents and examples. The other packages use the same files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::binary::Binary;
use super::components::Components;
use super::{copy, licences};
use crate::programs::{self, workspace_root};

/// A shell that clap writes completions for, and the file name that the shell expects.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "ponte.bash"),
    ("zsh", "_ponte"),
    ("fish", "ponte.fish"),
    ("elvish", "ponte.elv"),
    ("powershell", "_ponte.ps1"),
];

/// Files of the repository that are in every archive.
const DOCUMENTS: [(&str, &str); 5] = [
    ("LICENSE", "LICENSE"),
    ("README.md", "README.md"),
    ("README.it.md", "README.it.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("deploy/ponte.toml", "ponte.toml"),
];

pub(super) const LICENCES: &str = "THIRD-PARTY-LICENSES.txt";

pub(super) struct Bundle {
    pub(super) folder: PathBuf,
    /// The program's path, inside the folder.
    pub(super) program: PathBuf,
    pub(super) target: String,
    /// Worth the time of the best compression.
    pub(super) is_release: bool,
}

impl Bundle {
    /// Writes the files into the empty folder. The binary writes its own completions and man pages, so it must run on this machine.
    pub(super) fn create(binary: &Binary, components: &Components, folder: &Path) -> Result<Self> {
        let program = folder.join(binary.program());
        copy(&binary.file, &program)?;
        let root = workspace_root();
        for (from, to) in DOCUMENTS {
            copy(&root.join(from), &folder.join(to))?;
        }
        if binary.is_for_linux() {
            copy(&root.join("deploy/systemd/ponte.service"), &folder.join("ponte.service"))?;
        }
        licences::write(components, &folder.join(LICENCES))?;
        fs::create_dir_all(folder.join("completions"))?;
        for (shell, file) in COMPLETIONS {
            let text = output_without_options(Command::new(&program).args(["completions", shell]))?;
            fs::write(folder.join("completions").join(file), text)?;
        }
        output_without_options(Command::new(&program).arg("man").arg(folder.join("man")))?;
        Ok(Self { folder: folder.to_owned(), program, target: binary.target.clone(), is_release: binary.is_release })
    }

    /// The man pages, sorted.
    pub(super) fn man_pages(&self) -> Result<Vec<PathBuf>> {
        files(&self.folder.join("man"))
    }
}

/// The program's standard output. Variables of this shell that set options do not reach it.
fn output_without_options(command: &mut Command) -> Result<Vec<u8>> {
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("PONTE_") {
            command.env_remove(variable);
        }
    }
    programs::output(command)
}

/// The files below the folder, at any depth, sorted.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}
