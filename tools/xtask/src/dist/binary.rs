//! The release binary: which target it is for, and how it is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::programs::{cargo, run, target_dir};

/// The profile with this name in the workspace's `Cargo.toml`.
const PROFILE: &str = "stripped";

pub(super) struct Binary {
    pub(super) file: PathBuf,
    /// The target's triple, such as `x86_64-unknown-linux-musl`.
    pub(super) target: String,
    /// Built here with the profile for releases, so it must be small, static and fast to start.
    pub(super) is_release: bool,
}

impl Binary {
    /// The binary of another build, such as the debug build of the tests.
    pub(super) fn given(file: &Path) -> Result<Self> {
        ensure!(file.is_file(), "there is no file {}", file.display());
        Ok(Self { file: file.to_owned(), target: host()?, is_release: false })
    }

    pub(super) fn build(target: Option<&str>) -> Result<Self> {
        let target = match target {
            Some(target) => target.to_owned(),
            // Linked with musl, it needs no library of the system and so runs on every distribution and in an empty image.
            None => host()?.replace("-linux-gnu", "-linux-musl"),
        };
        require_target(&target)?;
        run(&mut cargo(&["build", "--locked", "--package", "bridge", "--profile", PROFILE, "--target", &target]))?;
        let name = if target.contains("windows") { "bridge.exe" } else { "bridge" };
        let file = target_dir().join(&target).join(PROFILE).join(name);
        Ok(Self { file, target, is_release: true })
    }

    pub(super) fn is_for_linux(&self) -> bool {
        self.target.contains("-linux-")
    }

    pub(super) fn is_static(&self) -> bool {
        self.is_release && self.target.ends_with("-linux-musl")
    }

    /// The file name of the program in packages.
    pub(super) fn program(&self) -> String {
        let suffix = if self.target.contains("windows") { ".exe" } else { "" };
        format!("{}{suffix}", super::NAME)
    }
}

fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn require_target(target: &str) -> Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("cannot run rustc")?;
    if !Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        run(Command::new("rustup").args(["target", "add", target]))?;
    }
    if target.ends_with("-linux-musl") && !crate::programs::is_on_path("musl-gcc") {
        bail!("the C libraries need a compiler for musl; on Debian: sudo apt-get install musl-tools");
    }
    Ok(())
}
