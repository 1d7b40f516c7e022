//! `bridge produce`: produces records like the producer of the tutorial, and prints its two lines for each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use formats::{Moment, Template};
use protocol::{ErrorBody, ProduceRecord, ProduceWaiting, WireBytes};
use tokio::sync::mpsc;

use super::encoding::RecordEncoder;
use super::input::InputLines;
use super::output::{print, print_message, print_value};
use super::target;
use crate::config::{ConfigError, ProduceArgs};
use crate::signals;
use kafka::admin::require_not_internal;
use kafka::metadata_client::MetadataClient;
use kafka::producer::{DeliverySink, Outcome, ProduceBatch, Producer, Run};

/// How long to wait for delivery reports after the last record may have timed out.
const LAST_OUTCOMES_WITHIN: Duration = Duration::from_secs(10);

/// How long to wait before sending again when librdkafka's queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// Produces records, prints lines for each, and fails unless every record was acknowledged.
pub async fn run(args: ProduceArgs) -> anyhow::Result<()> {
    let shutdown = signals::on_signal()?;
    let template = Template::parse(&args.template).map_err(ConfigError::BadTemplate)?;
    let mut rng = fastrand::Rng::new();
    let mut filled = Vec::new();
    let encoder = RecordEncoder::new(&args).await?;
    let connection = target::find(&args.kafka).await?;
    let servers = connection.bootstrap_servers.clone();
    let flush_within = connection.delivery_timeout() + LAST_OUTCOMES_WITHIN;
    let metadata_client = Arc::new(MetadataClient::new(&connection)?);
    let producer = Arc::new(Producer::new(&connection, &metadata_client)?);
    let (failures, mut failed) = mpsc::unbounded_channel();
    let sink: Arc<dyn DeliverySink> = Arc::new(Failures { failed: failures, waiting: Mutex::default() });
    require_not_internal(&args.topic).map_err(|error| anyhow::anyhow!(error.message))?;
    let mut lines = InputLines::new(args.key_separator.clone(), args.empty_as_null);
    let mut sent = 0;
    // An invalid line ends the input; the records before it are still delivered.
    let mut invalid = None;
    'records: loop {
        let record = if args.stdin {
            let next = tokio::select! {
                next = lines.next() => next,
                () = shutdown.cancelled() => Ok(None),
            };
            next.unwrap_or_else(|error| {
                invalid = Some(error);
                None
            })
        } else if sent < args.count {
            template.fill(Moment { i: sent, now_ms: now_ms() }, &mut rng, &mut filled);
            Some(ProduceRecord { value: WireBytes::Base64(filled.clone()), ..ProduceRecord::default() })
        } else {
            None
        };
        let Some(mut record) = record else { break };
        // What the lines show is the JSON, which people can read.
        let shown = record.value.clone();
        if let Err(error) = encoder.encode(&mut record) {
            invalid =
                Some(error.context(if args.stdin { format!("line {}", sent + 1) } else { format!("message {sent}") }));
            break;
        }
        print("→ PALLEEE\n")?;
        let batch = || ProduceBatch {
            sink: Arc::clone(&sink),
            topic: args.topic.as_str().into(),
            may_create: true,
            first_seq: sent,
            received: Instant::now(),
        };
        while producer.send(batch(), &[record.view()]) == 0 {
            tokio::select! {
                () = tokio::time::sleep(QUEUE_FULL_PAUSE) => {}
                () = shutdown.cancelled() => break 'records,
            }
        }
        print_value("→ Inviato: ", shown.as_kafka())?;
        sent += 1;
        let more = args.stdin || sent < args.count;
        if more && !args.stdin {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(args.interval_ms)) => {}
                () = shutdown.cancelled() => break,
            }
        }
    }
    drop(sink);
    tokio::task::spawn_blocking(move || producer.flush(flush_within))
        .await?
        .map_err(|error| anyhow::anyhow!("not every record was acknowledged: {error}"))?;

    let mut unacknowledged = 0;
    while let Ok((seq, error)) = failed.try_recv() {
        print_message(&format!("record {seq}: {}", error.message));
        unacknowledged += 1;
    }
    if unacknowledged > 0 {
        let failure = anyhow::anyhow!("{unacknowledged} of {sent} records were not acknowledged");
        return Err(match invalid {
            Some(error) => failure.context(format!("stopped after {sent} records: {error:#}")),
            None => failure,
        });
    }
    if let Some(error) = invalid {
        return Err(error.context(format!("stopped after {sent} records, all of which were acknowledged")));
    }
    if shutdown.is_cancelled() && !args.stdin && sent < args.count {
        bail!("interrupted after {sent} of {} records; all of them were acknowledged", args.count);
    }
    print_message(&format!("{sent} records acknowledged by {servers}"));
    Ok(())
}

/// Collects records that were not acknowledged, and prints why records wait.
struct Failures {
    failed: mpsc::UnboundedSender<(u64, Arc<ErrorBody>)>,
    /// The reason that was printed last.
    waiting: Mutex<Option<Arc<ProduceWaiting>>>,
}

impl DeliverySink for Failures {
    fn delivered(&self, runs: Vec<Run>) {
        for run in runs {
            if let Outcome::Failed(error) = run.outcome {
                // The receiver lives until the program ends.
                for seq in run.first..run.first + run.count {
                    let _ = self.failed.send((seq, Arc::clone(&error)));
                }
            }
        }
    }

    fn waiting(&self, waiting: &Arc<ProduceWaiting>) {
        let mut last = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(waiting) {
            print_message(&format!("waiting: {}", waiting.message));
            *last = Some(Arc::clone(waiting));
        }
    }
}

/// Milliseconds since 1970-01-01 UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
