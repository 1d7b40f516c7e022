//! One version of a subject: its text and structure, its differences from another version, and what uses it.

use leptos::prelude::*;
use protocol::{SchemaRequest, SchemaResult};

use crate::context::{preferences, store};
use crate::platform::browser;
use crate::schemas::code_lines::CodeLines;
use crate::schemas::compare::Compare;
use crate::schemas::load::{LoadProblem, Loaded};
use crate::schemas::structure::StructureTree;
use crate::schemas::subject_view::OpenSubject;
use crate::schemas::uses::Uses;
use crate::ui::fresh::fresh;
use page_model::{NoticeKind, readable_schema};

#[component]
pub fn VersionView(subject: OpenSubject, version: u32, tab: Memo<String>) -> impl IntoView {
    let schema = Loaded::open(move || SchemaRequest { subject: subject.name(), version: Some(version) });
    let is_known = schema.state.has_value;
    view! {
        <LoadProblem state=schema.state loading=|w| w.schema_loading />
        {fresh(move || match (is_known.get(), tab.get().as_str()) {
            (false, _) => ().into_any(),
            (_, "compare") => view! { <Compare subject=subject schema=schema /> }.into_any(),
            (_, "uses") => view! { <Uses subject=subject schema=schema /> }.into_any(),
            _ => view! { <Schema subject=subject schema=schema /> }.into_any(),
        })}
    }
}

#[component]
fn Schema(subject: OpenSubject, schema: Loaded<SchemaResult>) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let shown = schema.get_untracked()?;
    let number = shown.version;
    let language = shown.language;
    let text = readable_schema(language, &shown.text);
    // The text as it was registered, if the browser did not let the page copy it.
    let uncopied = RwSignal::new(false);
    let registered = StoredValue::new(shown.text.clone());
    let copy = move |_| {
        let Some(text) = registered.try_get_value() else { return };
        leptos::task::spawn_local(async move {
            let is_copied = browser::copy(&text).await;
            if is_copied {
                store.notify(NoticeKind::Copied);
            }
            uncopied.try_set(!is_copied);
        });
    };
    let is_indented = text != shown.text;
    let structure = match (&shown.structure, &shown.structure_error) {
        (Some(structure), _) => view! { <StructureTree structure=structure.clone() /> }.into_any(),
        (None, Some(error)) => {
            let error = error.clone();
            view! {
                <p class="fault" data-testid="structure-error">
                    {move || prefs.words().no_structure.with_why(&error)}
                </p>
            }
            .into_any()
        }
        (None, None) => ().into_any(),
    };
    Some(view! {
        <div class="facts-line" data-testid="schema-facts" data-id=shown.schema_id.to_string()>
            <span>{prefs.text(|w| w.schema_id)} " " <b class="mono">{shown.schema_id.to_string()}</b></span>
            <span>
                <b data-testid="schema-shown-language">{language.title()}</b>
            </span>
            <Show when=move || subject.is_version_deleted(number)>
                <span class="warn">{prefs.text(|w| w.version_is_deleted)}</span>
            </Show>
        </div>
        <div class="schema-columns">
            <section aria-labelledby="schema-text-title">
                <div class="schema-head">
                    <h3 id="schema-text-title">{prefs.text(|w| w.schema_text)}</h3>
                    {is_indented.then(|| view! { <span class="muted">{prefs.text(|w| w.schema_indented)}</span> })}
                    <div class="spacer"></div>
                    <button type="button" class="button small" data-testid="schema-copy" on:click=copy>
                        {prefs.text(|w| w.copy_schema)}
                    </button>
                </div>
                <Show when=move || uncopied.get()>
                    <label class="field">
                        <span class="field-note">{prefs.text(|w| w.copy_failed)}</span>
                        <textarea class="mono" rows="6" readonly prop:value=move || registered.get_value()></textarea>
                    </label>
                </Show>
                <CodeLines text=text is_json=language != protocol::SchemaLanguage::Protobuf />
            </section>
            <section aria-labelledby="schema-structure-title">
                <div class="schema-head">
                    <h3 id="schema-structure-title">{prefs.text(|w| w.structure)}</h3>
                </div>
                {structure}
            </section>
        </div>
    })
}
