//! The found records as rows: only the visible ones are in the document. The columns are those of the live list, and fields of the
//! value before the value itself.

use std::cell::Cell;

use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::context::error_text::error_text;
use crate::context::{preferences, store};
use crate::i18n::Language;
use crate::live::live_view::open;
use crate::live::record_row::{KEY_CHARS, RecordCell, VALUE_CHARS, headers_line, mark_note, note_chip, styled_field};
use crate::messages::browse::Browse;
use crate::ui::column_heads::{Edge, column_word};
use crate::ui::dom::{append, make, set, set_style, watch_size};
use crate::ui::field_text::{FieldText, raw_text};
use crate::ui::format::{bytes, number};
use crate::ui::fresh::fresh;
use crate::ui::json_view::{styled_json, styled_text};
use crate::ui::view_frame::EmptyState;
use crate::ui::virtual_rows::{RowPainter, VirtualRows};
use page_model::{
    Column, Columns, Entry, FieldPath, Filter, FoundColumn, FoundRecords, Link, Part, ReadState, RecordRef, SearchState,
};

/// The track of a column that is a field of the value.
const FIELD_TRACK: &str = "minmax(72px,150px) ";
/// Room for a date and a time.
const TIME_PX: u16 = 180;
const FIELD_CHARS: usize = 60;

#[component]
pub fn FoundList(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    // The rows have one topic.
    let columns = Memo::new(move |_| {
        let fixed = |columns: &Columns| {
            let shown = Column::ALL.into_iter().filter(|&column| column != Column::Topic && columns.shows(column));
            shown.collect::<Vec<_>>()
        };
        let fields = browse.fields.get();
        let mut all = Vec::new();
        for column in prefs.columns(fixed) {
            if column == Column::Value {
                all.extend(fields.iter().cloned().map(FoundColumn::Field));
            }
            all.push(FoundColumn::Column(column));
        }
        all
    });
    fresh(move || view! { <FoundGrid browse=browse columns=columns.get() /> }.into_any())
}

#[component]
fn FoundGrid(browse: Browse, columns: Vec<FoundColumn>) -> impl IntoView {
    let prefs = preferences();
    let viewport = NodeRef::<Div>::new();
    let active_row = RwSignal::new(None::<String>);
    let heads: Vec<_> = columns.iter().cloned().map(|column| view! { <Head browse=browse column=column /> }).collect();
    // On a narrow screen the value takes the whole width if there are no offsets.
    let has_offset = columns.contains(&FoundColumn::Column(Column::Offset));
    let shown = StoredValue::new(columns.clone());
    let grid = StoredValue::new_local(Grid {
        browse,
        columns,
        rows: VirtualRows::new(viewport, 0),
        language: Cell::new(prefs.language_untracked()),
        revision: Cell::new(0),
        active_row,
    });
    let with_grid = move |act: fn(&Grid)| {
        let _ = grid.try_with_value(act);
    };
    watch_size(viewport, move || {
        with_grid(|grid| {
            if grid.rows.measure() {
                grid.draw();
            }
        });
    });
    Effect::new(move |_| {
        let Some(viewport) = viewport.get() else { return };
        let template = prefs.columns(|widths| {
            shown.with_value(|shown| shown.iter().map(|column| track(column, widths)).collect::<String>())
        });
        set_style(&viewport, "--columns", &template);
    });
    Effect::new(move |_| {
        let count = browse.sort_rows();
        let language = prefs.language();
        browse.zone.is_utc();
        let Some(viewport) = viewport.get() else { return };
        set(&viewport, "aria-rowcount", &(count + 1).to_string());
        let _ = grid.try_with_value(|grid| {
            grid.rows.set_row_count(count);
            grid.language.set(language);
            // Every row is painted again: rows may have moved, or be written in another way.
            grid.revision.set(grid.revision.get() + 1);
            grid.rows.measure();
            grid.draw();
        });
    });
    Effect::new(move |_| {
        let selected = browse.selected.get();
        let row = selected.and_then(|entry| browse.row_of(&entry));
        let _ = grid.try_with_value(|grid| match row {
            Some(row) => grid.scroll_to(row),
            None => grid.draw(),
        });
    });
    let on_click = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let entry = target.and_then(|target| grid.try_with_value(|grid| grid.entry_at(&target)).flatten());
        if let Some(entry) = entry {
            open(browse.selected, entry);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let page = grid.try_with_value(|grid| grid.rows.window().rows_per_page().max(2) as i64 - 1).unwrap_or(1);
        match event.key().as_str() {
            "ArrowDown" => browse.step(1),
            "ArrowUp" => browse.step(-1),
            "PageDown" => browse.step(page),
            "PageUp" => browse.step(-page),
            "Home" => browse.step(i64::MIN),
            "End" => browse.step(i64::MAX),
            "Enter" if browse.selected.with_untracked(Option::is_none) => browse.step(0),
            "Escape" if browse.selected.with_untracked(Option::is_some) => browse.selected.set(None),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="sheet">
            <div
                class="viewport"
                class:no-offset=!has_offset
                role="grid"
                tabindex="0"
                aria-label=prefs.text(|w| w.records)
                aria-activedescendant=move || active_row.get()
                data-testid="found"
                node_ref=viewport
                on:scroll=move |_| with_grid(Grid::scrolled)
                on:keydown=on_key
            >
                <div class="tr th" role="row">
                    {heads}
                </div>
                <div class="rows-space" role="presentation">
                    <div class="rows" role="rowgroup" on:click=on_click></div>
                </div>
            </div>
            <FoundNothing browse=browse />
        </div>
    }
}

fn track(column: &FoundColumn, widths: &Columns) -> String {
    match column {
        FoundColumn::Field(_) => FIELD_TRACK.to_owned(),
        FoundColumn::Column(Column::Value) => "minmax(0,1fr) ".to_owned(),
        FoundColumn::Column(Column::Time) => format!("{}px ", widths.width_px(Column::Time).max(TIME_PX)),
        FoundColumn::Column(column) => format!("{}px ", widths.width_px(*column)),
    }
}

fn class_of(column: &FoundColumn) -> &'static str {
    match column {
        FoundColumn::Field(_) => "cell-field",
        FoundColumn::Column(Column::Time) => "cell-time",
        FoundColumn::Column(Column::Topic) => "cell-topic",
        FoundColumn::Column(Column::Partition) => "cell-partition",
        FoundColumn::Column(Column::Offset) => "cell-offset",
        FoundColumn::Column(Column::Key) => "cell-key",
        FoundColumn::Column(Column::Value) => "cell-value",
        FoundColumn::Column(Column::Headers) => "cell-headers",
        FoundColumn::Column(Column::Size) => "cell-size",
    }
}

/// The name of a column: a click orders the rows by it, then the other way round, then in the order of the search again.
#[component]
fn Head(browse: Browse, column: FoundColumn) -> impl IntoView {
    let prefs = preferences();
    let class = class_of(&column);
    let (name, edge) = match &column {
        FoundColumn::Column(column) => (column.name().to_owned(), (*column != Column::Value).then_some(*column)),
        FoundColumn::Field(path) => (path.to_string(), None),
    };
    let field = match &column {
        FoundColumn::Field(path) => Some(path.clone()),
        FoundColumn::Column(_) => None,
    };
    let text = {
        let column = column.clone();
        move || match &column {
            FoundColumn::Column(column) => column_word(*column)(prefs.words()).to_owned(),
            FoundColumn::Field(path) => path.to_string(),
        }
    };
    let column = StoredValue::new(column);
    let direction = Memo::new(move |_| {
        let own = |sort: &Option<(FoundColumn, bool)>| {
            sort.as_ref().filter(|(of, _)| column.with_value(|column| column == of)).map(|(_, descending)| *descending)
        };
        browse.sort.with(own)
    });
    let press = move |_| {
        let next = match direction.get_untracked() {
            None => Some((column.get_value(), false)),
            Some(false) => Some((column.get_value(), true)),
            Some(true) => None,
        };
        browse.sort.set(next);
    };
    let aria_sort = move || match direction.get() {
        None => "none",
        Some(false) => "ascending",
        Some(true) => "descending",
    };
    let remove = field.map(|path| {
        let shown = path.to_string();
        view! {
            <button
                type="button"
                class="column-remove"
                data-testid="column-remove"
                aria-label=move || prefs.words().column_remove.with_column(&shown)
                on:click=move |_| browse.toggle_column(&path)
            >
                "×"
            </button>
        }
    });
    view! {
        <span role="columnheader" class=class aria-sort=aria_sort data-testid="found-head" data-column=name>
            <button type="button" class="sort" on:click=press>
                {text}
            </button>
            {remove}
            {edge.map(|column| view! { <Edge column=column /> })}
        </span>
    }
}

/// Why there are no rows.
#[component]
fn FoundNothing(browse: Browse) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let is_offline =
        Memo::new(move |_| store.read(|state| matches!(state.link(), Link::Waiting { .. } | Link::Closed { .. })));
    let message = Memo::new(move |_| {
        let (words, language, is_offline) = (prefs.words(), prefs.language(), is_offline.get());
        browse.read(|found| {
            if !found.rows().is_empty() {
                return None;
            }
            let text = |reason, title: &str, next: String| Some((reason, title.to_owned(), next));
            let has_filter = found.request().is_some_and(|request| !request.filter.is_empty());
            match found.state() {
                SearchState::Idle | SearchState::Lost if is_offline => {
                    text("offline", words.empty_offline, words.view_offline_next.to_owned())
                }
                SearchState::Idle => text("loading", words.loading, String::new()),
                SearchState::Running | SearchState::Lost => text("loading", words.search_running, String::new()),
                SearchState::Refused(_) => text("problem", words.search_failed, reason(found, language)),
                SearchState::Done(_) if found.error().is_some() => {
                    text("problem", words.search_failed, reason(found, language))
                }
                SearchState::Done(_) if found.can_go_on() => {
                    text("stopped", words.search_stopped, words.search_stopped_next.to_owned())
                }
                SearchState::Done(_) if has_filter => {
                    let scanned = number(found.counts().scanned, language);
                    text("none", words.search_none, words.search_none_next.with_n(&scanned))
                }
                SearchState::Done(_) => text("empty", words.search_empty, words.search_empty_next.to_owned()),
            }
        })
    });
    move || {
        message.get().map(|(reason, title, next)| {
            view! {
                <div class="empty">
                    <EmptyState
                        reason=reason
                        title=Signal::derive(move || title.clone())
                        next=Signal::derive(move || next.clone())
                    />
                </div>
            }
        })
    }
}

fn reason(found: &FoundRecords, language: Language) -> String {
    found.error().map(|error| error_text(error, language)).unwrap_or_default()
}

struct FoundRow {
    element: HtmlElement,
    cells: Vec<RecordCell>,
    /// The row's record, and the revision in which it was painted.
    shown: Option<(Entry, u32)>,
    is_selected: bool,
}

struct Grid {
    browse: Browse,
    columns: Vec<FoundColumn>,
    rows: VirtualRows<FoundRow>,
    language: Cell<Language>,
    /// Increases when every row must be painted again.
    revision: Cell<u32>,
    active_row: RwSignal<Option<String>>,
}

impl Grid {
    fn draw(&self) {
        self.rows.draw(self);
        let selected = self.browse.selected.get_untracked();
        let active = selected.and_then(|selected| {
            let is_own = |row: &FoundRow| row.shown.as_ref().is_some_and(|(entry, _)| entry.is(&selected));
            self.rows.find(|row| is_own(row).then(|| row.element.id()))
        });
        if self.active_row.with_untracked(|before| *before != active) {
            self.active_row.set(active);
        }
    }

    fn scrolled(&self) {
        self.rows.measure();
        if let Some(top_px) = self.rows.scrolled_to() {
            self.rows.move_to(top_px);
            self.draw();
        }
    }

    fn scroll_to(&self, row: usize) {
        self.rows.measure();
        self.rows.move_to(self.rows.window().top_px_to_show(row));
        self.draw();
    }

    fn entry_at(&self, element: &Element) -> Option<Entry> {
        let entry = |row: &FoundRow| row.shown.as_ref().map(|(entry, _)| entry.clone());
        self.rows.find(|row| entry(row).filter(|_| row.element.contains(Some(element))))
    }

    fn fill(&self, row: &mut FoundRow, record: &RecordRef<'_>) {
        let words = self.language.get();
        set(&row.element, "data-topic", record.topic);
        set(&row.element, "data-partition", &record.partition.to_string());
        set(&row.element, "data-offset", &record.offset.to_string());
        mark_note(&row.element, "data-key-note", record.key_note, None);
        mark_note(&row.element, "data-value-note", record.value_note, None);
        let marks = self.browse.marks;
        let field = |text: FieldText, part: Part| {
            styled_field(text, words, part, |text, is_json| {
                let marks = marks.with_value(|marks| marks.marks_in(part, text));
                if is_json { styled_json(text, &marks) } else { styled_text(text, &marks, false) }
            })
        };
        let shows_partition = self.columns.contains(&FoundColumn::Column(Column::Partition));
        for (cell, column) in row.cells.iter_mut().zip(&self.columns) {
            let column = match column {
                FoundColumn::Field(path) => {
                    fill_field(cell, record, path, marks);
                    continue;
                }
                FoundColumn::Column(column) => *column,
            };
            match column {
                Column::Time => {
                    let zone = self.browse.zone;
                    cell.say(&record.timestamp.map_or_else(|| "–".to_owned(), |ms| untrack(|| zone.date_time(ms))));
                    let title = record.timestamp.map(|ms| untrack(|| zone.long(ms, words)));
                    cell.element.set_title(&title.unwrap_or_default());
                }
                Column::Topic => cell.say(record.topic),
                Column::Partition => cell.say(&record.partition.to_string()),
                Column::Offset if shows_partition => cell.say(&record.offset.to_string()),
                Column::Offset => cell.say(&format!("{}@{}", record.partition, record.offset)),
                Column::Key => {
                    let chip = record.key_note.and_then(|note| note_chip(note, words));
                    cell.style_noted(chip, &field(raw_text(record.key, KEY_CHARS), Part::Key));
                }
                Column::Value => {
                    let chip = record.value_note.and_then(|note| note_chip(note, words));
                    cell.style_noted(chip, &field(raw_text(record.value, VALUE_CHARS), Part::Value));
                }
                Column::Headers => cell.style(&styled_text(&headers_line(record), &[], false)),
                Column::Size => cell.say(&bytes(record.size(), words)),
            }
        }
    }
}

/// The field's text; nothing if the value does not have it.
fn fill_field(
    cell: &mut RecordCell,
    record: &RecordRef<'_>,
    path: &FieldPath,
    marks: StoredValue<Filter, LocalStorage>,
) {
    let json = record.value.and_then(|value| std::str::from_utf8(value).ok()).and_then(|value| path.find(value));
    let text = json.map(|json| page_model::string_of(json).unwrap_or_else(|| json.to_owned())).unwrap_or_default();
    match raw_text(Some(text.as_bytes()), FIELD_CHARS) {
        FieldText::Null | FieldText::Empty => cell.say(""),
        FieldText::Json(text) | FieldText::Text(text) | FieldText::Binary(text) => {
            let marks = marks.with_value(|marks| marks.marks_in(Part::Value, &text));
            cell.style(&styled_text(&text, &marks, false));
        }
    }
    cell.element.set_title(&text);
}

impl RowPainter for Grid {
    type Row = FoundRow;

    fn make(&self, number: usize) -> FoundRow {
        let element = make("div", "tr");
        element.set_id(&format!("found-{number}"));
        set(&element, "role", "row");
        set(&element, "data-testid", "record");
        let cell = |column: &FoundColumn| {
            let cell = RecordCell::new(&format!("{} clip", class_of(column)));
            append(&element, &cell.element);
            cell
        };
        let cells = self.columns.iter().map(cell).collect();
        FoundRow { element, cells, shown: None, is_selected: false }
    }

    fn element(row: &FoundRow) -> &HtmlElement {
        &row.element
    }

    fn shows(&self, row: &FoundRow, index: usize) -> bool {
        let entry = self.browse.entry(index);
        let is_same = |(shown, _): &(Entry, u32)| entry.as_ref().is_some_and(|entry| shown.is(entry));
        row.shown.as_ref().is_some_and(is_same)
    }

    fn paint(&self, row: &mut FoundRow, index: usize) {
        let Some(entry) = self.browse.entry(index) else { return };
        set(&row.element, "aria-rowindex", &(index + 2).to_string());
        let revision = self.revision.get();
        let is_painted = row.shown.as_ref().is_some_and(|(shown, painted)| shown.is(&entry) && *painted == revision);
        if !is_painted && let Some(record) = entry.record() {
            self.fill(row, &record);
        }
        let is_selected = self
            .browse
            .selected
            .with_untracked(|selected| selected.as_ref().is_some_and(|selected| selected.is(&entry)));
        if row.shown.is_none() || row.is_selected != is_selected {
            row.is_selected = is_selected;
            row.element.set_class_name(if is_selected { "tr selected" } else { "tr" });
            set(&row.element, "aria-selected", if is_selected { "true" } else { "false" });
        }
        row.shown = Some((entry, revision));
    }
}
