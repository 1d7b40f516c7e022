//! The templates: load, save, rename, delete with undo, export and import.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::WithName;
use crate::platform::browser::FileParts;
use crate::platform::files;
use crate::send::send_fields::SendFields;
use crate::ui::file_picker::FilePicker;
use page_model::{RunPlan, SavedTemplate};

#[component]
pub fn SavedTemplates(fields: SendFields) -> impl IntoView {
    let prefs = preferences();
    let name = RwSignal::new(fields.template_name.get_untracked().unwrap_or_default());
    let message = RwSignal::new(String::new());
    let listed = Memo::new(move |_| {
        let topic = fields.topic.get();
        fields.templates.with(|templates| templates.listed_for(topic.trim()))
    });
    let topic = move || fields.topic.get_untracked().trim().to_owned();
    let load_seed = move |_| {
        fields.load_plan(RunPlan::seed(), None);
        name.set(String::new());
    };
    let save = move || {
        let name = name.get_untracked().trim().to_owned();
        if !name.is_empty() {
            let encoding = Some(fields.encoding.get_untracked());
            let saved = SavedTemplate { name: name.clone(), topic: topic(), plan: untrack(|| fields.plan()), encoding };
            fields.templates.update(|templates| templates.save(saved));
            fields.template_name.set(Some(name.clone()));
            message.set(prefs.words().template_saved.with_name(&name));
        }
    };
    let import = move |file| {
        files::read(file, move |_, bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let imported = fields.templates.try_update(|templates| templates.import(&text));
            let words = prefs.words_untracked();
            message.set(match imported {
                Some(Ok(n)) => words.templates_imported_count.count(n as u64, &n.to_string()),
                Some(Err(spot)) => {
                    let (line, column) = (spot.line.to_string(), spot.column.to_string());
                    words.templates_unreadable.with_column_line(&column, &line)
                }
                None => String::new(),
            });
        });
    };
    let export = move |_| {
        let json = fields.templates.with_untracked(|templates| templates.to_json());
        let mut file = FileParts::new();
        file.push(&json);
        file.save("ponte-templates.json", "application/json");
    };
    view! {
        <details class="headers templates" data-testid="templates">
            <summary>
                {prefs.text(|w| w.templates)} <span class="count">{move || fields.template_name.get()}</span>
            </summary>
            <ul class="template-list">
                <li>
                    <button type="button" class="template-load" data-testid="template-seed" on:click=load_seed>
                        <span class="clip">{prefs.text(|w| w.template_seed)}</span>
                        <span class="muted">{prefs.text(|w| w.template_built_in)}</span>
                    </button>
                </li>
                <For each=move || listed.get() key=|saved| (saved.name.clone(), saved.topic.clone()) let:saved>
                    <SavedTemplateRow fields=fields saved=saved name=name message=message />
                </For>
            </ul>
            <div class="template-save">
                <input
                    type="text"
                    data-testid="template-name"
                    autocomplete="off"
                    placeholder=prefs.text(|w| w.template_name)
                    aria-label=prefs.text(|w| w.template_name)
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                    on:keydown=move |event| {
                        if event.key() == "Enter" && !event.ctrl_key() {
                            event.prevent_default();
                            save();
                        }
                    }
                />
                <button
                    type="button"
                    class="button small"
                    data-testid="template-save"
                    disabled=move || name.with(|name| name.trim().is_empty())
                    on:click=move |_| save()
                >
                    {prefs.text(|w| w.template_save)}
                </button>
            </div>
            <p class="template-said" role="status">
                {move || message.get()}
                <Show when=move || fields.templates.with(|templates| templates.deleted().is_some())>
                    <button
                        type="button"
                        class="link"
                        data-testid="template-undo"
                        on:click=move |_| {
                            fields.templates.update(|templates| templates.undo());
                            message.set(String::new());
                        }
                    >
                        {prefs.text(|w| w.undo)}
                    </button>
                </Show>
            </p>
            <div class="template-files">
                <button
                    type="button"
                    class="link"
                    data-testid="templates-export"
                    disabled=move || fields.templates.with(|templates| templates.is_empty())
                    on:click=export
                >
                    {prefs.text(|w| w.templates_export)}
                </button>
                <FilePicker
                    label=|w| w.templates_import
                    testid="templates-import"
                    picker_testid="templates-picker"
                    accept=".json,application/json"
                    on_file=import
                />
            </div>
        </details>
    }
}

/// The row of a template: its name as a button that loads it, and buttons to rename and to delete it.
#[component]
fn SavedTemplateRow(
    fields: SendFields,
    saved: SavedTemplate,
    name: RwSignal<String>,
    message: RwSignal<String>,
) -> impl IntoView {
    let prefs = preferences();
    let is_renaming = RwSignal::new(false);
    let saved = StoredValue::new(saved);
    let (its_name, its_topic) = saved.with_value(|saved| (saved.name.clone(), saved.topic.clone()));
    let label = StoredValue::new(its_name.clone());
    let load = move |_| {
        // The template may have been saved again since this row was created.
        let now = fields
            .templates
            .with_untracked(|templates| saved.with_value(|saved| templates.get(&saved.name, &saved.topic).cloned()));
        if let Some(saved) = now {
            name.set(saved.name.clone());
            fields.load_template(saved);
        }
    };
    let rename = move |event: leptos::ev::Event| {
        let new_name = event_target_value(&event);
        is_renaming.set(false);
        let (old, topic) = saved.with_value(|saved| (saved.name.clone(), saved.topic.clone()));
        if new_name.trim() == old {
            return;
        }
        let renamed = fields.templates.try_update(|templates| templates.rename(&old, &topic, &new_name));
        if renamed != Some(true) {
            message.set(prefs.words_untracked().template_name_taken.with_name(new_name.trim()));
        } else if fields.template_name.get_untracked().as_ref() == Some(&old) {
            fields.template_name.set(Some(new_name.trim().to_owned()));
            name.set(new_name.trim().to_owned());
        }
    };
    let delete = move |_| {
        let (old, topic) = saved.with_value(|saved| (saved.name.clone(), saved.topic.clone()));
        message.set(prefs.words_untracked().template_deleted.with_name(&old));
        fields.templates.update(|templates| templates.delete(&old, &topic));
    };
    let named = move |text: WithName| text.with_name(&label.get_value());
    view! {
        <li data-testid="template">
            {move || {
                if is_renaming.get() {
                    view! {
                        <input
                            type="text"
                            data-testid="template-new-name"
                            autofocus
                            aria-label=move || named(prefs.words().template_rename)
                            prop:value=label.get_value()
                            on:change=rename
                            on:blur=move |_| is_renaming.set(false)
                        />
                    }
                        .into_any()
                } else {
                    view! {
                        <button type="button" class="template-load" data-testid="template-load" on:click=load>
                            <span class="clip">{its_name.clone()}</span>
                            <span class="muted clip">{its_topic.clone()}</span>
                        </button>
                    }
                        .into_any()
                }
            }}
            <button
                type="button"
                class="icon"
                data-testid="template-rename"
                aria-label=move || named(prefs.words().template_rename)
                title=move || named(prefs.words().template_rename)
                on:click=move |_| is_renaming.set(true)
            >
                "✎"
            </button>
            <button
                type="button"
                class="icon"
                data-testid="template-delete"
                aria-label=move || named(prefs.words().template_delete)
                title=move || named(prefs.words().template_delete)
                on:click=delete
            >
                "×"
            </button>
        </li>
    }
}
