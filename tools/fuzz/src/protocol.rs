//! Frames of both directions, as text and as binary.

use ::protocol::{BinaryBatch, ClientMessage, ProduceBatch, ProduceFrame, RecordsFrame, RecordsHead, ServerMessage};

/// The first byte chooses the direction and the form of the frame.
pub fn protocol(data: &[u8]) {
    let [form, frame @ ..] = data else { return };
    match form & 3 {
        0 => text(frame, |text| ClientMessage::parse(text).ok().map(|frame| frame.to_json())),
        1 => text(frame, |text| ServerMessage::parse(text).ok().map(|frame| frame.to_json())),
        2 => is_stable(frame, produce),
        _ => is_stable(frame, records),
    }
}

/// `reread`: parses a message and writes it again. What is written must be a message that is written in the same way.
fn text(frame: &[u8], reread: impl Fn(&str) -> Option<String>) {
    let Ok(text) = std::str::from_utf8(frame) else { return };
    if let Some(written) = reread(text) {
        let again = reread(&written).unwrap_or_else(|| panic!("cannot parse {written}"));
        assert_eq!(again, written);
    }
}

/// `rewrite`: decodes a frame and encodes its records again.
fn is_stable(frame: &[u8], rewrite: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    if let Some(written) = rewrite(frame) {
        assert_eq!(rewrite(&written), Some(written.clone()), "the same records make the same frame");
    }
}

fn produce(frame: &[u8]) -> Option<Vec<u8>> {
    let parsed = ProduceFrame::parse(frame).ok()?;
    let mut batch = ProduceBatch::new(parsed.topic, parsed.seq);
    parsed.iter().for_each(|record| batch.push(record));
    assert_eq!(batch.len(), parsed.count, "a produce frame was validated when it was parsed");
    Some(batch.into_frame())
}

fn records(frame: &[u8]) -> Option<Vec<u8>> {
    let parsed = RecordsFrame::parse(frame).ok()?;
    let mut batch = BinaryBatch::default();
    for record in parsed.records {
        // Records are checked when they are decoded.
        batch.push(record.ok()?.view().ok()?);
    }
    if batch.is_empty() {
        return None;
    }
    let head = RecordsHead {
        subscription: parsed.subscription,
        seq: parsed.seq,
        topic: parsed.topic,
        partition: parsed.partition,
    };
    Some(batch.frame(&head, 0..batch.len()))
}
