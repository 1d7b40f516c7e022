//! The live list: its column names, its rows (`list_view`), why it is empty, and the keys that move through it.

use std::rc::Rc;

use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use protocol::{GapReason, TopicPartition};
use wasm_bindgen::JsCast;

use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::live::empty::Empty;
use crate::live::filter_bar::FilterBox;
use crate::live::list_view::{ListView, draw_and_settle};
use crate::live::live_view::{Selected, open, step};
use crate::live::watch_fields::WatchFields;
use crate::platform::browser;
use crate::ui::column_heads::ColumnHeads;
use crate::ui::confirm_dialog::confirmations;
use crate::ui::confirm_dialog::{Confirmation, Confirmations};
use crate::ui::dom::{set_style, watch_size};
use crate::ui::format::number;
use crate::ui::keys::key_is_free;
use page_model::{Column, Counts, Entry, ReadState};

#[component]
pub fn FeedList(selected: Selected, filter: FilterBox, fields: WatchFields) -> impl IntoView {
    let (store, prefs, confirmations) = (store(), preferences(), confirmations());
    let viewport = NodeRef::<Div>::new();
    let view = ListView::new(viewport, store, prefs, selected);
    let active_row = view.active_row;
    let list = StoredValue::new_local(view);
    let with_list = move |act: fn(&ListView)| {
        let _ = list.try_with_value(act);
    };
    watch_size(viewport, move || with_list(|list| _ = list.resized()));
    Effect::new(move |_| {
        store.track_rows();
        selected.track();
        prefs.language();
        prefs.columns(|_| ());
        draw_and_settle(list);
    });
    Effect::new(move |_| {
        let Some(viewport) = viewport.get() else { return };
        let (template, hidden) = prefs.columns(|columns| {
            let hidden = Column::ALL.into_iter().filter(|&column| !columns.shows(column));
            (columns.template(), hidden.map(|column| format!(" no-{}", column.name())).collect::<String>())
        });
        set_style(&viewport, "--columns", &template);
        viewport.set_class_name(&format!("viewport{hidden}"));
    });

    // One listener for all rows.
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let Some(target) = target else { return };
        let entry = list.try_with_value(|list| list.entry_at(&target)).flatten();
        let Some(entry) = entry else { return };
        if entry.is_record() {
            open(selected, entry);
        } else if target.tag_name() == "BUTTON" {
            if entry.as_gap().is_some_and(|gap| gap.reason == GapReason::OutOfRange) {
                confirm_commits(store, prefs, confirmations, &entry);
            } else if store.untracked(|state| state.is_filling(&entry)) {
                store.act(|state, _| state.stop_loading_gap(&entry));
            } else {
                store.act(|state, _| state.load_gap(&entry));
            }
        }
    };
    // The record that was opened, by whatever way, comes into sight.
    Effect::new(move |_| {
        let Some(entry) = selected.get() else { return };
        if let Some(index) = store.untracked(|state| state.feed().index_of(&entry)) {
            let _ = list.try_with_value(|list| list.scroll_to(index));
        }
    });
    // When the schema registry is back, the records that the user sees are read again first.
    let registry = Memo::new(move |_| store.read(|state| state.registry().cloned()));
    Effect::new(move |_| {
        registry.with(|_| ());
        let opened = selected.get_untracked();
        let visible = list.try_with_value(ListView::visible).unwrap_or_default();
        let first: Vec<Entry> = opened.into_iter().chain(visible).collect();
        store.act(|state, _| state.read_again_first(&first));
    });
    let step = move |steps: i64| step(store, selected, steps);
    window_event_listener(leptos::ev::keydown, move |event: KeyboardEvent| {
        if !key_is_free(&event) {
            return;
        }
        let page_step = list.try_with_value(ListView::page_step).unwrap_or(1);
        match event.key().as_str() {
            "ArrowDown" => step(1),
            "ArrowUp" => step(-1),
            "PageDown" => step(page_step),
            "PageUp" => step(-page_step),
            "Enter" if !browser::focus_is_on_a_button() && selected.with_untracked(Option::is_none) => step(0),
            "g" | "Home" => with_list(ListView::to_first),
            "G" | "End" => store.act(|state, _| state.jump_to_latest()),
            "Escape" if selected.with_untracked(Option::is_some) => selected.set(None),
            _ => return,
        }
        event.prevent_default();
    });

    let counts = Memo::new(move |_| store.read(|state| state.feed().counts()));
    let count = move |of: fn(&Counts) -> u64| move || counts.with(of).to_string();
    let unseen = Memo::new(move |_| store.read(|state| state.feed().unseen()));
    let is_held = Memo::new(move |_| store.read(|state| state.feed().hold().is_some()));
    let is_empty = Memo::new(move |_| store.read(|state| state.feed().is_empty()));
    let latest_text = move || {
        let words = prefs.words();
        match unseen.get() {
            0 => words.jump_latest.to_owned(),
            n => words.new_count.count(n, &number(n, prefs.language())),
        }
    };
    view! {
        <div class="sheet">
            <div
                id="feed-rows"
                role="grid"
                tabindex="0"
                aria-label=prefs.text(|w| w.records)
                // Only the rows in sight are in the document.
                aria-rowcount="-1"
                aria-activedescendant=move || active_row.get()
                data-testid="feed"
                data-received=count(|c| c.received)
                data-kept=count(|c| c.kept)
                data-matching=count(|c| c.matching)
                data-scanned=count(|c| c.scanned)
                data-missing=count(|c| c.missing)
                node_ref=viewport
                on:scroll=move |_| with_list(ListView::scrolled)
                on:wheel=move |event: leptos::ev::WheelEvent| {
                    if event.delta_y() < 0.0 {
                        with_list(ListView::wheel_up);
                    }
                }
            >
                <ColumnHeads />
                <div class="rows-space" role="presentation">
                    <div class="rows" role="rowgroup" on:click=on_click></div>
                </div>
            </div>
            <Show when=move || is_empty.get()>
                <Empty filter=filter fields=fields />
            </Show>
        </div>
        <Show when=move || is_held.get()>
            <button
                type="button"
                class="latest"
                data-testid="latest"
                on:click=move |_| store.act(|state, _| state.jump_to_latest())
            >
                <span aria-hidden="true">"↓ "</span>
                {latest_text}
            </button>
        </Show>
    }
}

/// Asks before the group's position moves to where reading began.
fn confirm_commits(store: Store, prefs: Preferences, confirmations: Confirmations, entry: &Entry) {
    let Some(gap) = entry.as_gap() else { return };
    let (words, group) = (prefs.words_untracked(), store.untracked(|state| state.listening().intent().group.clone()));
    let topic_partition = TopicPartition { topic: gap.topic.to_string(), partition: gap.partition };
    let (partition, old, new) = (gap.partition.to_string(), gap.from.to_string(), gap.to.to_string());
    confirmations.ask(Confirmation {
        title: words.commits_title.with_group(&group),
        text: words.commits_text.with_group_new_old_partition_topic(
            &group,
            &new,
            &old,
            &partition,
            &topic_partition.topic,
        ),
        verb: |w| w.commits_verb,
        typed: None,
        needs_connection: true,
        on_confirm: Rc::new(move |confirmations| {
            store.act(|state, _| state.resume_commits(topic_partition.clone()));
            confirmations.finish(Ok(()));
        }),
    });
}
