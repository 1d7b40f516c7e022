//! `cargo xtask bench`: builds the release bridge and the benchmarks, and runs them.

use anyhow::Result;

use crate::programs::{cargo, run as run_command, target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Rows and options, as `cargo xtask bench -- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(Arguments { arguments }: &Arguments) -> Result<()> {
    // Built in one command, because cargo unifies the features of packages that it builds together: librdkafka is then
    // compiled once, and is the same in the bridge and in the baselines.
    run_command(&mut cargo(&["build", "--release", "--package", "bridge", "--package", "bench"]))?;
    let program = |name: &str| target_dir().join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    run_command(std::process::Command::new(program("bench")).arg("--bridge").arg(program("bridge")).args(arguments))
}
