//! Writes records to files. JSON Lines is lossless and can be imported again; CSV is for spreadsheets.
//!
//! In JSON Lines each line is one record:
//!
//! ```json
//! {"topic":"foobar","partition":0,"offset":"7","timestamp":1763800000000,"key":null,"value":{"json":{"id":7}},"headers":[["h",{"text":"x"}]]}
//! ```
//!
//! Keys, values and header values have the forms of the wire protocol ([`protocol::WireBytes`]): `null`, `{"text": …}`,
//! `{"json": …}` with its bytes unchanged, `{"base64": …}`. JSON with line breaks is written as `text`, because every
//! reader must see a record as one line (some readers also end a line at U+2028 and U+2029). `offset` is a string
//! because it has 64 bits. `timestamp` is null if the record has none, and `"timestamp_type":"log_append"` means that
//! the broker set it. The import ignores `offset`.

use protocol::{Header, Offset, TimestampType, WireBytes};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    JsonLines,
    Csv,
}

/// A record to be written; its bytes are borrowed.
#[derive(Clone, Copy, Debug)]
pub struct ExportRecord<'a, H> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    pub timestamp_type: TimestampType,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: H,
}

impl FileFormat {
    pub fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/x-ndjson",
            Self::Csv => "text/csv;charset=utf-8",
        }
    }

    /// The header line of a file.
    pub fn head(self) -> &'static str {
        match self {
            Self::JsonLines => "",
            Self::Csv => "topic,partition,offset,timestamp,key_form,key,value_form,value,headers\r\n",
        }
    }

    /// Appends a record and a line break.
    pub fn push<'a, H>(self, record: &ExportRecord<'a, H>, out: &mut String)
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        match self {
            Self::JsonLines => {
                out.push_str(&json_line(record));
                out.push('\n');
            }
            Self::Csv => push_csv(record, out),
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: Offset,
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "is_create_time")]
    timestamp_type: TimestampType,
    key: WireBytes,
    value: WireBytes,
    headers: Vec<Header>,
}

fn is_create_time(timestamp_type: &TimestampType) -> bool {
    *timestamp_type != TimestampType::LogAppend
}

/// The record as one line of JSON Lines, without the line break.
pub fn json_line<'a, H>(record: &ExportRecord<'a, H>) -> String
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    to_line(&Line {
        topic: record.topic,
        partition: record.partition,
        offset: Offset(record.offset),
        timestamp: record.timestamp,
        timestamp_type: record.timestamp_type,
        key: of_one_line(record.key),
        value: of_one_line(record.value),
        headers: headers(record),
    })
}

/// The characters that end a line for some text reader.
const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// Embedded JSON must keep its bytes, so its line breaks cannot be escaped. In a JSON string they can.
fn of_one_line(bytes: Option<&[u8]>) -> WireBytes {
    match WireBytes::from_kafka(bytes) {
        WireBytes::Json(raw) if raw.get().contains(LINE_ENDS) => WireBytes::Text(raw.get().to_owned()),
        other => other,
    }
}

fn headers<'a, H>(record: &ExportRecord<'a, H>) -> Vec<Header>
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    record.headers.clone().map(|(name, value)| Header(name.to_owned(), of_one_line(value))).collect()
}

fn to_line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("records have string keys and no failing serialisers");
    // These characters occur only inside strings, and serde_json does not escape them.
    if json.contains(['\u{2028}', '\u{2029}']) {
        json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
    } else {
        json
    }
}

/// Writes a record as CSV (RFC 4180). The form columns distinguish null from empty, and text from base64.
fn push_csv<'a, H>(record: &ExportRecord<'a, H>, out: &mut String)
where
    H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
{
    let number = |number: i64| number.to_string();
    let (key_form, key) = cell(record.key);
    let (value_form, value) = cell(record.value);
    let cells = [
        record.topic.to_owned(),
        number(record.partition.into()),
        number(record.offset),
        record.timestamp.map(number).unwrap_or_default(),
        key_form.to_owned(),
        key,
        value_form.to_owned(),
        value,
        to_line(&headers(record)),
    ];
    out.push_str(&csv_record(&cells));
}

/// The cells with quotes, delimiters and the line end.
fn csv_record(cells: &[String]) -> String {
    // Quotes at most double a cell's length; two enclosing quotes and a delimiter come on top.
    let most: usize = cells.iter().map(|cell| 2 * cell.len() + 3).sum();
    let mut record = vec![0; most + 2];
    let mut writer = csv_core::WriterBuilder::new().terminator(csv_core::Terminator::CRLF).build();
    let mut end = 0;
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            end += writer.delimiter(&mut record[end..]).1;
        }
        end += writer.field(cell.as_bytes(), &mut record[end..]).2;
    }
    end += writer.terminator(&mut record[end..]).1;
    record.truncate(end);
    String::from_utf8(record).expect("quotes and delimiters between texts")
}

fn cell(field: Option<&[u8]>) -> (&'static str, String) {
    use base64::Engine;
    match field.map(std::str::from_utf8) {
        None => ("null", String::new()),
        Some(Ok(text)) => ("text", text.to_owned()),
        Some(Err(_)) => ("base64", base64::engine::general_purpose::STANDARD.encode(field.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use protocol::ProduceRecord;

    use super::*;
    use crate::batch_format::{BatchChoice, BatchReading};
    use crate::batch_reader::BatchReader;

    type Headers = std::array::IntoIter<(&'static str, Option<&'static [u8]>), 2>;

    fn record<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> ExportRecord<'a, Headers> {
        ExportRecord {
            topic: "t",
            partition: 3,
            offset: 9_007_199_254_740_993,
            timestamp: Some(1_763_800_000_000),
            timestamp_type: TimestampType::LogAppend,
            key,
            value,
            headers: [("h", None), ("h", Some(&b"x"[..]))].into_iter(),
        }
    }

    #[test]
    fn json_lines_export_is_imported_without_loss() {
        let fields: [Option<&[u8]>; 9] = [
            None,
            Some(b""),
            Some(br#"{"id":9007199254740993,"b":1.10,"a":{}}"#),
            Some(b"{\n  \"pretty\": true\r\n}"),
            Some("{\"line\": \"\u{2028}\"}".as_bytes()),
            Some(b" 1"),
            Some("città \u{2028}\t\"\\\u{1}".as_bytes()),
            Some(&[0xff, 0x00, 0xfe]),
            Some(b"[1"),
        ];
        for key in fields {
            for value in fields {
                let line = json_line(&record(key, value));
                assert!(!line.contains(['\n', '\r', '\u{2028}']), "{line}");
                let again: ProduceRecord =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                assert_eq!((again.key.as_kafka(), again.value.as_kafka()), (key, value), "{line}");
                assert_eq!((again.partition, again.headers.len()), (Some(3), 2));
                assert!(again.headers[0].1.is_null() && again.headers[1].1.as_kafka() == Some(b"x"));
            }
        }
    }

    #[test]
    fn exported_offset_keeps_its_64_bits() {
        let line = json_line(&record(None, None));
        assert!(
            line.contains(r#""offset":"9007199254740993","timestamp":1763800000000,"timestamp_type":"log_append""#),
            "{line}"
        );
    }

    #[test]
    fn csv_export_is_imported_without_loss() {
        let fields: [Option<&[u8]>; 5] =
            [None, Some(b""), Some(b"null"), Some("città, \"\r\n".as_bytes()), Some(&[0xff, 0x00, 0xfe])];
        for key in fields {
            for value in fields {
                let mut file = format!("{}\r\n", FileFormat::Csv.head().trim_end());
                FileFormat::Csv.push(&record(key, value), &mut file);
                let choice = BatchChoice { empty_is_null: true, ..BatchChoice::default() };
                let mut reader = BatchReader::new(file.as_str().into(), BatchReading::of(&file, &choice));
                let again = reader.next_entry().expect("a record").record.expect("a good one");
                assert!(reader.next_entry().is_none());
                assert_eq!((again.key.as_kafka(), again.value.as_kafka()), (key, value), "{file}");
                let headers: Vec<_> = again.headers.iter().map(|header| (&*header.0, header.1.as_kafka())).collect();
                assert_eq!(headers, [("h", None), ("h", Some(&b"x"[..]))], "{file}");
            }
        }
    }

    #[test]
    fn csv_quotes_special_cells_and_has_form_columns() {
        let mut out = String::new();
        FileFormat::Csv.push(&record(None, Some(b"a,\"b\"\nc")), &mut out);
        assert_eq!(
            out,
            "t,3,9007199254740993,1763800000000,null,,text,\"a,\"\"b\"\"\nc\",\"[[\"\"h\"\",null],[\"\"h\"\",{\"\"text\"\":\"\"x\"\"}]]\"\r\n"
        );
        let columns = FileFormat::Csv.head().split(',').count();
        assert_eq!(columns, 9);
    }
}
