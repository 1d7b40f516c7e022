//! A table of any length with sortable columns. The caller makes the contents of a row; no row has signals, effects or
//! listeners of its own.

use std::cell::Cell;
use std::rc::Rc;

use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::context::{navigation, preferences};
use crate::i18n::Words;
use crate::ui::dom::{append, make, set, set_style, watch_size};
use crate::ui::virtual_rows::{RowPainter, VirtualRows};
use page_model::Sort;

/// Rows painted above and below the visible ones: fast scrolling shows no hole, and the Tab key finds the next link.
const OVERSCAN_ROWS: usize = 8;

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
    /// The row to highlight and to scroll into view.
    #[prop(optional)]
    marked: Option<Signal<Option<usize>>>,
    /// Whether Back and Forward restore the scroll position: for a table that is the whole view.
    #[prop(optional)]
    keeps_scroll_position: bool,
) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let viewport = NodeRef::<Div>::new();
    let count = Rc::clone(&rows.count);
    let table = StoredValue::new_local(Table {
        columns,
        row_testid,
        make_row: rows.row,
        marked: Cell::new(None),
        left_at_px: Cell::new(keeps_scroll_position.then(|| navigation.scroll_position()).flatten()),
        rows: VirtualRows::new(viewport, OVERSCAN_ROWS),
    });
    let draw = move || _ = table.try_with_value(Table::draw);
    Effect::new(move |_| {
        let Some(viewport) = viewport.get() else { return };
        let tracks = |of: fn(&TableColumn) -> &'static str| {
            columns.iter().map(of).filter(|track| !track.is_empty()).collect::<Vec<_>>().join(" ")
        };
        set_style(&viewport, "--tracks", &tracks(|column| column.width));
        set_style(&viewport, "--narrow-tracks", &tracks(|column| column.narrow_width));
    });
    Effect::new(move |_| {
        let Some(viewport) = viewport.get() else { return };
        let (total, marked) = (count(), marked.and_then(|marked| marked.get()));
        sort.track();
        prefs.language();
        set(&viewport, "aria-rowcount", &(total + 1).to_string());
        table.with_value(|table| {
            table.rows.set_row_count(total);
            let is_new = table.marked.replace(marked) != marked;
            table.draw();
            if let Some(index) = marked.filter(|_| is_new) {
                table.scroll_to(index);
            }
        });
    });
    watch_size(viewport, draw);
    let head = move |column: &'static TableColumn| {
        let sorted = move || match sort.get() {
            sort if sort.column != column.name => "none",
            sort if sort.is_descending => "descending",
            _ => "ascending",
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
            view! {
                <span class="clip" title=hint>
                    {move || word(prefs.words())}
                </span>
            }
            .into_any()
        };
        view! {
            <span role="columnheader" class=cell_class(column) aria-sort=move || column.can_sort.then(sorted)>
                {name}
            </span>
        }
    };
    let on_scroll = move |_| {
        draw();
        // A table that was just removed may still be notified, when the address is already that of another
        // view.
        let viewport = viewport.try_get_untracked().flatten();
        if let Some(viewport) = viewport.filter(|viewport| keeps_scroll_position && viewport.is_connected()) {
            navigation.keep_scroll_position(viewport.scroll_top());
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
            on:scroll=on_scroll
            on:keydown=move |event| _ = table.try_with_value(|table| table.key(&event))
        >
            <div class="data-row data-head" role="row" aria-rowindex="1">
                {columns.iter().map(head).collect::<Vec<_>>()}
            </div>
            <div class="rows-space" role="presentation">
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
    /// The index of the table's row that it shows.
    index: usize,
    class: &'static str,
}

struct Table {
    columns: &'static [TableColumn],
    row_testid: &'static str,
    make_row: Rc<dyn Fn(usize) -> TableRow>,
    marked: Cell<Option<usize>>,
    /// The position to which the history leads back. It takes effect when the table has rows.
    left_at_px: Cell<Option<i32>>,
    rows: VirtualRows<Row>,
}

impl RowPainter for Table {
    type Row = Row;

    fn make(&self, _number: usize) -> Row {
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

    fn element(row: &Row) -> &HtmlElement {
        &row.element
    }

    fn shows(&self, row: &Row, index: usize) -> bool {
        row.index == index
    }

    fn paint(&self, row: &mut Row, index: usize) {
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
}

impl Table {
    /// Paints the visible rows.
    fn draw(&self) {
        self.rows.measure();
        let window = self.rows.window();
        let is_ready = window.row_count > 0 && window.view_px > 0.0;
        let left_at_px = if is_ready { self.left_at_px.take() } else { None };
        if let Some(top_px) = left_at_px.map(f64::from).or_else(|| self.rows.scrolled_to()) {
            self.rows.move_to(top_px);
        }
        self.rows.draw(self);
    }

    /// Scrolls as little as needed to show the whole row.
    fn scroll_to(&self, index: usize) {
        self.rows.move_to(self.rows.window().top_px_to_show(index));
        self.rows.draw(self);
    }

    /// Moves the focus from a row's link to another row's. Without a focused link the keys scroll, as in any page.
    fn key(&self, event: &KeyboardEvent) {
        let Some(focused) = document().active_element() else { return };
        let Some(from) = self.rows.find(|row| row.element.contains(Some(&focused)).then_some(row.index)) else {
            return;
        };
        let window = self.rows.window();
        let (last, page) = (window.row_count.saturating_sub(1), window.rows_per_page().max(1));
        let to = match event.key().as_str() {
            "ArrowDown" => from + 1,
            "ArrowUp" => from.saturating_sub(1),
            "PageDown" => from + page,
            "PageUp" => from.saturating_sub(page),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        event.prevent_default();
        let to = to.min(last);
        self.scroll_to(to);
        let row = self.rows.find(|row| (row.index == to).then(|| row.element.clone()));
        let link = row.and_then(|row| row.query_selector("a").ok().flatten());
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
