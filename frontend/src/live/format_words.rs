//! Short reasons why bytes were not decoded.

use protocol::DecodeNote;

pub use crate::context::format_word::format_word;
use crate::i18n::Words;
use page_model::EXPIRED;

/// Why bytes were not decoded, in a few words; `None` if they were.
pub fn short_reason(note: &DecodeNote, words: &Words) -> Option<String> {
    let error = note.decode_error.as_ref()?;
    let reason = match error.code.as_str() {
        "schema_not_found" => {
            let id = note.schema.as_ref().map_or("", |schema| &schema.id);
            // The id is in the message, too.
            words.undecoded_schema_not_found.with_id(id).replace("  ", " ")
        }
        "schema_unavailable" => words.undecoded_schema_unavailable.to_owned(),
        "schema_invalid" => words.undecoded_schema_invalid.to_owned(),
        "no_schema" => words.undecoded_no_schema.to_owned(),
        "too_large" => words.undecoded_too_large.to_owned(),
        EXPIRED => words.undecoded_expired.to_owned(),
        // A newer bridge may have other codes.
        _ => words.undecoded_malformed.to_owned(),
    };
    Some(reason)
}

/// The value of `data-value-note` and of `data-state`: `decoded`, or the code of the error, which for [`EXPIRED`] is the page's own.
pub fn note_state(note: &DecodeNote) -> &str {
    note.decode_error.as_ref().map_or("decoded", |error| &error.code)
}
