//! What an expression may name, with examples to start from.

use leptos::prelude::*;

use crate::context::preferences;
use crate::messages::browse::Browse;
use crate::ui::menu::Menu;

/// The variables of an expression, as in `crates/filter/src/expression/node.rs`.
const VARIABLES: &str = "value · key · headers · topic · partition · offset · timestamp · size";

const EXAMPLES: [&str; 5] = [
    "value.customer.tier == \"gold\" && value.amount > 850",
    "value.lines.exists(line, line.sku.startsWith(\"A-\"))",
    "has(value.error) || headers.level == \"ERROR\"",
    "key == null && size > 1000",
    "timestamp > timestamp(\"2026-01-31T12:00:00Z\")",
];

#[component]
pub fn ExpressionHelp(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    let example = move |example: &'static str| {
        view! {
            <button
                type="button"
                class="link mono"
                data-testid="expression-example"
                on:click=move |_| browse.form.update(|form| example.clone_into(&mut form.text))
            >
                {example}
            </button>
        }
    };
    view! {
        <div class="expression-help">
            <Menu label=move || prefs.words().expression_help.to_owned() testid="expression-help" class="">
                <p class="format-note">
                    {prefs.text(|w| w.expression_variables)} ": " <span class="mono">{VARIABLES}</span>
                </p>
                {EXAMPLES.map(example).collect_view()}
            </Menu>
        </div>
    }
}
