//! A Kafka consumer on a thread of its own: it takes records in batches, encodes them at once and fills a feed.
//!
//! Back-pressure is leaving the data queue alone; the main queue (rebalances, commits, errors) is served all the time.

mod joining;
mod moving;
mod named;
mod plan;
mod rebalance;
mod sharing;
mod spare;
mod taking;
mod topics;
mod trouble;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ErrorBody, ErrorCode, MAX_BATCH_RECORDS, TopicName, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use self::moving::Misplaced;
use self::rebalance::{Membership, Queues, ReaderContext};
use self::sharing::Sharing;
use self::spare::Spare;
use self::topics::{Change, TopicWatch};
use self::trouble::{Subject, Troubles};
use self::waiting::WaitWatch;
use super::admin::existing_partitions;
use super::client_config::Connection;
use super::group_protocol::GroupProtocol;
use super::native::{CommitQueue, DataQueue, TopicQueue};
use super::oauth::SignedIn;
use super::questions::{Questions, TIMEOUT};
use crate::error::{
    is_about_reaching_kafka, is_authorization, kafka_error, not_authorised_to_read, not_authorised_to_use_group,
};
use feed::{Feed, ReadMode, Room, Start};

/// How long one look at the data queue waits; also how late a rebalance or an end is noticed.
const POLL: Duration = Duration::from_millis(20);

/// Positions are committed at most this often.
const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// How often a topic that does not exist yet is looked for.
const LOOK_FOR_TOPIC_EVERY: Duration = Duration::from_millis(500);

/// Starts readers.
pub struct Readers {
    connection: Connection,
    questions: Arc<Questions>,
    spare: Spare,
}

impl Readers {
    pub fn new(connection: Connection, questions: Arc<Questions>) -> Self {
        let spare = Spare::keep(connection.clone());
        Self { connection, questions, spare }
    }

    /// Starts a reader's thread; it ends when the feed says so.
    pub fn start(
        &self,
        feed: Arc<Feed>,
        topics: Vec<TopicName>,
        mode: ReadMode,
    ) -> Result<std::thread::JoinHandle<()>, ErrorBody> {
        let spare = if matches!(mode, ReadMode::Tail(_)) { self.spare.take() } else { None };
        let reader = Reader::new(&self.connection, &self.questions, spare, feed, topics, mode).map_err(|error| {
            ErrorBody::new(ErrorCode::ConsumeFailed, format!("no Kafka consumer could be made: {error}"))
        })?;
        std::thread::Builder::new()
            .name("kafka-reader".to_owned())
            .spawn(move || reader.run())
            .map_err(|error| ErrorBody::new(ErrorCode::Internal, format!("no thread for a reader: {error}")))
    }

    /// No other is started; what was kept for it goes.
    pub fn close(&self) {
        self.spare.close();
    }
}

/// A consumer, and the queues of its own. The queues must be gone before it is.
type Client = (Arc<Queues>, SignedIn<BaseConsumer<ReaderContext>>);

struct Reader {
    // Fields drop in this order: the queues must be gone before their consumer.
    queues: Arc<Queues>,
    consumer: SignedIn<BaseConsumer<ReaderContext>>,
    connection: Connection,
    /// Asks in its place: it is connected already.
    questions: Arc<Questions>,
    /// How a group is spoken with.
    protocol: GroupProtocol,
    /// A group that is there was asked for its own.
    knows_groups_protocol: bool,
    feed: Arc<Feed>,
    mode: ReadMode,
    /// Topics that did not exist when last looked for.
    missing: BTreeSet<TopicName>,
    /// Topics that are read.
    found: BTreeSet<TopicName>,
    /// A topic in here was missing at first, so that all its records are new.
    was_missing: BTreeSet<TopicName>,
    watch: TopicWatch,
    look_for_topics_at: Instant,
    commit_at: Instant,
    /// Partitions that cannot go on where they are.
    misplaced: BTreeMap<TopicPartition, Misplaced>,
    /// Partitions that were moved to another position and have sent nothing since.
    moved: BTreeSet<TopicPartition>,
    wake_at: Instant,
    jump_at: Instant,
    /// How many records to take next, by the size of the last ones.
    take_at_once: usize,
    troubles: Troubles,
    wait_watch: WaitWatch,
    /// None once the feed is a shared one, or where it never will be.
    sharing: Option<Sharing>,
    /// Which topics the feed was told to be read without trouble, as [`TopicWatch::version`] counts them.
    told_settled: Option<u64>,
}

/// A consumer that is in no group.
fn tail_client(connection: &Connection) -> Result<Client, KafkaError> {
    client(connection, connection.tail_config(), ReaderContext::of_tail(connection.hooks()))
}

fn client(connection: &Connection, config: ClientConfig, context: ReaderContext) -> Result<Client, KafkaError> {
    let consumer = connection.consumer(&connection.reader_config(config), context)?;
    let queues = Arc::new(Queues {
        data: DataQueue::new(&consumer),
        commits: CommitQueue::new(&consumer),
        topics: TopicQueue::new(&consumer),
    });
    Ok((queues, consumer))
}

impl Reader {
    fn new(
        connection: &Connection,
        questions: &Arc<Questions>,
        spare: Option<Client>,
        feed: Arc<Feed>,
        topics: Vec<TopicName>,
        mode: ReadMode,
    ) -> Result<Self, KafkaError> {
        let protocol = connection.protocol_of_groups();
        let (queues, consumer) = match spare {
            Some(spare) => spare,
            None => Self::connect(connection, questions, &feed, &mode, protocol)?,
        };
        let now = Instant::now();
        let sharing = feed.may_be_shared().then(Sharing::new);
        Ok(Self {
            queues,
            consumer,
            connection: connection.clone(),
            questions: Arc::clone(questions),
            protocol,
            knows_groups_protocol: false,
            feed,
            mode,
            missing: topics.into_iter().collect(),
            found: BTreeSet::new(),
            was_missing: BTreeSet::new(),
            watch: TopicWatch::new(),
            look_for_topics_at: now,
            commit_at: now,
            misplaced: BTreeMap::new(),
            moved: BTreeSet::new(),
            wake_at: now,
            jump_at: now,
            take_at_once: MAX_BATCH_RECORDS,
            troubles: Troubles::default(),
            wait_watch: WaitWatch::new(),
            sharing,
            told_settled: None,
        })
    }

    fn connect(
        connection: &Connection,
        questions: &Arc<Questions>,
        feed: &Arc<Feed>,
        mode: &ReadMode,
        protocol: GroupProtocol,
    ) -> Result<Client, KafkaError> {
        match mode {
            ReadMode::Tail(_) => tail_client(connection),
            ReadMode::Group { id, start } => {
                let membership = Membership::new(Arc::clone(feed), Arc::clone(questions), *start);
                let config = connection.group_config(id, protocol);
                let (queues, consumer) =
                    client(connection, config, ReaderContext::of_member(connection.hooks(), membership))?;
                if let Some(membership) = consumer.context().membership() {
                    membership.use_queues(Some(Arc::clone(&queues)));
                }
                Ok((queues, consumer))
            }
        }
    }

    fn run(mut self) {
        while !self.feed.should_end() {
            self.serve_main_queue();
            if !self.missing.is_empty() && Instant::now() >= self.look_for_topics_at && self.has_groups_protocol() {
                self.look_for_topics();
            }
            self.watch_topics();
            self.jump_if_due();
            self.wake_silent();
            self.rewind_if_asked();
            self.commit_if_due();
            self.tell_trouble();
            self.tell_settled();
            if self.found.is_empty() {
                std::thread::sleep(POLL);
                continue;
            }
            match self.feed.wait_for_room(POLL) {
                Room::Free => {
                    self.take_records();
                    self.look_for_waiting();
                    self.share_when_caught_up();
                }
                Room::Full => {}
            }
        }
        self.end();
    }

    /// Commits what is acknowledged, leaves the group, and lets the consumer go.
    fn end(mut self) {
        // A place in another feed must not wait for Kafka.
        drop(self.sharing.take());
        if let Some(membership) = self.consumer.context().membership() {
            membership.commit_acknowledged_now(&self.consumer);
            membership.use_queues(None);
        }
        let Self { queues, consumer, feed, .. } = self;
        drop(queues);
        // Blocks until the group is left.
        drop(consumer);
        feed.ended();
    }

    fn serve_main_queue(&mut self) {
        while let Some(event) = self.consumer.poll(Duration::ZERO) {
            match event {
                // Records come through the data queue; one that slipped by before forwarding would be lost here.
                Ok(message) => {
                    let start = Self::stray(&message);
                    drop(message);
                    self.move_to(&start);
                }
                Err(KafkaError::MessageConsumptionFatal(error))
                    if self.protocol == GroupProtocol::Consumer && !is_authorization(error) =>
                {
                    tracing::info!(%error, "this group cannot use the consumer protocol (KIP-848); using the classic one");
                    return self.fall_back_to_classic();
                }
                // Counts only behind the partition's records, in the data queue.
                Err(KafkaError::PartitionEOF(_)) => {}
                Err(error) => {
                    self.report(Subject::Client, error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail));
                }
            }
        }
    }

    /// A group whose members do not migrate, or a cluster that announced more than it has enabled.
    fn fall_back_to_classic(&mut self) {
        let Ok((queues, consumer)) =
            Self::connect(&self.connection, &self.questions, &self.feed, &self.mode, GroupProtocol::Classic)
        else {
            return self.report(Subject::Client, RDKafkaErrorCode::Fatal);
        };
        if let Some(membership) = self.consumer.context().membership() {
            membership.use_queues(None);
        }
        self.protocol = GroupProtocol::Classic;
        self.queues = queues;
        self.consumer = consumer;
        self.missing.append(&mut self.found);
        self.look_for_topics_at = Instant::now();
    }

    /// Where to read again so that this record comes through the data queue.
    fn stray(message: &rdkafka::message::BorrowedMessage<'_>) -> Start {
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
                self.misplaced.entry(partition).or_insert(Misplaced::OutOfRange);
                self.jump_at = Instant::now();
            }
            other => self.report(Subject::Partition(partition), other),
        }
    }

    fn commit_if_due(&mut self) {
        let Some(membership) = self.consumer.context().membership() else { return };
        if Instant::now() >= self.commit_at {
            self.commit_at = Instant::now() + COMMIT_EVERY;
            membership.commit_acknowledged(&self.consumer);
        }
    }

    /// Starts to read the topics that exist by now.
    fn look_for_topics(&mut self) {
        let mut appeared = Vec::new();
        let mut trouble = None;
        for topic in &self.missing {
            match existing_partitions(self.questions.metadata(Some(topic.as_str()), TIMEOUT), topic) {
                Ok(Some(partitions)) => appeared.push((topic.clone(), partitions)),
                Ok(None) => {
                    self.was_missing.insert(topic.clone());
                    trouble = Some(ErrorBody::new(
                        ErrorCode::TopicMissing,
                        format!("the topic {:?} does not exist yet; reading begins as soon as it does", topic.as_str()),
                    ));
                }
                Err(error) => trouble = Some(error),
            }
        }
        for (topic, partitions) in appeared {
            let begun = match &self.mode {
                ReadMode::Group { .. } => self.subscribe_to(&topic).map(|()| None),
                ReadMode::Tail(start) => self.tail(&topic, &partitions, start, partitions.len()),
            };
            match begun {
                Ok(problem) => {
                    if let Some(problem) = problem {
                        self.troubles.set(Subject::Named(topic.to_string()), problem);
                    }
                    self.watch.begin(topic.as_str(), partitions.len());
                    self.missing.remove(&topic);
                    self.found.insert(topic);
                }
                Err(error) => trouble = Some(error),
            }
        }
        match trouble {
            Some(trouble) => self.troubles.set(Subject::Search, trouble),
            None => self.troubles.is_over(&Subject::Search),
        }
        self.look_for_topics_at = Instant::now() + LOOK_FOR_TOPIC_EVERY;
    }

    fn watch_topics(&mut self) {
        if let Some(topics) = self.queues.topics.answer() {
            for change in self.watch.answered(topics) {
                self.follow(change);
            }
        }
        if !self.found.is_empty() && self.watch.should_ask() {
            let names = self.found.iter().map(TopicName::as_str);
            self.queues.topics.ask(&self.consumer, names, topics::ANSWER_WITHIN);
        }
    }

    fn follow(&mut self, change: Change) {
        match change {
            Change::Grown { topic, from, to } => self.read_new_partitions(&topic, from..to),
            Change::Recreated { topic, partitions } => self.begin_recreated(&topic, partitions),
        }
    }

    /// Partitions that were added while a tail looks on: everything in them is new. A group is told by its coordinator.
    fn read_new_partitions(&mut self, topic: &str, added: std::ops::Range<i32>) {
        let (ReadMode::Tail(start), Ok(topic)) = (&self.mode, TopicName::parse(topic)) else { return };
        // Of those, the ones that its client named, if it named any.
        let start = match start {
            named @ protocol::TailStart::Offsets(_) => named,
            _ => &protocol::TailStart::Earliest,
        };
        let partitions: Vec<i32> = added.clone().collect();
        match self.tail(&topic, &partitions, start, usize::try_from(added.end).unwrap_or(0)) {
            Ok(problem) => {
                self.troubles.is_over(&Subject::NewPartitions);
                match problem {
                    Some(problem) => self.troubles.set(Subject::Named(topic.to_string()), problem),
                    None => self.troubles.is_over(&Subject::Named(topic.to_string())),
                }
            }
            Err(error) => {
                self.watch.tell_growth_again(topic.as_str(), added.start);
                self.troubles.set(Subject::NewPartitions, error);
            }
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

    /// Reads these partitions from now on; the topic has `count` in all. Says what is wrong with positions that were named.
    fn tail(
        &self,
        topic: &TopicName,
        partitions: &[i32],
        start: &protocol::TailStart,
        count: usize,
    ) -> Result<Option<ErrorBody>, ErrorBody> {
        let all_is_new = self.was_missing.contains(topic);
        let mut planned = plan::tail_starts(&self.questions, topic, partitions, start, all_is_new)?;
        if self.connection.demo
            && let protocol::TailStart::Timestamp(ms) = start
        {
            named::find_by_time(&self.questions, &self.connection, &mut planned, *ms)?;
        }
        let problem = named::check(&self.questions, topic, count, start, &planned)?;
        let mut list = TopicPartitionList::with_capacity(planned.len());
        for Start { partition, offset } in &planned {
            self.queues.data.forward(&self.consumer, &partition.topic, partition.partition);
            let added = list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset));
            added.map_err(|error| ErrorBody::new(ErrorCode::ConsumeFailed, error.to_string()))?;
        }
        self.feed.assigned(planned);
        self.consumer.incremental_assign(&list).map_err(|error| {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            kafka_error(ErrorCode::ConsumeFailed, code, format!("{:?} cannot be read: {code}", topic.as_str()))
        })?;
        Ok(problem)
    }

    fn tell_trouble(&mut self) {
        self.troubles.keep_partitions(|partition| self.feed.next_offset(partition).is_some());
        if let Some(latest) = self.troubles.take_news() {
            if let Some(error) = &latest
                && error.code == ErrorCode::Forbidden.number()
            {
                tracing::warn!("{}; the bridge keeps trying", error.message);
            }
            self.feed.set_trouble(latest);
        }
    }

    /// Notes what Kafka complains about, unless it heals unseen or is told elsewhere.
    fn report(&mut self, about: Subject, code: RDKafkaErrorCode) {
        use RDKafkaErrorCode as Kafka;
        let tailing = matches!(self.mode, ReadMode::Tail(_));
        let trouble = match code {
            code if is_about_reaching_kafka(code) => return self.watch.hurry(),
            // The tail's group id is a formality; whether it may be used does not matter.
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
                "a topic or partition is gone; reading goes on when it is there again",
            ),
            other => {
                kafka_error(ErrorCode::ConsumeFailed, other, format!("Kafka reports: {other}; the bridge keeps trying"))
            }
        };
        self.troubles.set(about, trouble);
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
