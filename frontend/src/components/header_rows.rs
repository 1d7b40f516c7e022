//! The headers of the record to send: ordered, names may repeat, each value in a form of its own.

use leptos::html::Input;
use leptos::prelude::*;

use super::field_editor::{field_of, file_words, take_file, update_field};
use super::field_fault::fault_words;
use super::form_choice::{form_name, form_of, form_words};
use super::preferences;
use super::record_fields::prefix;
use crate::files;
use crate::words::fill;
use page_model::{Draft, DraftPart, Field, Form, HeaderRow, Meaning};

const FORMS: [Form; 5] = [Form::Null, Form::Text, Form::Json, Form::Base64, Form::File];

#[component]
pub fn HeaderRows(draft: RwSignal<Draft>, reading: Meaning) -> impl IntoView {
    let prefs = preferences();
    let places = Memo::new(move |_| draft.with(|draft| draft.headers.len()));
    view! {
        // By their place: a removed row hands its place to the next.
        <For each=move || 0..places.get() key=|at| *at let:at>
            <Row draft=draft reading=reading at=at />
        </For>
        <button
            type="button"
            class="link"
            data-testid=format!("{}-header-add", prefix(reading))
            on:click=move |_| add_header(draft)
        >
            "+ "
            {prefs.text(|w| w.header_add)}
        </button>
    }
}

pub fn add_header(draft: RwSignal<Draft>) {
    draft.update(|draft| draft.headers.push(HeaderRow { name: String::new(), value: Field::text("") }));
}

#[component]
fn Row(draft: RwSignal<Draft>, reading: Meaning, at: usize) -> impl IntoView {
    let prefs = preferences();
    let part = DraftPart::Header(at);
    let number = (at + 1).to_string();
    let said = move |text: &'static str| fill(text, &[("n", &number)]);
    let (say_name, say_value, say_form, say_remove) = (said.clone(), said.clone(), said.clone(), said);
    let name = Memo::new(move |_| draft.with(|draft| draft.headers.get(at).map(|row| row.name.clone())));
    let form = Memo::new(move |_| draft.with(|draft| field_of(draft, part).form));
    let fault = Memo::new(move |_| draft.with(|draft| draft.fault(part, reading)));
    let note = format!("{}-header-{at}-note", prefix(reading));
    let picker = NodeRef::<Input>::new();
    let shown = move || {
        draft.with(|draft| {
            let field = field_of(draft, part);
            match field.form {
                Form::Null => String::new(),
                Form::File => file_words(field, prefs.language()),
                _ => field.text.clone(),
            }
        })
    };
    view! {
        <div
            class="header-row"
            on:dragover=move |event| event.prevent_default()
            on:drop=move |event| {
                if let Some(file) = files::dropped(&event) {
                    take_file(draft, part, file);
                }
            }
        >
            <input
                type="text"
                class="mono"
                data-testid=format!("{}-header-name", prefix(reading))
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.header_name_short)
                aria-label=move || say_name(prefs.words().header_name)
                prop:value=move || name.get().unwrap_or_default()
                on:input=move |event| {
                    draft.update(|draft| {
                        if let Some(row) = draft.headers.get_mut(at) {
                            row.name = event_target_value(&event);
                        }
                    });
                }
            />
            <input
                type="text"
                class="mono"
                data-testid=format!("{}-header-value", prefix(reading))
                autocomplete="off"
                spellcheck="false"
                placeholder=move || if form.get() == Form::Null { prefs.words().form_null } else { prefs.words().header_value_short }
                readonly=move || form.get() == Form::File
                aria-label=move || say_value(prefs.words().header_value)
                aria-invalid=move || fault.get().is_some().to_string()
                aria-describedby=note.clone()
                prop:value=shown
                on:input=move |event| {
                    update_field(draft, part, |field| {
                        field.text = event_target_value(&event);
                        if field.form == Form::Null {
                            field.form = Form::Text;
                        }
                    });
                }
            />
            <select
                data-testid=format!("{}-header-form", prefix(reading))
                aria-label=move || say_form(prefs.words().header_form)
                prop:value=move || form_name(form.get())
                on:change=move |event| {
                    let choice = form_of(&event_target_value(&event));
                    update_field(draft, part, |field| field.form = choice);
                    if choice == Form::File && let Some(picker) = picker.get_untracked() {
                        picker.click();
                    }
                }
            >
                {FORMS.map(|choice| {
                    view! {
                        <option value=form_name(choice) selected=form.get_untracked() == choice>
                            {move || form_words(choice, prefs.words())}
                        </option>
                    }
                })}
            </select>
            <button
                type="button"
                class="icon"
                aria-label=move || say_remove(prefs.words().header_remove)
                on:click=move |_| draft.update(|draft| drop(draft.headers.remove(at)))
            >
                "×"
            </button>
            <input
                type="file"
                class="out-of-sight"
                tabindex="-1"
                node_ref=picker
                aria-label=prefs.text(|w| w.form_file)
                on:change=move |event| {
                    if let Some(file) = files::chosen(&event) {
                        take_file(draft, part, file);
                    }
                }
            />
            <p id=note class="field-note fault" role="status">
                {move || fault.get().map(|fault| fault_words(&fault, prefs.words()))}
            </p>
        </div>
    }
}
