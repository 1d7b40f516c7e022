//! Reads the records of a batch one by one, in any of its formats. No record is kept: the batch is read once to
//! validate it and again to send it, so it needs no memory beyond its text.

mod envelope;
mod rows;

use std::sync::Arc;

use protocol::{ProduceRecord, WireBytes};
use serde_json::value::RawValue;

pub use self::envelope::is_envelope;
use self::envelope::{EntryError, envelope};
use self::rows::Rows;
use super::batch_format::{BatchReading, Entries, Format};
use super::batch_guess::{characters, without_comma};

/// Why a line is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Invalid JSON. The column counts characters of the line, from 1.
    Json {
        column: usize,
    },
    /// The array is not closed, or more text follows it.
    ArrayEnd,
    /// Not an object with `value` and only known fields; the reason comes from the JSON parser.
    NotARecord {
        column: usize,
        why: String,
    },
    Base64,
    Partition(String),
    Timestamp(String),
    Headers,
    NoSeparator(char),
    /// The row has another number of columns than the first one.
    Columns {
        found: usize,
    },
    /// The record's size in bytes exceeds the limit.
    TooLarge(usize),
    /// The JSON of the key or value does not fit the schema or the format in which it is to be written.
    NotEncodable {
        is_key: bool,
        /// The field that does not fit; empty for the whole value.
        path: String,
        message: String,
    },
}

/// A record, or why it is invalid. The record's topic is empty: the caller sets it for the whole batch.
#[derive(Debug)]
pub struct BatchEntry {
    /// The line where the entry begins or, for an error of JSON, where the error is. From 1.
    pub line: u64,
    pub record: Result<ProduceRecord, LineError>,
}

pub struct BatchReader {
    text: Arc<str>,
    reading: BatchReading,
    /// The next byte to read, and its line.
    at: usize,
    line: u64,
    /// A byte, and how many characters its line has before it: a long line with many errors is counted once.
    counted: (usize, usize),
    is_array: bool,
    is_first: bool,
    is_done: bool,
    rows: Rows,
    topics: Topics,
}

/// The first topics that the entries name. Two are enough to know whether they all come from one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics([Option<String>; 2]);

impl Topics {
    fn note(&mut self, topic: &str) {
        let known = |known: &Option<String>| known.as_deref() == Some(topic);
        if !self.0.iter().any(known)
            && let Some(free) = self.0.iter_mut().find(|known| known.is_none())
        {
            *free = Some(topic.to_owned());
        }
    }

    /// A topic that the file names and that is not this one.
    pub fn other_than(&self, topic: &str) -> Option<&str> {
        self.0.iter().flatten().map(String::as_str).find(|known| *known != topic)
    }
}

impl std::fmt::Debug for BatchReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchReader").field("line", &self.line).finish_non_exhaustive()
    }
}

impl BatchReader {
    pub fn new(text: Arc<str>, reading: BatchReading) -> Self {
        let rows = Rows::new(&reading);
        let topics = Topics::default();
        // Columns are counted from behind the byte order mark.
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut reader = Self {
            text,
            reading,
            at: 0,
            line: 1,
            counted: (mark, 0),
            is_array: false,
            is_first: true,
            is_done: false,
            rows,
            topics,
        };
        reader.advance(reader.reading.skipped.min(reader.text.len()));
        reader
    }

    /// The number of bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The topics that the entries read so far name.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The next entry, valid or not. Empty lines are skipped.
    pub fn next_entry(&mut self) -> Option<BatchEntry> {
        if self.is_done {
            return None;
        }
        let entry = match self.reading.format {
            Format::Json => self.next_json(),
            Format::JsonLines | Format::Lines => self.next_line(),
            Format::Csv => self.next_row(),
        };
        self.is_first = false;
        self.is_done |= entry.is_none();
        let mut entry = entry?;
        if let Ok(record) = &mut entry.record {
            if self.reading.drop_partitions {
                record.partition = None;
            }
            if self.reading.drop_timestamps {
                record.timestamp = None;
            }
        }
        Some(entry)
    }

    fn advance(&mut self, bytes: usize) {
        let read = &self.text.as_bytes()[self.at..self.at + bytes];
        self.line += read.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at += bytes;
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.advance(rest.len() - rest.trim_start().len());
    }

    fn starts_with(&self, byte: u8) -> bool {
        self.text.as_bytes().get(self.at) == Some(&byte)
    }

    /// Stops reading: after this error, the following entries cannot be separated.
    fn give_up(&mut self, line: u64, error: LineError) -> Option<BatchEntry> {
        self.is_done = true;
        Some(BatchEntry { line, record: Err(error) })
    }

    fn next_json(&mut self) -> Option<BatchEntry> {
        self.skip_space();
        if self.is_first && self.starts_with(b'[') {
            self.is_array = true;
            self.advance(1);
            self.skip_space();
        } else if self.is_array && self.starts_with(b',') {
            self.advance(1);
            self.skip_space();
        } else if self.is_array && !self.is_first && !self.starts_with(b']') {
            return self.give_up(self.line, LineError::ArrayEnd);
        }
        if self.is_array && self.starts_with(b']') {
            self.advance(1);
            self.skip_space();
            return if self.at == self.text.len() { None } else { self.give_up(self.line, LineError::ArrayEnd) };
        }
        if self.at == self.text.len() {
            return if self.is_array { self.give_up(self.line, LineError::ArrayEnd) } else { None };
        }
        let (text, at, line) = (Arc::clone(&self.text), self.at, self.line);
        let rest = &text[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next()? {
            Ok(raw) => {
                let entry = self.entry(raw.get(), at, line);
                self.advance(values.byte_offset());
                Some(entry)
            }
            Err(error) => {
                let (line, column) = self.position_of(&error, rest, at, line);
                self.give_up(line, LineError::Json { column })
            }
        }
    }

    fn next_line(&mut self) -> Option<BatchEntry> {
        loop {
            if self.at == self.text.len() {
                return None;
            }
            let (text, line, at) = (Arc::clone(&self.text), self.line, self.at);
            let rest = &text[at..];
            let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
            self.advance(length);
            let content = rest[..length].trim_end_matches(['\n', '\r']);
            if content.trim().is_empty() {
                continue;
            }
            if self.reading.format == Format::Lines {
                return Some(BatchEntry { line, record: key_and_value(content, self.reading.separator) });
            }
            let at = at + content.len() - content.trim_start().len();
            return Some(self.json_line(content.trim(), at, line));
        }
    }

    fn json_line(&mut self, content: &str, at: usize, line: u64) -> BatchEntry {
        let raw = protocol::from_json::<&RawValue>(content);
        // Lines that were cut out of an array have a comma at their ends.
        let raw = raw.or_else(|error| protocol::from_json(without_comma(content)).map_err(|_| error));
        match raw {
            Ok(raw) => self.entry(raw.get(), at, line),
            Err(error) => {
                let (line, column) = self.position_of(&error, content, at, line);
                BatchEntry { line, record: Err(LineError::Json { column }) }
            }
        }
    }

    /// `at`, `line`: where the entry begins.
    fn entry(&mut self, json: &str, at: usize, line: u64) -> BatchEntry {
        if self.reading.entries == Entries::Values {
            let record = ProduceRecord { value: WireBytes::text(json), ..ProduceRecord::default() };
            return BatchEntry { line, record: Ok(record) };
        }
        match envelope(json, &mut self.topics) {
            Ok(record) => BatchEntry { line, record: Ok(record) },
            Err(EntryError::Part(error)) => BatchEntry { line, record: Err(error) },
            Err(EntryError::Json(error)) => {
                let (line, column) = self.position_of(&error, json, at, line);
                let why = without_position(&error.to_string());
                BatchEntry { line, record: Err(LineError::NotARecord { column, why }) }
            }
        }
    }

    /// Line and column in the file of an error in `json`, which begins at `at`, behind the last error's entry.
    fn position_of(&mut self, error: &serde_json::Error, json: &str, at: usize, line: u64) -> (u64, usize) {
        let lines_before = error.line().saturating_sub(1);
        let column = characters(json.split('\n').nth(lines_before).unwrap_or_default(), error.column());
        if lines_before > 0 {
            return (line + lines_before as u64, column);
        }
        let (from, count) = self.counted;
        let passed = self.text.get(from..at).unwrap_or_default();
        let before = match passed.rfind('\n') {
            Some(end) => passed[end + 1..].chars().count(),
            None => count + passed.chars().count(),
        };
        self.counted = (at, before);
        (line, before + column)
    }

    fn next_row(&mut self) -> Option<BatchEntry> {
        if self.is_first && self.reading.has_header {
            self.read_row()?;
        }
        // Skips the second character of a line end, and empty lines.
        while self.starts_with(b'\n') || self.starts_with(b'\r') {
            self.advance(1);
        }
        let line = self.line;
        let found = self.read_row()?;
        let record = if found == self.reading.columns.len() {
            self.rows.record(&self.reading, &mut self.topics)
        } else {
            Err(LineError::Columns { found })
        };
        Some(BatchEntry { line, record })
    }

    /// Reads the next CSV row; returns its number of fields.
    fn read_row(&mut self) -> Option<usize> {
        let (read, fields) = self.rows.read(&self.text.as_bytes()[self.at..]);
        self.advance(read);
        fields
    }
}

fn key_and_value(content: &str, separator: Option<char>) -> Result<ProduceRecord, LineError> {
    let Some(separator) = separator else {
        return Ok(ProduceRecord { value: WireBytes::text(content), ..ProduceRecord::default() });
    };
    let (key, value) = content.split_once(separator).ok_or(LineError::NoSeparator(separator))?;
    let key = if key.is_empty() { WireBytes::Null } else { WireBytes::text(key) };
    Ok(ProduceRecord { key, value: WireBytes::text(value), ..ProduceRecord::default() })
}

/// Removes the position from the message, since line and column are reported separately.
fn without_position(error: &str) -> String {
    error.split(" at line ").next().unwrap_or(error).to_owned()
}

#[cfg(test)]
mod tests;
