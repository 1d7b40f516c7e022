//! Runs a second cargo that compiles `frontend` to wasm, isolated from the cargo that is building the bridge.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const TARGET: &str = "wasm32-unknown-unknown";
/// The profile of the same name in the workspace's `Cargo.toml`.
const PROFILE: &str = "page";

/// What the outer cargo, or clippy in its place, sets for its own build. Inherited, these would lint the page instead of
/// compiling it, or apply the flags of the host's processor to wasm.
const REMOVED_VARIABLES: [&str; 6] = [
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
];

/// Compiles the frontend and returns the path of the raw `.wasm`.
pub(crate) fn frontend_to_wasm(workspace_root: &Path, target_dir: &Path) -> Result<PathBuf> {
    require_wasm_target()?;

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(&cargo);
    build
        .current_dir(workspace_root)
        .args(["build", "--package", "frontend", "--bin", "frontend"])
        .args(["--target", TARGET, "--profile", PROFILE])
        // Both: a build directory set in a user's configuration would bring back the shared lock.
        .env("CARGO_TARGET_DIR", target_dir)
        .env("CARGO_BUILD_BUILD_DIR", target_dir)
        .stdin(Stdio::null())
        // A build script's standard output is read by cargo as instructions.
        .stdout(Stdio::null());
    for variable in REMOVED_VARIABLES {
        build.env_remove(variable);
    }
    build.env("CARGO_ENCODED_RUSTFLAGS", compiler_flags(workspace_root));

    let status = build.status().with_context(|| format!("cannot run {}", cargo.to_string_lossy()))?;
    if !status.success() {
        bail!(
            "the page did not compile ({status}); cargo's message is above. To see it alone: \
             cargo check --package frontend --target {TARGET}"
        );
    }
    Ok(target_dir.join(TARGET).join(PROFILE).join("frontend.wasm"))
}

/// The same source gives the same wasm, hence the same names and caches, wherever it is compiled; and no directory of the
/// machine that built a release shows in its panic messages.
fn compiler_flags(workspace_root: &Path) -> OsString {
    // Between two flags of CARGO_ENCODED_RUSTFLAGS stands a separator, so that paths may contain spaces.
    let mut flags = OsString::from("--remap-path-prefix=");
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

/// Adds the standard library for wasm to the toolchain in use if it is not there yet.
fn require_wasm_target() -> Result<()> {
    if wasm_target_is_installed()? {
        return Ok(());
    }
    // Inherits RUSTUP_TOOLCHAIN, so it is added to the toolchain that compiles now, whichever is the default.
    let added = Command::new("rustup").args(["target", "add", TARGET]).stdout(Stdio::null()).status();
    let reason = match added {
        Ok(status) if status.success() && wasm_target_is_installed()? => return Ok(()),
        Ok(status) => format!("`rustup target add {TARGET}` did not help ({status})"),
        Err(error) => format!("rustup could not be run ({error})"),
    };
    bail!(
        "the page needs Rust's standard library for {TARGET}, and {reason}.\n\
         With rustup: run `rustup target add {TARGET}` while online, then build again.\n\
         With a distribution's Rust: install its wasm package (Debian: libstd-rust-dev-wasm32, Fedora: \
         rust-std-static-{TARGET}).\n\
         To build the bridge without its page: PONTE_SKIP_PAGE=1."
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
