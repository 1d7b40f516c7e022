//! The live list. Only the rows in sight exist in the document, whatever the number of records; newest at the bottom. It
//! follows the newest while it is at the end; scrolling up holds the display.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::empty::Empty;
use super::explain::Explain;
use super::format::number;
use super::gap_row::GapLine;
use super::record_row::{Look, record_row};
use super::{desk, preferences};
use crate::app::key_is_free;
use crate::state::{Counts, Entry};
use crate::watch_fields::WatchFields;
use crate::words;

/// The height of a row, in CSS pixels: `--row` of the stylesheet.
const ROW_PX: f64 = 30.0;
/// The height of the column names, which stay in sight: `--head` of the stylesheet.
const HEAD_PX: f64 = 32.0;
/// Rows kept ready above and below, for the frame in which the user scrolls.
const OVERSCAN: usize = 6;

/// The part of the list that has rows in the document.
#[derive(Clone, Copy, PartialEq)]
struct Window {
    start: usize,
    end: usize,
    total: usize,
    follows: bool,
}

#[component]
pub fn FeedList(
    selected: RwSignal<Option<Arc<Entry>>>,
    filter: RwSignal<String>,
    fields: WatchFields,
) -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let viewport = NodeRef::<Div>::new();
    let spacer = NodeRef::<Div>::new();
    let height_px = RwSignal::new(0.0);
    let scroll_px = RwSignal::new(0.0);
    watch_height(viewport, height_px);

    let window = Memo::new(move |_| {
        desk.feed(|page| {
            let total = page.feed().len();
            let follows = page.feed().hold().is_none();
            let fitting = (height_px.get() / ROW_PX).ceil() as usize + 1;
            let first = if follows {
                total.saturating_sub(fitting)
            } else {
                ((scroll_px.get() / ROW_PX) as usize).min(total.saturating_sub(fitting))
            };
            let start = first.saturating_sub(OVERSCAN);
            Window { start, end: (first + fitting + OVERSCAN).min(total), total, follows }
        })
    });
    // Scrolls as little as needed for a row to be in sight. Upwards that leaves the end, so the display is held.
    let scroll_to = move |place: usize| {
        let Some(viewport) = viewport.get_untracked() else { return };
        let (top, seen_px) = (f64::from(viewport.scroll_top()), f64::from(viewport.client_height()) - HEAD_PX);
        let row_px = place as f64 * ROW_PX;
        if row_px < top {
            desk.scrolled_up();
            viewport.set_scroll_top(row_px as i32);
        } else if row_px + ROW_PX > top + seen_px {
            viewport.set_scroll_top((row_px + ROW_PX - seen_px).ceil() as i32);
        }
    };
    // Height first, then the position within it: in one step, before the browser paints.
    Effect::new(move |height_before: Option<f64>| {
        let (now, height) = (window.get(), height_px.get());
        let (Some(viewport), Some(spacer)) = (viewport.get(), spacer.get()) else { return height };
        set_height(&spacer, now.total);
        if now.follows {
            // More than there is: the browser stops at the end.
            viewport.set_scroll_top((HEAD_PX + now.total as f64 * ROW_PX) as i32);
        }
        // The opened record has taken room from the list: its row stays in sight.
        if height_before != Some(height)
            && let Some(index) = selected.with_untracked(|entry| entry.as_ref().map(|entry| entry.index()))
            && let Some(place) = desk.peek(|page| page.feed().place_of(index))
        {
            scroll_to(place);
        }
        height
    });
    let rows = move || {
        let (now, language) = (window.get(), prefs.language());
        let selected = selected.with(|entry| entry.as_ref().map(|entry| entry.index()));
        desk.feed(|page| {
            let feed = page.feed();
            let filter_revision = feed.ring.filter_revision();
            let row = |place| {
                let entry = Arc::clone(feed.get(place)?);
                let is_selected = selected == Some(entry.index());
                Some((entry, Look { filter_revision, is_selected, language }))
            };
            (now.start..now.end).filter_map(row).collect::<Vec<_>>()
        })
    };
    // One listener for all rows.
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let row = target.and_then(|element| element.closest("[role=row]").ok().flatten());
        let index = row.and_then(|row| row.id().strip_prefix("row-")?.parse().ok());
        let find = |index| desk.peek(|page| page.feed().get(page.feed().place_of(index)?).cloned());
        if let Some(entry) = index.and_then(find) {
            selected.set(Some(entry));
        }
    };
    let counts = Memo::new(move |_| desk.feed(|page| page.feed().counts()));
    let count = move |of: fn(&Counts) -> u64| move || counts.with(of).to_string();

    let last_top = Rc::new(Cell::new(0));
    let on_scroll = move |_| {
        let Some(viewport) = viewport.get_untracked() else { return };
        let top = viewport.scroll_top();
        let before = last_top.replace(top);
        let at_end = top + viewport.client_height() >= viewport.scroll_height() - 2;
        scroll_px.set(f64::from(top));
        if top > before && at_end {
            desk.scrolled_to_end();
        } else if top < before && !at_end && window.get_untracked().follows {
            desk.scrolled_up();
        }
    };
    // Following sets the position 60 times a second, which would swallow the wheel: hold before it scrolls.
    let on_wheel = move |event: leptos::ev::WheelEvent| {
        let can_scroll = viewport.get_untracked().is_some_and(|viewport| viewport.scroll_top() > 0);
        if event.delta_y() < 0.0 && can_scroll && window.get_untracked().follows {
            desk.scrolled_up();
        }
    };
    let step = move |steps: i64| {
        let from = selected.with_untracked(|entry| entry.as_ref().map(|entry| entry.index()));
        if let Some((place, entry)) = desk.peek(|page| page.feed().step_from(from, steps)) {
            selected.set(Some(entry));
            scroll_to(place);
        }
    };
    window_event_listener(leptos::ev::keydown, move |event: KeyboardEvent| {
        if !key_is_free(&event) {
            return;
        }
        let page_rows = (height_px.get_untracked() / ROW_PX).max(2.0) as i64 - 1;
        match event.key().as_str() {
            "ArrowDown" => step(1),
            "ArrowUp" => step(-1),
            "PageDown" => step(page_rows),
            "PageUp" => step(-page_rows),
            "Enter" if !crate::browser::focus_is_on_a_button() && selected.with_untracked(Option::is_none) => step(0),
            "g" | "Home" => {
                desk.scrolled_up();
                if let Some(viewport) = viewport.get_untracked() {
                    viewport.set_scroll_top(0);
                }
            }
            "G" | "End" => desk.jump_to_latest(),
            "Escape" if selected.with_untracked(Option::is_some) => selected.set(None),
            _ => return,
        }
        event.prevent_default();
    });

    let unseen = Memo::new(move |_| desk.feed(|page| page.feed().unseen()));
    let is_held = Memo::new(move |_| desk.feed(|page| page.feed().hold().is_some()));
    let latest_text = move || {
        let words = prefs.words();
        match unseen.get() {
            0 => words.jump_latest.to_owned(),
            n => words::count(words.new_one, words.new_many, n, &number(n, prefs.language())),
        }
    };
    let is_empty = Memo::new(move |_| window.get().total == 0);
    // Named only while the row is in the document: the list may have moved on.
    let active_row = move || {
        let index = selected.with(|entry| entry.as_ref().map(|entry| entry.index()))?;
        let now = window.get();
        let place = desk.feed(|page| page.feed().place_of(index))?;
        (now.start..now.end).contains(&place).then(|| format!("row-{index}"))
    };
    view! {
        <div class="sheet">
            <div
                class="viewport"
                id="feed-rows"
                role="grid"
                tabindex="0"
                aria-label=prefs.text(|w| w.records)
                aria-activedescendant=active_row
                data-testid="feed"
                data-received=count(|c| c.received)
                data-kept=count(|c| c.kept)
                data-matching=count(|c| c.matching)
                data-missing=count(|c| c.missing)
                node_ref=viewport
                on:scroll=on_scroll
                on:wheel=on_wheel
            >
                <div class="tr th" role="row">
                    <span role="columnheader" class="cell-time">{prefs.text(|w| w.column_time)}</span>
                    <span role="columnheader" class="cell-offset">
                        {prefs.text(|w| w.column_offset)}
                        <Explain thing=|w| w.column_offset text=|w| w.explain_offset />
                    </span>
                    <span role="columnheader" class="cell-key">{prefs.text(|w| w.column_key)}</span>
                    <span role="columnheader" class="cell-value">{prefs.text(|w| w.column_value)}</span>
                    <span role="columnheader" class="cell-size">{prefs.text(|w| w.column_size)}</span>
                </div>
                <div class="rows-space" role="presentation" node_ref=spacer>
                    <div
                        class="rows"
                        role="rowgroup"
                        on:click=on_click
                        style:transform=move || format!("translateY({}px)", window.get().start as f64 * ROW_PX)
                    >
                        <For each=rows key=row_key let:row>
                            {row_view(&row.0, row.1)}
                        </For>
                    </div>
                </div>
            </div>
            <Show when=move || is_empty.get()>
                <Empty filter=filter fields=fields />
            </Show>
        </div>
        <Show when=move || is_held.get()>
            <button type="button" class="latest" data-testid="latest" on:click=move |_| desk.jump_to_latest()>
                <span aria-hidden="true">"↓ "</span>
                {latest_text}
            </button>
        </Show>
    }
}

/// A row is drawn anew when it becomes known as our own, and for another look.
fn row_key((entry, look): &(Arc<Entry>, Look)) -> (u64, bool, Look) {
    (entry.index(), entry.record().is_some_and(|row| row.round_trip_ms.is_some()), *look)
}

fn row_view(entry: &Entry, look: Look) -> AnyView {
    match entry {
        Entry::Record(row) => record_row(row, look),
        Entry::Gap(gap) => view! { <GapLine gap=gap.clone() /> }.into_any(),
    }
}

fn set_height(element: &web_sys::HtmlElement, rows: usize) {
    // Through the object model: the page's security policy forbids style attributes.
    let _ = element.style().set_property("height", &format!("{}px", rows as f64 * ROW_PX));
}

/// Keeps `height_px` at the room that the rows have.
fn watch_height(element: NodeRef<Div>, height_px: RwSignal<f64>) {
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        let watched = element.clone();
        let on_resize = Closure::<dyn Fn()>::new(move || height_px.set(f64::from(watched.client_height()) - HEAD_PX));
        if let Ok(observer) = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&element);
        }
        // The list lives as long as the page.
        on_resize.forget();
    });
}
