//! The drafts of single records, each with the topic that it was written for, so that no draft goes to another topic by
//! accident. Stored as one JSON text.

use serde::{Deserialize, Serialize};

use super::draft::Draft;

/// Topics whose drafts are kept; the oldest goes first.
const KEPT: usize = 20;
/// Bytes of the drafts that are kept beside the first: they are written again with each change of it.
const KEPT_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drafts(Vec<OfTopic>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfTopic {
    topic: String,
    draft: Draft,
}

impl Drafts {
    /// A text that cannot be read counts as no drafts.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What the form holds for this topic.
    pub fn of(&self, topic: &str) -> Draft {
        self.0.iter().find(|of| of.topic == topic).map_or_else(Draft::first, |of| of.draft.clone())
    }

    /// Keeps the draft as the newest. One that nobody has changed needs no place.
    pub fn keep(&mut self, topic: &str, draft: &Draft) {
        self.forget(topic);
        if *draft == Draft::first() {
            return;
        }
        self.0.insert(0, OfTopic { topic: topic.to_owned(), draft: draft.clone() });
        self.0.truncate(KEPT);
        let mut bytes = 0;
        let mut first = true;
        self.0.retain(|of| {
            bytes += if std::mem::take(&mut first) { 0 } else { of.draft.size() };
            bytes <= KEPT_BYTES
        });
    }

    /// The user has given this topic's draft another topic by hand.
    pub fn forget(&mut self, topic: &str) {
        self.0.retain(|of| of.topic != topic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    fn draft(value: &str) -> Draft {
        Draft { value: Field::text(value), ..Draft::default() }
    }

    #[test]
    fn a_draft_comes_back_with_its_topic_alone() {
        let mut drafts = Drafts::default();
        drafts.keep("payments.dlq", &draft("edited"));
        assert_eq!(drafts.of("payments.dlq"), draft("edited"));
        assert_eq!(drafts.of("orders"), Draft::first());
        assert_eq!(Drafts::from_json(&drafts.to_json()), drafts);
        assert_eq!(Drafts::from_json("{}"), Drafts::default());
        drafts.forget("payments.dlq");
        assert_eq!(drafts, Drafts::default());
    }

    #[test]
    fn drafts_are_bounded_in_number_and_bytes() {
        let mut drafts = Drafts::default();
        for n in 0..KEPT + 5 {
            drafts.keep(&format!("t{n}"), &draft("x"));
        }
        assert_eq!((drafts.of("t4"), drafts.of("t5")), (Draft::first(), draft("x")));
        drafts.keep("large", &draft(&"x".repeat(KEPT_BYTES)));
        drafts.keep("larger", &draft(&"y".repeat(2 * KEPT_BYTES)));
        assert_ne!(drafts.of("larger"), Draft::first(), "the newest is kept whatever its size");
        assert_ne!(drafts.of("large"), Draft::first());
        assert_eq!(drafts.of("t24"), Draft::first());
    }

    #[test]
    fn an_unchanged_draft_is_not_stored() {
        let mut drafts = Drafts::default();
        drafts.keep("t", &draft("x"));
        drafts.keep("t", &Draft::first());
        assert_eq!(drafts, Drafts::default());
    }
}
