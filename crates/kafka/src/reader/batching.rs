//! Takes records from the data queue, encodes them in batches and appends them to the feed.

use protocol::{BinaryBatch, MAX_BATCH_BYTES, MAX_BATCH_RECORDS, RecordView, TopicPartition};
use rdkafka::error::RDKafkaErrorCode;

use super::{POLL, Reader};
use crate::native::TakenMessage;
use feed::Batch;

/// About how many bytes are taken from librdkafka at a time.
const TAKE_BYTES: usize = 1024 * 1024;

/// About the largest size of a batch: large enough for few calls, small enough for the processor's cache.
const BATCH_BYTES: usize = MAX_BATCH_BYTES / 2;

/// A batch to which records are added.
struct Open<'t> {
    /// The first message, which has the topic and partition.
    first: TakenMessage<'t>,
    records: BinaryBatch,
}

impl Open<'_> {
    fn fits(&self, message: &TakenMessage<'_>) -> bool {
        self.first.is_of_partition_of(message) && self.records.encoded_bytes() + message.stored_bytes() < BATCH_BYTES
    }
}

impl Reader {
    pub(super) fn take_records(&mut self) {
        let taken = self.queues.data.take(POLL, self.take_count);
        let is_record = |message: &TakenMessage<'_>| message.error().is_none();
        let (records, total_bytes) = taken
            .iter()
            .filter(is_record)
            .fold((0, 0), |(records, bytes), message| (records + 1, bytes + message.stored_bytes()));
        let (mut records_left, mut bytes_left) = (records, total_bytes + records * BinaryBatch::RECORD_HEAD);
        let mut open: Option<Open<'_>> = None;
        let mut headers = Vec::new();
        let (mut errors, mut ends) = (Vec::new(), Vec::new());
        let partition_of = |message: &TakenMessage<'_>| TopicPartition {
            topic: message.topic().to_owned(),
            partition: message.partition(),
        };
        for message in taken.iter() {
            let error = message.error();
            if let Some(error) = error.filter(|error| *error != RDKafkaErrorCode::PartitionEOF) {
                // librdkafka returns no more records of this partition until the error is handled.
                errors.push((partition_of(&message), error));
                continue;
            }
            if !self.lost_positions.is_empty() && self.lost_positions.contains_key(&partition_of(&message)) {
                // A record from before the seek that replaces the lost position.
                continue;
            }
            if error.is_some() {
                ends.push((partition_of(&message), message.offset()));
                continue;
            }
            if !open.as_ref().is_some_and(|open| open.fits(&message)) {
                self.push_open(&mut open);
            }
            let Open { records, .. } = open.get_or_insert_with(|| Open {
                first: message,
                // Sized for the remaining records, so that the batch seldom grows and wastes no memory.
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
        // About the records of one frame, and fewer if they are large, because the feed accepts all records that were
        // taken.
        if let Some(average) = total_bytes.checked_div(records) {
            self.take_count = (TAKE_BYTES / average.max(1)).clamp(1, MAX_BATCH_RECORDS);
        }
        let with_records: Vec<TopicPartition> = match self.silent_after_seek.is_empty() && self.errors.is_empty() {
            true => Vec::new(),
            false => taken.iter().filter(is_record).map(|message| partition_of(&message)).collect(),
        };
        drop(taken);
        for (partition, end) in ends {
            self.feed.reached_end(partition, end);
        }
        for partition in &with_records {
            self.silent_after_seek.remove(partition);
            self.errors.note_records_of(partition);
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
