//! Constructors of sortable table columns. `narrow_width`: the width on a narrow screen; empty for a column that is hidden
//! there.

use crate::i18n::Words;
use crate::ui::data_table::TableColumn;

type Word = fn(&Words) -> &'static str;

pub const fn text_column(
    name: &'static str,
    word: Word,
    width: &'static str,
    narrow_width: &'static str,
) -> TableColumn {
    TableColumn { name, word, hint: None, is_number: false, can_sort: true, width, narrow_width }
}

pub const fn number_column(
    name: &'static str,
    word: Word,
    width: &'static str,
    narrow_width: &'static str,
) -> TableColumn {
    TableColumn { is_number: true, ..text_column(name, word, width, narrow_width) }
}
