//! The partition that a producer chooses for a key.

use std::os::raw::c_void;
use std::ptr::{null, null_mut};

use protocol::Partitioner;
use rdkafka_sys as sys;

/// The partition of a key in a topic with `count` partitions, at least one.
pub fn partition_of(partitioner: Partitioner, key: &[u8], count: i32) -> i32 {
    let partition = match partitioner {
        Partitioner::Murmur2 => sys::rd_kafka_msg_partitioner_murmur2,
        Partitioner::Crc32 => sys::rd_kafka_msg_partitioner_consistent,
    };
    let key_bytes: *const c_void = key.as_ptr().cast();
    // SAFETY: the key's pointer and length belong together, and the count is positive. Both functions compute a hash of the key and use neither
    // the topic nor the opaque pointers (librdkafka 2.12, `rdkafka_msg.c`).
    unsafe { partition(null(), key_bytes, key.len(), count.max(1), null_mut(), null_mut()) }
}

#[cfg(test)]
mod tests {
    use protocol::Partitioner;

    use super::partition_of;

    /// The values of Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn keys_hash_as_in_javas_clients() {
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in cases {
            // Java clears the sign bit.
            let positive = hash & i32::MAX;
            for count in [1, 3, 200, i32::MAX] {
                assert_eq!(
                    partition_of(Partitioner::Murmur2, key.as_bytes(), count),
                    positive % count,
                    "{key} {count}"
                );
            }
        }
    }
}
