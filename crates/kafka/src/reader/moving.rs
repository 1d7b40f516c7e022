//! Seeking: where Kafka no longer has the next offset, where the topic was deleted and created again, and where records are to be read
//! again.

use std::time::{Duration, Instant};

use protocol::{GapReason, TailStart, TopicPartition};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::Reader;
use super::errors::Subject;
use crate::metadata_client::TIMEOUT;
use crate::native::{self, Failure};
use feed::ends::{Outside, PartitionEnds};
use feed::{ReadMode, Start};

/// The interval at which a failed replacement of a lost position is retried, and the time limit of its requests.
const JUMP_AGAIN_AFTER: Duration = Duration::from_millis(500);
const JUMP_ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A partition without records this long after a seek is checked.
const WAKE_EVERY: Duration = Duration::from_secs(1);

/// Why the next offset of a partition cannot be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum LostPosition {
    /// Kafka does not have its next offset.
    OutOfRange,
    /// The topic was deleted and created again.
    Recreated,
}

impl Reader {
    /// Replaces the lost positions; those where that fails are retried.
    pub(super) fn jump_if_due(&mut self) {
        if self.lost_positions.is_empty() || Instant::now() < self.jump_at {
            return;
        }
        for (partition, why) in std::mem::take(&mut self.lost_positions) {
            // The step before may have found that the whole topic was created again.
            let why = self.lost_positions.remove(&partition).unwrap_or(why);
            match self.move_to_existing_offset(&partition, why) {
                Ok(()) => {
                    self.lost_positions.remove(&partition);
                    self.errors.clear(&Subject::Partition(partition.clone()));
                    self.watch_moved(partition);
                }
                Err(error) => {
                    tracing::debug!(?partition, %error, "a lost position could not be replaced; trying again");
                    self.lost_positions.insert(partition, why);
                }
            }
        }
        self.jump_at = Instant::now() + JUMP_AGAIN_AFTER;
    }

    fn watch_moved(&mut self, partition: TopicPartition) {
        self.moved.insert(partition);
        self.wake_at = Instant::now() + WAKE_EVERY;
    }

    /// Reports the missing offsets to the feed, and seeks to the next one that exists.
    fn move_to_existing_offset(&mut self, partition: &TopicPartition, why: LostPosition) -> Result<(), KafkaError> {
        let Some(wanted) = self.feed.next_offset(partition) else {
            // Assigned to another member meanwhile.
            return Ok(());
        };
        let failed = |failure: Failure| KafkaError::OffsetFetch(failure.code);
        let ends = self.metadata_client.ends_of(partition, JUMP_ANSWER_WITHIN).map_err(failed)?;
        // Before Kafka is asked for it below.
        let had_id = self.watch.id_of(&partition.topic).is_known();
        let (reason, offset) = match (why, ends.outside(wanted)) {
            (LostPosition::Recreated, _) => (Some(GapReason::Recreated), ends.start.0),
            (LostPosition::OutOfRange, None) => (None, wanted),
            (LostPosition::OutOfRange, Some(Outside::BeforeStart)) => (Some(GapReason::Retention), ends.start.0),
            (LostPosition::OutOfRange, Some(Outside::BeyondEnd)) if self.is_in_another_topic(partition)? => {
                (Some(GapReason::Recreated), ends.start.0)
            }
            (LostPosition::OutOfRange, Some(Outside::BeyondEnd)) => {
                (Some(GapReason::OutOfRange), self.after_truncation(partition, wanted, &ends, had_id))
            }
        };
        self.seek(&Start { partition: partition.clone(), offset })?;
        if reason == Some(GapReason::Recreated)
            && let Some(membership) = self.consumer.context().membership()
        {
            membership.reads_in(partition, self.watch.id_of(&partition.topic));
        }
        if let Some(reason) = reason.filter(|_| wanted != offset) {
            self.feed.lost(partition.clone(), wanted, offset, reason);
        }
        Ok(())
    }

    /// Whether the topic of that name is another one than the one in which the partition was read. Then its other partitions
    /// begin anew as well.
    fn is_in_another_topic(&mut self, partition: &TopicPartition) -> Result<bool, KafkaError> {
        let failed = |failure: Failure| KafkaError::MetadataFetch(failure.code);
        let known = self.watch.id_of(&partition.topic);
        let read_in = match self.consumer.context().membership() {
            Some(membership) => membership.topic_id_of(partition),
            None => known,
        };
        let described = native::describe_topics(self.metadata_client.client(), &[&partition.topic], JUMP_ANSWER_WITHIN)
            .map_err(failed)?;
        let Some(topic) = described.into_iter().next() else {
            // Deleted, and not created again yet.
            return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
        };
        let is_another = read_in.differs_from(topic.id) || known.differs_from(topic.id);
        if let Some(change) = self.watch.learned(topic) {
            self.follow(change);
        }
        Ok(is_another)
    }

    /// Where reading goes on after the same topic lost its end, which an unclean election of a leader does. A group goes back to
    /// what was acknowledged; what a tail read before the end does not come again.
    fn after_truncation(&self, partition: &TopicPartition, wanted: i64, ends: &PartitionEnds, had_id: bool) -> i64 {
        let is_wanted = |position: &protocol::Position| {
            position.topic == partition.topic
                && position.partition == partition.partition
                && position.offset.0 == wanted
        };
        match &self.mode {
            ReadMode::Group { .. } => {
                let acknowledged = self.feed.acknowledged(partition).unwrap_or(ends.high.0);
                acknowledged.clamp(ends.start.0, ends.high.0)
            }
            // Never read here: what is in the partition may all be new to this client.
            ReadMode::Tail(TailStart::Resume(positions)) if positions.iter().any(is_wanted) => ends.start.0,
            // Its id was never seen, so that it may be another topic: what is in it may all be new to this client.
            ReadMode::Tail(_) if !had_id => ends.start.0,
            ReadMode::Tail(_) => ends.high.0,
        }
    }

    /// A partition that was moved, sends nothing and has records is assigned anew: librdkafka was seen to leave it alone
    /// when its topic had just been made again.
    pub(super) fn wake_silent(&mut self) {
        if self.moved.is_empty() || Instant::now() < self.wake_at {
            return;
        }
        self.wake_at = Instant::now() + WAKE_EVERY;
        let silent: Vec<TopicPartition> = self.moved.iter().cloned().collect();
        for partition in silent {
            let Some(next) = self.feed.next_offset(&partition) else {
                self.moved.remove(&partition);
                continue;
            };
            let ends = self.metadata_client.ends_of(&partition, JUMP_ANSWER_WITHIN);
            // What lies behind an open transaction does not come either way.
            if ends.is_ok_and(|ends| (ends.start.0..ends.stable.0).contains(&next)) {
                tracing::debug!(?partition, next, "a partition that was moved is silent; assigning it anew");
                if let Err(error) = self.assign_anew(&Start { partition, offset: next }) {
                    tracing::debug!(%error, "it could not be assigned; trying again");
                }
            }
        }
    }

    /// Reads a partition on from there. After an error that ended its fetching (`auto.offset.reset=error`) librdkafka
    /// refuses to seek in it; then it is assigned anew.
    fn seek(&self, start: &Start) -> Result<(), KafkaError> {
        let Start { partition, offset } = start;
        let seek = self.consumer.seek(&partition.topic, partition.partition, Offset::Offset(*offset), TIMEOUT);
        seek.or_else(|error| {
            tracing::debug!(?partition, offset, %error, "assigning a partition anew");
            self.assign_anew(start)
        })
    }

    fn assign_anew(&self, Start { partition, offset }: &Start) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))?;
        self.consumer.incremental_unassign(&list)?;
        self.queues.data.forward(&partition.topic, partition.partition);
        self.consumer.incremental_assign(&list)
    }

    /// Reads on from there, if not now then in a moment.
    pub(super) fn move_to(&mut self, start: &Start) {
        if let Err(error) = self.seek(start) {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            self.report(Subject::Partition(start.partition.clone()), code);
            self.lost_positions.insert(start.partition.clone(), LostPosition::OutOfRange);
        }
    }

    pub(super) fn rewind_if_asked(&mut self) {
        if let Some(starts) = self.feed.take_rewind() {
            for start in &starts {
                self.move_to(start);
            }
        }
    }

    /// The topic of that name is another one now: what the old one still held is lost, and reading begins anew.
    pub(super) fn begin_recreated(&mut self, topic: &str, partitions: i32) {
        for partition in 0..partitions {
            let partition = TopicPartition { topic: topic.to_owned(), partition };
            if self.feed.next_offset(&partition).is_some() {
                self.lost_positions.insert(partition, LostPosition::Recreated);
            }
        }
        self.jump_at = Instant::now();
    }
}
