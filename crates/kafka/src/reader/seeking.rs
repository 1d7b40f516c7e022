//! Seeking to another offset: if the next offset is out of range, if the topic was deleted and created again, and to
//! read records again.

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
const RETRY_AFTER: Duration = Duration::from_millis(500);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// How often partitions that have returned no record since a seek are checked.
const CHECK_SILENT_EVERY: Duration = Duration::from_secs(1);

/// Why the next offset of a partition cannot be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum LostPosition {
    /// The next offset is out of range.
    OutOfRange,
    /// The topic was deleted and created again.
    Recreated,
}

impl Reader {
    /// Seeks to existing offsets in partitions with lost positions; failures are retried.
    pub(super) fn replace_lost_positions_if_due(&mut self) {
        if self.lost_positions.is_empty() || Instant::now() < self.replace_lost_at {
            return;
        }
        for (partition, why) in std::mem::take(&mut self.lost_positions) {
            // An earlier iteration may have found that the whole topic was created again.
            let why = self.lost_positions.remove(&partition).unwrap_or(why);
            match self.seek_to_existing_offset(&partition, why) {
                Ok(()) => {
                    self.lost_positions.remove(&partition);
                    self.errors.clear(&Subject::Partition(partition.clone()));
                    self.watch_after_seek(partition);
                }
                Err(error) => {
                    tracing::debug!(?partition, %error, "cannot replace a lost position; retrying");
                    self.lost_positions.insert(partition, why);
                }
            }
        }
        self.replace_lost_at = Instant::now() + RETRY_AFTER;
    }

    fn watch_after_seek(&mut self, partition: TopicPartition) {
        self.silent_after_seek.insert(partition);
        self.check_silent_at = Instant::now() + CHECK_SILENT_EVERY;
    }

    /// Reports the missing offsets to the feed, and seeks to the next one that exists.
    fn seek_to_existing_offset(&mut self, partition: &TopicPartition, why: LostPosition) -> Result<(), KafkaError> {
        let Some(wanted) = self.feed.next_offset(partition) else {
            // Assigned to another member meanwhile.
            return Ok(());
        };
        let failed = |failure: Failure| KafkaError::OffsetFetch(failure.code);
        let ends = self.metadata_client.ends_of(partition, REQUEST_TIMEOUT).map_err(failed)?;
        // Read before the topic's id is fetched below.
        let had_id = self.watch.id_of(&partition.topic).is_known();
        let (reason, offset) = match (why, ends.outside(wanted)) {
            (LostPosition::Recreated, _) => (Some(GapReason::Recreated), ends.start.0),
            (LostPosition::OutOfRange, None) => (None, wanted),
            (LostPosition::OutOfRange, Some(Outside::BeforeStart)) => (Some(GapReason::Retention), ends.start.0),
            (LostPosition::OutOfRange, Some(Outside::BeyondEnd)) if self.is_topic_recreated(partition)? => {
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
            membership.set_topic_id(partition, self.watch.id_of(&partition.topic));
        }
        if let Some(reason) = reason.filter(|_| wanted != offset) {
            self.feed.lost(partition.clone(), wanted, offset, reason);
        }
        Ok(())
    }

    /// Whether the topic was deleted and created again since the partition was read. Then the other partitions are read
    /// from the start as well.
    fn is_topic_recreated(&mut self, partition: &TopicPartition) -> Result<bool, KafkaError> {
        let failed = |failure: Failure| KafkaError::MetadataFetch(failure.code);
        let known = self.watch.id_of(&partition.topic);
        let read_in = match self.consumer.context().membership() {
            Some(membership) => membership.topic_id_of(partition),
            None => known,
        };
        let described = native::describe_topics(self.metadata_client.client(), &[&partition.topic], REQUEST_TIMEOUT)
            .map_err(failed)?;
        let Some(topic) = described.into_iter().next() else {
            // The topic was deleted and does not exist now.
            return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
        };
        let is_another = read_in.differs_from(topic.id) || known.differs_from(topic.id);
        if let Some(change) = self.watch.note_topic(topic) {
            self.apply(change);
        }
        Ok(is_another)
    }

    /// The offset at which reading continues after the topic lost its last records in an unclean leader election. A
    /// group goes back to the acknowledged position; a tail does not read records again.
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
            // This bridge has not read the partition, so all of its records may be new to the client.
            ReadMode::Tail(TailStart::Resume(positions)) if positions.iter().any(is_wanted) => ends.start.0,
            // The topic's id was unknown, so it may have been created again, and all of its records may be new to the
            // client.
            ReadMode::Tail(_) if !had_id => ends.start.0,
            ReadMode::Tail(_) => ends.high.0,
        }
    }

    /// Assigns partitions again that have records but have returned none since a seek. librdkafka was observed not to
    /// fetch a partition after a seek if its topic had just been created again.
    pub(super) fn check_silent_partitions(&mut self) {
        if self.silent_after_seek.is_empty() || Instant::now() < self.check_silent_at {
            return;
        }
        self.check_silent_at = Instant::now() + CHECK_SILENT_EVERY;
        let silent: Vec<TopicPartition> = self.silent_after_seek.iter().cloned().collect();
        for partition in silent {
            let Some(next) = self.feed.next_offset(&partition) else {
                self.silent_after_seek.remove(&partition);
                continue;
            };
            let ends = self.metadata_client.ends_of(&partition, REQUEST_TIMEOUT);
            // Records behind an open transaction are not expected.
            if ends.is_ok_and(|ends| (ends.start.0..ends.stable.0).contains(&next)) {
                tracing::debug!(?partition, next, "no records since a seek; assigning the partition again");
                if let Err(error) = self.assign_again(&Start { partition, offset: next }) {
                    tracing::debug!(%error, "cannot assign the partition again; retrying");
                }
            }
        }
    }

    /// Continues to read a partition at another offset. librdkafka refuses to seek after an error that ended fetching
    /// (`auto.offset.reset=error`); then the partition is assigned again.
    fn seek(&self, start: &Start) -> Result<(), KafkaError> {
        let Start { partition, offset } = start;
        let seek = self.consumer.seek(&partition.topic, partition.partition, Offset::Offset(*offset), TIMEOUT);
        seek.or_else(|error| {
            tracing::debug!(?partition, offset, %error, "cannot seek; assigning the partition again");
            self.assign_again(start)
        })
    }

    fn assign_again(&self, Start { partition, offset }: &Start) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset))?;
        self.consumer.incremental_unassign(&list)?;
        self.queues.data.forward(&partition.topic, partition.partition);
        self.consumer.incremental_assign(&list)
    }

    /// Seeks; a failure is reported and retried.
    pub(super) fn seek_or_retry(&mut self, start: &Start) {
        if let Err(error) = self.seek(start) {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            self.report(Subject::Partition(start.partition.clone()), code);
            self.lost_positions.insert(start.partition.clone(), LostPosition::OutOfRange);
        }
    }

    pub(super) fn rewind_if_requested(&mut self) {
        if let Some(starts) = self.feed.take_rewind() {
            for start in &starts {
                self.seek_or_retry(start);
            }
        }
    }

    /// Reads a topic from the start that was deleted and created again. Unread records of the deleted topic are lost.
    pub(super) fn read_recreated_topic(&mut self, topic: &str, partitions: i32) {
        for partition in 0..partitions {
            let partition = TopicPartition { topic: topic.to_owned(), partition };
            if self.feed.next_offset(&partition).is_some() {
                self.lost_positions.insert(partition, LostPosition::Recreated);
            }
        }
        self.replace_lost_at = Instant::now();
    }
}
