//! Views of records whose bytes are borrowed.

use crate::server::TimestampType;

/// A record borrowed from Kafka's client library or from a batch.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a, H> {
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// In order, including duplicates.
    pub headers: H,
}

/// A record to produce, borrowed from a frame.
#[derive(Clone, Copy, Debug)]
pub struct ProduceView<'a, H> {
    /// `None` lets the partitioner choose, by the key if there is one.
    pub partition: Option<i32>,
    /// Milliseconds since 1970-01-01 UTC; `None` means now.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: H,
}

/// A header's name and value.
pub type HeaderView<'a> = (&'a str, Option<&'a [u8]>);

impl<'a, H: Iterator<Item = HeaderView<'a>> + Clone> ProduceView<'a, H> {
    /// The total size of key, value and headers, which the limits refer to.
    pub fn size(&self) -> usize {
        size(self.key, self.value, self.headers.clone())
    }
}

fn size<'a>(key: Option<&[u8]>, value: Option<&[u8]>, headers: impl Iterator<Item = HeaderView<'a>>) -> usize {
    let bytes = |b: Option<&[u8]>| b.map_or(0, <[u8]>::len);
    bytes(key) + bytes(value) + headers.map(|(name, value)| name.len() + bytes(value)).sum::<usize>()
}
