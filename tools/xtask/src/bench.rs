//! `cargo xtask bench`: builds what users run and measures it.

use anyhow::Result;

use crate::programs::{cargo, run as run_command, target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rows and options, as `cargo xtask bench -- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(Arguments { arguments }: &Arguments) -> Result<()> {
    // Both at once: cargo unites the features of what it builds together, and librdkafka is then compiled once, and is the
    // same in the bridge and in the floors.
    run_command(&mut cargo(&["build", "--release", "--package", "bridge", "--package", "bench"]))?;
    let program = |name: &str| target_dir().join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    run_command(std::process::Command::new(program("bench")).arg("--bridge").arg(program("bridge")).args(arguments))
}
