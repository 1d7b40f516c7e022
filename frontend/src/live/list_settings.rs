//! The menu of the list's settings: columns, limits, what happens when the page is too slow, whether a group commits, and
//! the export. The settings are stored.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::live::export::Export;
use crate::live::filter_bar::FilterBox;
use crate::ui::column_heads::column_word;
use crate::ui::format::number;
use crate::ui::lazy::{Lazy, lazy_part};
use crate::ui::menu::Menu;
use page_model::{Column, Limits};

/// The offered limits of kept records.
const RECORD_CHOICES: [usize; 4] = [1_000, 10_000, 100_000, Limits::MAX_RECORDS];

#[component]
pub fn ListSettings(filter: FilterBox) -> impl IntoView {
    let prefs = preferences();
    let label = move || prefs.words().list_settings.to_owned();
    view! {
        <Menu label=label testid="list-settings" class="">
            <Lazy preload=load_list_settings view=move || list_settings(filter) />
        </Menu>
    }
}

lazy_part! {
    /// The contents of the menu.
    settings, load_list_settings, pub fn list_settings(filter: FilterBox) -> LoadedView {
        Ok(view! { <Settings filter=filter /> }.into_any())
    }
}

#[component]
fn Settings(filter: FilterBox) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let set_limits = move |change: fn(&mut Limits, usize), text: String| {
        if let Ok(value) = text.parse() {
            let mut limits = prefs.limits();
            change(&mut limits, value);
            prefs.set_limits(limits);
            store.act(|state, _| state.set_limits(limits));
        }
    };
    let columns = Column::ALL.into_iter().filter(|&column| column != Column::Value).map(move |column| {
        let word = column_word(column);
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=format!("column-{}", column.name())
                    prop:checked=move || prefs.columns(|columns| columns.shows(column))
                    on:change=move |_| prefs.change_columns(|columns| columns.toggle(column))
                />
                {move || word(prefs.words())}
            </label>
        }
    });
    let records = RECORD_CHOICES.map(move |n| {
        view! { <option value=n.to_string()>{move || number(n as u64, prefs.language())}</option> }
    });
    let mib = Limits::MIB_CHOICES.map(|n| view! { <option value=n.to_string()>{format!("{n} MiB")}</option> });
    view! {
        <fieldset>
            <legend>{prefs.text(|w| w.columns)}</legend>
            {columns.collect::<Vec<_>>()}
        </fieldset>
        <label class="menu-line">
            <span>{prefs.text(|w| w.keep_records)}</span>
            <select
                data-testid="limit-records"
                prop:value=move || prefs.limits().records.to_string()
                on:change=move |event| set_limits(|limits, n| limits.records = n, event_target_value(&event))
            >
                {records}
            </select>
        </label>
        <label class="menu-line">
            <span>{prefs.text(|w| w.keep_memory)}</span>
            <select
                data-testid="limit-mib"
                prop:value=move || prefs.limits().mib.to_string()
                on:change=move |event| set_limits(|limits, n| limits.mib = n, event_target_value(&event))
            >
                {mib}
            </select>
        </label>
        <label class="check" title=prefs.text(|w| w.skip_ahead_hint)>
            <input
                type="checkbox"
                data-testid="skip-ahead"
                prop:checked=move || prefs.skips_ahead()
                on:change=move |event| prefs.set_skips_ahead(event_target_checked(&event))
            />
            {prefs.text(|w| w.skip_ahead)}
        </label>
        <p class="menu-note">{prefs.text(|w| w.skip_ahead_hint)}</p>
        <label class="check" title=prefs.text(|w| w.commit_hint)>
            <input
                type="checkbox"
                data-testid="commit"
                prop:checked=move || !prefs.commits_nothing()
                on:change=move |event| prefs.set_commits_nothing(!event_target_checked(&event))
            />
            {prefs.text(|w| w.commit)}
        </label>
        <p class="menu-note">{prefs.text(|w| w.commit_hint)}</p>
        <Export filter=filter />
    }
}
