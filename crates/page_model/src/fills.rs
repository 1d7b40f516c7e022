//! Gaps whose records are being fetched: one `fetch` at a time for each gap, until it is filled or the user stops.

use protocol::{Decode, Fetch, Offset, RequestId};

use super::entry::Entry;

#[derive(Debug, Default)]
pub struct Fills {
    under_way: Vec<(RequestId, Entry)>,
}

impl Fills {
    /// The `fetch` for a gap; `None` if Kafka no longer has the records.
    pub fn request_for(gap: &Entry, decode: Decode) -> Option<Fetch> {
        let gap = gap.as_gap().filter(|gap| gap.can_be_loaded())?;
        let topic = gap.topic.to_string();
        Some(Fetch { topic, partition: gap.partition, from: Offset(gap.from), to: Offset(gap.to), decode })
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
    }

    pub fn is_filling(&self, gap: &Entry) -> bool {
        self.under_way.iter().any(|(_, filled)| filled.is(gap))
    }

    pub fn clear(&mut self) {
        self.under_way.clear();
    }
}
