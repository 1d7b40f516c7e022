//! The rebalances of a group member: start positions of assigned partitions, and commits before partitions are revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{GapReason, GroupStart, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::context::{ClientHooks, HookedContext, quiet_client_context};
use crate::metadata_client::{MetadataClient, TIMEOUT};
use crate::native::{self, CommitQueue, CommittedPosition, DataQueue, Failure, TopicQueue};
use crate::rebalance_answer;
use crate::start_position::{GroupPosition, StartPosition, start_position};
use feed::topic_id::TopicId;
use feed::{Feed, Start};

/// How long a revoked partition is kept so that pages can acknowledge the records that they have received.
const LAST_ACKS_TIMEOUT: Duration = Duration::from_millis(500);

/// The time limit of the last commit before a partition is revoked or the group is left.
const LAST_COMMIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The consumer's callbacks; they run on the reader's thread, inside its polls.
pub struct ReaderContext {
    hooks: ClientHooks,
    membership: Option<Membership>,
}

/// A reader's membership in a group; handles the rebalance callbacks.
pub struct Membership {
    feed: Arc<Feed>,
    metadata_client: Arc<MetadataClient>,
    /// Where a partition without a committed offset starts.
    start: GroupStart,
    /// The id of the topic of each partition, committed as metadata of the position.
    topic_ids: Mutex<BTreeMap<TopicPartition, TopicId>>,
    /// Weak, because the queues own the consumer and the consumer owns this membership.
    queues: OnceLock<Weak<Queues>>,
    /// Commits that Kafka has not answered yet.
    commits_in_flight: AtomicUsize,
}

/// The start positions of an assignment.
#[derive(Default)]
struct Plan {
    starts: Vec<Start>,
    /// The group's committed offsets.
    committed: BTreeMap<TopicPartition, i64>,
    losses: Vec<Loss>,
}

/// A committed position that is out of range or of a deleted topic; reading starts at `to`.
struct Loss {
    partition: TopicPartition,
    from: i64,
    to: i64,
    reason: GapReason,
}

/// The consumer's own queues.
pub struct Queues {
    pub data: DataQueue,
    pub commits: CommitQueue,
    pub topics: TopicQueue,
}

quiet_client_context!(ReaderContext);

impl HookedContext for ReaderContext {
    fn hooks(&self) -> &ClientHooks {
        &self.hooks
    }
}

impl ReaderContext {
    /// For a tail, which is in no group and has no rebalances.
    pub fn of_tail(hooks: ClientHooks) -> Self {
        Self { hooks, membership: None }
    }

    pub fn of_member(hooks: ClientHooks, membership: Membership) -> Self {
        Self { hooks, membership: Some(membership) }
    }

    pub fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }
}

impl Membership {
    pub fn new(feed: Arc<Feed>, metadata_client: Arc<MetadataClient>, start: GroupStart) -> Self {
        Self {
            feed,
            metadata_client,
            start,
            topic_ids: Mutex::default(),
            queues: OnceLock::new(),
            commits_in_flight: AtomicUsize::new(0),
        }
    }

    /// Sets the queues. Call it once, right after the consumer was created.
    pub fn use_queues(&self, queues: &Arc<Queues>) {
        let _ = self.queues.set(Arc::downgrade(queues));
    }

    fn queues(&self) -> Option<Arc<Queues>> {
        self.queues.get()?.upgrade()
    }

    fn topic_ids(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, TopicId>> {
        // Each change is one insertion, so the map is valid after a panic elsewhere.
        self.topic_ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id that the partition's topic had when reading started.
    pub fn topic_id_of(&self, partition: &TopicPartition) -> TopicId {
        self.topic_ids().get(partition).copied().unwrap_or_default()
    }

    /// Sets the topic id that is committed with positions in this partition.
    pub fn set_topic_id(&self, partition: &TopicPartition, id: TopicId) {
        self.topic_ids().insert(partition.clone(), id);
    }

    /// Requests a commit of the newly acknowledged positions, unless an earlier commit is in flight.
    pub fn commit_acknowledged(&self) {
        let Some(queues) = self.queues() else { return };
        self.take_answers(&queues, Duration::ZERO);
        if self.commits_in_flight.load(Ordering::Relaxed) > 0 {
            return;
        }
        let positions = self.feed.uncommitted();
        if positions.is_empty() {
            return;
        }
        let topic_ids = self.topic_ids();
        let with_note = |start: Start| {
            let id = topic_ids.get(&start.partition).copied().unwrap_or_default();
            (start, id.commit_note())
        };
        let positions: Vec<(Start, Option<String>)> = positions.into_iter().map(with_note).collect();
        drop(topic_ids);
        match queues.commits.commit(&positions) {
            Ok(()) => {
                self.commits_in_flight.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "cannot request a commit; retrying"),
        }
    }

    /// Commits the acknowledged positions and waits for the result up to [`LAST_COMMIT_TIMEOUT`].
    pub fn commit_acknowledged_now(&self) {
        let Some(queues) = self.queues() else { return };
        let deadline = Instant::now() + LAST_COMMIT_TIMEOUT;
        // An earlier commit with older positions may be in flight.
        self.wait_for_answers(&queues, deadline);
        self.commit_acknowledged();
        self.wait_for_answers(&queues, deadline);
    }

    fn wait_for_answers(&self, queues: &Queues, deadline: Instant) {
        while self.commits_in_flight.load(Ordering::Relaxed) > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!("Kafka did not answer a commit in time; records that are not committed are read again");
                return;
            }
            self.take_answers(queues, left);
        }
    }

    fn take_answers(&self, queues: &Queues, mut timeout: Duration) {
        while let Some(answer) = queues.commits.answer(timeout) {
            timeout = Duration::ZERO;
            self.commits_in_flight.fetch_sub(1, Ordering::Relaxed);
            match answer.error {
                None => self.feed.committed(&answer.committed),
                Some(error) => tracing::debug!(%error, "a commit failed; retrying"),
            }
        }
    }

    fn assign(&self, consumer: &BaseConsumer<ReaderContext>, list: &TopicPartitionList) -> KafkaResult<()> {
        let Plan { starts, committed, losses } = self.plan(consumer, list)?;
        if let Some(queues) = self.queues() {
            for Start { partition, .. } in &starts {
                queues.data.forward(&partition.topic, partition.partition);
            }
        }
        let with_offsets = to_list(&starts)?;
        self.feed.assigned_to_group(starts, &committed);
        for Loss { partition, from, to, reason } in losses {
            self.feed.lost(partition, from, to, reason);
        }
        rebalance_answer::assign(consumer, &with_offsets)
    }

    /// The start position of each partition: its committed offset if that is in range, otherwise as the user chose.
    fn plan(&self, consumer: &BaseConsumer<ReaderContext>, list: &TopicPartitionList) -> KafkaResult<Plan> {
        let partitions = named(list);
        let failed = |failure: Failure| KafkaError::OffsetFetch(failure.code);
        let found = native::committed_positions(consumer, &partitions, TIMEOUT).map_err(KafkaError::OffsetFetch)?;
        let ends = self.metadata_client.ends(&partitions, TIMEOUT).map_err(failed)?;
        let topics: BTreeSet<&str> = partitions.iter().map(|partition| partition.topic.as_str()).collect();
        let topic_ids = self.metadata_client.topic_ids(&topics, TIMEOUT);
        let mut plan = Plan::default();
        for CommittedPosition { partition, offset: committed, note } in found {
            let Some(ends) = ends.get(&partition) else {
                return Err(KafkaError::OffsetFetch(RDKafkaErrorCode::LeaderNotAvailable));
            };
            let id = topic_ids.get(&partition.topic).copied().unwrap_or_default();
            self.set_topic_id(&partition, id);
            let position = committed
                .map(|offset| GroupPosition { offset, topic_id: TopicId::from_commit_note(&note).unwrap_or_default() });
            let StartPosition { offset, lost } = start_position(position, ends, id, self.start);
            if let Some(committed) = committed {
                if let Some(reason) = lost {
                    plan.losses.push(Loss { partition: partition.clone(), from: committed, to: offset, reason });
                }
                plan.committed.insert(partition.clone(), committed);
            }
            plan.starts.push(Start { partition, offset });
        }
        Ok(plan)
    }

    fn revoke(&self, consumer: &BaseConsumer<ReaderContext>, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = named(list);
        // The new owner of a lost partition may have committed already, and must not be overridden.
        if !consumer.assignment_lost() {
            self.feed.withdraw(&partitions, LAST_ACKS_TIMEOUT);
            self.commit_acknowledged_now();
        }
        let mut topic_ids = self.topic_ids();
        for partition in &partitions {
            topic_ids.remove(partition);
        }
        drop(topic_ids);
        self.feed.revoked(partitions);
        rebalance_answer::revoke(consumer, list)
    }

    fn rebalance(&self, consumer: &BaseConsumer<ReaderContext>, event: RDKafkaRespErr, list: &TopicPartitionList) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a rebalance could not be followed; joining the group again");
            let declined = rebalance_answer::decline(consumer);
            let topics = consumer.subscription();
            let rejoined = topics.and_then(|topics| {
                let elements = topics.elements();
                let names: Vec<&str> = elements.iter().map(|element| element.topic()).collect();
                consumer.unsubscribe();
                consumer.subscribe(&names)
            });
            if let Err(error) = declined.and(rejoined) {
                tracing::error!(%error, "the group could not be joined again");
            }
        }
    }
}

impl ConsumerContext for ReaderContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        if let Some(membership) = &self.membership {
            membership.rebalance(consumer, event, list);
        }
    }
}

fn named(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let elements = list.elements();
    let named = elements
        .iter()
        .map(|element| TopicPartition { topic: element.topic().to_owned(), partition: element.partition() });
    named.collect()
}

fn to_list(positions: &[Start]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for Start { partition, offset } in positions {
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}
