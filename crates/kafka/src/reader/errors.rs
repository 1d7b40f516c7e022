//! The current errors of a reader. Each is kept until its subject works again.

use std::time::{Duration, Instant};

use protocol::{ErrorBody, TopicPartition};

/// Records that arrive within this time after an error may have been fetched before the error.
const FETCHED_BEFORE: Duration = Duration::from_secs(1);

/// How long a notice stays in the feed, so that its subscriptions get it. Other changes wait meanwhile.
const NOTICE_FOR: Duration = Duration::from_secs(2);

/// The subject of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The group is not a consumer group, and is not joined as long as that is so.
    Group,
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
    notice: Option<Notice>,
    /// Whether the latest error has changed since [`Self::take_change`].
    has_changed: bool,
}

#[derive(Debug)]
struct ReaderError {
    about: Subject,
    error: ErrorBody,
    since: Instant,
}

/// An error that is reported once, because nothing can clear it.
#[derive(Debug)]
struct Notice {
    error: ErrorBody,
    reported_at: Option<Instant>,
}

impl ReaderErrors {
    pub fn set(&mut self, about: Subject, error: ErrorBody) {
        // The reader retries after any error; but the group keeps its type until it is deleted.
        let retriable = error.retriable || about != Subject::Group;
        let error = ErrorBody { retriable, ..error };
        if self.current.iter().any(|current| current.about == about && current.error == error) {
            return;
        }
        self.current.retain(|current| current.about != about);
        self.current.push(ReaderError { about, error, since: Instant::now() });
        self.has_changed = true;
    }

    /// Reports this error once. A later notice replaces it.
    pub fn notify(&mut self, error: ErrorBody) {
        self.notice = Some(Notice { error, reported_at: None });
    }

    pub fn clear(&mut self, about: &Subject) {
        self.retain(|current| current.about != *about);
    }

    /// Whether there is neither an error nor a notice that subscriptions may not have got yet.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty() && self.notice.is_none()
    }

    /// Clears the errors that records of this partition disprove: that of the partition, and that of the client unless
    /// the records may have been fetched before it.
    pub fn note_records_of(&mut self, partition: &TopicPartition) {
        self.retain(|current| match &current.about {
            Subject::Group | Subject::MissingTopics | Subject::NewPartitions | Subject::NamedPositions(_) => true,
            Subject::Client => current.since.elapsed() < FETCHED_BEFORE,
            Subject::Partition(failed) => failed != partition,
        });
    }

    /// Drops the errors of partitions that were assigned to another member.
    pub fn keep_partitions(&mut self, is_ours: impl Fn(&TopicPartition) -> bool) {
        self.retain(|current| match &current.about {
            Subject::Partition(partition) => is_ours(partition),
            Subject::Group
            | Subject::MissingTopics
            | Subject::NewPartitions
            | Subject::NamedPositions(_)
            | Subject::Client => true,
        });
    }

    /// The latest error or a new notice (`None`: there is no error) if it has changed since the last call.
    pub fn take_change(&mut self, now: Instant) -> Option<Option<ErrorBody>> {
        if let Some(notice) = &mut self.notice {
            match notice.reported_at {
                None => {
                    notice.reported_at = Some(now);
                    return Some(Some(notice.error.clone()));
                }
                Some(reported_at) if now.saturating_duration_since(reported_at) < NOTICE_FOR => return None,
                Some(_) => {
                    self.notice = None;
                    self.has_changed = true;
                }
            }
        }
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
        let reported = errors.take_change(Instant::now()).flatten().expect("an error");
        assert!(reported.retriable, "the reader retries: {reported:?}");
        // Setting the same error again is not a change.
        errors.set(Subject::Partition(partition(0)), refused);
        assert_eq!(errors.take_change(Instant::now()), None);
        errors.note_records_of(&partition(0));
        assert_eq!(errors.take_change(Instant::now()), Some(None));
    }

    #[test]
    fn records_fetched_before_a_client_error_do_not_clear_it() {
        let mut errors = ReaderErrors::default();
        errors.set(Subject::Client, ErrorBody::new(ErrorCode::ConsumeFailed, "the coordinator is unavailable"));
        errors.note_records_of(&partition(0));
        assert!(errors.take_change(Instant::now()).flatten().is_some());
    }

    #[test]
    fn older_error_is_reported_when_the_latest_is_cleared() {
        let mut errors = ReaderErrors::default();
        let error = |reason: &str| ErrorBody::new(ErrorCode::ConsumeFailed, reason);
        errors.set(Subject::MissingTopics, error("one"));
        errors.set(Subject::Partition(partition(0)), error("two"));
        assert_eq!(errors.take_change(Instant::now()).flatten().map(|error| error.message), Some("two".to_owned()));
        errors.keep_partitions(|_| false);
        assert_eq!(errors.take_change(Instant::now()).flatten().map(|error| error.message), Some("one".to_owned()));
    }

    #[test]
    fn notice_is_reported_once_and_dropped() {
        let mut errors = ReaderErrors::default();
        let fewer = ErrorBody::new(ErrorCode::FewerRecords, "only 1 of the last 2 records");
        let missing = ErrorBody::new(ErrorCode::TopicMissing, "no topic");
        let began = Instant::now();
        errors.notify(fewer.clone());
        errors.set(Subject::MissingTopics, missing);
        assert_eq!(errors.take_change(began), Some(Some(fewer)), "not retriable: nothing is retried");
        assert_eq!(errors.take_change(began + NOTICE_FOR / 2), None, "subscriptions have time to get the notice");
        let reported = errors.take_change(began + NOTICE_FOR).flatten().map(|error| error.message);
        assert_eq!(reported.as_deref(), Some("no topic"));
        errors.clear(&Subject::MissingTopics);
        assert_eq!(errors.take_change(began + NOTICE_FOR), Some(None), "the notice is not reported again");
        assert!(errors.is_empty(), "the reader is settled");
    }

    #[test]
    fn error_about_the_type_of_the_group_is_not_retriable() {
        let mut errors = ReaderErrors::default();
        errors.set(Subject::Group, ErrorBody::new(ErrorCode::NotAConsumerGroup, "a share group"));
        let reported = errors.take_change(Instant::now()).flatten().expect("an error");
        assert!(!reported.retriable, "{reported:?}");
    }
}
