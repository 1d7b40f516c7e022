//! Which stretch of the list is in sight, and drawing it: the scrollbar, the position, the rows. It follows the newest
//! unless the display is held.

use std::cell::{Cell, RefCell};

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::Element;

use crate::app::settings::Preferences;
use crate::app::store::Store;
use crate::live::live_view::Selected;
use crate::live::row_pool::{Detail, RowPool, RowStyle};
use crate::platform::browser;
use page_model::{Entry, ReadState};

/// The height of a row, in CSS pixels: `--row` of `style/base.css`.
const ROW_PX: f64 = 30.0;
/// The height of the column names, which stay in sight: `--head` of `style/base.css`.
const HEAD_PX: f64 = 32.0;
/// Browsers end at 17 to 33 million pixels, less where the page is zoomed; longer lists share this height.
const TALLEST_PX: f64 = 6_000_000.0;
/// After a fast stretch the rows get their colours back: how often is looked whether it is over, and from when on it is.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(150);
const SETTLED_AFTER_MS: f64 = 100.0;

pub struct ListView {
    pub viewport: NodeRef<Div>,
    pub spacer: NodeRef<Div>,
    pub rows: NodeRef<Div>,
    /// The id of the row that shows the selected record, while it is in sight.
    pub active_row: RwSignal<Option<String>>,
    selected: Selected,
    store: Store,
    preferences: Preferences,
    pool: RefCell<Option<RowPool>>,
    /// Pixels of the list above what is in sight; a list without limits.
    top_px: Cell<f64>,
    /// The height of what is in sight, without the column names.
    view_px: Cell<f64>,
    /// The values set last, to distinguish the browser's scroll event from one of the user.
    scroll_px: Cell<f64>,
    spacer_px: Cell<f64>,
    settle_is_planned: Cell<bool>,
    /// When it was drawn without colours last.
    fast_at_ms: Cell<f64>,
}

impl ListView {
    pub fn new(store: Store, preferences: Preferences, selected: Selected) -> Self {
        Self {
            viewport: NodeRef::new(),
            spacer: NodeRef::new(),
            rows: NodeRef::new(),
            active_row: RwSignal::new(None),
            selected,
            store,
            preferences,
            pool: RefCell::new(None),
            top_px: Cell::new(0.0),
            view_px: Cell::new(0.0),
            scroll_px: Cell::new(0.0),
            spacer_px: Cell::new(-1.0),
            settle_is_planned: Cell::new(false),
            fast_at_ms: Cell::new(0.0),
        }
    }

    fn total(&self) -> usize {
        self.store.untracked(|state| state.feed().len())
    }

    fn highest_top_px(&self, total: usize) -> f64 {
        (total as f64 * ROW_PX - self.view_px.get()).max(0.0)
    }

    /// Pixels of the list for one of the scrollbar's.
    fn scale(&self, total: usize) -> f64 {
        let view_px = self.view_px.get();
        if total as f64 * ROW_PX <= TALLEST_PX { 1.0 } else { self.highest_top_px(total) / (TALLEST_PX - view_px) }
    }

    /// Draws what is in sight now. Returns whether it was drawn without colours and has to be drawn again soon.
    pub fn draw(&self) -> bool {
        let (Some(viewport), Some(spacer), Some(rows)) =
            (self.viewport.get_untracked(), self.spacer.get_untracked(), self.rows.get_untracked())
        else {
            return false;
        };
        let mut pool = self.pool.borrow_mut();
        let pool = pool.get_or_insert_with(|| RowPool::new(rows.clone().into()));
        let (view_px, total) = (self.view_px.get(), self.total());
        let highest_px = self.highest_top_px(total);
        let follows = self.store.untracked(|state| state.feed().hold().is_none());
        let top_px = if follows { highest_px } else { self.top_px.get().min(highest_px) };
        self.top_px.set(top_px);

        // Height first, then the position within it: in one step, before the browser paints.
        let spacer_px = (total as f64 * ROW_PX).min(TALLEST_PX).max(view_px);
        if self.spacer_px.replace(spacer_px) != spacer_px {
            set_px(&spacer, "height", spacer_px);
        }
        let scroll_px = (top_px / self.scale(total)).round();
        if self.scroll_px.replace(scroll_px) != scroll_px {
            viewport.set_scroll_top(scroll_px as i32);
        }
        let first = (top_px / ROW_PX) as usize;
        let rest_px = top_px - first as f64 * ROW_PX;
        set_px(&rows, "--up", -rest_px);
        let count = ((view_px + rest_px) / ROW_PX).ceil() as usize;
        let (detail, active) = self.selected.with_untracked(|selected| {
            let detail = self.store.untracked(|state| {
                let style = RowStyle {
                    filter_revision: state.feed().filter_revision(),
                    language: self.preferences.language_untracked(),
                    columns: self.preferences.columns_untracked(),
                };
                pool.show(state, first, count, selected.as_ref(), style, follows)
            });
            (detail, selected.as_ref().and_then(|entry| pool.row_id(entry)))
        });
        if self.active_row.with_untracked(|before| *before != active) {
            self.active_row.set(active);
        }
        detail == Detail::Plain
    }

    /// The user, or the browser in answer to `draw`, has moved the scrollbar.
    pub fn scrolled(&self) {
        let Some(viewport) = self.viewport.get_untracked() else { return };
        // The list has another height, and the browser has moved the scrollbar along: it was not the user.
        if sight_px(&viewport) != self.view_px.get() {
            return self.resized();
        }
        let scroll_px = f64::from(viewport.scroll_top());
        let moved_px = scroll_px - self.scroll_px.get();
        // A hidden list is not scrolled by the user.
        if moved_px.abs() < 2.0 || viewport.client_height() == 0 {
            return;
        }
        let total = self.total();
        let (scale, before_px) = (self.scale(total), self.top_px.get());
        // Where many rows share a pixel, a small step still goes row by row; only the thumb goes in leaps.
        let top_px =
            if scale > 1.0 && moved_px.abs() < self.view_px.get() { before_px + moved_px } else { scroll_px * scale };
        self.scroll_px.set(scroll_px);
        self.move_to(top_px);
    }

    fn move_to(&self, top_px: f64) {
        let highest_px = self.highest_top_px(self.total());
        let before_px = self.top_px.replace(top_px.clamp(0.0, highest_px));
        if top_px < before_px {
            self.store.act(|state, _| state.scrolled_up());
        } else if top_px >= highest_px - 2.0 {
            self.store.act(|state, _| state.scrolled_to_end());
        }
        self.draw();
    }

    /// Following sets the position 60 times a second, which would swallow the wheel: hold before it scrolls.
    pub fn wheel_up(&self) {
        if self.top_px.get() > 0.0 {
            self.store.act(|state, _| state.scrolled_up());
        }
    }

    pub fn to_first(&self) {
        self.store.act(|state, _| state.scrolled_up());
        self.move_to(0.0);
    }

    pub fn rows_in_sight(&self) -> i64 {
        (self.view_px.get() / ROW_PX).max(2.0) as i64
    }

    /// Scrolls as little as needed for a row to be in sight. Upwards that leaves the end, so the display is held.
    pub fn scroll_to(&self, index: usize) {
        let (row_px, top_px, view_px) = (index as f64 * ROW_PX, self.top_px.get(), self.view_px.get());
        if row_px < top_px {
            self.move_to(row_px);
        } else if row_px + ROW_PX > top_px + view_px {
            self.move_to(row_px + ROW_PX - view_px);
        } else {
            self.draw();
        }
    }

    /// The list has another height. The opened record may have taken room from it: its row stays in sight.
    pub fn resized(&self) {
        let Some(viewport) = self.viewport.get_untracked() else { return };
        let view_px = sight_px(&viewport);
        let before_px = self.view_px.replace(view_px);
        if before_px == view_px {
            return;
        }
        if before_px == 0.0 {
            // Browsers forget the position of what they do not show.
            self.scroll_px.set(-1.0);
        }
        if let Some(rows) = self.rows.get_untracked() {
            set_px(&rows, "height", view_px);
        }
        let selected = self.selected.get_untracked();
        let index = selected.and_then(|entry| self.store.untracked(|state| state.feed().index_of(&entry)));
        match index.filter(|_| self.store.untracked(|state| state.feed().hold().is_some())) {
            Some(index) => self.scroll_to(index),
            None => {
                self.draw();
            }
        }
    }

    pub fn entry_at(&self, element: &Element) -> Option<Entry> {
        self.pool.borrow().as_ref()?.entry_at(element)
    }
}

/// Draws, and once more after a fast stretch, when the list stands still.
pub fn draw_and_settle(list: StoredValue<ListView, LocalStorage>) {
    let must_settle = |list: &ListView| {
        let is_fast = list.draw();
        if is_fast {
            list.fast_at_ms.set(browser::now_ms());
        }
        is_fast && !list.settle_is_planned.replace(true)
    };
    if list.try_with_value(must_settle).unwrap_or(false) {
        settle_later(list);
    }
}

fn settle_later(list: StoredValue<ListView, LocalStorage>) {
    let settle = move || {
        let is_still_fast = list.try_with_value(|list| {
            let is_still_fast = browser::now_ms() - list.fast_at_ms.get() < SETTLED_AFTER_MS;
            if !is_still_fast {
                list.settle_is_planned.set(false);
                list.draw();
            }
            is_still_fast
        });
        if is_still_fast == Some(true) {
            settle_later(list);
        }
    };
    set_timeout(settle, SETTLE);
}

/// The height of what is in sight, without the column names.
fn sight_px(viewport: &Element) -> f64 {
    (f64::from(viewport.client_height()) - HEAD_PX).max(0.0)
}

fn set_px(element: &web_sys::HtmlElement, property: &str, px: f64) {
    // Through the object model: the page's security policy forbids style attributes.
    let _ = element.style().set_property(property, &format!("{px}px"));
}
