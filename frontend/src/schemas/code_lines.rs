//! A schema's text with line numbers. Only the first lines of a long text are in the document until the user requests more.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::HtmlElement;

use crate::context::preferences;
use crate::ui::dom::{append, make};
use crate::ui::format::number;
use crate::ui::json_view::{append_parts, styled_json, styled_text};

const FIRST_LINES: usize = 1_000;
/// "Show more" multiplies the shown part by this.
const MORE_FACTOR: usize = 8;

#[component]
pub fn CodeLines(text: String, is_json: bool) -> impl IntoView {
    let prefs = preferences();
    let total = text.lines().count();
    let text = StoredValue::new(text);
    let most = RwSignal::new(FIRST_LINES);
    let body = NodeRef::<Div>::new();
    Effect::new(move |_| {
        let (Some(body), most) = (body.get(), most.get()) else { return };
        body.set_text_content(None);
        text.with_value(|text| {
            for line in text.lines().take(most) {
                append(&body, &code_line(line, is_json, "code-line"));
            }
        });
    });
    let shown = move || most.get().min(total);
    let note = move || {
        let language = prefs.language();
        let (shown, total) = (number(shown() as u64, language), number(total as u64, language));
        prefs.words().shown_lines.with_shown_size(&shown, &total)
    };
    view! {
        <div
            class="code"
            data-testid="schema-text"
            data-lines=total.to_string()
            tabindex="0"
            role="group"
            aria-label=prefs.text(|w| w.schema_text)
            node_ref=body
        ></div>
        <Show when=move || shown() < total>
            <p class="shown-part">
                <span>{note}</span>
                <button type="button" class="button small" on:click=move |_| most.update(|most| *most *= MORE_FACTOR)>
                    {prefs.text(|w| w.show_more)}
                </button>
            </p>
        </Show>
    }
}

/// One line, with colours and with signs in place of control characters.
pub fn code_line(line: &str, is_json: bool, class: &str) -> HtmlElement {
    let row = make("div", class);
    let parts = if is_json { styled_json(line, &[]) } else { styled_text(line, &[], true) };
    append_parts(&row, &parts);
    row
}
