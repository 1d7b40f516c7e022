//! What is known of each record: a hash of its content, and its outcome. The numbers of a session only increase, and
//! may have holes.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::ErrorBody;

use super::errors::Charged;
use kafka::producer::Acked;

#[derive(Default)]
pub struct Spans {
    /// Oldest first. A new span begins after each hole.
    spans: VecDeque<Span>,
    /// The number of entries in all spans.
    kept: usize,
    /// Records with numbers below this were forgotten.
    forgotten_before: u64,
}

/// Records with consecutive numbers.
struct Span {
    first: u64,
    entries: VecDeque<Entry>,
}

pub struct Entry {
    /// A hash of the record, to detect another record with the same number.
    pub content: u64,
    pub outcome: EntryOutcome,
}

pub enum EntryOutcome {
    InFlight,
    Acked(Arc<AckedRun>),
    Failed {
        error: Arc<ErrorBody>,
        /// The bytes of the error budget to release when this entry is forgotten.
        charge: u32,
    },
}

/// Records that were acknowledged together.
pub struct AckedRun {
    /// The number of the first record.
    pub first: u64,
    pub acked: Acked,
}

/// The outcomes of a run of records, one after the other.
pub enum Outcomes {
    Acked(Arc<AckedRun>),
    Failed(Charged),
}

impl Outcomes {
    pub fn acked(first: u64, acked: Acked) -> Self {
        Self::Acked(Arc::new(AckedRun { first, acked }))
    }

    pub fn failed(error: Charged) -> Self {
        Self::Failed(error)
    }

    pub fn next(&mut self) -> EntryOutcome {
        match self {
            Self::Acked(run) => EntryOutcome::Acked(Arc::clone(run)),
            // The first record of the run carries the charge for the error, which all records of the run share.
            Self::Failed(Charged { error, bytes }) => {
                EntryOutcome::Failed { error: Arc::clone(error), charge: std::mem::take(bytes) }
            }
        }
    }

    /// The charge that no record took.
    pub fn left_charge(&self) -> usize {
        match self {
            Self::Acked(_) => 0,
            Self::Failed(Charged { bytes, .. }) => *bytes as usize,
        }
    }
}

impl Entry {
    pub fn is_in_flight(&self) -> bool {
        matches!(self.outcome, EntryOutcome::InFlight)
    }
}

impl Span {
    /// The number after the last record.
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The index of a record. The number must not be below the span.
    fn index(&self, seq: u64) -> usize {
        usize::try_from(seq - self.first).map_or(self.entries.len(), |index| index.min(self.entries.len()))
    }
}

impl Spans {
    /// Adds records in flight. Their numbers must be above all others.
    pub fn begin(&mut self, seq: u64, contents: &[u64]) {
        let entries = contents.iter().map(|&content| Entry { content, outcome: EntryOutcome::InFlight });
        match self.spans.back_mut() {
            Some(last) if last.end() == seq => last.entries.extend(entries),
            _ => self.spans.push_back(Span { first: seq, entries: entries.collect() }),
        }
        self.kept += contents.len();
    }

    /// The index of the span that would contain this number.
    fn span(&self, seq: u64) -> Option<usize> {
        self.spans.partition_point(|span| span.first <= seq).checked_sub(1)
    }

    /// The records from this number on, up to the next hole. Empty if the number was never used or is forgotten.
    pub fn from(&self, seq: u64) -> impl Iterator<Item = &Entry> {
        let span = self.span(seq).map(|index| &self.spans[index]);
        span.into_iter().flat_map(move |span| span.entries.range(span.index(seq)..))
    }

    pub fn starting_at_mut(&mut self, seq: u64) -> impl Iterator<Item = &mut Entry> {
        let span = self.span(seq).map(|index| &mut self.spans[index]);
        span.into_iter().flat_map(move |span| {
            let index = span.index(seq);
            span.entries.range_mut(index..)
        })
    }

    pub fn forgotten_before(&self) -> u64 {
        self.forgotten_before
    }

    pub fn kept(&self) -> usize {
        self.kept
    }

    pub fn bytes(&self) -> usize {
        let entries: usize = self.spans.iter().map(|span| span.entries.capacity()).sum();
        entries * size_of::<Entry>() + self.spans.len() * size_of::<Span>()
    }

    /// Forgets the oldest records beyond `keep`, as long as they have an outcome and it was sent: records from
    /// `first_unreported` on stay. Returns the released bytes of the error budget.
    pub fn forget_old(&mut self, keep: usize, first_unreported: u64) -> usize {
        let mut released = 0;
        while self.kept > keep
            && let Some(oldest) = self.spans.front_mut()
            && oldest.first < first_unreported
            && let Some(Entry { outcome: EntryOutcome::Acked(_) | EntryOutcome::Failed { .. }, .. }) =
                oldest.entries.front()
        {
            if let Some(Entry { outcome: EntryOutcome::Failed { charge, .. }, .. }) = oldest.entries.pop_front() {
                released += charge as usize;
            }
            oldest.first += 1;
            self.forgotten_before = oldest.first;
            self.kept -= 1;
            if oldest.entries.is_empty() {
                self.spans.pop_front();
            }
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::ErrorCode;

    use super::*;

    /// Records 10 to 12 and 20 to 21.
    fn spans() -> Spans {
        let mut spans = Spans::default();
        spans.begin(10, &[100, 110]);
        spans.begin(12, &[120]);
        spans.begin(20, &[200, 210]);
        spans
    }

    fn settle(spans: &mut Spans, seq: u64, count: usize, charge: Option<u32>) {
        for entry in spans.starting_at_mut(seq).take(count) {
            entry.outcome = if let Some(charge) = charge {
                EntryOutcome::Failed { error: Arc::new(ErrorBody::new(ErrorCode::Internal, "")), charge }
            } else {
                let topic = "t".into();
                let acked = Acked { topic, partition: 0, offset: 0, timestamp: None, took: Duration::ZERO };
                EntryOutcome::Acked(Arc::new(AckedRun { first: seq, acked }))
            };
        }
    }

    #[test]
    fn records_are_found_up_to_the_next_hole() {
        let mut spans = spans();
        for (seq, contents) in [
            (9, vec![]),
            (10, vec![100, 110, 120]),
            (12, vec![120]),
            (13, vec![]),
            (19, vec![]),
            (20, vec![200, 210]),
            (21, vec![210]),
            (22, vec![]),
            (u64::MAX, vec![]),
        ] {
            assert_eq!(spans.from(seq).map(|entry| entry.content).collect::<Vec<_>>(), contents, "{seq}");
            let found: Vec<u64> = spans.starting_at_mut(seq).map(|entry| entry.content).collect();
            assert_eq!(found, contents, "{seq}");
        }
        assert_eq!((spans.kept(), spans.spans.len()), (5, 2));
    }

    #[test]
    fn oldest_records_are_forgotten_once_their_outcomes_were_sent() {
        // Records 10 to 12 and 20 have outcomes. `left`: the first number that is still known, and how many are.
        for (keep, first_unreported, left, released) in [
            (5, u64::MAX, (10, 5), 0),
            (4, u64::MAX, (11, 4), 7),
            (3, u64::MAX, (12, 3), 7),
            (2, u64::MAX, (20, 2), 7),
            (1, u64::MAX, (21, 1), 7),
            (0, u64::MAX, (21, 1), 7),
            (0, 10, (10, 5), 0),
            (0, 11, (11, 4), 7),
            (0, 12, (12, 3), 7),
            (0, 15, (20, 2), 7),
            (0, 20, (20, 2), 7),
            (0, 21, (21, 1), 7),
        ] {
            let case = format!("keep {keep}, reported up to {first_unreported}");
            let mut spans = spans();
            settle(&mut spans, 10, 1, Some(7));
            settle(&mut spans, 11, 2, None);
            settle(&mut spans, 20, 1, None);
            assert_eq!(spans.forget_old(keep, first_unreported), released, "{case}");
            assert_eq!(spans.kept(), left.1, "{case}");
            let first = (10..30).find(|seq| spans.from(*seq).next().is_some());
            assert_eq!(first, Some(left.0), "{case}");
            assert!(spans.forgotten_before() <= left.0, "{case}");
            assert!((10..spans.forgotten_before()).all(|seq| spans.from(seq).next().is_none()), "{case}");
            assert_eq!(spans.forgotten_before() > 0, left.1 < 5, "{case}");
        }
    }

    #[test]
    fn charges_of_all_forgotten_errors_are_released() {
        let mut spans = spans();
        settle(&mut spans, 10, 1, Some(7));
        settle(&mut spans, 11, 2, Some(5));
        assert_eq!(spans.forget_old(0, u64::MAX), 17);
    }

    #[test]
    fn memory_counts_spans_and_entries() {
        let spans = spans();
        let capacity: usize = spans.spans.iter().map(|span| span.entries.capacity()).sum();
        assert!(capacity >= 5);
        assert_eq!(spans.bytes(), capacity * size_of::<Entry>() + 2 * size_of::<Span>());
        assert_eq!(Spans::default().bytes(), 0);
    }

    #[test]
    fn only_the_first_record_of_a_failed_run_carries_the_charge() {
        let error = Arc::new(ErrorBody::new(ErrorCode::Internal, ""));
        let mut outcomes = Outcomes::failed(Charged { error, bytes: 9 });
        assert_eq!(outcomes.left_charge(), 9);
        let charges = [outcomes.next(), outcomes.next()].map(|outcome| match outcome {
            EntryOutcome::Failed { charge, .. } => charge,
            EntryOutcome::InFlight | EntryOutcome::Acked(_) => panic!("the run failed"),
        });
        assert_eq!((charges, outcomes.left_charge()), ([9, 0], 0));
        let acked = Acked { topic: "t".into(), partition: 0, offset: 0, timestamp: None, took: Duration::ZERO };
        assert_eq!(Outcomes::acked(0, acked).left_charge(), 0);
    }
}
