//! Golden binary frames, byte for byte: `golden/binary/*.hex` has two hexadecimal digits for each byte, and comments
//! after `#`.

use std::fs;
use std::path::Path;

use protocol::{
    BinaryBatch, HeaderView, ProduceBatch, ProduceFrame, ProduceView, RecordView, RecordsFrame, RecordsHead,
    TimestampType,
};

/// Four headers: a duplicate name, an empty value, a null value.
const HEADERS: [HeaderView<'static>; 4] = [("a", Some(b"1")), ("a", Some(b"2")), ("empty", Some(b"")), ("null", None)];

/// A record with all fields; `tombstone` has neither value, key, timestamp nor headers.
fn records() -> [RecordView<'static, std::array::IntoIter<HeaderView<'static>, 4>>; 1] {
    [RecordView {
        offset: 9_007_199_254_740_993,
        timestamp: Some(1_763_800_000_000),
        timestamp_type: TimestampType::LogAppend,
        key: Some(b"key"),
        value: Some(br#"{"id":0}"#),
        headers: HEADERS.into_iter(),
    }]
}

fn tombstone() -> RecordView<'static, std::iter::Empty<HeaderView<'static>>> {
    RecordView {
        offset: 9_007_199_254_740_995,
        timestamp: None,
        timestamp_type: TimestampType::Create,
        key: None,
        value: None,
        headers: std::iter::empty(),
    }
}

fn golden(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/binary").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let digits = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let pairs = digits.flat_map(str::split_whitespace);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap_or_else(|error| panic!("{pair:?}: {error}"))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(16).map(|row| row.iter().map(|byte| format!("{byte:02x} ")).collect::<String>() + "\n").collect()
}

#[test]
fn records_frame_matches_its_golden_file() {
    let mut batch = BinaryBatch::default();
    records().into_iter().for_each(|record| batch.push(record));
    batch.push(tombstone());
    let head = RecordsHead { subscription: 7, seq: 42, topic: "foobar", partition: 3 };
    let frame = batch.frame(&head, 0..2);
    assert_eq!(golden("records.hex"), frame, "written:\n{}", hex(&frame));

    let read = RecordsFrame::parse(&frame).expect("a golden frame");
    assert_eq!((read.subscription, read.seq, read.topic, read.partition, read.count), (7, 42, "foobar", 3, 2));
    let views: Vec<_> = read.records.map(|record| record.and_then(|record| record.view()).expect("a record")).collect();
    assert_eq!(views[0].offset, 9_007_199_254_740_993);
    assert_eq!(views[0].headers.collect::<Vec<_>>(), HEADERS);
    assert_eq!((views[1].key, views[1].value, views[1].timestamp), (None, None, None));
}

#[test]
fn produce_frame_matches_its_golden_file() {
    let mut batch = ProduceBatch::new("foobar", 5);
    let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
    batch.push(ProduceView { partition: Some(1), timestamp: Some(1000), key, value, headers: HEADERS.into_iter() });
    let none = ProduceView { partition: None, timestamp: None, key: None, value: None, headers: std::iter::empty() };
    batch.push(none);
    let frame = batch.into_frame();
    assert_eq!(golden("produce.hex"), frame, "written:\n{}", hex(&frame));

    let read = ProduceFrame::parse(&frame).expect("a golden frame");
    assert_eq!((read.seq, read.topic, read.count), (5, "foobar", 2));
    let views: Vec<_> = read.iter().collect();
    assert_eq!((views[0].partition, views[0].timestamp, views[0].key), (Some(1), Some(1000), key));
    assert_eq!((views[1].partition, views[1].timestamp, views[1].value), (None, None, None));
}
