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
use super::error::{not_authorised_to_read, not_authorised_to_use_group};
use super::group_protocol;
use super::oauth::SignedIn;
use super::questions;
use super::questions::QuietContext;

/// How often a topic that does not exist yet is looked for.
const LOOK_FOR_TOPIC_EVERY: Duration = Duration::from_millis(500);

pub struct GroupConsumer {
    inner: SignedIn<BaseConsumer<QuietContext>>,
    topic: TopicName,
    group: GroupId,
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
        let protocol = group_protocol::to_join(connection, group);
        let config = connection.terminal_consumer_config(group, protocol, start, commits);
        let inner = connection
            .consumer(&config, QuietContext(connection.hooks()))
            .context("librdkafka made no consumer of these settings")?;
        Ok(Self {
            inner,
            topic: topic.clone(),
            group: group.clone(),
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
        let found = existing_partitions(
            self.inner.client().fetch_metadata(Some(self.topic.as_str()), questions::TIMEOUT),
            &self.topic,
        );
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
                Some(code @ RDKafkaErrorCode::TopicAuthorizationFailed) => {
                    bail!("{}", not_authorised_to_read(self.topic.as_str(), code).message)
                }
                Some(code @ RDKafkaErrorCode::GroupAuthorizationFailed) => {
                    bail!("{}", not_authorised_to_use_group(self.group.as_str(), code).message)
                }
                Some(RDKafkaErrorCode::InconsistentGroupProtocol) => {
                    Err(error).context("the group has members that use another assignment strategy")
                }
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
