//! The rows in sight: a fixed set of elements whose texts change as the list moves. Nothing is created for a record, so
//! that a fast stream costs the same however fast it is. Plain DOM calls: no signal, effect or listener for each row.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, Text};

use crate::i18n::{Language, Words};
use crate::live::gap_line::gap_text;
use crate::platform::browser;
use crate::ui::field_text::{FieldText, raw_text};
use crate::ui::format;
use crate::ui::json_view::{Part as StyledPart, styled_json, styled_text};
use page_model::{AppState, Column, Columns, Entry, Feed, Gap, Part, ReadState, RecordRef};

/// More does not fit into the widest screen's row.
const KEY_CHARS: usize = 60;
const VALUE_CHARS: usize = 300;

/// Settings that affect how every row is drawn.
#[derive(Clone, PartialEq)]
pub struct RowStyle {
    pub filter_revision: u32,
    pub language: Language,
    pub columns: Columns,
}

/// How rows are drawn. A list that moves too fast to be read is drawn without colours, which are expensive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Plain,
    Coloured,
}

struct Shown {
    entry: Entry,
    is_selected: bool,
    is_own: bool,
    is_filling: bool,
    detail: Detail,
}

struct Cell {
    element: HtmlElement,
    /// Its only child, unless it is coloured.
    text: Text,
    is_plain: bool,
}

struct Row {
    element: HtmlElement,
    cells: [Cell; Column::ALL.len()],
    gap_text: HtmlElement,
    gap_button: HtmlElement,
    shown: Option<Shown>,
}

pub struct RowPool {
    parent: HtmlElement,
    /// In the document, top to bottom.
    rows: Vec<Row>,
    spare: Vec<Row>,
    style: Option<RowStyle>,
    /// Most rows were new when they were shown last.
    was_fast: bool,
    made: u32,
}

impl RowPool {
    pub fn new(parent: HtmlElement) -> Self {
        Self { parent, rows: Vec::new(), spare: Vec::new(), style: None, was_fast: false, made: 0 }
    }

    /// Shows the entries from `first` on in `count` rows.
    pub fn show(
        &mut self,
        state: &AppState,
        first: usize,
        count: usize,
        selected: Option<&Entry>,
        style: RowStyle,
        may_be_plain: bool,
    ) -> Detail {
        let feed = state.feed();
        let count = count.min(feed.len().saturating_sub(first));
        if self.style.as_ref() != Some(&style) {
            self.rows.iter_mut().chain(&mut self.spare).for_each(|row| row.shown = None);
        }
        let had_rows = self.rows.len();
        let kept = self.turn_to(feed, first);
        // A whole screenful in one frame, or most of one in frame after frame: too fast to read.
        let is_fast = may_be_plain && kept * 2 < had_rows;
        let is_plain = is_fast && (self.was_fast || kept == 0);
        self.was_fast = is_fast;
        let detail = if is_plain { Detail::Plain } else { Detail::Coloured };
        self.resize(count);
        for (row, index) in self.rows.iter_mut().zip(first..) {
            let Some(entry) = feed.get(index) else { continue };
            let is_selected = selected.is_some_and(|selected| selected.is(entry));
            row.show(state, entry, is_selected, &style, detail);
        }
        self.style = Some(style);
        detail
    }

    /// A list that moved by a few rows takes its rows along: only those that come into sight are filled anew. Returns how many
    /// could stay.
    fn turn_to(&mut self, feed: &Feed, first: usize) -> usize {
        let shows = |row: &Row, index: usize| {
            feed.get(index).is_some_and(|entry| row.shown.as_ref().is_some_and(|shown| shown.entry.is(entry)))
        };
        if let Some(down) = (0..self.rows.len()).find(|&at| shows(&self.rows[at], first)) {
            for row in &self.rows[..down] {
                append(&self.parent, &row.element);
            }
            self.rows.rotate_left(down);
            self.rows.len() - down
        } else if let Some(up) = (1..self.rows.len()).find(|&up| shows(&self.rows[0], first + up)) {
            let at = self.rows.len() - up;
            for row in self.rows[at..].iter().rev() {
                // It fails only where the nodes are not each other's.
                let _ = self.parent.insert_before(&row.element, self.parent.first_child().as_ref());
            }
            self.rows.rotate_right(up);
            at
        } else {
            0
        }
    }

    fn resize(&mut self, count: usize) {
        while self.rows.len() > count {
            let Some(row) = self.rows.pop() else { break };
            row.element.remove();
            self.spare.push(row);
        }
        while self.rows.len() < count {
            let row = self.spare.pop().unwrap_or_else(|| {
                self.made += 1;
                Row::new(self.made)
            });
            append(&self.parent, &row.element);
            self.rows.push(row);
        }
    }

    /// The entry of the row that contains an element.
    pub fn entry_at(&self, element: &Element) -> Option<Entry> {
        let row = self.rows.iter().find(|row| row.element.contains(Some(element)))?;
        row.shown.as_ref().map(|shown| shown.entry.clone())
    }

    /// The id of the row that shows an entry, while one does.
    pub fn row_id(&self, entry: &Entry) -> Option<String> {
        let shows = |row: &&Row| row.shown.as_ref().is_some_and(|shown| shown.entry.is(entry));
        self.rows.iter().find(shows).map(|row| row.element.id())
    }
}

impl Row {
    fn new(number: u32) -> Self {
        let element = make("div", "tr");
        element.set_id(&format!("row-{number}"));
        set(&element, "role", "row");
        let cells = Column::ALL.map(|column| {
            let cell = make(
                "span",
                match column {
                    Column::Time => "cell-time",
                    Column::Topic => "cell-topic clip",
                    Column::Partition => "cell-partition",
                    Column::Offset => "cell-offset",
                    Column::Key => "cell-key clip",
                    Column::Value => "cell-value clip",
                    Column::Headers => "cell-headers clip",
                    Column::Size => "cell-size",
                },
            );
            set(&cell, "role", "gridcell");
            let text = document().create_text_node("");
            append(&cell, &text);
            append(&element, &cell);
            Cell { element: cell, text, is_plain: true }
        });
        let gap = make("span", "gap-cell");
        set(&gap, "role", "gridcell");
        let gap_text = make("span", "gap-text clip");
        let gap_button = make("button", "gap-button");
        set(&gap_button, "type", "button");
        append(&gap, &gap_text);
        append(&gap, &gap_button);
        append(&element, &gap);
        Self { element, cells, gap_text, gap_button, shown: None }
    }

    fn show(&mut self, state: &AppState, entry: &Entry, is_selected: bool, style: &RowStyle, detail: Detail) {
        let record = entry.record();
        let own = record.as_ref().and_then(|record| state.feed().own_after_ms(record));
        let (is_own, is_filling) = (own.is_some(), entry.as_gap().is_some_and(|gap| is_moving(state, entry, gap)));
        let before = self.shown.take();
        let is_same = before.as_ref().is_some_and(|shown| shown.entry.is(entry) && shown.is_filling == is_filling);
        // A row that is coloured already stays so.
        let detail = if is_same && before.as_ref().is_some_and(|shown| shown.detail == Detail::Coloured) {
            Detail::Coloured
        } else {
            detail
        };
        let is_text_same = is_same && before.as_ref().is_some_and(|shown| shown.detail == detail);
        match &record {
            Some(record) => {
                if before.as_ref().is_none_or(|shown| !shown.entry.is_record()) {
                    set(&self.element, "data-testid", "record");
                }
                if !is_text_same {
                    let before = before.as_ref().and_then(|shown| shown.entry.record());
                    self.fill(record, before.as_ref(), state, style, detail);
                }
            }
            None => {
                if let Some(gap) = entry.as_gap().filter(|_| !is_same) {
                    self.fill_gap(gap, is_filling, style.language);
                }
            }
        }
        let is_marked_same = before.as_ref().is_some_and(|shown| {
            shown.entry.is_record() == entry.is_record() && (shown.is_own, shown.is_selected) == (is_own, is_selected)
        });
        if !is_marked_same {
            self.element.set_class_name(match (record.is_some(), is_own, is_selected) {
                (false, ..) => "tr gap",
                (_, false, false) => "tr",
                (_, true, false) => "tr own",
                (_, false, true) => "tr selected",
                (_, true, true) => "tr own selected",
            });
            set(&self.element, "aria-selected", if is_selected { "true" } else { "false" });
            set(&self.element, "data-own", if is_own { "true" } else { "false" });
        }
        self.shown = Some(Shown { entry: entry.clone(), is_selected, is_own, is_filling, detail });
    }

    /// `before`: what the row showed until now.
    fn fill(
        &mut self,
        record: &RecordRef<'_>,
        before: Option<&RecordRef<'_>>,
        state: &AppState,
        style: &RowStyle,
        detail: Detail,
    ) {
        let words = style.language;
        let offset = record.offset.to_string();
        if before.is_none_or(|before| (before.topic, before.partition) != (record.topic, record.partition)) {
            set(&self.element, "data-topic", record.topic);
            set(&self.element, "data-partition", &record.partition.to_string());
        }
        set(&self.element, "data-offset", &offset);
        let filter = state.feed().filter();
        let field = |text: FieldText, part: Part| {
            styled_field(text, words, part, |text, is_json| {
                let marks = filter.marks_in(part, text);
                match detail {
                    Detail::Coloured if is_json => styled_json(text, &marks),
                    _ => styled_text(text, &marks),
                }
            })
        };
        for (cell, column) in self.cells.iter_mut().zip(Column::ALL) {
            if !style.columns.shows(column) {
                continue;
            }
            match column {
                Column::Time => {
                    cell.say(&record.timestamp.map_or_else(|| "–".to_owned(), browser::time_of_day));
                }
                Column::Topic => cell.say(record.topic),
                Column::Partition => cell.say(&record.partition.to_string()),
                Column::Offset if style.columns.shows(Column::Partition) => cell.say(&offset),
                Column::Offset => cell.say(&format!("{}@{offset}", record.partition)),
                Column::Key => cell.style(&field(raw_text(record.key, KEY_CHARS), Part::Key)),
                Column::Value => cell.style(&field(raw_text(record.value, VALUE_CHARS), Part::Value)),
                Column::Headers => cell.say(&headers_line(record)),
                Column::Size => cell.say(&format::bytes(record.size(), style.language)),
            }
        }
    }

    fn fill_gap(&mut self, gap: &Gap, is_filling: bool, language: Language) {
        let words = language;
        let text = gap_text(gap, is_filling, language);
        set(&self.element, "data-testid", "gap");
        set(&self.element, "data-from", &gap.from.to_string());
        set(&self.element, "data-to", &gap.to.to_string());
        set(
            &self.element,
            "data-reason",
            match gap.reason {
                protocol::GapReason::Slow => "slow",
                protocol::GapReason::Retention => "retention",
                protocol::GapReason::Recreated => "recreated",
                protocol::GapReason::OutOfRange => "out_of_range",
            },
        );
        self.gap_text.set_text_content(Some(&text));
        self.gap_text.set_title(&text);
        let can_commit = gap.reason == protocol::GapReason::OutOfRange && !is_filling;
        self.gap_button.set_hidden(!gap.can_be_loaded() && !can_commit);
        let (text, testid) = match (can_commit, is_filling) {
            (true, _) => (words.gap_commit, "gap-commit"),
            (_, true) => (words.gap_stop, "gap-stop"),
            _ => (words.gap_load, "gap-load"),
        };
        self.gap_button.set_text_content(Some(text));
        set(&self.gap_button, "data-testid", testid);
    }
}

/// Whether something of the gap is on its way or settled: its records are being loaded, or its partition is committed again.
fn is_moving(state: &AppState, entry: &Entry, gap: &Gap) -> bool {
    match gap.reason {
        protocol::GapReason::OutOfRange => {
            let held = state.listening().held_commits().of(&gap.topic, gap.partition);
            held.is_none_or(|held| (held.committed, held.begun) != (gap.from, gap.to))
        }
        _ => state.is_filling(entry),
    }
}

impl Cell {
    fn say(&mut self, text: &str) {
        if !self.is_plain {
            self.element.set_text_content(None);
            append(&self.element, &self.text);
            self.is_plain = true;
        }
        self.text.set_data(text);
    }

    fn style(&mut self, parts: &[StyledPart]) {
        match parts {
            [] => self.say(""),
            [("", text)] => self.say(text),
            parts => {
                self.element.set_text_content(None);
                self.is_plain = false;
                append_parts(&self.element, parts);
            }
        }
    }
}

/// Stretches of text as spans with their classes.
pub fn append_parts(parent: &HtmlElement, parts: &[StyledPart]) {
    for (class, text) in parts {
        if class.is_empty() {
            append(parent, &document().create_text_node(text));
        } else {
            let span = make("span", class);
            span.set_text_content(Some(text));
            append(parent, &span);
        }
    }
}

/// What is not text is said in words, in another colour than data.
fn styled_field(
    text: FieldText,
    words: &'static Words,
    part: Part,
    style: impl Fn(&str, bool) -> Vec<StyledPart>,
) -> Vec<StyledPart> {
    match text {
        FieldText::Null if part == Part::Key => vec![("nil", "null".to_owned())],
        FieldText::Null => vec![("said", words.tombstone.to_owned())],
        FieldText::Empty => vec![("said", words.empty_value.to_owned())],
        FieldText::Json(text) => style(&text, true),
        FieldText::Text(text) => style(&text, false),
        FieldText::Binary(text) => vec![("label", words.binary.to_owned()), ("", format!(" {text}"))],
    }
}

/// `trace-id: 7f3a, retry: 2`.
fn headers_line(record: &RecordRef<'_>) -> String {
    let mut line = String::new();
    for (name, value) in record.headers {
        if line.len() > KEY_CHARS * 2 {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&crate::ui::field_text::with_visible_controls(name));
        line.push_str(": ");
        match raw_text(value, KEY_CHARS) {
            FieldText::Null => line.push_str("null"),
            FieldText::Empty => {}
            FieldText::Json(text) | FieldText::Text(text) | FieldText::Binary(text) => line.push_str(&text),
        }
    }
    line
}

pub fn make(tag: &str, class: &str) -> HtmlElement {
    let element = document().create_element(tag).unwrap_or_else(|_| unreachable!("{tag} is a valid name"));
    element.set_class_name(class);
    element.unchecked_into()
}

pub fn append(parent: &HtmlElement, child: &web_sys::Node) {
    // It fails only where a node would contain itself.
    let _ = parent.append_child(child);
}

pub fn set(element: &HtmlElement, name: &str, value: &str) {
    // It fails only for names that are none.
    let _ = element.set_attribute(name, value);
}
