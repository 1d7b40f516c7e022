//! What the bridge says of the opened record's key or value: format and schema, or why the bytes were not decoded and what to do.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{DecodeNote, SchemaReference};

use crate::context::preferences;
use crate::i18n::Words;
use crate::live::format_words::{format_word, note_state, short_reason};
use crate::ui::json_view::with_signs;

#[component]
pub fn DecodeNoteLine(
    note: Rc<DecodeNote>,
    testid: &'static str,
    label: fn(&'static Words) -> &'static str,
) -> impl IntoView {
    let prefs = preferences();
    let is_failed = !note.is_decoded();
    let (state, note) = (note_state(&note).to_owned(), (*note).clone());
    let text = move || {
        let words = prefs.words();
        if is_failed { failure(&note, words) } else { success(&note, words) }
    };
    view! {
        <p
            class="decode-note"
            class:fault=is_failed
            data-testid=testid
            data-state=state
            role="note"
            aria-label=prefs.text(label)
        >
            {text}
        </p>
    }
}

/// `Avro · orders-value · v3 · id 42 · shop.Order · chosen automatically: …`
fn success(note: &DecodeNote, words: &'static Words) -> String {
    let DecodeNote { format, compression, schema, reason, .. } = note;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(format.map(|format| format_word(format, words)));
    parts.extend(compression.clone());
    if let Some(SchemaReference { id, subject, version, name }) = schema {
        parts.extend(subject.as_deref().map(with_signs));
        parts.extend(version.map(|version| format!("v{version}")));
        parts.push(words.note_id.with_id(id));
        parts.extend(name.as_deref().map(with_signs));
    }
    parts.extend(reason.as_ref().map(|reason| words.note_auto.with_why(reason)));
    parts.join(" · ")
}

fn failure(note: &DecodeNote, words: &'static Words) -> String {
    let Some(error) = &note.decode_error else { return String::new() };
    let next = match error.code.as_str() {
        "schema_not_found" => words.note_schema_not_found,
        "schema_unavailable" => words.note_schema_unavailable,
        "schema_invalid" => words.note_schema_invalid,
        "no_schema" => words.note_no_schema,
        "too_large" => words.note_too_large,
        _ => words.note_malformed,
    };
    let short = short_reason(note, words).unwrap_or_default();
    format!("{short}: {}. {next}", with_signs(error.message.trim_end_matches('.')))
}
