//! Shell completions and man pages, generated from the command line's definition. `cargo xtask dist` packages both.
//!
//! Both carry the name under which the program was started, because packages install it as `ponte`.

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::output;
use crate::config::CommandLine;

pub fn print_completions(shell: Shell) -> anyhow::Result<()> {
    let mut completions = Vec::new();
    let name = program_name();
    clap_complete::generate(shell, &mut named_command(&name), &name, &mut completions);
    output::print(&String::from_utf8(completions).context("completions are text")?)
}

/// One page for the program, and one for each command: `ponte.1`, `ponte-topics-list.1`.
pub fn write_man_pages(folder: &Path) -> anyhow::Result<()> {
    let write = || {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(named_command(&program_name()), folder)
    };
    write().with_context(|| format!("cannot write man pages into {}", folder.display()))
}

fn named_command(name: &str) -> Command {
    CommandLine::command().name(name.to_owned()).bin_name(name.to_owned())
}

fn program_name() -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    Path::new(&program).file_stem().map_or_else(|| "bridge".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
