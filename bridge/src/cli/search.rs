//! `bridge search`: finds records of topics, without joining a group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use formats::{ExportRecord, json_line};
use protocol::{
    Decode, FoundRecord, Header, RecordFormat, Search, SearchDone, SearchEnd, SearchProgress, SearchRecords,
    ServerMessage, limits,
};
use tokio_util::sync::CancellationToken;

use super::output::{print_message, print_value, reader_gone};
use super::{failed, target};
use crate::config::{ConfigError, SearchCommand};
use crate::{decoder, signals};
use server::search::{SearchLimits, Searches, Sent, Source};

/// The interval of the progress on standard error.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Prints each record that matches. Ctrl+C, or the end of the program that reads the output, stops the search.
pub async fn run(command: SearchCommand) -> anyhow::Result<()> {
    let registry = match (command.key_format, command.value_format) {
        (RecordFormat::Raw, RecordFormat::Raw) => None,
        _ => command.decode.registry.settings().map_err(|reason| ConfigError::registry(None, reason))?,
    };
    let decoder = decoder::create(registry.as_ref(), &command.decode.schemas, command.decode.max_decoded_bytes)?;
    let shutdown = signals::on_signal()?;
    let admin = target::admin(&command.kafka).await?;
    let source = Source { admin: Arc::new(admin), decoder: Arc::new(decoder), state: None };
    let searches = Searches::new(SearchLimits { running: 1, bytes_per_second: None });
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = reader_gone() => {}
        }
        stopped.cancel();
    });

    let mut request = Search {
        topics: command.topic.iter().map(ToString::to_string).collect(),
        partitions: command.partition.clone(),
        from: command.from.clone(),
        to: command.to.clone(),
        filter: Box::new(command.filter()),
        partitioner: command.partitioner.into(),
        order: command.order.into(),
        count: limits::SEARCH_RECORDS,
        isolation: command.isolation.into(),
        decode: Decode::with_formats(command.key_format, command.value_format),
        cursor: None,
    };
    let mut output = Output { left: command.count, found: 0, scanned: 0, failed: 0, has_reader: true };
    loop {
        let most = output.left.unwrap_or(u64::MAX).min(u64::from(limits::SEARCH_RECORDS));
        request.count = u32::try_from(most).unwrap_or(limits::SEARCH_RECORDS);
        // The permit of the search before is released when its thread ends.
        let search = searches.admit_unmasked(source.clone(), request.clone()).map_err(failed)?;
        let done = output.print_all(search.start(1, stop.clone())).await?;
        if let Some(error) = done.error {
            bail!("{} ({})", error.message, output.summary());
        }
        request.cursor = done.cursor;
        let is_over = output.left == Some(0) || !output.has_reader || done.reason != SearchEnd::Count;
        if is_over || request.cursor.is_none() {
            print_message(&output.summary());
            return Ok(());
        }
    }
}

/// What was printed, and what is still to be printed.
struct Output {
    /// How many more records are printed; `None`: all.
    left: Option<u64>,
    found: u64,
    /// By the searches that have ended.
    scanned: u64,
    failed: u64,
    has_reader: bool,
}

impl Output {
    /// Prints what a search finds until it has ended.
    async fn print_all(&mut self, mut messages: tokio::sync::mpsc::Receiver<Sent>) -> anyhow::Result<SearchDone> {
        let mut last = SearchProgress::default();
        let mut shown_at = Instant::now();
        let mut done = None;
        // Until the thread has ended, so that the next search is admitted.
        while let Some(message) = messages.recv().await {
            let message = match message {
                Sent::Started(started) => {
                    started.map_err(failed)?;
                    continue;
                }
                Sent::Push(message) => *message,
            };
            match message {
                ServerMessage::SearchRecords(SearchRecords { records, .. }) => {
                    for record in &records {
                        if !self.has_reader {
                            break;
                        }
                        self.has_reader = print_value("", Some(line(record).as_bytes()))?;
                        self.found += 1;
                        self.left = self.left.map(|left| left.saturating_sub(1));
                    }
                }
                ServerMessage::SearchProgress(progress) => {
                    if shown_at.elapsed() >= PROGRESS_EVERY {
                        shown_at = Instant::now();
                        print_message(&state(&progress));
                    }
                    last = progress;
                }
                ServerMessage::SearchDone(ended) => done = Some(ended),
                _ => {}
            }
        }
        self.scanned += last.scanned;
        self.failed += last.failed;
        for range in &last.deleted {
            print_message(&format!(
                "{}, partition {}: offsets {} to {} were deleted by Kafka before they were searched",
                range.topic, range.partition, range.from, range.to
            ));
        }
        if let Some(reason) = last.first_failure {
            print_message(&format!(
                "the expression cannot be evaluated for {} records; the first: {reason}",
                last.failed
            ));
        }
        done.ok_or_else(|| anyhow::anyhow!("the search ended without a result"))
    }

    fn summary(&self) -> String {
        format!("{} of {} scanned records match", self.found, self.scanned)
    }
}

fn state(progress: &SearchProgress) -> String {
    let SearchProgress { scanned, matched, left, elapsed_ms, .. } = progress;
    let per_second = scanned.saturating_mul(1000) / (*elapsed_ms).max(1);
    format!("{scanned} records scanned, {per_second} a second, {matched} match, at most {left} left")
}

/// The record as one line of JSON, in the form of the page's export.
fn line(FoundRecord { topic, partition, record }: &FoundRecord) -> String {
    json_line(&ExportRecord {
        topic,
        partition: *partition,
        offset: record.offset.0,
        timestamp: record.timestamp,
        timestamp_type: record.timestamp_type,
        key: record.key.as_kafka(),
        value: record.value.as_kafka(),
        headers: record.headers.iter().map(|Header(name, value)| (name.as_str(), value.as_kafka())),
    })
}
