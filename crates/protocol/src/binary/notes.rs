//! Notes of decoded keys and values: each is written once in a frame, and the records refer to it by its number.

use super::{BadBatch, Reader};
use crate::decode::DecodeNote;

/// The notes of a batch.
#[derive(Clone, Debug, Default)]
pub struct Notes(Vec<Note>);

#[derive(Clone, Debug)]
struct Note {
    note: DecodeNote,
    /// The note as a JSON object.
    json: String,
}

/// The numbers of the notes of a record; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordNotes {
    pub key: u16,
    pub value: u16,
}

impl Notes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a note and returns its number. `None` if the batch has too many notes.
    pub fn add(&mut self, note: DecodeNote) -> Option<u16> {
        let number = u16::try_from(self.0.len() + 1).ok()?;
        let json = serde_json::to_string(&note).expect("texts and numbers");
        self.0.push(Note { note, json });
        Some(number)
    }

    /// The note of this number.
    pub fn get(&self, number: u16) -> Option<&DecodeNote> {
        self.at(number).map(|note| &note.note)
    }

    /// The members of the note's JSON object, without the braces, and whether it is about decoded bytes.
    pub(crate) fn members(&self, number: u16) -> Option<(&str, bool)> {
        let Note { note, json } = self.at(number)?;
        Some((json.get(1..json.len() - 1)?, note.is_decoded()))
    }

    fn at(&self, number: u16) -> Option<&Note> {
        self.0.get(usize::from(number.checked_sub(1)?))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // `add` limits the number.
        out.extend_from_slice(&u16::try_from(self.0.len()).unwrap_or(u16::MAX).to_le_bytes());
        for Note { json, .. } in &self.0 {
            out.extend_from_slice(&u32::try_from(json.len()).expect("notes are short").to_le_bytes());
            out.extend_from_slice(json.as_bytes());
        }
    }
}

/// The notes of a frame, each as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawNotes<'a> {
    /// Complete notes.
    rest: &'a [u8],
}

impl<'a> RawNotes<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, BadBatch> {
        let count = u16::from_le_bytes(reader.array("the notes")?);
        let all = reader.0;
        for _ in 0..count {
            let length = u32::from_le_bytes(reader.array("the notes")?);
            let note = reader.take(length as usize, "a note")?;
            std::str::from_utf8(note).map_err(|_| BadBatch::NotUtf8("a note"))?;
        }
        Ok(Self { rest: &all[..all.len() - reader.0.len()] })
    }
}

impl<'a> Iterator for RawNotes<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (length, rest) = self.rest.split_first_chunk()?;
        // Checked when the frame was parsed.
        let (note, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.rest = rest;
        std::str::from_utf8(note).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BinaryBatch, JsonBatch, RecordFormat, RecordView, RecordsFrame, RecordsHead, TimestampType};

    const HEAD: RecordsHead<'_> = RecordsHead { subscription: 7, seq: 2, topic: "orders", partition: 3 };

    /// One record with a decoded value and a key that could not be decoded, and one without notes.
    fn batch() -> BinaryBatch {
        let mut batch = BinaryBatch::default();
        let decoded = DecodeNote { format: Some(RecordFormat::Int64), ..DecodeNote::default() };
        let value = batch.notes_mut().add(decoded).expect("room");
        let key = batch.notes_mut().add(DecodeNote::failed("no_schema", "no registry".to_owned())).expect("room");
        let record = |offset, key, value| RecordView {
            offset,
            timestamp: Some(5),
            timestamp_type: TimestampType::LogAppend,
            key,
            value,
            headers: [("h", Some(&b"1"[..]))].into_iter(),
        };
        batch.push_noted(record(0, Some(&[0xff][..]), Some(&b"42"[..])), RecordNotes { key, value });
        batch.push(record(1, None, Some(b"plain")));
        batch
    }

    #[test]
    fn frame_has_each_note_once_and_records_refer_to_them() {
        let batch = batch();
        let bytes = batch.frame(&HEAD, 0..2);
        assert_eq!(bytes[0], 2, "the version");
        let frame = RecordsFrame::parse(&bytes).expect("valid");
        let notes: Vec<DecodeNote> = frame.notes.map(|note| crate::from_json(note).expect("a note")).collect();
        assert_eq!(notes, [batch.notes().get(1).expect("1").clone(), batch.notes().get(2).expect("2").clone()]);
        let records: Vec<_> = frame.records.map(|record| record.expect("valid")).collect();
        assert_eq!(records[0].notes().expect("valid"), RecordNotes { key: 2, value: 1 });
        assert_eq!(records[1].notes().expect("valid"), RecordNotes::default());
        let view = records[0].view().expect("valid");
        assert_eq!(
            (view.key, view.value, view.timestamp_type),
            (Some(&[0xff][..]), Some(&b"42"[..]), TimestampType::LogAppend)
        );
        assert_eq!(view.headers.count(), 1);
        assert_eq!(batch.payload_bytes(0..1), 1 + 2 + 1 + 1, "notes are no payload");
    }

    #[test]
    fn truncated_frames_with_notes_are_errors() {
        let bytes = batch().frame(&HEAD, 0..1);
        for end in 0..bytes.len() {
            let read = RecordsFrame::parse(&bytes[..end]).and_then(|frame| {
                frame
                    .records
                    .map(|record| record.and_then(|record| record.view().map(drop)))
                    .collect::<Result<Vec<_>, _>>()
            });
            // The only shorter frame that is valid has no records.
            assert!(read.is_err() || read.is_ok_and(|records| records.is_empty()), "{end} bytes");
        }
    }

    #[test]
    fn json_has_the_notes_as_members() {
        let json = JsonBatch::encode(&batch());
        let frame = json.frame(&HEAD, 0..2);
        assert!(frame.contains(r#""value":{"decoded":42,"format":"int64"}"#), "{frame}");
        let key = r#""key":{"base64":"/w==","decode_error":{"code":"no_schema","message":"no registry"}}"#;
        assert!(frame.contains(key), "{frame}");
        let crate::ServerMessage::Records(records) = crate::ServerMessage::parse(&frame).expect("valid").message else {
            panic!("{frame}")
        };
        assert!(records.records[0].value_note.as_ref().is_some_and(|note| note.is_decoded()));
        assert_eq!(records.records[1].value_note, None);
    }
}
