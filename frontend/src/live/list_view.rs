//! The position of the live list. It follows the newest record unless the display is held.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::Element;

use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::live::live_view::Selected;
use crate::live::record_row::{RecordPainter, RecordRow, RowStyle};
use crate::platform::browser;
use crate::ui::virtual_rows::VirtualRows;
use page_model::{AppState, Entry, ReadState};

/// A list that moved too fast to be read gets its colours back when it has stood still for `SETTLED_AFTER_MS`.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(150);
const SETTLED_AFTER_MS: f64 = 100.0;

pub struct ListView {
    /// The id of the row element that shows the selected record, while one does.
    pub active_row: RwSignal<Option<String>>,
    rows: VirtualRows<RecordRow>,
    selected: Selected,
    store: Store,
    preferences: Preferences,
    style: RefCell<Option<Rc<RowStyle>>>,
    was_fast: Cell<bool>,
    settle_is_planned: Cell<bool>,
    /// When the list was last drawn without colours.
    fast_at_ms: Cell<f64>,
}

impl ListView {
    pub fn new(viewport: NodeRef<Div>, store: Store, preferences: Preferences, selected: Selected) -> Self {
        Self {
            active_row: RwSignal::new(None),
            // A fast stream changes every row in every frame, so none is painted that is not visible.
            rows: VirtualRows::new(viewport, 0),
            selected,
            store,
            preferences,
            style: RefCell::default(),
            was_fast: Cell::new(false),
            settle_is_planned: Cell::new(false),
            fast_at_ms: Cell::new(0.0),
        }
    }

    /// The rows, updated to the present number of records.
    fn rows(&self) -> &VirtualRows<RecordRow> {
        self.rows.set_row_count(self.store.untracked(|state| state.feed().len()));
        &self.rows
    }

    /// The same object as before if nothing has changed: rows compare the pointer.
    fn style(&self, state: &AppState) -> Rc<RowStyle> {
        let style = RowStyle {
            filter_revision: state.feed().filter_revision(),
            language: self.preferences.language_untracked(),
            columns: self.preferences.columns_untracked(),
        };
        let mut last = self.style.borrow_mut();
        let same = last.take().filter(|last| **last == style);
        Rc::clone(last.insert(same.unwrap_or_else(|| Rc::new(style))))
    }

    /// Paints the visible rows. Returns whether they have no colours, so that they must be painted again soon.
    pub fn draw(&self) -> bool {
        let rows = self.rows();
        let follows = self.store.untracked(|state| state.feed().hold().is_none());
        if follows {
            rows.move_to(f64::INFINITY);
        }
        let (is_plain, active) = self.selected.with_untracked(|selected| {
            let is_plain = self.store.untracked(|state| {
                let painter = RecordPainter {
                    state,
                    selected: selected.as_ref(),
                    style: self.style(state),
                    may_be_plain: follows,
                    was_fast: &self.was_fast,
                    is_plain: Cell::new(false),
                };
                rows.draw(&painter);
                painter.is_plain.get()
            });
            let row_id = |entry: &Entry| rows.find(|row| row.entry()?.is(entry).then(|| row.element.id()));
            (is_plain, selected.as_ref().and_then(row_id))
        });
        if self.active_row.with_untracked(|before| *before != active) {
            self.active_row.set(active);
        }
        is_plain
    }

    /// The user has moved the scrollbar, or the browser has, because of `draw` or of a new height.
    pub fn scrolled(&self) {
        if self.resized() {
            return;
        }
        if let Some(top_px) = self.rows().scrolled_to() {
            self.move_to(top_px);
        }
    }

    fn move_to(&self, top_px: f64) {
        let before_px = self.rows.window().top_px;
        self.rows().move_to(top_px);
        let window = self.rows.window();
        if window.top_px < before_px {
            self.store.act(|state, _| state.scrolled_up());
        } else if window.top_px >= window.last_top_px() - 2.0 {
            self.store.act(|state, _| state.scrolled_to_end());
        }
        self.draw();
    }

    /// While the list follows, it sets the scroll position in every frame, which would cancel the scrolling of the
    /// wheel. So the display is held before the browser scrolls.
    pub fn wheel_up(&self) {
        if self.rows.window().top_px > 0.0 {
            self.store.act(|state, _| state.scrolled_up());
        }
    }

    pub fn to_first(&self) {
        self.store.act(|state, _| state.scrolled_up());
        self.move_to(0.0);
    }

    /// The entries of the painted rows.
    pub fn visible(&self) -> Vec<Entry> {
        let mut visible = Vec::new();
        self.rows.find(|row| {
            visible.extend(row.entry().cloned());
            None::<()>
        });
        visible
    }

    /// How many rows Page Up and Page Down move: one row of the page stays visible.
    pub fn page_step(&self) -> i64 {
        self.rows.window().rows_per_page().max(2) as i64 - 1
    }

    /// Scrolls as little as needed to show the whole row. Upwards that leaves the end, so the display is held.
    pub fn scroll_to(&self, index: usize) {
        let window = self.rows().window();
        let top_px = window.top_px_to_show(index);
        if top_px == window.top_px { _ = self.draw() } else { self.move_to(top_px) }
    }

    /// Returns whether the list has another height. An opened record takes room from the list, and its row stays
    /// visible.
    pub fn resized(&self) -> bool {
        if !self.rows.measure() {
            return false;
        }
        let is_held = self.store.untracked(|state| state.feed().hold().is_some());
        let selected = self.selected.get_untracked().filter(|_| is_held);
        match selected.and_then(|entry| self.store.untracked(|state| state.feed().index_of(&entry))) {
            Some(index) => self.scroll_to(index),
            None => _ = self.draw(),
        }
        true
    }

    pub fn entry_at(&self, element: &Element) -> Option<Entry> {
        self.rows.find(|row| row.entry().filter(|_| row.element.contains(Some(element))).cloned())
    }
}

/// Draws, and draws once more with colours when a list that moved too fast stands still.
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
