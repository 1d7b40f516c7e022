//! What happens when a group's partitions come and go: positions on arrival, commits on departure.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{GroupStart, TopicPartition};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::plan::gap_reason;
use crate::feed::{Feed, Start};
use crate::kafka::context::{ClientHooks, HookedContext, quiet_client_context};
use crate::kafka::native::{CommitQueue, DataQueue, Failure, TopicQueue};
use crate::kafka::questions::{Questions, TIMEOUT};

/// How long a page may take to acknowledge what it got before the partition goes to somebody else.
const LAST_ACKS: Duration = Duration::from_millis(500);

/// How long Kafka may take to answer the last commit before a partition or the group is left.
const LAST_COMMIT: Duration = Duration::from_secs(2);

/// The consumer's callbacks; they run on the reader's thread, inside its polls.
pub struct ReaderContext {
    hooks: ClientHooks,
    membership: Option<Membership>,
}

/// What a member of a group does when it is called back.
pub struct Membership {
    feed: Arc<Feed>,
    questions: Arc<Questions>,
    /// Where a partition without a committed offset starts.
    start: GroupStart,
    queues: Mutex<Option<Arc<Queues>>>,
    /// Commits that Kafka has not answered yet.
    commits_in_flight: AtomicUsize,
}

/// The consumer's own queues. They must be gone before the consumer is.
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
    /// For a tail, which is in no group and is never called back.
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
    pub fn new(feed: Arc<Feed>, questions: Arc<Questions>, start: GroupStart) -> Self {
        Self { feed, questions, start, queues: Mutex::new(None), commits_in_flight: AtomicUsize::new(0) }
    }

    /// The queues for records and commits. They must be taken away before the consumer is dropped.
    pub fn use_queues(&self, queues: Option<Arc<Queues>>) {
        *self.queues.lock().unwrap_or_else(PoisonError::into_inner) = queues;
    }

    fn queues(&self) -> Option<Arc<Queues>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks Kafka to commit what the pages have acknowledged and it does not know yet, one commit at a time.
    pub fn commit_acknowledged(&self, consumer: &BaseConsumer<ReaderContext>) {
        let Some(queues) = self.queues() else { return };
        self.take_answers(&queues, Duration::ZERO);
        if self.commits_in_flight.load(Ordering::Relaxed) > 0 {
            return;
        }
        let positions = self.feed.uncommitted();
        if positions.is_empty() {
            return;
        }
        match queues.commits.commit(consumer, &positions) {
            Ok(()) => {
                self.commits_in_flight.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "a commit could not be asked for; it is tried again"),
        }
    }

    /// The same, and waits for Kafka's answer up to [`LAST_COMMIT`].
    pub fn commit_acknowledged_now(&self, consumer: &BaseConsumer<ReaderContext>) {
        let Some(queues) = self.queues() else { return };
        let deadline = Instant::now() + LAST_COMMIT;
        // An earlier commit may still be under way, with older positions.
        self.wait_for_answers(&queues, deadline);
        self.commit_acknowledged(consumer);
        self.wait_for_answers(&queues, deadline);
    }

    fn wait_for_answers(&self, queues: &Queues, deadline: Instant) {
        while self.commits_in_flight.load(Ordering::Relaxed) > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!("Kafka did not answer a commit in time; what it did not take is read again");
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
                None => self.feed.committed(&answer.taken),
                Some(error) => tracing::debug!(%error, "a commit failed; it is tried again"),
            }
        }
    }

    fn assign(&self, consumer: &BaseConsumer<ReaderContext>, list: &TopicPartitionList) -> KafkaResult<()> {
        let (starts, losses) = self.starts(consumer, list)?;
        if let Some(queues) = self.queues() {
            for Start { partition, .. } in &starts {
                queues.data.forward(consumer, &partition.topic, partition.partition);
            }
        }
        let with_offsets = to_list(&starts)?;
        self.feed.assigned(starts);
        for (partition, from, to, reason) in losses {
            self.feed.lost(partition, from, to, reason);
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&with_offsets),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&with_offsets),
        }
    }

    /// Where each partition starts: its committed offset if Kafka still has it, else as the user chose.
    #[allow(clippy::type_complexity, reason = "used once, right above")]
    fn starts(
        &self,
        consumer: &BaseConsumer<ReaderContext>,
        list: &TopicPartitionList,
    ) -> KafkaResult<(Vec<Start>, Vec<(TopicPartition, i64, i64, protocol::GapReason)>)> {
        let committed = consumer.committed_offsets(list.clone(), TIMEOUT)?;
        let elements = committed.elements();
        let named = |element: &TopicPartitionListElem<'_>| TopicPartition {
            topic: element.topic().to_owned(),
            partition: element.partition(),
        };
        let partitions: Vec<TopicPartition> = elements.iter().map(named).collect();
        let failed = |failure: Failure| KafkaError::OffsetFetch(failure.code);
        let watermarks = self.questions.watermarks(&partitions, TIMEOUT).map_err(failed)?;
        let (mut starts, mut losses) = (Vec::new(), Vec::new());
        for (element, partition) in elements.iter().zip(partitions) {
            let Some(&(low, high)) = watermarks.get(&partition) else {
                return Err(KafkaError::OffsetFetch(RDKafkaErrorCode::LeaderNotAvailable));
            };
            let offset = match element.offset() {
                Offset::Offset(committed) => match gap_reason(committed, low, high) {
                    Some(reason) => {
                        losses.push((partition.clone(), committed, low, reason));
                        low
                    }
                    None => committed,
                },
                _ => match self.start {
                    GroupStart::Earliest => low,
                    GroupStart::Latest => high,
                },
            };
            starts.push(Start { partition, offset });
        }
        Ok((starts, losses))
    }

    fn revoke(&self, consumer: &BaseConsumer<ReaderContext>, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions: Vec<TopicPartition> = list
            .elements()
            .iter()
            .map(|element| TopicPartition { topic: element.topic().to_owned(), partition: element.partition() })
            .collect();
        // Whoever owns a lost partition now has committed on its own.
        if !consumer.assignment_lost() {
            self.feed.withdraw(&partitions, LAST_ACKS);
            self.commit_acknowledged_now(consumer);
        }
        self.feed.revoked(partitions);
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        }
    }

    fn rebalance(&self, consumer: &BaseConsumer<ReaderContext>, event: RDKafkaRespErr, list: &TopicPartitionList) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a rebalance could not be followed; joining the group again");
            // Without an answer to the assignment librdkafka would wait forever; giving it up makes it join anew.
            let given_up = consumer.unassign();
            let topics = consumer.subscription();
            let rejoined = topics.and_then(|topics| {
                let elements = topics.elements();
                let names: Vec<&str> = elements.iter().map(|element| element.topic()).collect();
                consumer.unsubscribe();
                consumer.subscribe(&names)
            });
            if let Err(error) = given_up.and(rejoined) {
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

fn to_list(positions: &[Start]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for Start { partition, offset } in positions {
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}
