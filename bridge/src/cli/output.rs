//! The output of the terminal programs: tables like those of Kafka's tools, or JSON.
//!
//! On a terminal, characters that control it (control characters, escape sequences) or reorder text (direction
//! overrides) are escaped, since anyone may have written them to Kafka. In a pipe or a file the bytes are unchanged.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};

use protocol::is_printable;
use serde::Serialize;

use crate::escape::{escaped, escaped_json};

/// Prints the text at once. A reader that closed the pipe early (`| head`) is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let text = if out.is_terminal() { lines(text) } else { Cow::Borrowed(text) };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string(value)?;
    let json = if std::io::stdout().is_terminal() { escaped_json(&json) } else { Cow::Borrowed(json.as_str()) };
    print(&format!("{json}\n"))
}

/// Prints a message on standard error.
pub fn print_message(text: &str) {
    let text = if std::io::stderr().is_terminal() { lines(text) } else { Cow::Borrowed(text) };
    eprintln!("{text}");
}

/// A name on its own line; line breaks within it are escaped.
pub fn name_line(name: &str) -> String {
    format!("{}\n", escaped(name, |character| !character.is_control()))
}

/// A record's bytes on one line, for a terminal: invalid UTF-8 as `\x9b`, a line break as `\n`.
pub fn shown_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&escaped(chunk.valid(), is_printable));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Escapes a whole text, but keeps its line breaks and tabs.
fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| is_printable(character) || matches!(character, '\n' | '\t'))
}

/// A table with aligned columns, separated by two spaces, and `-` for empty cells.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&name| name.to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A row stays on one line: line breaks in cells are escaped.
        let one_line = |cell: String| match cell.contains(char::is_control) {
            true => escaped(&cell, |character| !character.is_control()).into_owned(),
            false => cell,
        };
        let shown = |cell: String| if cell.is_empty() { "-".to_owned() } else { one_line(cell) };
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    pub fn to_text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

/// The value as text, or an empty cell, which a table shows as `-`.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_cells_are_dashes() {
        let mut table = Table::new(&["GROUP", "LAG"]);
        table.row(["a-long-name".to_owned(), "1".to_owned()]);
        table.row(["città".to_owned(), String::new()]);
        assert_eq!(table.to_text(), "GROUP        LAG\na-long-name  1\ncittà        -\n");
    }

    #[test]
    fn row_is_one_line_whatever_its_cells_contain() {
        let mut table = Table::new(&["GROUP"]);
        table.row(["a\nb\tc".to_owned()]);
        assert_eq!(table.to_text(), "GROUP\na\\nb\\tc\n");
        assert_eq!(name_line("a\nb"), "a\\nb\n");
    }

    #[test]
    fn terminal_control_characters_are_escaped() {
        assert_eq!(lines("città\t1\n"), "città\t1\n");
        assert_eq!(lines("a\u{1b}[2J\u{202e}b\r\n"), "a\\u{1b}[2J\\u{202e}b\\r\n");
        assert_eq!(shown_bytes("città €".as_bytes()), "città €");
        assert_eq!(shown_bytes(b"a\x1b]0;x\x07\n\x9b2J"), "a\\u{1b}]0;x\\u{7}\\n\\x9b2J");
    }

    #[test]
    fn escaped_json_parses_to_the_same_value() {
        let value = serde_json::json!({"a": "\u{1b}[2J\u{202e}\u{9b}\u{e0041}città"});
        let shown = escaped_json(&value.to_string()).into_owned();
        assert!(shown.contains("\\u202e") && shown.contains("\\u009b"), "{shown}");
        assert!(shown.chars().all(is_printable), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }
}
