//! Every record this page sent, each with its one outcome. Owns the numbering on the wire; the socket is elsewhere.

use std::collections::{BTreeMap, HashMap, VecDeque};

use protocol::{ErrorBody, Produce, ProduceAck, ProduceRecord};

/// Rows with an outcome beyond this are forgotten, oldest first; those without one always stay.
const KEPT_ROWS: usize = 500;
/// Own records that came back before their acknowledgement, remembered until it comes. The acknowledgement is on its way
/// then: a few dozen would do.
const EARLY_KEPT: usize = 4096;
/// Records in one `produce` message when resending.
const RESEND_BATCH: usize = 256;

/// `Queued` → exactly one of the others. `Unknown`: it may be in the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Queued,
    Acked {
        partition: i32,
        offset: i64,
        /// Bridge to Kafka and back, measured by the bridge.
        took_ms: f64,
        /// From the click to the acknowledgement, by the page's clock.
        after_ms: f64,
    },
    Failed(ErrorBody),
    /// With the bridge's words where it said it, without after a lost session.
    Unknown(Option<ErrorBody>),
}

impl Outcome {
    /// The value of `data-state`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Acked { .. } => "acked",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }
}

#[derive(Clone, Debug)]
pub struct SentRow {
    /// Rises by one with each send of this page, across sessions.
    pub number: u64,
    pub record: ProduceRecord,
    pub outcome: Outcome,
    /// When the user asked for it, by the page's clock.
    pub clicked_ms: f64,
    /// From the click to the record's return in the live feed.
    pub seen_after_ms: Option<f64>,
    /// Which run sent it.
    pub run: Option<u64>,
}

impl SentRow {
    fn is_at(&self, topic: &str, partition: i32, offset: i64) -> bool {
        self.record.topic == topic
            && matches!(self.outcome, Outcome::Acked { partition: p, offset: o, .. } if p == partition && o == offset)
    }
}

/// An own record that was in the feed before its acknowledgement came.
#[derive(Debug, PartialEq)]
pub struct SeenEarly {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub after_ms: f64,
}

/// What an answer of the bridge changed, for the run and the feed.
#[derive(Debug, Default)]
pub struct Settled {
    /// (number, run) of rows that got their outcome.
    pub rows: Vec<(u64, Option<u64>)>,
    pub seen_early: Vec<SeenEarly>,
}

#[derive(Debug, Default)]
pub struct Sends {
    rows: VecDeque<SentRow>,
    next_number: u64,
    /// The next sequence number of the present session.
    next_seq: u64,
    /// Sequence number in the present session → row number, of rows without outcome.
    waiting: BTreeMap<u64, u64>,
    early: VecDeque<Early>,
    /// (partition, offset) → numbers of acknowledged rows there, one for each topic. May name forgotten rows.
    acked_at: HashMap<(i32, i64), Vec<u64>>,
}

#[derive(Debug)]
struct Early {
    topic: String,
    partition: i32,
    offset: i64,
    arrived_ms: f64,
}

impl Sends {
    /// Takes a record in; the message puts it on the wire.
    pub fn send(&mut self, record: ProduceRecord, run: Option<u64>, now_ms: f64) -> Produce {
        let number = self.next_number;
        self.next_number += 1;
        let seq = self.next_seq;
        self.next_seq += 1;
        self.waiting.insert(seq, number);
        let message = Produce { seq, records: vec![record.clone()] };
        let (outcome, seen_after_ms) = (Outcome::Queued, None);
        self.rows.push_back(SentRow { number, record, outcome, clicked_ms: now_ms, seen_after_ms, run });
        self.forget_oldest();
        message
    }

    fn forget_oldest(&mut self) {
        let mut surplus = self.rows.len().saturating_sub(KEPT_ROWS);
        if surplus > 0 {
            self.rows.retain(|row| {
                let forget = surplus > 0 && row.outcome != Outcome::Queued;
                surplus -= usize::from(forget);
                !forget
            });
        }
        if self.acked_at.len() > 2 * KEPT_ROWS {
            let rows = &self.rows;
            let is_kept = |number: &u64| rows.binary_search_by_key(number, |row| row.number).is_ok();
            self.acked_at.retain(|_, numbers| numbers.iter().any(is_kept));
        }
    }

    /// Newest last.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &SentRow> + ExactSizeIterator {
        self.rows.iter()
    }

    pub fn last(&self) -> Option<&SentRow> {
        self.rows.back()
    }

    pub fn clear_settled(&mut self) {
        self.rows.retain(|row| row.outcome == Outcome::Queued);
    }

    /// How many have no outcome yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn row_mut(&mut self, number: u64) -> Option<&mut SentRow> {
        let at = self.rows.binary_search_by_key(&number, |row| row.number).ok()?;
        self.rows.get_mut(at)
    }

    /// `arrived_ms`: when the frame came, by the page's clock.
    pub fn acked(&mut self, ack: &ProduceAck, arrived_ms: f64, settled: &mut Settled) {
        let numbers: Vec<(u64, u64)> = self.waiting.range(ack.first..=ack.last).map(|(&s, &n)| (s, n)).collect();
        for (seq, number) in numbers {
            self.waiting.remove(&seq);
            let offset = ack.offset.0.saturating_add_unsigned(seq - ack.first);
            let early = self.take_early(&ack.topic, ack.partition, offset);
            let Some(row) = self.row_mut(number) else { continue };
            row.outcome = Outcome::Acked {
                partition: ack.partition,
                offset,
                took_ms: ack.took_us as f64 / 1000.0,
                after_ms: arrived_ms - row.clicked_ms,
            };
            if let Some(seen_ms) = early {
                let after_ms = seen_ms - row.clicked_ms;
                row.seen_after_ms = Some(after_ms);
                let topic = ack.topic.clone();
                settled.seen_early.push(SeenEarly { topic, partition: ack.partition, offset, after_ms });
            }
            settled.rows.push((number, row.run));
            self.acked_at.entry((ack.partition, offset)).or_default().push(number);
        }
        if self.waiting.is_empty() {
            self.early.clear();
        }
    }

    fn take_early(&mut self, topic: &str, partition: i32, offset: i64) -> Option<f64> {
        let is_it = |early: &Early| early.offset == offset && early.partition == partition && early.topic == topic;
        let at = self.early.iter().position(is_it)?;
        self.early.remove(at).map(|early| early.arrived_ms)
    }

    pub fn failed(&mut self, seq: u64, error: ErrorBody, settled: &mut Settled) {
        let Some(number) = self.waiting.remove(&seq) else { return };
        let Some(row) = self.row_mut(number) else { return };
        row.outcome = if error.unknown { Outcome::Unknown(Some(error)) } else { Outcome::Failed(error) };
        settled.rows.push((number, row.run));
    }

    /// A record came in the live feed. If this page sent it: the milliseconds since the click.
    pub fn record_arrived(&mut self, topic: &str, partition: i32, offset: i64, arrived_ms: f64) -> Option<f64> {
        let numbers = self.acked_at.get(&(partition, offset)).cloned().unwrap_or_default();
        for number in numbers {
            if let Some(row) = self.row_mut(number).filter(|row| row.is_at(topic, partition, offset)) {
                return Some(*row.seen_after_ms.get_or_insert(arrived_ms - row.clicked_ms));
            }
        }
        if !self.waiting.is_empty() {
            if self.early.len() == EARLY_KEPT {
                self.early.pop_front();
            }
            self.early.push_back(Early { topic: topic.to_owned(), partition, offset, arrived_ms });
        }
        None
    }

    /// Whether a record that arrives now could be one of ours; asked once a batch instead of searching for each record.
    pub fn expects_any(&self) -> bool {
        !self.waiting.is_empty() || !self.acked_at.is_empty()
    }

    /// The same session again: what has no outcome goes out once more, under the same numbers.
    pub fn resumed(&self) -> Vec<Produce> {
        let mut messages: Vec<Produce> = Vec::new();
        for (&seq, number) in &self.waiting {
            let Ok(at) = self.rows.binary_search_by_key(number, |row| row.number) else { continue };
            let record = self.rows[at].record.clone();
            match messages.last_mut() {
                Some(last) if last.records.len() < RESEND_BATCH && last.seq + last.records.len() as u64 == seq => {
                    last.records.push(record);
                }
                _ => messages.push(Produce { seq, records: vec![record] }),
            }
        }
        messages
    }

    /// A new session knows nothing of the old one: what had no outcome may or may not be in the log.
    pub fn session_lost(&mut self, settled: &mut Settled) {
        for number in std::mem::take(&mut self.waiting).into_values() {
            if let Some(row) = self.row_mut(number) {
                row.outcome = Outcome::Unknown(None);
                settled.rows.push((number, row.run));
            }
        }
        self.early.clear();
        self.next_seq = 0;
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorCode, Offset, WireBytes};

    use super::*;

    fn send(sends: &mut Sends, n: u64) -> Produce {
        let value = WireBytes::text(format!("v{n}"));
        sends.send(ProduceRecord { topic: "t".into(), value, ..ProduceRecord::default() }, None, 100.0)
    }

    fn ack(first: u64, last: u64, offset: i64) -> ProduceAck {
        ProduceAck {
            first,
            last,
            topic: "t".into(),
            partition: 0,
            offset: Offset(offset),
            timestamp: None,
            took_us: 1400,
        }
    }

    fn states(sends: &Sends) -> Vec<&'static str> {
        sends.rows().map(|row| row.outcome.name()).collect()
    }

    #[test]
    fn a_range_of_acks_settles_its_rows_at_consecutive_offsets() {
        let mut sends = Sends::default();
        assert_eq!((0..3).map(|n| send(&mut sends, n).seq).collect::<Vec<_>>(), [0, 1, 2]);
        let mut settled = Settled::default();
        sends.acked(&ack(0, 1, 41), 102.5, &mut settled);
        assert_eq!(states(&sends), ["acked", "acked", "queued"]);
        assert_eq!(settled.rows.len(), 2);
        let acked = |offset| Outcome::Acked { partition: 0, offset, took_ms: 1.4, after_ms: 2.5 };
        assert!(sends.rows().map(|row| &row.outcome).take(2).eq([&acked(41), &acked(42)]));
    }

    #[test]
    fn an_outcome_is_final() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        let mut settled = Settled::default();
        sends.acked(&ack(0, 0, 7), 102.0, &mut settled);
        sends.failed(0, ErrorBody::new(ErrorCode::NotDelivered, "late"), &mut settled);
        sends.session_lost(&mut settled);
        assert_eq!(states(&sends), ["acked"]);
        assert_eq!(settled.rows.len(), 1);
    }

    #[test]
    fn an_error_fails_the_row_or_leaves_it_unknown_as_the_bridge_says() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        send(&mut sends, 1);
        sends.failed(0, ErrorBody::new(ErrorCode::RecordTooLarge, "…"), &mut Settled::default());
        sends.failed(1, ErrorBody::new(ErrorCode::DeliveryUnknown, "…"), &mut Settled::default());
        assert_eq!(states(&sends), ["failed", "unknown"]);
    }

    #[test]
    fn seen_is_measured_from_the_click_whichever_of_ack_and_record_comes_first() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        send(&mut sends, 1);
        sends.acked(&ack(0, 0, 7), 102.0, &mut Settled::default());
        assert_eq!(sends.record_arrived("t", 0, 7, 103.0), Some(3.0));
        assert_eq!(sends.record_arrived("t", 0, 8, 104.0), None);
        let mut settled = Settled::default();
        sends.acked(&ack(1, 1, 8), 105.0, &mut settled);
        let early = SeenEarly { topic: "t".into(), partition: 0, offset: 8, after_ms: 4.0 };
        assert_eq!(settled.seen_early, [early]);
        assert!(sends.rows().map(|row| row.seen_after_ms).eq([Some(3.0), Some(4.0)]));
    }

    #[test]
    fn somebody_elses_record_is_not_ours() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        sends.acked(&ack(0, 0, 7), 102.0, &mut Settled::default());
        assert_eq!(sends.record_arrived("t", 1, 7, 103.0), None);
        assert_eq!(sends.record_arrived("u", 0, 7, 103.0), None);
    }

    #[test]
    fn a_resumed_session_gets_what_has_no_outcome_under_the_same_numbers() {
        let mut sends = Sends::default();
        (0..5).for_each(|n| drop(send(&mut sends, n)));
        sends.acked(&ack(2, 2, 0), 101.0, &mut Settled::default());
        let ranges: Vec<_> = sends.resumed().iter().map(|message| (message.seq, message.records.len())).collect();
        assert_eq!(ranges, [(0, 2), (3, 2)]);
        assert_eq!(send(&mut sends, 5).seq, 5, "numbers only rise within a session");
    }

    #[test]
    fn a_lost_session_leaves_unknown_never_failed_and_numbers_begin_again() {
        let mut sends = Sends::default();
        (0..3).for_each(|n| drop(send(&mut sends, n)));
        sends.acked(&ack(0, 0, 0), 101.0, &mut Settled::default());
        let mut settled = Settled::default();
        sends.session_lost(&mut settled);
        assert_eq!(states(&sends), ["acked", "unknown", "unknown"]);
        assert_eq!(settled.rows.len(), 2);
        assert_eq!(send(&mut sends, 3).seq, 0);
        sends.acked(&ack(0, 0, 9), 103.0, &mut Settled::default());
        assert_eq!(states(&sends), ["acked", "unknown", "unknown", "acked"]);
        assert!(sends.rows().map(|row| row.number).eq(0..4));
    }

    #[test]
    fn the_list_is_bounded_but_never_forgets_a_row_without_outcome() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        for n in 1..=2000 {
            send(&mut sends, n);
            sends.acked(&ack(n, n, n as i64), 101.0, &mut Settled::default());
        }
        assert_eq!(sends.rows().len(), KEPT_ROWS);
        assert_eq!(sends.rows().next().map(|row| row.number), Some(0));
        assert_eq!(sends.waiting(), 1);
    }
}
