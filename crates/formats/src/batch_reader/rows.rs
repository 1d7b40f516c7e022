//! CSV rows, and the record that a row becomes.

use protocol::{Header, ProduceRecord, WireBytes};
use serde::de::IgnoredAny;

use super::super::base64_text::decode_base64;
use super::super::batch_format::{BatchReading, CsvColumn, KEY_FORM, VALUE_FORM};
use super::super::csv_row::CsvRow;
use super::envelope::{headers, time};
use super::{LineError, Topics};

/// The rows of a batch.
pub struct Rows {
    row: CsvRow,
    /// For each column the name of its member in a JSON object, with a colon.
    members: Vec<String>,
    has_members: bool,
    /// The columns that say whether a cell is null, text or base64, and the column of the record's topic.
    key_form: Option<usize>,
    value_form: Option<usize>,
    topic: Option<usize>,
}

impl Rows {
    pub fn new(reading: &BatchReading) -> Self {
        let has_members = reading.columns.iter().any(CsvColumn::is_field);
        // A column that is a member of the value is data, whatever its name.
        let column = |name: &str| {
            let mut columns = reading.names.iter().zip(&reading.columns);
            columns.position(|(known, column)| known.eq_ignore_ascii_case(name) && !column.is_field())
        };
        let member = |name: &String| format!("{}:", quoted(name));
        Self {
            row: CsvRow::new(reading.delimiter),
            members: reading.names.iter().map(member).collect(),
            has_members,
            key_form: column(KEY_FORM),
            // An object of members has no form.
            value_form: column(VALUE_FORM).filter(|_| !has_members),
            topic: column("topic"),
        }
    }

    /// Reads a row from the beginning of the text; returns the number of bytes, and of fields if there was a row.
    pub fn read(&mut self, text: &[u8]) -> (usize, Option<usize>) {
        self.row.read(text)
    }

    fn cell_of(&self, column: Option<usize>) -> Option<&str> {
        self.row.cells().nth(column?)
    }

    /// The record of the row that was read last, which has as many fields as there are columns.
    pub fn record(&self, reading: &BatchReading, topics: &mut Topics) -> Result<ProduceRecord, LineError> {
        if let Some(topic) = self.cell_of(self.topic).filter(|topic| !topic.is_empty()) {
            topics.note(topic);
        }
        let (key_form, value_form) = (self.cell_of(self.key_form), self.cell_of(self.value_form));
        let mut record = ProduceRecord { value: WireBytes::Null, ..ProduceRecord::default() };
        let mut object = String::new();
        for (at, (cell, column)) in self.row.cells().zip(&reading.columns).enumerate() {
            if column.is_field() {
                object.push(if object.is_empty() { '{' } else { ',' });
                object.push_str(&self.members[at]);
                push_json(&mut object, cell, reading.empty_is_null);
            }
            match column {
                CsvColumn::Ignored | CsvColumn::Field => {}
                CsvColumn::Key if let Some(key) = formed(key_form, cell)? => record.key = key,
                CsvColumn::Value if let Some(value) = formed(value_form, cell)? => record.value = value,
                CsvColumn::Key | CsvColumn::KeyAndField if cell.is_empty() => {}
                CsvColumn::Value if cell.is_empty() && reading.empty_is_null => {}
                CsvColumn::Key | CsvColumn::KeyAndField => record.key = WireBytes::text(cell),
                CsvColumn::Value => record.value = WireBytes::text(cell),
                _ if cell.is_empty() => {}
                CsvColumn::Partition => {
                    let partition = cell.trim().parse().ok().filter(|partition: &i32| *partition >= 0);
                    record.partition = Some(partition.ok_or_else(|| LineError::Partition(cell.to_owned()))?);
                }
                CsvColumn::Timestamp => record.timestamp = Some(time(cell)?),
                CsvColumn::Headers => record.headers.extend(headers(cell)?),
                CsvColumn::Header(name) => record.headers.push(Header(name.clone(), WireBytes::text(cell))),
            }
        }
        if self.has_members {
            object.push('}');
            record.value = WireBytes::Text(object);
        }
        Ok(record)
    }
}

/// A cell of an exported file, decoded by its form column; `None` if there is no form column.
fn formed(form: Option<&str>, cell: &str) -> Result<Option<WireBytes>, LineError> {
    Ok(match form {
        Some("null") => Some(WireBytes::Null),
        Some("text") => Some(WireBytes::text(cell)),
        Some("base64") => Some(decode_base64(cell).map(WireBytes::Base64).map_err(|_| LineError::Base64)?),
        _ => None,
    })
}

/// A JSON number, `true`, `false` and `null` keep their text, so that no digit is lost; any other cell is a JSON string. A
/// number that JSON does not have, such as `007` or `1,5`, is text.
fn push_json(json: &mut String, cell: &str, empty_is_null: bool) {
    match cell {
        "" if empty_is_null => json.push_str("null"),
        "true" | "false" | "null" => json.push_str(cell),
        _ if is_json_number(cell) => json.push_str(cell),
        _ => json.push_str(&quoted(cell)),
    }
}

fn is_json_number(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    // White space around a number would be valid JSON.
    matches!(bytes.first(), Some(b'-' | b'0'..=b'9'))
        && bytes.last().is_some_and(u8::is_ascii_digit)
        && protocol::from_json::<IgnoredAny>(cell).is_ok()
}

fn quoted(text: &str) -> String {
    // A string is always valid JSON.
    serde_json::to_string(text).unwrap_or_default()
}
