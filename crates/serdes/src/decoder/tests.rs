//! Batches through [`Decoder::decode`], with the schemas of a registry whose answers are written here.

mod apicurio;
mod batch;
mod local;
mod registry;
mod without_schema;

use protocol::binary::RecordNotes;
use protocol::{BinaryBatch, Decode, DecodeNote, HeaderView, RecordFormat, RecordView, TimestampType};

use self::registry::Schemas;
use super::Decoder;

/// Large enough for all values of these tests.
const MAX_BYTES: usize = 1 << 20;

/// A record to decode.
#[derive(Clone, Debug, Default)]
struct Given {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(&'static str, Vec<u8>)>,
}

/// A key or value after decoding.
#[derive(Clone, Debug, PartialEq)]
struct Got {
    bytes: Option<Vec<u8>>,
    note: Option<DecodeNote>,
}

fn value(bytes: impl AsRef<[u8]>) -> Given {
    Given { value: Some(bytes.as_ref().to_vec()), ..Given::default() }
}

impl Given {
    fn key(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { key: Some(bytes.as_ref().to_vec()), ..self }
    }

    fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }
}

impl Got {
    /// The decoded JSON.
    #[track_caller]
    fn json(&self) -> &str {
        let is_decoded = self.note.as_ref().is_some_and(|note| note.is_decoded() && note.format.is_some());
        assert!(is_decoded, "not decoded: {self:?}");
        let json = str::from_utf8(self.bytes.as_deref().expect("not null")).expect("UTF-8");
        protocol::from_json::<serde::de::IgnoredAny>(json).expect("valid JSON");
        json
    }

    #[track_caller]
    fn format(&self) -> (RecordFormat, Option<&str>) {
        let note = self.note.as_ref().expect("a note");
        (note.format.expect("a format"), note.reason.as_deref())
    }

    /// The code and the message of bytes that stayed as they were.
    #[track_caller]
    fn error(&self, bytes: impl AsRef<[u8]>) -> (&str, &str) {
        assert_eq!(self.bytes.as_deref(), Some(bytes.as_ref()), "the bytes stay as they are");
        let error = self.note.as_ref().and_then(|note| note.decode_error.as_ref());
        let error = error.unwrap_or_else(|| panic!("no error: {self:?}"));
        (&error.code, &error.message)
    }

    #[track_caller]
    fn is_raw(&self, bytes: impl AsRef<[u8]>) {
        assert_eq!(*self, Self { bytes: Some(bytes.as_ref().to_vec()), note: None });
    }
}

fn batch_of(records: &[Given]) -> BinaryBatch {
    let mut batch = BinaryBatch::default();
    for (record, offset) in records.iter().zip(100..) {
        let headers: Vec<HeaderView<'_>> =
            record.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
        batch.push(RecordView {
            offset,
            timestamp: Some(offset * 10),
            timestamp_type: TimestampType::LogAppend,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: headers.iter().copied(),
        });
    }
    batch
}

/// The keys and values of a decoded batch. Everything else must be what was given.
fn read(records: &[Given], decoded: &BinaryBatch) -> Vec<(Got, Got)> {
    assert_eq!(decoded.len(), records.len());
    let mut got = Vec::new();
    for (index, (record, view)) in records.iter().zip(decoded.iter()).enumerate() {
        assert_eq!((view.offset, decoded.offset(index)), (100 + index as i64, 100 + index as i64));
        assert_eq!((view.timestamp, view.timestamp_type), (Some(view.offset * 10), TimestampType::LogAppend));
        let headers: Vec<_> = view.headers.map(|(name, value)| (name, value.unwrap_or_default().to_vec())).collect();
        assert_eq!(headers, record.headers);
        let RecordNotes { key, value } = decoded.notes_of(index);
        let one = |bytes: Option<&[u8]>, note: u16| {
            let found = decoded.notes().get(note);
            assert_eq!(found.is_some(), note != 0, "the note {note} of {}", decoded.notes().len());
            Got { bytes: bytes.map(<[u8]>::to_vec), note: found.cloned() }
        };
        got.push((one(view.key, key), one(view.value, value)));
    }
    got
}

fn load_schemas(decoder: &Decoder, decode: Decode, batch: &BinaryBatch) {
    if let Some(registry) = decoder.registry() {
        registry.load_blocking(&decoder.missing_schemas(decode, batch), super::SCHEMA_WAIT);
    }
}

fn decode_in(decoder: &Decoder, topic: &str, decode: Decode, records: &[Given]) -> Vec<(Got, Got)> {
    let batch = batch_of(records);
    load_schemas(decoder, decode, &batch);
    read(records, &decoder.decode(topic, decode, &batch))
}

fn both(format: RecordFormat) -> Decode {
    Decode::with_formats(format, format)
}

/// The values, without a registry.
fn values(format: RecordFormat, records: &[Given]) -> Vec<Got> {
    let decoder = Decoder::new(None, MAX_BYTES);
    decode_in(&decoder, "orders", both(format), records).into_iter().map(|(_, value)| value).collect()
}

/// One value, without a registry.
fn one(format: RecordFormat, bytes: impl AsRef<[u8]>) -> Got {
    values(format, &[value(bytes)]).remove(0)
}

/// The values, with the registry of these tests.
fn registered(format: RecordFormat, records: &[Given]) -> Vec<Got> {
    let schemas = Schemas::start();
    decode_in(&schemas.decoder, "orders", both(format), records).into_iter().map(|(_, value)| value).collect()
}
