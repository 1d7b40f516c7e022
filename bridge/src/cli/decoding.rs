//! Decoded keys and values for `bridge consume --value-format`.

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

/// Decodes the keys and values of a topic, and knows which reasons it has reported.
pub struct RecordDecoder {
    decoder: Decoder,
    topic: String,
    key: PartDecoder,
    value: PartDecoder,
    failures: Failures,
}

/// How one part of the records is shown.
struct PartDecoder {
    part: Part,
    format: RecordFormat,
    json: Vec<u8>,
}

/// What to print of a record: JSON, or the bytes as they are.
pub struct Shown<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Lines for standard error: why a part cannot be decoded, if that is to be reported now.
    pub reports: Vec<String>,
}

impl RecordDecoder {
    /// `key`, `value`: the formats in which they are read.
    pub fn new(decoder: Decoder, key: RecordFormat, value: RecordFormat, topic: String) -> Self {
        let part = |part, format| PartDecoder { part, format, json: Vec::new() };
        Self {
            decoder,
            topic,
            key: part(Part::Key, key),
            value: part(Part::Value, value),
            failures: Failures::default(),
        }
    }

    pub fn shown<'a>(&'a mut self, record: &ConsumedRecord<'a>) -> Shown<'a> {
        let Self { decoder, topic, key, value, failures } = self;
        let mut reports = Vec::new();
        let mut show = |part: &'a mut PartDecoder, bytes: Option<&'a [u8]>| {
            let bytes = bytes?;
            let reason = match part.decode(decoder, topic, record, bytes) {
                Ok(true) => return Some(part.json.as_slice()),
                Ok(false) => return Some(bytes),
                Err(reason) => reason,
            };
            if failures.report(&reason, Instant::now()) {
                let (partition, offset) = (record.partition(), record.offset());
                let part = if part.part == Part::Key { "key of " } else { "" };
                reports.push(format!("not decoded: {part}partition {partition}, offset {offset}: {reason}"));
            }
            Some(bytes)
        };
        let (key, value) = (show(key, record.key()), show(value, record.value()));
        Shown { key, value, reports }
    }

    /// A sentence about the keys and values that were not decoded, if there were any.
    pub fn summary(&self) -> Option<String> {
        self.failures.summary()
    }
}

impl PartDecoder {
    /// Writes JSON, and returns whether it did; the bytes are to be printed as they are otherwise.
    fn decode(
        &mut self,
        decoder: &Decoder,
        topic: &str,
        record: &ConsumedRecord<'_>,
        bytes: &[u8],
    ) -> Result<bool, String> {
        if self.format == RecordFormat::Raw {
            return Ok(false);
        }
        self.json.clear();
        let field = Field { topic, part: self.part, bytes, key: record.key() };
        let decoded = decoder.decode_one_blocking(self.format, field, record.headers().into_iter(), &mut self.json);
        decoded.map_err(|failure| failure.message)
    }
}

/// The keys and values that could not be decoded.
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
