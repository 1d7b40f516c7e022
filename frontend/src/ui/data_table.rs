//! A table of any length: sortable columns, and only the rows in sight in the document, used again as they move. Plain DOM
//! calls, as in `row_pool`: no signal, effect or listener for each row. What is in the rows is the caller's.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::HtmlElement;

use crate::app::{navigation, preferences};
use crate::i18n::Words;
use crate::live::row_pool::{append, make, set};
use page_model::Sort;

/// The heights of a row and of the column names, in CSS pixels: `--row` and `--head` of `style/base.css`.
const ROW_PX: f64 = 30.0;
const HEAD_PX: f64 = 32.0;
/// Rows drawn above and below what is in sight, so that a fast hand sees no hole.
const MARGIN_ROWS: usize = 8;

pub struct TableColumn {
    /// As in addresses and in `data-column`.
    pub name: &'static str,
    pub word: fn(&Words) -> &'static str,
    /// What a number means, where the word alone does not say.
    pub hint: Option<fn(&Words) -> &'static str>,
    /// Set to the right in tabular figures, largest first when sorted.
    pub is_number: bool,
    pub can_sort: bool,
    /// A track of CSS's grid.
    pub width: &'static str,
    /// The same on a narrow screen; empty: the column is not shown there.
    pub narrow_width: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableCell {
    pub text: String,
    /// A view of this page that the text leads to.
    pub href: String,
    /// What the link's `data-view` says: see `navigation`.
    pub starts: &'static str,
    pub class: &'static str,
    /// Said when the mouse rests on it; else the text itself, which may be cut off.
    pub title: String,
}

impl TableCell {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into(), ..Self::default() }
    }

    /// A link that begins something.
    pub fn starting(mut self, starts: &'static str) -> Self {
        self.starts = starts;
        self
    }

    pub fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
}

#[derive(Clone, Debug, Default)]
pub struct TableRow {
    /// As many as there are columns.
    pub cells: Vec<TableCell>,
    /// Besides `data-testid`: what automation looks for.
    pub data: Vec<(&'static str, String)>,
    pub class: &'static str,
}

/// What a table shows. `count` says how many rows there are and is read reactively: whatever it reads draws the table again.
/// `row` makes one row, only when it is in sight.
#[derive(Clone)]
pub struct TableRows {
    pub count: Rc<dyn Fn() -> usize>,
    pub row: Rc<dyn Fn(usize) -> TableRow>,
}

#[component]
pub fn DataTable(
    testid: &'static str,
    row_testid: &'static str,
    label: fn(&Words) -> &'static str,
    columns: &'static [TableColumn],
    sort: RwSignal<Sort>,
    rows: TableRows,
    /// A row that is to come into sight, and is marked.
    #[prop(optional)]
    marked: Option<Signal<Option<usize>>>,
    /// Whether the history leads back to where it was left: for the list that a view consists of.
    #[prop(optional)]
    keeps_scroll_position: bool,
) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let viewport = NodeRef::<Div>::new();
    let count = Rc::clone(&rows.count);
    let table = StoredValue::new_local(Table::new(viewport, columns, row_testid, rows.row));
    if keeps_scroll_position {
        table.with_value(|table| table.left_at_px.set(navigation.scroll_position()));
    }
    let with_table = move |act: fn(&Table)| {
        let _ = table.try_with_value(act);
    };
    Effect::new(move |_| {
        let Some(viewport) = viewport.get() else { return };
        let (total, marked) = (count(), marked.and_then(|marked| marked.get()));
        sort.track();
        prefs.language();
        table.with_value(|table| {
            table.attach(&viewport);
            table.total.set(total);
            table.draw();
            if table.marked.replace(marked) != marked {
                table.draw_anew();
                if let Some(index) = marked {
                    table.scroll_to(index);
                }
            }
        });
    });
    watch_size(viewport, move || with_table(Table::draw));
    let head = move |column: &'static TableColumn| {
        let state = move || (sort.get().column == column.name).then(|| sort.get().is_descending);
        let sorted = move || match state() {
            Some(true) => "descending",
            Some(false) => "ascending",
            None => "none",
        };
        let word = column.word;
        let hint = move || column.hint.map(|hint| hint(prefs.words()));
        let name = if column.can_sort {
            view! {
                <button
                    type="button"
                    class="sort"
                    data-testid=format!("sort-{}", column.name)
                    title=hint
                    on:click=move |_| sort.update(|sort| *sort = sort.pressed(column.name, column.is_number))
                >
                    {move || word(prefs.words())}
                </button>
            }
            .into_any()
        } else {
            view! { <span class="clip" title=hint>{move || word(prefs.words())}</span> }.into_any()
        };
        view! {
            <span role="columnheader" class=cell_class(column) aria-sort=move || column.can_sort.then(sorted)>{name}</span>
        }
    };
    view! {
        <div
            class="data-table"
            role="table"
            tabindex="0"
            data-testid=testid
            aria-label=move || label(prefs.words())
            node_ref=viewport
            on:scroll=move |_| {
                with_table(Table::draw);
                // Not of one that was just taken away, when another view has the address.
                let viewport = viewport.try_get_untracked().flatten();
                if let Some(viewport) = viewport.filter(|viewport| keeps_scroll_position && viewport.is_connected()) {
                    navigation.keep_scroll_position(viewport.scroll_top());
                }
            }
            on:keydown=move |event| {
                let _ = table.try_with_value(|table| table.key(&event));
            }
        >
            <div class="data-row data-head" role="row" aria-rowindex="1">
                {columns.iter().map(head).collect::<Vec<_>>()}
            </div>
            <div class="data-space" role="presentation">
                <div class="data-rows" role="rowgroup"></div>
            </div>
        </div>
    }
}

fn cell_class(column: &TableColumn) -> &'static str {
    match (column.is_number, column.narrow_width.is_empty()) {
        (false, false) => "data-cell",
        (false, true) => "data-cell wide-only",
        (true, false) => "data-cell number",
        (true, true) => "data-cell number wide-only",
    }
}

struct Row {
    element: HtmlElement,
    cells: Vec<(HtmlElement, TableCell)>,
    /// Which row of the table it shows.
    index: usize,
    class: &'static str,
}

struct Table {
    viewport: NodeRef<Div>,
    columns: &'static [TableColumn],
    row_testid: &'static str,
    make_row: Rc<dyn Fn(usize) -> TableRow>,
    total: Cell<usize>,
    marked: Cell<Option<usize>>,
    /// Where it was left; it goes there as soon as it has rows.
    left_at_px: Cell<Option<i32>>,
    parts: RefCell<Option<(HtmlElement, HtmlElement)>>,
    /// In the document, top to bottom.
    rows: RefCell<Vec<Row>>,
}

impl Table {
    fn new(
        viewport: NodeRef<Div>,
        columns: &'static [TableColumn],
        row_testid: &'static str,
        make_row: Rc<dyn Fn(usize) -> TableRow>,
    ) -> Self {
        let (total, marked, left_at_px) = (Cell::new(0), Cell::new(None), Cell::new(None));
        let (parts, rows) = (RefCell::new(None), RefCell::new(Vec::new()));
        Self { viewport, columns, row_testid, make_row, total, marked, left_at_px, parts, rows }
    }

    /// Finds the parts that the view has made, once.
    fn attach(&self, viewport: &HtmlElement) {
        let mut parts = self.parts.borrow_mut();
        if parts.is_some() {
            return;
        }
        let find = |class: &str| {
            let found = viewport.query_selector(class).ok().flatten();
            found.and_then(|element| element.dyn_into::<HtmlElement>().ok())
        };
        let tracks = |of: fn(&TableColumn) -> &'static str| {
            self.columns.iter().map(of).filter(|track| !track.is_empty()).collect::<Vec<_>>().join(" ")
        };
        // Through the object model: the page's security policy forbids style attributes.
        let style = viewport.style();
        let _ = style.set_property("--tracks", &tracks(|column| column.width));
        let _ = style.set_property("--narrow-tracks", &tracks(|column| column.narrow_width));
        *parts = find(".data-space").zip(find(".data-rows"));
    }

    /// Draws what is in sight now.
    fn draw(&self) {
        let Some(viewport) = self.viewport.get_untracked() else { return };
        let parts = self.parts.borrow();
        let Some((space, holder)) = parts.as_ref() else { return };
        let total = self.total.get();
        set(&viewport, "aria-rowcount", &(total + 1).to_string());
        // The height first: it limits the position.
        let rows_px = format!("{}px", total as f64 * ROW_PX);
        let _ = space.style().set_property("height", &rows_px);
        // A table that is as high as its rows reads this.
        let _ = HtmlElement::style(&viewport).set_property("--rows-px", &rows_px);
        // One that is not shown yet cannot be scrolled.
        if total > 0
            && viewport.client_height() > 0
            && let Some(left_at_px) = self.left_at_px.take()
        {
            viewport.set_scroll_top(left_at_px);
        }
        let top_px = f64::from(viewport.scroll_top());
        let view_px = (f64::from(viewport.client_height()) - HEAD_PX).max(0.0);
        let first = ((top_px / ROW_PX) as usize).saturating_sub(MARGIN_ROWS).min(total);
        let end = (((top_px + view_px) / ROW_PX).ceil() as usize + MARGIN_ROWS).min(total);
        let mut rows = self.rows.borrow_mut();
        self.turn_to(&mut rows, holder, first, end.saturating_sub(first));
        let _ = holder.style().set_property("--down", &format!("{}px", first as f64 * ROW_PX));
        for (row, index) in rows.iter_mut().zip(first..) {
            self.fill(row, index);
        }
    }

    /// The rows that stay in sight keep their elements, and with them the focus.
    fn turn_to(&self, rows: &mut Vec<Row>, holder: &HtmlElement, first: usize, count: usize) {
        let before = rows.first().map_or(first, |row| row.index);
        if first > before && first - before < rows.len() {
            let down = first - before;
            rows[..down].iter().for_each(|row| append(holder, &row.element));
            rows.rotate_left(down);
        } else if first < before && before - first < rows.len() {
            let up = before - first;
            let at = rows.len() - up;
            for row in rows[at..].iter().rev() {
                // It fails only where the nodes are not each other's.
                let _ = holder.insert_before(&row.element, holder.first_child().as_ref());
            }
            rows.rotate_right(up);
        }
        while rows.len() > count {
            if let Some(row) = rows.pop() {
                row.element.remove();
            }
        }
        while rows.len() < count {
            let row = self.new_row();
            append(holder, &row.element);
            rows.push(row);
        }
    }

    fn new_row(&self) -> Row {
        let element = make("div", "data-row");
        set(&element, "role", "row");
        set(&element, "data-testid", self.row_testid);
        let cells = self.columns.iter().enumerate().map(|(at, column)| {
            let cell = make("span", cell_class(column));
            set(&cell, "role", if at == 0 { "rowheader" } else { "cell" });
            append(&element, &cell);
            (cell, TableCell::default())
        });
        let cells = cells.collect();
        Row { element, cells, index: usize::MAX, class: "" }
    }

    fn fill(&self, row: &mut Row, index: usize) {
        let TableRow { cells, data, class } = (self.make_row)(index);
        if row.index != index {
            row.index = index;
            set(&row.element, "aria-rowindex", &(index + 2).to_string());
        }
        let class = if self.marked.get() == Some(index) { "marked" } else { class };
        if row.class != class {
            row.class = class;
            row.element.set_class_name(&format!("data-row {class}"));
        }
        for (name, value) in data {
            set(&row.element, name, &value);
        }
        for (((element, shown), cell), column) in row.cells.iter_mut().zip(cells).zip(self.columns) {
            if *shown != cell {
                show(element, shown, &cell, column);
                *shown = cell;
            }
        }
    }

    /// All rows are marked anew.
    fn draw_anew(&self) {
        for row in self.rows.borrow_mut().iter_mut() {
            let index = row.index;
            self.fill(row, index);
        }
    }

    /// Scrolls as little as needed for a row to be in sight.
    fn scroll_to(&self, index: usize) {
        let Some(viewport) = self.viewport.get_untracked() else { return };
        let view_px = f64::from(viewport.client_height()) - HEAD_PX;
        let (top_px, row_px) = (f64::from(viewport.scroll_top()), index as f64 * ROW_PX);
        if row_px < top_px {
            viewport.set_scroll_top(row_px as i32);
        } else if row_px + ROW_PX > top_px + view_px {
            viewport.set_scroll_top((row_px + ROW_PX - view_px).ceil() as i32);
        }
        self.draw();
    }

    /// From one row's link to another's. Elsewhere the keys scroll, as everywhere.
    fn key(&self, event: &KeyboardEvent) {
        let focused = document().active_element();
        let from = focused.and_then(|element| {
            let rows = self.rows.borrow();
            rows.iter().find(|row| row.element.contains(Some(&element))).map(|row| row.index)
        });
        let (Some(from), Some(viewport)) = (from, self.viewport.get_untracked()) else { return };
        let last = self.total.get().saturating_sub(1);
        let screenful = ((f64::from(viewport.client_height()) - HEAD_PX) / ROW_PX) as usize;
        let to = match event.key().as_str() {
            "ArrowDown" => from + 1,
            "ArrowUp" => from.saturating_sub(1),
            "PageDown" => from + screenful.max(1),
            "PageUp" => from.saturating_sub(screenful.max(1)),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        let to = to.min(last);
        self.scroll_to(to);
        let rows = self.rows.borrow();
        let link =
            rows.iter().find(|row| row.index == to).and_then(|row| row.element.query_selector("a").ok().flatten());
        if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
            let _ = link.focus();
        }
    }
}

fn show(element: &HtmlElement, before: &TableCell, cell: &TableCell, column: &TableColumn) {
    if before.class != cell.class {
        element.set_class_name(&format!("{} {}", cell_class(column), cell.class));
    }
    let title = if cell.title.is_empty() { &cell.text } else { &cell.title };
    element.set_title(title);
    if cell.href.is_empty() {
        element.set_text_content(Some(&cell.text));
        return;
    }
    let link = match element.first_element_child() {
        Some(link) => link.unchecked_into::<HtmlElement>(),
        None => {
            let link = make("a", "clip");
            set(&link, "data-view", cell.starts);
            element.set_text_content(None);
            append(element, &link);
            link
        }
    };
    set(&link, "href", &cell.href);
    link.set_text_content(Some(&cell.text));
}

/// Calls back whenever the element gets another size, and once at first.
pub fn watch_size(element: NodeRef<Div>, resized: impl Fn() + Clone + 'static) {
    let watching = StoredValue::new_local(None::<(web_sys::ResizeObserver, Closure<dyn Fn()>)>);
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        let on_resize = Closure::<dyn Fn()>::new(resized.clone());
        if let Ok(observer) = web_sys::ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            observer.observe(&element);
            watching.set_value(Some((observer, on_resize)));
        }
    });
    on_cleanup(move || {
        if let Some((observer, _)) = watching.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
}
