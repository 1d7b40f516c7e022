//! The value of the opened record as foldable JSON, as text, as a hex dump, or as the changes of an event. Only the first part of a large value is in the
//! document until the user requests more.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::changes_view::ChangesView;
use crate::live::detail::{FieldUse, RecordHost};
use crate::ui::dom::{append, make, set};
use crate::ui::format;
use crate::ui::json_view::{append_parts, styled_json, styled_text};
use page_model::{
    Filter, FoldKind, FoldableJson, FoldableLine, Part, ReadState, check_json, fold_kind, hex_dump, is_binary,
};

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// What a change event has changed, or the payload of Kafka Connect's JSON.
    Changes,
    Json,
    Text,
    Bytes,
}

/// How much is shown at first, in each format.
const FIRST_LINES: usize = 200;
const FIRST_TEXT_BYTES: usize = 32 * 1024;
const FIRST_BYTES: usize = 2 * 1024;
/// "Show more" multiplies the shown part by this.
const MORE_FACTOR: usize = 8;
/// Longer lines of JSON, such as an image in base64, are truncated. The text format shows them completely.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// The width of a hex dump with sixteen bytes per line.
const LONG_HEX_LINE_PX: i32 = 600;

#[component]
pub fn ValueView(
    value: Option<Vec<u8>>,
    /// Shown above the value: how the value was read.
    note: AnyView,
) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let size = value.as_ref().map_or(0, Vec::len);
    let text = value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let is_json = text.is_some_and(|text| !text.is_empty() && check_json(text).is_ok());
    let default_form = match is_json {
        true => Form::Json,
        _ if text.is_some_and(|text| !is_binary(&text[..text.floor_char_boundary(FIRST_TEXT_BYTES)])) => Form::Text,
        _ => Form::Bytes,
    };
    let foldable = StoredValue::new_local(is_json.then(|| FoldableJson::new(text.unwrap_or_default())));
    let folds = text.filter(|_| is_json).and_then(fold_kind);
    let folded_word: fn(&'static Words) -> &'static str = match folds {
        Some(FoldKind::Payload) => |words| words.form_payload,
        _ => |words| words.form_changes,
    };
    let has_text = text.is_some();
    let empty_word = match &value {
        None => Some((|words| words.tombstone) as fn(&'static Words) -> &'static str),
        Some(bytes) if bytes.is_empty() => Some((|words| words.empty_value) as fn(&'static Words) -> &'static str),
        Some(_) => None,
    };
    if let Some(word) = empty_word {
        return view! { <div class="detail-value">{note} <p class="said">{prefs.text(word)}</p></div> }.into_any();
    }
    let bytes = StoredValue::new_local(value.unwrap_or_default());
    let form = RwSignal::new(default_form);
    let factor = RwSignal::new(1usize);
    let body = NodeRef::<Div>::new();
    // The shown and the total number of lines or bytes, if the value is not shown completely.
    let shown_part = RwSignal::new(None::<(usize, usize)>);
    let refold = Trigger::new();
    let host = use_context::<RecordHost>();
    // The line of the field whose actions are shown.
    let picked = RwSignal::new(None::<usize>);
    Effect::new(move |_| {
        refold.track();
        let (Some(body), form, factor) = (body.get(), form.get(), factor.get()) else { return };
        body.set_text_content(None);
        let part = match form {
            // A component of its own.
            Form::Changes => None,
            Form::Json => {
                let fields = host.map(|_| (picked.get(), prefs.words()));
                foldable.with_value(|foldable| {
                    show_json(foldable.as_ref()?, &body, FIRST_LINES * factor, &shown_filter(store, host), fields)
                })
            }
            Form::Text => {
                bytes.with_value(|bytes| show_text(bytes, &body, FIRST_TEXT_BYTES * factor, &shown_filter(store, host)))
            }
            Form::Bytes => bytes.with_value(|bytes| show_bytes(bytes, &body, FIRST_BYTES * factor)),
        };
        shown_part.set(part);
    });
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let number = |name: &str| target.as_ref().and_then(|target| target.get_attribute(name)?.parse::<usize>().ok());
        // A click on a name is a click on the button of its line.
        let name = target.as_ref().filter(|target| target.class_name() == "json-key");
        let button = name.and_then(|name| name.parent_element()?.query_selector("[data-field]").ok()?);
        let of_name = button.and_then(|button| button.get_attribute("data-field")?.parse().ok());
        if let Some(line) = number("data-field").or(of_name) {
            picked.update(|picked| *picked = (*picked != Some(line)).then_some(line));
            request_animation_frame(move || focus_field(body, picked.try_get_untracked().flatten(), line));
        } else if let (Some(host), Some(line), Some(index)) = (host, picked.get_untracked(), number("data-use")) {
            let field = foldable.with_value(|foldable| foldable.as_ref()?.field_at(line));
            if let (Some((path, json)), Some((action, ..))) = (field, FIELD_USES.get(index)) {
                picked.set(None);
                request_animation_frame(move || focus_field(body, None, line));
                host.use_field.run((*action, path, json));
            }
        } else if let Some(line) = number("data-line") {
            picked.set(None);
            foldable.update_value(|foldable| foldable.iter_mut().for_each(|foldable| foldable.toggle(line)));
            refold.notify();
        }
    };
    let tab = move |of: Form, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        view! {
            <button
                type="button"
                data-testid=testid
                aria-pressed=move || (form.get() == of).to_string()
                on:click=move |_| {
                    factor.set(1);
                    form.set(of);
                }
            >
                {prefs.text(word)}
            </button>
        }
    };
    let can_fold =
        is_json && foldable.with_value(|foldable| foldable.as_ref().is_some_and(|foldable| foldable.line_count() > 3));
    let has_folded = Memo::new(move |_| {
        refold.track();
        foldable.with_value(|foldable| foldable.as_ref().is_some_and(FoldableJson::has_folded))
    });
    let fold_all = move |_| {
        let fold = !has_folded.get_untracked();
        foldable.update_value(|foldable| foldable.iter_mut().for_each(|foldable| foldable.fold_all(fold)));
        refold.notify();
    };
    let shown_note = move || {
        let (shown, all) = shown_part.get()?;
        let language = prefs.language();
        let values = match form.get() {
            Form::Json => [format::number(shown as u64, language), format::number(all as u64, language)],
            _ => [format::bytes(shown, language), format::bytes(all, language)],
        };
        let text = if form.get() == Form::Json { prefs.words().shown_lines } else { prefs.words().shown_part };
        let [shown, size] = values;
        Some(text.with_shown_size(&shown, &size))
    };
    view! {
        <div id="detail-value" class="detail-value" tabindex="0" role="group" aria-label=prefs.text(|w| w.value)>
            {note}
            <div class="value-head">
                <span class="forms" role="group" aria-label=prefs.text(|w| w.value_shown_as)>
                    {folds.map(|_| tab(Form::Changes, "fold-changes", folded_word))}
                    {is_json.then(|| tab(Form::Json, "value-json", |w| w.form_json))}
                    {has_text.then(|| tab(Form::Text, "value-text", |w| w.form_text))}
                    {tab(Form::Bytes, "value-bytes", |w| w.form_bytes)}
                </span>
                <span class="muted">{move || format::bytes(size, prefs.language())}</span>
                <Show when=move || can_fold && form.get() == Form::Json>
                    <button type="button" class="link" data-testid="fold-all" on:click=fold_all>
                        {move || if has_folded.get() { prefs.words().unfold_all } else { prefs.words().fold_all }}
                    </button>
                </Show>
            </div>
            <div class="value-body" data-testid="detail-value" node_ref=body on:click=on_click></div>
            <Show when=move || form.get() == Form::Changes>
                <ChangesView json=bytes.with_value(|bytes| String::from_utf8_lossy(bytes).into_owned()) />
            </Show>
            <Show when=move || shown_part.get().is_some()>
                <p class="shown-part">
                    <span>{shown_note}</span>
                    <button
                        type="button"
                        class="button small"
                        data-testid="show-more"
                        on:click=move |_| factor.update(|factor| *factor *= MORE_FACTOR)
                    >
                        {prefs.text(|w| w.show_more)}
                    </button>
                </p>
            </Show>
        </div>
    }
    .into_any()
}

type Word = fn(&Words) -> &'static str;

/// What a field is used for, with the hook for automation.
const FIELD_USES: [(FieldUse, &str, Word); 3] = [
    (FieldUse::Column, "field-column", |words| words.field_column),
    (FieldUse::Filter, "field-filter", |words| words.field_filter),
    (FieldUse::CopyPath, "field-path", |words| words.field_path),
];

/// Moves the focus to the actions of the picked line, or back to the button of the line that had them.
fn focus_field(body: NodeRef<Div>, picked: Option<usize>, line: usize) {
    let selector = if picked.is_some() { "[data-use]".to_owned() } else { format!("[data-field='{line}']") };
    // Using a field may close the record.
    let body = body.try_get_untracked().flatten();
    let found = body.and_then(|body| body.query_selector(&selector).ok().flatten());
    if let Some(button) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = button.focus();
    }
}

/// The button that shows the actions of a line's field, and the actions if the line is picked.
fn append_field_actions(row: &web_sys::HtmlElement, line: &FoldableLine<'_>, picked: Option<usize>, words: &Words) {
    let text = line.text.trim();
    // A closing bracket, or the whole value.
    if line.number == 0 || text.starts_with(['}', ']']) {
        return;
    }
    let is_picked = picked == Some(line.number);
    let more = make("button", "field-more");
    set(&more, "type", "button");
    set(&more, "data-testid", "field-more");
    set(&more, "data-field", &line.number.to_string());
    set(&more, "aria-expanded", if is_picked { "true" } else { "false" });
    set(&more, "aria-label", &words.field_actions.with_name(text.get(..40).unwrap_or(text)));
    more.set_text_content(Some("⋯"));
    append(row, &more);
    if is_picked {
        let actions = make("span", "field-actions");
        for (index, (action, testid, word)) in FIELD_USES.iter().enumerate() {
            // Only a plain value is compared.
            if *action == FieldUse::Filter && (line.closing.is_some() || text.ends_with(['}', ']'])) {
                continue;
            }
            let button = make("button", "button small");
            set(&button, "type", "button");
            set(&button, "data-use", &index.to_string());
            set(&button, "data-testid", testid);
            button.set_text_content(Some(word(words)));
            append(&actions, &button);
        }
        append(row, &actions);
    }
}

/// Adds one element per line, since lines fold. `fields`: the line whose field is picked, if fields can be used. Returns the shown and the total number of lines if not all are shown.
fn show_json(
    foldable: &FoldableJson,
    body: &web_sys::HtmlElement,
    max_lines: usize,
    filter: &Filter,
    fields: Option<(Option<usize>, &Words)>,
) -> Option<(usize, usize)> {
    let mut shown = 0;
    for line in foldable.lines().take(max_lines) {
        shown = line.number + 1;
        let row = make("div", "json-line");
        if line.closing.is_some() {
            let button = make("button", "fold");
            set(&button, "type", "button");
            set(&button, "data-line", &line.number.to_string());
            set(&button, "aria-expanded", if line.is_folded { "false" } else { "true" });
            set(&button, "aria-label", line.text.trim());
            append(&row, &button);
        }
        let text = &line.text[..line.text.floor_char_boundary(MAX_LINE_BYTES)];
        append_parts(&row, &styled_json(text, &filter.marks_in(Part::Value, text)));
        if line.text.len() > MAX_LINE_BYTES {
            append_parts(&row, &[("said", "…".to_owned())]);
        }
        if let Some(closing) = line.closing.filter(|_| line.is_folded) {
            append_parts(&row, &[("said", " … ".to_owned()), ("", closing.to_owned())]);
        }
        if let Some((picked, words)) = fields {
            append_field_actions(&row, &line, picked, words);
        }
        append(body, &row);
    }
    let is_all = foldable.lines().nth(max_lines).is_none();
    (!is_all).then_some((shown, foldable.line_count()))
}

/// The filter whose matches are marked. The live view's filter does not apply to records of another list.
fn shown_filter(store: Store, host: Option<RecordHost>) -> Filter {
    match host {
        Some(host) => host.marks.get_value(),
        None => store.untracked(|state| state.feed().filter().clone()),
    }
}

/// Returns the shown and the total number of bytes if not all are shown.
fn show_text(bytes: &[u8], body: &web_sys::HtmlElement, max_bytes: usize, filter: &Filter) -> Option<(usize, usize)> {
    /// Text of one element. The browser lays out only the elements in sight (`content-visibility`).
    const BLOCK_BYTES: usize = 16 * 1024;
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let shown = &text[..text.floor_char_boundary(max_bytes)];
    let mut rest = shown;
    while !rest.is_empty() {
        // Split after a line break if there is one, so that the blocks are not visible.
        let limit = rest.floor_char_boundary(BLOCK_BYTES);
        let end = if limit == rest.len() { limit } else { rest[..limit].rfind('\n').map_or(limit, |at| at + 1) };
        let block = &rest[..end];
        let pre = make("pre", "block");
        append_parts(&pre, &styled_text(block, &filter.marks_in(Part::Value, block), true));
        append(body, &pre);
        rest = &rest[end..];
    }
    (shown.len() < text.len()).then_some((shown.len(), text.len()))
}

/// Returns the shown and the total number of bytes if not all are shown.
fn show_bytes(bytes: &[u8], body: &web_sys::HtmlElement, max_bytes: usize) -> Option<(usize, usize)> {
    let shown = &bytes[..bytes.len().min(max_bytes)];
    let pre = make("pre", "hex");
    // Focusable, so that a narrow hex dump can be scrolled sideways with the keyboard.
    set(&pre, "tabindex", "0");
    // The characters beside the digits have to be in sight: a line of sixteen bytes has 78 characters.
    let bytes_a_line = if body.client_width() < LONG_HEX_LINE_PX { 8 } else { 16 };
    pre.set_text_content(Some(&hex_dump(shown, bytes_a_line)));
    append(body, &pre);
    (shown.len() < bytes.len()).then_some((shown.len(), bytes.len()))
}
