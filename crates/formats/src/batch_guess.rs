//! Guesses the format of a batch from its text: all lines count, and not only the first one.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::batch_format::{CsvColumn, Entries, Format, Reason, SEPARATORS, record_column};
use super::batch_reader::is_envelope;
use super::csv_row::CsvRow;
use super::spot::Spot;
use super::time::parse_time;

/// How much of the text is used for the guess, so that a large file does not block the page. Lines behind it that do not
/// fit the guess are reported with their errors.
const GUESSED_BYTES: usize = 4 * 1024 * 1024;
/// The delimiters of CSV columns that are tried. With equal counts the first one wins.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const CELL_ENDS: [char; 4] = [',', ';', '\t', '|'];
/// A longer text before a separator is a sentence rather than a key.
const KEY_BYTES: usize = 256;
/// One row of so many may have another number of columns.
const ROWS_PER_UNEVEN_ROW: usize = 50;
/// The different cells of a column that are kept to find a column of categories, and the rows that this takes.
const CATEGORIES: usize = 16;
const CATEGORY_ROWS: usize = 8;
/// Words of usual column names, in English and Italian. They decide whether a first row of text is names.
const NAME_WORDS: [&str; 60] = [
    "account",
    "address",
    "amount",
    "at",
    "category",
    "categoria",
    "citta",
    "città",
    "city",
    "code",
    "codice",
    "cognome",
    "color",
    "colour",
    "comment",
    "count",
    "country",
    "created",
    "currency",
    "customer",
    "data",
    "date",
    "description",
    "descrizione",
    "email",
    "event",
    "first",
    "host",
    "id",
    "indirizzo",
    "key",
    "label",
    "last",
    "level",
    "message",
    "name",
    "nome",
    "note",
    "paese",
    "phone",
    "price",
    "prezzo",
    "product",
    "quantity",
    "source",
    "state",
    "stato",
    "status",
    "surname",
    "telefono",
    "time",
    "timestamp",
    "tipo",
    "title",
    "topic",
    "type",
    "unit",
    "url",
    "user",
    "value",
];

pub struct Guess {
    pub format: Format,
    pub reason: Reason,
    /// If it was needed for the guess.
    pub head: Option<CsvHead>,
}

/// The first row of a CSV file.
#[derive(Default)]
pub struct CsvHead {
    /// The bytes before it: a line `sep=…`.
    pub skipped: usize,
    pub delimiter: u8,
    /// Whether it has the names of the columns.
    pub has_header: bool,
    pub cells: Vec<String>,
    /// Whether nearly all rows have as many columns, and the file looks like columns.
    has_columns: bool,
    /// The separator of lines with key and value, which decides whether the file looks like columns.
    separator: Option<char>,
}

/// The beginning of the text, cut at the end of a line.
fn window(text: &str) -> &str {
    if text.len() <= GUESSED_BYTES {
        return text;
    }
    let cut = &text[..text.floor_char_boundary(GUESSED_BYTES)];
    cut.rfind('\n').map_or(cut, |end| &cut[..=end])
}

fn filled_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn is_json(text: &str) -> bool {
    protocol::from_json::<IgnoredAny>(text).is_ok()
}

/// Without the comma of a line that was cut out of an array.
pub fn without_comma(line: &str) -> &str {
    line.strip_suffix(',').map_or(line, str::trim_end)
}

pub fn format(text: &str) -> Guess {
    if separator_line(text).is_some() {
        return Guess { format: Format::Csv, reason: Reason::SeparatorLine, head: None };
    }
    let seen = window(text);
    let not_json = match json(seen, seen.len() < text.len()) {
        Ok((format, reason)) => return Guess { format, reason, head: None },
        Err(position) => position,
    };
    let head = csv_head(text);
    let (format, reason) = match (head.separator, not_json) {
        _ if head.cells.len() > 1 && head.cells.iter().any(|name| is_part_of_a_record(name)) => {
            (Format::Csv, Reason::RecordColumns)
        }
        _ if head.has_columns && head.has_header => (Format::Csv, Reason::ColumnNames),
        _ if head.has_columns => (Format::Csv, Reason::EqualColumns),
        (Some(_), _) => (Format::Lines, Reason::Separator),
        (None, Some(position)) => (Format::Lines, Reason::NotJson(position)),
        (None, None) => (Format::Lines, Reason::NoSeparator),
    };
    Guess { format, reason, head: Some(head) }
}

/// A JSON format, or the position from which a text that begins like JSON is not JSON.
fn json(text: &str, is_cut: bool) -> Result<(Format, Reason), Option<Spot>> {
    let guess = |format, reason| Ok((format, reason));
    let (mut lines, mut valid, mut nested, mut commas) = (0, 0, 0, 0);
    for line in filled_lines(text) {
        lines += 1;
        let is_nested = line.starts_with(['{', '[', '"']);
        if is_json(line) {
            valid += 1;
            nested += usize::from(is_nested);
        } else if is_nested && is_json(without_comma(line)) {
            valid += 1;
            nested += 1;
            commas += 1;
        }
    }
    let start = text.trim_start();
    let is_one_array = lines == 1 && start.starts_with('[');
    if nested > 0 && valid == lines && !(is_one_array && commas == 0) {
        return guess(Format::JsonLines, if commas > 0 { Reason::JsonLinesWithCommas } else { Reason::JsonLines });
    }
    let begins_nested = start.starts_with(['{', '[', '"']);
    let mut error_at = None;
    if begins_nested {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        let mut count = 0;
        let error = loop {
            match values.next() {
                None => break None,
                Some(Ok(_)) => count += 1,
                Some(Err(error)) => break Some(error),
            }
        };
        match error {
            None if count == 1 && start.starts_with('[') => return guess(Format::Json, Reason::JsonArray),
            None => return guess(Format::Json, Reason::JsonValues),
            Some(error) if error.is_eof() && is_cut => {
                return guess(Format::Json, if count == 0 { Reason::JsonArray } else { Reason::JsonValues });
            }
            Some(error) => error_at = Some((spot_of(text, &error), error.is_eof())),
        }
    }
    if nested > 0 && 2 * nested >= lines {
        return guess(Format::JsonLines, Reason::MostLinesAreJson { json: valid, lines });
    }
    match error_at {
        Some((_, true)) => guess(Format::Json, Reason::BrokenJson),
        Some((position, false)) if is_broken_json(start, lines, position) => guess(Format::Json, Reason::BrokenJson),
        Some((position, false)) => Err(Some(position)),
        None => Err(None),
    }
}

/// The position of serde_json's error in the text.
pub fn spot_of(text: &str, error: &serde_json::Error) -> Spot {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    Spot { line: error.line().max(1), column: characters(line, error.column()) }
}

/// The column in characters, from serde_json's column in bytes.
pub fn characters(line: &str, column: usize) -> usize {
    line[..line.floor_char_boundary(column.saturating_sub(1))].chars().count() + 1
}

/// Whether a text with an error was meant to be JSON. A bracket that closes within its line, with text behind it, is the
/// beginning of a line of a log; a single quote is Python.
fn is_broken_json(text: &str, lines: usize, error: Spot) -> bool {
    let after = text[1..].trim_start();
    if text.starts_with('"') || after.starts_with('\'') {
        return false;
    }
    let closes = if text.starts_with('[') { ']' } else { '}' };
    error.line > 1 && !closes_in_first_line(text)
        || text.trim_end().ends_with(closes) && (lines == 1 || !closes_in_first_line(text))
}

fn closes_in_first_line(text: &str) -> bool {
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    for character in text.lines().next().unwrap_or_default().chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            '[' | '{' if !is_quoted => depth += 1,
            ']' | '}' if !is_quoted => {
                depth -= 1;
                if depth == 0 {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

pub fn entries(text: &str, format: Format) -> Entries {
    let first = match format {
        Format::JsonLines => filled_lines(text).map(without_comma).find(|line| is_json(line)),
        Format::Json => first_value(text),
        Format::Csv | Format::Lines => None,
    };
    if first.is_some_and(is_envelope) { Entries::Records } else { Entries::Values }
}

fn first_value(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let text = text.strip_prefix('[').unwrap_or(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get)
}

/// The separator that follows a key in every line. If several do, the one that comes first.
pub fn separator(text: &str) -> Option<char> {
    let mut left: Option<Vec<char>> = None;
    let mut all_json = true;
    for line in filled_lines(window(text)) {
        all_json = all_json && is_json(line);
        let here = separators(line);
        match &mut left {
            None => left = Some(here),
            Some(left) => left.retain(|separator| here.contains(separator)),
        }
        if left.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
    }
    // If every line is a JSON value, no line has a key.
    if all_json { None } else { left?.into_iter().next() }
}

/// The separators of a line that may end its key, in their order. A separator within JSON or quotes does not.
fn separators(line: &str) -> Vec<char> {
    let mut found: Vec<char> = Vec::new();
    let mut has_space = false;
    for (at, character) in line.char_indices() {
        if at > KEY_BYTES || matches!(character, '{' | '[' | '"' | '\'') {
            break;
        }
        if SEPARATORS.contains(&character) && !found.contains(&character) {
            let after = &line[at + 1..];
            // Prose has commas and colons, too; a time has colons, and a URL has one.
            let is_prose = has_space && matches!(character, ':' | '=' | ',');
            let is_time = character == ':'
                && line[..at].ends_with(|c: char| c.is_ascii_digit())
                && (is_time(line, at) || is_in_first_time(line, at));
            let is_url = character == ':' && after.starts_with("//");
            if !(is_prose || is_time || is_url) {
                found.push(character);
            }
        }
        has_space |= character == ' ';
    }
    found
}

/// Whether the colon at `at` belongs to a time such as 10:00:00: two digits are on each side, and there is another colon.
fn is_time(line: &str, at: usize) -> bool {
    let bytes = line.as_bytes();
    let is_digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|two| two.iter().all(u8::is_ascii_digit));
    at >= 2
        && is_digits(at - 2..at)
        && is_digits(at + 1..at + 3)
        && (bytes.get(at + 3) == Some(&b':') || at >= 3 && bytes[at - 3] == b':')
}

/// Whether the colon at `at` belongs to a time at the beginning of the line, such as `2026-11-30T10:00+01:00`.
fn is_in_first_time(line: &str, at: usize) -> bool {
    let first = line.split(CELL_ENDS).next().unwrap_or_default();
    at < first.len() && line.starts_with(|c: char| c.is_ascii_digit()) && parse_time(first).is_some()
}

/// The delimiter and the length of a first line `sep=;`, with or without quotes.
fn separator_line(text: &str) -> Option<(u8, usize)> {
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    let line = text[..end].trim_end_matches(['\n', '\r']);
    let line = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    let name = line.get(..4).filter(|name| name.eq_ignore_ascii_case("sep="))?;
    match &line.as_bytes()[name.len()..] {
        [delimiter] if !delimiter.is_ascii_alphanumeric() && *delimiter != b'"' => Some((*delimiter, end)),
        _ => None,
    }
}

pub fn csv_head(text: &str) -> CsvHead {
    let seen = window(text);
    let is_cut = seen.len() < text.len();
    if let Some((delimiter, skipped)) = separator_line(text) {
        let rows = RowSummary::of(seen.get(skipped..).unwrap_or_default(), delimiter, is_cut);
        // A file for Excel has names in the first row unless that cannot be.
        let has_header = rows.first_may_be_names() && (rows.has_data_column() || !rows.first_recurs());
        return CsvHead { skipped, delimiter, has_header, has_columns: true, cells: rows.first, separator: None };
    }
    let separator = separator(text);
    let first_line = seen.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // Quoted parts are those behind an odd number of quotes.
    let outside = || first_line.split('"').step_by(2).flat_map(str::bytes);
    let count = |delimiter: u8| outside().filter(|byte| *byte == delimiter).count();
    let mut delimiters = DELIMITERS;
    // A stable sort.
    delimiters.sort_by_key(|delimiter| std::cmp::Reverse(count(*delimiter)));
    let head = |delimiter: u8| {
        let rows = RowSummary::of(seen, delimiter, is_cut);
        let is_record = rows.first.iter().any(|name| is_part_of_a_record(name));
        let has_header = is_record || rows.first_is_names() || rows.count == 1;
        let has_columns = rows.are_columns(has_header) && !is_behind_a_key(seen, separator, delimiter);
        (rows.is_even(), CsvHead { skipped: 0, delimiter, has_header, has_columns, cells: rows.first, separator })
    };
    // The first delimiter that makes columns, or else that cuts the rows alike, or else the most frequent one.
    let mut even = None;
    for delimiter in delimiters.into_iter().filter(|delimiter| count(*delimiter) > 0) {
        match head(delimiter) {
            (_, head) if head.has_columns => return head,
            (true, head) => even = even.or(Some(head)),
            _ => {}
        }
    }
    even.unwrap_or_else(|| head(delimiters[0]).1)
}

/// Whether the separator comes before the first delimiter of each line. Then the delimiter belongs to the value of a line
/// with key and value: `user-1:admin,ops`.
fn is_behind_a_key(text: &str, separator: Option<char>, delimiter: u8) -> bool {
    let delimiter = char::from(delimiter);
    let Some(separator) = separator.filter(|separator| *separator != delimiter) else { return false };
    let first = |line| separators(line).into_iter().find(|found| *found == separator || *found == delimiter);
    filled_lines(text).all(|line| first(line) == Some(separator))
}

fn is_part_of_a_record(name: &str) -> bool {
    matches!(record_column(name), CsvColumn::Key | CsvColumn::Value)
}

/// What the rows of a CSV text have in common.
struct RowSummary {
    delimiter: u8,
    count: usize,
    /// The cells of the first row, and whether each of them is in quotes.
    first: Vec<String>,
    first_is_quoted: bool,
    /// How many rows have another number of columns than the first.
    uneven: usize,
    columns: Vec<Column>,
    has_brackets: bool,
}

/// What the cells of a column behind the first row have in common, but for empty cells.
#[derive(Default)]
struct Column {
    filled: usize,
    /// How many are numbers or times, and how many begin with a digit.
    numbers: usize,
    digits: usize,
    /// The first different cells, and how many cells repeat one of them.
    categories: Vec<String>,
    repeated: usize,
    /// Whether the cell of the first row is among them.
    first_recurs: bool,
}

impl Column {
    fn has_only(&self, count: usize) -> bool {
        self.filled > 0 && count == self.filled
    }

    fn note(&mut self, cell: &str, first: &str, delimiter: u8) {
        self.filled += 1;
        // Cells of a column with another text before do not matter.
        let begins_with_digit = self.digits + 1 == self.filled && begins_with_digit(cell);
        self.digits += usize::from(begins_with_digit);
        self.numbers += usize::from(self.numbers + 1 == self.filled && is_number_or_time(cell, delimiter));
        self.first_recurs |= cell == first;
        if self.categories.iter().any(|known| known == cell) {
            self.repeated += 1;
        } else if self.categories.len() < CATEGORIES {
            self.categories.push(cell.to_owned());
        }
    }
}

impl RowSummary {
    /// `is_cut`: the text ends within a row.
    fn of(text: &str, delimiter: u8, is_cut: bool) -> Self {
        let mut rows = Self {
            delimiter,
            count: 0,
            first: Vec::new(),
            first_is_quoted: false,
            uneven: 0,
            columns: Vec::new(),
            has_brackets: false,
        };
        let mut row = CsvRow::new(delimiter);
        let mut at = 0;
        while let (read, Some(_)) = row.read(&text.as_bytes()[at..]) {
            let raw = text.get(at..at + read).unwrap_or_default();
            at += read;
            if rows.count == 0 {
                rows.note_first(raw, &row);
            } else if !(is_cut && at == text.len()) {
                rows.note(&row);
            }
        }
        rows
    }

    fn note_first(&mut self, raw: &str, row: &CsvRow) {
        self.count = 1;
        let in_quotes: Vec<String> = row.cells().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        self.first_is_quoted = in_quotes.join(char::from(self.delimiter).encode_utf8(&mut [0; 4])) == raw.trim();
        self.first = row.cells().map(|cell| cell.trim().to_owned()).collect();
        self.has_brackets = self.first.iter().any(|cell| has_bracket(cell));
        self.columns.resize_with(self.first.len(), Column::default);
    }

    fn note(&mut self, row: &CsvRow) {
        self.count += 1;
        self.has_brackets = self.has_brackets || row.cells().any(has_bracket);
        if row.cells().count() != self.first.len() {
            self.uneven += 1;
            return;
        }
        let cells = row.cells().map(str::trim).zip(&self.first).zip(&mut self.columns);
        for ((cell, first), column) in cells.filter(|((cell, _), _)| !cell.is_empty()) {
            column.note(cell, first, self.delimiter);
        }
    }

    /// Whether the delimiter cuts nearly all rows alike.
    fn is_even(&self) -> bool {
        let rows_per_uneven_row = if self.first_is_quoted { 2 } else { ROWS_PER_UNEVEN_ROW };
        self.first.len() > 1 && self.uneven * rows_per_uneven_row <= self.count
    }

    /// Whether no cell of the first row can only be data.
    fn first_may_be_names(&self) -> bool {
        let filled = self.first.iter().filter(|name| !name.is_empty()).count();
        // The column of row numbers and the one behind a delimiter at the end have no name.
        2 * filled >= self.first.len().max(1) && self.first.iter().all(|name| may_be_name(name, self.delimiter))
    }

    /// Whether a column has a name in the first row and numbers or times in all others. Among two columns of text and of
    /// something else, the text may be a key.
    fn has_data_column(&self) -> bool {
        let is_data =
            |column: &Column| column.has_only(column.numbers) || self.first.len() > 2 && column.has_only(column.digits);
        self.first.iter().zip(&self.columns).any(|(name, column)| !name.is_empty() && is_data(column))
    }

    fn first_recurs(&self) -> bool {
        self.columns.iter().any(|column| column.first_recurs)
    }

    fn names_are_usual(&self) -> bool {
        let filled = || self.first.iter().filter(|name| !name.is_empty());
        let usual = filled().filter(|name| is_usual_name(name)).count();
        // With two columns, the first cell may be a key such as `name`.
        if self.first.len() > 2 { 2 * usual >= filled().count() } else { usual == filled().count() }
    }

    /// Whether most cells of a column repeat others.
    fn has_categories(&self) -> bool {
        self.columns.iter().zip(&self.first).any(|(column, name)| {
            !name.is_empty() && column.filled >= CATEGORY_ROWS && 4 * column.repeated >= 3 * column.filled
        })
    }

    /// Whether the first row differs from the others as names do from data. If that is not sure, the first row is a
    /// record, because the record would be lost as names.
    fn first_is_names(&self) -> bool {
        let is_unique = |(at, name): (usize, &String)| name.is_empty() || !self.first[..at].contains(name);
        let differs = || {
            !self.first_recurs()
                && self.first.iter().enumerate().all(is_unique)
                && (self.names_are_usual() || self.has_categories())
        };
        self.first_may_be_names() && (self.has_data_column() || differs())
    }

    /// Two columns of text may also be keys and values, so there something must be a number or in quotes.
    fn are_columns(&self, has_header: bool) -> bool {
        let is_number = |(cell, column): (&String, &Column)| {
            column.has_only(column.numbers) && is_number_or_time(cell, self.delimiter)
        };
        let is_data =
            || self.first.len() > 2 && !self.has_brackets && self.first.iter().zip(&self.columns).any(is_number);
        let is_named = || has_header && (self.first.len() > 2 || self.has_data_column());
        self.count > 1 && self.is_even() && (self.first_is_quoted || is_named() || is_data())
    }
}

fn has_bracket(cell: &str) -> bool {
    cell.contains(['{', '}', '[', ']'])
}

fn may_be_name(cell: &str, delimiter: u8) -> bool {
    let is_closed = |open, close| cell.matches::<char>(open).count() == cell.matches::<char>(close).count();
    !begins_with_digit(cell)
        && !is_number_or_time(cell, delimiter)
        && !cell.starts_with(['[', '\''])
        && !cell.contains(['{', '}', '"', '='])
        && is_closed('[', ']')
        && is_closed('(', ')')
        && cell.len() <= KEY_BYTES
}

/// Whether a word of the cell is usual in names of columns. Longer texts are sentences.
fn is_usual_name(cell: &str) -> bool {
    let words = || cell.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words().count() <= 3 && words().any(|word| NAME_WORDS.contains(&word.to_lowercase().as_str()))
}

fn begins_with_digit(cell: &str) -> bool {
    cell.starts_with(|first: char| first.is_ascii_digit())
}

/// With `;` as the delimiter, numbers may have decimal commas.
fn is_number_or_time(cell: &str, delimiter: u8) -> bool {
    if !cell.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | ',')) {
        return false;
    }
    let has_decimal_comma = delimiter == b';' && cell.bytes().filter(|byte| *byte == b',').count() == 1;
    let is_number = if has_decimal_comma {
        cell.replace('.', "").replace(',', ".").parse::<f64>().is_ok()
    } else {
        cell.parse::<f64>().is_ok()
    };
    is_number || parse_time(cell).is_some()
}

#[cfg(test)]
mod tests;
