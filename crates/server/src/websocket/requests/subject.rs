//! `subject`: the versions of a subject.

use protocol::{ErrorBody, SubjectRequest, SubjectResult};

use super::super::gate::Work;
use super::registry::{check_subject, client, wait};
use super::{Context, Handler};

impl Handler for SubjectRequest {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<SubjectResult, ErrorBody> {
        check_subject(&self.subject)?;
        let client = client(context)?;
        let action = format!("list the versions of the subject {:?}", self.subject);
        wait(&action, async {
            let versions = client.all_versions(&self.subject).await?;
            let compatibility = client.compatibility(&self.subject).await?;
            let registry_compatibility = client.global_compatibility().await.ok();
            Ok(SubjectResult { subject: self.subject.clone(), versions, compatibility, registry_compatibility })
        })
    }
}
