//! `subjects`: the subjects of the schema registry that the user may describe.

use std::collections::HashSet;

use protocol::{Action, ErrorBody, Object, SubjectName, SubjectsRequest, SubjectsResult};
use serdes::registry::Deleted;

use super::super::gate::Work;
use super::registry::{client, wait};
use super::{Context, Handler};

const LIST: &str = "list the subjects of the schema registry";

impl Handler for SubjectsRequest {
    const WORK: Work = Work::Registry;

    fn apply(self, context: &Context<'_>) -> Result<SubjectsResult, ErrorBody> {
        let client = client(context)?;
        let mut existing = wait(LIST, client.subjects(Deleted::Excluded))?;
        existing.sort_unstable();
        let mut subjects: Vec<SubjectName> = Vec::with_capacity(existing.len());
        if self.deleted {
            let names: HashSet<&String> = existing.iter().collect();
            let deleted =
                wait(LIST, client.subjects(Deleted::Included))?.into_iter().filter(|name| !names.contains(name));
            subjects.extend(deleted.map(|name| SubjectName { name, deleted: true }));
        }
        subjects.extend(existing.into_iter().map(|name| SubjectName { name, deleted: false }));
        subjects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if context.permissions.rights().is_some() {
            subjects.retain(|subject| context.permissions.may(Action::Describe, &Object::Subject(&subject.name)));
        }
        Ok(SubjectsResult {
            registry: client.address().to_owned(),
            subjects,
            // The list is of use without them.
            compatibility: wait(LIST, client.global_compatibility()).ok(),
            mode: wait(LIST, client.mode(None)).ok().flatten(),
        })
    }
}
