//! Partitions, batches and readable deliveries for the tests of this crate.

use std::ops::Range;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use protocol::{BinaryBatch, CommitMode, RecordView, TimestampType, TopicPartition, WhenSlow, Window};

use super::{Batch, Cursor, Delivered, Entry, Event, Feed, Start};

pub(super) const PLENTY: Window = Window { records: u64::MAX / 2, bytes: u64::MAX / 2 };

pub(super) fn key(partition: i32) -> TopicPartition {
    TopicPartition { topic: "t".to_owned(), partition }
}

pub(super) fn start(partition: i32, offset: i64) -> Start {
    Start { partition: key(partition), offset }
}

/// The value of every record, up to its size.
static VALUE: [u8; 2 * 1024 * 1024] = [0; 2 * 1024 * 1024];

/// A batch of one record for each offset, all with values of this size.
pub(super) fn batch(partition: i32, offsets: impl IntoIterator<Item = i64>, value_bytes: usize) -> Batch {
    let mut records = BinaryBatch::default();
    for offset in offsets {
        push_record(&mut records, offset, value_bytes);
    }
    Batch::new("t".into(), partition, records)
}

/// A batch of one record that counts as exactly `bytes` in the ring. It is too large to be merged with others.
pub(super) fn batch_of_ring_bytes(partition: i32, offset: i64, bytes: usize) -> Batch {
    let used = |body: usize| {
        let records = BinaryBatch::with_capacity(1, body);
        Entry::Records(Arc::new(Batch::new("t".into(), partition, records))).bytes()
    };
    let mut records = BinaryBatch::with_capacity(1, bytes - used(0));
    push_record(&mut records, offset, 10_000);
    let batch = Batch::new("t".into(), partition, records);
    assert_eq!(size_of::<Batch>() + batch.records.memory_bytes(), bytes);
    batch
}

pub(super) fn push_record(records: &mut BinaryBatch, offset: i64, value_bytes: usize) {
    records.push(RecordView {
        offset,
        timestamp: None,
        timestamp_type: TimestampType::Create,
        key: None,
        value: Some(&VALUE[..value_bytes]),
        headers: std::iter::empty(),
    });
}

/// A feed of a group that reads these partitions from these offsets on.
pub(super) fn feed(starts: &[Start]) -> Arc<Feed> {
    let feed = Arc::new(Feed::new(true, Counter::default()));
    feed.assigned(starts.to_vec());
    feed
}

/// A subscription of a group, with credit for everything, that acknowledges what it has handled.
pub(super) fn join(feed: &Arc<Feed>, when_slow: WhenSlow) -> Cursor {
    feed.join(when_slow, Some(CommitMode::Auto), PLENTY).expect("the feed is not about to end")
}

/// Takes everything that can be delivered now.
pub(super) fn receive(cursor: &Cursor) -> Vec<String> {
    let mut received = Vec::new();
    // The limit ends a test whose cursor delivers something for ever.
    while let Some(delivered) = cursor.try_next().filter(|_| received.len() < 1000) {
        received.push(describe(&delivered));
        if matches!(delivered, Delivered::Ended | Delivered::TooSlow) {
            break;
        }
    }
    received
}

/// For example `assigned 0 at 5`, `records 0 [5, 6] to number 2` or `gap 0 5..9 Slow`.
pub(super) fn describe(delivered: &Delivered) -> String {
    let starts = |starts: &[Start]| -> String {
        let each: Vec<String> =
            starts.iter().map(|start| format!("{} at {}", start.partition.partition, start.offset)).collect();
        each.join(", ")
    };
    match delivered {
        Delivered::Records { seq, batch, range } => {
            format!("records {} {:?} to number {seq}", batch.partition, offsets(batch, range.clone()))
        }
        Delivered::Event(Event::Assigned(assigned)) => format!("assigned {}", starts(assigned)),
        Delivered::Event(Event::Revoked(revoked)) => {
            let revoked: Vec<i32> = revoked.iter().map(|partition| partition.partition).collect();
            format!("revoked {revoked:?}")
        }
        Delivered::Event(Event::Gap { partition, from, to, reason }) => {
            format!("gap {} {from}..{to} {reason:?}", partition.partition)
        }
        Delivered::Committed(committed) => format!("committed {}", starts(committed)),
        Delivered::Error(error) => format!("error {}", error.message),
        Delivered::Waiting(waiting) => {
            let waiting: Vec<i32> = waiting.iter().map(|waiting| waiting.partition.partition).collect();
            format!("waiting {waiting:?}")
        }
        Delivered::TooSlow => "too slow".to_owned(),
        Delivered::Ended => "ended".to_owned(),
    }
}

fn offsets(batch: &Batch, range: Range<usize>) -> Vec<i64> {
    range.map(|index| batch.records.offset(index)).collect()
}
