//! Records off the data queue: encoded at once, in batches, and into the feed.

use protocol::{BinaryBatch, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, RecordView, TopicPartition};
use rdkafka::error::RDKafkaErrorCode;

use super::{POLL, Reader};
use crate::native::TakenMessage;
use feed::Batch;

/// About how many bytes are taken from librdkafka in one go.
const TAKE_BYTES: usize = 1024 * 1024;

/// About how large a batch grows: large enough for few calls, small enough for the processor's cache.
const BATCH_BYTES: usize = MAX_BATCH_BYTES / 2;

/// A batch that still takes records.
struct Open<'t> {
    /// The message that tells topic and partition.
    first: TakenMessage<'t>,
    records: BinaryBatch,
}

impl Open<'_> {
    fn takes(&self, message: &TakenMessage<'_>) -> bool {
        self.first.is_of_partition_of(message) && self.records.encoded_bytes() + message.stored_bytes() < BATCH_BYTES
    }
}

impl Reader {
    pub(super) fn take_records(&mut self) {
        let taken = self.queues.data.take(POLL, self.take_at_once);
        let is_record = |message: &TakenMessage<'_>| message.error().is_none();
        let (records, total_bytes) = taken
            .iter()
            .filter(is_record)
            .fold((0, 0), |(records, bytes), message| (records + 1, bytes + message.stored_bytes()));
        let (mut records_left, mut bytes_left) = (records, total_bytes + records * BinaryBatch::RECORD_HEAD);
        let mut open: Option<Open<'_>> = None;
        let mut headers = Vec::new();
        let (mut errors, mut ends) = (Vec::new(), Vec::new());
        let place = |message: &TakenMessage<'_>| TopicPartition {
            topic: message.topic().to_owned(),
            partition: message.partition(),
        };
        for message in taken.iter() {
            let error = message.error();
            if let Some(error) = error.filter(|error| *error != RDKafkaErrorCode::PartitionEOF) {
                // Nothing more comes from this partition before it is dealt with.
                errors.push((place(&message), error));
                continue;
            }
            if !self.lost_positions.is_empty() && self.lost_positions.contains_key(&place(&message)) {
                // From a position that it is about to leave.
                continue;
            }
            if error.is_some() {
                ends.push((place(&message), message.offset()));
                continue;
            }
            if !open.as_ref().is_some_and(|open| open.takes(&message)) {
                self.push_open(&mut open);
            }
            let Open { records, .. } = open.get_or_insert_with(|| Open {
                first: message,
                // As large as what is left, so that it seldom grows and never keeps room that it does not need.
                records: BinaryBatch::with_capacity(records_left, bytes_left.min(BATCH_BYTES)),
            });
            records_left -= 1;
            bytes_left = bytes_left.saturating_sub(message.stored_bytes() + BinaryBatch::RECORD_HEAD);
            headers.clear();
            message.headers_into(&mut headers);
            let (timestamp, timestamp_type) = message.timestamp();
            records.push(RecordView {
                offset: message.offset(),
                timestamp,
                timestamp_type,
                key: message.key(),
                value: message.value(),
                headers: headers.iter().copied(),
            });
        }
        self.push_open(&mut open);
        // A frame's worth of records, fewer where they are large: the feed takes whatever was taken here.
        if let Some(average) = total_bytes.checked_div(records) {
            self.take_at_once = (TAKE_BYTES / average.max(1)).clamp(1, MAX_BATCH_RECORDS);
        }
        let senders: Vec<TopicPartition> = match self.moved.is_empty() && self.errors.is_empty() {
            true => Vec::new(),
            false => taken.iter().filter(is_record).map(|message| place(&message)).collect(),
        };
        drop(taken);
        for (partition, end) in ends {
            self.feed.reached_end(partition, end);
        }
        for sender in &senders {
            self.moved.remove(sender);
            self.errors.note_records_of(sender);
        }
        for (partition, error) in errors {
            self.handle_partition_error(partition, error);
        }
    }

    fn push_open(&self, open: &mut Option<Open<'_>>) {
        if let Some(Open { first, records }) = open.take() {
            self.feed.push(Batch::new(first.topic().into(), first.partition(), records));
        }
    }
}
