//! Gaps whose records are being loaded: one question at a time for each, until nothing of it is left or the user has enough.

use protocol::{Fetch, Offset, RequestId};

use super::entry::Entry;

#[derive(Debug, Default)]
pub struct Fills {
    under_way: Vec<(RequestId, Entry)>,
}

impl Fills {
    /// What to ask Kafka for; nothing where it has nothing.
    pub fn question(gap: &Entry) -> Option<Fetch> {
        let gap = gap.as_gap().filter(|gap| gap.can_be_loaded())?;
        let topic = gap.topic.to_string();
        Some(Fetch { topic, partition: gap.partition, from: Offset(gap.from), to: Offset(gap.to) })
    }

    pub fn asked(&mut self, request: RequestId, gap: &Entry) {
        self.under_way.push((request, gap.clone()));
    }

    /// The gap that an answer is for, unless the user has stopped it meanwhile.
    pub fn answered(&mut self, request: Option<RequestId>) -> Option<Entry> {
        let at = self.under_way.iter().position(|(asked, _)| Some(*asked) == request)?;
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
