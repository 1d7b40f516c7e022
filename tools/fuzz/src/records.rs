//! Keys and values in every format, through the decoder of batches.

mod schemas;

use ::protocol::{BinaryBatch, Decode, HeaderView, RecordFormat, RecordView, TimestampType, is_plain_json};

/// The first byte chooses the format, the second one the schema whose id is written before the bytes, and the third one:
/// bits 0 and 1 the topic, bit 2 a header with the id in place of the prefix, bit 3 whether the bytes are the key, bit 4 a small limit.
pub fn records(data: &[u8]) {
    let [format, schema, options, bytes @ ..] = data else { return };
    let is_set = |bit: u8| options & 1 << bit != 0;
    let format = RecordFormat::ALL[usize::from(*format) % RecordFormat::ALL.len()];
    let id = u32::from(*schema) % (schemas::COUNT + 2);
    // 0: no prefix, so that the bytes may have one of their own. The last id is not in the registry.
    let prefix = if id == 0 { Vec::new() } else { [&[0][..], &id.to_be_bytes()].concat() };
    let topic = ["orders", "__consumer_offsets", "__transaction_state", "orders"][usize::from(options & 3)];
    let max_bytes = if is_set(4) { 64 } else { 1 << 16 };

    let name = if is_set(3) { "__key_schema_id" } else { "__value_schema_id" };
    let headers: &[HeaderView<'_>] = if is_set(2) { &[(name, Some(&prefix))] } else { &[] };
    let part = if is_set(2) { bytes.to_vec() } else { [&prefix, bytes].concat() };
    let key = if is_set(3) { &part } else { &bytes[..bytes.len().min(24)] };
    check(topic, format, key, &part, headers, max_bytes);
}

fn check(topic: &str, format: RecordFormat, key: &[u8], value: &[u8], headers: &[HeaderView<'_>], max_bytes: usize) {
    let decoder = schemas::decoder(max_bytes);
    let neighbour = [0, 0, 0, 0, 2, 1, 2, 3];
    let mut batch = BinaryBatch::default();
    let views = [(None, &neighbour[..], &[][..]), (Some(key), value, headers), (None, &neighbour[..], &[][..])];
    for (offset, (key, value, headers)) in (0..).zip(views) {
        let (timestamp, timestamp_type, value) = (None, TimestampType::Create, Some(value));
        batch.push(RecordView { offset, timestamp, timestamp_type, key, value, headers: headers.iter().copied() });
    }
    let decoded = decoder.decode(topic, Decode::with_formats(format, format), &batch);
    assert_eq!(decoded.len(), 3);

    let mut got = Vec::new();
    for (index, (before, after)) in batch.iter().zip(decoded.iter()).enumerate() {
        let notes = decoded.notes_of(index);
        for (before, after, number) in [(before.key, after.key, notes.key), (before.value, after.value, notes.value)] {
            let note = decoded.notes().get(number);
            assert_eq!(note.is_some(), number != 0, "a note that is not there");
            match (after, note) {
                (Some(json), Some(note)) if note.is_decoded() => {
                    assert!(json.len() <= max_bytes, "{} bytes", json.len());
                    let json = std::str::from_utf8(json).expect("UTF-8");
                    assert!(is_plain_json(json), "{note:?}: {json}");
                    assert!(note.format.is_some());
                }
                _ => assert_eq!(before, after, "bytes that are not decoded stay as they are"),
            }
        }
        got.push((after.value, notes.value));
    }
    assert_eq!(got[0], got[2], "a record changes what its neighbours are decoded to");
    assert!(got[0].1 == 0 || decoded.notes().len() <= 4, "{} notes", decoded.notes().len());
}
