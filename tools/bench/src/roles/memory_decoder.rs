//! The floor of decoding: the bridge's decoder on values in memory, on one thread, without Kafka and sockets.

use std::hint::black_box;

use anyhow::{Context, Result, anyhow, ensure};
use protocol::{Decode, MAX_BATCH_RECORDS, RecordFormat, RecordPart};
use serde::{Deserialize, Serialize};
use serdes::{BatchDecoder, Decoder, Field, TopicSchemas};

use crate::parent::tell;
use crate::roles::native_consumer::Read;
use crate::stopwatch::Stopwatch;
use crate::tally::Tally;
use crate::values::{ValueMaker, Values};

/// What the page asks for unless the user chooses a format.
pub const DECODE: Decode = Decode::with_formats(RecordFormat::Auto, RecordFormat::Auto);

/// The default of the bridge.
const MAX_DECODED_BYTES: usize = 8 * 1024 * 1024;

/// Decodes the values that a topic has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemoryDecoder {
    pub topic: String,
    pub values: Values,
    pub bytes: usize,
    pub records: u64,
}

impl MemoryDecoder {
    pub fn play(self) -> Result<()> {
        let schema = self.values.schema().context("these values have no schema")?;
        let schemas =
            TopicSchemas::compile(&[schema.rule(&self.topic)]).map_err(|error| anyhow!("{}", error.message))?;
        let decoder = Decoder::new(None, MAX_DECODED_BYTES).with_topic_schemas(schemas);

        let mut maker = ValueMaker::new(self.values, self.bytes);
        let mut values = Vec::with_capacity(usize::try_from(self.records)? * self.bytes);
        for number in 0..self.records {
            let value = maker.value(number);
            ensure!(value.len() == self.bytes, "record {number} has {} bytes, not {}", value.len(), self.bytes);
            values.extend_from_slice(value);
        }
        // The JSON that a sink must receive is computed apart, so that nothing but decoding is measured.
        let mut tally = Tally::default();
        self.decode(&decoder, &values, |json| tally.push_unnumbered(json))?;

        let stopwatch = Stopwatch::over(std::process::id())?;
        self.decode(&decoder, &values, |json| {
            black_box(json);
        })?;
        let throughput = stopwatch.stop(self.records)?;
        tell(&Read { content: tally.content()?, throughput })
    }

    /// In batches, as the bridge does it.
    fn decode(&self, decoder: &Decoder, values: &[u8], mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut json = Vec::new();
        for batch in values.chunks(self.bytes * MAX_BATCH_RECORDS) {
            let mut decoder = BatchDecoder::new(decoder, &self.topic, DECODE, batch.len());
            for bytes in batch.chunks(self.bytes) {
                json.clear();
                let field = Field { topic: &self.topic, part: RecordPart::Value, bytes, key: None };
                let decoded = decoder.decode(field, std::iter::empty(), &mut json);
                ensure!(decoded.is_decoded, "not decoded: {:?}", decoder.note(decoded.note));
                each(&json);
            }
        }
        Ok(())
    }
}
