//! Runs a nested cargo that compiles `frontend` to wasm, isolated from the cargo that builds the bridge.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const TARGET: &str = "wasm32-unknown-unknown";
/// The profile with this name in the workspace's `Cargo.toml`.
const PROFILE: &str = "page";

/// Variables that the outer cargo, or clippy, sets for its own build. If the nested build inherited them, it would lint
/// the page instead of compiling it, or use flags for the host's processor.
const REMOVED_VARIABLES: [&str; 6] = [
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
];

/// Compiles the frontend and returns the path of the raw `.wasm` file.
pub(crate) fn frontend_to_wasm(workspace_root: &Path, target_dir: &Path) -> Result<PathBuf> {
    require_wasm_target()?;

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(&cargo);
    build
        .current_dir(workspace_root)
        .args(["build", "--package", "frontend", "--bin", "frontend"])
        // Defines where the code can be split.
        .args(["--features", "frontend/split"])
        .args(["--target", TARGET, "--profile", PROFILE])
        // Both variables, because a build directory in the user's configuration would cause the shared lock again.
        .env("CARGO_TARGET_DIR", target_dir)
        .env("CARGO_BUILD_BUILD_DIR", target_dir)
        .stdin(Stdio::null())
        // Cargo parses the standard output of a build script.
        .stdout(Stdio::null());
    for variable in REMOVED_VARIABLES {
        build.env_remove(variable);
    }
    build.env("CARGO_ENCODED_RUSTFLAGS", compiler_flags(workspace_root));

    let status = build.status().with_context(|| format!("cannot run {}", cargo.to_string_lossy()))?;
    if !status.success() {
        bail!(
            "the page did not compile ({status}); see cargo's messages above, or run: \
             cargo check --package frontend --target {TARGET}"
        );
    }
    Ok(target_dir.join(TARGET).join(PROFILE).join("frontend.wasm"))
}

/// Flags for leptos and for the splitter, and flags that make the build reproducible: the same source gives the same wasm file,
/// and so the same names and cache entries, on every machine. Panic messages do not contain paths of the build machine.
fn compiler_flags(workspace_root: &Path) -> OsString {
    // A separator character divides the flags in CARGO_ENCODED_RUSTFLAGS, so paths may contain spaces.
    // With erased components leptos compiles its code once instead of once for each type of view: an eighth less to download.
    // The splitter needs the relocations.
    let mut flags = OsString::from("--cfg=erase_components\x1f-Clink-args=--emit-relocs\x1f--remap-path-prefix=");
    flags.push(workspace_root);
    flags.push("=.");
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(cargo_home) = cargo_home {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(cargo_home);
        flags.push("=cargo");
    }
    flags
}

/// Installs the standard library for wasm into the current toolchain if it is missing.
fn require_wasm_target() -> Result<()> {
    if wasm_target_is_installed()? {
        return Ok(());
    }
    // Inherits RUSTUP_TOOLCHAIN, so the target is added to the toolchain that compiles now.
    let added = Command::new("rustup").args(["target", "add", TARGET]).stdout(Stdio::null()).status();
    let reason = match added {
        Ok(status) if status.success() && wasm_target_is_installed()? => return Ok(()),
        Ok(status) => format!("`rustup target add {TARGET}` failed ({status})"),
        Err(error) => format!("rustup cannot be run ({error})"),
    };
    bail!(
        "the page needs Rust's standard library for {TARGET}, and {reason}.\n\
         With rustup: run `rustup target add {TARGET}` while online, then build again.\n\
         With a distribution's Rust: install its wasm package (Debian: libstd-rust-dev-wasm32, Fedora: \
         rust-std-static-{TARGET}).\n\
         To build the bridge without its page, set PONTE_SKIP_PAGE=1."
    )
}

fn wasm_target_is_installed() -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .with_context(|| format!("cannot run {}", rustc.to_string_lossy()))?;
    let directory = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let libraries = std::fs::read_dir(directory);
    Ok(libraries.is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
    }))
}
