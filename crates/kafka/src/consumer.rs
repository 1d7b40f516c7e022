//! A plain group consumer for the terminal: one record at a time, committed once it was handled.

mod assignment;

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use protocol::{GroupId, GroupStart, TopicName, TopicPartition};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;

use self::assignment::{Assignment, TerminalContext};
use super::admin::existing_partitions;
use super::client_config::Connection;
use super::error::{not_authorised_to_read, not_authorised_to_use_group};
use super::group_protocol::GroupProtocol;
use super::metadata_client::{self, MetadataClient};
use super::native;
use super::oauth::SignedIn;
use feed::Start;

/// How often a topic that does not exist yet is looked for.
const LOOK_FOR_TOPIC_EVERY: Duration = Duration::from_millis(500);

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    pub topic: TopicName,
    pub group: GroupId,
    /// Where to begin without a committed offset.
    pub start: GroupStart,
    /// Whether what was handled is committed.
    pub commits: bool,
}

pub struct GroupConsumer {
    inner: SignedIn<BaseConsumer<TerminalContext>>,
    topic: TopicName,
    group: GroupId,
    commits: bool,
    joined: Cell<bool>,
    look_again_at: Cell<Instant>,
    told_missing: Cell<bool>,
}

impl GroupConsumer {
    /// `protocol`: the group's own, from [`to_join`](super::group_protocol::to_join).
    pub fn new(
        connection: &Connection,
        metadata_client: MetadataClient,
        protocol: GroupProtocol,
        options: Options,
    ) -> anyhow::Result<Self> {
        let Options { topic, group, start, commits } = options;
        let config = connection.terminal_consumer_config(&group, protocol, commits);
        let assignment = Assignment::new(metadata_client, topic.clone(), group.clone(), start);
        let inner = connection
            .consumer(&config, TerminalContext::new(connection.hooks(), assignment))
            .context("librdkafka made no consumer of these settings")?;
        Ok(Self {
            inner,
            topic,
            group,
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
            self.inner.client().fetch_metadata(Some(self.topic.as_str()), metadata_client::TIMEOUT),
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
        let assignment = self.inner.context().assignment();
        assignment.begin_if_due(&self.inner);
        let polled = self.inner.poll(timeout);
        if let Some(failure) = assignment.failure() {
            bail!("{failure}");
        }
        match polled {
            None => Ok(None),
            Some(Ok(message)) => {
                let handled = handle(message.payload());
                self.note_handled(&message)?;
                Ok(Some(handled))
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    tracing::debug!(%error, "a partition does not have the position at which it is read");
                    assignment.position_is_gone();
                    Ok(None)
                }
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

    /// It is committed in the background (`auto.commit.interval.ms`) and at the end.
    fn note_handled(&self, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
        let (partition, offset) = (message.partition(), message.offset());
        let note = self.inner.context().assignment().has_read(partition, offset);
        if !self.commits {
            return Ok(());
        }
        let partition = TopicPartition { topic: self.topic.to_string(), partition };
        let next = Start { partition, offset: offset.saturating_add(1) };
        native::store_position(&self.inner, &next, note.as_deref()).map_err(KafkaError::StoreOffset)?;
        Ok(())
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
