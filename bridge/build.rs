//! Builds the page and embeds it, so that the bridge is a single executable.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use page_builder::{Options, Page};

/// Set this variable to leave the page out where it is not needed: for lints, docs, editors.
const SKIP: &str = "PONTE_SKIP_PAGE";

fn main() -> Result<()> {
    let directory = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let manifest_dir = directory("CARGO_MANIFEST_DIR").context("CARGO_MANIFEST_DIR is not set")?;
    let out_dir = directory("OUT_DIR").context("OUT_DIR is not set")?;
    let workspace_root = manifest_dir.parent().context("the bridge's package is not in a workspace")?;

    let options = Options { workspace_root: workspace_root.to_owned(), target_dir: page_target_dir(workspace_root) };

    println!("cargo::rerun-if-env-changed={SKIP}");
    let page = if env::var(SKIP).is_ok_and(|value| !value.is_empty() && value != "0") {
        println!("cargo::rerun-if-changed=build.rs");
        Page::skipped(&options)?
    } else {
        for input in ["frontend", "crates/page_model", "crates/formats", "crates/protocol", "Cargo.toml", "Cargo.lock"]
        {
            println!("cargo::rerun-if-changed={}", workspace_root.join(input).display());
        }
        page_builder::build(&options)?
    };
    page.write_rust(&out_dir)
}

/// Not below OUT_DIR, because clippy, a release build and an updated dependency each get another OUT_DIR, and would
/// compile the page from scratch.
fn page_target_dir(workspace_root: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace_root.join(target).join("page")
}
