//! Reads the records of a batch one by one, in any of its formats. No record is kept: the batch is read once to
//! validate it and again to send it, so it needs no memory beyond its text.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{Header, ProduceRecord, WireBytes};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::base64_text::decode_base64;
use super::batch_format::{BatchReading, CsvColumn, Entries, Format, KEY_FORM, VALUE_FORM};
use super::time::parse_time;

/// Why a line is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Invalid JSON. The column counts from 1.
    Json {
        column: usize,
    },
    /// The array is not closed, or more text follows it.
    ArrayEnd,
    /// Not an object with `value` and only known fields; the message comes from the JSON parser.
    NotARecord(String),
    Base64,
    Partition(String),
    Timestamp(String),
    Headers,
    NoSeparator(char),
    /// The row has another number of columns than the header line.
    Columns {
        found: usize,
    },
    /// The record's size in bytes exceeds the limit.
    TooLarge(usize),
}

/// A record, or why it is invalid. The record's topic is empty: the caller sets it for the whole batch.
#[derive(Debug)]
pub struct BatchEntry {
    /// The line where the entry begins, from 1.
    pub line: u64,
    pub record: Result<ProduceRecord, LineError>,
}

pub struct BatchReader {
    text: Arc<str>,
    reading: BatchReading,
    /// The next byte to read, and its line.
    at: usize,
    line: u64,
    is_array: bool,
    is_first: bool,
    is_done: bool,
    csv: Csv,
}

struct Csv {
    reader: csv_core::Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
}

impl std::fmt::Debug for BatchReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchReader").field("line", &self.line).finish_non_exhaustive()
    }
}

impl BatchReader {
    pub fn new(text: Arc<str>, reading: BatchReading) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(reading.delimiter).build();
        let csv = Csv { reader, output: vec![0; 1024], ends: vec![0; 16] };
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, reading, at, line: 1, is_array: false, is_first: true, is_done: false, csv }
    }

    /// The number of bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next entry, valid or not. Empty lines are skipped.
    pub fn next_entry(&mut self) -> Option<BatchEntry> {
        if self.is_done {
            return None;
        }
        let entry = match self.reading.format {
            Format::Json => self.next_json(),
            Format::JsonLines | Format::Lines => self.next_line(),
            Format::Csv => self.next_csv(),
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
        let (text, line) = (Arc::clone(&self.text), self.line);
        let rest = &text[self.at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next()? {
            Ok(raw) => {
                let record = entry(raw.get(), self.reading.entries);
                self.advance(values.byte_offset());
                Some(BatchEntry { line, record })
            }
            Err(error) => {
                let line = line + error.line().saturating_sub(1) as u64;
                self.give_up(line, LineError::Json { column: error.column().max(1) })
            }
        }
    }

    fn next_line(&mut self) -> Option<BatchEntry> {
        loop {
            if self.at == self.text.len() {
                return None;
            }
            let (text, line) = (Arc::clone(&self.text), self.line);
            let rest = &text[self.at..];
            let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
            self.advance(length);
            let content = rest[..length].trim_end_matches(['\n', '\r']);
            if content.trim().is_empty() {
                continue;
            }
            let record = match self.reading.format {
                Format::JsonLines => json_line(content.trim(), self.reading.entries),
                _ => key_and_value(content, self.reading.separator),
            };
            return Some(BatchEntry { line, record });
        }
    }

    fn next_csv(&mut self) -> Option<BatchEntry> {
        if self.is_first {
            // The header line.
            self.csv_fields()?;
        }
        // Skips the second character of a line end, and empty lines.
        while self.starts_with(b'\n') || self.starts_with(b'\r') {
            self.advance(1);
        }
        let line = self.line;
        let fields = self.csv_fields()?;
        let record = if fields == self.reading.columns.len() {
            self.csv_record(fields)
        } else {
            Err(LineError::Columns { found: fields })
        };
        Some(BatchEntry { line, record })
    }

    /// Reads one CSV record into the buffers; returns its number of fields.
    fn csv_fields(&mut self) -> Option<usize> {
        let (mut written, mut ended) = (0, 0);
        loop {
            let text = Arc::clone(&self.text);
            let input = &text.as_bytes()[self.at..];
            let Csv { reader, output, ends } = &mut self.csv;
            let (result, read, more, more_ends) = reader.read_record(input, &mut output[written..], &mut ends[ended..]);
            written += more;
            ended += more_ends;
            match result {
                csv_core::ReadRecordResult::OutputFull => output.resize(output.len() * 2, 0),
                csv_core::ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                _ => {}
            }
            self.advance(read);
            match result {
                csv_core::ReadRecordResult::Record => return Some(ended),
                csv_core::ReadRecordResult::End => return None,
                _ => {}
            }
        }
    }

    fn csv_record(&self, fields: usize) -> Result<ProduceRecord, LineError> {
        let Csv { output, ends, .. } = &self.csv;
        let form = |name: &str| {
            let at = self.reading.names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
            let start = at.checked_sub(1).map_or(0, |before| ends[before]);
            std::str::from_utf8(&output[start..ends[at]]).ok()
        };
        let (key_form, value_form) = (form(KEY_FORM), form(VALUE_FORM));
        let mut record = ProduceRecord { value: WireBytes::Null, ..ProduceRecord::default() };
        let mut start = 0;
        for (end, column) in ends[..fields].iter().zip(&self.reading.columns) {
            // Fields are cut from valid UTF-8 at character boundaries.
            let cell = std::str::from_utf8(&output[start..*end]).unwrap_or_default();
            start = *end;
            match column {
                CsvColumn::Ignored => {}
                CsvColumn::Key if let Some(key) = formed(key_form, cell)? => record.key = key,
                CsvColumn::Value if let Some(value) = formed(value_form, cell)? => record.value = value,
                CsvColumn::Key if cell.is_empty() => {}
                CsvColumn::Value if cell.is_empty() && self.reading.empty_is_null => {}
                CsvColumn::Key => record.key = WireBytes::text(cell),
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

fn key_and_value(content: &str, separator: Option<char>) -> Result<ProduceRecord, LineError> {
    let Some(separator) = separator else {
        return Ok(ProduceRecord { value: WireBytes::text(content), ..ProduceRecord::default() });
    };
    let (key, value) = content.split_once(separator).ok_or(LineError::NoSeparator(separator))?;
    let key = if key.is_empty() { WireBytes::Null } else { WireBytes::text(key) };
    Ok(ProduceRecord { key, value: WireBytes::text(value), ..ProduceRecord::default() })
}

fn json_line(content: &str, entries: Entries) -> Result<ProduceRecord, LineError> {
    let raw = serde_json::from_str::<&RawValue>(content);
    raw.map_err(|error| LineError::Json { column: error.column().max(1) }).and_then(|raw| entry(raw.get(), entries))
}

fn entry(json: &str, entries: Entries) -> Result<ProduceRecord, LineError> {
    match entries {
        Entries::Values => Ok(ProduceRecord { value: WireBytes::text(json), ..ProduceRecord::default() }),
        Entries::Records => envelope(json),
    }
}

/// A record as the page exports it. `topic` and `offset` describe its origin and are ignored: the user chooses the
/// topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow, default)]
    key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
    #[serde(default)]
    partition: Option<i64>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(default, rename = "topic")]
    _topic: Option<IgnoredAny>,
    #[serde(default, rename = "offset")]
    _offset: Option<IgnoredAny>,
    #[serde(default, rename = "timestamp_type")]
    _timestamp_type: Option<IgnoredAny>,
}

pub fn is_envelope(json: &str) -> bool {
    serde_json::from_str::<Envelope<'_>>(json).is_ok()
}

fn envelope(json: &str) -> Result<ProduceRecord, LineError> {
    let envelope: Envelope<'_> =
        serde_json::from_str(json).map_err(|error| LineError::NotARecord(reason(&error.to_string())))?;
    let partition = match envelope.partition {
        None => None,
        Some(partition) => {
            let known = i32::try_from(partition).ok().filter(|partition| *partition >= 0);
            Some(known.ok_or_else(|| LineError::Partition(partition.to_string()))?)
        }
    };
    Ok(ProduceRecord {
        topic: String::new(),
        partition,
        key: envelope.key.map_or(Ok(WireBytes::Null), |raw| bytes(raw.get()))?,
        value: bytes(envelope.value.get())?,
        headers: envelope.headers.map_or(Ok(Vec::new()), |raw| headers(raw.get()))?,
        timestamp: envelope.timestamp.map(|raw| time(raw.get().trim_matches('"'))).transpose()?,
    })
}

/// Removes the position from the message, since the line is reported separately.
fn reason(error: &str) -> String {
    error.split(" at line ").next().unwrap_or(error).to_owned()
}

fn time(text: &str) -> Result<i64, LineError> {
    parse_time(text).ok_or_else(|| LineError::Timestamp(text.to_owned()))
}

/// null, a string, `{"text"}`, `{"json"}` and `{"base64"}` as in the wire protocol. Any other JSON is the value itself.
fn bytes(json: &str) -> Result<WireBytes, LineError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OnlyBase64 {
        base64: String,
    }
    match json.as_bytes().first() {
        Some(b'n' | b'"' | b'{') => {}
        _ => return Ok(WireBytes::text(json)),
    }
    if json.starts_with('{')
        && let Ok(OnlyBase64 { base64 }) = serde_json::from_str(json)
    {
        return decode_base64(&base64).map(WireBytes::Base64).map_err(|_| LineError::Base64);
    }
    Ok(serde_json::from_str(json).unwrap_or_else(|_| WireBytes::text(json)))
}

/// Parses `[["name", value], …]`, or an object with one value for each name.
fn headers(json: &str) -> Result<Vec<Header>, LineError> {
    let error = |_| LineError::Headers;
    let pairs: Vec<(String, &RawValue)> = if json.trim_start().starts_with('{') {
        serde_json::from_str::<BTreeMap<String, &RawValue>>(json).map_err(error)?.into_iter().collect()
    } else {
        serde_json::from_str::<Option<Vec<(String, &RawValue)>>>(json).map_err(error)?.unwrap_or_default()
    };
    pairs.into_iter().map(|(name, value)| Ok(Header(name, bytes(value.get())?))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::batch_format::BatchChoice;
    use super::*;

    fn read_as(text: &str, choice: &BatchChoice) -> Vec<BatchEntry> {
        let mut reader = BatchReader::new(text.into(), BatchReading::of(text, choice));
        let entries: Vec<_> = std::iter::from_fn(|| reader.next_entry()).collect();
        assert!(reader.next_entry().is_none());
        entries
    }

    fn read(text: &str) -> Vec<BatchEntry> {
        read_as(text, &BatchChoice::default())
    }

    fn shown(bytes: &WireBytes) -> String {
        bytes.as_kafka().map_or("null".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Line, key and value of each record.
    fn records(entries: Vec<BatchEntry>) -> Vec<(u64, String, String)> {
        let record = |entry: BatchEntry| {
            let record = entry.record.unwrap_or_else(|error| panic!("line {}: {error:?}", entry.line));
            (entry.line, shown(&record.key), shown(&record.value))
        };
        entries.into_iter().map(record).collect()
    }

    fn errors(entries: Vec<BatchEntry>) -> Vec<(u64, LineError)> {
        entries.into_iter().filter_map(|entry| Some((entry.line, entry.record.err()?))).collect()
    }

    fn row(line: u64, key: &str, value: &str) -> (u64, String, String) {
        (line, key.into(), value.into())
    }

    #[test]
    fn json_array_values_keep_their_bytes() {
        let read = records(read("[ {\"id\":  9007199254740993},\n\n 1.10,\n\"x\", null]\n"));
        let expected = [
            row(1, "null", "{\"id\":  9007199254740993}"),
            row(3, "null", "1.10"),
            row(4, "null", "\"x\""),
            row(4, "null", "null"),
        ];
        assert_eq!(read, expected);
        assert_eq!(
            records(self::read("{\n\"a\": 1\n}\n{\n}")),
            [row(1, "null", "{\n\"a\": 1\n}"), row(4, "null", "{\n}")]
        );
    }

    #[test]
    fn invalid_array_is_reported_with_its_line_and_ends_the_batch() {
        let entries = read("[1,\n 2,\n {x}, 4]");
        assert_eq!(entries.len(), 3);
        assert_eq!(errors(entries), [(3, LineError::Json { column: 2 })]);
        assert_eq!(errors(read("[\n1,\n2")), [(3, LineError::ArrayEnd)]);
        assert_eq!(errors(read("[\n1 2]")), [(2, LineError::ArrayEnd)]);
    }

    #[test]
    fn invalid_line_does_not_affect_the_others() {
        let entries = read("{\"a\":1}\n{\"a\":\n\n{\"a\":3}");
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(errors(entries), [(2, LineError::Json { column: 5 })]);
    }

    #[test]
    fn exported_record_is_read_back_byte_for_byte() {
        let line = r#"{"topic":"t","partition":2,"offset":"7","timestamp":1763800000123,"key":{"base64":"AP8="},"value":{"json":{"n":  9007199254740993}},"headers":[["a","1"],["a",null],["b",{"text":"x"}]]}"#;
        let entry = read(line).pop().expect("an entry");
        let record = entry.record.expect("a record");
        assert_eq!((record.partition, record.timestamp), (Some(2), Some(1_763_800_000_123)));
        assert_eq!(record.key.as_kafka(), Some(&[0, 255][..]));
        assert_eq!(shown(&record.value), r#"{"n":  9007199254740993}"#);
        let headers: Vec<_> = record.headers.iter().map(|header| (header.0.as_str(), shown(&header.1))).collect();
        assert_eq!(headers, [("a", "1".into()), ("a", "null".into()), ("b", "x".into())]);
        let choice = BatchChoice { drop_partitions: true, drop_timestamps: true, ..BatchChoice::default() };
        let record = read_as(line, &choice).pop().and_then(|entry| entry.record.ok()).expect("a record");
        assert_eq!((record.partition, record.timestamp), (None, None));
    }

    #[test]
    fn handwritten_records_may_contain_plain_json() {
        let text =
            "{\"key\": \"k\", \"value\": {\"id\": 1}, \"headers\": {\"h\": \"v\"}}\n{\"key\": 5, \"value\": null}";
        assert_eq!(records(read(text)), [row(1, "k", "{\"id\": 1}"), row(2, "5", "null")]);
    }

    #[test]
    fn invalid_record_is_reported_with_its_reason() {
        let first = r#"{"value":1}"#;
        let error = |line: &str| errors(read(&format!("{first}\n{line}"))).pop().map(|(_, error)| error);
        assert!(matches!(error(r#"{"valu":1}"#), Some(LineError::NotARecord(why)) if why.contains("valu")));
        assert_eq!(error(r#"{"value":{"base64":"*"}}"#), Some(LineError::Base64));
        assert_eq!(error(r#"{"value":1,"partition":-1}"#), Some(LineError::Partition("-1".into())));
        assert_eq!(error(r#"{"value":1,"timestamp":"later"}"#), Some(LineError::Timestamp("later".into())));
        assert_eq!(error(r#"{"value":1,"headers":"no"}"#), Some(LineError::Headers));
    }

    #[test]
    fn csv_supports_quotes_and_line_breaks_in_cells_and_counts_lines() {
        let text = "key,value,partition,timestamp,trace\r\na,\"one, \"\"two\"\"\nthree\",1,2025-11-22T08:26:40Z,t1\r\n,x,,,\r\nb,y,zero,,\n";
        let entries = read(text);
        assert_eq!(errors(read(text)), [(5, LineError::Partition("zero".into()))]);
        let first = entries[0].record.as_ref().expect("a record");
        assert_eq!((entries[0].line, shown(&first.value)), (2, "one, \"two\"\nthree".into()));
        assert_eq!((first.partition, first.timestamp, first.headers.len()), (Some(1), Some(1_763_800_000_000), 1));
        let second = entries[1].record.as_ref().expect("a record");
        assert!(second.key.is_null() && second.headers.is_empty() && entries[1].line == 4);
    }

    #[test]
    fn empty_value_cell_is_a_tombstone_only_on_request() {
        let value = |empty_is_null| {
            let choice = BatchChoice { empty_is_null, ..BatchChoice::default() };
            read_as("key,value\na,", &choice).pop().and_then(|entry| entry.record.ok()).expect("a record").value
        };
        assert!(value(true).is_null() && !value(false).is_null());
    }

    #[test]
    fn row_with_wrong_number_of_columns_is_invalid() {
        assert_eq!(
            errors(read("key,value\na\nb,1\nc,1,2")),
            [(2, LineError::Columns { found: 1 }), (4, LineError::Columns { found: 3 })]
        );
    }

    #[test]
    fn line_is_split_at_the_first_separator() {
        assert_eq!(records(read("a:1:2\n\nb:\r\n:c\n")), [row(1, "a", "1:2"), row(3, "b", ""), row(4, "null", "c")]);
        let tab = BatchChoice { separator: Some(Some('\t')), ..BatchChoice::default() };
        assert_eq!(errors(read_as("a:1", &tab)), [(1, LineError::NoSeparator('\t'))]);
        let none = BatchChoice { separator: Some(None), ..BatchChoice::default() };
        assert_eq!(records(read_as("a:1", &none)), [row(1, "null", "a:1")]);
    }

    #[test]
    fn byte_order_mark_is_skipped() {
        assert_eq!(records(read("\u{feff}key,value\na,1")), [row(2, "a", "1")]);
        assert_eq!(records(read("\u{feff}[1]")), [row(1, "null", "1")]);
    }
}
