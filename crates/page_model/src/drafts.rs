//! The drafts of single records by topic, so that a draft is not sent to another topic by accident. Stored as one JSON
//! text. The draft of an edited record has its own encoding, which is not the user's choice for the topic.

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::encodings::RecordEncoding;

/// Maximum number of drafts; the oldest is removed first.
const KEPT: usize = 20;
/// Maximum bytes of all drafts but the newest. All are stored again with each change of the newest.
const KEPT_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drafts(Vec<OfTopic>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfTopic {
    topic: String,
    draft: Draft,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<RecordEncoding>,
}

impl Drafts {
    /// Malformed JSON counts as no drafts.
    pub fn from_json(text: &str) -> Self {
        protocol::from_json(text).unwrap_or_default()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The draft of a topic, or the default draft.
    pub fn of(&self, topic: &str) -> Draft {
        self.0.iter().find(|of| of.topic == topic).map_or_else(Draft::first, |of| of.draft.clone())
    }

    /// The encoding of the record that the draft of a topic was made from.
    pub fn encoding_of(&self, topic: &str) -> Option<RecordEncoding> {
        self.0.iter().find(|of| of.topic == topic)?.encoding.clone()
    }

    /// Stores the draft as the newest. The default draft is not stored.
    pub fn keep(&mut self, topic: &str, draft: &Draft, encoding: Option<RecordEncoding>) {
        self.forget(topic);
        if *draft == Draft::first() {
            return;
        }
        self.0.insert(0, OfTopic { topic: topic.to_owned(), draft: draft.clone(), encoding });
        self.0.truncate(KEPT);
        let mut bytes = 0;
        let mut first = true;
        self.0.retain(|of| {
            bytes += if std::mem::take(&mut first) { 0 } else { of.draft.size() };
            bytes <= KEPT_BYTES
        });
    }

    /// Removes the draft of a topic: the user has changed the topic in the form, and the draft belongs to the new one.
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
    fn draft_is_restored_only_for_its_topic() {
        let mut drafts = Drafts::default();
        drafts.keep("payments.dlq", &draft("edited"), None);
        assert_eq!(drafts.of("payments.dlq"), draft("edited"));
        assert_eq!(drafts.of("orders"), Draft::first());
        assert_eq!(Drafts::from_json(&drafts.to_json()), drafts);
        assert_eq!(Drafts::from_json("{}"), Drafts::default());
        drafts.forget("payments.dlq");
        assert_eq!(drafts, Drafts::default());
    }

    #[test]
    fn edited_record_keeps_its_encoding_after_a_reload() {
        let value = Some(crate::PartEncoding::of(protocol::RecordFormat::Avro));
        let encoding = Some(RecordEncoding { key: None, value });
        let mut drafts = Drafts::default();
        drafts.keep("orders", &draft("edited"), encoding.clone());
        let reloaded = Drafts::from_json(&drafts.to_json());
        assert_eq!((reloaded.encoding_of("orders"), reloaded.encoding_of("other")), (encoding, None));
        let older = r#"[{"topic":"orders","draft":{"value":{"form":"text","text":"x"}}}]"#;
        assert_eq!(Drafts::from_json(older).of("orders"), draft("x"));
    }

    #[test]
    fn drafts_are_bounded_in_number_and_bytes() {
        let mut drafts = Drafts::default();
        for n in 0..KEPT + 5 {
            drafts.keep(&format!("t{n}"), &draft("x"), None);
        }
        assert_eq!((drafts.of("t4"), drafts.of("t5")), (Draft::first(), draft("x")));
        drafts.keep("large", &draft(&"x".repeat(KEPT_BYTES)), None);
        drafts.keep("larger", &draft(&"y".repeat(2 * KEPT_BYTES)), None);
        assert_ne!(drafts.of("larger"), Draft::first(), "the newest is kept whatever its size");
        assert_ne!(drafts.of("large"), Draft::first());
        assert_eq!(drafts.of("t24"), Draft::first());
    }

    #[test]
    fn an_unchanged_draft_is_not_stored() {
        let mut drafts = Drafts::default();
        drafts.keep("t", &draft("x"), None);
        drafts.keep("t", &Draft::first(), None);
        assert_eq!(drafts, Drafts::default());
    }
}
