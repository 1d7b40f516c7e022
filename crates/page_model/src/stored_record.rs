//! A record as Kafka stores it, fetched for a row whose key or value is decoded. Only these bytes are sent again, or shown as raw.

use protocol::{
    Decode, DecodeNote, Fetch, Fetched, Header, Offset, ProduceRecord, RecordPart, TimestampType, WireBytes,
};

use super::draft::Draft;
use super::encodings::{PartEncoding, RecordEncoding};
use super::entry::RecordRef;
use super::field::Field;

/// The position of a record, and what distinguishes it from the record that has the same offset after a topic was recreated.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: TimestampType,
    headers: Vec<Header>,
}

/// Kafka no longer has the offset, or another record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordIsGone;

/// The record as Kafka stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct OriginalRecord {
    pub record: ProduceRecord,
    /// The fields that the bridge hides. A record with such fields must not be sent again as it is.
    pub masked: Vec<String>,
}

impl StoredRecord {
    pub fn of(record: &RecordRef<'_>) -> Self {
        Self {
            topic: record.topic.to_string(),
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            timestamp_type: record.timestamp_type,
            headers: headers_of(record),
        }
    }

    /// The record to send again, if the list has its own bytes. A decoded key or value must never replace them.
    pub fn shown(record: &RecordRef<'_>) -> Option<ProduceRecord> {
        record.is_as_stored().then(|| ProduceRecord {
            topic: record.topic.to_string(),
            partition: Some(record.partition),
            key: WireBytes::from_kafka(record.key),
            value: WireBytes::from_kafka(record.value),
            headers: headers_of(record),
            timestamp: None,
        })
    }

    /// The request for the record's own bytes.
    pub fn request(&self) -> Fetch {
        let (from, to) = (Offset(self.offset), Offset(self.offset + 1));
        Fetch { topic: self.topic.clone(), partition: self.partition, from, to, decode: Decode::default() }
    }

    /// The record in the reply.
    pub fn read(&self, fetched: Fetched) -> Result<OriginalRecord, RecordIsGone> {
        let masked = fetched.masked;
        let record = fetched.records.into_iter().find(|record| record.offset.0 == self.offset).ok_or(RecordIsGone)?;
        // The masks may be other ones than when the row arrived.
        let has_same_headers = !masked.is_empty()
            || record.headers.len() == self.headers.len()
                && record
                    .headers
                    .iter()
                    .zip(&self.headers)
                    .all(|(a, b)| a.0 == b.0 && a.1.as_kafka() == b.1.as_kafka());
        let is_same = record.timestamp == self.timestamp && record.timestamp_type == self.timestamp_type;
        // A bridge that decodes without being asked is not trusted.
        let is_decoded = record.key_note.is_some() || record.value_note.is_some();
        if !is_same || !has_same_headers || is_decoded {
            return Err(RecordIsGone);
        }
        let record = ProduceRecord {
            topic: self.topic.clone(),
            partition: Some(self.partition),
            key: record.key,
            value: record.value,
            headers: record.headers,
            timestamp: None,
        };
        Ok(OriginalRecord { record, masked })
    }
}

/// The decoded JSON of a record's key and value, with the encodings in which it is written again. Parts that were not decoded, or that
/// the page cannot write, are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodedParts {
    key: Option<(String, PartEncoding)>,
    value: Option<(String, PartEncoding)>,
}

impl DecodedParts {
    pub fn of(record: &RecordRef<'_>) -> Self {
        let part = |part, json: Option<&[u8]>, note: Option<&DecodeNote>| {
            let encoding = PartEncoding::of_note(note?, record.topic, part)?;
            Some((String::from_utf8(json?.to_vec()).ok()?, encoding))
        };
        Self {
            key: part(RecordPart::Key, record.key, record.key_note.map(|note| &**note)),
            value: part(RecordPart::Value, record.value, record.value_note.map(|note| &**note)),
        }
    }

    /// Replaces the original bytes of a draft by the decoded JSON. Returns how the draft is written.
    pub fn put_into(self, draft: &mut Draft) -> RecordEncoding {
        let put = |part: Option<(String, PartEncoding)>, field: &mut Field| {
            let (json, encoding) = part?;
            *field = Field::json(json);
            Some(encoding)
        };
        RecordEncoding { key: put(self.key, &mut draft.key), value: put(self.value, &mut draft.value) }
    }
}

fn headers_of(record: &RecordRef<'_>) -> Vec<Header> {
    record.headers.map(|(name, value)| Header(name.to_owned(), WireBytes::from_kafka(value))).collect()
}

#[cfg(test)]
mod tests {
    use protocol::{DecodeNote, RecordFormat};

    use super::*;
    use crate::entry::tests::{entry, noted_entry};

    fn decoded() -> StoredRecord {
        let note = DecodeNote { format: Some(RecordFormat::Avro), ..DecodeNote::default() };
        let entry = noted_entry(5, r#"{"id":7}"#, &note);
        let record = entry.record().expect("a record");
        assert_eq!(StoredRecord::shown(&record), None, "decoded JSON is never sent in place of the record's bytes");
        StoredRecord::of(&record)
    }

    fn fetched(records: &str, masked: &str) -> Fetched {
        let json = format!(r#"{{"records":[{records}],"next":"6","masked":[{masked}]}}"#);
        serde_json::from_str(&json).expect("a reply")
    }

    const STORED: &str =
        r#"{"offset":"5","timestamp":1763800000005,"key":{"text":"k"},"value":{"base64":"AAAAAAEO/w=="},"headers":[]}"#;

    #[test]
    fn decoded_record_is_sent_again_with_the_bytes_that_kafka_has() {
        let stored = decoded();
        let request = stored.request();
        assert_eq!((request.topic.as_str(), request.from.0, request.to.0), ("t", 5, 6));
        assert!(request.decode.is_raw());
        let OriginalRecord { record, masked } = stored.read(fetched(STORED, "")).expect("Kafka has the record");
        assert!(masked.is_empty());
        assert_eq!(record.value.as_kafka(), Some(&[0, 0, 0, 0, 1, 14, 0xff][..]));
        assert_eq!((record.partition, record.timestamp), (Some(0), None));
    }

    #[test]
    fn record_that_kafka_no_longer_has_is_not_sent_again() {
        let stored = decoded();
        assert_eq!(stored.read(fetched("", "")), Err(RecordIsGone));
        let other = STORED.replace("1763800000005", "1763800000006");
        assert_eq!(stored.read(fetched(&other, "")), Err(RecordIsGone), "of a recreated topic");
        let decoded_anyway = STORED.replace(r#"{"text":"k"}"#, r#"{"decoded":"k","format":"text"}"#);
        assert_eq!(stored.read(fetched(&decoded_anyway, "")), Err(RecordIsGone));
        let masked = stored.read(fetched(STORED, r#""value.id""#)).expect("Kafka has the record");
        assert_eq!(masked.masked, ["value.id"], "it may be shown, but not sent");
    }

    #[test]
    fn decoded_value_is_edited_as_json_in_its_encoding() {
        let note = DecodeNote { format: Some(RecordFormat::Avro), ..DecodeNote::default() };
        let entry = noted_entry(5, r#"{"id":9007199254740993}"#, &note);
        let decoded = DecodedParts::of(&entry.record().expect("a record"));
        let mut draft = Draft { key: Field::text("k"), value: Field::text("bytes"), ..Draft::default() };
        let encoding = decoded.put_into(&mut draft);
        assert_eq!((draft.key, draft.value), (Field::text("k"), Field::json(r#"{"id":9007199254740993}"#)));
        assert_eq!(encoding, RecordEncoding { key: None, value: Some(PartEncoding::of(RecordFormat::Avro)) });
    }

    #[test]
    fn record_that_could_not_be_decoded_is_sent_again_as_the_list_has_it() {
        let entry_with_error = noted_entry(5, "v", &DecodeNote::failed("malformed", "m".to_owned()));
        for entry in [entry(5, "v"), entry_with_error] {
            let record = StoredRecord::shown(&entry.record().expect("a record")).expect("its own bytes");
            assert_eq!(record.value.as_kafka(), Some(&b"v"[..]));
        }
    }
}
