//! Records as files. JSON Lines loses nothing and can be sent again; CSV is for tables.
//!
//! A line of JSON Lines is one record:
//!
//! ```json
//! {"topic":"foobar","partition":0,"offset":"7","timestamp":1763800000000,"key":null,"value":{"json":{"id":7}},"headers":[["h",{"text":"x"}]]}
//! ```
//!
//! Keys, values and header values have the forms of the wire protocol ([`protocol::WireBytes`]): `null`, `{"text": …}`,
//! `{"json": …}` byte for byte as it was, `{"base64": …}`. JSON that has line breaks comes as `text`, since a record must be
//! one line. `offset` is a string (64 bits); `timestamp` is null where the record has none, and `"timestamp_type":"log_append"`
//! says that the broker set it. Whoever sends a line again leaves `offset` out of account.

use protocol::{TimestampType, WireBytes};

use super::entry::RecordRef;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    JsonLines,
    Csv,
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

    /// What stands above the records.
    pub fn head(self) -> &'static str {
        match self {
            Self::JsonLines => "",
            Self::Csv => "topic,partition,offset,timestamp,key_form,key,value_form,value,headers\r\n",
        }
    }

    /// Appends a record with its line break.
    pub fn push(self, record: &RecordRef<'_>, out: &mut String) {
        match self {
            Self::JsonLines => {
                out.push_str(&json_line(record));
                out.push('\n');
            }
            Self::Csv => push_csv(record, out),
        }
    }
}

pub fn json_line(record: &RecordRef<'_>) -> String {
    let size = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
    let mut line = String::with_capacity(size + 160);
    line.push_str("{\"topic\":");
    push_text(record.topic, &mut line);
    line.push_str(&format!(",\"partition\":{},\"offset\":\"{}\",\"timestamp\":", record.partition, record.offset));
    match record.timestamp {
        Some(ms) => line.push_str(&ms.to_string()),
        None => line.push_str("null"),
    }
    if record.timestamp_type == TimestampType::LogAppend {
        line.push_str(",\"timestamp_type\":\"log_append\"");
    }
    line.push_str(",\"key\":");
    push_wire(record.key, &mut line);
    line.push_str(",\"value\":");
    push_wire(record.value, &mut line);
    line.push_str(",\"headers\":");
    push_headers(record, &mut line);
    line.push('}');
    line
}

fn push_headers(record: &RecordRef<'_>, out: &mut String) {
    out.push('[');
    for (at, (name, value)) in record.headers.enumerate() {
        out.push_str(if at == 0 { "[" } else { ",[" });
        push_text(name, out);
        out.push(',');
        push_wire(value, out);
        out.push(']');
    }
    out.push(']');
}

fn push_wire(bytes: Option<&[u8]>, out: &mut String) {
    match WireBytes::from_kafka(bytes) {
        WireBytes::Null => out.push_str("null"),
        WireBytes::Json(raw) if !raw.get().contains(['\n', '\r']) => {
            out.push_str("{\"json\":");
            out.push_str(raw.get());
            out.push('}');
        }
        WireBytes::Json(raw) => push_form("text", raw.get(), out),
        WireBytes::Text(text) => push_form("text", &text, out),
        WireBytes::Base64(bytes) => push_form("base64", &base64(&bytes), out),
    }
}

fn push_form(form: &str, text: &str, out: &mut String) {
    out.push_str("{\"");
    out.push_str(form);
    out.push_str("\":");
    push_text(text, out);
    out.push('}');
}

/// As a JSON string.
fn push_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // U+2028 and U+2029 end a line for some readers.
            '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// By RFC 4180. The form tells null from empty and text from base64.
fn push_csv(record: &RecordRef<'_>, out: &mut String) {
    push_cell(record.topic, out);
    let time = record.timestamp.map_or_else(String::new, |ms| ms.to_string());
    out.push_str(&format!(",{},{},{time}", record.partition, record.offset));
    for field in [record.key, record.value] {
        let (form, text) = match field {
            None => ("null", String::new()),
            Some(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => ("text", text.to_owned()),
                Err(_) => ("base64", base64(bytes)),
            },
        };
        out.push(',');
        out.push_str(form);
        out.push(',');
        push_cell(&text, out);
    }
    out.push(',');
    let mut headers = String::new();
    push_headers(record, &mut headers);
    push_cell(&headers, out);
    out.push_str("\r\n");
}

fn push_cell(text: &str, out: &mut String) {
    if text.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Header, Offset, ProduceRecord, Record};

    use super::*;
    use crate::batch_format::{BatchChoice, BatchReading};
    use crate::batch_reader::BatchReader;
    use crate::entry::{Arrived, Entry};

    fn entry(key: Option<&[u8]>, value: Option<&[u8]>) -> Entry {
        let record = Record {
            offset: Offset(9_007_199_254_740_993),
            timestamp: Some(-1).filter(|_| key.is_some()).or(Some(1_763_800_000_000)),
            timestamp_type: TimestampType::LogAppend,
            key: WireBytes::from_kafka(key),
            value: WireBytes::from_kafka(value),
            headers: vec![Header("h".into(), WireBytes::Null), Header("h".into(), WireBytes::text("x"))],
        };
        let arrived = Arrived::fetched(&"t".into(), 3, &[record]).expect("one record");
        arrived.entries().next().expect("one").1
    }

    #[test]
    fn json_lines_can_be_sent_again_without_loss() {
        let fields: [Option<&[u8]>; 8] = [
            None,
            Some(b""),
            Some(br#"{"id":9007199254740993,"b":1.10,"a":{}}"#),
            Some(b"{\n  \"pretty\": true\r\n}"),
            Some(b" 1"),
            Some("città \u{2028}\t\"\\\u{1}".as_bytes()),
            Some(&[0xff, 0x00, 0xfe]),
            Some(b"[1"),
        ];
        for key in fields {
            for value in fields {
                let entry = entry(key, value);
                let line = json_line(&entry.record().expect("a record"));
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
    fn the_offset_keeps_its_64_bits() {
        let line = json_line(&entry(None, None).record().expect("a record"));
        assert!(
            line.contains(r#""offset":"9007199254740993","timestamp":1763800000000,"timestamp_type":"log_append""#),
            "{line}"
        );
    }

    #[test]
    fn csv_can_be_sent_again_without_loss() {
        let fields: [Option<&[u8]>; 5] =
            [None, Some(b""), Some(b"null"), Some("città, \"\r\n".as_bytes()), Some(&[0xff, 0x00, 0xfe])];
        for key in fields {
            for value in fields {
                let mut file = format!("{}\r\n", FileFormat::Csv.head().trim_end());
                FileFormat::Csv.push(&entry(key, value).record().expect("a record"), &mut file);
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
    fn csv_quotes_what_it_must_and_names_each_form() {
        let mut out = String::new();
        FileFormat::Csv.push(&entry(None, Some(b"a,\"b\"\nc")).record().expect("a record"), &mut out);
        assert_eq!(
            out,
            "t,3,9007199254740993,1763800000000,null,,text,\"a,\"\"b\"\"\nc\",\"[[\"\"h\"\",null],[\"\"h\"\",{\"\"text\"\":\"\"x\"\"}]]\"\r\n"
        );
        let columns = FileFormat::Csv.head().split(',').count();
        assert_eq!(columns, 9);
    }
}
