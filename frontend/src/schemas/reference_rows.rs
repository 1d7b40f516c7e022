//! The references of the schema to register: a row each.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::{WithN, Words};
use page_model::{ReferenceRow, RegistrationError, RegistrationForm};

#[component]
pub fn ReferenceRows(
    form: RwSignal<RegistrationForm>,
    /// The mistake to show.
    error: Memo<Option<RegistrationError>>,
    /// Called after each change.
    on_edit: Callback<()>,
) -> impl IntoView {
    let prefs = preferences();
    let count = Memo::new(move |_| form.with(|form| form.references.len()));
    let add = move |_| {
        form.update(|form| form.references.push(ReferenceRow::default()));
        on_edit.run(());
    };
    view! {
        <fieldset class="plain">
            <legend>{prefs.text(|w| w.references)}</legend>
            <p class="field-note">{prefs.text(|w| w.references_note)}</p>
            // Keyed by index: after a row is removed, each later row shows the next reference.
            <For each=move || 0..count.get() key=|at| *at let:at>
                <Row form=form at=at error=error on_edit=on_edit />
            </For>
            <div>
                <button type="button" class="link" data-testid="reference-add" on:click=add>
                    "+ "
                    {prefs.text(|w| w.reference_add)}
                </button>
            </div>
        </fieldset>
    }
}

#[component]
fn Row(
    form: RwSignal<RegistrationForm>,
    at: usize,
    error: Memo<Option<RegistrationError>>,
    on_edit: Callback<()>,
) -> impl IntoView {
    let prefs = preferences();
    let number = (at + 1).to_string();
    let is_wrong = Memo::new(move |_| error.get() == Some(RegistrationError::Reference(at)));
    let note = format!("reference-{at}-note");
    let field = {
        let (number, note) = (number.clone(), note.clone());
        move |testid: &'static str,
              label: fn(&Words) -> WithN,
              short: fn(&'static Words) -> &'static str,
              of: fn(&mut ReferenceRow) -> &mut String| {
            let number = number.clone();
            let value = move || {
                let mut row = form.with(|form| form.references.get(at).cloned()).unwrap_or_default();
                std::mem::take(of(&mut row))
            };
            view! {
                <input
                    type="text"
                    class="mono"
                    data-testid=testid
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder=prefs.text(short)
                    aria-label=move || label(prefs.words()).with_n(&number)
                    aria-invalid=move || is_wrong.get().to_string()
                    aria-describedby=note.clone()
                    prop:value=value
                    on:input=move |event| {
                        form.update(|form| {
                            if let Some(row) = form.references.get_mut(at) {
                                *of(row) = event_target_value(&event);
                            }
                        });
                        on_edit.run(());
                    }
                />
            }
        }
    };
    view! {
        <div class="reference-row">
            {field("reference-name", |w| w.reference_name, |w| w.reference_name_short, |row| &mut row.name)}
            {field("reference-subject", |w| w.reference_subject, |w| w.subject, |row| &mut row.subject)}
            {field("reference-version", |w| w.reference_version, |w| w.version, |row| &mut row.version)}
            <button
                type="button"
                class="icon"
                aria-label=move || prefs.words().reference_remove.with_n(&number)
                on:click=move |_| {
                    form.update(|form| {
                        if at < form.references.len() {
                            form.references.remove(at);
                        }
                    });
                    on_edit.run(());
                }
            >
                "×"
            </button> <p id=note class="field-note fault" role="status">
                {move || is_wrong.get().then(|| prefs.words().reference_wrong)}
            </p>
        </div>
    }
}
