//! `cargo xtask fuzz`: feeds random files and frames to the readers, with libFuzzer on nightly Rust. The inputs in
//! `tools/fuzz/corpus` are the start; `cargo xtask test` checks them on stable Rust.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::programs::{run as run_command, target_dir, workspace_root};

const TARGETS: [&str; 5] = ["files", "filters", "protocol", "records", "schemas"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run only this target: files, filters, protocol, records or schemas
    #[arg(long, value_parser = TARGETS)]
    target: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    install()?;
    for target in TARGETS.into_iter().filter(|target| options.target.as_deref().is_none_or(|chosen| chosen == *target))
    {
        fuzz(target, options.seconds)?;
    }
    Ok(())
}

/// A command of nightly Rust, without the toolchain of the cargo that started this program.
fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(workspace_root()).args(["run", "nightly"]).args(words);
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC"] {
        command.env_remove(variable);
    }
    command
}

fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn install() -> Result<()> {
    if !succeeds(nightly(&["rustc", "--version"])) {
        let mut toolchain = Command::new("rustup");
        run_command(toolchain.args(["toolchain", "install", "nightly", "--profile", "minimal"]))
            .context("fuzzing needs nightly Rust, from rustup")?;
    }
    if !succeeds(nightly(&["cargo", "fuzz", "--version"])) {
        run_command(&mut nightly(&["cargo", "install", "cargo-fuzz", "--locked"]))?;
    }
    Ok(())
}

fn fuzz(target: &str, seconds: u32) -> Result<()> {
    let folder = target_dir().join("fuzz");
    // The inputs that this machine has found so far, and those that break a promise.
    let (found, failures) = (folder.join("corpus").join(target), folder.join("failures"));
    for folder in [&found, &failures] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut command = nightly(&["cargo", "fuzz", "run", target, "--fuzz-dir", "fuzz", "--target-dir"]);
    command.arg(&folder).arg(&found).arg(format!("tools/fuzz/corpus/{target}"));
    command.args(["--", "-timeout=10", "-max_len=8192", &format!("-max_total_time={seconds}")]);
    command.arg(format!("-artifact_prefix={}/{target}-", failures.display()));
    if run_command(&mut command).is_err() {
        bail!("{target}: the input is in {}; after the fix, copy it to tools/fuzz/corpus/{target}", failures.display());
    }
    Ok(())
}
