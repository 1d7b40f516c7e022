//! A run: the same kind of record sent many times at an interval. Owns the counting and the clockwork, not the sending.

use protocol::{ProduceRecord, WireBytes};
use serde_json::value::RawValue;

/// `producer.py` of the seed sends ten …
const SEED_RECORDS: u32 = 10;
/// … and sleeps half a second after each.
const SEED_INTERVAL_MS: f64 = 500.0;

/// `Running` → `Done` when every record has its outcome, or `Cancelled` by the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    Done,
    Cancelled,
}

impl RunState {
    /// The value of `data-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    pub topic: String,
    pub state: RunState,
    pub total: u32,
    pub sent: u32,
    pub acked: u32,
    pub failed: u32,
    pub unknown: u32,
    pub seen: u32,
    /// Milliseconds from click to return, of those seen.
    round_trips_ms: Vec<f64>,
    next_at_ms: f64,
}

impl Run {
    /// The seed's ten messages.
    pub fn seed(id: u64, topic: String, now_ms: f64) -> Self {
        Self {
            id,
            topic,
            state: RunState::Running,
            total: SEED_RECORDS,
            sent: 0,
            acked: 0,
            failed: 0,
            unknown: 0,
            seen: 0,
            round_trips_ms: Vec::new(),
            next_at_ms: now_ms,
        }
    }

    /// When the next record is due, while there is one.
    pub fn next_at_ms(&self) -> Option<f64> {
        (self.state == RunState::Running && self.sent < self.total).then_some(self.next_at_ms)
    }

    /// The next record if it is due. A late timer delays what follows; it never sends two at once.
    pub fn due(&mut self, now_ms: f64) -> Option<ProduceRecord> {
        if now_ms < self.next_at_ms()? {
            return None;
        }
        let record = self.record(self.sent);
        self.sent += 1;
        let on_time_ms = self.next_at_ms + SEED_INTERVAL_MS;
        self.next_at_ms = if on_time_ms > now_ms { on_time_ms } else { now_ms + SEED_INTERVAL_MS };
        Some(record)
    }

    /// Byte for byte what `json.dumps` of the seed makes, spaces included.
    fn record(&self, i: u32) -> ProduceRecord {
        let json = format!("{{\"id\": {i}, \"text\": \"messaggio {i}\"}}");
        let value = RawValue::from_string(json.clone()).map_or_else(|_| WireBytes::text(json), WireBytes::Json);
        ProduceRecord { topic: self.topic.clone(), value, ..ProduceRecord::default() }
    }

    pub fn cancel(&mut self) {
        if self.state == RunState::Running {
            self.state = RunState::Cancelled;
        }
    }

    /// The outcomes counted anew from the rows of this run.
    pub fn recount(&mut self, acked: u32, failed: u32, unknown: u32, round_trips_ms: Vec<f64>) {
        (self.acked, self.failed, self.unknown) = (acked, failed, unknown);
        self.seen = round_trips_ms.len() as u32;
        self.round_trips_ms = round_trips_ms;
        if self.state == RunState::Running && self.sent == self.total && acked + failed + unknown == self.sent {
            self.state = RunState::Done;
        }
    }

    /// The median round trip in milliseconds.
    pub fn median_ms(&self) -> Option<f64> {
        let mut sorted = self.round_trips_ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_ten_messages_come_half_a_second_apart_byte_for_byte() {
        let mut run = Run::seed(0, "foobar".into(), 1000.0);
        let mut sent = Vec::new();
        let mut now = 1000.0;
        while let Some(at) = run.next_at_ms() {
            assert!(run.due(at - 1.0).is_none());
            now = at;
            sent.extend(run.due(now));
        }
        assert_eq!(now, 1000.0 + 9.0 * 500.0);
        let values: Vec<_> = sent.iter().map(|record| record.value.as_kafka().expect("a value")).collect();
        assert_eq!(values.len(), 10);
        assert_eq!(values[7], br#"{"id": 7, "text": "messaggio 7"}"#);
        assert!(sent.iter().all(|record| record.topic == "foobar" && record.key.is_null()));
    }

    #[test]
    fn a_late_timer_never_sends_two_at_once() {
        let mut run = Run::seed(0, "t".into(), 0.0);
        assert!(run.due(0.0).is_some());
        assert!(run.due(5000.0).is_some());
        assert!(run.due(5000.0).is_none());
        assert_eq!(run.next_at_ms(), Some(5500.0));
    }

    #[test]
    fn done_means_every_outcome_is_known() {
        let mut run = Run::seed(0, "t".into(), 0.0);
        (0..10).for_each(|i| drop(run.due(f64::from(i) * 500.0)));
        run.recount(8, 1, 0, vec![]);
        assert_eq!(run.state, RunState::Running);
        run.recount(8, 1, 1, vec![3.0, 1.0, 2.0]);
        assert_eq!((run.state, run.median_ms()), (RunState::Done, Some(2.0)));
    }

    #[test]
    fn a_cancelled_run_sends_nothing_more_and_stays_cancelled() {
        let mut run = Run::seed(0, "t".into(), 0.0);
        run.due(0.0);
        run.cancel();
        assert!(run.due(9000.0).is_none());
        run.recount(1, 0, 0, vec![]);
        assert_eq!(run.state, RunState::Cancelled);
    }
}
