//! Every record this page sent, each with its one outcome. Owns the numbering on the wire; the socket is elsewhere.
//!
//! Made for tens of thousands of records a second: what is kept for a record is a fixed-size mark, what is kept for a frame
//! is the frame, and news for a run is told by ranges.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use protocol::{ErrorBody, ProduceAck, ProduceBatch, ProduceRecord};

use super::flight::{Cargo, Flight};
use super::places::{OwnRange, Places};

/// Rows that are listed. Older ones with an outcome are only counted.
pub const LISTED_ROWS: usize = 300;

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

/// One sent record as the list shows it.
#[derive(Clone, Debug)]
pub struct SentRow {
    /// Rises by one with each record of this page, across sessions.
    pub number: u64,
    pub topic: Arc<str>,
    /// The first bytes of the value.
    pub preview: Option<Vec<u8>>,
    pub outcome: Outcome,
    /// From the click to the record's return in the live feed.
    pub seen_after_ms: Option<f64>,
}

/// All records of this page, or since the list was cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    pub unknown: u64,
    pub seen: u64,
}

/// What happened to records of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNews {
    Acked {
        count: u64,
        after_ms: f64,
    },
    Seen {
        count: u64,
        after_ms: f64,
    },
    /// `label`: what the run calls the record.
    Failed {
        label: Option<u64>,
        error: ErrorBody,
    },
    Unknown {
        count: u64,
    },
}

/// An own record that was in the feed before its acknowledgement came.
#[derive(Debug, PartialEq)]
pub struct SeenEarly {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
    pub after_ms: f64,
}

/// What has changed since it was taken, for the run and the feed.
#[derive(Debug, Default)]
pub struct News {
    /// With the number of the run.
    pub runs: Vec<(u64, RunNews)>,
    pub seen_early: Vec<SeenEarly>,
}

impl News {
    fn run(&mut self, run: Option<u64>, news: RunNews) {
        let Some(run) = run else { return };
        // Records come one by one; those of one batch are told as one.
        if let (Some((last_run, RunNews::Seen { count, after_ms })), RunNews::Seen { count: more, after_ms: same }) =
            (self.runs.last_mut(), &news)
            && *last_run == run
            && *after_ms == *same
        {
            *count += more;
            return;
        }
        self.runs.push((run, news));
    }
}

#[derive(Debug, Default)]
pub struct Sends {
    /// By number, oldest first.
    flights: VecDeque<Flight>,
    next_number: u64,
    /// The next sequence number of the present session.
    next_seq: u64,
    /// The number of the session's record 0: numbers go on across sessions, sequence numbers begin again.
    session_number: u64,
    listed: usize,
    waiting: usize,
    waiting_bytes: usize,
    totals: Totals,
    places: Places,
    news: News,
}

impl Sends {
    /// One record of the user's; the frame puts it on the wire.
    pub fn send(&mut self, record: &ProduceRecord, now_ms: f64) -> Rc<Vec<u8>> {
        let mut batch = ProduceBatch::new(&record.topic, self.next_seq);
        batch.push(record.view());
        self.launch(Cargo { topic: record.topic.as_str().into(), batch, run: None, labels: Vec::new() }, now_ms)
    }

    /// What `seq` the next frame must begin with.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Takes in records that leave now. Their batch begins at [`Self::next_seq`].
    pub fn launch(&mut self, cargo: Cargo, now_ms: f64) -> Rc<Vec<u8>> {
        let flight = Flight::new(self.next_number, cargo, now_ms);
        let count = flight.len();
        self.next_number += count as u64;
        self.next_seq += count as u64;
        self.totals.sent += count as u64;
        self.listed += count;
        self.waiting += count;
        self.waiting_bytes += flight.bytes();
        let frame = flight.frame();
        self.flights.push_back(flight);
        self.forget_oldest();
        frame
    }

    /// Rows with an outcome go, oldest first, where more are kept than are listed. Those without one always stay.
    fn forget_oldest(&mut self) {
        while let Some(first) = self.flights.front()
            && first.waiting() == 0
            && self.listed - first.len() >= LISTED_ROWS
        {
            self.listed -= first.len();
            self.flights.pop_front();
        }
        // One that waits for long must not hold back all behind it; looked for seldom, since it takes a pass over all.
        if self.listed > self.waiting + 4 * LISTED_ROWS {
            let mut surplus = self.listed - self.waiting - LISTED_ROWS;
            let mut forgotten = 0;
            self.flights.retain(|flight| {
                let forget = flight.waiting() == 0 && surplus >= flight.len();
                if forget {
                    surplus -= flight.len();
                    forgotten += flight.len();
                }
                !forget
            });
            self.listed -= forgotten;
        }
    }

    /// Newest first, as many as are listed.
    pub fn rows(&self) -> Vec<SentRow> {
        let mut rows = Vec::with_capacity(self.listed.min(LISTED_ROWS));
        for flight in self.flights.iter().rev() {
            let previews = flight.previews();
            for (index, preview) in previews.into_iter().enumerate().rev() {
                if rows.len() == LISTED_ROWS {
                    return rows;
                }
                rows.push(row(flight, index, preview));
            }
        }
        rows
    }

    /// The newest, without its preview.
    pub fn last(&self) -> Option<SentRow> {
        self.flights.back().map(|flight| row(flight, flight.len() - 1, None))
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    pub fn clear_settled(&mut self) {
        self.flights.retain(|flight| flight.waiting() > 0);
        self.listed = self.flights.iter().map(Flight::len).sum();
        self.totals = Totals { sent: self.waiting as u64, ..Totals::default() };
    }

    /// How many have no outcome yet.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The bytes of their frames.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    /// The flight of a number, or the first one behind it.
    fn place_of(&self, number: u64) -> usize {
        self.flights.partition_point(|flight| flight.number + flight.len() as u64 <= number)
    }

    fn settled(&mut self, at: usize, count: usize) {
        self.waiting -= count;
        let flight = &mut self.flights[at];
        if flight.waiting() == 0 {
            self.waiting_bytes -= flight.bytes();
            flight.shrink();
        }
    }

    /// `arrived_ms`: when the frame came, by the page's clock.
    pub fn acked(&mut self, ack: &ProduceAck, arrived_ms: f64) {
        if ack.first >= self.next_seq || ack.last < ack.first {
            return;
        }
        let first = self.session_number + ack.first;
        let end = self.session_number + ack.last.min(self.next_seq - 1) + 1;
        let mut at = self.place_of(first);
        while let Some(flight) = self.flights.get(at)
            && flight.number < end
        {
            let number = flight.number;
            let mut from = first.saturating_sub(number) as usize;
            let to = ((end - number) as usize).min(flight.len());
            // A resumed session may say again what is known.
            while let Some(range) = self.flights[at].next_queued(from..to) {
                from = range.end;
                let offset = ack.offset.0.saturating_add_unsigned(number + range.start as u64 - first);
                self.acked_range(at, range, ack, offset, arrived_ms);
            }
            at += 1;
        }
        if self.waiting == 0 {
            self.places.forget_early();
        }
        self.forget_oldest();
    }

    fn acked_range(&mut self, at: usize, range: std::ops::Range<usize>, ack: &ProduceAck, offset: i64, now_ms: f64) {
        let Self { flights, places, news, totals, .. } = self;
        let flight = &mut flights[at];
        let (count, after_ms) = (range.len() as u64, now_ms - flight.sent_ms);
        flight.acked(range.clone(), ack.partition, offset, ack.took_us, after_ms);
        totals.acked += count;
        news.run(flight.run, RunNews::Acked { count, after_ms });
        let own = OwnRange {
            offset,
            count,
            number: flight.number + range.start as u64,
            sent_ms: flight.sent_ms,
            run: flight.run,
            seen_through: offset,
        };
        places.acked(&ack.topic, ack.partition, own, |seen, arrived_ms| {
            let after_ms = arrived_ms - flight.sent_ms;
            flight.seen(range.start + (seen - offset) as usize, after_ms);
            totals.seen += 1;
            news.run(flight.run, RunNews::Seen { count: 1, after_ms });
            let topic = Arc::clone(&flight.topic);
            news.seen_early.push(SeenEarly { topic, partition: ack.partition, offset: seen, after_ms });
        });
        self.settled(at, range.len());
    }

    pub fn failed(&mut self, seq: u64, error: ErrorBody) {
        let number = self.session_number + seq;
        let at = self.place_of(number);
        let Some(flight) = self.flights.get_mut(at).filter(|flight| flight.contains(number)) else { return };
        let index = (number - flight.number) as usize;
        if flight.next_queued(index..index + 1).is_none() {
            return;
        }
        if error.unknown {
            self.totals.unknown += 1;
            self.news.run(flight.run, RunNews::Unknown { count: 1 });
        } else {
            self.totals.failed += 1;
            self.news.run(flight.run, RunNews::Failed { label: flight.label(index), error: error.clone() });
        }
        flight.failed(index, error);
        self.settled(at, 1);
        self.forget_oldest();
    }

    /// A record came in the live feed. If this page sent it: the milliseconds since the click.
    pub fn record_arrived(&mut self, topic: &str, partition: i32, offset: i64, arrived_ms: f64) -> Option<f64> {
        let Some(range) = self.places.own_at(topic, partition, offset) else {
            if self.waiting > 0 {
                self.places.came_early(topic, partition, offset, arrived_ms);
            }
            return None;
        };
        let is_new = offset >= range.seen_through;
        range.seen_through = range.seen_through.max(offset + 1);
        let (number, run, after_ms) =
            (range.number + (offset - range.offset) as u64, range.run, arrived_ms - range.sent_ms);
        let at = self.place_of(number);
        let flight = self.flights.get_mut(at).filter(|flight| flight.contains(number));
        let index = |flight: &Flight| (number - flight.number) as usize;
        if !is_new {
            // Read once more, by a second listening: the first time is what counts, while it is remembered.
            return Some(flight.and_then(|flight| flight.seen_after_ms(index(flight))).unwrap_or(after_ms));
        }
        if let Some(flight) = flight {
            flight.seen(index(flight), after_ms);
        }
        self.totals.seen += 1;
        self.news.run(run, RunNews::Seen { count: 1, after_ms });
        Some(after_ms)
    }

    /// Whether any of these records could be one of ours; asked once a batch instead of for each record.
    pub fn expects_any_in(&mut self, topic: &str, partition: i32, first: i64, last: i64) -> bool {
        self.waiting > 0 || self.places.any_in(topic, partition, first, last)
    }

    /// The same session again: what has no outcome goes out once more, under the same numbers.
    pub fn resumed(&self) -> Vec<Rc<Vec<u8>>> {
        let waiting = self.flights.iter().filter(|flight| flight.waiting() > 0);
        waiting.flat_map(|flight| flight.again(flight.number - self.session_number)).collect()
    }

    /// A new session knows nothing of the old one: what had no outcome may or may not be in the log.
    pub fn session_lost(&mut self) {
        for flight in self.flights.iter_mut().filter(|flight| flight.waiting() > 0) {
            let count = flight.lost() as u64;
            self.totals.unknown += count;
            self.news.run(flight.run, RunNews::Unknown { count });
            flight.shrink();
        }
        self.waiting = 0;
        self.waiting_bytes = 0;
        self.places.forget_early();
        self.next_seq = 0;
        self.session_number = self.next_number;
        self.forget_oldest();
    }
}

fn row(flight: &Flight, index: usize, preview: Option<Vec<u8>>) -> SentRow {
    SentRow {
        number: flight.number + index as u64,
        topic: Arc::clone(&flight.topic),
        preview,
        outcome: flight.outcome(index),
        seen_after_ms: flight.seen_after_ms(index),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorCode, Offset, ProduceFrame, WireBytes};

    use super::*;

    fn record(n: u64) -> ProduceRecord {
        ProduceRecord { topic: "t".into(), value: WireBytes::text(n.to_string()), ..ProduceRecord::default() }
    }

    fn send(sends: &mut Sends, n: u64) {
        sends.send(&record(n), 100.0);
    }

    /// One frame of a run.
    fn launch(sends: &mut Sends, count: u64) {
        let mut batch = ProduceBatch::new("t", sends.next_seq());
        (0..count).for_each(|n| batch.push(record(n).view()));
        let labels = (0..count).map(|n| n + 1).collect();
        sends.launch(Cargo { topic: "t".into(), batch, run: Some(7), labels }, 100.0);
    }

    fn ack(first: u64, last: u64, offset: i64) -> ProduceAck {
        let (topic, partition, timestamp) = ("t".to_owned(), 0, Some(1));
        ProduceAck { first, last, topic, partition, offset: Offset(offset), timestamp, took_us: 1400 }
    }

    /// Oldest first.
    fn states(sends: &Sends) -> Vec<&'static str> {
        sends.rows().iter().rev().map(|row| row.outcome.name()).collect()
    }

    fn frames(sends: &Sends) -> Vec<(u64, Vec<String>)> {
        let read = |frame: &Rc<Vec<u8>>| {
            let frame = ProduceFrame::parse(frame).expect("a frame");
            let values =
                frame.iter().map(|record| String::from_utf8_lossy(record.value.expect("a value")).into_owned());
            (frame.seq, values.collect())
        };
        sends.resumed().iter().map(read).collect()
    }

    #[test]
    fn a_range_acknowledges_each_of_its_records_at_its_offset() {
        let mut sends = Sends::default();
        (0..3).for_each(|n| send(&mut sends, n));
        sends.acked(&ack(0, 1, 41), 102.5);
        assert_eq!(states(&sends), ["acked", "acked", "queued"]);
        let places: Vec<_> = sends.rows().into_iter().rev().map(|row| row.outcome).collect();
        for (outcome, at) in places.iter().zip([41, 42]) {
            assert!(matches!(outcome, Outcome::Acked { partition: 0, offset, .. } if *offset == at), "{outcome:?}");
        }
        assert_eq!(sends.waiting(), 1);
    }

    #[test]
    fn an_outcome_is_final() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        sends.acked(&ack(0, 0, 7), 102.0);
        sends.acked(&ack(0, 0, 8), 102.0);
        sends.failed(0, ErrorBody::new(ErrorCode::NotDelivered, "late"));
        sends.session_lost();
        assert_eq!(states(&sends), ["acked"]);
        assert_eq!(sends.totals(), Totals { sent: 1, acked: 1, ..Totals::default() });
    }

    #[test]
    fn an_error_fails_the_row_or_leaves_it_unknown_as_the_bridge_says() {
        let mut sends = Sends::default();
        (0..2).for_each(|n| send(&mut sends, n));
        sends.failed(0, ErrorBody::new(ErrorCode::RecordTooLarge, "…"));
        sends.failed(1, ErrorBody::new(ErrorCode::DeliveryUnknown, "…"));
        assert_eq!(states(&sends), ["failed", "unknown"]);
    }

    #[test]
    fn seen_is_measured_from_the_click_whichever_of_ack_and_record_comes_first() {
        let mut sends = Sends::default();
        (0..2).for_each(|n| send(&mut sends, n));
        sends.acked(&ack(0, 0, 7), 102.0);
        assert_eq!(sends.record_arrived("t", 0, 7, 103.0), Some(3.0));
        assert_eq!(sends.record_arrived("t", 0, 8, 104.0), None);
        sends.acked(&ack(1, 1, 8), 105.0);
        let early = SeenEarly { topic: "t".into(), partition: 0, offset: 8, after_ms: 4.0 };
        assert_eq!(sends.take_news().seen_early, [early]);
        assert!(sends.rows().iter().map(|row| row.seen_after_ms).eq([Some(4.0), Some(3.0)]));
        assert_eq!(sends.totals().seen, 2);
    }

    #[test]
    fn a_record_read_again_is_still_ours_and_counted_once() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        sends.acked(&ack(0, 0, 7), 102.0);
        assert_eq!(sends.record_arrived("t", 0, 7, 103.0), Some(3.0));
        assert_eq!(sends.record_arrived("t", 0, 7, 900.0), Some(3.0));
        assert_eq!(sends.totals().seen, 1);
    }

    #[test]
    fn somebody_elses_record_is_not_ours() {
        let mut sends = Sends::default();
        (0..2).for_each(|n| send(&mut sends, n));
        sends.record_arrived("t", 0, 6, 101.0);
        sends.acked(&ack(0, 0, 7), 102.0);
        assert_eq!(sends.record_arrived("t", 1, 7, 103.0), None);
        assert_eq!(sends.record_arrived("u", 0, 7, 103.0), None);
        assert_eq!(sends.record_arrived("t", 0, 8, 103.0), None);
        assert_eq!(sends.totals().seen, 0);
    }

    #[test]
    fn a_topic_that_was_created_anew_has_other_records_at_the_same_offsets() {
        let mut sends = Sends::default();
        (0..2).for_each(|n| send(&mut sends, n));
        sends.acked(&ack(0, 0, 500), 102.0);
        sends.acked(&ack(1, 1, 0), 103.0);
        assert_eq!(sends.record_arrived("t", 0, 500, 104.0), None);
        assert_eq!(sends.record_arrived("t", 0, 0, 104.0), Some(4.0));
    }

    #[test]
    fn a_run_hears_of_its_records_by_ranges() {
        let mut sends = Sends::default();
        launch(&mut sends, 5);
        sends.record_arrived("t", 0, 10, 103.0);
        sends.acked(&ack(0, 2, 10), 104.0);
        sends.failed(3, ErrorBody::new(ErrorCode::RecordTooLarge, "…"));
        for offset in 11..13 {
            assert_eq!(sends.record_arrived("t", 0, offset, 106.0), Some(6.0));
        }
        sends.session_lost();
        let news = sends.take_news().runs;
        let error = ErrorBody::new(ErrorCode::RecordTooLarge, "…");
        let expected = [
            RunNews::Acked { count: 3, after_ms: 4.0 },
            RunNews::Seen { count: 1, after_ms: 3.0 },
            RunNews::Failed { label: Some(4), error },
            RunNews::Seen { count: 2, after_ms: 6.0 },
            RunNews::Unknown { count: 1 },
        ];
        assert!(news.iter().map(|(run, news)| (*run, news)).eq(expected.iter().map(|news| (7, news))), "{news:?}");
    }

    #[test]
    fn a_resumed_session_gets_what_has_no_outcome_under_the_same_numbers() {
        let mut sends = Sends::default();
        launch(&mut sends, 5);
        send(&mut sends, 5);
        sends.acked(&ack(2, 2, 0), 101.0);
        let values = |range: std::ops::Range<u64>| range.map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(frames(&sends), [(0, values(0..2)), (3, values(3..5)), (5, values(5..6))]);
        assert_eq!(sends.next_seq(), 6, "numbers only rise within a session");
    }

    #[test]
    fn a_lost_session_leaves_unknown_never_failed_and_numbers_begin_again() {
        let mut sends = Sends::default();
        (0..3).for_each(|n| send(&mut sends, n));
        sends.acked(&ack(0, 0, 0), 101.0);
        sends.session_lost();
        assert_eq!(states(&sends), ["acked", "unknown", "unknown"]);
        assert_eq!((sends.next_seq(), sends.waiting(), sends.waiting_bytes()), (0, 0, 0));
        send(&mut sends, 3);
        sends.acked(&ack(0, 0, 9), 103.0);
        assert_eq!(states(&sends), ["acked", "unknown", "unknown", "acked"]);
        assert!(sends.rows().iter().rev().map(|row| row.number).eq(0..4));
    }

    #[test]
    fn the_list_is_bounded_but_never_forgets_a_row_without_outcome() {
        let mut sends = Sends::default();
        send(&mut sends, 0);
        for n in 1..=5000 {
            send(&mut sends, n);
            sends.acked(&ack(n, n, n as i64), 101.0);
        }
        assert_eq!(sends.rows().len(), LISTED_ROWS);
        assert!(sends.flights.len() < 10 * LISTED_ROWS);
        assert_eq!(sends.totals(), Totals { sent: 5001, acked: 5000, ..Totals::default() });
        sends.acked(&ack(0, 0, 0), 101.0);
        assert_eq!((sends.waiting(), sends.totals().acked), (0, 5001));
    }

    #[test]
    fn a_large_record_does_not_stay_in_memory_for_its_line_in_the_list() {
        let mut sends = Sends::default();
        let large = ProduceRecord { value: WireBytes::text("x".repeat(1 << 20)), ..record(0) };
        sends.send(&large, 0.0);
        assert!(sends.waiting_bytes() > 1 << 20);
        sends.acked(&ack(0, 0, 0), 1.0);
        assert!(sends.flights[0].bytes() < 1000 && sends.waiting_bytes() == 0);
        assert!(sends.rows()[0].preview.as_ref().is_some_and(|preview| preview.starts_with(b"xxx")));
    }
}
