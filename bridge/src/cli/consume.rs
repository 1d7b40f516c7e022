//! `bridge consume`: consumes a topic in a group, like the consumer of the tutorial.

use std::time::Duration;

use protocol::RecordFormat;
use tokio_util::sync::CancellationToken;

use super::decoding::{RecordDecoder, Shown};
use super::output::{print_key_and_value, print_message, print_value, reader_gone};
use super::target;
use crate::config::{ConfigError, ConsumeArgs};
use crate::decoder;
use crate::signals;
use kafka::client_config::Connection;
use kafka::consumer::{ConsumedRecord, GroupConsumer, Options};
use kafka::group_protocol;
use kafka::metadata_client::MetadataClient;

/// How long one poll waits for a record, which also delays the reaction to Ctrl+C.
const POLL: Duration = Duration::from_millis(100);

/// Prints a line for each record until stopped, then commits and leaves the group. It also stops, without a message, when
/// the program that reads its output has ended.
pub async fn run(args: ConsumeArgs) -> anyhow::Result<()> {
    let registry = match (args.key_format, args.value_format) {
        // A file that only the bridge's user may read must not prevent others from printing values as they are.
        (RecordFormat::Raw, RecordFormat::Raw) => None,
        _ => args.decode.registry.settings().map_err(|reason| ConfigError::registry(None, reason))?,
    };
    let decoder = decoder::create(registry.as_ref(), &args.decode.schemas, args.decode.max_decoded_bytes)?;
    let decoder = RecordDecoder::new(decoder, args.key_format, args.value_format, args.topic.to_string());
    let shutdown = signals::on_signal()?;
    let (connection, metadata_client) = target::connect(&args.kafka).await?;
    let gone = CancellationToken::new();
    let watched = gone.clone();
    tokio::spawn(async move {
        reader_gone().await;
        watched.cancel();
    });
    tokio::task::spawn_blocking(move || consume(&args, decoder, &connection, metadata_client, &shutdown, &gone)).await?
}

fn consume(
    args: &ConsumeArgs,
    mut decoder: RecordDecoder,
    connection: &Connection,
    metadata_client: MetadataClient,
    shutdown: &CancellationToken,
    reader_gone: &CancellationToken,
) -> anyhow::Result<()> {
    let is_stopped = || shutdown.is_cancelled() || reader_gone.is_cancelled();
    let commits = !args.no_commit && !connection.properties.forbids_auto_commit();
    let protocol = group_protocol::to_join(connection, &metadata_client, &args.group, is_stopped)?;
    let Some(protocol) = protocol else { return Ok(()) };
    let options = Options { topic: args.topic.clone(), group: args.group.clone(), start: args.start, commits };
    let consumer = GroupConsumer::new(connection, metadata_client, protocol, options)?;
    let mut has_reader = print_value("In ascolto su '", Some(format!("{}'...", args.topic).as_bytes()))?;
    let mut printed = 0;
    while has_reader && args.count.is_none_or(|count| printed < count) && !is_stopped() {
        consumer.join_when_topic_exists()?;
        let print = |record: ConsumedRecord<'_>| {
            let Shown { key, value, reports } = decoder.shown(&record);
            reports.iter().for_each(|report| print_message(report));
            match &args.key_separator {
                Some(separator) => print_key_and_value("← Consumato: ", key, separator, value),
                None => print_value("← Consumato: ", value),
            }
        };
        match consumer.next(POLL, print)? {
            Some(true) => printed += 1,
            Some(false) => has_reader = false,
            None => {}
        }
    }
    consumer.close()?;
    if let Some(summary) = decoder.summary() {
        print_message(&summary);
    }
    if has_reader && !reader_gone.is_cancelled() {
        print_message(&format!("{printed} records read{}", if commits { "" } else { ", nothing committed" }));
    }
    Ok(())
}
