//! A plain group consumer for the terminal: one record at a time, committed once it was handled.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use protocol::{GroupId, GroupStart, TopicName};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::admin::existing_partitions;
use super::client_config::Connection;
use super::questions::QuietContext;

/// How often a topic that does not exist yet is looked for.
const LOOK_FOR_TOPIC_EVERY: Duration = Duration::from_millis(500);

pub struct GroupConsumer {
    inner: BaseConsumer<QuietContext>,
    topic: TopicName,
    commits: bool,
    joined: Cell<bool>,
    look_again_at: Cell<Instant>,
    told_missing: Cell<bool>,
}

impl GroupConsumer {
    pub fn new(
        connection: &Connection,
        topic: &TopicName,
        group: &GroupId,
        start: GroupStart,
        commits: bool,
    ) -> anyhow::Result<Self> {
        let mut config = connection.group_config(group, connection.protocol_of_groups());
        config
            .set("auto.offset.reset", start.to_string())
            // Only what was printed is stored, and what is stored is committed in the background and at the end.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", if commits { "true" } else { "false" })
            .set("auto.commit.interval.ms", "1000")
            .set("fetch.wait.max.ms", connection.fetch_wait_ms());
        let inner = connection
            .consumer(&config, QuietContext(connection.hooks()))
            .context("librdkafka made no consumer of these settings")?;
        Ok(Self {
            inner,
            topic: topic.clone(),
            commits,
            joined: Cell::new(false),
            look_again_at: Cell::new(Instant::now()),
            told_missing: Cell::new(false),
        })
    }

    /// Joins the group, once the topic is there. A group that waits for a topic would learn of it minutes later.
    pub fn join_when_topic_exists(&self) -> anyhow::Result<()> {
        if self.joined.get() || Instant::now() < self.look_again_at.get() {
            return Ok(());
        }
        let found = existing_partitions(self.inner.client(), &self.topic, Duration::from_secs(5));
        match found {
            Ok(Some(_)) => {
                self.inner.subscribe(&[self.topic.as_str()])?;
                self.joined.set(true);
            }
            Ok(None) => {
                if !self.told_missing.replace(true) {
                    eprintln!("the topic {:?} does not exist yet; waiting for its first record", self.topic.as_str());
                }
            }
            Err(error) if error.retriable => tracing::debug!(?error, "the topic could not be looked up; trying again"),
            Err(error) => bail!("{}", error.message),
        }
        self.look_again_at.set(Instant::now() + LOOK_FOR_TOPIC_EVERY);
        Ok(())
    }

    /// Waits for a record, hands its value to `handle`, and notes it as handled.
    pub fn next<T>(&self, timeout: Duration, handle: impl FnOnce(Option<&[u8]>) -> T) -> anyhow::Result<Option<T>> {
        match self.inner.poll(timeout) {
            None => Ok(None),
            Some(Ok(message)) => {
                let handled = handle(message.payload());
                if self.commits {
                    self.inner.store_offset_from_message(&message)?;
                }
                Ok(Some(handled))
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::TopicAuthorizationFailed
                    | RDKafkaErrorCode::GroupAuthorizationFailed
                    | RDKafkaErrorCode::InconsistentGroupProtocol,
                ) => Err(error).context("Kafka refuses this group or topic"),
                _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => Err(error.into()),
                // Everything else heals by itself or is repeated when it does not.
                _ => {
                    tracing::debug!(%error, "reading goes on");
                    Ok(None)
                }
            },
        }
    }

    /// Commits what was handled and leaves the group.
    pub fn close(self) -> anyhow::Result<()> {
        if self.commits && self.joined.get() {
            match self.inner.commit_consumer_state(CommitMode::Sync) {
                Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                Err(error) => return Err(error).context("the last positions were not committed"),
            }
        }
        Ok(())
    }
}
