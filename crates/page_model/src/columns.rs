//! The visible columns of the live list and their widths. Column titles and cells belong to the components.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sort::stable_sort;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Column {
    Time,
    Topic,
    Partition,
    Offset,
    Key,
    Value,
    Headers,
    Size,
}

impl Column {
    /// In their order from left to right.
    pub const ALL: [Self; 8] =
        [Self::Time, Self::Topic, Self::Partition, Self::Offset, Self::Key, Self::Value, Self::Headers, Self::Size];
    pub const NARROWEST_PX: u16 = 40;
    pub const WIDEST_PX: u16 = 900;

    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Topic => "topic",
            Self::Partition => "partition",
            Self::Offset => "offset",
            Self::Key => "key",
            Self::Value => "value",
            Self::Headers => "headers",
            Self::Size => "size",
        }
    }

    fn default_px(self) -> u16 {
        match self {
            Self::Time => 96,
            Self::Topic => 110,
            Self::Partition => 64,
            Self::Offset => 84,
            Self::Key => 110,
            // The value column takes the remaining width.
            Self::Value => 0,
            Self::Headers => 130,
            Self::Size => 68,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Columns {
    shown: Vec<Column>,
    widths_px: BTreeMap<Column, u16>,
}

impl Default for Columns {
    fn default() -> Self {
        let shown = vec![Column::Time, Column::Offset, Column::Key, Column::Value, Column::Size];
        Self { shown, widths_px: BTreeMap::new() }
    }
}

impl Columns {
    pub fn shows(&self, column: Column) -> bool {
        self.shown.contains(&column)
    }

    /// Shows or hides a column. The value column cannot be hidden.
    pub fn toggle(&mut self, column: Column) {
        if column == Column::Value {
            return;
        }
        if self.shows(column) {
            self.shown.retain(|&shown| shown != column);
        } else {
            self.shown.push(column);
            stable_sort(&mut self.shown, Ord::cmp);
        }
    }

    pub fn width_px(&self, column: Column) -> u16 {
        self.widths_px.get(&column).copied().unwrap_or(column.default_px())
    }

    pub fn set_width_px(&mut self, column: Column, px: i32) {
        let px = px.clamp(Column::NARROWEST_PX.into(), Column::WIDEST_PX.into());
        self.widths_px.insert(column, px as u16);
    }

    /// Restores the default width.
    pub fn reset_width(&mut self, column: Column) {
        self.widths_px.remove(&column);
    }

    /// The value of `grid-template-columns`.
    pub fn template(&self) -> String {
        let mut template = String::new();
        for column in Column::ALL.into_iter().filter(|&column| self.shows(column)) {
            match column {
                Column::Value => template.push_str("minmax(0,1fr) "),
                _ => template.push_str(&format!("{}px ", self.width_px(column))),
            }
        }
        template
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toggled_columns_keep_their_order_and_the_value_column_stays() {
        let mut columns = Columns::default();
        columns.toggle(Column::Headers);
        columns.toggle(Column::Topic);
        columns.toggle(Column::Value);
        columns.toggle(Column::Key);
        columns.set_width_px(Column::Topic, 5);
        assert_eq!(columns.template(), "96px 40px 84px minmax(0,1fr) 130px 68px ");
        columns.reset_width(Column::Topic);
        assert_eq!(columns.width_px(Column::Topic), 110);
    }

    #[test]
    fn columns_survive_serialization() {
        let mut columns = Columns::default();
        columns.toggle(Column::Partition);
        columns.set_width_px(Column::Key, 300);
        let json = serde_json::to_string(&columns).expect("columns are plain");
        assert_eq!(serde_json::from_str::<Columns>(&json).expect("the same again"), columns);
    }
}
