//! `check_schema`: whether a schema could become the next version of a subject.

use protocol::{CheckSchema, CheckSchemaResult, ErrorBody};

use super::super::gate::Work;
use super::registry::{check_schema, check_subject, client, wait};
use super::{Context, Handler};

impl Handler for CheckSchema {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<CheckSchemaResult, ErrorBody> {
        check_subject(&self.subject)?;
        check_schema(&self.schema)?;
        let client = client(context)?;
        let action = format!("check the schema for the subject {:?}", self.subject);
        wait(&action, client.check_schema(&self.subject, &self.schema))
    }
}
