//! Checks that the page is reproducible: built again from another folder, every file is the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;

use super::copy;
use crate::programs::{cargo, target_dir, workspace_root};

pub(super) fn check_reproducible() -> Result<()> {
    let copied = tempfile::Builder::new().prefix("ponte page ").tempdir()?;
    copy_sources(copied.path())?;
    let (here, there) = (built_files(&workspace_root())?, built_files(copied.path())?);
    let names = here.keys().chain(there.keys());
    let different: Vec<_> = names.filter(|name| here.get(*name) != there.get(*name)).collect();
    ensure!(different.is_empty(), "the page differs when it is built in another folder: {different:?}");
    ensure!(here.len() > 3, "the page was built without its code: unset PONTE_SKIP_PAGE");
    println!("page: {} files are the same when they are built in {}", here.len(), copied.path().display());
    Ok(())
}

fn copy_sources(to: &Path) -> Result<()> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").current_dir(workspace_root()).args(list).output().context("cannot run git")?;
    for name in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
        let file = workspace_root().join(name);
        if file.is_file() {
            copy(&file, &to.join(name))?;
        }
    }
    Ok(())
}

/// The page's files that the bridge embeds, by name.
fn built_files(root: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    // `cargo check` runs build scripts, and the one of the bridge builds the page, into the `target` of its own workspace: the
    // variable is not set. The dependencies of the build script are shared by both workspaces.
    let mut command = cargo(&[
        "check",
        "--locked",
        "--package",
        "bridge",
        "--message-format=json-render-diagnostics",
        "--target-dir",
    ]);
    command.arg(target_dir()).current_dir(root).env_remove("CARGO_TARGET_DIR").stdout(Stdio::piped());
    let output = command.spawn()?.wait_with_output()?;
    ensure!(output.status.success(), "the page cannot be built in {}", root.display());
    let folder = Message::parse_stream(&output.stdout[..]).filter_map(Result::ok).find_map(|message| match message {
        Message::BuildScriptExecuted(script) if script.package_id.repr.contains("/bridge#") => {
            Some(PathBuf::from(script.out_dir))
        }
        _ => None,
    });
    let Some(folder) = folder else { bail!("cargo did not run the build script of the bridge") };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(name, fs::read(&path)?);
    }
    Ok(files)
}
