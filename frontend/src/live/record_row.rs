//! Paints the rows of the live list. A row element changes its texts as the list moves, and no element is created for a
//! record. So a frame costs the same for any number of records per second.

use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::document;
use protocol::{DecodeNote, GapReason};
use web_sys::{HtmlElement, Text};

use crate::i18n::{Language, Words};
use crate::live::format_words::{note_state, short_reason};
use crate::live::gap_line::gap_text;
use crate::platform::browser;
use crate::ui::dom::{append, make, set};
use crate::ui::field_text::{FieldText, raw_text};
use crate::ui::format;
use crate::ui::json_view::{Part as StyledPart, append_parts, styled_json, styled_text};
use crate::ui::virtual_rows::RowPainter;
use page_model::{AppState, Column, Columns, Entry, Gap, Part, ReadState, RecordRef};

/// A row of the widest screen has no room for more.
pub const KEY_CHARS: usize = 60;
pub const VALUE_CHARS: usize = 300;

/// Settings that affect how every row is drawn.
#[derive(Clone, PartialEq)]
pub struct RowStyle {
    pub filter_revision: u32,
    pub language: Language,
    pub columns: Columns,
}

/// What a row shows.
struct Shown {
    entry: Entry,
    style: Rc<RowStyle>,
    is_selected: bool,
    is_own: bool,
    is_filling: bool,
    /// The gap's records may be loaded.
    may_load: bool,
    is_plain: bool,
}

/// A cell that changes its text, or its coloured parts.
pub struct RecordCell {
    pub element: HtmlElement,
    /// Its only child, while it is plain.
    text: Text,
    is_plain: bool,
}

pub struct RecordRow {
    pub element: HtmlElement,
    cells: [RecordCell; Column::ALL.len()],
    gap_text: HtmlElement,
    gap_button: HtmlElement,
    shown: Option<Shown>,
}

impl RecordRow {
    pub fn entry(&self) -> Option<&Entry> {
        self.shown.as_ref().map(|shown| &shown.entry)
    }
}

/// Paints the rows in one `draw`.
pub struct RecordPainter<'a> {
    pub state: &'a AppState,
    pub selected: Option<&'a Entry>,
    pub style: Rc<RowStyle>,
    pub may_be_plain: bool,
    /// Whether most rows were new in the previous `draw`.
    pub was_fast: &'a Cell<bool>,
    /// Whether new rows get no colours, which are expensive, because the list moves too fast to be read.
    pub is_plain: Cell<bool>,
}

impl RowPainter for RecordPainter<'_> {
    type Row = RecordRow;

    fn make(&self, number: usize) -> RecordRow {
        let element = make("div", "tr");
        element.set_id(&format!("row-{number}"));
        set(&element, "role", "row");
        let cells = Column::ALL.map(|column| {
            let is_cut_off =
                matches!(column, Column::Time | Column::Topic | Column::Key | Column::Value | Column::Headers);
            let cell = RecordCell::new(&format!("cell-{}{}", column.name(), if is_cut_off { " clip" } else { "" }));
            append(&element, &cell.element);
            cell
        });
        let gap = make("span", "gap-cell");
        set(&gap, "role", "gridcell");
        let gap_text = make("span", "gap-text clip");
        let gap_button = make("button", "gap-button");
        set(&gap_button, "type", "button");
        append(&gap, &gap_text);
        append(&gap, &gap_button);
        append(&element, &gap);
        RecordRow { element, cells, gap_text, gap_button, shown: None }
    }

    fn element(row: &RecordRow) -> &HtmlElement {
        &row.element
    }

    fn shows(&self, row: &RecordRow, index: usize) -> bool {
        let shown = row.shown.as_ref().filter(|shown| Rc::ptr_eq(&shown.style, &self.style));
        shown.is_some_and(|shown| self.state.feed().get(index).is_some_and(|entry| shown.entry.is(entry)))
    }

    /// A whole screenful in one frame, or most of one in frame after frame, is too fast to read.
    fn start(&self, kept: usize, before: usize) {
        let is_fast = self.may_be_plain && kept * 2 < before;
        let was_fast = self.was_fast.replace(is_fast);
        self.is_plain.set(is_fast && (was_fast || kept == 0));
    }

    fn paint(&self, row: &mut RecordRow, index: usize) {
        let Some(entry) = self.state.feed().get(index) else { return };
        let record = entry.record();
        let is_own = record.as_ref().is_some_and(|record| self.state.feed().own_after_ms(record).is_some());
        let is_filling = entry.as_gap().is_some_and(|gap| is_moving(self.state, entry, gap));
        let may_load = record.is_some() || self.state.may_load(entry);
        let is_selected = self.selected.is_some_and(|selected| selected.is(entry));
        let before = row.shown.take().filter(|shown| Rc::ptr_eq(&shown.style, &self.style));
        let same = before
            .as_ref()
            .filter(|shown| shown.entry.is(entry) && shown.is_filling == is_filling && shown.may_load == may_load);
        // A row that has its colours keeps them.
        let is_plain = self.is_plain.get() && same.is_none_or(|shown| shown.is_plain);
        match &record {
            Some(record) if same.is_none_or(|shown| shown.is_plain != is_plain) => {
                let before = before.as_ref().and_then(|shown| shown.entry.record());
                self.fill(row, record, before.as_ref(), is_plain);
            }
            None if same.is_none() => {
                if let Some(gap) = entry.as_gap() {
                    fill_gap(row, gap, is_filling, may_load, self.style.language);
                }
            }
            _ => {}
        }
        let marks = |shown: &Shown| (shown.entry.is_record(), shown.is_own, shown.is_selected);
        let marked = (record.is_some(), is_own, is_selected);
        if before.as_ref().map(marks) != Some(marked) {
            row.element.set_class_name(match marked {
                (false, ..) => "tr gap",
                (_, false, false) => "tr",
                (_, true, false) => "tr own",
                (_, false, true) => "tr selected",
                (_, true, true) => "tr own selected",
            });
            set(&row.element, "aria-selected", if is_selected { "true" } else { "false" });
            set(&row.element, "data-own", if is_own { "true" } else { "false" });
        }
        let style = Rc::clone(&self.style);
        row.shown = Some(Shown { entry: entry.clone(), style, is_selected, is_own, is_filling, may_load, is_plain });
    }
}

impl RecordPainter<'_> {
    /// `before`: the record that the row showed until now.
    fn fill(&self, row: &mut RecordRow, record: &RecordRef<'_>, before: Option<&RecordRef<'_>>, is_plain: bool) {
        let RowStyle { language: words, columns, .. } = &*self.style;
        let offset = record.offset.to_string();
        if before.is_none() {
            set(&row.element, "data-testid", "record");
        }
        if before.is_none_or(|before| (before.topic, before.partition) != (record.topic, record.partition)) {
            set(&row.element, "data-topic", record.topic);
            set(&row.element, "data-partition", &record.partition.to_string());
        }
        set(&row.element, "data-offset", &offset);
        mark_note(&row.element, "data-key-note", record.key_note, before.map(|before| before.key_note));
        mark_note(&row.element, "data-value-note", record.value_note, before.map(|before| before.value_note));
        // No chips while the list moves too fast to be read.
        let note =
            |note: Option<&'_ Rc<DecodeNote>>| note.filter(|_| !is_plain).and_then(|note| note_chip(note, words));
        let filter = self.state.feed().filter();
        let field = |text: FieldText, part: Part| {
            styled_field(text, words, part, |text, is_json| {
                let marks = filter.marks_in(part, text);
                if is_json && !is_plain { styled_json(text, &marks) } else { styled_text(text, &marks, false) }
            })
        };
        for (cell, column) in row.cells.iter_mut().zip(Column::ALL).filter(|(_, column)| columns.shows(*column)) {
            match column {
                Column::Time => cell.say(&record.timestamp.map_or_else(|| "–".to_owned(), browser::time_of_day)),
                Column::Topic => cell.say(record.topic),
                Column::Partition => cell.say(&record.partition.to_string()),
                Column::Offset if columns.shows(Column::Partition) => cell.say(&offset),
                Column::Offset => cell.say(&format!("{}@{offset}", record.partition)),
                Column::Key => {
                    cell.style_noted(note(record.key_note), &field(raw_text(record.key, KEY_CHARS), Part::Key));
                }
                Column::Value => {
                    cell.style_noted(note(record.value_note), &field(raw_text(record.value, VALUE_CHARS), Part::Value));
                }
                Column::Headers => cell.style(&styled_text(&headers_line(record), &[], false)),
                Column::Size => cell.say(&format::bytes(record.size(), words)),
            }
        }
    }
}

/// Says in an attribute of the row whether its key or value is decoded. `before`: the note that the attribute shows, if known.
pub fn mark_note(
    row: &HtmlElement,
    attribute: &str,
    note: Option<&Rc<DecodeNote>>,
    before: Option<Option<&Rc<DecodeNote>>>,
) {
    match (note, before) {
        (None, Some(None)) => {}
        (Some(note), Some(Some(before))) if Rc::ptr_eq(note, before) => {}
        (Some(note), _) => set(row, attribute, note_state(note)),
        (None, _) => drop(row.remove_attribute(attribute)),
    }
}

/// The sign of a key or value that could not be decoded, with the reason. The bytes follow as they are.
pub fn note_chip(note: &DecodeNote, words: Language) -> Option<HtmlElement> {
    let (reason, error) = (short_reason(note, words)?, note.decode_error.as_ref()?);
    let chip = make("span", "note-chip");
    set(&chip, "role", "img");
    set(&chip, "aria-label", &format!("{reason}: {}", error.message));
    set(&chip, "title", &error.message);
    chip.set_text_content(Some(&reason));
    Some(chip)
}

fn fill_gap(row: &RecordRow, gap: &Gap, is_filling: bool, may_load: bool, words: Language) {
    let text = gap_text(gap, is_filling, words);
    let reason = match gap.reason {
        GapReason::Slow => "slow",
        GapReason::Retention => "retention",
        GapReason::Recreated => "recreated",
        GapReason::OutOfRange => "out_of_range",
    };
    set(&row.element, "data-testid", "gap");
    set(&row.element, "data-from", &gap.from.to_string());
    set(&row.element, "data-to", &gap.to.to_string());
    set(&row.element, "data-reason", reason);
    row.gap_text.set_text_content(Some(&text));
    row.gap_text.set_title(&text);
    let can_commit = gap.reason == GapReason::OutOfRange && !is_filling;
    row.gap_button.set_hidden(!gap.can_be_loaded() && !can_commit);
    let (text, testid) = match (can_commit, is_filling) {
        (true, _) => (words.gap_commit, "gap-commit"),
        (_, true) => (words.gap_stop, "gap-stop"),
        _ => (words.gap_load, "gap-load"),
    };
    row.gap_button.set_text_content(Some(text));
    set(&row.gap_button, "data-testid", testid);
    let is_forbidden = gap.can_be_loaded() && !may_load;
    let _ = row.gap_button.toggle_attribute_with_force("disabled", is_forbidden);
    row.gap_button.set_title(if is_forbidden { words.forbidden_read } else { "" });
}

/// Whether the gap's records are being loaded, or its partition is committed again.
fn is_moving(state: &AppState, entry: &Entry, gap: &Gap) -> bool {
    match gap.reason {
        GapReason::OutOfRange => {
            let held = state.listening().held_commits().of(&gap.topic, gap.partition);
            held.is_none_or(|held| (held.committed, held.begun) != (gap.from, gap.to))
        }
        _ => state.is_filling(entry),
    }
}

impl RecordCell {
    pub fn new(class: &str) -> Self {
        let element = make("span", class);
        set(&element, "role", "gridcell");
        let text = document().create_text_node("");
        append(&element, &text);
        Self { element, text, is_plain: true }
    }

    pub fn say(&mut self, text: &str) {
        if !self.is_plain {
            self.element.set_text_content(None);
            append(&self.element, &self.text);
            self.is_plain = true;
        }
        self.text.set_data(text);
    }

    pub fn style_noted(&mut self, chip: Option<HtmlElement>, parts: &[StyledPart]) {
        let Some(chip) = chip else { return self.style(parts) };
        self.element.set_text_content(None);
        self.is_plain = false;
        append(&self.element, &chip);
        append_parts(&self.element, parts);
    }

    pub fn style(&mut self, parts: &[StyledPart]) {
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

/// A field that is not text is described in words, in another colour than data.
pub fn styled_field(
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
pub fn headers_line(record: &RecordRef<'_>) -> String {
    let mut line = String::new();
    for (name, value) in record.headers {
        if line.len() > KEY_CHARS * 2 {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(name);
        line.push_str(": ");
        match raw_text(value, KEY_CHARS) {
            FieldText::Null => line.push_str("null"),
            FieldText::Empty => {}
            FieldText::Json(text) | FieldText::Text(text) | FieldText::Binary(text) => line.push_str(&text),
        }
    }
    line
}
