//! Gaps whose records are being fetched: one `fetch` at a time for each gap, until it is filled or the user stops.

use protocol::{Decode, Fetch, Offset, RequestId};

use super::app_state::AppState;
use super::entry::Entry;
use super::read_state::ReadState;

#[derive(Debug, Default)]
pub struct Fills {
    under_way: Vec<(RequestId, Entry)>,
    /// Gaps that are fetched once the bridge has the schemas of the list.
    waiting: Vec<Entry>,
}

impl Fills {
    /// The `fetch` for a gap; `None` if Kafka no longer has the records.
    pub fn request_for(gap: &Entry, decode: Decode) -> Option<Fetch> {
        let gap = gap.as_gap().filter(|gap| gap.can_be_loaded())?;
        let topic = gap.topic.to_string();
        Some(Fetch { topic, partition: gap.partition, from: Offset(gap.from), to: Offset(gap.to), decode })
    }

    /// The gap is fetched later.
    pub fn wait(&mut self, gap: &Entry) {
        self.waiting.push(gap.clone());
    }

    /// The gaps that wait; they do not wait any more.
    pub fn take_waiting(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.waiting)
    }

    pub fn requested(&mut self, request: RequestId, gap: &Entry) {
        self.under_way.push((request, gap.clone()));
    }

    /// The gap that a reply belongs to, unless the user has stopped loading it.
    pub fn replied(&mut self, request: Option<RequestId>) -> Option<Entry> {
        let at = self.under_way.iter().position(|(requested, _)| Some(*requested) == request)?;
        Some(self.under_way.swap_remove(at).1)
    }

    pub fn cancel(&mut self, gap: &Entry) {
        self.under_way.retain(|(_, filled)| !filled.is(gap));
        self.waiting.retain(|waiting| !waiting.is(gap));
    }

    pub fn is_filling(&self, gap: &Entry) -> bool {
        self.under_way.iter().map(|(_, filled)| filled).chain(&self.waiting).any(|filled| filled.is(gap))
    }

    pub fn clear(&mut self) {
        self.under_way.clear();
        self.waiting.clear();
    }
}

impl AppState {
    pub fn load_gap(&mut self, gap: &Entry) {
        if self.link.is_open() && !self.fills.is_filling(gap) && self.may_load(gap) {
            self.request_gap(gap);
        }
    }

    pub(super) fn request_gap(&mut self, gap: &Entry) {
        if !self.add_missing_schemas() {
            self.fills.wait(gap);
        } else if let Some(fetch) = Fills::request_for(gap, self.schemas_of(self.listening.intent().decode)) {
            let request = self.request(&fetch);
            self.fills.requested(request, gap);
        }
        self.changes.mark_list();
    }

    pub fn stop_loading_gap(&mut self, gap: &Entry) {
        self.fills.cancel(gap);
        self.changes.mark_list();
    }
}
