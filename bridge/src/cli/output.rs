//! The output of the terminal programs: tables like those of Kafka's tools, or JSON.
//!
//! On a terminal, characters that control it (control characters, escape sequences) or reorder text (direction
//! overrides) are escaped, since anyone may have written them to Kafka. In a pipe or a file the bytes are unchanged.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::Context;
use protocol::{is_printable, shown_name};
use serde::Serialize;

use crate::escape::{escaped, escaped_json};

/// Prints the text at once. A reader that closed the pipe early (`| head`) is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let text = if out.is_terminal() { lines(text) } else { Cow::Borrowed(text) };
    write_at_once(&mut out, &[text.as_bytes()]).map(|_| ())
}

/// Prints a record's bytes on one line behind `head`; in a pipe or a file, the bytes are unchanged. Returns whether anyone
/// reads standard output.
pub fn print_value(head: &str, value: Option<&[u8]>) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    let value = printed(value, out.is_terminal());
    write_at_once(&mut out, &[head.as_bytes(), &value, b"\n"])
}

/// Like [`print_value`], with the key and a separator before the value.
pub fn print_key_and_value(
    head: &str,
    key: Option<&[u8]>,
    separator: &str,
    value: Option<&[u8]>,
) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    let is_terminal = out.is_terminal();
    let (key, value) = (printed(key, is_terminal), printed(value, is_terminal));
    write_at_once(&mut out, &[head.as_bytes(), &key, separator.as_bytes(), &value, b"\n"])
}

fn printed(bytes: Option<&[u8]>, is_terminal: bool) -> Cow<'_, [u8]> {
    match bytes {
        Some(bytes) if is_terminal => Cow::Owned(shown_bytes(bytes).into_bytes()),
        Some(bytes) => Cow::Borrowed(bytes),
        // The tutorial's language, Python, prints a missing value as `None`.
        None => Cow::Borrowed(&b"None"[..]),
    }
}

/// Returns false if the reader has closed the pipe.
fn write_at_once(out: &mut impl Write, parts: &[&[u8]]) -> anyhow::Result<bool> {
    match parts.iter().try_for_each(|part| out.write_all(part)).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

/// Completes when the program that reads standard output through a pipe has ended (`| head`).
#[cfg(unix)]
pub async fn reader_gone() {
    use std::os::fd::AsFd;

    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    let out = std::io::stdout().as_fd().try_clone_to_owned();
    // A file cannot be watched, and has no reader.
    #[expect(deprecated, reason = "its replacement is unsafe; an owned descriptor fulfils what that asks for")]
    let watched = out.ok().and_then(|out| AsyncFd::with_interest(out, Interest::ERROR).ok());
    if let Some(out) = watched {
        while let Ok(mut ready) = out.ready(Interest::ERROR).await {
            if ready.ready().is_error() || ready.ready().is_write_closed() {
                return;
            }
            ready.clear_ready();
        }
    }
    std::future::pending::<()>().await;
}

/// Without pipes that can be watched, a closed one is noticed when something is written.
#[cfg(not(unix))]
pub async fn reader_gone() {
    std::future::pending::<()>().await;
}

pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string(value)?;
    let json = if std::io::stdout().is_terminal() { escaped_json(&json) } else { Cow::Borrowed(json.as_str()) };
    print(&format!("{json}\n"))
}

/// Prints a message on standard error. If that was closed, nothing is left to report it to.
pub fn print_message(text: &str) {
    let text = if std::io::stderr().is_terminal() { lines(text) } else { Cow::Borrowed(text) };
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A name on its own line: in quotes and with escapes if it is empty or could be misread.
pub fn name_line(name: &str) -> String {
    format!("{}\n", shown_name(name))
}

/// The text as one word of a command line (in Bash, ksh and zsh).
pub fn shell_word(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_' | '-');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut word = "$'".to_owned();
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            '\n' => word.push_str("\\n"),
            character if is_printable(character) => word.push(character),
            character => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(word, "\\x{byte:02x}");
                }
            }
        }
    }
    word.push('\'');
    word
}

/// A record's bytes on one line, for a terminal: invalid UTF-8 as `\x9b`, a line break as `\n`.
fn shown_bytes(bytes: &[u8]) -> String {
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
        assert_eq!(name_line("a\nb"), "\"a\\nb\"\n");
        assert_eq!(name_line(""), "\"\"\n");
    }

    #[test]
    fn shell_reads_the_word_as_the_same_text() {
        for text in ["", "my-group", "a b", "it's", "a\nb", "\u{1b}[2J'\\", "città €"] {
            let script = format!("printf %s {}", shell_word(text));
            let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash");
            assert_eq!(String::from_utf8_lossy(&output.stdout), text, "{script}");
        }
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
