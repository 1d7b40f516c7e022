//! Records whose keys and values are JSON, collected for `encode` requests. The bridge returns bytes, which take the place of the JSON.

use formats::Moment;
use protocol::limits::ENCODE_VALUES;
use protocol::{EncodedValue, Header, ProduceRecord, RecordPart, ValueError, WireBytes};

use super::encodings::{PartEncoding, RecordEncoding};
use super::field::Form;
use super::json_edit::json_string;
use super::plan::{Pattern, RunPlan};
use super::sent_frame::PREVIEW_BYTES;

/// Bytes of JSON in one request. The reply has about as many, in base64.
const MAX_BYTES: usize = 256 * 1024;

/// Why a record cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartError {
    pub part: RecordPart,
    pub error: ValueError,
}

/// Why a run stopped: one of its records could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodingFailure {
    /// The record's index in the run, or its line; `None` if no record is at fault.
    pub label: Option<u64>,
    pub part: Option<RecordPart>,
    /// The field that does not fit; empty for the whole value.
    pub path: String,
    /// In words.
    pub message: String,
}

/// A record to send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordToSend {
    pub record: ProduceRecord,
    /// The beginning of the JSON that the value was encoded from: the list of sent records shows what the user wrote. `None` for a value that
    /// is sent as it is.
    pub json: Option<Box<str>>,
}

/// A record, or why it cannot be encoded.
pub type EncodedRecord = Result<RecordToSend, PartError>;

#[derive(Debug, Default)]
pub struct EncodeChunk {
    records: Vec<(u64, ProduceRecord)>,
    bytes: usize,
    /// Whether a text that is not JSON is a string, as in files. The texts of a form are JSON already, or invalid.
    is_of_file: bool,
}

impl EncodeChunk {
    /// A chunk for records of a file.
    pub fn of_file() -> Self {
        Self { is_of_file: true, ..Self::default() }
    }

    /// A chunk of one record.
    pub fn of(record: ProduceRecord) -> Self {
        let mut chunk = Self::default();
        chunk.push(0, record);
        chunk
    }

    /// `label`: the record's number in a run, or its line.
    pub fn push(&mut self, label: u64, record: ProduceRecord) {
        self.bytes += record.view().size();
        self.records.push((label, record));
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether no further record should be added.
    pub fn is_full(&self) -> bool {
        self.records.len() >= ENCODE_VALUES || self.bytes >= MAX_BYTES
    }

    /// The JSON texts of a part, of the records that are not null in it.
    pub fn texts(&self, part: RecordPart, encoding: &PartEncoding) -> Vec<String> {
        let json = |text: &str| if self.is_of_file { encoding.json_of(text) } else { text.to_owned() };
        self.records.iter().filter_map(|(_, record)| json_of(part_of(record, part), json)).collect()
    }

    /// The records with the encoded parts. `encoded`: for each part with an encoding as many as there were texts.
    pub fn encoded(
        self,
        encoding: &RecordEncoding,
        keys: Vec<EncodedValue>,
        values: Vec<EncodedValue>,
    ) -> Vec<(u64, EncodedRecord)> {
        let (mut keys, mut values) = (keys.into_iter(), values.into_iter());
        let mut all = Vec::with_capacity(self.records.len());
        for (label, mut record) in self.records {
            let json = encoding.part(RecordPart::Value).and_then(|_| json_of(&record.value, beginning));
            let key = encode(&mut record.key, encoding.part(RecordPart::Key), &mut keys);
            let value = encode(&mut record.value, encoding.part(RecordPart::Value), &mut values);
            let failed = |part| move |error| PartError { part, error };
            let encoded = key.map_err(failed(RecordPart::Key)).and(value.map_err(failed(RecordPart::Value)));
            let json = json.map(|json| beginning(&json).into());
            all.push((label, encoded.map(|()| RecordToSend { record, json })));
        }
        all
    }
}

fn part_of(record: &ProduceRecord, part: RecordPart) -> &WireBytes {
    match part {
        RecordPart::Key => &record.key,
        RecordPart::Value => &record.value,
    }
}

/// The JSON to encode. Kafka's null stays null, and base64 is bytes, which are sent as they are.
fn json_of(bytes: &WireBytes, json_of_text: impl FnOnce(&str) -> String) -> Option<String> {
    match bytes {
        WireBytes::Json(raw) => Some(raw.get().to_owned()),
        WireBytes::Text(text) => Some(json_of_text(text)),
        WireBytes::Null | WireBytes::Base64(_) => None,
    }
}

/// As much of a JSON text as the list of sent records shows.
fn beginning(json: &str) -> String {
    json[..json.floor_char_boundary(PREVIEW_BYTES)].to_owned()
}

/// Takes the next encoded value, if the part is encoded and has JSON.
fn encode(
    bytes: &mut WireBytes,
    encoding: Option<&PartEncoding>,
    encoded: &mut impl Iterator<Item = EncodedValue>,
) -> Result<(), ValueError> {
    if encoding.is_none() || matches!(bytes, WireBytes::Null | WireBytes::Base64(_)) {
        return Ok(());
    }
    match encoded.next() {
        Some(EncodedValue::Bytes(encoded)) => {
            *bytes = encoded;
            Ok(())
        }
        Some(EncodedValue::Error(error)) => Err(error),
        // A bridge that answers with fewer values must not make the page send JSON in place of bytes.
        None => Err(ValueError { path: String::new(), message: "the bridge sent no bytes for it".to_owned() }),
    }
}

/// Renders the records of a run ahead of its sending.
#[derive(Debug)]
pub struct PatternRecords {
    topic: String,
    pattern: Pattern,
    rng: fastrand::Rng,
    next: u64,
    /// The number of records; `None`: until the run ends.
    count: Option<u64>,
    /// Whether keys and values are texts, which become JSON strings.
    is_text: (bool, bool),
}

impl PatternRecords {
    /// `None` while the plan has an error.
    pub fn new(topic: &str, plan: &RunPlan, encoding: &RecordEncoding, seed: u64) -> Option<Self> {
        let pattern = plan.is_valid().then(|| plan.pattern()).flatten()?;
        let is_text = |part| encoding.part(part).is_some() && plan.draft.field(part).form == Form::Text;
        Some(Self {
            topic: topic.trim().to_owned(),
            pattern,
            rng: fastrand::Rng::with_seed(seed),
            next: 0,
            count: plan.count,
            is_text: (is_text(RecordPart::Key), is_text(RecordPart::Value)),
        })
    }

    /// The next records, at most `max`, with their numbers from 0; empty after the last one.
    pub fn next_chunk(&mut self, max: u64, now_ms: i64) -> EncodeChunk {
        let mut chunk = EncodeChunk::default();
        while (chunk.len() as u64) < max && !chunk.is_full() && self.count.is_none_or(|count| self.next < count) {
            self.pattern.fill(Moment { i: self.next, now_ms }, &mut self.rng);
            let view = self.pattern.view();
            let record = ProduceRecord {
                topic: self.topic.clone(),
                partition: view.partition,
                key: text_of(view.key, self.is_text.0),
                value: text_of(view.value, self.is_text.1),
                headers: view
                    .headers
                    .map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value)))
                    .collect(),
                timestamp: view.timestamp,
            };
            chunk.push(self.next, record);
            self.next += 1;
        }
        chunk
    }
}

/// A rendered field: text, as the form has it, unless it is not UTF-8.
fn text_of(bytes: Option<&[u8]>, is_text: bool) -> WireBytes {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => WireBytes::Null,
        Some((_, Ok(text))) if is_text => WireBytes::text(json_string(text)),
        Some((_, Ok(text))) => WireBytes::text(text),
        Some((bytes, Err(_))) => WireBytes::Base64(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use protocol::RecordFormat;

    use super::*;
    use crate::{Draft, Field, RunPlan};

    fn encoding() -> RecordEncoding {
        let of = |format| Some(PartEncoding::of(format));
        RecordEncoding { key: of(RecordFormat::Int64), value: of(RecordFormat::Avro) }
    }

    fn record(key: WireBytes, value: WireBytes) -> ProduceRecord {
        ProduceRecord { topic: "t".into(), key, value, ..ProduceRecord::default() }
    }

    fn bytes(bytes: &[u8]) -> EncodedValue {
        EncodedValue::Bytes(WireBytes::Base64(bytes.to_vec()))
    }

    fn error(path: &str) -> EncodedValue {
        EncodedValue::Error(ValueError { path: path.into(), message: "expected int".into() })
    }

    #[test]
    fn bytes_take_the_place_of_json_and_null_and_base64_stay() {
        let mut chunk = EncodeChunk::of_file();
        chunk.push(1, record(WireBytes::text("1"), WireBytes::text("{}")));
        chunk.push(2, record(WireBytes::Null, WireBytes::text("a b")));
        chunk.push(3, record(WireBytes::text("3"), WireBytes::Base64(vec![0, 255])));
        let encoding = encoding();
        let part = |part| encoding.part(part).expect("an encoding");
        assert_eq!(chunk.texts(RecordPart::Key, part(RecordPart::Key)), ["1", "3"]);
        assert_eq!(chunk.texts(RecordPart::Value, part(RecordPart::Value)), ["{}", "\"a b\""]);
        let records = chunk.encoded(&encoding, vec![bytes(b"k1"), bytes(b"k3")], vec![bytes(b"v1"), error("a.b")]);
        let [(1, Ok(first)), (2, Err(second)), (3, Ok(third))] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((first.record.key.as_kafka(), first.record.value.as_kafka()), (Some(&b"k1"[..]), Some(&b"v1"[..])));
        assert_eq!((first.json.as_deref(), third.json.as_deref()), (Some("{}"), None));
        assert_eq!((second.part, second.error.path.as_str()), (RecordPart::Value, "a.b"));
        let third = &third.record;
        assert_eq!((third.key.as_kafka(), third.value.as_kafka()), (Some(&b"k3"[..]), Some(&[0, 255][..])));
    }

    #[test]
    fn json_of_a_long_value_is_kept_only_as_far_as_the_list_shows_it() {
        let json = format!("\"{}\"", "è".repeat(PREVIEW_BYTES));
        let chunk = EncodeChunk::of(record(WireBytes::Null, WireBytes::text(json)));
        let records = chunk.encoded(&encoding(), Vec::new(), vec![bytes(b"v")]);
        let [(0, Ok(RecordToSend { json: Some(json), .. }))] = records.as_slice() else { panic!("{records:?}") };
        assert!(json.len() <= PREVIEW_BYTES && json.starts_with("\"èè"));
    }

    #[test]
    fn invalid_json_of_a_form_is_not_made_a_string() {
        let draft = Draft { value: Field::json("{\"id\": {{choice x 1}}}"), ..Draft::default() };
        let plan = RunPlan { draft, count: Some(20), ..RunPlan::seed() };
        let records = (0..20).find_map(|seed| PatternRecords::new("t", &plan, &encoding(), seed));
        let chunk = records.expect("valid in its first record").next_chunk(u64::MAX, 0);
        let texts = chunk.texts(RecordPart::Value, &PartEncoding::of(RecordFormat::Avro));
        assert!(texts.iter().any(|text| text == "{\"id\": x}"), "{texts:?}");
        assert!(texts.iter().all(|text| !text.starts_with('"')), "{texts:?}");
    }

    #[test]
    fn json_is_never_sent_in_place_of_missing_bytes() {
        let chunk = EncodeChunk::of(record(WireBytes::Null, WireBytes::text("{}")));
        let records = chunk.encoded(&encoding(), Vec::new(), Vec::new());
        assert!(matches!(records.as_slice(), [(0, Err(_))]));
    }

    #[test]
    fn part_without_an_encoding_stays_as_it_is() {
        let chunk = EncodeChunk::of(record(WireBytes::text("k"), WireBytes::text("{}")));
        let encoding = RecordEncoding { key: None, ..encoding() };
        let records = chunk.encoded(&encoding, Vec::new(), vec![bytes(b"v")]);
        let [(0, Ok(RecordToSend { record, .. }))] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((record.key.as_kafka(), record.value.as_kafka()), (Some(&b"k"[..]), Some(&b"v"[..])));
    }

    #[test]
    fn records_of_a_pattern_are_rendered_once_each_in_bounded_chunks() {
        let draft = Draft { value: Field::json("{\"id\": {{i}}}"), ..Draft::default() };
        let plan = RunPlan { draft, count: Some(2500), ..RunPlan::seed() };
        let mut records = PatternRecords::new("t", &plan, &encoding(), 0).expect("valid");
        let value = PartEncoding::of(RecordFormat::Avro);
        let mut lengths = Vec::new();
        let mut last = String::new();
        loop {
            let chunk = records.next_chunk(u64::MAX, 0);
            if chunk.is_empty() {
                break;
            }
            lengths.push(chunk.len());
            last = chunk.texts(RecordPart::Value, &value).pop().expect("a text");
        }
        assert_eq!((lengths, last.as_str()), (vec![ENCODE_VALUES, ENCODE_VALUES, 500], "{\"id\": 2499}"));
    }
}
