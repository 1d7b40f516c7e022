//! The editor of a key or a value: its form, its text or file, and its error.

use leptos::prelude::*;
use protocol::RecordPart;
use wasm_bindgen::JsCast;

use crate::context::preferences;
use crate::platform::files;
use crate::send::field_error::{error_words, spot};
use crate::send::form_choice::FormChoice;
use crate::send::record_fields::prefix;
use crate::send::send_fields::SendFields;
use crate::send::typed_field::{load_typed_field, typed_field};
use crate::ui::drop_zone::DropZone;
use crate::ui::format;
use crate::ui::lazy::Lazy;
use page_model::{Draft, DraftKind, DraftPart, Field, FieldError, FileContent, Form, HeaderRow, Spot, indent};

pub fn field_of(draft: &Draft, part: DraftPart) -> &Field {
    match part {
        DraftPart::Key => &draft.key,
        DraftPart::Value | DraftPart::Timestamp => &draft.value,
        DraftPart::Header(at) => draft.headers.get(at).map_or(&draft.value, |row: &HeaderRow| &row.value),
    }
}

pub fn update_field(draft: RwSignal<Draft>, part: DraftPart, change: impl FnOnce(&mut Field)) {
    draft.update(|draft| match part {
        DraftPart::Key => change(&mut draft.key),
        DraftPart::Value | DraftPart::Timestamp => change(&mut draft.value),
        DraftPart::Header(at) => {
            if let Some(row) = draft.headers.get_mut(at) {
                change(&mut row.value);
            }
        }
    });
}

/// Loads a file into a field.
pub fn load_file(draft: RwSignal<Draft>, part: DraftPart, file: web_sys::File) {
    files::read(file, move |name, bytes| {
        update_field(draft, part, |field| {
            field.form = Form::File;
            field.file = Some(FileContent { name, bytes: Some(bytes.into()) });
        });
    });
}

/// The name and size of the file: `photo.jpg · 12.3 KB`.
pub fn file_words(field: &Field, language: crate::i18n::Language) -> String {
    let size = field.size();
    match &field.file {
        Some(FileContent { name, bytes: Some(_) }) => format!("{name} · {}", format::bytes(size, language)),
        Some(FileContent { name, bytes: None }) => name.clone(),
        None => String::new(),
    }
}

#[component]
pub fn FieldEditor(fields: SendFields, kind: DraftKind, part: RecordPart) -> impl IntoView {
    let prefs = preferences();
    let (draft, record_part) = (fields.draft(kind), part);
    let part = if record_part == RecordPart::Value { DraftPart::Value } else { DraftPart::Key };
    let is_value = part == DraftPart::Value;
    let is_encoded = Memo::new(move |_| fields.format_of(record_part).is_some());
    let id = format!("{}-{}", prefix(kind), if is_value { "value" } else { "key" });
    let note = format!("{id}-note");
    let form = Memo::new(move |_| draft.with(|draft| field_of(draft, part).form));
    let text = Memo::new(move |_| draft.with(|draft| field_of(draft, part).text.clone()));
    let error = Memo::new(move |_| draft.with(|draft| draft.error(part, kind)));
    let size = Memo::new(move |_| draft.with(|draft| field_of(draft, part).size()));
    let is_null = Memo::new(move |_| form.get() == Form::Null);
    let is_file = Memo::new(move |_| form.get() == Form::File);
    let shown = move || if is_null.get() { String::new() } else { text.get() };
    let placeholder = move || {
        let words = prefs.words();
        match (form.get(), is_value) {
            (Form::Null, true) => words.no_value,
            (Form::Null, false) => words.no_key,
            (Form::Base64, _) => words.base64_placeholder,
            _ => "",
        }
    };
    let write = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        update_field(draft, part, |field| {
            field.text = text;
            // Typing into a null field makes it text, or JSON if it is encoded.
            if field.form == Form::Null {
                field.form = if is_encoded.get_untracked() { Form::Json } else { Form::Text };
            }
        });
    };
    let invalid = move || error.get().is_some().to_string();
    let label = move || if is_value { prefs.words().value } else { prefs.words().key };

    let can_format =
        Memo::new(move |_| is_value && form.get() == Form::Json && kind == DraftKind::Record && error.get().is_none());
    let input_id = id.clone();
    let field_id = id.clone();
    let note_id = note.clone();
    let show_error = move || {
        let Some(Spot { line, column }) = error.get_untracked().as_ref().and_then(spot) else { return };
        select(&field_id, &text.get_untracked(), line, column);
    };
    let editor = move || {
        let (id, note) = (input_id.clone(), note_id.clone());
        if is_file.get() {
            let describedby = note.clone();
            return view! {
                <div id=id class="file-chip" tabindex="-1" role="group" aria-label=label aria-describedby=describedby>
                    <span class="clip">
                        {move || draft.with(|draft| file_words(field_of(draft, part), prefs.language()))}
                    </span>
                    <button
                        type="button"
                        class="icon"
                        aria-label=prefs.text(|w| w.file_remove)
                        on:click=move |_| {
                            update_field(
                                draft,
                                part,
                                |field| {
                                    field.file = None;
                                    field.form = if is_value { Form::Text } else { Form::Null };
                                },
                            );
                        }
                    >
                        "×"
                    </button>
                </div>
            }
            .into_any();
        }
        if is_value {
            view! {
                <textarea
                    id=id.clone()
                    class="mono"
                    data-testid=id
                    rows="5"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    aria-invalid=invalid
                    aria-describedby=note
                    placeholder=placeholder
                    prop:value=shown
                    on:input=write
                ></textarea>
            }
            .into_any()
        } else {
            view! {
                <input
                    id=id.clone()
                    class="mono"
                    data-testid=id
                    type="text"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    aria-invalid=invalid
                    aria-describedby=note
                    placeholder=placeholder
                    prop:value=shown
                    on:input=write
                />
            }
            .into_any()
        }
    };
    view! {
        <DropZone
            class=if is_value { "field value-field" } else { "field" }
            on_file=move |file| load_file(draft, part, file)
        >
            <div class="field-head">
                <label for=id.clone()>{label}</label>
                <FormChoice draft=draft part=part testid=id.clone() error=error />
            </div>
            <Lazy preload=load_typed_field view=move || typed_field(fields, kind, record_part) is_small=true />
            {editor}
            <div class="field-foot">
                <p id=note class="field-note" role="status" class:fault=move || error.get().is_some()>
                    {move || {
                        let (words, language) = (prefs.words(), prefs.language());
                        match (error.get(), form.get()) {
                            (Some(error), _) => error_words(&error, words),
                            (None, Form::Base64 | Form::File) => {
                                words.field_size.with_size(&format::bytes(size.get(), language))
                            }
                            _ => String::new(),
                        }
                    }}
                </p>
                <Show when=move || {
                    error.get().as_ref().and_then(spot).is_some()
                }>
                    {
                        let show_error = show_error.clone();
                        view! {
                            <button
                                type="button"
                                class="link"
                                data-testid=format!("{}-show-fault", prefix(kind))
                                on:click=move |_| show_error()
                            >
                                {prefs.text(|w| w.show_error)}
                            </button>
                        }
                    }
                </Show>
                <Show when=move || can_format.get()>
                    <button
                        type="button"
                        class="link"
                        data-testid="compose-format"
                        title=prefs.text(|w| w.format_hint)
                        on:click=move |_| update_field(draft, part, |field| field.text = indent(&field.text))
                    >
                        {prefs.text(|w| w.format)}
                    </button>
                </Show>
            </div>
        </DropZone>
    }
}

/// Focuses the field and selects the character at the error's position.
fn select(id: &str, text: &str, line: usize, column: usize) {
    let line_text = text.split('\n').nth(line - 1).unwrap_or_default();
    // The browser counts UTF-16 units.
    let units = |text: &str| text.encode_utf16().count() as u32;
    let lines_before: u32 = text.split('\n').take(line - 1).map(|line| units(line) + 1).sum();
    let before: String = line_text.chars().take(column - 1).collect();
    let (start, length) = (lines_before + units(&before), line_text.chars().nth(column - 1).map_or(0, char::len_utf16));
    let Some(element) = document().get_element_by_id(id) else { return };
    // Fails for input types without a selection; the focus is then enough.
    if let Some(area) = element.dyn_ref::<web_sys::HtmlTextAreaElement>() {
        let _ = area.focus();
        let _ = area.set_selection_range(start, start + length as u32);
    } else if let Some(input) = element.dyn_ref::<web_sys::HtmlInputElement>() {
        let _ = input.focus();
        let _ = input.set_selection_range(start, start + length as u32);
    }
}

/// Whether the mark on the JSON button shows this error: it is about JSON or placeholders.
pub fn is_about_json(error: &FieldError) -> bool {
    matches!(error, FieldError::Json(_) | FieldError::FirstJson(_) | FieldError::Template(_))
}
