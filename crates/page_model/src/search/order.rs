//! Found records in the order of a column.

use std::cmp::Ordering;

use crate::columns::Column;
use crate::entry::{Entry, RecordRef};
use crate::field_path::FieldPath;
use crate::json_text::string_of;
use crate::sort::stable_sort;

/// A column by which found records are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundColumn {
    Column(Column),
    Field(FieldPath),
}

/// Numbers come before texts, and rows without the field last, in either direction.
#[derive(Debug, PartialEq)]
enum Key {
    Number(f64),
    Text(String),
    Absent,
}

impl Key {
    fn of(record: &RecordRef<'_>, column: &FoundColumn) -> Self {
        match column {
            FoundColumn::Field(path) => {
                let value = record.value.and_then(|value| std::str::from_utf8(value).ok());
                value.and_then(|value| path.find(value)).map_or(Self::Absent, Self::of_json)
            }
            FoundColumn::Column(column) => match column {
                Column::Time => record.timestamp.map_or(Self::Absent, |ms| Self::Number(ms as f64)),
                Column::Topic => Self::Text(record.topic.to_string()),
                Column::Partition => Self::Number(record.partition.into()),
                Column::Offset => Self::Number(record.offset as f64),
                Column::Key => Self::of_bytes(record.key),
                Column::Value => Self::of_bytes(record.value),
                Column::Headers => Self::Number(record.headers.count() as f64),
                Column::Size => Self::Number(record.size() as f64),
            },
        }
    }

    fn of_bytes(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::Absent, |bytes| Self::of_json(&String::from_utf8_lossy(bytes)))
    }

    fn of_json(json: &str) -> Self {
        match json.trim().parse() {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Text(string_of(json).unwrap_or_else(|| json.to_owned())),
        }
    }

    fn compare(&self, other: &Self, is_descending: bool) -> Ordering {
        let in_direction = |order: Ordering| if is_descending { order.reverse() } else { order };
        match (self, other) {
            (Self::Absent, Self::Absent) => Ordering::Equal,
            (Self::Absent, _) => Ordering::Greater,
            (_, Self::Absent) => Ordering::Less,
            (Self::Number(a), Self::Number(b)) => in_direction(a.total_cmp(b)),
            (Self::Text(a), Self::Text(b)) => in_direction(a.cmp(b)),
            (Self::Number(_), Self::Text(_)) => in_direction(Ordering::Less),
            (Self::Text(_), Self::Number(_)) => in_direction(Ordering::Greater),
        }
    }
}

/// The indices of the rows in the order of the column. Rows with equal values keep the order of the search.
pub fn found_order(rows: &[Entry], column: &FoundColumn, is_descending: bool) -> Vec<usize> {
    let key = |row: &Entry| row.record().map_or(Key::Absent, |record| Key::of(&record, column));
    let keys: Vec<Key> = rows.iter().map(key).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    stable_sort(&mut order, |&a, &b| keys[a].compare(&keys[b], is_descending));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::entry;

    #[test]
    fn rows_without_the_field_come_last_in_both_directions() {
        let values = [r#"{"a":10}"#, "x", r#"{"a":9.5}"#, r#"{"a":"z"}"#, r#"{"b":1}"#, r#"{"a":10}"#];
        let rows: Vec<Entry> = values.iter().zip(0..).map(|(value, offset)| entry(offset, value)).collect();
        let column = FoundColumn::Field(FieldPath::parse("a").expect("a path"));
        assert_eq!(found_order(&rows, &column, false), [2, 0, 5, 3, 1, 4]);
        assert_eq!(found_order(&rows, &column, true), [3, 0, 5, 2, 1, 4]);
        assert_eq!(found_order(&rows, &FoundColumn::Column(Column::Offset), true), [5, 4, 3, 2, 1, 0]);
    }
}
