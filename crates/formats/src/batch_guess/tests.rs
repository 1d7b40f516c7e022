use super::super::batch_format::{BatchChoice, BatchReading};
use super::*;

fn guess(text: &str) -> BatchReading {
    BatchReading::of(text, &BatchChoice::default())
}

#[test]
fn format_is_guessed_from_all_lines() {
    for (text, format, reason) in [
        ("[1, 2]", Format::Json, Reason::JsonArray),
        ("[\n {\"a\": 1}\n]", Format::Json, Reason::JsonArray),
        ("[\n[1,2],\n[3,4]\n]", Format::Json, Reason::JsonArray),
        ("{\n\"a\": 1\n}\n{\"a\": 2}", Format::Json, Reason::JsonValues),
        ("[1, 2, x]", Format::Json, Reason::BrokenJson),
        ("[\n{\"a\": 1},\n{\"a\": x}\n]", Format::Json, Reason::BrokenJson),
        ("{\"a\":", Format::Json, Reason::BrokenJson),
        ("{\"a\": 1}\n{\"a\": 2}", Format::JsonLines, Reason::JsonLines),
        ("{\"a\": 1}", Format::JsonLines, Reason::JsonLines),
        ("[1]\n[2]", Format::JsonLines, Reason::JsonLines),
        ("{\"a\":1},\n{\"a\":2}", Format::JsonLines, Reason::JsonLinesWithCommas),
        ("{\"a\": NaN}\n{\"a\": 1}\n{\"a\": 2}", Format::JsonLines, Reason::MostLinesAreJson { json: 2, lines: 3 }),
        ("NaN\n{\"a\": 1}\n{\"a\": 2}", Format::JsonLines, Reason::MostLinesAreJson { json: 2, lines: 3 }),
        ("key,value\na,1", Format::Csv, Reason::RecordColumns),
        ("id;VALUE\n1;x", Format::Csv, Reason::RecordColumns),
        ("sep=;\nid;name\n1;x", Format::Csv, Reason::SeparatorLine),
        ("id,name,city\na,b,c\nd,e,f", Format::Csv, Reason::ColumnNames),
        ("name;price\na;1,5\nb;2", Format::Csv, Reason::ColumnNames),
        ("name;price\na;1.5\nb;2", Format::Csv, Reason::ColumnNames),
        ("1,a,2\n2,b,3", Format::Csv, Reason::EqualColumns),
        ("a:1\nb:2", Format::Lines, Reason::Separator),
        ("user-1:{\"a\":1,\"b\":2}\nuser-2:{\"a\":1,\"b\":2}", Format::Lines, Reason::Separator),
        ("plain", Format::Lines, Reason::NoSeparator),
        ("{'a': 1}\n{'a': 2}", Format::Lines, Reason::NotJson(Spot { line: 1, column: 2 })),
        ("[2026-11-30 10:00] a\n[2026-11-30 10:01] b", Format::Lines, Reason::NotJson(Spot { line: 1, column: 6 })),
    ] {
        let reading = guess(text);
        assert_eq!((reading.format, reading.reason), (format, reason), "{text}");
    }
}

/// Format, whether the first row has names, and separator (lines) or delimiter (CSV).
fn guessed(text: &str) -> (Format, bool, char) {
    let BatchReading { format, has_header, separator, delimiter, .. } = guess(text);
    let cut = if format == Format::Csv { char::from(delimiter) } else { separator.unwrap_or(' ') };
    (format, has_header, cut)
}

#[test]
fn delimiter_behind_a_key_belongs_to_the_value() {
    for (text, separator) in [
        ("sensor-1:[1,2,3]\nsensor-2:[4,5,6]", ':'),
        ("k1:{\"p\":[1,2,3]}\nk2:{\"p\":[4,5,6]}", ':'),
        ("user-1:admin,ops,dev\nuser-2:ops,dev,qa", ':'),
        ("k1|1,2,3\nk2|4,5,6", '|'),
        ("a,[1,2],3\nb,[4,5],6", ','),
    ] {
        assert_eq!(guessed(text), (Format::Lines, false, separator), "{text}");
    }
}

#[test]
fn first_row_of_data_is_not_taken_for_names() {
    for (text, format, cut) in [
        ("2026-11-30T10:00:00Z,door-1,open\n2026-11-30T10:00:01Z,door-2,shut", Format::Csv, ','),
        ("2026-11-30T10:00+01:00,door-1,open\n2026-11-30T10:01+01:00,door-2,shut", Format::Csv, ','),
        ("INFO|auth|login ok\nWARN|auth|slow", Format::Lines, '|'),
        ("Milano,Italy,EU\nRoma,Italy,EU", Format::Lines, ','),
        ("Milano,Italy,EU\nBoston,USA,NA", Format::Lines, ','),
        ("\"Anna\",\"Milano\"\n\"Bruno\",\"Roma\"", Format::Csv, ','),
        ("1;2,5;3,5\n2;3,5;4,5", Format::Csv, ';'),
    ] {
        assert_eq!(guessed(text), (format, false, cut), "{text}");
    }
}

#[test]
fn usual_csv_files_have_names_in_the_first_row() {
    let short = format!("id,name\n{}1001\n", (1..=1000).map(|n| format!("{n},x\n")).collect::<String>());
    let categories =
        format!("alfa,beta,gamma\n{}", (b'a'..b'm').map(|c| format!("x{},y,z\n", char::from(c))).collect::<String>());
    for (text, delimiter) in [
        (",id,name\n0,1,x\n1,2,y", ','),
        ("id;name;\n1;x;\n2;y;", ';'),
        ("nome;prezzo\nmela;1,50\npera;1.002,50", ';'),
        ("time;temp [C];hum [%]\n10:00;20,5;\n10:01;;40", ';'),
        ("data;porta;stato\n30/11/2026;a;b", ';'),
        ("\"name\",\"city\"\n\"Anna\",\"Milano\"\nBruno,Roma", ','),
        ("\"name\";\"city, street\"\n\"Anna\";\"Milano, Via Po\"", ';'),
        ("id,id,name\n1,2,x\n3,4,y", ','),
        (short.as_str(), ','),
        (categories.as_str(), ','),
    ] {
        assert_eq!(guessed(text), (Format::Csv, true, delimiter), "{text}");
    }
}

#[test]
fn row_that_the_window_cuts_does_not_count() {
    // The window ends in the last row's quoted cell, behind a line break.
    let text = format!("id,name,note\n1,a,b\n2,\"{}", "x\n".repeat(GUESSED_BYTES));
    assert_eq!(guessed(&(text.clone() + "\",3\n")).0, Format::Csv);
    let head = csv_head(&text);
    assert!(head.has_columns && head.has_header && head.cells == ["id", "name", "note"]);
    let rows = RowSummary::of("id,name\n1,\"a\n", b',', true);
    assert_eq!((rows.count, RowSummary::of("id,name\n1,\"a\n", b',', false).count), (1, 2));
}

#[test]
fn entries_with_a_record_envelope_are_records() {
    assert_eq!(guess(r#"{"key":"a","value":{"text":"x"}}"#).entries, Entries::Records);
    assert_eq!(guess(r#"[{"value":1,"headers":[]}]"#).entries, Entries::Records);
    assert_eq!(guess(r#"{"value":1,"unit":"m"}"#).entries, Entries::Values);
    assert_eq!(guess(r#"{"key":"a"}"#).entries, Entries::Values);
    assert_eq!(guess("[[45.1,9.2],[45.2,9.3]]").entries, Entries::Values);
}

#[test]
fn separator_follows_the_key_in_every_line() {
    for (text, separator) in [
        ("a\t1:2\nb\t2:3", Some('\t')),
        ("a:1\nb:2", Some(':')),
        ("a:1|x\nb:2|y", Some(':')),
        ("a:1\nb=2", None),
        ("a,b:1\nc:2", Some(':')),
        ("user-1:{\"roles\":\"admin|ops\"}\nuser-2:{\"roles\":\"ops|dev\"}", Some(':')),
        ("17\n18", None),
        ("2026-11-30T10:00:00Z start\n2026-11-30T10:00:01Z end", None),
        ("https://a.example/1\nhttps://a.example/2", None),
        ("Dear Ann, thanks\nDear Bob, thanks", None),
    ] {
        assert_eq!(guess(text).separator, separator, "{text}");
    }
    // The line that differs is behind those that a short look would see.
    let long = "a:1\n".repeat(1000);
    assert_eq!(guess(&long).separator, Some(':'));
    assert_eq!(guess(&(long + "b=2")).separator, None);
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
    assert_eq!(guess("id,timestamp\n1,2\n2,3").columns, [CsvColumn::Field, CsvColumn::Field]);
}
