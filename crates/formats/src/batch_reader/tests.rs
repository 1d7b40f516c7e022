use super::super::batch_format::{BatchChoice, CsvColumn};
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
    assert_eq!(records(self::read("{\n\"a\": 1\n}\n{\n}")), [row(1, "null", "{\n\"a\": 1\n}"), row(4, "null", "{\n}")]);
}

#[test]
fn invalid_array_is_reported_with_its_line_and_ends_the_batch() {
    let entries = read("[1,\n 2,\n {x}, 4]");
    assert_eq!(entries.len(), 3);
    assert_eq!(errors(entries), [(3, LineError::Json { column: 3 })]);
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
    let reading = BatchReading {
        drop_partitions: true,
        drop_timestamps: true,
        ..BatchReading::of(line, &BatchChoice::default())
    };
    let record =
        BatchReader::new(line.into(), reading).next_entry().and_then(|entry| entry.record.ok()).expect("a record");
    assert_eq!((record.partition, record.timestamp), (None, None));
}

#[test]
fn handwritten_records_may_contain_plain_json() {
    let text = "{\"key\": \"k\", \"value\": {\"id\": 1}, \"headers\": {\"h\": \"v\"}}\n{\"key\": 5, \"value\": null}";
    assert_eq!(records(read(text)), [row(1, "k", "{\"id\": 1}"), row(2, "5", "null")]);
}

#[test]
fn invalid_record_is_reported_with_its_reason() {
    let first = r#"{"value":1}"#;
    let error = |line: &str| errors(read(&format!("{first}\n{line}"))).pop().map(|(_, error)| error);
    assert!(matches!(error(r#"{"valu":1}"#), Some(LineError::NotARecord { why, .. }) if why.contains("valu")));
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

fn value(text: &str) -> Vec<String> {
    records(read(text)).into_iter().map(|(_, _, value)| value).collect()
}

#[test]
fn array_is_a_value_and_never_a_record() {
    assert_eq!(value("[[45.1,9.2],[45.2,9.3]]"), ["[45.1,9.2]", "[45.2,9.3]"]);
    assert_eq!(value("[\"a\"]\n[\"b\"]"), ["[\"a\"]", "[\"b\"]"]);
    assert_eq!(value("[{\"a\":1},{\"a\":2}]"), ["{\"a\":1}", "{\"a\":2}"]);
    let first = r#"{"value":1}"#;
    let errors = errors(read(&format!("{first}\n[\"a\"]\n[1,\"k\"]")));
    assert!(
        matches!(&errors[..], [(2, LineError::NotARecord { column: 1, why }), (3, _)] if why.contains("sequence")),
        "{errors:?}"
    );
}

#[test]
fn error_has_line_and_column_of_the_file() {
    assert_eq!(errors(read("[1,\n \"città\", {x}, 4]")), [(2, LineError::Json { column: 12 })]);
    let pretty = "{\n \"a\": 1\n}\n  {\n \"a\":\n x\n}";
    assert_eq!(errors(read(pretty)), [(6, LineError::Json { column: 2 })]);
    assert_eq!(errors(read("{\"a\":1}\n   {\"città\": x}\n{\"a\":2}")), [(2, LineError::Json { column: 14 })]);
    let records = "[{\"value\":1},\n  {\"value\":1,\n   \"valu\":2}]";
    assert!(
        matches!(errors(read(records))[..], [(3, LineError::NotARecord { column: 9, .. })]),
        "{:?}",
        errors(read(records))
    );
    assert_eq!(errors(read("\u{feff}[{x}]")), [(1, LineError::Json { column: 3 })]);
}

#[test]
fn line_with_a_comma_at_its_end_is_a_value() {
    assert_eq!(value("{\"a\":1},\n{\"a\":2} ,\n{\"a\":3}\n"), ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]);
    assert_eq!(value("{\"a\":1},"), ["{\"a\":1}"]);
}

#[test]
fn text_that_only_begins_like_json_is_text() {
    for line in ["[2026-11-30 10:00:00] INFO a=1, b=2", "{'a': 1, 'b': None}", "[info] x:1"] {
        let text = format!("{line}\n{line}\n");
        assert_eq!(records(read(&text)), [row(1, "null", line), row(2, "null", line)]);
    }
}

#[test]
fn csv_row_becomes_a_json_object() {
    let text = "id,name,price,active,code,note\n9007199254740993,\"città \"\"1\"\"\",1.10,true,007,\n2,b,-3e2,false,+1,\"a\nb\"\n";
    assert_eq!(
        value(text),
        [
            r#"{"id":9007199254740993,"name":"città \"1\"","price":1.10,"active":true,"code":"007","note":""}"#,
            r#"{"id":2,"name":"b","price":-3e2,"active":false,"code":"+1","note":"a\nb"}"#,
        ]
    );
    let choice = BatchChoice { empty_is_null: true, ..BatchChoice::default() };
    assert!(records(read_as(text, &choice))[0].2.ends_with(r#""note":null}"#));
    let keyed = |column: CsvColumn| {
        let columns = Some(BatchReading::of(text, &BatchChoice::default()).with_column(1, column));
        records(read_as(text, &BatchChoice { columns, ..BatchChoice::default() }))[1].clone()
    };
    assert_eq!(keyed(CsvColumn::Key), row(3, "b", r#"{"id":2,"price":-3e2,"active":false,"code":"+1","note":"a\nb"}"#));
    assert!(keyed(CsvColumn::KeyAndField).2.contains(r#""name":"b""#));
    assert_eq!(keyed(CsvColumn::Value), row(3, "null", "b"));
}

#[test]
fn csv_without_names_and_with_a_separator_line_is_read() {
    assert_eq!(
        value("1,a,2.5\n2,b,3\n"),
        [r#"{"column_1":1,"column_2":"a","column_3":2.5}"#, r#"{"column_1":2,"column_2":"b","column_3":3}"#]
    );
    let excel = "\u{feff}sep=;\r\nid;name\r\n1;\"a;b\"\r\n";
    assert_eq!(records(read(excel)), [row(3, "null", r#"{"id":1,"name":"a;b"}"#)]);
    let chosen = BatchChoice { format: Some(Format::Csv), has_header: Some(true), ..BatchChoice::default() };
    assert_eq!(records(read_as("a,a,\n1,2,3", &chosen)), [row(2, "null", r#"{"a":1,"a_2":2,"column_3":3}"#)]);
}

#[test]
fn duplicate_column_name_gets_a_free_number() {
    let choice = BatchChoice { format: Some(Format::Csv), has_header: Some(true), ..BatchChoice::default() };
    assert_eq!(records(read_as("a_3,a,a\n1,2,3", &choice)), [row(2, "null", r#"{"a_3":1,"a":2,"a_4":3}"#)]);
}

#[test]
fn key_form_counts_while_a_column_is_a_member() {
    let text = "key,key_form,value,value_form,trace\nAP8=,base64,{},json,t\n,null,x,text,t\nk,text,eA==,base64,t\n";
    let columns = Some(BatchReading::of(text, &BatchChoice::default()).with_column(4, CsvColumn::Field));
    let entries = read_as(text, &BatchChoice { columns, ..BatchChoice::default() });
    let entries = entries.into_iter().map(|entry| entry.record.expect("a record"));
    let read: Vec<_> =
        entries.map(|record| (record.key.as_kafka().map(<[u8]>::to_vec), shown(&record.value))).collect();
    let expected = [
        (Some(vec![0, 255]), r#"{"value":"{}","trace":"t"}"#.to_owned()),
        (None, r#"{"value":"x","trace":"t"}"#.to_owned()),
        (Some(b"k".to_vec()), r#"{"value":"eA==","trace":"t"}"#.to_owned()),
    ];
    assert_eq!(read, expected);
}

#[test]
fn each_error_of_a_one_line_array_has_its_column() {
    let records = |count: usize| format!("[{{\"value\":\"è\"}}{}]", ",{\"valu\":1}".repeat(count));
    let column = |(line, error): &(u64, LineError)| match error {
        LineError::NotARecord { column, .. } => (*line, *column),
        other => panic!("{other:?}"),
    };
    let as_records = |text: &str| {
        let choice = BatchChoice { entries: Some(Entries::Records), ..BatchChoice::default() };
        errors(read_as(text, &choice))
    };
    let found = as_records(&records(3));
    assert_eq!(found.iter().map(column).collect::<Vec<_>>(), [(1, 22), (1, 33), (1, 44)]);
    // Without the count of the characters before, this takes minutes.
    let found = as_records(&records(100_000));
    assert_eq!((found.len(), column(&found[99_999])), (100_000, (1, 22 + 11 * 99_999)));
}
