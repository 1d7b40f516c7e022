//! The size of the largest record that the bridge produces, and the setting that decides it.

use crate::client_config::KafkaProperties;

/// The default of `--max-message-bytes`.
pub const DEFAULT_MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Room for the encoding of a record, in librdkafka's limits.
const ENCODING_BYTES: usize = 64 * 1024;

/// The part of a user's `message.max.bytes` that is kept for the encoding of a record: 36 bytes, and a few for each header.
/// A small limit leaves no more than a sixteenth.
const USERS_ENCODING_BYTES: usize = 1024;
const USERS_ENCODING_PART: usize = 16;

/// The size of librdkafka's queue of records, unless the user sets it or a record needs more.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// The smallest of the limits that apply to records of every topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimit {
    /// Of key, value and headers.
    pub bytes: usize,
    /// The setting, and where it is.
    pub setting: &'static str,
}

impl RecordLimit {
    /// `option`: the value of `--max-message-bytes`.
    pub(crate) fn new(option: usize, properties: &KafkaProperties) -> Self {
        let given = |name: &str| properties.get(name)?.parse::<usize>().ok();
        let limits = [
            Some((option, "--max-message-bytes of the bridge")),
            given("message.max.bytes").map(|bytes| {
                let encoding = USERS_ENCODING_BYTES.min(bytes / USERS_ENCODING_PART);
                (bytes - encoding, "message.max.bytes in --kafka-config, which counts the encoding too")
            }),
            // librdkafka would refuse a larger record for ever as if the queue were full.
            given("queue.buffering.max.kbytes")
                .map(|kib| (kib.saturating_mul(1024), "queue.buffering.max.kbytes in --kafka-config")),
        ];
        let smallest = limits.into_iter().flatten().min_by_key(|(bytes, _)| *bytes);
        let (bytes, setting) = smallest.unwrap_or((option, ""));
        Self { bytes, setting }
    }

    /// librdkafka's `message.max.bytes`, which counts the encoding too.
    pub(crate) fn message_max_bytes(self) -> usize {
        self.bytes.saturating_add(ENCODING_BYTES)
    }

    /// librdkafka's `queue.buffering.max.kbytes`: at least two of the largest records, so that one can be queued while
    /// another is sent.
    pub(crate) fn queue_kbytes(self) -> usize {
        QUEUE_BYTES.max(2 * self.message_max_bytes()) / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_setting_is_the_limit_and_is_named() {
        let limit = |properties: &[(&str, &str)]| {
            let RecordLimit { bytes, setting } = RecordLimit::new(2_000_000, &KafkaProperties::of(properties));
            (bytes, setting.split(' ').next().expect("a name"))
        };
        assert_eq!(limit(&[]), (2_000_000, "--max-message-bytes"));
        assert_eq!(limit(&[("message.max.bytes", "3000000")]), (2_000_000, "--max-message-bytes"));
        assert_eq!(limit(&[("message.max.bytes", "1500000")]), (1_498_976, "message.max.bytes"));
        assert_eq!(limit(&[("message.max.bytes", "1000")]), (938, "message.max.bytes"));
        assert_eq!(limit(&[("queue.buffering.max.kbytes", "1000")]), (1_024_000, "queue.buffering.max.kbytes"));
    }

    #[test]
    fn queue_has_room_for_two_of_the_largest_records() {
        let kbytes = |bytes| RecordLimit { bytes, setting: "" }.queue_kbytes();
        assert_eq!(kbytes(DEFAULT_MAX_MESSAGE_BYTES), 65_536);
        assert_eq!(kbytes(64 << 20), 2 * (65_536 + 64));
    }
}
