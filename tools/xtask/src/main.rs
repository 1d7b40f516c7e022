//! `cargo xtask …`: everything about this project that is not the product.

mod axe;
mod bench;
mod ci;
mod dev;
mod kafka;
mod oidc_provider;
mod pictures;
mod programs;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Ponte's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need and this machine lacks
    Setup,
    /// Run every test: native, end to end, real Kafka, a real browser
    Test(test::Options),
    /// Measure Ponte against what its parts can do, on real Kafka; `cargo xtask bench -- --help` has the options
    Bench(bench::Arguments),
    /// Real Kafka in the background, without Docker
    #[command(subcommand)]
    Kafka(kafka::Action),
    /// Work on the page: `trunk serve` with hot reload, beside a bridge
    Dev,
    /// Take a picture of every state of the page, into target/screenshots
    Pictures,
    /// Check the rules of ARCHITECTURE.md and of the repository
    Tidy,
    /// Everything that must pass before a change is accepted
    Ci,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup => setup::run(),
        Command::Test(options) => test::run(&options),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Kafka(action) => kafka::run(&action),
        Command::Dev => dev::run(),
        Command::Pictures => pictures::run(),
        Command::Tidy => tidy::run(),
        Command::Ci => ci::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
