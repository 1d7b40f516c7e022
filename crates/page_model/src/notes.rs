//! The notes of decoded keys and values. Most frames repeat the notes of the frame before, so frames share the parsed notes.

use std::collections::VecDeque;
use std::rc::Rc;

use protocol::DecodeNote;
use protocol::binary::RawNotes;

/// How many notes are remembered for the next frames: a topic has few schemas, and each is a note.
const MAX_SHARED: usize = 64;
/// Longer notes are not shared, so that the remembered ones stay small.
const MAX_SHARED_BYTES: usize = 2048;

/// The notes of the latest frames.
#[derive(Debug, Default)]
pub struct SharedNotes {
    /// With the JSON of each. The latest are at the end.
    known: VecDeque<(Box<str>, Rc<DecodeNote>)>,
}

/// The notes of one frame, numbered from 1. Empty for a frame without decoded records.
#[derive(Debug, Default)]
pub struct FrameNotes(Box<[Rc<DecodeNote>]>);

impl FrameNotes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The note of this number; 0 stands for no note.
    pub fn get(&self, number: u16) -> Option<&Rc<DecodeNote>> {
        self.0.get(usize::from(number.checked_sub(1)?))
    }

    pub fn any(&self, is_such: impl Fn(&DecodeNote) -> bool) -> bool {
        self.0.iter().any(|note| is_such(note))
    }

    /// Whether the number is that of a note, or 0.
    pub fn has(&self, number: u16) -> bool {
        usize::from(number) <= self.0.len()
    }
}

impl SharedNotes {
    /// The notes of a frame, and the memory that they take: only the notes that no earlier frame has count, besides the handles.
    pub fn read(&mut self, notes: RawNotes<'_>) -> (FrameNotes, usize) {
        let mut bytes = 0;
        let read = notes.map(|json| {
            bytes += size_of::<Rc<DecodeNote>>();
            if let Some((_, note)) = self.known.iter().rev().find(|(known, _)| **known == *json) {
                return Rc::clone(note);
            }
            // The parsed texts are no longer than the JSON.
            bytes += size_of::<DecodeNote>() + json.len();
            let note = Rc::new(parse(json));
            if json.len() <= MAX_SHARED_BYTES {
                if self.known.len() == MAX_SHARED {
                    self.known.pop_front();
                }
                self.known.push_back((json.into(), Rc::clone(&note)));
            }
            note
        });
        (FrameNotes(read.collect()), bytes)
    }
}

/// A note that this page cannot parse, of a newer bridge, counts as one of decoded bytes: these are never sent in place of the
/// original ones.
fn parse(json: &str) -> DecodeNote {
    protocol::from_json(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protocol::{BinaryBatch, Notes, RecordFormat, RecordNotes, RecordsFrame, RecordsHead, TimestampType};

    use super::*;

    fn frame(notes: &[DecodeNote]) -> Vec<u8> {
        let mut all = Notes::default();
        notes.iter().for_each(|note| assert!(all.add(note.clone()).is_some()));
        let mut batch = BinaryBatch::with_notes(1, 64, all);
        let record = protocol::RecordView {
            offset: 0,
            timestamp: None,
            timestamp_type: TimestampType::Create,
            key: None,
            value: Some(&b"1"[..]),
            headers: std::iter::empty(),
        };
        batch.push_noted(record, RecordNotes { key: 0, value: 1 });
        batch.frame(&RecordsHead { subscription: 1, seq: 1, topic: "t", partition: 0 }, 0..1)
    }

    fn read(shared: &mut SharedNotes, notes: &[DecodeNote]) -> (FrameNotes, usize) {
        shared.read(RecordsFrame::parse(&frame(notes)).expect("a frame").notes)
    }

    fn note(format: RecordFormat) -> DecodeNote {
        DecodeNote { format: Some(format), ..DecodeNote::default() }
    }

    #[test]
    fn equal_notes_of_two_frames_are_one_note_in_memory() {
        let mut shared = SharedNotes::default();
        let (first, first_bytes) = read(&mut shared, &[note(RecordFormat::Avro), note(RecordFormat::Cbor)]);
        let (second, second_bytes) = read(&mut shared, &[note(RecordFormat::Cbor)]);
        let (cbor, again) = (first.get(2).expect("two notes"), second.get(1).expect("one note"));
        assert!(Rc::ptr_eq(cbor, again));
        assert_eq!(cbor.format, Some(RecordFormat::Cbor));
        assert!(first.get(0).is_none() && first.get(3).is_none() && first.has(2) && !first.has(3));
        assert!(second_bytes < first_bytes && second_bytes == size_of::<Rc<DecodeNote>>());
    }

    #[test]
    fn shared_notes_are_bounded() {
        let mut shared = SharedNotes::default();
        for n in 0..10 * MAX_SHARED {
            read(&mut shared, &[DecodeNote::failed("malformed", format!("byte {n}"))]);
        }
        let long = DecodeNote::failed("malformed", "x".repeat(2 * MAX_SHARED_BYTES));
        let (_, bytes) = read(&mut shared, std::slice::from_ref(&long));
        assert!(bytes > 2 * MAX_SHARED_BYTES);
        assert_eq!(shared.known.len(), MAX_SHARED);
        assert!(shared.known.iter().all(|(json, _)| json.len() <= MAX_SHARED_BYTES));
    }

    #[test]
    fn note_of_a_newer_bridge_counts_as_one_of_decoded_bytes() {
        assert!(parse(r#"{"format":"thrift"}"#).is_decoded());
        assert!(parse("[").is_decoded());
        assert!(!parse(r#"{"decode_error":{"code":"new","message":"m"}}"#).is_decoded());
    }
}
