//! How long the first record of a topic takes after a subscription.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{CommitMode, Format, GroupStart, Mode, Offset, Position, TailStart, WhenSlow, Window};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{self, Client};
use crate::frames;
use crate::kafka_config;
use crate::native::Consumer;
use crate::parent::tell;
use crate::stats::Summary;

/// Longer than the cluster's first group takes.
const WAIT: Duration = Duration::from_secs(30);
/// The pause between two samples, so that closing the previous consumer is not measured.
const APART: Duration = Duration::from_millis(200);

const WINDOW: Window = Window { records: 1000, bytes: 1024 * 1024 };

/// Reads a topic's first record several times, each time as a new client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstRecord {
    pub source: Source,
    pub topic: String,
    pub way: Way,
    pub samples: usize,
    /// The prefix of the groups' names, which are new.
    pub group: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Source {
    /// A new librdkafka consumer each time, including its creation: the bridge creates one too.
    Kafka(String),
    /// A new socket each time, already welcomed.
    Bridge(String),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Way {
    /// A numeric offset of a partition.
    Offset,
    /// A new group.
    Group,
}

impl FirstRecord {
    /// Sends the median in microseconds.
    pub fn play(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut samples = Vec::new();
        for number in 0..self.samples {
            let group = format!("{}-{number}", self.group);
            let took = match (&self.source, self.way) {
                (Source::Kafka(kafka), Way::Offset) => self.assigned(kafka)?,
                (Source::Kafka(kafka), Way::Group) => self.joined(kafka, &group)?,
                (Source::Bridge(address), _) => runtime.block_on(self.subscribed(address, group))?,
            };
            samples.push(took.as_secs_f64() * 1e6);
            std::thread::sleep(APART);
        }
        tell(&Summary::of(&samples).context("no samples")?.median)
    }

    fn assigned(&self, kafka: &str) -> Result<Duration> {
        let begin = Instant::now();
        let mut consumer = Consumer::new(&kafka_config::consumer(kafka), &self.topic, 0, 0)?;
        let batch = consumer.take(WAIT, 1)?;
        ensure!(!batch.is_empty(), "no record for {WAIT:?}");
        Ok(begin.elapsed())
    }

    fn joined(&self, kafka: &str, group: &str) -> Result<Duration> {
        let mut config = kafka_config::consumer(kafka);
        // The settings with which the bridge joins.
        config
            .set("group.id", group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false");
        let begin = Instant::now();
        let consumer: BaseConsumer = config.create()?;
        consumer.subscribe(&[&self.topic])?;
        while begin.elapsed() < WAIT {
            // `poll` returns early after a rebalance.
            if let Some(record) = consumer.poll(WAIT) {
                record?;
                return Ok(begin.elapsed());
            }
        }
        bail!("no record for {WAIT:?}")
    }

    async fn subscribed(&self, address: &str, group: String) -> Result<Duration> {
        let mut client = Client::connect(address).await?;
        let mode = match self.way {
            Way::Offset => {
                let start = Position { topic: self.topic.clone(), partition: 0, offset: Offset(0) };
                Mode::Tail { start: TailStart::Offsets(vec![start]) }
            }
            Way::Group => Mode::Group { id: group, start: GroupStart::Earliest, commit: CommitMode::Auto },
        };
        let request = client::subscribe(&self.topic, mode, Format::Binary, WINDOW, WhenSlow::Block);
        let begin = Instant::now();
        client.socket.send(request).await?;
        loop {
            match client.socket.next().await.context("the bridge closed the socket")?? {
                Message::Binary(_) => return Ok(begin.elapsed()),
                Message::Text(text) => frames::control(&text)?,
                other => bail!("{other} came in between"),
            }
        }
    }
}
