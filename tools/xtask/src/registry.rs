//! `cargo xtask registry up`, `down` and `status`: a real schema registry in the background, without Docker.

use std::time::Instant;

use anyhow::{Result, bail};
use local_registry::{Detached, Installation, Options, Port, VERSION};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Start Apicurio Registry on localhost:8081 and return when it answers
    Up,
    /// Stop the registry; its schemas are gone
    Down,
    /// Print whether the registry answers, and its URL
    Status,
}

pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        Action::Up => up(),
        Action::Down => down(),
        Action::Status => status(),
    }
}

fn up() -> Result<()> {
    if let Some(present) = Detached::find()? {
        if present.answers() {
            println!("Apicurio Registry is already running: {}", present.url());
            return Ok(());
        }
        // It has hung, or is still starting.
        present.stop()?;
    }
    let start = Instant::now();
    let options = Options { port: Port::WellKnown, directory: Some(Detached::directory()) };
    let registry = Installation::find_or_fetch()?.start(&options)?;
    let (url, log) = (registry.url(), registry.log());
    registry.detach()?;
    println!("Apicurio Registry {VERSION} answers after {:.1} s: {url}", start.elapsed().as_secs_f64());
    println!("To use it: cargo run -p bridge -- --schema-registry {url}");
    println!("Its schemas are in memory. Log: {}. To stop it: cargo xtask registry down", log.display());
    Ok(())
}

fn down() -> Result<()> {
    let Some(present) = Detached::find()? else {
        println!("No registry that was started with `cargo xtask registry up` is running");
        return Ok(());
    };
    present.stop()?;
    println!("Apicurio Registry is stopped");
    Ok(())
}

/// Fails unless the registry answers, so that scripts can ask.
fn status() -> Result<()> {
    match Detached::find()? {
        Some(present) if present.answers() => println!("Apicurio Registry answers: {}", present.url()),
        Some(present) => bail!("Apicurio Registry is running, but does not answer: {}", present.url()),
        None => bail!("no registry is running; start it with cargo xtask registry up"),
    }
    Ok(())
}
