//! Installs oidc-provider, a certified OpenID Connect provider, for the tests of SASL OAUTHBEARER. It is not part of
//! this repository.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::programs::{show, target_dir};

const VERSION: &str = "9.13.3";

/// Installs the provider and its dependencies unless this version is installed.
pub(crate) fn install() -> Result<()> {
    let directory = target_dir().join("oidc-provider");
    if is_installed(&directory) {
        return Ok(());
    }
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let mut npm = Command::new("npm");
    npm.current_dir(&directory)
        // Install scripts are disabled, because none of the packages needs one.
        .args([
            "install",
            "--no-save",
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            ".",
        ])
        .arg(format!("oidc-provider@{VERSION}"))
        .stdin(Stdio::null());
    let shown = show(&npm);
    let output = npm.output().with_context(|| format!("cannot run `{shown}`"))?;
    ensure!(
        output.status.success() && is_installed(&directory),
        "cannot install oidc-provider; check that the npm registry is reachable: `{shown}`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn is_installed(directory: &Path) -> bool {
    let manifest = fs::read_to_string(directory.join("node_modules/oidc-provider/package.json"));
    manifest.is_ok_and(|manifest| manifest.contains(&format!("\"version\": \"{VERSION}\"")))
}
