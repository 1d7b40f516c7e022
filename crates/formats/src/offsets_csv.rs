//! Offset files: `topic,partition,offset` on each line, as `kafka-consumer-groups --export` writes it. Every invalid
//! line is reported.

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
    /// The number of columns, if it is not three.
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
            OffsetsErrorKind::Columns(found) => write!(f, "{found} columns; expected topic,partition,offset"),
            OffsetsErrorKind::Topic(text) => write!(f, "invalid topic {text:?}"),
            OffsetsErrorKind::Partition(text) => write!(f, "invalid partition {text:?}"),
            OffsetsErrorKind::Offset(text) => write!(f, "invalid offset {text:?}"),
            OffsetsErrorKind::Twice(first) => write!(f, "the same partition as in line {first}"),
        }
    }
}

/// Returns all positions, or all invalid lines.
pub fn parse_offsets(text: &str) -> Result<Vec<Position>, Vec<OffsetsError>> {
    let mut positions = Vec::new();
    let mut errors = Vec::new();
    let mut lines: HashMap<(String, i32), usize> = HashMap::new();
    for (line, content) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let fields: Vec<&str> = content.split(',').map(|field| field.trim().trim_matches('"')).collect();
        if content.trim().is_empty() || is_head(&fields) && positions.is_empty() {
            continue;
        }
        match position(&fields) {
            Ok(position) => {
                let key = (position.topic.clone(), position.partition);
                match lines.insert(key, line) {
                    Some(first) => errors.push(OffsetsError { line, why: OffsetsErrorKind::Twice(first) }),
                    None => positions.push(position),
                }
            }
            Err(why) => errors.push(OffsetsError { line, why }),
        }
    }
    if errors.is_empty() { Ok(positions) } else { Err(errors) }
}

/// Whether the line is a header line, which some programs write.
fn is_head(fields: &[&str]) -> bool {
    fields.len() == 3 && fields.iter().zip(["topic", "partition", "offset"]).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

fn position(fields: &[&str]) -> Result<Position, OffsetsErrorKind> {
    let [topic, partition, offset] = fields else { return Err(OffsetsErrorKind::Columns(fields.len())) };
    let name = TopicName::parse(topic).map_err(|_| OffsetsErrorKind::Topic((*topic).to_owned()))?;
    let number = partition.parse().ok().filter(|partition: &i32| *partition >= 0);
    let position = offset.parse().ok().filter(|offset: &i64| *offset >= 0);
    Ok(Position {
        topic: name.to_string(),
        partition: number.ok_or_else(|| OffsetsErrorKind::Partition((*partition).to_owned()))?,
        offset: position.map(Offset).ok_or_else(|| OffsetsErrorKind::Offset((*offset).to_owned()))?,
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
        let positions = parse_offsets(text).expect("two positions");
        let written = write_offsets(positions.iter().map(|p| (p.topic.as_str(), p.partition, p.offset)));
        assert_eq!(written, "foobar,0,42\nfoobar,1,0\n");
        assert_eq!(parse_offsets(&written), Ok(positions));
        assert_eq!(parse_offsets(" \n"), Ok(Vec::new()));
    }

    #[test]
    fn each_invalid_line_is_reported_with_its_reason() {
        let text = "foobar,0,1\nfoobar\nfoo bar,0,1\nfoobar,x,1\nfoobar,1,-1\nfoobar,0,2\ng,foobar,0,1";
        let errors: Vec<_> =
            parse_offsets(text).expect_err("errors").into_iter().map(|error| (error.line, error.why)).collect();
        let expected = [
            (2, OffsetsErrorKind::Columns(1)),
            (3, OffsetsErrorKind::Topic("foo bar".into())),
            (4, OffsetsErrorKind::Partition("x".into())),
            (5, OffsetsErrorKind::Offset("-1".into())),
            (6, OffsetsErrorKind::Twice(1)),
            (7, OffsetsErrorKind::Columns(4)),
        ];
        assert_eq!(errors, expected);
    }
}
