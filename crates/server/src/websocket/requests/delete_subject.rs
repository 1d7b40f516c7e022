//! `delete_subject`: deletes a subject, or one of its versions.

use protocol::{DeleteSubject, DeleteSubjectResult, ErrorBody, MessageBody};
use serdes::registry::Deletion;

use super::super::audit::audit;
use super::super::gate::Work;
use super::registry::{check_subject, client, wait};
use super::{Context, Handler, require_confirmation};

impl Handler for DeleteSubject {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<DeleteSubjectResult, ErrorBody> {
        check_subject(&self.subject)?;
        require_confirmation::<Self>(&self.subject, &self.confirm)?;
        let client = client(context)?;
        let deletion = if self.permanent { Deletion::Permanent } else { Deletion::Soft };
        let action = format!("delete versions of the subject {:?}", self.subject);
        let mut versions = match self.version {
            Some(version) => {
                wait(&action, client.delete_version(&self.subject, version, deletion))?;
                vec![version]
            }
            None => wait(&action, client.delete_subject(&self.subject, deletion))?,
        };
        context.decoder.forget_registry_answers();
        versions.sort_unstable();
        let (subject, permanent) = (&self.subject, self.permanent);
        audit!(context.asker, change = Self::NAME, subject, ?versions, permanent, "audit: subject deleted");
        Ok(DeleteSubjectResult { subject: self.subject, versions })
    }
}
