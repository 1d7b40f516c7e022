//! Command line → checked configuration → log → run → exit code.

use std::process::ExitCode;

use bridge::cli::{consume, groups, produce, topics};
use bridge::config::{Command, CommandLine, Config, ConfigError, ServeArgs};
use bridge::shutdown;
use clap::Parser;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Also the C code's allocator: see `Cargo.toml`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line or the environment is wrong; clap uses the same.
const EXIT_CONFIG: u8 = 2;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    start_log();
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
            eprintln!("error: {error:#}");
            let code = if error.is::<ConfigError>() { EXIT_CONFIG } else { 1 };
            ExitCode::from(code)
        }
    }
}

fn run_serve(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::from_args(args)?;
    block_on(async {
        let shutdown = shutdown::on_signal()?;
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            anyhow::anyhow!(
                "cannot listen on {}: {error}; another bridge may be running there, --listen chooses another port",
                config.listen
            )
        })?;
        bridge::serve(config, listener, shutdown).await
    })
}

fn block_on(program: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(program);
    // What did not end within its grace must not hold the process.
    runtime.shutdown_background();
    outcome
}

/// Logs go to standard error; `PONTE_LOG` chooses what, in tracing's filter syntax.
fn start_log() {
    let filter = EnvFilter::try_from_env("PONTE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // At `trace` the HTTP client shows what goes over the wire: secrets and tokens.
    let filter = filter.add_directive("ureq=info".parse().expect("a directive"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}
