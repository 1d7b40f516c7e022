//! What a change event of Debezium has changed, or the payload of Kafka Connect's JSON without its schema.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::{Language, Words};
use crate::ui::format::number;
use crate::ui::json_view::{spans, styled_json, with_signs};
use page_model::{ChangeEvent, FieldChange, FoldableJson, Folded, Operation, fold};

/// A longer value of a field is cut; the other forms of the value show all of it.
const MAX_FIELD_BYTES: usize = 2 * 1024;
/// Lines of a payload without an event.
const MAX_PAYLOAD_LINES: usize = 1000;

#[component]
pub fn ChangesView(json: String) -> impl IntoView {
    match fold(&json) {
        Some(Folded::Event(event)) => event_view(&event),
        Some(Folded::Payload(payload)) => payload_view(payload),
        None => ().into_any(),
    }
}

fn payload_view(payload: &str) -> AnyView {
    let foldable = FoldableJson::new(payload);
    let lines = foldable.lines().take(MAX_PAYLOAD_LINES);
    let lines: Vec<_> = lines.map(|line| view! { <div class="json-line">{json_parts(line.text)}</div> }).collect();
    let is_cut = foldable.line_count() > MAX_PAYLOAD_LINES;
    view! { <div data-testid="connect-payload">{lines} {is_cut.then(|| view! { <p class="said">"…"</p> })}</div> }
        .into_any()
}

fn operation_word(operation: Operation, words: &'static Words) -> &'static str {
    match operation {
        Operation::Create => words.change_create,
        Operation::Update => words.change_update,
        Operation::Delete => words.change_delete,
        Operation::Read => words.change_read,
        Operation::Truncate => words.change_truncate,
    }
}

fn event_view(event: &ChangeEvent<'_>) -> AnyView {
    let prefs = preferences();
    let ChangeEvent { operation, has_before, is_cut, .. } = *event;
    let lacks_before = operation == Operation::Update && !has_before;
    let says_nothing = operation == Operation::Update && has_before && event.changed.is_empty();
    let changed: Vec<_> = event.changed.iter().map(field_row).collect();
    let unchanged: Vec<_> = event.unchanged.iter().map(field_row).collect();
    let count = unchanged.len() as u64;
    let unchanged_words = move || {
        let language: Language = prefs.language();
        prefs.words().change_unchanged_count.count(count, &number(count, language))
    };
    view! {
        <div class="changes">
            <p class="change-op" data-testid="change-op" data-op=operation.name()>
                <strong>{move || operation_word(operation, prefs.words())}</strong>
            </p>
            {lacks_before.then(|| view! { <p class="said">{prefs.text(|w| w.change_no_before)}</p> })}
            {says_nothing.then(|| view! { <p class="said">{prefs.text(|w| w.change_nothing)}</p> })}
            <dl class="change-fields">{changed}</dl>
            {(count > 0)
                .then(|| {
                    view! {
                        <details class="change-unchanged" data-testid="change-unchanged">
                            <summary>{unchanged_words}</summary>
                            <dl class="change-fields">{unchanged}</dl>
                        </details>
                    }
                })}
            {is_cut.then(|| view! { <p class="said">{prefs.text(|w| w.change_cut)}</p> })}
        </div>
    }
    .into_any()
}

fn field_row(field: &FieldChange<'_>) -> AnyView {
    let prefs = preferences();
    let path = with_signs(&field.path);
    let is_same = field.before == field.after;
    let testid = if is_same { "unchanged-field" } else { "changed-field" };
    let side = |value: Option<&str>, class: &'static str, label: fn(&'static Words) -> &'static str| {
        value.map(|value| {
            view! {
                <span class=class>
                    <span class="out-of-sight">{prefs.text(label)} ": "</span>
                    {json_parts(value)}
                </span>
            }
        })
    };
    let before = side(field.before.filter(|_| !is_same), "change-before", |w| w.change_before);
    let is_both = field.before.is_some() && field.after.is_some() && !is_same;
    let arrow = is_both.then(|| view! { <span aria-hidden="true">" → "</span> });
    let after_class = if is_same { "" } else { "change-after" };
    let after = side(field.after, after_class, |w| w.change_after);
    view! {
        <div class="change-field" data-testid=testid data-field=field.path.clone()>
            <dt>{path}</dt>
            <dd>{before} {arrow} {after}</dd>
        </div>
    }
    .into_any()
}

/// JSON with its colours and signs, cut after a while.
fn json_parts(json: &str) -> Vec<AnyView> {
    let text = &json[..json.floor_char_boundary(MAX_FIELD_BYTES)];
    let mut parts = styled_json(text, &[]);
    if text.len() < json.len() {
        parts.push(("said", "…".to_owned()));
    }
    spans(parts)
}
