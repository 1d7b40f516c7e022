//! Offset files: `topic,partition,offset` on each line, as `kafka-consumer-groups --export` writes it, or
//! `group,topic,partition,offset`, as it writes several groups. Every invalid line is reported.

use std::collections::HashMap;
use std::fmt;

use protocol::{Offset, Position, TopicName};

/// An invalid line; lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetsError {
    pub line: usize,
    pub why: OffsetsErrorKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffsetsErrorKind {
    /// The number of columns, if it is neither three nor four.
    Columns(usize),
    Topic(String),
    Partition(String),
    Offset(String),
    /// An earlier line, whose number this is, has the same partition.
    Twice(usize),
}

impl fmt::Display for OffsetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.why {
            OffsetsErrorKind::Columns(found) => {
                write!(f, "{found} columns; expected topic,partition,offset or group,topic,partition,offset")
            }
            OffsetsErrorKind::Topic(text) => write!(f, "invalid topic {text:?}"),
            OffsetsErrorKind::Partition(text) => write!(f, "invalid partition {text:?}"),
            OffsetsErrorKind::Offset(text) => write!(f, "invalid offset {text:?}"),
            OffsetsErrorKind::Twice(first) => write!(f, "the same partition as in line {first}"),
        }
    }
}

/// The offsets of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetsFile {
    pub positions: Vec<Position>,
    /// How many lines name another group; they are ignored.
    pub other_groups: usize,
}

/// Returns all positions of the group, or all invalid lines. Lines without a group are of this group.
pub fn parse_offsets(text: &str, group: &str) -> Result<OffsetsFile, Vec<OffsetsError>> {
    let mut file = OffsetsFile::default();
    let mut errors = Vec::new();
    let mut lines: HashMap<(String, i32), usize> = HashMap::new();
    let mut is_first = true;
    for (line, cells) in FileRows::of(text.trim_start_matches('\u{feff}')) {
        let fields: Vec<&str> = cells.iter().map(String::as_str).collect();
        let is_head = std::mem::take(&mut is_first) && is_head(&fields);
        let fields = match fields.as_slice() {
            _ if is_head => continue,
            [named, of_group @ ..] if of_group.len() == 3 => {
                if *named != group {
                    file.other_groups += 1;
                    continue;
                }
                of_group
            }
            all => all,
        };
        match position(fields) {
            Ok(position) => {
                let key = (position.topic.clone(), position.partition);
                match lines.insert(key, line) {
                    Some(first) => errors.push(OffsetsError { line, why: OffsetsErrorKind::Twice(first) }),
                    None => file.positions.push(position),
                }
            }
            Err(why) => errors.push(OffsetsError { line, why }),
        }
    }
    if errors.is_empty() { Ok(file) } else { Err(errors) }
}

/// The rows of the file that are not blank: the line where each begins, and its cells. Names of groups may contain
/// commas and line breaks, and are then in quotes.
struct FileRows<'a> {
    reader: csv_core::Reader,
    text: &'a str,
    /// The next byte to read, and its line.
    at: usize,
    line: usize,
}

impl<'a> FileRows<'a> {
    fn of(text: &'a str) -> Self {
        Self { reader: csv_core::Reader::new(), text, at: 0, line: 1 }
    }

    fn advance(&mut self, end: usize) {
        let read = &self.text.as_bytes()[self.at..end];
        self.line += read.iter().filter(|byte| **byte == b'\n').count();
        self.at = end;
    }

    /// The next cell, and whether it is the last one of its row.
    fn cell(&mut self) -> Option<(String, bool)> {
        let start = self.at;
        let (mut output, mut written, mut end) = (vec![0; 64], 0, start);
        let is_last = loop {
            let rest = &self.text.as_bytes()[end..];
            let (result, read, more) = self.reader.read_field(rest, &mut output[written..]);
            end += read;
            written += more;
            match result {
                csv_core::ReadFieldResult::InputEmpty => {}
                csv_core::ReadFieldResult::OutputFull => output.resize(output.len() * 2, 0),
                csv_core::ReadFieldResult::Field { record_end } => break record_end,
                csv_core::ReadFieldResult::End => return None,
            }
        };
        self.advance(end);
        let written = String::from_utf8_lossy(&output[..written]);
        let raw = &self.text[start..end];
        let raw = if is_last { raw.trim_end_matches(['\r', '\n']) } else { raw.strip_suffix(',').unwrap_or(raw) };
        Some((without_space(raw, &written).to_owned(), is_last))
    }
}

impl Iterator for FileRows<'_> {
    type Item = (usize, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Empty lines, and the second character of a line end.
            let rest = self.text[self.at..].trim_start_matches(['\r', '\n']);
            self.advance(self.text.len() - rest.len());
            let (start, line) = (self.at, self.line);
            let mut cells = Vec::new();
            loop {
                let (cell, is_last) = self.cell()?;
                cells.push(cell);
                if is_last {
                    break;
                }
            }
            if !self.text[start..self.at].trim().is_empty() {
                return Some((line, cells));
            }
        }
    }
}

/// A cell without the white space around it; white space in quotes belongs to the cell. `raw` is the cell with its
/// quotes. The reader keeps quotes that come after white space.
fn without_space<'a>(raw: &str, cell: &'a str) -> &'a str {
    if raw.starts_with('"') {
        let behind = &raw[raw.trim_end().len()..];
        return cell.strip_suffix(behind).filter(|_| raw.trim_end().ends_with('"')).unwrap_or(cell);
    }
    let text = cell.trim();
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    quoted.filter(|_| cell.starts_with(char::is_whitespace)).unwrap_or(text)
}

/// Whether the line is a header line, which some programs write.
fn is_head(fields: &[&str]) -> bool {
    let names = ["group", "topic", "partition", "offset"];
    let is = |names: &[&str]| {
        fields.len() == names.len() && fields.iter().zip(names).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    is(&names) || is(&names[1..])
}

fn position(fields: &[&str]) -> Result<Position, OffsetsErrorKind> {
    let [topic, partition, offset] = fields else { return Err(OffsetsErrorKind::Columns(fields.len())) };
    // A quote that is not closed makes one cell of all following lines.
    let shown = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let name = TopicName::parse(topic.trim()).map_err(|_| OffsetsErrorKind::Topic(shown(topic)))?;
    let number = partition.trim().parse().ok().filter(|partition: &i32| *partition >= 0);
    let position = offset.trim().parse().ok().filter(|offset: &i64| *offset >= 0);
    Ok(Position {
        topic: name.to_string(),
        partition: number.ok_or_else(|| OffsetsErrorKind::Partition(shown(partition)))?,
        offset: position.map(Offset).ok_or_else(|| OffsetsErrorKind::Offset(shown(offset)))?,
    })
}

/// Writes positions in the format that [`parse_offsets`] reads.
pub fn write_offsets<'a>(positions: impl IntoIterator<Item = (&'a str, i32, Offset)>) -> String {
    positions.into_iter().map(|(topic, partition, offset)| format!("{topic},{partition},{offset}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_topic_partition_and_offset() {
        let text = "\u{feff}Topic,Partition,Offset\r\nfoobar,0,42\r\n\r\n \"foobar\" , 1 ,0\n";
        let file = parse_offsets(text, "g").expect("two positions");
        let written = write_offsets(file.positions.iter().map(|p| (p.topic.as_str(), p.partition, p.offset)));
        assert_eq!(written, "foobar,0,42\nfoobar,1,0\n");
        assert_eq!(parse_offsets(&written, "g"), Ok(file));
        assert_eq!(parse_offsets(" \n", "g"), Ok(OffsetsFile::default()));
    }

    #[test]
    fn lines_of_other_groups_are_counted_and_ignored() {
        let text = "\u{feff}GROUP,TOPIC,PARTITION,OFFSET\n\"a, \"\"b\"\"\",foobar,0,42\ng,foobar,0,7\ng,foobar,-1,x\n";
        let file = parse_offsets(text, "a, \"b\"").expect("one position");
        assert_eq!((file.positions.len(), file.positions[0].offset, file.other_groups), (1, Offset(42), 2));
        assert_eq!(parse_offsets(text, "g").expect_err("an invalid line").len(), 1);
    }

    #[test]
    fn quoted_group_keeps_its_spaces_and_line_breaks() {
        let text = "\" x\",foobar,0,42\r\nx,foobar,0,1\n\"a\nb\" ,\"foobar\",\"1\" ,7\n x ,foobar,2,3\n  \n\"a\nb\",foobar,x,8";
        let offsets = |group: &str| {
            let file = parse_offsets(text, group).expect("valid lines");
            (file.positions.iter().map(|position| position.offset.0).collect::<Vec<_>>(), file.other_groups)
        };
        assert_eq!((offsets(" x"), offsets("x")), ((vec![42], 4), (vec![1, 3], 3)));
        let errors = parse_offsets(text, "a\nb").expect_err("an invalid partition");
        assert_eq!(errors, [OffsetsError { line: 7, why: OffsetsErrorKind::Partition("x".into()) }]);
        let unclosed = parse_offsets("foobar,0,1\nfoobar,1,\"2\nfoobar,2,3\n", "g").expect_err("an open quote");
        assert_eq!(unclosed, [OffsetsError { line: 2, why: OffsetsErrorKind::Offset("2".into()) }]);
    }

    #[test]
    fn each_invalid_line_is_reported_with_its_reason() {
        let text = "foobar,0,1\nfoobar\nfoo bar,0,1\nfoobar,x,1\nfoobar,1,-1\nfoobar,0,2\ng,foobar,0,1,2\ntopic,partition,offset";
        let errors: Vec<_> =
            parse_offsets(text, "g").expect_err("errors").into_iter().map(|error| (error.line, error.why)).collect();
        let expected = [
            (2, OffsetsErrorKind::Columns(1)),
            (3, OffsetsErrorKind::Topic("foo bar".into())),
            (4, OffsetsErrorKind::Partition("x".into())),
            (5, OffsetsErrorKind::Offset("-1".into())),
            (6, OffsetsErrorKind::Twice(1)),
            (7, OffsetsErrorKind::Columns(5)),
            (8, OffsetsErrorKind::Partition("partition".into())),
        ];
        assert_eq!(errors, expected);
    }
}
