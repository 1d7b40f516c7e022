//! Decoded values for `bridge consume --value-format`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use kafka::consumer::ConsumedRecord;
use protocol::RecordFormat;
use serdes::formats::wire::Part;
use serdes::{Decoder, Field};

/// At most one reason is printed in this time, because a topic may have nothing but broken records.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How many different reasons are printed. Random bytes have a new one each time.
const MAX_REASONS: usize = 100;

/// Decodes the values of a topic, and knows which reasons it has reported.
pub struct ValueDecoder {
    decoder: Decoder,
    format: RecordFormat,
    topic: String,
    json: Vec<u8>,
    failures: Failures,
}

impl ValueDecoder {
    pub fn new(decoder: Decoder, format: RecordFormat, topic: String) -> Self {
        Self { decoder, format, topic, json: Vec::new(), failures: Failures::default() }
    }

    /// What to print: JSON, or the bytes as they are. With a line for standard error if the value cannot be decoded and the reason is
    /// to be reported now.
    pub fn shown<'a>(&'a mut self, record: &ConsumedRecord<'a>) -> (Option<&'a [u8]>, Option<String>) {
        let Some(bytes) = record.value() else { return (None, None) };
        if self.format == RecordFormat::Raw {
            return (Some(bytes), None);
        }
        self.json.clear();
        let field = Field { topic: &self.topic, part: Part::Value, bytes, key: record.key() };
        let headers = record.headers();
        match self.decoder.decode_one_blocking(self.format, field, headers.into_iter(), &mut self.json) {
            Ok(true) => (Some(&self.json), None),
            Ok(false) => (Some(bytes), None),
            Err(failure) => {
                let report = self.failures.report(&failure.message, Instant::now());
                let line = report.then(|| {
                    let (partition, offset) = (record.partition(), record.offset());
                    format!("not decoded: partition {partition}, offset {offset}: {}", failure.message)
                });
                (Some(bytes), line)
            }
        }
    }

    /// A sentence about the values that were not decoded, if there were any.
    pub fn summary(&self) -> Option<String> {
        self.failures.summary()
    }
}

/// The values that could not be decoded.
#[derive(Default)]
struct Failures {
    count: u64,
    /// The reasons that were reported.
    reported: HashSet<String>,
    last: Option<Instant>,
}

impl Failures {
    /// Counts a failure, and returns whether to report its reason now.
    fn report(&mut self, reason: &str, now: Instant) -> bool {
        self.count += 1;
        let is_early = self.last.is_some_and(|last| now.saturating_duration_since(last) < REPORT_EVERY);
        if is_early || self.reported.len() >= MAX_REASONS || self.reported.contains(reason) {
            return false;
        }
        self.reported.insert(reason.to_owned());
        self.last = Some(now);
        true
    }

    fn summary(&self) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some("1 value could not be decoded and was printed as it is".to_owned()),
            count => Some(format!("{count} values could not be decoded and were printed as they are")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_reported_once_and_at_most_one_a_second() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(failures.summary(), None);
        for (ms, reason, is_reported) in [
            (0, "a", true),
            (1, "a", false),
            (500, "b", false),
            (1_000, "b", true),
            (3_000, "a", false),
            (3_001, "c", true),
        ] {
            assert_eq!(failures.report(reason, at(ms)), is_reported, "{reason} after {ms} ms");
        }
        assert_eq!(failures.summary().as_deref(), Some("6 values could not be decoded and were printed as they are"));
    }

    #[test]
    fn reasons_do_not_accumulate() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let reported = (0..200).filter(|n| failures.report(&n.to_string(), start + REPORT_EVERY * *n)).count();
        assert_eq!((reported, failures.count), (MAX_REASONS, 200));
    }
}
