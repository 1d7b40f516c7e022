//! What hinders a reader: each complaint stands until what it is about works again.

use std::time::{Duration, Instant};

use protocol::{ErrorBody, TopicPartition};

/// What comes so soon after a complaint was fetched before it.
const FETCHED_BEFORE: Duration = Duration::from_secs(1);

/// What a complaint is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Topics that are looked for.
    Search,
    /// Partitions that were added and are not read yet.
    NewPartitions,
    /// Positions that the client named and this topic does not have.
    Named(String),
    /// The client as a whole: its group, its rights.
    Client,
    Partition(TopicPartition),
}

/// The oldest first; the subscriptions are told the latest.
#[derive(Debug, Default)]
pub struct Troubles {
    current: Vec<Trouble>,
    /// What `current` ends with was not told yet.
    is_news: bool,
}

#[derive(Debug)]
struct Trouble {
    about: Subject,
    error: ErrorBody,
    since: Instant,
}

impl Troubles {
    pub fn set(&mut self, about: Subject, error: ErrorBody) {
        // Whatever it is, the reader tries again until it works.
        let error = ErrorBody { retriable: true, ..error };
        if self.current.iter().any(|trouble| trouble.about == about && trouble.error == error) {
            return;
        }
        self.current.retain(|trouble| trouble.about != about);
        self.current.push(Trouble { about, error, since: Instant::now() });
        self.is_news = true;
    }

    pub fn is_over(&mut self, about: &Subject) {
        self.retain(|trouble| trouble.about != *about);
    }

    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    /// Who sends records is well.
    pub fn note_records_of(&mut self, partition: &TopicPartition) {
        self.retain(|trouble| match &trouble.about {
            Subject::Search | Subject::NewPartitions | Subject::Named(_) => true,
            Subject::Client => trouble.since.elapsed() < FETCHED_BEFORE,
            Subject::Partition(troubled) => troubled != partition,
        });
    }

    /// Complaints about other partitions are their next owner's.
    pub fn keep_partitions(&mut self, is_ours: impl Fn(&TopicPartition) -> bool) {
        self.retain(|trouble| match &trouble.about {
            Subject::Partition(partition) => is_ours(partition),
            Subject::Search | Subject::NewPartitions | Subject::Named(_) | Subject::Client => true,
        });
    }

    /// The latest of what is wrong now, if that has changed.
    pub fn take_news(&mut self) -> Option<Option<ErrorBody>> {
        let latest = || self.current.last().map(|trouble| trouble.error.clone());
        std::mem::take(&mut self.is_news).then(latest)
    }

    fn retain(&mut self, stays: impl Fn(&Trouble) -> bool) {
        let before = self.current.len();
        self.current.retain(stays);
        self.is_news |= self.current.len() < before;
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
    fn records_of_another_partition_are_no_answer() {
        let mut troubles = Troubles::default();
        let refused = ErrorBody::new(ErrorCode::ConsumeRefused, "no right to read");
        troubles.set(Subject::Partition(partition(0)), refused.clone());
        troubles.note_records_of(&partition(1));
        let told = troubles.take_news().flatten().expect("it stands");
        assert!(told.retriable, "it is tried again: {told:?}");
        // Said again, it is no news.
        troubles.set(Subject::Partition(partition(0)), refused);
        assert_eq!(troubles.take_news(), None);
        troubles.note_records_of(&partition(0));
        assert_eq!(troubles.take_news(), Some(None));
    }

    #[test]
    fn records_fetched_before_a_complaint_are_no_answer_to_it() {
        let mut troubles = Troubles::default();
        troubles.set(Subject::Client, ErrorBody::new(ErrorCode::ConsumeFailed, "the coordinator is away"));
        troubles.note_records_of(&partition(0));
        assert!(troubles.take_news().flatten().is_some());
    }

    #[test]
    fn an_older_complaint_stands_when_a_later_one_is_over() {
        let mut troubles = Troubles::default();
        let error = |reason: &str| ErrorBody::new(ErrorCode::ConsumeFailed, reason);
        troubles.set(Subject::Search, error("one"));
        troubles.set(Subject::Partition(partition(0)), error("two"));
        assert_eq!(troubles.take_news().flatten().map(|told| told.message), Some("two".to_owned()));
        troubles.keep_partitions(|_| false);
        assert_eq!(troubles.take_news().flatten().map(|told| told.message), Some("one".to_owned()));
    }
}
