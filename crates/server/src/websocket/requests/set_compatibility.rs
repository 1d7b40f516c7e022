//! `set_compatibility`: the compatibility level of a subject or of the registry.

use protocol::{CompatibilityLevel, ErrorBody, ErrorCode, MessageBody, SetCompatibility, SetCompatibilityResult};

use super::super::audit::audit;
use super::super::gate::Work;
use super::registry::{check_subject, client, wait};
use super::{Context, Handler};

impl Handler for SetCompatibility {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<SetCompatibilityResult, ErrorBody> {
        let client = client(context)?;
        match (&self.subject, self.level) {
            (Some(subject), level) => {
                check_subject(subject)?;
                let action = format!("set the compatibility level of the subject {subject:?}");
                wait(&action, client.set_compatibility(subject, level))?;
            }
            (None, Some(level)) => {
                wait("set the compatibility level of the registry", client.set_global_compatibility(level))?;
            }
            (None, None) => {
                let message = "the registry always has a compatibility level: name one in `level`";
                return Err(ErrorBody::new(ErrorCode::BadRequest, message));
            }
        }
        let (subject, level_name) = (self.subject.as_deref(), self.level.map(CompatibilityLevel::name));
        audit!(context.asker, change = Self::NAME, subject, level = level_name, "audit: compatibility level set");
        let applies = match self.level {
            Some(level) => Some(level),
            None => wait("read the compatibility level of the registry", client.global_compatibility()).ok(),
        };
        Ok(SetCompatibilityResult { subject: self.subject, level: applies })
    }
}
