//! `add_schema`: a client's own schema.

use protocol::{AddSchema, AddSchemaResult, ErrorBody};

use super::super::gate::Work;
use super::{Context, Handler};

impl Handler for AddSchema {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<AddSchemaResult, ErrorBody> {
        context.decoder.add_schema(&self)
    }
}
