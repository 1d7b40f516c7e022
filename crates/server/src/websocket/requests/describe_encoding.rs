//! `describe_encoding`: the schema in which a client wants to write.

use protocol::{DescribeEncoding, DescribeEncodingResult, ErrorBody};

use super::super::gate::Work;
use super::{Context, Handler, topic};

impl Handler for DescribeEncoding {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<DescribeEncodingResult, ErrorBody> {
        let name = topic(&self.topic)?;
        let encoder = context.decoder.encoder(name.as_str(), self.part, &self.encoding)?;
        Ok(DescribeEncodingResult {
            schema: encoder.schema(),
            structure: encoder.structure(),
            messages: encoder.messages(),
            example: encoder.example(),
        })
    }
}
