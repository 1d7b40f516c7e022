//! The group consumer of `bridge consume`: one record at a time; the offset is committed after the record was handled.

mod assignment;

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use protocol::{GroupId, GroupStart, HeaderView, TopicName, TopicPartition};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _};

use self::assignment::{Assignment, TerminalContext};
use super::admin::existing_partitions;
use super::client_config::Connection;
use super::error::{not_authorised_to_read, not_authorised_to_use_group};
use super::group_protocol::GroupProtocol;
use super::metadata_client::{self, MetadataClient};
use super::native;
use super::oauth::SignedIn;
use feed::Start;

/// How often the consumer checks whether the topic exists.
const CHECK_TOPIC_EVERY: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub struct Options {
    pub topic: TopicName,
    pub group: GroupId,
    /// Where to start in a partition without a committed offset.
    pub start: GroupStart,
    /// Whether the offsets of handled records are committed.
    pub commits: bool,
}

/// A record as it is in Kafka's log.
#[derive(Clone, Copy)]
pub struct ConsumedRecord<'m>(&'m BorrowedMessage<'m>);

impl<'m> ConsumedRecord<'m> {
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    pub fn offset(&self) -> i64 {
        self.0.offset()
    }

    pub fn key(&self) -> Option<&'m [u8]> {
        self.0.key()
    }

    pub fn value(&self) -> Option<&'m [u8]> {
        self.0.payload()
    }

    /// In order, including duplicates.
    pub fn headers(&self) -> Vec<HeaderView<'m>> {
        let headers = self.0.headers().into_iter().flat_map(|headers| headers.iter());
        headers.map(|header| (header.key, header.value)).collect()
    }
}

pub struct GroupConsumer {
    inner: SignedIn<BaseConsumer<TerminalContext>>,
    topic: TopicName,
    group: GroupId,
    commits: bool,
    has_joined: Cell<bool>,
    check_topic_at: Cell<Instant>,
    has_reported_missing_topic: Cell<bool>,
}

impl GroupConsumer {
    /// `protocol`: the protocol of the group, from [`to_join`](super::group_protocol::to_join).
    ///
    /// # Errors
    /// If librdkafka cannot create a consumer with this configuration.
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
            .context("librdkafka cannot create a consumer with these settings")?;
        Ok(Self {
            inner,
            topic,
            group,
            commits,
            has_joined: Cell::new(false),
            check_topic_at: Cell::new(Instant::now()),
            has_reported_missing_topic: Cell::new(false),
        })
    }

    /// Joins the group once the topic exists, because a group that subscribed to a missing topic notices its creation
    /// minutes later. Call it before each [`Self::next`].
    ///
    /// # Errors
    /// If Kafka refuses to describe the topic.
    pub fn join_when_topic_exists(&self) -> anyhow::Result<()> {
        if self.has_joined.get() || Instant::now() < self.check_topic_at.get() {
            return Ok(());
        }
        let found = existing_partitions(
            self.inner.client().fetch_metadata(Some(self.topic.as_str()), metadata_client::TIMEOUT),
            &self.topic,
        );
        match found {
            Ok(Some(_)) => {
                self.inner.subscribe(&[self.topic.as_str()])?;
                self.has_joined.set(true);
            }
            Ok(None) => {
                if !self.has_reported_missing_topic.replace(true) {
                    print_message(&format!(
                        "the topic {:?} does not exist yet; waiting for its first record",
                        self.topic.as_str()
                    ));
                }
            }
            Err(error) if error.retriable => tracing::debug!(?error, "cannot fetch the topic's metadata; retrying"),
            Err(error) => bail!("{}", error.message),
        }
        self.check_topic_at.set(Instant::now() + CHECK_TOPIC_EVERY);
        Ok(())
    }

    /// Waits up to `timeout` for a record and passes it to `handle`. If that returns true, the record was handled, and its
    /// offset is stored for the next commit. Returns what `handle` returned.
    ///
    /// # Errors
    /// Those that retrying does not solve: missing rights, a position beyond the end, an incompatible group, a fatal
    /// error.
    pub fn next(
        &self,
        timeout: Duration,
        handle: impl FnOnce(ConsumedRecord<'_>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Option<bool>> {
        let assignment = self.inner.context().assignment();
        assignment.start_if_due(&self.inner);
        let polled = self.inner.poll(timeout);
        if let Some(failure) = assignment.failure() {
            bail!("{failure}");
        }
        match polled {
            None => Ok(None),
            Some(Ok(message)) => {
                let is_handled = handle(ConsumedRecord(&message))?;
                if is_handled {
                    self.note_handled(&message)?;
                }
                Ok(Some(is_handled))
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    tracing::debug!(%error, "the position in a partition is out of range");
                    assignment.position_is_out_of_range();
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
                // Other errors are transient, or reported again.
                _ => {
                    tracing::debug!(%error, "a transient error of the consumer");
                    Ok(None)
                }
            },
        }
    }

    /// Stores the offset, which is committed in the background (`auto.commit.interval.ms`) and at the end.
    fn note_handled(&self, message: &BorrowedMessage<'_>) -> anyhow::Result<()> {
        let (partition, offset) = (message.partition(), message.offset());
        let note = self.inner.context().assignment().note_read(partition, offset);
        if !self.commits {
            return Ok(());
        }
        let partition = TopicPartition { topic: self.topic.to_string(), partition };
        let next = Start { partition, offset: offset.saturating_add(1) };
        native::store_position(&self.inner, &next, note.as_deref()).map_err(KafkaError::StoreOffset)?;
        Ok(())
    }

    /// Commits the offsets of handled records and leaves the group.
    ///
    /// # Errors
    /// If the commit fails; the records are then read again by the next consumer.
    pub fn close(self) -> anyhow::Result<()> {
        if self.commits && self.has_joined.get() {
            match self.inner.commit_consumer_state(CommitMode::Sync) {
                Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                Err(error) => return Err(error).context("the last offsets were not committed"),
            }
        }
        Ok(())
    }
}

/// Prints a message of the terminal program on standard error. If that was closed, nothing is left to report it to.
fn print_message(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
