//! The headers of the record to send. Their order is kept, names may repeat, and each value has its own form.

use leptos::html::Input;
use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::WithN;
use crate::platform::files;
use crate::send::field_editor::{field_of, file_words, load_file, update_field};
use crate::send::field_error::error_words;
use crate::send::form_choice::{form_name, form_of, form_words};
use crate::send::record_fields::prefix;
use page_model::{Draft, DraftKind, DraftPart, Field, Form, HeaderRow};

const FORMS: [Form; 5] = [Form::Null, Form::Text, Form::Json, Form::Base64, Form::File];

#[component]
pub fn HeaderRows(draft: RwSignal<Draft>, kind: DraftKind) -> impl IntoView {
    let prefs = preferences();
    let count = Memo::new(move |_| draft.with(|draft| draft.headers.len()));
    view! {
        // Keyed by index: after a row is removed, each later row shows the next header.
        <For each=move || 0..count.get() key=|at| *at let:at>
            <Row draft=draft kind=kind at=at />
        </For>
        <button
            type="button"
            class="link"
            data-testid=format!("{}-header-add", prefix(kind))
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
fn Row(draft: RwSignal<Draft>, kind: DraftKind, at: usize) -> impl IntoView {
    let prefs = preferences();
    let part = DraftPart::Header(at);
    let number = (at + 1).to_string();
    let numbered = move |text: WithN| text.with_n(&number);
    let (name_label, value_label, form_label, remove_label) =
        (numbered.clone(), numbered.clone(), numbered.clone(), numbered);
    let name = Memo::new(move |_| draft.with(|draft| draft.headers.get(at).map(|row| row.name.clone())));
    let form = Memo::new(move |_| draft.with(|draft| field_of(draft, part).form));
    let error = Memo::new(move |_| draft.with(|draft| draft.error(part, kind)));
    let note = format!("{}-header-{at}-note", prefix(kind));
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
                    load_file(draft, part, file);
                }
            }
        >
            <input
                type="text"
                class="mono"
                data-testid=format!("{}-header-name", prefix(kind))
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.header_name_short)
                aria-label=move || name_label(prefs.words().header_name)
                prop:value=move || name.get().unwrap_or_default()
                on:input=move |event| {
                    draft
                        .update(|draft| {
                            if let Some(row) = draft.headers.get_mut(at) {
                                row.name = event_target_value(&event);
                            }
                        });
                }
            />
            <input
                type="text"
                class="mono"
                data-testid=format!("{}-header-value", prefix(kind))
                autocomplete="off"
                spellcheck="false"
                placeholder=move || {
                    if form.get() == Form::Null { prefs.words().form_null } else { prefs.words().header_value_short }
                }
                readonly=move || form.get() == Form::File
                aria-label=move || value_label(prefs.words().header_value)
                aria-invalid=move || error.get().is_some().to_string()
                aria-describedby=note.clone()
                prop:value=shown
                on:input=move |event| {
                    update_field(
                        draft,
                        part,
                        |field| {
                            field.text = event_target_value(&event);
                            if field.form == Form::Null {
                                field.form = Form::Text;
                            }
                        },
                    );
                }
            />
            <select
                data-testid=format!("{}-header-form", prefix(kind))
                aria-label=move || form_label(prefs.words().header_form)
                prop:value=move || form_name(form.get())
                on:change=move |event| {
                    let choice = form_of(&event_target_value(&event));
                    update_field(draft, part, |field| field.form = choice);
                    if choice == Form::File && let Some(picker) = picker.get_untracked() {
                        picker.click();
                    }
                }
            >
                {FORMS
                    .map(|choice| {
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
                aria-label=move || remove_label(prefs.words().header_remove)
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
                        load_file(draft, part, file);
                    }
                }
            />
            <p id=note class="field-note fault" role="status">
                {move || error.get().map(|error| error_words(&error, prefs.words()))}
            </p>
        </div>
    }
}
