//! Files that users choose, paste or write: batches, offset files, templates, times, base64.

use ::protocol::{Header, ProduceRecord, WireBytes, from_json};
use formats::{
    BatchChoice, BatchReader, BatchReading, CsvColumn, Entries, ExportRecord, FileFormat, Format, Moment, SEPARATORS,
    Template, decode_base64, iso, parse_offsets, parse_time, write_offsets,
};
use serde::de::IgnoredAny;

/// The first two bytes choose how the rest is read.
pub fn files(data: &[u8]) {
    let [options, column, rest @ ..] = data else { return };
    let text = String::from_utf8_lossy(rest);
    batch(&text, &choice(&text, *options, *column));
    offsets(&text);
    template(&text);
    if let Some(ms) = parse_time(&text)
        && let Some(written) = iso(ms)
    {
        assert_eq!(parse_time(&written), Some(ms), "{text:?} is written as {written}");
    }
    let _ = decode_base64(&text);
}

/// Bits 0 to 2: the format, 0 guesses it. Then entries, separator, header line, columns, empty cells.
fn choice(text: &str, options: u8, column: u8) -> BatchChoice {
    let format = match options & 7 {
        1 => Some(Format::Json),
        2 => Some(Format::JsonLines),
        3 => Some(Format::Csv),
        4 => Some(Format::Lines),
        _ => None,
    };
    let is_set = |bit: u8| options & 1 << bit != 0;
    let mut choice = BatchChoice {
        format,
        entries: is_set(3).then_some(Entries::Records),
        separator: is_set(4).then(|| SEPARATORS.get(usize::from(column)).copied()),
        has_header: is_set(5).then_some(column & 1 == 0),
        empty_is_null: is_set(6),
        columns: None,
    };
    if is_set(7) {
        let chosen = match column % 9 {
            0 => CsvColumn::Ignored,
            1 => CsvColumn::Key,
            2 => CsvColumn::KeyAndField,
            3 => CsvColumn::Value,
            4 => CsvColumn::Field,
            5 => CsvColumn::Partition,
            6 => CsvColumn::Timestamp,
            7 => CsvColumn::Headers,
            _ => CsvColumn::Header("h".to_owned()),
        };
        let reading = BatchReading::of(text, &choice);
        choice.columns = Some(reading.with_column(usize::from(column) / 9, chosen));
    }
    choice
}

fn batch(text: &str, choice: &BatchChoice) {
    let reading = BatchReading::of(text, choice);
    let lines = text.split('\n').count() as u64;
    let mut reader = BatchReader::new(text.into(), reading.clone());
    let (mut entries, mut last_position) = (0, 0);
    while let Some(entry) = reader.next_entry() {
        entries += 1;
        assert!((1..=lines).contains(&entry.line), "line {} of {lines}", entry.line);
        assert!(reader.position() >= last_position && reader.position() <= text.len());
        assert!(entries <= text.len() + 1, "more entries than bytes");
        last_position = reader.position();
        if let Ok(record) = entry.record {
            check_record(&record, &reading);
        }
    }
    assert!(reader.next_entry().is_none(), "the end is final");
}

fn check_record(record: &ProduceRecord, reading: &BatchReading) {
    let is_json = || {
        from_json::<IgnoredAny>(std::str::from_utf8(record.value.as_kafka().unwrap_or_default()).unwrap_or("?")).is_ok()
    };
    match (reading.format, reading.entries) {
        (Format::Json | Format::JsonLines, Entries::Values) => assert!(is_json(), "{record:?}"),
        (Format::Csv, _) if reading.columns.iter().any(CsvColumn::is_field) => assert!(is_json(), "{record:?}"),
        _ => {}
    }
    assert!(record.partition.is_none_or(|partition| partition >= 0), "{record:?}");
    assert!(record.timestamp.is_none_or(|timestamp| timestamp >= 0), "{record:?}");
    is_read_again(record);
}

/// The page's export of a record becomes the same record.
fn is_read_again(record: &ProduceRecord) {
    let exported = ExportRecord {
        topic: "topic",
        partition: record.partition.unwrap_or(0),
        offset: 7,
        timestamp: record.timestamp,
        timestamp_type: ::protocol::TimestampType::default(),
        key: record.key.as_kafka(),
        value: record.value.as_kafka(),
        headers: record.headers.iter().map(|Header(name, value)| (name.as_str(), value.as_kafka())),
    };
    for (format, read_as) in [(FileFormat::JsonLines, Format::JsonLines), (FileFormat::Csv, Format::Csv)] {
        let mut file = format.head().to_owned();
        format.push(&exported, &mut file);
        let choice = BatchChoice { format: Some(read_as), entries: Some(Entries::Records), ..BatchChoice::default() };
        let reading = BatchReading::of(&file, &choice);
        let mut reader = BatchReader::new(file.as_str().into(), reading);
        let again = reader.next_entry().unwrap_or_else(|| panic!("{file}")).record;
        let again = again.unwrap_or_else(|error| panic!("{error:?}: {file}"));
        let fields = |record: &ProduceRecord| {
            let headers: Vec<(String, WireBytes)> = record.headers.iter().map(|h| (h.0.clone(), h.1.clone())).collect();
            (record.key.clone(), record.value.clone(), headers, record.timestamp)
        };
        assert_eq!(fields(&again), fields(record), "{file}");
        assert!(reader.next_entry().is_none(), "{file}");
    }
}

fn offsets(text: &str) {
    let Ok(file) = parse_offsets(text, "group") else { return };
    let written = write_offsets(file.positions.iter().map(|p| (p.topic.as_str(), p.partition, p.offset)));
    let again = parse_offsets(&written, "group").unwrap_or_else(|errors| panic!("{errors:?}: {written}"));
    assert_eq!(again.positions, file.positions);
}

fn template(text: &str) {
    let Ok(template) = Template::parse(text) else { return };
    let mut filled = Vec::new();
    template.fill(Moment { i: u64::MAX, now_ms: 0 }, &mut fastrand::Rng::with_seed(1), &mut filled);
    if !text.contains("{{") {
        assert_eq!(filled, text.as_bytes(), "a text without placeholders is unchanged");
    }
}
