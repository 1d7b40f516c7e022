//! How a field becomes bytes: null, text, JSON, base64 or a file, chosen explicitly.

use leptos::html::Input;
use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::Words;
use crate::platform::files;
use crate::send::field_editor::{field_of, is_about_json, load_file, update_field};
use page_model::{Draft, DraftPart, FieldError, Form};

const FORMS: [(Form, &str); 5] =
    [(Form::Null, "null"), (Form::Text, "text"), (Form::Json, "json"), (Form::Base64, "base64"), (Form::File, "file")];

pub fn form_name(form: Form) -> &'static str {
    FORMS.iter().find(|(each, _)| *each == form).map_or("", |(_, name)| name)
}

pub fn form_of(name: &str) -> Form {
    FORMS.iter().find(|(_, each)| *each == name).map_or(Form::Null, |(form, _)| *form)
}

pub fn form_words(form: Form, words: &'static Words) -> &'static str {
    match form {
        Form::Null => words.form_null,
        Form::Text => words.form_text,
        Form::Json => words.form_json,
        Form::Base64 => words.form_base64,
        Form::File => words.form_file,
    }
}

/// `testid`: the test id of the field. The test id of each choice has the choice's name appended: `compose-value-json`.
#[component]
pub fn FormChoice(
    draft: RwSignal<Draft>,
    part: DraftPart,
    testid: String,
    error: Memo<Option<FieldError>>,
) -> impl IntoView {
    let prefs = preferences();
    let form = Memo::new(move |_| draft.with(|draft| field_of(draft, part).form));
    let picker = NodeRef::<Input>::new();
    let is_invalid = Memo::new(move |_| error.with(|error| error.as_ref().is_some_and(is_about_json)));
    let choose = move |choice: Form| {
        let has_file = draft.with_untracked(|draft| field_of(draft, part).file.is_some());
        let is_chosen = form.get_untracked() == choice;
        if choice == Form::File
            && (!has_file || is_chosen)
            && let Some(picker) = picker.get_untracked()
        {
            return picker.click();
        }
        update_field(draft, part, |field| field.form = choice);
    };
    let choices = FORMS.map(|(choice, name)| {
        let is_chosen = move || form.get() == choice;
        let mark = move || match (choice, is_chosen(), is_invalid.get()) {
            (Form::Json, true, false) => " ✓",
            (Form::Json, true, true) => " ✗",
            _ => "",
        };
        view! {
            <button
                type="button"
                data-testid=format!("{testid}-{name}")
                aria-pressed=move || is_chosen().to_string()
                class:faulty=move || choice == Form::Json && is_chosen() && is_invalid.get()
                on:click=move |_| choose(choice)
            >
                {move || form_words(choice, prefs.words())}
                <span aria-hidden="true">{mark}</span>
            </button>
        }
    });
    let label = move || if part == DraftPart::Key { prefs.words().key_form } else { prefs.words().value_form };
    view! {
        <span class="forms" role="group" aria-label=label>
            {choices}
            <input
                type="file"
                class="out-of-sight"
                tabindex="-1"
                node_ref=picker
                data-testid=format!("{testid}-picker")
                aria-label=move || format!("{}: {}", label(), prefs.words().form_file)
                on:change=move |event| {
                    if let Some(file) = files::chosen(&event) {
                        load_file(draft, part, file);
                    }
                }
            />
        </span>
    }
}
