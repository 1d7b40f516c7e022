//! Command line → checked configuration → log → run → exit code.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

mod cli;
mod config;
mod log;
mod page;
mod serve;
mod signals;

use clap::Parser;
use tokio::net::{TcpListener, TcpSocket};

use crate::cli::{consume, groups, output, produce, topics};
use crate::config::{Command, CommandLine, Config, ConfigError, ServeArgs};

/// Also the C code's allocator: see `Cargo.toml`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line or the environment is wrong; clap uses the same.
const EXIT_CONFIG: u8 = 2;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    log::start();
    let outcome = match command_line.command {
        None => run_serve(command_line.serve),
        Some(Command::Serve(args)) => run_serve(args),
        Some(Command::Produce(args)) => block_on(produce::run(args)),
        Some(Command::Consume(args)) => block_on(consume::run(args)),
        Some(Command::Topics(args)) => block_on(topics::run(args)),
        Some(Command::Groups(args)) => block_on(groups::run(args)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(&format!("error: {error:#}"));
            let code = if error.is::<ConfigError>() { EXIT_CONFIG } else { 1 };
            ExitCode::from(code)
        }
    }
}

fn run_serve(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::from_args(args)?;
    block_on(async {
        let shutdown = signals::on_signal()?;
        let listener = listen(config.listen).map_err(|error| {
            anyhow::anyhow!(
                "cannot listen on {}: {error}; another bridge may be running there, --listen chooses another port",
                config.listen
            )
        })?;
        serve::serve(config, listener, shutdown).await
    })
}

/// As `TcpListener::bind`, which lets 128 connections wait to be accepted: of a burst of more the kernel drops some, and their
/// clients try again after a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const WAITING: u32 = 4096;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A bridge that is started again finds connections of the last one that have not quite ended. On Windows the option would let
    // two bridges listen at once.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

fn block_on(program: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(program);
    // What did not end within its grace must not hold the process.
    runtime.shutdown_background();
    outcome
}
