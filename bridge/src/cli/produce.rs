//! `bridge produce`: the tutorial's producer. It prints the tutorial's two lines for each message.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use minijinja::Environment;
use protocol::{ErrorBody, ProduceRecord, ProduceWaiting, WireBytes};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;

use super::output::{print, say, shown_bytes};
use super::target;
use crate::config::ProduceArgs;
use crate::signals;
use kafka::admin::require_not_internal;
use kafka::producer::{DeliverySink, Outcome, Producer, Run, Shipment};
use kafka::questions::Questions;

/// How long to wait for the last outcomes after the last record may have timed out.
const LAST_OUTCOMES_WITHIN: Duration = Duration::from_secs(10);

/// How long to wait when librdkafka's queue is full before trying again.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// Sends, prints a line for each, and fails unless every record was acknowledged.
pub async fn run(args: ProduceArgs) -> anyhow::Result<()> {
    let shutdown = signals::on_signal()?;
    let template = Template::new(&args.template)?;
    let connection = target::find(&args.kafka).await?;
    let servers = connection.bootstrap_servers.clone();
    let flush_within = connection.delivery_timeout() + LAST_OUTCOMES_WITHIN;
    let questions = Arc::new(Questions::new(&connection)?);
    let producer = Arc::new(Producer::new(&connection, &questions)?);
    let (failures, mut failed) = mpsc::unbounded_channel();
    let sink: Arc<dyn DeliverySink> = Arc::new(Failures { failed: failures, waiting: Mutex::default() });
    require_not_internal(&args.topic).map_err(|error| anyhow::anyhow!(error.message))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let is_terminal = std::io::stdout().is_terminal();
    let mut sent = 0;
    loop {
        let value = if args.stdin {
            tokio::select! {
                line = lines.next_line() => line.context("standard input is not UTF-8 text")?,
                () = shutdown.cancelled() => None,
            }
        } else if sent < args.count {
            Some(template.render(sent)?)
        } else {
            None
        };
        let Some(value) = value else { break };
        print("→ PALLEEE\n")?;
        let record = ProduceRecord {
            topic: args.topic.to_string(),
            value: WireBytes::Text(value.clone()),
            ..ProduceRecord::default()
        };
        let shipment = || Shipment {
            sink: Arc::clone(&sink),
            topic: args.topic.as_str().into(),
            first_seq: sent,
            received: Instant::now(),
        };
        while producer.send(shipment(), &[record.view()]) == 0 {
            tokio::time::sleep(QUEUE_FULL_PAUSE).await;
        }
        let shown = if is_terminal { shown_bytes(value.as_bytes()) } else { value };
        print(&format!("→ Inviato: {shown}\n"))?;
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
        say(&format!("record {seq}: {}", error.message));
        unacknowledged += 1;
    }
    if unacknowledged > 0 {
        bail!("{unacknowledged} of {sent} records were not acknowledged");
    }
    if shutdown.is_cancelled() && !args.stdin && sent < args.count {
        bail!("interrupted after {sent} of {} records; all of them were acknowledged", args.count);
    }
    eprintln!("{sent} records acknowledged by {servers}");
    Ok(())
}

/// Remembers what was not acknowledged, and says why records wait.
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
            eprintln!("waiting: {}", waiting.message);
            *last = Some(Arc::clone(waiting));
        }
    }
}

struct Template(Environment<'static>);

impl Template {
    const NAME: &'static str = "record";

    fn new(source: &str) -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment
            .add_template_owned(Self::NAME, source.to_owned())
            .with_context(|| format!("--template {source:?} cannot be read; {{{{i}}}} counts from 0"))?;
        Ok(Self(environment))
    }

    fn render(&self, i: u64) -> anyhow::Result<String> {
        let template = self.0.get_template(Self::NAME)?;
        template.render(minijinja::context! { i }).context("--template cannot be filled in; it may use {{i}}")
    }
}
