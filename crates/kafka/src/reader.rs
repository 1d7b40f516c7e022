//! A Kafka consumer on a thread of its own. It takes records in batches, encodes them and appends them to a feed.
//!
//! Back-pressure: while the feed is full, records are left in the data queue, and the main queue (rebalances, commits,
//! errors) is still served.

mod batching;
mod errors;
mod joining;
mod last_records;
mod named_starts;
mod plan;
mod rebalance;
mod seeking;
mod sharing;
mod standby;
mod topics;
mod waiting;
mod watermarks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, MAX_BATCH_RECORDS, TopicName, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use self::errors::{ReaderErrors, Subject};
use self::rebalance::{Membership, Queues, ReaderContext};
use self::seeking::LostPosition;
use self::sharing::Sharing;
use self::standby::Standby;
use self::topics::{Change, TopicWatch};
use self::waiting::WaitWatch;
use super::client_config::Connection;
use super::group_protocol::GroupProtocol;
use super::metadata_client::MetadataClient;
use super::native::{CommitQueue, DataQueue, TopicQueue};
use super::oauth::SignedIn;
use super::range::Pool;
use crate::error::{
    is_about_reaching_kafka, is_authorization, kafka_error, not_authorised_to_read, not_authorised_to_use_group,
};
use feed::{Feed, ReadMode, Room, Start};

/// The time-out of one poll of the data queue; also the delay with which a rebalance or the end of the feed is noticed.
const POLL: Duration = Duration::from_millis(20);

/// The shortest interval between commits.
const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// How often the reader checks whether a missing topic exists.
const CHECK_MISSING_EVERY: Duration = Duration::from_millis(500);

/// Starts readers.
pub struct Readers {
    connection: Connection,
    metadata_client: Arc<MetadataClient>,
    standby: Standby,
    /// The consumers that search for the last records of partitions.
    searchers: Arc<Pool>,
}

impl Readers {
    pub fn new(connection: Connection, metadata_client: Arc<MetadataClient>) -> Self {
        let standby = Standby::keep(connection.clone());
        let searchers = Arc::new(Pool::new(connection.clone()));
        Self { connection, metadata_client, standby, searchers }
    }

    /// Starts the thread of a reader, which ends when the feed ends ([`Feed::should_end`]).
    ///
    /// # Errors
    /// If librdkafka cannot create a consumer, or the thread cannot be started.
    pub fn start(
        &self,
        feed: Arc<Feed>,
        topics: Vec<TopicName>,
        mode: ReadMode,
    ) -> Result<std::thread::JoinHandle<()>, ErrorBody> {
        let standby = if matches!(mode, ReadMode::Tail(_)) { self.standby.take() } else { None };
        let reader = Reader::new(self, standby, feed, topics, mode).map_err(|error| {
            ErrorBody::new(ErrorCode::ConsumeFailed, format!("cannot create a Kafka consumer: {error}"))
        })?;
        std::thread::Builder::new().name("kafka-reader".to_owned()).spawn(move || reader.run()).map_err(|error| {
            ErrorBody::new(ErrorCode::Internal, format!("cannot start the thread of a reader: {error}"))
        })
    }

    /// Whether a standby consumer waits for the next tail.
    pub fn has_standby(&self) -> bool {
        self.standby.is_ready()
    }

    /// Drops the standby consumer. Call it when no more readers are started.
    pub fn close(&self) {
        self.standby.close();
    }
}

type Consumer = Arc<SignedIn<BaseConsumer<ReaderContext>>>;

/// A consumer and its queues.
type Client = (Arc<Queues>, Consumer);

struct Reader {
    queues: Arc<Queues>,
    consumer: Consumer,
    connection: Connection,
    /// Used for requests because it is connected already, unlike a new consumer.
    metadata_client: Arc<MetadataClient>,
    searchers: Arc<Pool>,
    /// The protocol of the group.
    protocol: GroupProtocol,
    /// Whether the protocol of the group, if it exists, was fetched.
    knows_groups_protocol: bool,
    feed: Arc<Feed>,
    mode: ReadMode,
    /// Topics that did not exist at the last check.
    missing: BTreeSet<TopicName>,
    /// Topics that are read.
    found: BTreeSet<TopicName>,
    /// Topics that did not exist at first, so that all of their records are new.
    was_missing: BTreeSet<TopicName>,
    watch: TopicWatch,
    check_missing_at: Instant,
    commit_at: Instant,
    /// Partitions whose next offset cannot be read.
    lost_positions: BTreeMap<TopicPartition, LostPosition>,
    /// Partitions that have returned no record since a seek.
    silent_after_seek: BTreeSet<TopicPartition>,
    check_silent_at: Instant,
    replace_lost_at: Instant,
    /// How many records are taken next time, from the size of the last records.
    take_count: usize,
    errors: ReaderErrors,
    wait_watch: WaitWatch,
    /// When the high watermarks are passed to the feed next.
    watermarks_at: Instant,
    /// `None` once the feed is a shared one, or if it cannot become one.
    sharing: Option<Sharing>,
    /// The [`TopicWatch::version`] for which the feed was last notified that all topics are read without errors.
    notified_settled: Option<u64>,
}

/// Why a topic is not read exactly from the requested start.
enum StartError {
    /// The topic does not have a partition for which the client named a position. It may get it later.
    NamedPositions(ErrorBody),
    /// Fewer records than requested were found. Nothing changes that later.
    FewerRecords(ErrorBody),
}

/// The consumer of a tail, which is in no group.
fn tail_client(connection: &Connection) -> Result<Client, KafkaError> {
    client(connection, connection.tail_config(), ReaderContext::of_tail(connection.hooks()))
}

fn client(connection: &Connection, config: ClientConfig, context: ReaderContext) -> Result<Client, KafkaError> {
    let consumer = Arc::new(connection.consumer(&connection.reader_config(config), context)?);
    let queues = Arc::new(Queues {
        data: DataQueue::new(consumer.clone()),
        commits: CommitQueue::new(consumer.clone()),
        topics: TopicQueue::new(consumer.clone()),
    });
    Ok((queues, consumer))
}

impl Reader {
    fn new(
        readers: &Readers,
        standby: Option<Client>,
        feed: Arc<Feed>,
        topics: Vec<TopicName>,
        mode: ReadMode,
    ) -> Result<Self, KafkaError> {
        let Readers { connection, metadata_client, searchers, .. } = readers;
        let protocol = connection.protocol_of_groups();
        let (queues, consumer) = match standby {
            Some(standby) => standby,
            None => Self::connect(connection, metadata_client, &feed, &mode, protocol)?,
        };
        let now = Instant::now();
        let sharing = feed.may_be_shared().then(Sharing::new);
        Ok(Self {
            queues,
            consumer,
            connection: connection.clone(),
            metadata_client: Arc::clone(metadata_client),
            searchers: Arc::clone(searchers),
            protocol,
            knows_groups_protocol: false,
            feed,
            mode,
            missing: topics.into_iter().collect(),
            found: BTreeSet::new(),
            was_missing: BTreeSet::new(),
            watch: TopicWatch::new(),
            check_missing_at: now,
            commit_at: now,
            lost_positions: BTreeMap::new(),
            silent_after_seek: BTreeSet::new(),
            check_silent_at: now,
            replace_lost_at: now,
            take_count: MAX_BATCH_RECORDS,
            errors: ReaderErrors::default(),
            wait_watch: WaitWatch::new(),
            watermarks_at: now,
            sharing,
            notified_settled: None,
        })
    }

    fn connect(
        connection: &Connection,
        metadata_client: &Arc<MetadataClient>,
        feed: &Arc<Feed>,
        mode: &ReadMode,
        protocol: GroupProtocol,
    ) -> Result<Client, KafkaError> {
        match mode {
            ReadMode::Tail(_) => tail_client(connection),
            ReadMode::Group { id, start } => {
                let membership = Membership::new(Arc::clone(feed), Arc::clone(metadata_client), *start);
                let config = connection.group_config(id, protocol);
                let (queues, consumer) =
                    client(connection, config, ReaderContext::of_member(connection.hooks(), membership))?;
                if let Some(membership) = consumer.context().membership() {
                    membership.use_queues(&queues);
                }
                Ok((queues, consumer))
            }
        }
    }

    fn run(mut self) {
        while !self.feed.should_end() {
            self.serve_main_queue();
            if !self.missing.is_empty() && Instant::now() >= self.check_missing_at && self.has_groups_protocol() {
                self.check_missing_topics();
            }
            self.watch_topics();
            self.replace_lost_positions_if_due();
            self.check_silent_partitions();
            self.rewind_if_requested();
            self.commit_if_due();
            self.report_errors();
            self.notify_settled();
            self.note_high_watermarks();
            if self.found.is_empty() {
                std::thread::sleep(POLL);
                continue;
            }
            match self.feed.wait_for_room(POLL) {
                Room::Free => {
                    self.take_records();
                    self.check_waiting();
                    self.share_when_caught_up();
                }
                Room::Full => {}
            }
        }
        self.end();
    }

    /// Commits the acknowledged positions, leaves the group, and drops the consumer.
    fn end(mut self) {
        // The reservation in the shared feed must not wait for Kafka.
        drop(self.sharing.take());
        if let Some(membership) = self.consumer.context().membership() {
            membership.commit_acknowledged_now();
        }
        let Self { queues, consumer, feed, .. } = self;
        // Dropping the last references to the consumer blocks until it has left the group.
        drop((queues, consumer));
        feed.ended();
    }

    fn serve_main_queue(&mut self) {
        while let Some(event) = self.consumer.poll(Duration::ZERO) {
            match event {
                // Records are forwarded to the data queue. One that arrived here nevertheless would be lost without a
                // seek.
                Ok(message) => {
                    let start = Self::start_at_stray(&message);
                    drop(message);
                    self.seek_or_retry(&start);
                }
                Err(KafkaError::MessageConsumptionFatal(error))
                    if self.protocol == GroupProtocol::Consumer && !is_authorization(error) =>
                {
                    tracing::info!(%error, "this group cannot use the consumer protocol (KIP-848); using the classic one");
                    return self.fall_back_to_classic();
                }
                // Only the event in the data queue counts, because it follows the partition's records.
                Err(KafkaError::PartitionEOF(_)) => {}
                Err(error) => {
                    self.report(Subject::Client, error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail));
                }
            }
        }
    }

    /// Used if the group does not support the protocol of KIP-848, or the cluster announces it without having it
    /// enabled.
    fn fall_back_to_classic(&mut self) {
        let Ok((queues, consumer)) =
            Self::connect(&self.connection, &self.metadata_client, &self.feed, &self.mode, GroupProtocol::Classic)
        else {
            return self.report(Subject::Client, RDKafkaErrorCode::Fatal);
        };
        self.protocol = GroupProtocol::Classic;
        self.queues = queues;
        self.consumer = consumer;
        self.missing.append(&mut self.found);
        self.check_missing_at = Instant::now();
    }

    /// The position from which this record is read again, through the data queue.
    fn start_at_stray(message: &rdkafka::message::BorrowedMessage<'_>) -> Start {
        use rdkafka::Message;
        tracing::error!(
            topic = message.topic(),
            partition = message.partition(),
            offset = message.offset(),
            "a record arrived outside the data queue; reading its partition again from there"
        );
        let partition = TopicPartition { topic: message.topic().to_owned(), partition: message.partition() };
        Start { partition, offset: message.offset() }
    }

    fn handle_partition_error(&mut self, partition: TopicPartition, error: RDKafkaErrorCode) {
        match error {
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
                self.lost_positions.entry(partition).or_insert(LostPosition::OutOfRange);
                self.replace_lost_at = Instant::now();
            }
            other => self.report(Subject::Partition(partition), other),
        }
    }

    fn commit_if_due(&mut self) {
        let Some(membership) = self.consumer.context().membership() else { return };
        if Instant::now() >= self.commit_at {
            self.commit_at = Instant::now() + COMMIT_EVERY;
            membership.commit_acknowledged();
        }
    }

    /// Starts to read the missing topics that exist by now.
    fn check_missing_topics(&mut self) {
        let mut existing = Vec::new();
        let mut latest_error = None;
        for topic in &self.missing {
            match self.metadata_client.partitions_of(topic) {
                Ok(Some(partitions)) => existing.push((topic.clone(), partitions)),
                Ok(None) => {
                    self.was_missing.insert(topic.clone());
                    latest_error = Some(ErrorBody::new(
                        ErrorCode::TopicMissing,
                        format!("the topic {:?} does not exist yet; reading starts when it is created", topic.as_str()),
                    ));
                }
                Err(error) => latest_error = Some(error),
            }
        }
        // One time limit for all topics, because the records of the first wait until the last is searched.
        let search_until = Instant::now() + last_records::SEARCH_TIME;
        for (topic, partitions) in existing {
            let started = match &self.mode {
                ReadMode::Group { .. } => self.subscribe_to(&topic).map(|()| None),
                ReadMode::Tail(start) => self.tail(&topic, &partitions, start, partitions.len(), search_until),
            };
            match started {
                Ok(error) => {
                    self.note_start_error(&topic, error);
                    self.watch.begin(topic.as_str(), partitions.len());
                    self.missing.remove(&topic);
                    self.found.insert(topic);
                }
                Err(error) => latest_error = Some(error),
            }
        }
        match latest_error {
            Some(error) => self.errors.set(Subject::MissingTopics, error),
            None => self.errors.clear(&Subject::MissingTopics),
        }
        self.check_missing_at = Instant::now() + CHECK_MISSING_EVERY;
    }

    fn watch_topics(&mut self) {
        if let Some(topics) = self.queues.topics.answer() {
            for change in self.watch.note_answer(topics) {
                self.apply(change);
            }
        }
        if !self.found.is_empty() && self.watch.should_request() {
            let names = self.found.iter().map(TopicName::as_str);
            self.queues.topics.request(names, topics::REQUEST_TIMEOUT);
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Grown { topic, from, to } => self.read_new_partitions(&topic, from..to),
            Change::Recreated { topic, partitions } => self.read_recreated_topic(&topic, partitions),
        }
    }

    /// Reads partitions that were added to the topic of a tail from their first record. A group gets them by a
    /// rebalance.
    fn read_new_partitions(&mut self, topic: &str, added: std::ops::Range<i32>) {
        let (ReadMode::Tail(start), Ok(topic)) = (&self.mode, TopicName::parse(topic)) else { return };
        // If the client named positions, only the partitions among them are read.
        let start = match start {
            named @ protocol::TailStart::Offsets(_) => named,
            _ => &protocol::TailStart::Earliest,
        };
        let partitions: Vec<i32> = added.clone().collect();
        match self.tail(&topic, &partitions, start, usize::try_from(added.end).unwrap_or(0), Instant::now()) {
            Ok(error) => {
                self.errors.clear(&Subject::NewPartitions);
                self.note_start_error(&topic, error);
            }
            Err(error) => {
                self.watch.report_growth_again(topic.as_str(), added.start);
                self.errors.set(Subject::NewPartitions, error);
            }
        }
    }

    fn note_start_error(&mut self, topic: &TopicName, error: Option<StartError>) {
        match error {
            Some(StartError::NamedPositions(error)) => {
                self.errors.set(Subject::NamedPositions(topic.to_string()), error);
            }
            Some(StartError::FewerRecords(error)) => self.errors.notify(error),
            None => self.errors.clear(&Subject::NamedPositions(topic.to_string())),
        }
    }

    fn subscribe_to(&self, topic: &TopicName) -> Result<(), ErrorBody> {
        let topics: Vec<&str> = self.found.iter().chain([topic]).map(TopicName::as_str).collect();
        self.consumer.subscribe(&topics).map_err(|error| {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            let message = format!("the group cannot subscribe to {:?}: {code}", topic.as_str());
            kafka_error(ErrorCode::ConsumeRefused, code, message)
        })
    }

    /// Reads these partitions from now on; the topic has `count` partitions. `search_until`: how long the last records are
    /// searched. The topic is read despite a [`StartError`].
    fn tail(
        &self,
        topic: &TopicName,
        partitions: &[i32],
        start: &protocol::TailStart,
        count: usize,
        search_until: Instant,
    ) -> Result<Option<StartError>, ErrorBody> {
        let all_is_new = self.was_missing.contains(topic);
        let mut planned = plan::tail_starts(&self.metadata_client, topic, partitions, start, all_is_new)?;
        if self.connection.demo
            && let protocol::TailStart::Timestamp(ms) = start
        {
            named_starts::find_by_time(&self.metadata_client, &self.connection, &mut planned, *ms)?;
        }
        let error = match start {
            // The mock has neither transactions nor compaction.
            protocol::TailStart::Last(records) if !self.connection.demo => {
                let is_over = || self.feed.should_end() || Instant::now() >= search_until;
                last_records::find(&self.searchers, &self.metadata_client, topic, &mut planned, *records, is_over)?
                    .map(StartError::FewerRecords)
            }
            _ => named_starts::check(&self.metadata_client, topic, count, start, &planned)?
                .map(StartError::NamedPositions),
        };
        let mut list = TopicPartitionList::with_capacity(planned.len());
        for Start { partition, offset } in &planned {
            self.queues.data.forward(&partition.topic, partition.partition);
            let added = list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset));
            added.map_err(|error| ErrorBody::new(ErrorCode::ConsumeFailed, error.to_string()))?;
        }
        self.feed.assigned(planned);
        self.consumer.incremental_assign(&list).map_err(|error| {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            kafka_error(ErrorCode::ConsumeFailed, code, format!("{:?} cannot be read: {code}", topic.as_str()))
        })?;
        Ok(error)
    }

    fn report_errors(&mut self) {
        self.errors.keep_partitions(|partition| self.feed.next_offset(partition).is_some());
        if let Some(latest) = self.errors.take_change(Instant::now()) {
            if let Some(error) = &latest
                && error.code == ErrorCode::Forbidden.number()
            {
                tracing::warn!("{}; the bridge keeps trying", error.message);
            }
            self.feed.set_error(latest);
        }
    }

    /// Records an error, unless it is transient or reported elsewhere.
    fn report(&mut self, about: Subject, code: RDKafkaErrorCode) {
        use RDKafkaErrorCode as Kafka;
        let tailing = matches!(self.mode, ReadMode::Tail(_));
        let error = match code {
            code if is_about_reaching_kafka(code) => return self.watch.request_frequently(),
            // A tail never joins its group, so authorization for the group id does not matter.
            Kafka::GroupAuthorizationFailed if tailing => return,
            Kafka::GroupAuthorizationFailed | Kafka::TopicAuthorizationFailed | Kafka::ClusterAuthorizationFailed => {
                self.not_authorised(&about, code)
            }
            Kafka::InconsistentGroupProtocol => kafka_error(
                ErrorCode::ConsumeRefused,
                code,
                "the group has members that use another assignment strategy; choose another group, or use \
                 cooperative-sticky there too",
            ),
            Kafka::UnknownTopicOrPartition | Kafka::UnknownTopic => kafka_error(
                ErrorCode::TopicMissing,
                code,
                "a topic or partition was deleted; reading continues when it exists again",
            ),
            other => {
                kafka_error(ErrorCode::ConsumeFailed, other, format!("Kafka reports: {other}; the bridge keeps trying"))
            }
        };
        self.errors.set(about, error);
    }

    fn not_authorised(&self, about: &Subject, code: RDKafkaErrorCode) -> ErrorBody {
        let group = match &self.mode {
            ReadMode::Group { id, .. } => id.as_str(),
            ReadMode::Tail(_) => "",
        };
        match about {
            Subject::Partition(partition) => not_authorised_to_read(&partition.topic, code),
            _ if code == RDKafkaErrorCode::GroupAuthorizationFailed => not_authorised_to_use_group(group, code),
            _ => {
                let topics: Vec<&str> = self.found.iter().chain(&self.missing).map(TopicName::as_str).collect();
                not_authorised_to_read(&topics.join(", "), code)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{GroupId, GroupStart};

    use super::*;
    use crate::client_config::KafkaProperties;

    /// Without the weak reference there would be a cycle: the consumer owns its context, the context the queues, and
    /// the queues the consumer.
    #[test]
    fn consumer_of_a_group_member_is_dropped_with_its_queues() {
        let connection = Connection::to_demo("127.0.0.1:1".to_owned(), KafkaProperties::default());
        let metadata_client = Arc::new(MetadataClient::new(&connection).expect("a client without brokers"));
        let mode = ReadMode::Group { id: GroupId::parse("g").expect("a name"), start: GroupStart::Latest };
        let feed = Arc::new(Feed::new(true, Default::default()));
        let client = Reader::connect(&connection, &metadata_client, &feed, &mode, GroupProtocol::Classic);
        let (queues, consumer) = client.expect("a consumer without brokers");
        let alive = Arc::downgrade(&consumer);
        drop((queues, consumer));
        assert!(alive.upgrade().is_none());
    }
}
