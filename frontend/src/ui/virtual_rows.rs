//! A list of any length of which only the visible rows are in the document. This module places them and reuses their
//! elements; a [`RowPainter`] fills them with plain DOM calls. Nothing is drawn before `draw` is called.
//!
//! The viewport's first child is the row of column heads, which stays visible. Its last child is the space, which gives
//! the scrollbar its length. The only child of the space holds the rows; `table.css` and `list.css` move them by
//! `--shift`.

use std::cell::{Cell, OnceCell, RefCell};

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::ui::dom::{append, set_px};
use page_model::RowWindow;

pub trait RowPainter {
    /// A row's element and what it shows.
    type Row;
    /// `number`: this is the list's first, second, … row element.
    fn make(&self, number: usize) -> Self::Row;
    fn element(row: &Self::Row) -> &HtmlElement;
    /// Whether the row element already shows the row at this index.
    fn shows(&self, row: &Self::Row, index: usize) -> bool;
    /// Called before the rows are painted: `kept` of the row elements, `before` in number, keep their rows.
    fn start(&self, _kept: usize, _before: usize) {}
    fn paint(&self, row: &mut Self::Row, index: usize);
}

struct Parts {
    viewport: HtmlElement,
    heads: HtmlElement,
    space: HtmlElement,
    holder: HtmlElement,
    row_px: f64,
}

impl Parts {
    fn find(viewport: HtmlElement) -> Option<Self> {
        let html = |element: Option<Element>| element?.dyn_into::<HtmlElement>().ok();
        let (heads, space) = (html(viewport.first_element_child())?, html(viewport.last_element_child())?);
        let holder = html(space.first_element_child())?;
        // Leptos may reuse the element of an earlier list, with the rows that were appended to it.
        holder.set_text_content(None);
        let style = window().get_computed_style(&viewport).ok()??;
        let row_px = style.get_property_value("--row").ok()?.trim().strip_suffix("px")?.parse().ok()?;
        Some(Self { viewport, heads, space, holder, row_px })
    }
}

pub struct VirtualRows<R> {
    viewport: NodeRef<Div>,
    /// Without overscan the rows do not move while the browser scrolls, until they are painted again. With overscan
    /// they scroll along, and the rows above and below come into view.
    overscan_rows: usize,
    parts: OnceCell<Parts>,
    window: Cell<RowWindow>,
    /// The scroll position that was set or read last. It tells the scroll event that `draw` causes from one of the
    /// user.
    scroll_px: Cell<f64>,
    space_px: Cell<f64>,
    /// In the document, top to bottom.
    rows: RefCell<Vec<R>>,
    spare: RefCell<Vec<R>>,
}

impl<R> VirtualRows<R> {
    pub fn new(viewport: NodeRef<Div>, overscan_rows: usize) -> Self {
        Self {
            viewport,
            overscan_rows,
            parts: OnceCell::new(),
            window: Cell::default(),
            scroll_px: Cell::new(-1.0),
            space_px: Cell::new(-1.0),
            rows: RefCell::default(),
            spare: RefCell::default(),
        }
    }

    /// None until the view is mounted.
    fn parts(&self) -> Option<&Parts> {
        if self.parts.get().is_none() {
            let parts = Parts::find(self.viewport.get_untracked()?.into())?;
            self.change(|window| window.row_px = parts.row_px);
            let _ = self.parts.set(parts);
        }
        self.parts.get()
    }

    pub fn window(&self) -> RowWindow {
        self.window.get()
    }

    fn change(&self, change: impl FnOnce(&mut RowWindow)) {
        let mut window = self.window.get();
        change(&mut window);
        self.window.set(window);
    }

    pub fn set_row_count(&self, row_count: usize) {
        self.change(|window| window.row_count = row_count);
    }

    /// Takes effect with the next `draw`.
    pub fn move_to(&self, top_px: f64) {
        self.change(|window| window.move_to(top_px));
    }

    fn stretch(&self, parts: &Parts) {
        let space_px = self.window.get().space_px();
        if self.space_px.replace(space_px) != space_px {
            set_px(&parts.space, "height", space_px);
        }
    }

    /// Reads the height of the visible part, and returns whether it has changed.
    pub fn measure(&self) -> bool {
        let Some(parts) = self.parts() else { return false };
        // A table is as high as its rows, if they fit.
        self.stretch(parts);
        let view_px = f64::from((parts.viewport.client_height() - parts.heads.offset_height()).max(0));
        let before_px = self.window.get().view_px;
        if view_px == before_px {
            return false;
        }
        if before_px == 0.0 {
            // Browsers forget the scroll position of an element while it is not displayed.
            self.scroll_px.set(-1.0);
        }
        if self.overscan_rows == 0 {
            set_px(&parts.holder, "height", view_px);
        }
        self.change(|window| window.view_px = view_px);
        true
    }

    /// The position to which the user has scrolled; none if `draw` has, or if the list is not displayed.
    pub fn scrolled_to(&self) -> Option<f64> {
        // Negative while Safari bounces.
        let scroll_px = f64::from(self.parts()?.viewport.scroll_top()).max(0.0);
        let (before_px, window) = (self.scroll_px.get(), self.window.get());
        // Browsers round the position that `draw` sets.
        if (scroll_px - before_px).abs() < 2.0 || window.view_px == 0.0 {
            return None;
        }
        self.scroll_px.set(scroll_px);
        Some(window.top_px_after_scroll(before_px, scroll_px))
    }

    /// Paints the visible rows.
    pub fn draw(&self, painter: &impl RowPainter<Row = R>) {
        let Some(parts) = self.parts() else { return };
        // The height first, since it limits the scroll position; both in one step, before the browser paints.
        self.stretch(parts);
        self.move_to(self.window.get().top_px);
        let window = self.window.get();
        let scroll_px = window.scroll_px();
        if self.scroll_px.replace(scroll_px) != scroll_px {
            parts.viewport.set_scroll_top(scroll_px as i32);
        }
        let visible = window.visible_rows(self.overscan_rows);
        let from_px = if self.overscan_rows == 0 { 0.0 } else { scroll_px };
        set_px(&parts.holder, "--shift", from_px + visible.start as f64 * window.row_px - window.top_px);
        let mut rows = self.rows.borrow_mut();
        let before = rows.len();
        let kept = turn(&mut rows, painter, &parts.holder, visible.start);
        self.resize(&mut rows, painter, &parts.holder, visible.len());
        painter.start(kept, before);
        for (row, index) in rows.iter_mut().zip(visible) {
            painter.paint(row, index);
        }
    }

    fn resize<P: RowPainter<Row = R>>(&self, rows: &mut Vec<R>, painter: &P, holder: &HtmlElement, count: usize) {
        let mut spare = self.spare.borrow_mut();
        for row in rows.drain(count.min(rows.len())..) {
            P::element(&row).remove();
            spare.push(row);
        }
        while rows.len() < count {
            let row = spare.pop().unwrap_or_else(|| painter.make(rows.len() + 1));
            append(holder, P::element(&row));
            rows.push(row);
        }
    }

    /// The first value that `get` returns for a row in the document.
    pub fn find<T>(&self, get: impl FnMut(&R) -> Option<T>) -> Option<T> {
        self.rows.borrow().iter().find_map(get)
    }
}

/// Rows that stay visible keep their elements, and with them the focus. Returns how many do.
fn turn<P: RowPainter>(rows: &mut [P::Row], painter: &P, holder: &HtmlElement, first: usize) -> usize {
    let len = rows.len();
    if let Some(down) = (0..len).find(|&at| painter.shows(&rows[at], first)) {
        rows[..down].iter().for_each(|row| append(holder, P::element(row)));
        rows.rotate_left(down);
        len - down
    } else if let Some(up) = (1..len).find(|&up| painter.shows(&rows[0], first + up)) {
        for row in rows[len - up..].iter().rev() {
            // It fails only where the nodes are not each other's.
            let _ = holder.insert_before(P::element(row), holder.first_child().as_ref());
        }
        rows.rotate_right(up);
        len - up
    } else {
        0
    }
}
