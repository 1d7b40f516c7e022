//! `cargo xtask kafka up` and `down`: real Kafka in the background, without Docker.

use std::time::Instant;

use anyhow::{Result, bail};
use local_kafka::{Detached, Flavour, Installation, Options, Ports, Purpose};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Start Kafka on localhost:9092 and return when it answers
    Up {
        /// Kafka 3.9 with ZooKeeper (localhost:2181), as in kafka_broker.yaml
        #[arg(long, conflicts_with = "brokers")]
        zookeeper: bool,
        /// Number of brokers; 3 starts a cluster on localhost:9092, 9093 and 9094, as in kafka_cluster.yaml
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3))]
        brokers: u16,
    },
    /// Stop Kafka; the next `up` has the same data
    Down,
}

pub(crate) fn run(action: &Action) -> Result<()> {
    match *action {
        Action::Up { zookeeper: true, .. } => up(Flavour::Zookeeper),
        Action::Up { zookeeper: false, brokers } => up(Flavour::Kraft { brokers }),
        Action::Down => down(),
    }
}

fn up(flavour: Flavour) -> Result<()> {
    if let Some(present) = Detached::find()? {
        if present.description != flavour.to_string() {
            bail!("{} is running; stop it first: cargo xtask kafka down", present.description);
        }
        if present.answers() {
            println!("{flavour} is already running");
            return Ok(());
        }
        // Some of its processes still run.
        present.stop()?;
    }
    let start = Instant::now();
    let directory = Detached::directory(flavour);
    let options = Options {
        purpose: Purpose::Development,
        ports: Ports::WellKnown,
        directory: Some(directory.clone()),
        ..Options::for_tests()
    };
    let cluster = Installation::find_or_fetch(flavour)?.start(&options)?;
    let addresses = cluster.bootstrap_servers().replace("127.0.0.1", "localhost");
    cluster.detach()?;
    println!("{flavour} answers on {addresses} after {:.1} s", start.elapsed().as_secs_f64());
    println!("Data and logs: {}. To stop it: cargo xtask kafka down", directory.display());
    Ok(())
}

fn down() -> Result<()> {
    let Some(present) = Detached::find()? else {
        println!("No Kafka that was started with `cargo xtask kafka up` is running");
        return Ok(());
    };
    let description = present.description.clone();
    present.stop()?;
    println!("{description} is stopped");
    Ok(())
}
