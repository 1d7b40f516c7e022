//! The structure of a schema as a tree. Its nodes open one by one, since a type may contain itself.

use leptos::html::Div;
use leptos::prelude::*;
use protocol::SchemaStructure;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::context::preferences;
use crate::i18n::Words;
use crate::ui::dom::{append, make, set, set_style};
use crate::ui::json_view::with_signs;
use page_model::{SchemaTree, TreeRow};

#[component]
pub fn StructureTree(structure: SchemaStructure) -> impl IntoView {
    let prefs = preferences();
    let tree = StoredValue::new_local(SchemaTree::new(structure));
    let redraw = Trigger::new();
    let body = NodeRef::<Div>::new();
    // The node that the user has toggled, whose button keeps the focus.
    let toggled = StoredValue::new(None::<String>);
    Effect::new(move |_| {
        redraw.track();
        let (Some(body), words) = (body.get(), prefs.words()) else { return };
        let rows = tree.with_value(SchemaTree::rows);
        set(&body, "data-rows", &rows.len().to_string());
        body.set_text_content(None);
        let focus = toggled.try_update_value(Option::take).flatten();
        for row in rows {
            let (element, button) = row_element(&row, words);
            append(&body, &element);
            if let Some(button) = button.filter(|_| focus.as_ref() == Some(&row.path)) {
                let _ = button.focus();
            }
        }
    });
    let toggle = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let button = target.and_then(|target| target.closest("button[data-path]").ok().flatten());
        let Some(path) = button.and_then(|button| button.get_attribute("data-path")) else { return };
        tree.update_value(|tree| tree.toggle(&path));
        toggled.set_value(Some(path));
        redraw.notify();
    };
    view! {
        <div
            class="structure"
            data-testid="schema-structure"
            role="list"
            aria-label=prefs.text(|w| w.structure)
            node_ref=body
            on:click=toggle
        ></div>
    }
}

/// The row, and the button that opens and closes its node.
fn row_element(row: &TreeRow, words: &'static Words) -> (HtmlElement, Option<HtmlElement>) {
    /// Deeper levels are not indented further, so that their text stays in the column.
    const MAX_INDENTED_LEVELS: usize = 12;
    let element = make("div", "structure-row");
    set(&element, "role", "listitem");
    set(&element, "data-depth", &row.depth.to_string());
    set_style(&element, "--depth", &row.depth.min(MAX_INDENTED_LEVELS).to_string());
    let text = |class: &str, text: &str| {
        let span = make("span", class);
        span.set_text_content(Some(text));
        append(&element, &span);
    };
    let (name, title) = (with_signs(&row.name), with_signs(&row.title));
    let button = row.is_open.map(|is_open| {
        let button = make("button", "fold");
        set(&button, "type", "button");
        set(&button, "data-path", &row.path);
        set(&button, "aria-expanded", if is_open { "true" } else { "false" });
        set(&button, "aria-label", &format!("{name} {title}"));
        append(&element, &button);
        button
    });
    if !name.is_empty() {
        text("structure-name json-key", &name);
    }
    text("structure-type mono", &title);
    if row.optional {
        text("label", words.field_optional);
    }
    if let Some(group) = &row.one_of {
        text("label", &words.field_one_of.with_name(&with_signs(group)));
    }
    if let Some(default) = &row.default {
        text("structure-note", &words.field_default.with_value(&with_signs(default)));
    }
    if !row.values.is_empty() {
        text("structure-note mono", &with_signs(&row.values.join(" · ")));
    }
    if let Some(documentation) = &row.documentation {
        text("structure-note", &with_signs(documentation));
    }
    (element, button)
}
