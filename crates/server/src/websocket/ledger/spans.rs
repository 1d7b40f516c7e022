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
