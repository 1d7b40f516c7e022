//! The user's own schemas: their files, as this browser keeps them, and whether the bridge has them. The bridge keeps them in memory
//! only, so the page sends them again after each connect, before it subscribes or fetches with them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use protocol::{AddSchema, AddSchemaResult, Decode, ErrorBody, LocalSchemaId, MessageBody, RequestId};

use super::app_state::AppState;
use super::listening::Phase;
use super::outgoing::Outgoing;
use super::slice::Slice;

#[derive(Debug, Default)]
pub struct SentSchemas {
    /// The fields of the `add_schema` for each id. Text, so that the code that makes it is loaded with the form for schemas.
    kept: BTreeMap<LocalSchemaId, Rc<str>>,
    /// The schemas that the bridge has since this connect, with the ids that it gave them.
    added: BTreeMap<LocalSchemaId, LocalSchemaId>,
    requested: BTreeMap<RequestId, LocalSchemaId>,
    /// The schemas that the bridge has refused since this connect.
    refused: BTreeSet<LocalSchemaId>,
}

impl SentSchemas {
    pub fn socket_lost(&mut self) {
        self.added.clear();
        self.requested.clear();
        self.refused.clear();
    }

    /// The id that the bridge gave to the schema. Another version of the bridge may give other ids.
    fn current(&self, id: LocalSchemaId) -> LocalSchemaId {
        self.added.get(&id).copied().unwrap_or(id)
    }
}

impl AppState {
    /// The fields of the `add_schema` that this browser keeps for an id, as JSON.
    pub fn keep_schema(&mut self, id: LocalSchemaId, fields: &str) {
        self.schemas.kept.insert(id, fields.into());
    }

    /// What [`Self::keep_schema`] was given for the id.
    pub fn kept_schema(&self, id: LocalSchemaId) -> Option<Rc<str>> {
        self.schemas.kept.get(&id).map(Rc::clone)
    }

    /// The bridge has just answered with this id.
    pub fn schema_was_added(&mut self, id: LocalSchemaId) {
        self.schemas.added.insert(id, id);
    }

    /// Sends a schema that records are written with, unless the bridge has it.
    pub fn need_schema(&mut self, id: LocalSchemaId) {
        if !self.schemas.added.contains_key(&id) && !self.schemas.refused.contains(&id) {
            self.add_schema(id);
        }
    }

    fn add_schema(&mut self, id: LocalSchemaId) {
        let is_requested = self.schemas.requested.values().any(|requested| *requested == id);
        let Some(fields) = self.schemas.kept.get(&id).filter(|_| self.link.is_open() && !is_requested) else { return };
        let fields = Rc::clone(fields);
        let request = self.new_request_id();
        let rest = fields.trim_start().strip_prefix('{').unwrap_or_default();
        let message = format!(r#"{{"type":"{}","id":{request},{rest}"#, AddSchema::NAME);
        self.outbox.push(Outgoing::Text(message));
        self.schemas.requested.insert(request, id);
    }

    /// The id with which records are written in the schema; `None` while the schema is on its way to the bridge. A schema that the bridge cannot
    /// get has its own id: the bridge says why it is not known.
    pub(super) fn schema_to_write(&self, id: LocalSchemaId) -> Option<LocalSchemaId> {
        let schemas = &self.schemas;
        let cannot_be_added = !schemas.kept.contains_key(&id) || schemas.refused.contains(&id);
        schemas.added.get(&id).copied().or_else(|| cannot_be_added.then_some(id))
    }

    /// The schemas of the current list that the bridge does not have yet. A schema that this browser does not keep is left out: the
    /// bridge says that it does not know the id.
    fn missing_schemas(&self) -> impl Iterator<Item = LocalSchemaId> {
        let Decode { key_schema, value_schema, .. } = self.listening.intent().decode;
        let schemas = &self.schemas;
        let is_missing = |id: &LocalSchemaId| schemas.kept.contains_key(id) && !schemas.added.contains_key(id);
        [key_schema, value_schema].into_iter().flatten().filter(is_missing)
    }

    /// Whether the bridge has the schemas of the current list.
    pub(super) fn schemas_are_ready(&self) -> bool {
        self.missing_schemas().next().is_none()
    }

    /// Sends the schemas that the bridge does not have. Returns whether it has all of them.
    pub(super) fn add_missing_schemas(&mut self) -> bool {
        let missing: Vec<_> = self.missing_schemas().collect();
        let is_ready = missing.is_empty();
        for id in missing {
            self.add_schema(id);
        }
        is_ready
    }

    /// The same formats with the ids that the bridge gave to the schemas.
    pub(super) fn schemas_of(&self, decode: Decode) -> Decode {
        let current = |id: Option<LocalSchemaId>| id.map(|id| self.schemas.current(id));
        Decode { key_schema: current(decode.key_schema), value_schema: current(decode.value_schema), ..decode }
    }

    /// The bridge has a schema: what waited for it goes on.
    pub(super) fn schema_added(&mut self, id: Option<RequestId>, added: &AddSchemaResult) {
        let Some(kept) = id.and_then(|id| self.schemas.requested.remove(&id)) else { return };
        self.schemas.added.insert(kept, added.schema);
        self.changes.mark(Slice::Listening);
        if self.schemas_are_ready() {
            self.subscribe();
            self.read_again();
            for gap in self.fills.take_waiting() {
                self.request_gap(&gap);
            }
        }
    }

    /// The bridge refused a schema. Returns whether the request was one of these.
    pub(super) fn schema_refused(&mut self, id: Option<RequestId>, error: &ErrorBody) -> bool {
        let Some(schema) = id.and_then(|id| self.schemas.requested.remove(&id)) else { return false };
        self.schemas.refused.insert(schema);
        let Decode { key_schema, value_schema, .. } = self.listening.intent().decode;
        let is_of_list = [key_schema, value_schema].contains(&Some(schema));
        // Sent again when the user listens again, or loads the gap again.
        if !self.fills.take_waiting().is_empty() {
            self.changes.mark_list();
        }
        self.changes.mark(Slice::Listening);
        if is_of_list && self.listening.phase() == Phase::Starting {
            self.listening.refused(error.clone());
            self.listen_to_next();
        }
        true
    }
}
