//! `cargo xtask …`: the project's development tasks.

mod axe;
mod bench;
mod ci;
mod debian;
mod dev;
mod dist;
mod format;
mod fuzz;
mod kafka;
mod oidc_provider;
mod pictures;
mod programs;
mod protocol_document;
mod python;
mod registry;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Ponte")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the missing programs and packages that the tests need
    Setup,
    /// Run all tests: native, end to end, with real Kafka and a real browser
    Test(test::Options),
    /// Compare the bridge with librdkafka and raw WebSockets on real Kafka; options: `cargo xtask bench -- --help`
    Bench(bench::Arguments),
    /// Run real Kafka in the background, without Docker
    #[command(subcommand)]
    Kafka(kafka::Action),
    /// Run a real schema registry in the background, without Docker
    #[command(subcommand)]
    Registry(registry::Action),
    /// Serve the page with hot reload (`trunk serve`), and run a bridge
    Dev,
    /// Take screenshots of every state of the page, into target/screenshots
    Pictures,
    /// Build the release packages into target/dist
    Dist(dist::Options),
    /// Feed random files and frames to the readers, on nightly Rust
    Fuzz(fuzz::Options),
    /// Format the code: rustfmt, and leptosfmt for the page's `view!` macros
    Format,
    /// Generate docs/protocol.md and docs/protocol.schema.json from crates/protocol
    Protocol,
    /// Check the rules of ARCHITECTURE.md and of the repository
    Tidy,
    /// Run everything that must pass before a change is accepted
    Ci,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup => setup::run(),
        Command::Test(options) => test::run(&options),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Kafka(action) => kafka::run(&action),
        Command::Registry(action) => registry::run(&action),
        Command::Dev => dev::run(),
        Command::Pictures => pictures::run(),
        Command::Dist(options) => dist::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Format => format::run(format::Mode::Write),
        Command::Protocol => protocol_document::run(),
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
