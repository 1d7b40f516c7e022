//! One sentence on each topic setting, after Kafka's documentation
//! (<https://kafka.apache.org/documentation/#topicconfigs>). Brokers can send that documentation, but librdkafka does
//! not request it.

/// Sorted by name.
const NOTES: &[(&str, &str)] = &[
    (
        "cleanup.policy",
        "What happens to old records: delete (after retention.ms or retention.bytes), compact (the last record of each key \
         stays), or both.",
    ),
    (
        "compression.type",
        "How the broker compresses records: producer (as the producer did), uncompressed, gzip, snappy, lz4 or zstd.",
    ),
    ("delete.retention.ms", "How long tombstones of a compacted topic can still be read, in milliseconds."),
    ("file.delete.delay.ms", "How long a deleted segment's file stays on disk, in milliseconds."),
    ("flush.messages", "After how many records the log is forced to disk; by default the operating system decides."),
    ("flush.ms", "After how many milliseconds the log is forced to disk; by default the operating system decides."),
    ("follower.replication.throttled.replicas", "Replicas whose replication is throttled on the follower's side."),
    ("index.interval.bytes", "How many bytes lie between two entries of a segment's index."),
    ("leader.replication.throttled.replicas", "Replicas whose replication is throttled on the leader's side."),
    (
        "local.retention.bytes",
        "How many bytes of a partition stay on the broker's disk when older segments are in remote storage.",
    ),
    (
        "local.retention.ms",
        "How long records stay on the broker's disk when older segments are in remote storage, in milliseconds.",
    ),
    (
        "max.compaction.lag.ms",
        "How long a record of a compacted topic may wait for compaction at most, in milliseconds.",
    ),
    ("max.message.bytes", "The largest batch of records that the topic accepts, in bytes, after compression."),
    ("message.timestamp.after.max.ms", "How far a record's timestamp may lie in the future, in milliseconds."),
    ("message.timestamp.before.max.ms", "How far a record's timestamp may lie in the past, in milliseconds."),
    (
        "message.timestamp.type",
        "Which clock sets timestamps: CreateTime (the producer's) or LogAppendTime (the broker's).",
    ),
    ("min.cleanable.dirty.ratio", "How much of a log must be uncompacted before compaction starts, from 0 to 1."),
    ("min.compaction.lag.ms", "How long a record stays uncompacted at least, in milliseconds."),
    (
        "min.insync.replicas",
        "How many replicas must be in sync to accept a record from a producer with acks=all. With fewer, writing fails.",
    ),
    ("preallocate", "Whether a new segment's file gets its full size at once."),
    ("remote.storage.enable", "Whether older segments are moved to remote storage."),
    ("retention.bytes", "How large a partition may grow before its oldest segments are deleted; -1 sets no limit."),
    ("retention.ms", "How long records are kept, in milliseconds; -1 sets no limit."),
    ("segment.bytes", "How large one file of the log grows. Records are deleted by whole segments."),
    ("segment.index.bytes", "How large a segment's index grows, in bytes."),
    (
        "segment.jitter.ms",
        "The largest random number of milliseconds subtracted from segment.ms, so that segments do not all end at once.",
    ),
    ("segment.ms", "After how many milliseconds a new segment is started even if the old one is not full."),
    (
        "unclean.leader.election.enable",
        "Whether a replica that is not in sync may become leader if there is no other; records may then be lost.",
    ),
];

pub(super) fn note(name: &str) -> Option<&'static str> {
    NOTES.binary_search_by_key(&name, |(name, _)| name).ok().map(|index| NOTES[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_sorted_so_that_each_is_found() {
        for (name, text) in NOTES {
            assert_eq!(note(name), Some(*text), "{name} is not sorted");
        }
        assert_eq!(note("no.such.setting"), None);
    }
}
