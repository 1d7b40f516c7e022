//! What stands above key and value: the line with their formats, which opens and closes the choice, and the masked fields of an edited
//! record.

use leptos::prelude::*;
use protocol::RecordPart;

use crate::context::format_word::format_word;
use crate::context::preferences;
use crate::send::form_choice::form_words;
use crate::send::send_fields::SendFields;
use crate::ui::json_view::with_signs;
use crate::ui::lazy::lazy_part;
use page_model::{DraftKind, DraftPart, MaskedField, RecordEncoding, masked_fields};

/// Masked fields of a record that are listed.
const LISTED_MASKS: usize = 20;

lazy_part! {
    /// The line with the formats of key and value, which opens and closes their choice, and the masked fields of an edited record.
    typed, load_typed_formats, pub fn typed_formats(fields: SendFields, kind: DraftKind) -> LoadedView {
        let masked = (kind == DraftKind::Record).then(|| view! { <MaskedDraft fields=fields /> });
        Ok(view! { <FormatsLine fields=fields kind=Some(kind) /> {masked} }.into_any())
    }
}

/// Whether the choice of formats is shown. It opens by itself for a format other than text.
pub fn formats_are_open(fields: SendFields) -> bool {
    let is_text = fields.encoding.with(RecordEncoding::is_text);
    let folded = fields.formats_fold.get().filter(|(was_text, _)| *was_text == is_text);
    folded.map_or(!is_text, |(_, is_open)| is_open)
}

/// `Key: text · Value: Avro`: a button that opens and closes the choice of formats. `kind`: the draft; `None` for a batch.
#[component]
pub fn FormatsLine(fields: SendFields, kind: Option<DraftKind>) -> impl IntoView {
    let prefs = preferences();
    let word = move |part| match (fields.format_of(part), kind) {
        (Some(format), _) => format_word(format, prefs.words()),
        (None, Some(kind)) => {
            let form = fields.draft(kind).with(|draft| draft.field(part).form);
            form_words(form, prefs.words()).to_owned()
        }
        (None, None) => prefs.words().form_text.to_owned(),
    };
    let line = Memo::new(move |_| {
        let (key, value) = (word(RecordPart::Key), word(RecordPart::Value));
        format!("{}: {key} · {}: {value}", prefs.words().key, prefs.words().value)
    });
    let is_open = Memo::new(move |_| formats_are_open(fields));
    let toggle = move |_| {
        let is_text = fields.encoding.with_untracked(RecordEncoding::is_text);
        fields.formats_fold.set(Some((is_text, !is_open.get_untracked())));
    };
    view! {
        <button
            type="button"
            class="link typed-fold"
            data-testid="encode-formats"
            aria-expanded=move || is_open.get().to_string()
            title=prefs.text(|w| w.typed_batch)
            on:click=toggle
        >
            {move || line.get()}
            <span aria-hidden="true">{move || if is_open.get() { " ▴" } else { " ▾" }}</span>
        </button>
    }
}

/// The masked fields of an edited record. The record is not sent before each of them is changed, or the user has confirmed the masks.
#[component]
fn MaskedDraft(fields: SendFields) -> impl IntoView {
    let prefs = preferences();
    let left = Memo::new(move |_| {
        fields.record.with(|draft| if draft.masks.is_some() { masked_fields(draft) } else { Vec::new() })
    });
    Effect::new(move |_| {
        // Another draft resets the fields that are known.
        if fields.masked.get().as_ref() != Some(&left.get()) {
            fields.masked.set(Some(left.get_untracked()));
        }
    });
    let hidden = move || {
        let names = fields.record.with(|draft| draft.masks.as_ref().map(|masks| masks.paths.join(", ")));
        prefs.words().masked_hint.with_names(&names.unwrap_or_default())
    };
    let list = move || {
        let words = prefs.words();
        let left = left.get();
        let more = left.len().saturating_sub(LISTED_MASKS);
        let mut items: Vec<_> = left
            .into_iter()
            .take(LISTED_MASKS)
            .map(|MaskedField { part, path }| {
                let part = match part {
                    DraftPart::Key => words.key,
                    DraftPart::Header(_) => words.headers,
                    DraftPart::Value | DraftPart::Timestamp => words.value,
                };
                let name = if path.is_empty() { part.to_owned() } else { format!("{part} {}", with_signs(&path)) };
                view! {
                    <li data-testid="masked-field" data-path=path>
                        <b>{name}</b>
                        ": "
                        {words.masked_note}
                    </li>
                }
                .into_any()
            })
            .collect();
        if more > 0 {
            items.push(view! { <li>{words.batch_more_errors.with_n(&more.to_string())}</li> }.into_any());
        }
        if items.is_empty() {
            items.push(view! { <li>{words.masked_left_out}</li> }.into_any());
        }
        items
    };
    let confirm = move |_| {
        fields.record.update(|draft| {
            if let Some(masks) = &mut draft.masks {
                masks.is_confirmed = true;
            }
        });
    };
    let has_masks = Memo::new(move |_| fields.has_masks());
    view! {
        <Show when=move || has_masks.get()>
            <div class="masked-draft" role="group" aria-label=prefs.text(|w| w.masked_draft) data-testid="masked-draft">
                <p>{hidden}</p>
                <ul>{list}</ul>
                <button type="button" class="link" data-testid="masked-confirm" on:click=confirm>
                    {prefs.text(|w| w.masked_confirm)}
                </button>
            </div>
        </Show>
    }
}
