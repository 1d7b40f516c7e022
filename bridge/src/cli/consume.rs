//! `bridge consume`: consumes a topic in a group, like the consumer of the tutorial.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::output::shown_bytes;
use super::target;
use crate::config::ConsumeArgs;
use crate::signals;
use kafka::client_config::Connection;
use kafka::consumer::{GroupConsumer, Options};
use kafka::group_protocol;
use kafka::metadata_client::MetadataClient;

/// How long one poll waits for a record, which also delays the reaction to Ctrl+C.
const POLL: Duration = Duration::from_millis(100);

/// Prints a line for each record until stopped, then commits and leaves the group.
pub async fn run(args: ConsumeArgs) -> anyhow::Result<()> {
    let shutdown = signals::on_signal()?;
    let (connection, metadata_client) = target::connect(&args.kafka).await?;
    tokio::task::spawn_blocking(move || consume(&args, &connection, metadata_client, &shutdown)).await?
}

fn consume(
    args: &ConsumeArgs,
    connection: &Connection,
    metadata_client: MetadataClient,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let commits = !args.no_commit && !connection.properties.forbids_auto_commit();
    let protocol = group_protocol::to_join(connection, &metadata_client, &args.group, || shutdown.is_cancelled())?;
    let Some(protocol) = protocol else { return Ok(()) };
    let options = Options { topic: args.topic.clone(), group: args.group.clone(), start: args.start, commits };
    let consumer = GroupConsumer::new(connection, metadata_client, protocol, options)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "In ascolto su '{}'...", args.topic)?;
    out.flush()?;
    let is_terminal = out.is_terminal();
    let mut printed = 0;
    while args.count.is_none_or(|count| printed < count) && !shutdown.is_cancelled() {
        consumer.join_when_topic_exists()?;
        let seen = consumer.next(POLL, |value| -> std::io::Result<()> {
            out.write_all("← Consumato: ".as_bytes())?;
            match value {
                Some(value) if is_terminal => out.write_all(shown_bytes(value).as_bytes())?,
                Some(value) => out.write_all(value)?,
                // The tutorial's language, Python, prints a missing value as `None`.
                None => out.write_all(b"None")?,
            }
            out.write_all(b"\n")?;
            out.flush()
        })?;
        if let Some(written) = seen {
            written?;
            printed += 1;
        }
    }
    consumer.close()?;
    eprintln!("{printed} records read{}", if commits { "" } else { ", nothing committed" });
    Ok(())
}
