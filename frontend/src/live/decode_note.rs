//! What the bridge says of the opened record's key or value: format and schema, or why the bytes were not decoded and what to do.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, DecodeNote, Object, SchemaReference};

use crate::context::navigation::subject_href;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::format_words::{format_word, note_state, short_reason};
use crate::ui::json_view::with_signs;
use page_model::{EXPIRED, ReadState};

#[component]
pub fn DecodeNoteLine(
    note: Rc<DecodeNote>,
    testid: &'static str,
    label: fn(&'static Words) -> &'static str,
) -> impl IntoView {
    let prefs = preferences();
    let is_failed = !note.is_decoded();
    let (state, note) = (note_state(&note).to_owned(), (*note).clone());
    let link = schema_link(&note);
    let text = move || {
        let words = prefs.words();
        if is_failed { (failure(&note, words), String::new()) } else { success(&note, words) }
    };
    let text = Memo::new(move |_| text());
    view! {
        <p
            class="decode-note"
            class:fault=is_failed
            data-testid=testid
            data-state=state
            role="note"
            aria-label=prefs.text(label)
        >
            {move || text.get().0}
            {link}
            {move || text.get().1}
        </p>
    }
}

/// A link to the schema in the view of schemas: `orders-value · v3`. Without a registry, or without the right to see the subject, only
/// the text; `None` if the subject is not known.
fn schema_link(note: &DecodeNote) -> Option<AnyView> {
    let store = store();
    let SchemaReference { subject, version, .. } = note.schema.as_ref().filter(|_| note.is_decoded())?;
    let (subject, version) = (subject.clone()?, *version);
    let text = match version {
        Some(version) => format!("{} · v{version}", with_signs(&subject)),
        None => with_signs(&subject),
    };
    let leads = {
        let subject = subject.clone();
        move || {
            store.read(|state| state.registry().is_some() && state.may(Action::Describe, &Object::Subject(&subject)))
        }
    };
    // A link without an address is text.
    let is_link = Memo::new(move |_| leads());
    let mark = move || is_link.get().then_some("");
    let address = move || is_link.get().then(|| subject_href(&subject, version));
    Some(
        view! {
            <a href=address data-view=mark data-testid="note-schema">
                {text}
            </a>
        }
        .into_any(),
    )
}

/// The texts before and after the subject: `Avro · ` and ` · id 42 · shop.Order · chosen automatically: …`
fn success(note: &DecodeNote, words: &'static Words) -> (String, String) {
    let DecodeNote { format, compression, schema, reason, .. } = note;
    let mut before: Vec<String> = Vec::new();
    let mut after: Vec<String> = Vec::new();
    before.extend(format.map(|format| format_word(format, words)));
    before.extend(compression.clone());
    let mut has_subject = false;
    if let Some(SchemaReference { id, subject, name, .. }) = schema {
        has_subject = subject.is_some();
        after.push(if has_subject { words.note_id.with_id(id) } else { words.note_schema.with_id(id) });
        after.extend(name.as_deref().map(with_signs));
    }
    after.extend(reason.as_ref().map(|reason| words.note_auto.with_why(reason)));
    if !has_subject {
        before.append(&mut after);
        return (before.join(" · "), String::new());
    }
    let mark = |parts: &[String]| if parts.is_empty() { "" } else { " · " };
    (before.join(" · ") + mark(&before), mark(&after).to_owned() + &after.join(" · "))
}

fn failure(note: &DecodeNote, words: &'static Words) -> String {
    let Some(error) = &note.decode_error else { return String::new() };
    let next = match error.code.as_str() {
        "schema_not_found" => words.note_schema_not_found,
        "schema_unavailable" => words.note_schema_unavailable,
        "schema_invalid" => words.note_schema_invalid,
        "no_schema" => words.note_no_schema,
        "too_large" => words.note_too_large,
        EXPIRED => words.note_expired,
        _ => words.note_malformed,
    };
    let short = short_reason(note, words).unwrap_or_default();
    format!("{short}: {}. {next}", with_signs(error.message.trim_end_matches('.')))
}
