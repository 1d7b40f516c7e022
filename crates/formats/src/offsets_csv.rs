//! Offset files: `topic,partition,offset` on each line, as `kafka-consumer-groups --export` writes it. Every invalid
//! line is reported.

use std::collections::HashMap;
use std::fmt;

use protocol::{Offset, Position, TopicName};

/// An invalid line; lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetsFault {
    pub line: usize,
    pub why: OffsetsMistake,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OffsetsMistake {
    /// The number of columns, if it is not three.
    Columns(usize),
    Topic(String),
    Partition(String),
    Offset(String),
    /// An earlier line, whose number this is, has the same partition.
    Twice(usize),
}

impl fmt::Display for OffsetsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.why {
            OffsetsMistake::Columns(found) => write!(f, "{found} columns; expected topic,partition,offset"),
            OffsetsMistake::Topic(text) => write!(f, "invalid topic {text:?}"),
            OffsetsMistake::Partition(text) => write!(f, "invalid partition {text:?}"),
            OffsetsMistake::Offset(text) => write!(f, "invalid offset {text:?}"),
            OffsetsMistake::Twice(first) => write!(f, "the same partition as in line {first}"),
        }
    }
}

/// Returns all positions, or all invalid lines.
pub fn parse_offsets(text: &str) -> Result<Vec<Position>, Vec<OffsetsFault>> {
    let mut positions = Vec::new();
    let mut faults = Vec::new();
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
                    Some(first) => faults.push(OffsetsFault { line, why: OffsetsMistake::Twice(first) }),
                    None => positions.push(position),
                }
            }
            Err(why) => faults.push(OffsetsFault { line, why }),
        }
    }
    if faults.is_empty() { Ok(positions) } else { Err(faults) }
}

/// Whether the line is a header line, which some programs write.
fn is_head(fields: &[&str]) -> bool {
    fields.len() == 3 && fields.iter().zip(["topic", "partition", "offset"]).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

fn position(fields: &[&str]) -> Result<Position, OffsetsMistake> {
    let [topic, partition, offset] = fields else { return Err(OffsetsMistake::Columns(fields.len())) };
    let name = TopicName::parse(topic).map_err(|_| OffsetsMistake::Topic((*topic).to_owned()))?;
    let number = partition.parse().ok().filter(|partition: &i32| *partition >= 0);
    let position = offset.parse().ok().filter(|offset: &i64| *offset >= 0);
    Ok(Position {
        topic: name.to_string(),
        partition: number.ok_or_else(|| OffsetsMistake::Partition((*partition).to_owned()))?,
        offset: position.map(Offset).ok_or_else(|| OffsetsMistake::Offset((*offset).to_owned()))?,
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
        let faults: Vec<_> =
            parse_offsets(text).expect_err("faults").into_iter().map(|fault| (fault.line, fault.why)).collect();
        let expected = [
            (2, OffsetsMistake::Columns(1)),
            (3, OffsetsMistake::Topic("foo bar".into())),
            (4, OffsetsMistake::Partition("x".into())),
            (5, OffsetsMistake::Offset("-1".into())),
            (6, OffsetsMistake::Twice(1)),
            (7, OffsetsMistake::Columns(4)),
        ];
        assert_eq!(faults, expected);
    }
}
