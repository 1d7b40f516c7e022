//! The formats of a batch file, and how the format is guessed from the beginning of the file. `batch_reader.rs` reads
//! the records.

use super::batch_reader::is_envelope;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON array of entries, or JSON entries one after another, which may span several lines.
    Json,
    /// One JSON entry per line; an invalid line does not affect the others.
    JsonLines,
    /// CSV with a header line of column names.
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
    Value,
    Partition,
    Timestamp,
    /// All headers as JSON: `[["name", "value"]]`.
    Headers,
    /// The value of the header with this name.
    Header(String),
}

/// The user's choices; what is `None` is guessed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchChoice {
    pub format: Option<Format>,
    pub entries: Option<Entries>,
    /// The separator between key and value; `Some(None)` means that there are no keys.
    pub separator: Option<Option<char>>,
    pub columns: Option<Vec<CsvColumn>>,
    /// Whether an empty cell of the value column is null (a tombstone) or the empty text. An empty key is always null.
    pub empty_is_null: bool,
    /// Ignore the partitions in the file.
    pub drop_partitions: bool,
    /// Ignore the timestamps in the file.
    pub drop_timestamps: bool,
}

/// How the batch is read: the user's choices, completed by guesses.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchReading {
    pub format: Format,
    pub entries: Entries,
    pub separator: Option<char>,
    /// The delimiter between CSV columns.
    pub delimiter: u8,
    /// The column names of the CSV header, and what each column contains.
    pub names: Vec<String>,
    pub columns: Vec<CsvColumn>,
    pub empty_is_null: bool,
    pub drop_partitions: bool,
    pub drop_timestamps: bool,
}

/// Separators between key and value, in the order in which they are tried.
pub const SEPARATORS: [char; 6] = ['\t', '|', ';', ':', '=', ','];
/// Columns of the CSV files that the page exports: whether a cell is null, text or base64.
pub const KEY_FORM: &str = "key_form";
pub const VALUE_FORM: &str = "value_form";
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// How many lines are used to guess the separator.
const GUESSED_FROM: usize = 5;

impl BatchReading {
    pub fn of(text: &str, choice: &BatchChoice) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let first_line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let delimiter = delimiter(first_line);
        let names = names(first_line, delimiter);
        let format = choice.format.unwrap_or_else(|| format(text, first_line, &names));
        let columns = match &choice.columns {
            Some(columns) if columns.len() == names.len() => columns.clone(),
            _ => names.iter().map(|name| column(name)).collect(),
        };
        Self {
            format,
            entries: choice.entries.unwrap_or_else(|| entries(text, first_line, format)),
            separator: choice.separator.unwrap_or_else(|| separator(text)),
            delimiter,
            names,
            columns,
            empty_is_null: choice.empty_is_null,
            drop_partitions: choice.drop_partitions,
            drop_timestamps: choice.drop_timestamps,
        }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn format(text: &str, first_line: &str, names: &[String]) -> Format {
    let trimmed = first_line.trim();
    let has_more = text.trim().len() > trimmed.len();
    if trimmed.starts_with(['[', '{', '"']) {
        // A complete JSON value on the first line, followed by other lines, means JSON Lines.
        return if is_json(trimmed) && (has_more || !trimmed.starts_with('[')) {
            Format::JsonLines
        } else {
            Format::Json
        };
    }
    let is_known = |name: &String| matches!(column(name), CsvColumn::Key | CsvColumn::Value);
    if names.len() > 1 && names.iter().any(is_known) { Format::Csv } else { Format::Lines }
}

fn entries(text: &str, first_line: &str, format: Format) -> Entries {
    let first = match format {
        Format::JsonLines => Some(first_line.trim()),
        Format::Json => first_value(text),
        Format::Csv | Format::Lines => None,
    };
    if first.is_some_and(is_envelope) { Entries::Records } else { Entries::Values }
}

fn first_value(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let text = text.strip_prefix('[').unwrap_or(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&serde_json::value::RawValue>();
    values.next()?.ok().map(|raw| raw.get())
}

fn separator(text: &str) -> Option<char> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(GUESSED_FROM).collect();
    // If every line is a JSON value, no line has a key.
    if lines.is_empty() || lines.iter().all(|line| is_json(line)) {
        return None;
    }
    SEPARATORS.into_iter().find(|&separator| lines.iter().all(|line| line.contains(separator)))
}

fn delimiter(first_line: &str) -> u8 {
    let count = |delimiter: &u8| first_line.bytes().filter(|byte| byte == delimiter).count();
    // With equal counts the first delimiter wins, so the comma is the default.
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

fn names(first_line: &str, delimiter: u8) -> Vec<String> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
    let (mut output, mut ends) = (vec![0; first_line.len() + 1], vec![0; first_line.len() + 1]);
    let (_, _, written, first) = reader.read_record(first_line.as_bytes(), &mut output, &mut ends);
    let (_, _, rest, last) = reader.read_record(&[], &mut output[written..], &mut ends[first..]);
    let mut start = 0;
    let fields = ends[..first + last].iter().map(|&end| {
        let field = output.get(start..end.min(written + rest)).unwrap_or_default();
        start = end;
        String::from_utf8_lossy(field).trim().to_owned()
    });
    fields.collect()
}

/// Guesses a column's content from its name, as the page's exports and common files have it.
fn column(name: &str) -> CsvColumn {
    match name.to_ascii_lowercase().as_str() {
        "key" => CsvColumn::Key,
        "value" => CsvColumn::Value,
        "partition" => CsvColumn::Partition,
        "timestamp" => CsvColumn::Timestamp,
        "headers" => CsvColumn::Headers,
        // The form columns describe the key and value cells.
        "topic" | "offset" | "size" | "timestamp_type" | KEY_FORM | VALUE_FORM | "" => CsvColumn::Ignored,
        lower => {
            let prefixed = ["header.", "header:", "header_"].into_iter().any(|prefix| lower.starts_with(prefix));
            CsvColumn::Header(if prefixed { &name[7..] } else { name }.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(text: &str) -> BatchReading {
        BatchReading::of(text, &BatchChoice::default())
    }

    #[test]
    fn format_is_guessed_from_the_beginning() {
        for (text, format) in [
            ("[1, 2]", Format::Json),
            ("[\n {\"a\": 1}\n]", Format::Json),
            ("{\"a\": 1}\n{\"a\": 2}", Format::JsonLines),
            ("{\"a\": 1}", Format::JsonLines),
            ("{\n\"a\": 1\n}\n{\"a\": 2}", Format::Json),
            ("[1]\n[2]", Format::JsonLines),
            ("key,value\na,1", Format::Csv),
            ("id;VALUE\n1;x", Format::Csv),
            ("a:1\nb:2", Format::Lines),
            ("plain", Format::Lines),
        ] {
            assert_eq!(guess(text).format, format, "{text}");
        }
    }

    #[test]
    fn entries_with_a_record_envelope_are_records() {
        assert_eq!(guess(r#"{"key":"a","value":{"text":"x"}}"#).entries, Entries::Records);
        assert_eq!(guess(r#"[{"value":1,"headers":[]}]"#).entries, Entries::Records);
        assert_eq!(guess(r#"{"value":1,"unit":"m"}"#).entries, Entries::Values);
        assert_eq!(guess(r#"{"key":"a"}"#).entries, Entries::Values);
    }

    #[test]
    fn separator_occurs_in_every_line() {
        assert_eq!(guess("a\t1:2\nb\t2:3").separator, Some('\t'));
        assert_eq!(guess("a:1\nb:2").separator, Some(':'));
        assert_eq!(guess("a:1\nb=2").separator, None);
        assert_eq!(guess("17\n18").separator, None);
    }

    #[test]
    fn column_content_is_guessed_from_its_name() {
        let reading = guess("Topic,partition,Key,value,header.trace,\"colour, dark\"\n");
        let header = |name: &str| CsvColumn::Header(name.into());
        let columns = [
            CsvColumn::Ignored,
            CsvColumn::Partition,
            CsvColumn::Key,
            CsvColumn::Value,
            header("trace"),
            header("colour, dark"),
        ];
        assert_eq!(reading.columns, columns);
        assert_eq!(guess("a;value").delimiter, b';');
    }
}
