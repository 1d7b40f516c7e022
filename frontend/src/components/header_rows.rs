//! The headers of the record to send: ordered, names may repeat.

use leptos::prelude::*;

use super::preferences;
use crate::state::HeaderRow;
use crate::words::fill;

/// A row being edited; `key` tells rows apart while they are added and removed.
#[derive(Clone, Copy, PartialEq)]
pub struct EditedHeader {
    key: u32,
    name: RwSignal<String>,
    value: RwSignal<String>,
}

impl EditedHeader {
    pub fn row(self) -> HeaderRow {
        HeaderRow { name: self.name.get(), value: self.value.get() }
    }
}

#[component]
pub fn HeaderRows(rows: RwSignal<Vec<EditedHeader>>) -> impl IntoView {
    let prefs = preferences();
    let next_key = StoredValue::new(0u32);
    let add = move || {
        let key = next_key.get_value();
        next_key.set_value(key + 1);
        let row = EditedHeader { key, name: RwSignal::new(String::new()), value: RwSignal::new(String::new()) };
        rows.update(|rows| rows.push(row));
    };
    let remove = move |key| rows.update(|rows| rows.retain(|row| row.key != key));
    let number =
        move |key| rows.with(|rows| rows.iter().position(|row| row.key == key).map_or(1, |at| at + 1)).to_string();
    view! {
        <details class="headers" data-testid="compose-headers" on:toggle=move |_| {
            // The first opening shows a row to fill instead of a second button to press.
            if rows.with_untracked(Vec::is_empty) {
                add();
            }
        }>
            <summary>
                {prefs.text(|w| w.headers)}
                <span class="count">
                    {move || {
                        let filled = rows.with(|rows| rows.iter().filter(|row| !row.name.with(String::is_empty)).count());
                        (filled > 0).then(|| filled.to_string())
                    }}
                </span>
            </summary>
            <For each=move || rows.get() key=|row| row.key let:row>
                <div class="header-row">
                    <input
                        type="text"
                        class="mono"
                        data-testid="compose-header-name"
                        autocomplete="off"
                        spellcheck="false"
                        placeholder=prefs.text(|w| w.header_name_short)
                        aria-label=move || fill(prefs.words().header_name, &[("n", &number(row.key))])
                        prop:value=move || row.name.get()
                        on:input=move |event| row.name.set(event_target_value(&event))
                    />
                    <input
                        type="text"
                        class="mono"
                        data-testid="compose-header-value"
                        autocomplete="off"
                        spellcheck="false"
                        placeholder=prefs.text(|w| w.header_value_short)
                        aria-label=move || fill(prefs.words().header_value, &[("n", &number(row.key))])
                        prop:value=move || row.value.get()
                        on:input=move |event| row.value.set(event_target_value(&event))
                    />
                    <button
                        type="button"
                        class="icon"
                        aria-label=move || fill(prefs.words().header_remove, &[("n", &number(row.key))])
                        on:click=move |_| remove(row.key)
                    >
                        "×"
                    </button>
                </div>
            </For>
            <button type="button" class="link" data-testid="compose-header-add" on:click=move |_| add()>
                "+ "
                {prefs.text(|w| w.header_add)}
            </button>
        </details>
    }
}
