//! How the text of a batch is read: the user's choices, completed by guesses from the text (`batch_guess.rs`).
//! `batch_reader.rs` reads the records.

use super::batch_guess::{self, CsvHead, Guess};
use super::spot::Spot;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON array of entries, or JSON entries one after another, which may span several lines.
    Json,
    /// One JSON entry per line; an invalid line does not affect the others.
    JsonLines,
    /// CSV, usually with a header line of column names.
    Csv,
    /// Lines of `key<separator>value`, or lines of values only.
    Lines,
}

/// What a JSON entry represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entries {
    /// The record's value.
    Values,
    /// An object with `value` and optionally `key`, `headers`, `partition`, `timestamp`, as the page exports it.
    Records,
}

/// What a CSV column contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsvColumn {
    Ignored,
    Key,
    /// The key, and a member of the JSON object that is the value.
    KeyAndField,
    /// The whole value.
    Value,
    /// A member of the JSON object that is the value, with the column's name.
    Field,
    Partition,
    Timestamp,
    /// All headers as JSON: `[["name", "value"]]`.
    Headers,
    /// The value of the header with this name.
    Header(String),
}

/// Why a text is read in this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user chose the format.
    Chosen,
    /// The text is one JSON array.
    JsonArray,
    /// The text is JSON values one after another.
    JsonValues,
    /// The text begins as JSON; the first invalid character is reported.
    BrokenJson,
    /// Each line is a JSON value.
    JsonLines,
    /// Each line is a JSON value, with or without a comma at its end.
    JsonLinesWithCommas,
    /// So many of the lines are JSON values.
    MostLinesAreJson { json: usize, lines: usize },
    /// The first line is `sep=…`, as Excel reads and writes it.
    SeparatorLine,
    /// The first row has the names of a record's parts: `key` or `value`.
    RecordColumns,
    /// The rows have the same number of columns, but for a few; the first row has names.
    ColumnNames,
    /// The rows have the same number of columns, but for a few; the first row is a record.
    EqualColumns,
    /// The same separator follows a key in each line.
    Separator,
    /// No separator splits all lines.
    NoSeparator,
    /// The text begins like JSON but is not JSON from this position.
    NotJson(Spot),
}

/// The user's choices; what is `None` is guessed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchChoice {
    pub format: Option<Format>,
    pub entries: Option<Entries>,
    /// The separator between key and value; `Some(None)` means that there are no keys.
    pub separator: Option<Option<char>>,
    /// Whether the first CSV row has the names of the columns.
    pub has_header: Option<bool>,
    pub columns: Option<Vec<CsvColumn>>,
    /// Whether an empty cell is null: of the value column a tombstone, of a member JSON's null. An empty key is always null.
    pub empty_is_null: bool,
}

/// How the batch is read: the user's choices, completed by guesses.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchReading {
    pub format: Format,
    pub reason: Reason,
    pub entries: Entries,
    pub separator: Option<char>,
    /// The delimiter between CSV columns.
    pub delimiter: u8,
    /// The bytes before the first entry or CSV row: the byte order mark and a line `sep=…`.
    pub skipped: usize,
    pub has_header: bool,
    /// The names of the CSV columns, and what each column contains.
    pub names: Vec<String>,
    pub columns: Vec<CsvColumn>,
    pub empty_is_null: bool,
    /// Ignore the partitions in the file.
    pub drop_partitions: bool,
    /// Ignore the timestamps in the file.
    pub drop_timestamps: bool,
}

/// Separators between key and value that the user can choose.
pub const SEPARATORS: [char; 6] = ['\t', '|', ';', ':', '=', ','];
/// Columns of the CSV files that the page exports: whether a cell is null, text or base64.
pub const KEY_FORM: &str = "key_form";
pub const VALUE_FORM: &str = "value_form";

impl BatchReading {
    pub fn of(text: &str, choice: &BatchChoice) -> Self {
        let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let Guess { format, reason, head } = batch_guess::format(&text[mark..]);
        let (format, reason) = choice.format.map_or((format, reason), |chosen| (chosen, Reason::Chosen));
        let head = if format == Format::Csv {
            head.unwrap_or_else(|| batch_guess::csv_head(&text[mark..]))
        } else {
            CsvHead::default()
        };
        let CsvHead { skipped, delimiter, has_header, cells, .. } = head;
        let has_header = choice.has_header.unwrap_or(has_header);
        let names = if has_header { names(cells) } else { (1..=cells.len()).map(numbered).collect() };
        let columns = match &choice.columns {
            Some(columns) if columns.len() == names.len() => columns.clone(),
            _ => columns(&names),
        };
        Self {
            format,
            reason,
            entries: choice.entries.unwrap_or_else(|| batch_guess::entries(&text[mark..], format)),
            separator: choice.separator.unwrap_or_else(|| batch_guess::separator(&text[mark..])),
            delimiter,
            skipped: mark + skipped,
            has_header,
            names,
            columns,
            empty_is_null: choice.empty_is_null,
            drop_partitions: false,
            drop_timestamps: false,
        }
    }

    /// Whether something in the text becomes the record's value. Without that, each CSV row would be a tombstone.
    pub fn has_value(&self) -> bool {
        self.format != Format::Csv || self.columns.iter().any(|column| column.is_whole_value() || column.is_field())
    }

    /// The columns after the user has chosen what one of them contains. A record has one key and one value, so other
    /// columns give up a part that they cannot share.
    pub fn with_column(&self, at: usize, chosen: CsvColumn) -> Vec<CsvColumn> {
        let is_object = !chosen.is_whole_value()
            && (chosen.is_field() || !self.columns.iter().enumerate().any(|(i, c)| i != at && c.is_whole_value()));
        let other = |column: &CsvColumn| match column {
            CsvColumn::Value if chosen.is_whole_value() => CsvColumn::Ignored,
            CsvColumn::Value if chosen.is_field() => CsvColumn::Field,
            CsvColumn::Field if !is_object => CsvColumn::Ignored,
            CsvColumn::Key if chosen.is_key() => {
                if is_object {
                    CsvColumn::Field
                } else {
                    CsvColumn::Ignored
                }
            }
            CsvColumn::KeyAndField => match (chosen.is_key(), is_object) {
                (true, true) => CsvColumn::Field,
                (true, false) => CsvColumn::Ignored,
                (false, true) => CsvColumn::KeyAndField,
                (false, false) => CsvColumn::Key,
            },
            kept => kept.clone(),
        };
        let columns = self.columns.iter().enumerate();
        columns.map(|(index, column)| if index == at { chosen.clone() } else { other(column) }).collect()
    }
}

impl CsvColumn {
    pub fn is_field(&self) -> bool {
        matches!(self, Self::Field | Self::KeyAndField)
    }

    fn is_whole_value(&self) -> bool {
        *self == Self::Value
    }

    fn is_key(&self) -> bool {
        matches!(self, Self::Key | Self::KeyAndField)
    }
}

fn numbered(number: usize) -> String {
    format!("column_{number}")
}

/// The names of the columns. Each name is used once, because it may become the name of a member of a JSON object.
fn names(cells: Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(cells.len());
    for cell in cells {
        let mut number = names.len() + 1;
        let wanted = if cell.is_empty() { numbered(number) } else { cell };
        let mut name = wanted.clone();
        while names.contains(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

/// Guesses what the columns contain from their names. With a column `value` the columns are a record's parts, as the
/// page exports them; without, they are the members of a JSON object.
fn columns(names: &[String]) -> Vec<CsvColumn> {
    let is_record = names.iter().any(|name| record_column(name) == CsvColumn::Value);
    let member = |name: &String| if name.eq_ignore_ascii_case("key") { CsvColumn::Key } else { CsvColumn::Field };
    names.iter().map(|name| if is_record { record_column(name) } else { member(name) }).collect()
}

pub fn record_column(name: &str) -> CsvColumn {
    match name.to_ascii_lowercase().as_str() {
        "key" => CsvColumn::Key,
        "value" => CsvColumn::Value,
        "partition" => CsvColumn::Partition,
        "timestamp" => CsvColumn::Timestamp,
        "headers" => CsvColumn::Headers,
        // The form columns describe the key and value cells.
        "topic" | "offset" | "size" | "timestamp_type" | KEY_FORM | VALUE_FORM => CsvColumn::Ignored,
        lower => {
            let prefixed = ["header.", "header:", "header_"].into_iter().any(|prefix| lower.starts_with(prefix));
            CsvColumn::Header(if prefixed { &name[7..] } else { name }.to_owned())
        }
    }
}
