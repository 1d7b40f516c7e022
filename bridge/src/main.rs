//! The entry point: command line → validated configuration → log → run → exit code.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

mod cli;
mod config;
mod decoder;
mod escape;
mod file_watch;
mod log;
mod manual;
mod page;
mod reload;
mod samples;
mod serve;
mod signals;

use tokio::net::{TcpListener, TcpSocket};

use crate::cli::{consume, groups, healthcheck, output, produce, registry, search, topics};
use crate::config::{Command, CommandLine, Config, ConfigCommand, ConfigError, ServeArgs, Sources};

/// Also used by the C code; see `Cargo.toml`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code for an invalid command line or environment, as clap uses it.
const EXIT_CONFIG: u8 = 2;

fn main() -> ExitCode {
    let line = CommandLine::read().and_then(|line| log::start(&line.log_args()).map(|()| line));
    match line.map_err(anyhow::Error::from).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::print_message(&format!("error: {error:#}"));
            let code = if error.is::<ConfigError>() { EXIT_CONFIG } else { 1 };
            ExitCode::from(code)
        }
    }
}

fn run(command_line: CommandLine) -> anyhow::Result<()> {
    let CommandLine { command, serve, sources } = command_line;
    if !matches!(command, Some(Command::Config(ConfigCommand::Check(_)))) {
        for unknown in &sources.unknown_variables {
            tracing::warn!("{unknown}");
        }
    }
    match command {
        None => run_serve(serve, sources),
        Some(Command::Serve(args)) => run_serve(args, sources),
        Some(Command::Produce(args)) => block_on(produce::run(args)),
        Some(Command::Consume(args)) => block_on(consume::run(args)),
        Some(Command::Search(args)) => block_on(search::run(*args)),
        Some(Command::Topics(args)) => block_on(topics::run(args)),
        Some(Command::Groups(args)) => block_on(groups::run(args)),
        Some(Command::Registry(command)) => block_on(registry::run(command)),
        Some(Command::Config(ConfigCommand::Check(args))) => {
            if !sources.unknown_variables.is_empty() {
                return Err(ConfigError::UnknownVariables(sources.unknown_variables).into());
            }
            log::check(&args.log)?;
            let config = Config::from_args(args, sources.file.as_ref())?;
            output::print(&sources.summary(&config))
        }
        Some(Command::Config(ConfigCommand::Print(_))) => output::print(&sources.print()),
        Some(Command::Healthcheck(args)) => block_on(healthcheck::run(args)),
        Some(Command::Completions { shell }) => manual::print_completions(shell),
        Some(Command::Man { folder }) => manual::write_man_pages(&folder),
    }
}

fn run_serve(args: ServeArgs, sources: Sources) -> anyhow::Result<()> {
    let mut config = Config::from_args(args, sources.file.as_ref())?;
    config.file = sources.file;
    block_on(async {
        let shutdown = signals::on_signal()?;
        let hangups = signals::Hangups::new()?;
        let listener = listen(config.listen).map_err(|error| {
            anyhow::anyhow!(
                "cannot listen on {}: {error}; another bridge may be running there; choose another port with --listen",
                config.listen
            )
        })?;
        serve::serve(config, listener, hangups, shutdown).await
    })
}

/// Like `TcpListener::bind`, but with a longer backlog: it lets 128 connections wait to be accepted. In a larger burst
/// the kernel drops some, and their clients retry only after a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 4096;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // After a restart, connections of the previous bridge may still be closing, and would block the port. On Windows
    // the option would allow two bridges to listen at once.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn block_on(program: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(program);
    // Tasks that did not end in time must not delay the exit.
    runtime.shutdown_background();
    outcome
}
