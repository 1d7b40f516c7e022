//! How a text becomes bytes: null, text or JSON, chosen explicitly.

use leptos::prelude::*;

use super::preferences;
use crate::state::{Form, JsonFault};
use crate::words::Words;

const FORMS: [(Form, &str); 3] = [(Form::Null, "null"), (Form::Text, "text"), (Form::Json, "json")];

/// `testid` is the field's own; each choice adds its name: `compose-value-json`.
#[component]
pub fn FormChoice(
    label: fn(&Words) -> &'static str,
    testid: &'static str,
    form: RwSignal<Form>,
    #[prop(into)] fault: Signal<Option<JsonFault>>,
) -> impl IntoView {
    let prefs = preferences();
    let choices = FORMS.map(|(choice, name)| {
        let is_chosen = move || form.get() == choice;
        let mark = move || match (choice, is_chosen(), fault.get().is_some()) {
            (Form::Json, true, false) => " ✓",
            (Form::Json, true, true) => " ✗",
            _ => "",
        };
        let text = move || {
            let words = prefs.words();
            match choice {
                Form::Null => words.form_null,
                Form::Text => words.form_text,
                Form::Json => words.form_json,
            }
        };
        view! {
            <button
                type="button"
                data-testid=format!("{testid}-{name}")
                aria-pressed=move || is_chosen().to_string()
                class:faulty=move || choice == Form::Json && is_chosen() && fault.get().is_some()
                on:click=move |_| form.set(choice)
            >
                {text}
                <span aria-hidden="true">{mark}</span>
            </button>
        }
    });
    view! {
        <span class="forms" role="group" aria-label=move || label(prefs.words())>
            {choices}
        </span>
    }
}
