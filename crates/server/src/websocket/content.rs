//! Detects a sequence number that is reused for a different record: a keyed hash of all that is written to Kafka.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use protocol::{HeaderView, ProduceView};

/// The keys are random for each process, so no client can construct two records with the same hash.
static KEYS: LazyLock<SeedableRandomState> = LazyLock::new(|| {
    static SHARED: LazyLock<SharedSeed> = LazyLock::new(|| SharedSeed::from_u64(random()));
    SeedableRandomState::with_seed(random(), &SHARED)
});

/// A random number from the operating system's generator.
fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}

/// Hashes records for one topic.
#[derive(Clone, Copy)]
pub struct ContentHash(u64);

impl ContentHash {
    pub fn for_topic(topic: &str) -> Self {
        let mut hasher = KEYS.build_hasher();
        hasher.write(topic.as_bytes());
        Self(hasher.finish())
    }

    /// The hash does not depend on the encoding of the message (JSON or binary), only on the bytes that Kafka gets.
    pub fn of<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(self, record: &ProduceView<'a, H>) -> u64 {
        let mut hasher = KEYS.build_hasher();
        hasher.write_u64(self.0);
        hasher.write_i64(record.partition.map_or(-1, i64::from));
        hasher.write_i64(record.timestamp.unwrap_or(i64::MIN));
        write(&mut hasher, record.key);
        write(&mut hasher, record.value);
        for (name, value) in record.headers.clone() {
            write(&mut hasher, Some(name.as_bytes()));
            write(&mut hasher, value);
        }
        hasher.finish()
    }
}

/// Hashes the length too, so that moving bytes between fields changes the hash. Null differs from empty.
fn write(hasher: &mut impl Hasher, bytes: Option<&[u8]>) {
    hasher.write_i64(bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX)));
    hasher.write(bytes.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use protocol::{Header, ProduceBatch, ProduceFrame, ProduceRecord, WireBytes};

    use super::*;

    fn record(key: WireBytes, value: WireBytes) -> ProduceRecord {
        ProduceRecord { topic: "t".to_owned(), key, value, ..ProduceRecord::default() }
    }

    fn hash(record: &ProduceRecord) -> u64 {
        ContentHash::for_topic(&record.topic).of(&record.view())
    }

    #[test]
    fn hash_depends_on_every_field() {
        let text = WireBytes::text;
        let with_headers = |headers: &[(&str, WireBytes)]| ProduceRecord {
            headers: headers.iter().map(|(name, value)| Header((*name).to_owned(), value.clone())).collect(),
            ..record(text("k"), text("v"))
        };
        let records = [
            record(text("k"), text("v")),
            record(text("kv"), text("")),
            record(text(""), text("kv")),
            record(WireBytes::Null, text("kv")),
            record(text("kv"), WireBytes::Null),
            ProduceRecord { topic: "u".to_owned(), ..record(text("k"), text("v")) },
            ProduceRecord { partition: Some(0), ..record(text("k"), text("v")) },
            ProduceRecord { partition: Some(1), ..record(text("k"), text("v")) },
            ProduceRecord { timestamp: Some(0), ..record(text("k"), text("v")) },
            with_headers(&[("a", text("b"))]),
            with_headers(&[("ab", text(""))]),
            with_headers(&[("ab", WireBytes::Null)]),
            with_headers(&[("a", text("b")), ("a", text("b"))]),
        ];
        let hashes: std::collections::BTreeSet<u64> = records.iter().map(hash).collect();
        assert_eq!(hashes.len(), records.len());
    }

    #[test]
    fn same_record_in_json_and_in_binary_has_the_same_hash() {
        let mut json = record(WireBytes::text("k"), WireBytes::text(r#"{"id":1}"#));
        json.headers.push(Header("h".to_owned(), WireBytes::Null));
        let mut batch = ProduceBatch::new("t", 0);
        batch.push(json.view());
        let frame = batch.into_frame();
        let frame = ProduceFrame::parse(&frame).expect("a frame");
        let binary = frame.iter().next().expect("a record");
        assert_eq!(ContentHash::for_topic(frame.topic).of(&binary), hash(&json));
    }
}
