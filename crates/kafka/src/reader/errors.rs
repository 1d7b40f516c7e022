//! The current errors of a reader. Each is kept until its subject works again.

use std::time::{Duration, Instant};

use protocol::{ErrorBody, TopicPartition};

/// Records that arrive within this time after an error may have been fetched before the error.
const FETCHED_BEFORE: Duration = Duration::from_secs(1);

/// The subject of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Topics that do not exist yet.
    MissingTopics,
    /// Partitions that were added and are not read yet.
    NewPartitions,
    /// Positions that the client named for partitions that this topic does not have.
    NamedPositions(String),
    /// The whole client: its group or its rights.
    Client,
    Partition(TopicPartition),
}

/// The oldest first; subscriptions are notified of the latest.
#[derive(Debug, Default)]
pub struct ReaderErrors {
    current: Vec<ReaderError>,
    /// Whether the latest error has changed since [`Self::take_change`].
    has_changed: bool,
}

#[derive(Debug)]
struct ReaderError {
    about: Subject,
    error: ErrorBody,
    since: Instant,
}

impl ReaderErrors {
    pub fn set(&mut self, about: Subject, error: ErrorBody) {
        // The reader retries after any error.
        let error = ErrorBody { retriable: true, ..error };
        if self.current.iter().any(|current| current.about == about && current.error == error) {
            return;
        }
        self.current.retain(|current| current.about != about);
        self.current.push(ReaderError { about, error, since: Instant::now() });
        self.has_changed = true;
    }

    pub fn clear(&mut self, about: &Subject) {
        self.retain(|current| current.about != *about);
    }

    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// Clears the errors that records of this partition disprove: that of the partition, and that of the client unless
    /// the records may have been fetched before it.
    pub fn note_records_of(&mut self, partition: &TopicPartition) {
        self.retain(|current| match &current.about {
            Subject::MissingTopics | Subject::NewPartitions | Subject::NamedPositions(_) => true,
            Subject::Client => current.since.elapsed() < FETCHED_BEFORE,
            Subject::Partition(failed) => failed != partition,
        });
    }

    /// Drops the errors of partitions that were assigned to another member.
    pub fn keep_partitions(&mut self, is_ours: impl Fn(&TopicPartition) -> bool) {
        self.retain(|current| match &current.about {
            Subject::Partition(partition) => is_ours(partition),
            Subject::MissingTopics | Subject::NewPartitions | Subject::NamedPositions(_) | Subject::Client => true,
        });
    }

    /// The latest error (`None`: there is no error) if it has changed since the last call.
    pub fn take_change(&mut self) -> Option<Option<ErrorBody>> {
        let latest = || self.current.last().map(|current| current.error.clone());
        std::mem::take(&mut self.has_changed).then(latest)
    }

    fn retain(&mut self, stays: impl Fn(&ReaderError) -> bool) {
        let before = self.current.len();
        self.current.retain(stays);
        self.has_changed |= self.current.len() < before;
    }
}

#[cfg(test)]
mod tests {
    use protocol::ErrorCode;

    use super::*;

    fn partition(partition: i32) -> TopicPartition {
        TopicPartition { topic: "t".to_owned(), partition }
    }

    #[test]
    fn records_clear_the_error_of_their_own_partition_only() {
        let mut errors = ReaderErrors::default();
        let refused = ErrorBody::new(ErrorCode::ConsumeRefused, "no right to read");
        errors.set(Subject::Partition(partition(0)), refused.clone());
        errors.note_records_of(&partition(1));
        let reported = errors.take_change().flatten().expect("an error");
        assert!(reported.retriable, "the reader retries: {reported:?}");
        // Setting the same error again is not a change.
        errors.set(Subject::Partition(partition(0)), refused);
        assert_eq!(errors.take_change(), None);
        errors.note_records_of(&partition(0));
        assert_eq!(errors.take_change(), Some(None));
    }

    #[test]
    fn records_fetched_before_a_client_error_do_not_clear_it() {
        let mut errors = ReaderErrors::default();
        errors.set(Subject::Client, ErrorBody::new(ErrorCode::ConsumeFailed, "the coordinator is unavailable"));
        errors.note_records_of(&partition(0));
        assert!(errors.take_change().flatten().is_some());
    }

    #[test]
    fn older_error_is_reported_when_the_latest_is_cleared() {
        let mut errors = ReaderErrors::default();
        let error = |reason: &str| ErrorBody::new(ErrorCode::ConsumeFailed, reason);
        errors.set(Subject::MissingTopics, error("one"));
        errors.set(Subject::Partition(partition(0)), error("two"));
        assert_eq!(errors.take_change().flatten().map(|error| error.message), Some("two".to_owned()));
        errors.keep_partitions(|_| false);
        assert_eq!(errors.take_change().flatten().map(|error| error.message), Some("one".to_owned()));
    }
}
