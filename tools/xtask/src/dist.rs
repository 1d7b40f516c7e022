//! `cargo xtask dist`: builds the release binary with the page inside, and packages it: archive, .deb, image context, Homebrew
//! formula, licences, bill of materials, checksums.

mod archive;
mod binary;
mod bundle;
mod checksums;
mod components;
mod debian;
mod formula;
mod image;
mod licences;
mod lint;
mod page;
mod run;
mod sbom;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::programs::target_dir;
use binary::Binary;
use bundle::Bundle;
use components::Components;

/// The name under which packages install the program.
const NAME: &str = "ponte";

/// The version of all packages of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also unpack every package, run the binary in it, and lint all manifests
    #[arg(long)]
    check: bool,
    /// Also build the page a second time, in another folder, and compare
    #[arg(long)]
    check_page: bool,
    /// Package this binary instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    binary: Option<PathBuf>,
    /// Build for this target [default: this machine; on Linux with musl, linked statically]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Folder of the packages [default: target/dist]
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Only write the checksums and the Homebrew formula of the archives that are in the folder, such as those of all platforms
    #[arg(long, conflicts_with_all = ["check", "check_page", "binary", "target"])]
    collect: bool,
    /// Address from which the archives will be downloaded, for the Homebrew formula [default: the folder itself]
    #[arg(long, value_name = "URL")]
    download_url: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.output.clone().unwrap_or_else(|| target_dir().join("dist"));
    let binary = if options.collect { None } else { Some(package(options, &folder)?) };
    let url = options.download_url.clone().unwrap_or_else(|| format!("file://{}", folder.display()));
    formula::write(&folder, &url)?;
    checksums::write(&folder)?;
    if let Some(binary) = binary.filter(|_| options.check) {
        verify::packages(&binary, &folder)?;
        // The manifests are the same everywhere, and most of their linters exist for Linux only.
        if binary.is_for_linux() {
            lint::run(&folder, &binary)?;
        }
    }
    if options.check_page {
        page::check_reproducible()?;
    }
    println!("packages: {}", folder.display());
    Ok(())
}

fn package(options: &Options, folder: &Path) -> Result<Binary> {
    let binary = match &options.binary {
        Some(file) => Binary::given(file)?,
        None => Binary::build(options.target.as_deref())?,
    };
    recreate(folder)?;
    let components = Components::of(&binary.target)?;
    sbom::write(&components, &folder.join(format!("{NAME}-{VERSION}-{}.cdx.json", binary.target)))?;
    let files = tempfile::tempdir()?;
    let bundle = Bundle::create(&binary, &components, files.path())?;
    archive::write(&bundle, &folder.join(archive::file_name(&binary.target)))?;
    if binary.is_for_linux() {
        image::write(&bundle, &folder.join("image"))?;
        debian::write(&bundle, &folder.join(debian::file_name(&binary)?))?;
    }
    Ok(binary)
}

/// An empty folder.
fn recreate(folder: &Path) -> Result<()> {
    let recreate = || {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)
    };
    recreate().with_context(|| format!("cannot empty {}", folder.display()))
}

/// Copies the file and creates the folders of its destination.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let copy = || {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from, to)
    };
    copy().with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
