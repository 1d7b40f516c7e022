//! `encode`: JSON as the bytes of keys or values. Nothing is written to Kafka.

use protocol::{Encode, EncodeResult, EncodedValue, ErrorBody, ErrorCode, ValueError, WireBytes, limits};

use super::super::gate::Work;
use super::{Context, Handler, topic};

/// Encoded bytes of one request; those of the last text may exceed it.
const MAX_BYTES: usize = 16 * 1024 * 1024;

impl Handler for Encode {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<EncodeResult, ErrorBody> {
        let name = topic(&self.topic)?;
        if self.values.len() > limits::ENCODE_VALUES {
            let message =
                format!("{} texts in one request; at most {} are possible", self.values.len(), limits::ENCODE_VALUES);
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        let encoder = context.decoder.encoder(name.as_str(), self.part, &self.encoding)?;
        let mut left = MAX_BYTES;
        let values = self.values.iter().map(|text| {
            // Defaults of a schema can make bytes much larger than their JSON.
            if left == 0 {
                let message =
                    format!("the request has more than {MAX_BYTES} encoded bytes; send fewer texts in one request");
                return EncodedValue::Error(ValueError { path: String::new(), message });
            }
            match encoder.encode(text) {
                Ok(bytes) => {
                    left = left.saturating_sub(bytes.len());
                    EncodedValue::Bytes(WireBytes::Base64(bytes))
                }
                Err(error) => EncodedValue::Error(error),
            }
        });
        Ok(EncodeResult { values: values.collect(), schema: encoder.schema() })
    }
}
