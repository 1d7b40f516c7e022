//! Produce frames: records from a client.

use super::{
    BadBatch, Head, Headers, KIND_PRODUCE, NONE, NULL, RawRecord, RawRecords, RecordNotes, VERSION, write_head,
    write_record,
};
use crate::record_view::{HeaderView, ProduceView, RecordView};
use crate::server::TimestampType;

/// A produce frame under construction: records for one topic.
#[derive(Debug)]
pub struct ProduceBatch {
    frame: Vec<u8>,
    count: u32,
}

impl ProduceBatch {
    /// `seq` is the number of the first record; the others count up from it.
    pub fn new(topic: &str, seq: u64) -> Self {
        let mut frame = Vec::new();
        write_head(&mut frame, VERSION, KIND_PRODUCE, topic, 0, seq, 0, NULL);
        Self { frame, count: 0 }
    }

    pub fn push<'a>(&mut self, record: ProduceView<'a, impl Iterator<Item = HeaderView<'a>>>) {
        let ProduceView { partition, timestamp, key, value, headers } = record;
        let partition = partition.map_or(NONE, i64::from);
        let notes = RecordNotes::default();
        write_record(&mut self.frame, partition, timestamp, TimestampType::Create, notes, key, value, headers);
        self.count += 1;
    }

    pub fn len(&self) -> u32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn encoded_bytes(&self) -> usize {
        self.frame.len()
    }

    pub fn into_frame(mut self) -> Vec<u8> {
        self.frame[4..8].copy_from_slice(&self.count.to_le_bytes());
        self.frame
    }
}

/// A binary `produce` frame that was validated completely.
#[derive(Clone, Copy, Debug)]
pub struct ProduceFrame<'a> {
    /// The number of the first record.
    pub seq: u64,
    pub topic: &'a str,
    pub count: u32,
    records: RawRecords<'a>,
}

impl<'a> ProduceFrame<'a> {
    pub fn parse(frame: &'a [u8]) -> Result<Self, BadBatch> {
        let Head { seq, topic, count, rest, .. } = Head::parse(frame, KIND_PRODUCE)?;
        let records = RawRecords { rest };
        let mut found = 0;
        for record in records {
            produce_view(&record?)?;
            found += 1;
        }
        if found != u64::from(count) {
            return Err(BadBatch::Count { announced: count, found });
        }
        Ok(Self { seq, topic, count, records })
    }

    pub fn iter(&self) -> impl Iterator<Item = ProduceView<'a, Headers<'a>>> + use<'a> {
        self.records.map(|record| {
            let checked = record.and_then(|record| produce_view(&record));
            checked.expect("checked when it was parsed")
        })
    }
}

fn produce_view<'a>(record: &RawRecord<'a>) -> Result<ProduceView<'a, Headers<'a>>, BadBatch> {
    let RecordView { offset: partition, timestamp, key, value, headers, .. } = record.view()?;
    let partition = match partition {
        NONE => None,
        _ => Some(i32::try_from(partition).ok().filter(|p| *p >= 0).ok_or(BadBatch::Partition(partition))?),
    };
    Ok(ProduceView { partition, timestamp, key, value, headers })
}
